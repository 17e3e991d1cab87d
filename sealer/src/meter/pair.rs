//! A new household: what is open is closed for the old one, and every register goes on under keys of the new.

use metrology::keys::PairingCode;
use metrology::seal::ChainState;

use super::{Block, HouseholdLink, MeterError, SealingMeter};

impl SealingMeter {
    /// Pairs the meter with the household that has this public key, after closing what is open for the one before.
    /// Chains, numbers and totals go on; the keys are new within the same epoch. Gives the blocks that were closed.
    ///
    /// # Errors
    /// When the key is not usable; nothing has changed then.
    pub fn pair(&mut self, public: [u8; 32], code: PairingCode) -> Result<Vec<Block>, MeterError> {
        let counter = self.household.counter.checked_add(1).ok_or(MeterError::OutOfRange)?;
        let household = HouseholdLink { counter, public, code };
        let mut keys = Vec::new();
        for code in self.chains.keys() {
            keys.push((*code, self.first_key(&household, code)?));
        }
        let mut blocks = Vec::new();
        for (code, _) in &keys {
            blocks.extend(self.close(code)?);
        }
        self.household = household;
        for (code, (day, key)) in keys {
            let Some(chain) = self.chains.remove(&code) else { continue };
            let state = ChainState { day, key, ..chain.sealer.state().clone() };
            self.install(chain.register, state);
        }
        Ok(blocks)
    }
}
