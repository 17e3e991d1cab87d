//! What the meter remembers besides its keys: its pairing, its chains, and the states to be made durable.

use std::collections::BTreeMap;

use metrology::keys::{PairingCode, household_fingerprint};
use metrology::label::{Interval, Register, RegisterCode};
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
    pub(crate) fn label(&self) -> PairingLabel {
        PairingLabel { counter: self.counter, household: household_fingerprint(&self.public) }
    }
}

/// What a meter on a line keeps besides its chains, as of the end of its last blocks.
///
/// World time is the time of what passes through the registers; the meter's clock shows it with `offset` seconds added.
/// Of two times, `at` belongs to the registers and `seen` to the process: it is what the computer's clock showed then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// World time up to which the registers have counted.
    pub at: u64,
    /// The computer's clock at that moment, Unix milliseconds.
    pub seen: u64,
    /// What the meter's clock is ahead of the world's, in seconds.
    pub offset: i64,
    /// The slot, by the meter's clock, since whose beginning the meter has run without a break.
    pub whole: Option<u64>,
    /// What has passed through registers and is in no slot yet, in 10⁻⁴ units.
    pub pending: Vec<(RegisterCode, u64)>,
    /// The household's proof in the last pairing: its confirmation may come again.
    pub confirmed: Option<[u8; 32]>,
    /// What operators ordered.
    pub orders: Orders,
}

impl Remembered {
    /// A register has used up time until `until`, by the meter's clock, without running there: the time was sealed or
    /// billed from a file. What was counted on the line before belongs to that time, and the line goes on after it.
    pub(crate) fn pass(&mut self, code: &RegisterCode, until: u64, interval: Interval) {
        let at = until.saturating_add_signed(self.offset.saturating_neg());
        self.pending.retain(|(known, _)| known != code);
        if at > self.at {
            self.at = at;
            self.whole = Some(until / interval.seconds());
        }
    }
}

/// What operators' commands have come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    /// Number of the last command that was obeyed.
    pub last: u64,
    /// Whether an operator opened the switch.
    pub disconnected: bool,
    /// Prepaid credit in 10⁻⁹ currency units.
    pub credit: i64,
    /// Commands that were obeyed lately, by hash, each with its receipt: a lost answer is given again.
    pub receipts: Vec<([u8; 32], Vec<u8>)>,
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
