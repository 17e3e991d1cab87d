//! What seals: keys, epochs, certificates and one chain for each register, all in memory.
//!
//! It seals with metrology's [`Sealer`] and nothing else. Its [`Journal`](metrology::seal::Journal) is a batch: the newest
//! state of every chain is kept in memory, and whoever owns the meter makes the batch durable ([`crate::flash`]) as one piece
//! before any block of it becomes visible. Nothing leaves before, so one durable write for many blocks is the journal's promise.

mod account;
mod block;
mod epoch;
mod error;
mod inside;
mod memory;
mod pair;

pub use block::{Block, directory_name};
pub use error::MeterError;
pub(crate) use memory::{Batch, Chain, HouseholdLink, Orders, Remembered};

use std::collections::BTreeMap;
use std::convert::Infallible;

use ed25519_dalek::SigningKey;
use metrology::certificate::{MAX_REGISTERS, SealClass};
use metrology::cose::public_key;
use metrology::keys::{AgreementKey, PairingCode, hash};
use metrology::label::{Coverage, MeterId, Register, RegisterCode};
use metrology::seal::{ChainState, Epoch, Sample, Sealer};
use protocol::certificate::VerifiedCertificate;
use protocol::pairing::Pairing;

use crate::entropy::Entropy;

/// Which register counts a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intake {
    /// The register.
    pub register: Register,
    /// What it shows at the start in 10⁻⁴ units, if it is new to the meter.
    pub start: Option<u64>,
}

/// A meter whose registers are fed slot by slot.
pub struct SealingMeter {
    pub(crate) id: MeterId,
    pub(crate) class: SealClass,
    pub(crate) identity: SigningKey,
    pub(crate) agreement: AgreementKey,
    pub(crate) household: HouseholdLink,
    pub(crate) epoch: Epoch,
    pub(crate) certificates: Vec<VerifiedCertificate>,
    pub(crate) chains: BTreeMap<RegisterCode, Chain>,
    pub(crate) journal: Batch,
    /// What a meter on a line remembers besides; none before it ran there.
    pub(crate) remembered: Option<Remembered>,
}

impl SealingMeter {
    /// A new meter, paired with a household whose keys it makes itself, in epoch 0 from the Unix second `first` on.
    ///
    /// The pairing is the household's: whoever holds it can read the meter's readings, and the meter keeps no copy.
    /// Without an `id` it is called after its identity key.
    ///
    /// # Errors
    /// When there is no randomness for keys.
    pub fn new(
        entropy: &Entropy,
        id: Option<MeterId>,
        class: SealClass,
        first: u64,
    ) -> Result<(Self, Pairing), MeterError> {
        let household_key = AgreementKey::from_bytes(*entropy.draw::<32>("household", 0)?);
        let code = PairingCode::from_bytes(*entropy.draw::<16>("code", 0)?);
        let household = HouseholdLink { counter: 1, public: household_key.public(), code: code.clone() };
        let meter = Self::make(entropy, id, class, first, household)?;
        let pairing =
            Pairing { counter: meter.household.counter, household_key, code, certificates: meter.certificates.clone() };
        Ok((meter, pairing))
    }

    /// A new meter that no household is paired with: it can bill
    /// (the simple profile), and its blocks would be readable by
    /// nobody.
    ///
    /// # Errors
    /// When there is no randomness for keys.
    pub fn unpaired(entropy: &Entropy, id: Option<MeterId>, class: SealClass, first: u64) -> Result<Self, MeterError> {
        // The private half is dropped here.
        let nobody = AgreementKey::from_bytes(*entropy.draw::<32>("nobody", 0)?).public();
        let code = PairingCode::from_bytes(*entropy.draw::<16>("nobody", 1)?);
        Self::make(entropy, id, class, first, HouseholdLink { counter: 0, public: nobody, code })
    }

    fn make(
        entropy: &Entropy,
        id: Option<MeterId>,
        class: SealClass,
        first: u64,
        household: HouseholdLink,
    ) -> Result<Self, MeterError> {
        let identity = SigningKey::from_bytes(&*entropy.draw::<32>("identity", 0)?);
        let agreement = AgreementKey::from_bytes(*entropy.draw::<32>("agreement", 0)?);
        let id = match id {
            Some(id) => id,
            None => default_id(&public_key(&identity)).ok_or(MeterError::Certificate)?,
        };
        let epoch = Epoch {
            certificate: [0; 32],
            number: 0,
            first,
            signing: SigningKey::from_bytes(&*entropy.draw::<32>("epoch", 0)?),
        };
        let mut meter = Self {
            id,
            class,
            identity,
            agreement,
            household,
            epoch,
            certificates: Vec::new(),
            chains: BTreeMap::new(),
            journal: Batch::default(),
            remembered: None,
        };
        meter.certify()?;
        Ok(meter)
    }

    /// Whether a household can read its blocks.
    #[must_use]
    pub fn is_paired(&self) -> bool {
        self.household.counter > 0
    }

    /// What the maker printed on it.
    #[must_use]
    pub fn id(&self) -> MeterId {
        self.id
    }

    /// Where its sealing claims to run.
    #[must_use]
    pub fn class(&self) -> SealClass {
        self.class
    }

    /// Its identity key.
    #[must_use]
    pub fn identity_key(&self) -> [u8; 32] {
        public_key(&self.identity)
    }

