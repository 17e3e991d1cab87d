//! What is stored and what is missing: runs of covered time and the gaps between them.

use protocol::metrology::label::Status;
use protocol::time::Span;

use crate::store::{RegisterRow, Store, StoreError};

/// What is known of one register.
#[derive(Clone, Debug)]
pub struct RegisterState {
    /// The register.
    pub register: RegisterRow,
    /// Number of blocks.
    pub blocks: usize,
    /// From the first stored second to the last; `None` when there is none.
    pub span: Option<Span>,
    /// Times inside it without a block: the meter may still hold them.
    pub gaps: Vec<Span>,
    /// Slots that the meter itself says were not measured.
    pub missing_slots: u64,
    /// Slots with a substituted or cut value.
    pub estimated_slots: u64,
    /// Slots measured while a tamper sensor was active.
    pub tamper_slots: u64,
    /// Events reported by the meter, over all blocks.
    pub events: u16,
}

/// The state of every register.
///
/// # Errors
/// When the database fails.
pub fn registers(store: &Store) -> Result<Vec<RegisterState>, StoreError> {
    store.registers()?.into_iter().map(|register| state(store, register)).collect()
}

fn state(store: &Store, register: RegisterRow) -> Result<RegisterState, StoreError> {
    let spans: Vec<Span> = store.spans(register.id)?.into_iter().map(|(_, span)| span).collect();
    let gaps = spans
        .windows(2)
        .filter_map(|pair| match pair {
            [a, b] if a.until < b.from => Some(Span { from: a.until, until: b.from }),
            _ => None,
        })
        .collect();
    let span = match (spans.first(), spans.last()) {
        (Some(first), Some(last)) => Some(Span { from: first.from, until: last.until }),
        _ => None,
    };
    let mut state = RegisterState {
        blocks: spans.len(),
        span,
        gaps,
        missing_slots: 0,
        estimated_slots: 0,
        tamper_slots: 0,
        events: 0,
        register,
    };
    for header in store.headers(state.register.id)? {
        state.events |= header.events;
        for place in 0..usize::from(header.count) {
            match header.status_at(place) {
                Status::Measured => {}
                Status::Missing => state.missing_slots += 1,
                Status::Estimated => state.estimated_slots += 1,
                Status::Tamper => state.tamper_slots += 1,
            }
        }
    }
    Ok(state)
}
