//! A plain meter in virtual time: what it sends, and when, with the truth beside it.

mod due;
mod home;
mod plan;
mod spoil;

pub use plan::{Plan, PlanError};

use std::collections::VecDeque;
use std::fmt;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::ocmf::Signer256;
use super::protocol::{Format, Protocol};
use super::quirk::{Quirk, Quirks};
use super::state::{Clock, Gas, Register, State};
use super::{d0, dlms, json, ocmf, p1, sml, tic};
use crate::live::fault::Chance;
use due::Due;
use home::{Home, Reading};

/// 2000-01-01, where clocks begin that nobody set.
const RESET: u64 = 946_684_800;
/// 2017-07-14: frames are numbered from the seconds since then, so that a meter that is played again from a later moment
/// does not use a number twice: under one key an invocation counter never repeats.
const NUMBERED_FROM: u64 = 1_500_000_000;
/// Frames of which one shows a momentary zero, and of hourly lists.
const ZERO_OF: usize = 200;
const HOURLY_ZERO_OF: usize = 8;
/// Frames of which one has a byte that is not ASCII.
const ODD_OF: usize = 8;
/// Seconds of an hour, and of the slots that the truth is told for.
const HOUR: u64 = 3600;
const SLOT: u64 = 900;

/// Something that the meter sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Sent {
    /// When, in Unix seconds: true time, whatever the meter's clock says.
    pub at: u64,
    /// The topic, where a broker needs one.
    pub topic: Option<String>,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether the line damaged it.
    pub damaged: bool,
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sent({} bytes at {}, topic {:?}, damaged {})", self.bytes.len(), self.at, self.topic, self.damaged)
    }
}

/// What the registers hold at an edge of the quarter-hour grid, in 10⁻⁴ Wh and 10⁻⁴ litres.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// The edge, in Unix seconds.
    pub at: u64,
    /// Energy taken.
    pub import: u64,
    /// Energy given.
    pub export: u64,
    /// Energy taken, cut to the digits that the protocol prints.
    pub import_shown: u64,
    /// Energy given, cut likewise; none where the protocol prints none.
    pub export_shown: Option<u64>,
    /// Gas, as last told by its own meter.
    pub gas: Option<u64>,
}

impl fmt::Debug for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Truth(at {})", self.at)
    }
}

/// A meter that plays a household's load: an iterator over what it sends.
#[derive(Debug)]
pub struct Play {
    plan: Plan,
    home: Home,
    zone: TimeZone,
    signer: Option<Signer256>,
    number: u32,
    due: Due,
    chance: Chance,
    sequence: u32,
    /// The hourly list that was sent last, for meters that repeat it.
    last_list: Option<Vec<u8>>,
    queue: VecDeque<Sent>,
}

