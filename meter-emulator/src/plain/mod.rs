//! Plain meters: what the market hangs in cupboards, and what it pushes. They seal nothing.
//!
//! ```text
//! household ─► play::Home ─► State ─► p1 · sml · dlms · tic · d0 · ocmf · json ─► (damage) ─► Play: (time, bytes)
//!             (registers)   (+ quirks)        pure encoders                                    │
//!                                                    live: pty, serial, TCP, broker ◄──────────┘
//! ```
//!
//! The encoders are written from the standards and know nothing of any decoder, so that an end-to-end test is no
//! conversation of one mistake with itself. [`Play`] runs in virtual time; `wattseal-meter plain` puts it on a line.

pub mod check;
pub mod cipher;
pub mod d0;
pub mod dlms;
pub mod json;
pub mod live;
pub mod ocmf;
pub mod p1;
pub mod play;
pub mod protocol;
pub mod quirk;
pub mod sml;
pub mod state;
pub mod tic;

#[cfg(test)]
mod testing;

pub use cipher::Keys;
pub use play::{Plan, PlanError, Play, Sent, Truth};
pub use protocol::{Format, Protocol, UnknownProtocol};
pub use quirk::{Quirk, Quirks};
pub use state::State;
