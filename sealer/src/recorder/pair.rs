//! A new household takes over.

use metrology::keys::{PairingCode, household_fingerprint};
use protocol::line::Paired;

use super::{Failure, Moment, Recorder};
use crate::event::Event;
use crate::store::StoreError;

impl Recorder {
    /// The pairing as the meter states it.
    #[must_use]
    pub fn paired(&self) -> Paired {
        let household = &self.meter.household;
        Paired { counter: household.counter, household: household_fingerprint(&household.public) }
    }

    /// Whether this confirmation made the current pairing: it comes again when its answer was lost.
    #[must_use]
    pub fn was_confirmed(&self, counter: u32, tag: &[u8; 32]) -> bool {
        self.confirmed.as_ref() == Some(tag) && counter == self.meter.household.counter
    }

    /// Closes what is open for the old household and starts keys for the new one, durably. False when the memory is full,
    /// and nothing has changed.
    ///
    /// # Errors
    /// [`Failure::Unsure`] when the memory failed on the way: the meter must be opened again, and shows then whether it is
    /// paired.
    pub fn pair(
        &mut self,
        public: [u8; 32],
        code: PairingCode,
        tag: [u8; 32],
        moment: Moment,
    ) -> Result<bool, Failure> {
        // What is in memory alone would be lost if the rest fails.
        if self.is_full() || !self.unsaved.is_empty() || !self.sync(moment) {
            return Ok(false);
        }
        let blocks = self.meter.pair(public, code)?;
        self.unsaved.extend(blocks);
        self.confirmed = Some(tag);
        self.remember(moment.seen);
        self.day.close();
        self.save(moment)?;
        if self.full {
            return Err(Failure::Unsure(StoreError::Full(self.store.root().to_owned())));
        }
        let paired = self.paired();
        self.events.push(Event::Paired { pairing: paired.counter, household: hex::encode(paired.household) });
        Ok(true)
    }
}
