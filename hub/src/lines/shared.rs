//! What others may see of a line while it runs.

use std::sync::{Arc, Mutex, PoisonError};

use crate::api::{LineState, NowMeter};

/// What others may see of a line.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    state: LineState,
    now: Option<NowMeter>,
}

impl Shared {
    pub(super) fn change(&self, change: impl FnOnce(&mut LineState)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).state);
    }

    pub(super) fn show(&self, now: Option<NowMeter>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now = now;
    }

    /// How the line is.
    #[must_use]
    pub fn state(&self) -> LineState {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).state.clone()
    }

    /// What its meter shows.
    #[must_use]
    pub fn now(&self) -> Option<NowMeter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now.clone()
    }
}