impl Play {
    /// A meter as planned.
    ///
    /// # Errors
    /// When the plan makes no sense.
    pub fn new(plan: Plan) -> Result<Self, PlanError> {
        plan.check()?;
        let home = Home::new(&plan)?;
        let signer = plan.signer()?;
        let mut chance = Chance::new(plan.household);
        let number = plan.number(&mut chance);
        let zone = plan.zone()?;
        let sequence = u32::try_from(plan.from.saturating_sub(NUMBERED_FROM)).unwrap_or(0);
        let due = Due::new(plan.protocol, plan.interval, plan.quirks.has(Quirk::StaleRepeat), plan.from);
        let play =
            Self { home, zone, signer, number, due, chance, sequence, last_list: None, queue: VecDeque::new(), plan };
        Ok(play)
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The meter's number.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The key that signed records are checked with.
    #[must_use]
    pub fn public_key(&self) -> Option<String> {
        self.signer.as_ref().map(Signer256::public_key)
    }

    /// The quarter-hours' edges within the plan, both ends included.
    pub fn edges(&self) -> impl Iterator<Item = u64> + use<> {
        let until = self.plan.until;
        (self.plan.from.div_ceil(SLOT)..).map(|slot| slot.saturating_mul(SLOT)).take_while(move |at| *at <= until)
    }

    /// What the registers hold at a moment.
    #[must_use]
    pub fn truth(&self, at: u64) -> Truth {
        let Reading { import, export, .. } = self.home.at(at);
        let (import_shown, export_shown) = self.plan.protocol.shown(self.plan.quirks, &import, &export);
        let gas = self.home.gas(at).map(|(total, _)| total);
        Truth { at, import: import.total(), export: export.total(), import_shown, export_shown, gas }
    }

    /// The next conversation of a meter that is asked: its sign-on and its readout. For mode C of D0.
    pub fn answer(&mut self, at: u64) -> (Vec<u8>, Sent) {
        let state = self.state(at, at);
        let sign_on = self.parity(d0::sign_on(&state));
        let readout = self.parity(d0::readout(&state));
        (sign_on, self.sent(at, None, readout))
    }

    /// The meter at a moment, its registers at another.
    fn state(&mut self, at: u64, counted: u64) -> State {
        self.sequence = self.sequence.wrapping_add(1);
        let has = |quirk| self.plan.quirks.has(quirk);
        let registers = if has(Quirk::HourlyTotals) { (counted - counted % HOUR).max(self.plan.from) } else { counted };
        let Reading { mut import, export, .. } = self.home.at(registers);
        let Reading { power_import, power_export, rate, .. } = self.home.at(counted);
        let zero_of = if counted < at { HOURLY_ZERO_OF } else { ZERO_OF };
        if has(Quirk::MomentaryZero) && self.chance.below(zero_of) == 0 {
            import = Register::default();
        }
        let mut quirks = self.plan.quirks;
        if has(Quirk::NonAscii) && self.chance.below(ODD_OF) > 0 {
            quirks = quirks.iter().filter(|quirk| *quirk != Quirk::NonAscii).collect::<Quirks>();
        }
        let gas = self.home.gas(counted).map(|(total, told)| Gas { total, clock: self.clock(told) });
        State {
            number: self.number,
            bridge: self.plan.bridge.unwrap_or(self.number),
            maker: self.plan.protocol.maker(),
            clock: self.clock(counted),
            uptime: u32::try_from(at.saturating_sub(self.plan.from)).unwrap_or(u32::MAX).saturating_add(86_400),
            sequence: self.sequence,
            import,
            export,
            power_import,
            power_export,
            rate,
            gas,
            quirks,
        }
    }

    /// What the meter's clock shows at a moment.
    fn clock(&self, at: u64) -> Clock {
        let doubtful = self.plan.quirks.has(Quirk::ClockReset);
        let unix = if doubtful { RESET.saturating_add(at.saturating_sub(self.plan.from)) } else { at };
        let stamp = i64::try_from(unix).ok().and_then(|unix| jiff::Timestamp::from_second(unix).ok());
        let info = self.zone.to_offset_info(stamp.unwrap_or(jiff::Timestamp::UNIX_EPOCH));
        Clock { unix, offset: info.offset().seconds(), summer: info.dst().is_dst(), doubtful }
    }

    /// Everything that is sent at a moment.
    fn step(&mut self, at: u64, list: due::What) {
        let protocol = self.plan.protocol;
        let counted = if list == due::What::List(dlms::List::Totals) { at.saturating_sub(self.due.lag()) } else { at };
        if list == due::What::Again {
            if let Some(bytes) = self.last_list.clone() {
                let sent = self.sent(at, None, bytes);
                self.queue.push_back(sent);
            }
            return;
        }
        let begin = self.signer.is_some().then(|| self.state(at, at.saturating_sub(self.due.interval())));
        let state = self.state(at, counted);
        let keys = self.plan.keys.as_ref();
        let frames: Vec<(Option<String>, Vec<u8>)> = match protocol {
            Protocol::P1(dialect) => vec![(None, p1::encode(dialect, &state, keys))],
            Protocol::Sml(dialect) => vec![(None, sml::encode(dialect, &state))],
            Protocol::Dlms(dialect) => {
                let list = if let due::What::List(list) = list { list } else { dlms::List::Totals };
                let bytes = dlms::encode(dialect, list, &state, keys);
                if list == dlms::List::Totals {
                    self.last_list = Some(bytes.clone());
                }
                vec![(None, bytes)]
            }
            Protocol::Tic(dialect) => vec![(None, tic::encode(dialect, &state))],
            Protocol::D0(dialect) => vec![(None, d0::encode(dialect, &state))],
            Protocol::Ocmf(dialect) => {
                let records = self.signer.as_ref().zip(begin.as_ref()).map(|(signer, begin)| {
                    let topic = || Some(format!("ocmf/{:08}/record", state.number));
                    let records = ocmf::encode(dialect, begin, &state, signer);
                    records.into_iter().map(|record| (topic(), record)).collect()
                });
                records.unwrap_or_default()
            }
            Protocol::Json(dialect) => {
                let publications = json::encode(dialect, &state).into_iter();
                publications.map(|(topic, payload)| (Some(topic), payload.into_bytes())).collect()
            }
        };
        for (topic, bytes) in frames {
            let bytes = self.parity(bytes);
            let sent = self.sent(at, topic, bytes);
            self.queue.push_back(sent);
        }
    }

    /// Through the line.
    fn sent(&mut self, at: u64, topic: Option<String>, bytes: Vec<u8>) -> Sent {
        let damaged = self.chance.below(100) < usize::from(self.plan.damage);
        let bytes = if damaged { spoil::spoil(&mut self.chance, bytes) } else { bytes };
        Sent { at, topic, bytes, damaged }
    }

    /// Parity bits, where a reader hears them.
    fn parity(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if self.plan.quirks.has(Quirk::ParityBits) && self.plan.protocol.line().1 == Format::SevenEven {
            for byte in &mut bytes {
                *byte = *byte & 0x7f | if (*byte & 0x7f).count_ones().is_multiple_of(2) { 0 } else { 0x80 };
            }
        }
        bytes
    }
}

impl Iterator for Play {
    type Item = Sent;

    fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some(sent) = self.queue.pop_front() {
                return Some(sent);
            }
            let (at, list) = self.due.next().filter(|(at, _)| *at <= self.plan.until)?;
            self.step(at, list);
        }
    }
}

#[cfg(test)]
mod tests;
