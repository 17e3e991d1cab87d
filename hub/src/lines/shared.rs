//! What others may see of a line while it runs: how it is, and what its meters show, each value with the moment at which
//! it was heard. `wattseal now` reads it, and publishing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::api::{LineState, NowMeter, NowRegister};

/// When something was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// By a clock that nobody sets: what is new and how old it is follows from this one alone.
    pub heard: Instant,
    /// Unix seconds.
    pub received_at: i64,
    /// The meter's clock, Unix seconds; it may be wrong by years.
    pub at: u64,
}

/// A value, and when it was heard.
#[derive(Clone, Copy)]
pub struct Dated<T> {
    /// The value.
    pub value: T,
    /// Its own moment.
    pub when: When,
}

/// What a meter shows. It may have told each value in a message of its own.
#[derive(Clone)]
pub struct Shown {
    /// The meter.
    pub meter: String,
    /// Its key for life, hex; none as long as nothing of a plain meter was sealed.
    pub identity: Option<String>,
    /// When the meter spoke last.
    pub last: When,
    /// Power in watts, feeding in negative.
    pub power: Option<Dated<i32>>,
    /// Whether the supply switch is closed.
    pub supply: bool,
    /// Prepaid credit in minor units.
    pub credit: Option<i64>,
    /// Totals, one of each code.
    pub registers: Vec<Dated<NowRegister>>,
}

impl Shown {
    /// What a meter shows that tells everything at once.
    #[must_use]
    pub fn at_once(now: NowMeter, heard: Instant) -> Self {
        let when = When { heard, received_at: now.received_at, at: now.at };
        Self {
            meter: now.meter,
            identity: now.identity,
            last: when,
            power: now.power.map(|value| Dated { value, when }),
            supply: now.supply,
            credit: now.credit,
            registers: now.registers.into_iter().map(|value| Dated { value, when }).collect(),
        }
    }

    /// As people and programs are told.
    #[must_use]
    pub fn now(&self) -> NowMeter {
        NowMeter {
            meter: self.meter.clone(),
            identity: self.identity.clone(),
            received_at: self.last.received_at,
            at: self.last.at,
            power: self.power.map(|power| power.value),
            supply: self.supply,
            credit: self.credit,
            registers: self.registers.iter().map(|register| register.value.clone()).collect(),
        }
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shown({})", self.meter)
    }
}

/// What others may see of a line.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    state: LineState,
    /// By the label of the meter behind the line; a line to one meter has none.
    shown: BTreeMap<String, Shown>,
}

impl Shared {
    pub(super) fn change(&self, change: impl FnOnce(&mut LineState)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).state);
    }

    /// Shows this, which was heard at once and just now, and nothing else.
    pub(super) fn show(&self, now: Option<NowMeter>) {
        let shown = now.map(|now| (String::new(), Shown::at_once(now, Instant::now())));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).shown = shown.into_iter().collect();
    }

    /// Shows one of several meters; says whether it was called otherwise before.
    pub(super) fn show_meter(&self, label: &str, shown: Shown) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = shown.meter.clone();
        let before = seen.shown.insert(label.to_owned(), shown);
        before.is_some_and(|before| before.meter != name)
    }

    /// Shows nothing of one of several meters any more.
    pub(super) fn hide_meter(&self, label: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).shown.remove(label);
    }

    /// How the line is.
    #[must_use]
    pub fn state(&self) -> LineState {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).state.clone()
    }

    /// What its meters show.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).shown.values().cloned().collect()
    }

    /// As [`Shared::shown`], as people and programs are told.
    #[must_use]
    pub fn now(&self) -> Vec<NowMeter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).shown.values().map(Shown::now).collect()
    }
}
