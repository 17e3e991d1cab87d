//! What the telegrams of a line's meters show, as the gateway's own view of now.
//!
//! Some bridges publish each value alone: so every value stays with the moment at which it was heard, is replaced by the
//! next of its kind, and is gone when it is old. What another meter told never stands beside it.

use std::collections::BTreeMap;
use std::time::Duration;

use drivers::plain::{Energy, Moment, Power, Telegram, Volume};
use tokio::time::Instant;

use super::super::shared::{Dated, Shared, Shown, When};
use crate::api::NowRegister;

/// Parts of a watt.
const PARTS: i64 = 10_000;
/// A value is not shown any more after so many of the meter's cadences, and half a minute at least.
const CADENCES: u32 = 3;
const LEAST_SHOWN: Duration = Duration::from_secs(30);
/// Registers that are shown of one meter: two ways and what speaks through it. No market has more.
const MOST_REGISTERS: usize = 16;

/// Who a telegram is from, as far as is known.
pub(super) struct Whose {
    /// What the meter is called.
    pub name: String,
    /// Its key for life, hex, once something was sealed.
    pub identity: Option<String>,
}

/// What the meters behind one line show.
pub(super) struct Showing {
    shared: Shared,
    while_new: Duration,
    /// By label: as many as the line has meters.
    meters: BTreeMap<String, Meter>,
}

struct Meter {
    /// The number that it told last.
    number: Option<String>,
    /// Another number that no checksum stands behind: it must come again to be believed.
    other: Option<String>,
    shown: Shown,
}

impl Showing {
    pub(super) fn new(shared: Shared, cadence: Duration) -> Self {
        let while_new = cadence.saturating_mul(CADENCES).max(LEAST_SHOWN);
        Self { shared, while_new, meters: BTreeMap::new() }
    }

    /// Shows what a telegram of the meter with this label adds, heard at this moment, which is this Unix second; says
    /// whether the meter was called otherwise before.
    pub(super) fn hear(
        &mut self,
        label: &str,
        telegram: &Telegram,
        whose: Whose,
        heard: Instant,
        received_at: i64,
    ) -> bool {
        let when = When { heard, received_at, at: clock(telegram).unwrap_or_else(|| received_at.unsigned_abs()) };
        let number = telegram.meter.as_deref().filter(|number| *number != label).map(ToOwned::to_owned);
        let mut known = self.meters.remove(label);
        if let Some(meter) = &mut known
            && meter.number.as_ref().zip(number.as_ref()).is_some_and(|(own, told)| own != told)
        {
            if !telegram.checked && meter.other != number {
                meter.other = number;
                self.meters.extend(known.map(|known| (label.to_owned(), known)));
                return false;
            }
            known = None;
        }
        let mut meter = known.unwrap_or_else(|| Meter::silent(when));
        meter.number = number.or(meter.number);
        meter.other = None;
        meter.take(telegram, whose, when);
        let renamed = self.shared.show_meter(label, meter.shown.clone());
        self.meters.insert(label.to_owned(), meter);
        renamed
    }

    /// The number that the meter with this label told last.
    pub(super) fn number(&self, label: &str) -> Option<&str> {
        self.meters.get(label).and_then(|meter| meter.number.as_deref())
    }

    /// Shows nothing any more that is old by now.
    pub(super) fn tick(&mut self, at: Instant) {
        let (shared, while_new) = (&self.shared, self.while_new);
        let is_new = |when: When| at - when.heard <= while_new;
        self.meters.retain(|label, meter| {
            let shown = &mut meter.shown;
            if !is_new(shown.last) {
                shared.hide_meter(label);
                return false;
            }
            let before = (shown.power.is_some(), shown.registers.len());
            shown.power = shown.power.filter(|power| is_new(power.when));
            shown.registers.retain(|register| is_new(register.when));
            if before != (shown.power.is_some(), shown.registers.len()) {
                shared.show_meter(label, shown.clone());
            }
            true
        });
    }

    /// Shows nothing any more.
    pub(super) fn end(&mut self) {
        self.meters.clear();
        self.shared.show(None);
    }
}

