//! Epochs: when a new one may begin, its certificate, and where every chain goes on in it.

use ed25519_dalek::SigningKey;
use metrology::certificate::Certificate;
use metrology::cose::public_key;
use metrology::keys::{Hash, PairingContext, RegisterKey, register_key};
use metrology::label::{Coverage, DAY_SECONDS, RegisterCode};
use metrology::seal::{ChainState, Epoch};
use protocol::certificate::VerifiedCertificate;

use super::{Block, HouseholdLink, MeterError, SealingMeter};
use crate::entropy::Entropy;

impl SealingMeter {
    /// Whether a new epoch can begin at the Unix second `first`.
    ///
    /// # Errors
    /// When a register has slots at or after it, or it is not after the current epoch's beginning.
    pub fn check_epoch(&self, first: u64) -> Result<(), MeterError> {
        if first <= self.epoch.first {
            return Err(MeterError::EpochBegins { first: self.epoch.first });
        }
        for chain in self.chains.values() {
            let open = chain.sealer.expected().map(|slot| slot * chain.register.interval.seconds());
            let closed = chain.sealer.state().coverage.ranges().last().map(|range| range.1);
            if let Some(until) = open.max(closed).filter(|until| *until > first) {
                return Err(MeterError::SealedBeyond { register: chain.register.code, until });
            }
        }
        Ok(())
    }

    /// Closes what is open and starts a new epoch at the Unix second `first`: a new signing key, a certificate that
    /// names every register's last block, and new register keys for the same household. The old signing key is gone.
    ///
    /// # Errors
    /// When a register has slots at or after `first`, or `first` is not after the epoch's beginning; nothing changes.
    pub fn rotate(&mut self, entropy: &Entropy, first: u64) -> Result<Vec<Block>, MeterError> {
        self.check_epoch(first)?;
        let number = self.epoch.number.checked_add(1).ok_or(MeterError::Certificate)?;
        let signing = SigningKey::from_bytes(&*entropy.draw::<32>("epoch", number)?);
        let codes: Vec<_> = self.chains.keys().copied().collect();
        let mut blocks = Vec::new();
        for code in &codes {
            blocks.extend(self.close(code)?);
        }
        self.epoch = Epoch { certificate: [0; 32], number, first, signing };
        self.certify()?;
        for chain in std::mem::take(&mut self.chains).into_values() {
            let old = chain.sealer.state();
            let head = (old.block > 0).then_some(old.previous);
            let state = self.first_state(&chain.register.code, old.coverage, old.block, head, old.total)?;
            self.install(chain.register, state);
        }
        Ok(blocks)
    }

    /// Signs the current epoch's certificate and adds it to the others.
    pub(super) fn certify(&mut self) -> Result<(), MeterError> {
        let states = self.chains.values().map(|chain| (chain.register.code, chain.sealer.state()));
        let heads: Vec<_> = states.filter(|(_, s)| s.block > 0).map(|(code, s)| (code, s.previous)).collect();
        let certificate = Certificate {
            meter: self.id,
            class: self.class,
            identity_key: public_key(&self.identity),
            epoch: self.epoch.number,
            signing_key: public_key(&self.epoch.signing),
            agreement_key: self.agreement.public(),
            first: self.epoch.first,
            previous: self.certificates.last().map(|c| c.hash),
            heads: &heads,
        };
        let message = certificate.sign(&self.identity).ok_or(MeterError::Certificate)?;
        let verified = VerifiedCertificate::read(message.as_slice()).map_err(|_| MeterError::Certificate)?;
        self.epoch.certificate = verified.hash;
        self.certificates.push(verified);
        Ok(())
    }

    /// A register's state at the beginning of its time in the current epoch. Without a head its chain begins at the
    /// certificate.
    pub(super) fn first_state(
        &self,
        code: &RegisterCode,
        coverage: Coverage,
        block: u64,
        head: Option<Hash>,
        total: u64,
    ) -> Result<ChainState, MeterError> {
        let (day, key) = self.first_key(&self.household, code)?;
        let previous = head.unwrap_or(self.epoch.certificate);
        Ok(ChainState { coverage, next: None, block, previous, total, day, key })
    }

    /// The current epoch's first day, and a register's key of that day for a household.
    pub(super) fn first_key(
        &self,
        household: &HouseholdLink,
        code: &RegisterCode,
    ) -> Result<(u32, RegisterKey), MeterError> {
        let label = household.label();
        let context = PairingContext {
            certificate: &self.epoch.certificate,
            counter: label.counter,
            household: &label.household,
        };
        let day = u32::try_from(self.epoch.first / DAY_SECONDS).map_err(|_| MeterError::OutOfRange)?;
        let key = register_key(&self.agreement, &household.public, &household.code, &context, code, day);
        Ok((day, key.ok_or(MeterError::Household)?))
    }
}
