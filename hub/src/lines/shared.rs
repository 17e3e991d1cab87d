//! What others may see of a line while it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::{LineState, NowMeter};

/// What others may see of a line.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    state: LineState,
    /// By the label of the meter behind the line; a line to one meter has none.
    now: BTreeMap<String, NowMeter>,
}

impl Shared {
    pub(super) fn change(&self, change: impl FnOnce(&mut LineState)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).state);
    }

    /// Shows this, and nothing else.
    pub(super) fn show(&self, now: Option<NowMeter>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now =
            now.into_iter().map(|now| (String::new(), now)).collect();
    }

    /// Shows one of several meters; says whether it was called otherwise before.
    pub(super) fn show_meter(&self, label: &str, now: NowMeter) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = now.meter.clone();
        let before = seen.now.insert(label.to_owned(), now);
        before.is_some_and(|before| before.meter != name)
    }

    /// Shows nothing of one of several meters any more.
    pub(super) fn hide_meter(&self, label: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now.remove(label);
    }

    /// How the line is.
    #[must_use]
    pub fn state(&self) -> LineState {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).state.clone()
    }

    /// What its meters show.
    #[must_use]
    pub fn now(&self) -> Vec<NowMeter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now.values().cloned().collect()
    }
}