impl Meter {
    /// One that has told nothing yet.
    fn silent(last: When) -> Self {
        let shown = Shown {
            meter: String::new(),
            identity: None,
            last,
            power: None,
            supply: true,
            credit: None,
            registers: Vec::new(),
        };
        Self { number: None, other: None, shown }
    }

    fn take(&mut self, telegram: &Telegram, whose: Whose, when: When) {
        let shown = &mut self.shown;
        (shown.meter, shown.identity, shown.last) = (whose.name, whose.identity, when);
        if let Some(power) = telegram.power {
            shown.power = Some(Dated { value: watts(power), when });
        }
        // Of two under one code in one telegram the first counts: it is taken last.
        for value in totals(telegram).into_iter().rev() {
            let told = Dated { value, when };
            if let Some(known) = shown.registers.iter_mut().find(|known| known.value.code == told.value.code) {
                *known = told;
            } else if shown.registers.len() < MOST_REGISTERS {
                shown.registers.push(told);
            }
        }
        // As they come by themselves, their order would follow from which came first.
        shown.registers.sort_by_key(|register| place(&register.value.code));
    }
}

/// The meter's own registers stand before those of others that speak through it.
fn place(code: &str) -> (bool, String) {
    (!code.starts_with("1-"), code.to_owned())
}

/// The totals of a telegram.
fn totals(telegram: &Telegram) -> Vec<NowRegister> {
    let own = [("1-0:1.8.0", telegram.import), ("1-0:2.8.0", telegram.export)];
    let own = own.into_iter().filter_map(|(code, energy)| {
        let Energy(total) = energy?;
        Some((code.to_owned(), "Wh".to_owned(), u64::try_from(total).ok()?, None))
    });
    let others = telegram.channels.iter().filter_map(|channel| {
        let Volume(thousandths) = channel.total;
        let total = u64::try_from(thousandths).ok()?.saturating_mul(10);
        Some((channel.code.clone(), channel.unit.clone(), total, channel.device))
    });
    let all = own.chain(others);
    all.map(|(code, unit, total, device)| NowRegister { code, unit, total, device }).collect()
}

/// Rounded to whole watts.
fn watts(Power(parts): Power) -> i32 {
    let half = if parts < 0 { -PARTS / 2 } else { PARTS / 2 };
    i32::try_from((parts + half) / PARTS).unwrap_or(if parts < 0 { i32::MIN } else { i32::MAX })
}

