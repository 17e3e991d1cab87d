//! How far a long piece of work is.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Tenths of a piece of work, on standard error.
pub(super) struct Progress {
    what: String,
    tenths: AtomicUsize,
}

impl Progress {
    pub(super) fn of(what: impl Into<String>) -> Self {
        Self { what: what.into(), tenths: AtomicUsize::new(0) }
    }

    pub(super) fn tell(&self, done: usize, all: usize) {
        let tenths = done.saturating_mul(10).checked_div(all).unwrap_or(0);
        if self.tenths.fetch_max(tenths, Ordering::Relaxed) < tenths {
            eprintln!("{}: {} %", self.what, tenths * 10);
        }
    }
}
