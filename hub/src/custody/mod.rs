//! The household's side of custody: where keys lie on this machine, and how a person handles the recovery sheet.
//!
//! ```text
//! credential file ─┐
//! kernel key cache ┼─► unlock ─► database key ─► Store          sheet, ask: the terminal
//! OS keyring ──────┘                                            setup: new homes, restored homes, old homes upgraded
//! ```
//!
//! What a slot, a key file and a backup are is decided in `gateway_core::custody`; here are files, locks and daemons.

pub mod ask;
pub mod backup;
pub mod beside;
pub mod cache;
pub mod credential;
pub mod files;
mod interrupt;
pub mod keyring;
pub mod place;
pub mod restore;
pub mod setup;
pub mod sheet;
pub mod undo;
pub mod unlock;
pub mod upgrade;

use gateway_core::custody::{CustodyError, SlotKind};

use crate::Failure;

impl From<CustodyError> for Failure {
    fn from(error: CustodyError) -> Self {
        let message = error.to_string();
        match error {
            CustodyError::WrongKey(SlotKind::Recovery) => Self::refused("other-sheet", message),
            CustodyError::WrongKey(_) => Self::could_not("wrong-key", message),
            CustodyError::Code(_) | CustodyError::NoCode => Self::refused("sheet-typing", message),
            CustodyError::NoSlot(_) => Self::refused("no-slot", message),
            CustodyError::RecoveryStays => Self::refused("recovery-stays", message),
            CustodyError::Wire(protocol::wire::WireError::Version(_)) => Self::could_not("newer-file", message),
            CustodyError::Wire(_) | CustodyError::Changed(_) | CustodyError::Length { .. } => {
                Self::refused("damaged", message)
            }
            CustodyError::Read(_) | CustodyError::Write(_) => Self::could_not("file", message),
        }
    }
}