/// The meter's clock where it tells its zone as well: else nobody knows when it is.
fn clock(telegram: &Telegram) -> Option<u64> {
    let Some(Moment::Clock(stamp)) = telegram.at else { return None };
    let shown = stamp.shown.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    u64::try_from(shown - i64::from(stamp.ahead?) * 60).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use drivers::plain::Channel;

    /// A code, what it stands at, and the second at which that was heard.
    type Total = (String, u64, u64);

    /// A line to meters that speak every ten seconds, and the second of a telegram.
    struct Line {
        showing: Showing,
        start: Instant,
    }

    impl Line {
        fn new() -> Self {
            Self { showing: Showing::new(Shared::default(), Duration::from_secs(10)), start: Instant::now() }
        }

        fn hear(&mut self, second: u64, label: &str, telegram: &Telegram) -> bool {
            let name = telegram.meter.clone().unwrap_or_default();
            let received_at = 1_784_592_000 + i64::try_from(second).unwrap();
            let at = self.start + Duration::from_secs(second);
            self.showing.hear(label, telegram, Whose { name, identity: None }, at, received_at)
        }

        /// Each meter's name, power, and totals.
        fn shown(&mut self, second: u64) -> Vec<(String, Option<i32>, Vec<Total>)> {
            self.showing.tick(self.start + Duration::from_secs(second));
            let shown = self.showing.shared.shown().into_iter();
            let totals = |one: &Shown| {
                let heard = |when: When| (when.heard - self.start).as_secs();
                let registers = one.registers.iter();
                registers.map(|one| (one.value.code.clone(), one.value.total, heard(one.when))).collect()
            };
            shown.map(|one| (one.meter.clone(), one.power.map(|power| power.value), totals(&one))).collect()
        }
    }

    fn import(total: i64) -> Telegram {
        Telegram { import: Some(Energy(total)), ..Telegram::default() }
    }

    fn power(watts: i64) -> Telegram {
        Telegram { power: Some(Power(watts * PARTS)), ..Telegram::default() }
    }

    fn gas(code: &str, thousandths: i64) -> Telegram {
        let total = Volume(thousandths);
        let channel = Channel { code: code.into(), meter: None, device: None, total, unit: "m3".into(), at: None };
        Telegram { channels: vec![channel], ..Telegram::default() }
    }

    fn of(number: &str, checked: bool, telegram: Telegram) -> Telegram {
        Telegram { meter: Some(number.into()), checked, ..telegram }
    }

    fn total(code: &str, total: u64, second: u64) -> Total {
        (code.into(), total, second)
    }

    #[test]
    fn values_that_come_alone_are_shown_together_and_each_is_gone_when_it_is_old() {
        let mut line = Line::new();
        for (second, telegram) in [(0, gas("0-1:24.2.1", 42)), (10, import(700)), (11, power(-300)), (20, import(701))]
        {
            line.hear(second, "", &telegram);
        }
        let (gas, taken) = (total("0-1:24.2.1", 420, 0), total("1-0:1.8.0", 701, 20));
        assert_eq!(line.shown(30), [(String::new(), Some(-300), vec![taken.clone(), gas])]);
        let now = line.showing.shared.now().remove(0);
        assert_eq!((now.received_at, now.at, now.registers.len()), (1_784_592_020, 1_784_592_020, 2), "the newest");
        assert_eq!(line.shown(41), [(String::new(), Some(-300), vec![taken.clone()])]);
        assert_eq!(line.shown(42), [(String::new(), None, vec![taken])]);
        assert_eq!(line.shown(51), []);
        line.hear(60, "", &power(5));
        assert_eq!(line.shown(60), [(String::new(), Some(5), Vec::new())], "what was old does not come back");
        line.showing.end();
        line.hear(61, "", &import(1));
        assert_eq!(line.shown(61)[0].1, None, "nor what a line told that was closed since");
    }

    #[test]
    fn nothing_of_another_meter_stays() {
        let mut line = Line::new();
        line.hear(0, "", &of("E1", true, import(700)));
        line.hear(1, "", &power(300));
        assert_eq!(line.shown(1)[0].2, [total("1-0:1.8.0", 700, 0)]);
        assert!(line.hear(2, "", &of("E2", true, power(7))), "it is told");
        assert_eq!(line.shown(2), [("E2".into(), Some(7), Vec::new())]);
        // A number that no checksum stands behind comes again first; a changed one does not.
        for (second, number) in [(3, "E2"), (4, "X2"), (5, "E2"), (6, "E3")] {
            line.hear(second, "", &of(number, false, import(5)));
            assert_eq!(line.shown(second)[0].0, "E2");
        }
        line.hear(7, "", &of("E3", false, power(9)));
        assert_eq!(line.shown(7), [("E3".into(), Some(9), Vec::new())]);
    }

    #[test]
    fn inputs_are_meters_of_their_own() {
        let mut line = Line::new();
        // What a bridge calls an input by stands for the number of a meter that tells none.
        line.hear(0, "a", &of("a", false, import(1)));
        line.hear(1, "b", &of("b", false, import(2)));
        line.hear(2, "a", &of("E1", false, power(3)));
        line.hear(3, "a", &of("a", false, power(4)));
        let shown = line.shown(3);
        assert_eq!(shown[0], ("a".into(), Some(4), vec![total("1-0:1.8.0", 1, 0)]));
        assert_eq!(shown[1], ("b".into(), None, vec![total("1-0:1.8.0", 2, 1)]));
    }

    #[test]
    fn memory_is_bounded_and_one_code_is_one_register() {
        let mut line = Line::new();
        for n in 0..100 {
            line.hear(0, "", &gas(&format!("0-1:24.2.{n}"), 1));
        }
        assert_eq!(line.shown(0)[0].2.len(), MOST_REGISTERS);
        let mut twice = gas("0-1:24.2.1", 5);
        twice.channels.extend(gas("0-1:24.2.1", 6).channels);
        line.showing.end();
        line.hear(200, "", &twice);
        assert_eq!(line.shown(200)[0].2, [total("0-1:24.2.1", 50, 200)]);
    }
}
