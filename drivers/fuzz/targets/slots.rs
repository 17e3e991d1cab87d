#![no_main]
//! Any telegrams at any times: nothing negative, nothing twice, nothing made up, nothing without bounds.

use std::collections::BTreeSet;

use drivers::plain::{Channel, Energy, Moment, Stamp, Telegram, Volume};
use drivers::slots::{ChannelSlots, Slot, Slots, Terms, Way};

/// One telegram, and how the clock and the registers went on since the one before.
struct Next {
    kind: u8,
    seconds: u16,
    advance: u16,
    odd: i32,
    scale: u8,
}

impl Next {
    fn read(bytes: [u8; 10]) -> Self {
        let [kind, s0, s1, a0, a1, o0, o1, o2, o3, scale] = bytes;
        Self {
            kind,
            seconds: u16::from_le_bytes([s0, s1]),
            advance: u16::from_le_bytes([a0, a1]),
            odd: i32::from_le_bytes([o0, o1, o2, o3]),
            scale,
        }
    }
}

/// What a register was told, and what came of it.
#[derive(Default)]
struct Account {
    last: Option<i64>,
    /// All that it went up by between two telegrams in a row, whatever was believed of it.
    most: u128,
    told: u128,
    numbers: BTreeSet<u64>,
}

impl Account {
    fn heard(&mut self, total: i64) {
        let up = i128::from(total) - i128::from(self.last.unwrap_or(total));
        self.most += u128::try_from(up).unwrap_or(0);
        self.last = Some(total);
    }

    fn told(&mut self, slot: &Slot) {
        assert!(self.numbers.insert(slot.number), "slot {} was told twice", slot.number);
        self.told += u128::from(slot.advance);
        assert!(self.told <= self.most, "more was told than the register counted");
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((interval, input)) = data.split_first() else { return };
    // Another meter begins series of its own, or goes on with those of the one before.
    let apart = interval & 4 != 0;
    let terms = Terms::for_interval([900, 3600, 60, 1][usize::from(*interval) % 4]);
    let (mut slots, mut gas) = (Slots::new(terms), ChannelSlots::new(Terms::for_interval(3600), "g"));
    if apart {
        slots = slots.apart(terms);
    }
    let (mut at, mut totals) = (1_772_323_200_000_u64, [5_000_000_000_i64, 7_000_000, 1_000_000]);
    let mut accounts: [Account; 3] = Default::default();
    let mut bounded = 0;
    for next in input.as_chunks::<10>().0.iter().copied().map(Next::read) {
        at = match next.kind & 0x1f {
            // Clocks that are set, by anything.
            0 => at.wrapping_add_signed(i64::from(next.odd).saturating_mul(1000_i64.pow(u32::from(next.scale) % 5))),
            1 => at.saturating_sub(u64::from(next.seconds) * 100),
            _ => at.saturating_add(u64::from(next.seconds) * 1000 / 16),
        };
        for total in &mut totals {
            *total = total.saturating_add(i64::from(next.advance) * 100);
        }
        // What is shown need not be so.
        let odd = |total: i64| {
            total.saturating_add(i64::from(next.odd).saturating_mul(10_i64.pow(u32::from(next.scale) % 10)))
        };
        let shown = match next.kind >> 5 {
            1 => totals.map(odd),
            2 => [totals[1], totals[0], totals[2]],
            3 => {
                // A reset that stays.
                totals = totals.map(|total| total / 2);
                totals
            }
            _ => totals,
        };
        let clock = |back: u8| {
            let second = i64::try_from(at / 1000).ok()?.checked_sub(i64::from(back) * 60)?;
            let shown = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(second).ok()?);
            Some(Stamp { shown, ahead: (back % 3 > 0).then_some(i16::from(back % 2) * 60) })
        };
        let has = |bit: u8| next.scale >> bit & 1 == 0;
        let telegram = Telegram {
            meter: has(7).then(|| if next.odd & 0xf00 == 0 { next.odd.to_string() } else { "A".to_owned() }),
            at: clock(next.seconds.to_le_bytes()[1] & 3).filter(|_| has(6)).map(Moment::Clock),
            import: has(5).then_some(Energy(shown[0])),
            export: has(4).then_some(Energy(shown[1])),
            channels: vec![Channel {
                code: "g".into(),
                meter: None,
                device: None,
                total: Volume(shown[2]),
                unit: "m3".into(),
                at: clock(next.seconds.to_le_bytes()[0]),
            }],
            checked: next.odd & 1 == 0,
            ..Telegram::default()
        };
        // Slots of a channel are told in parts of a thousandth.
        let litres = shown[2].saturating_mul(10_000);
        for (account, total) in
            accounts.iter_mut().zip([telegram.import.map(|e| e.0), telegram.export.map(|e| e.0), Some(litres)])
        {
            total.into_iter().for_each(|total| account.heard(total));
        }
        let before = slots.marks().meter;
        let told = slots.hear(at, &telegram);
        if apart && slots.marks().meter != before {
            accounts.iter_mut().take(2).for_each(|account| account.numbers.clear());
        }
        bounded += told.len();
        assert!(told.len() <= 64 * 2 * 38_400, "a telegram tells {} slots", told.len());
        for (way, slot) in &told {
            accounts[usize::from(*way == Way::Export)].told(slot);
        }
        for slot in gas.hear(at, &telegram) {
            accounts[2].told(&slot);
        }
        if bounded > 400_000 {
            // Leaps of the clock within 400 days: enough of them for one input.
            break;
        }
    }
});
