//! A conversation and its store: what waits is handed over meter by meter, and nobody waits for it.

use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::Instant;

use super::PlainConversation;
use super::batch::Taken;
use crate::Failure;
use crate::api::Event;

/// What the store could not take is tried again after this.
const AGAIN: Duration = Duration::from_secs(30);

impl PlainConversation {
    /// Hands what waits to the store, but for meters of which it already has something, and not shortly after it failed.
    pub(super) fn begin_storing(&mut self) {
        if self.failed_at.is_some_and(|at| at.elapsed() < AGAIN) {
            return;
        }
        for (label, sealing) in &mut self.meters {
            if let Some(work) = sealing.work() {
                let (keeper, label) = (self.keeper.clone(), label.clone());
                self.storing.spawn(async move { (label, keeper.run(|store| work.run(store)).await) });
            }
        }
    }

    /// Takes what came of something that was handed to the store.
    pub(super) fn stored(
        &mut self,
        stored: Result<(String, Result<Taken, Failure>), JoinError>,
    ) -> Result<(), Failure> {
        let failed = || Failure::could_not("store-ended", "the store was closed; start the gateway again");
        let (label, taken) = stored.map_err(|_| failed())?;
        let sealing = self.meters.get_mut(&label).ok_or_else(failed)?;
        match sealing.stored(taken) {
            Ok(blocks) => {
                self.failed_at = None;
                if blocks > 0 {
                    let meter = sealing.name().unwrap_or(label);
                    self.voice.tell(Event::Stored { meter, blocks });
                }
                Ok(())
            }
            Err(Failure::Refused { code, message }) => {
                self.refuse(&code, &message);
                Ok(())
            }
            Err(failure) => {
                self.failed_at = Some(Instant::now());
                Err(failure)
            }
        }
    }

    /// Stores all that waits, and waits for it.
    pub(super) async fn store_all(&mut self) -> Result<(), Failure> {
        self.failed_at = None;
        loop {
            self.begin_storing();
            let Some(stored) = self.storing.join_next().await else { return Ok(()) };
            self.stored(stored)?;
        }
    }
}
