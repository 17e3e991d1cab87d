//! What the meter remembers besides its keys: its pairing, its chains, and the states to be made durable.

use std::collections::BTreeMap;

use metrology::keys::{PairingCode, household_fingerprint};
use metrology::label::{Register, RegisterCode};
use metrology::seal::{ChainState, Journal, Pairing as PairingLabel, SealedBlock, Sealer};

/// What the meter keeps of its pairing: enough to derive the register keys of later epochs and registers.
pub(crate) struct HouseholdLink {
    /// How often the meter has been paired.
    pub counter: u32,
    /// The household's public key.
    pub public: [u8; 32],
    /// The code of the pairing.
    pub code: PairingCode,
}

impl HouseholdLink {
    pub(super) fn label(&self) -> PairingLabel {
        PairingLabel { counter: self.counter, household: household_fingerprint(&self.public) }
    }
}

/// A register and its running chain.
pub(crate) struct Chain {
    pub register: Register,
    pub sealer: Sealer,
}

/// The states that sealers stored in this run, on top of those that were loaded.
#[derive(Default)]
pub(crate) struct Batch(pub BTreeMap<RegisterCode, ChainState>);

/// Another sealer has stored a block from the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stale;

impl Journal for Batch {
    type Error = Stale;

    // The block itself becomes durable with the state when the store commits the batch: one transaction.
    fn store(&mut self, register: &RegisterCode, state: &ChainState, _: &SealedBlock) -> Result<(), Stale> {
        if self.0.get(register).is_some_and(|stored| Some(stored.block) != state.block.checked_sub(1)) {
            return Err(Stale);
        }
        self.0.insert(*register, state.clone());
        Ok(())
    }
}