    /// Whether its identity is the one that this source of keys would give.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn is_from(&self, entropy: &Entropy) -> Result<bool, MeterError> {
        let identity = SigningKey::from_bytes(&*entropy.draw::<32>("identity", 0)?);
        Ok(public_key(&identity) == public_key(&self.identity))
    }

    /// Its epoch certificates, oldest first.
    #[must_use]
    pub fn certificates(&self) -> &[VerifiedCertificate] {
        &self.certificates
    }

    /// The bytes of its certificate file.
    #[must_use]
    pub fn certificate_file(&self) -> Vec<u8> {
        let messages: Vec<_> = self.certificates.iter().map(|c| c.message.clone()).collect();
        protocol::certificate::write_file(&messages)
    }

    /// First Unix second of the current epoch.
    #[must_use]
    pub fn epoch_first(&self) -> u64 {
        self.epoch.first
    }

    /// Its registers, in order of code.
    pub fn registers(&self) -> impl Iterator<Item = &Register> {
        self.chains.values().map(|chain| &chain.register)
    }

    /// A register by its code.
    #[must_use]
    pub fn register(&self, code: &RegisterCode) -> Option<&Register> {
        self.chains.get(code).map(|chain| &chain.register)
    }

    /// The times a register has blocks for.
    #[must_use]
    pub fn coverage(&self, code: &RegisterCode) -> Option<Coverage> {
        self.chains.get(code).map(|chain| chain.sealer.state().coverage)
    }

    /// What a register shows at the end of its last block or bill, in 10⁻⁴ units.
    #[must_use]
    pub fn total(&self, code: &RegisterCode) -> Option<u64> {
        self.chains.get(code).map(|chain| chain.sealer.state().total)
    }

    /// The slot that is due next in a register; none before its first of the epoch.
    #[must_use]
    pub fn expected(&self, code: &RegisterCode) -> Option<u64> {
        self.chains.get(code)?.sealer.expected()
    }

    /// Adds a register to the current epoch. `total` is what it shows now, in 10⁻⁴ units.
    ///
    /// # Errors
    /// When it exists, when there are too many, or when `total` is beyond what a register can show.
    pub fn add_register(&mut self, register: Register, total: u64) -> Result<(), MeterError> {
        let code = register.code;
        // Directories of some systems do not tell letters from capitals; blocks of two registers must not meet.
        if self.chains.keys().any(|known| known.as_str().eq_ignore_ascii_case(code.as_str())) {
            return Err(MeterError::RegisterExists(code));
        }
        if self.chains.len() >= MAX_REGISTERS {
            return Err(MeterError::TooManyRegisters);
        }
        if total >= MAX_TOTAL {
            return Err(MeterError::Total);
        }
        let state = self.first_state(&code, Coverage::default(), 0, None, total)?;
        self.install(register, state);
        Ok(())
    }

    /// Reports events ([`metrology::label::events`]) in the block that a register is filling.
    ///
    /// # Errors
    /// When the register does not exist.
    pub fn report(&mut self, code: &RegisterCode, events: u16) -> Result<(), MeterError> {
        self.chain(code)?.sealer.report(events);
        Ok(())
    }

    /// Records one slot (`unix_time / interval`); the block is handed out when the UTC day is complete.
    ///
    /// # Errors
    /// When the sealer refuses the slot; nothing is recorded then.
    pub fn record(&mut self, code: &RegisterCode, slot: u64, sample: Sample) -> Result<Option<Block>, MeterError> {
        let complete = self.chain(code)?.sealer.record::<Infallible>(slot, sample)?;
        if complete { self.close(code) } else { Ok(None) }
    }

    /// Closes the block that a register is filling, if it has one.
    ///
    /// # Errors
    /// When the sealer cannot close it.
    pub fn close(&mut self, code: &RegisterCode) -> Result<Option<Block>, MeterError> {
        let chain = self.chains.get_mut(code).ok_or(MeterError::UnknownRegister(*code))?;
        let seconds = chain.register.interval.seconds();
        let Some(end) = chain.sealer.expected().filter(|_| chain.sealer.is_open()) else {
            return Ok(None);
        };
        let number = chain.sealer.state().block;
        let sealed = chain.sealer.close(&self.epoch, &mut self.journal)?;
        Ok(Some(Block::new(*code, number, end * seconds, seconds, &sealed)))
    }

    /// Records consecutive slots from `first` on and closes the last block even if its day is not complete.
    ///
    /// # Errors
    /// When the sealer refuses a slot.
    pub fn seal(
        &mut self,
        code: &RegisterCode,
        first: u64,
        samples: impl IntoIterator<Item = Sample>,
    ) -> Result<Vec<Block>, MeterError> {
        let mut blocks = Vec::new();
        for (slot, sample) in (first..).zip(samples) {
            blocks.extend(self.record(code, slot, sample)?);
        }
        blocks.extend(self.close(code)?);
        Ok(blocks)
    }

    /// Starts a sealer from a state and puts the state into the batch: here no block leads to it.
    pub(crate) fn install(&mut self, register: Register, state: ChainState) {
        self.journal.0.insert(register.code, state.clone());
        let sealer = Sealer::resume(register, &self.epoch, self.household.label(), state);
        self.chains.insert(register.code, Chain { register, sealer });
    }

    fn chain(&mut self, code: &RegisterCode) -> Result<&mut Chain, MeterError> {
        self.chains.get_mut(code).ok_or(MeterError::UnknownRegister(*code))
    }
}

impl std::fmt::Debug for SealingMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealingMeter({}, epoch {}, {} registers)", self.id, self.epoch.number, self.chains.len())
    }
}

/// A register total that no register shows, in 10⁻⁴ units: 10¹² units.
pub const MAX_TOTAL: u64 = 10_000_000_000_000_000;

/// A meter without a name of its own is called after its identity key.
fn default_id(identity: &[u8; 32]) -> Option<MeterId> {
    let fingerprint = hash("wattseal/v1/meter-id", &[identity]);
    MeterId::new(&format!("FILE-{}", hex::encode_upper(fingerprint.get(..5)?)))
}

#[cfg(test)]
mod tests;
