//! A conversation and its store: what waits is handed over meter by meter, and nobody waits for it.

use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::Instant;

use super::batch::Done;
use super::{ELSEWHERE, PlainConversation};
use crate::Failure;
use crate::api::Event;

/// What the store could not take is tried again after this.
const AGAIN: Duration = Duration::from_secs(30);
/// What another line reads is, after this.
const ELSEWHERE_AGAIN: Duration = Duration::from_secs(600);

impl PlainConversation {
    /// Hands what waits to the store, but for meters of which it already has something, and not shortly after it failed.
    pub(super) fn begin_storing(&mut self) {
        if self.again_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        for (label, sealing) in &mut self.meters {
            if let Some(work) = sealing.work() {
                let (keeper, label) = (self.keeper.clone(), label.clone());
                self.storing.spawn(async move { (label, keeper.run(|store| Ok::<_, Failure>(work.run(store))).await) });
            }
        }
    }

    /// Takes what came of something that was handed to the store.
    ///
    /// # Errors
    /// When the store failed.
    pub(super) fn stored(&mut self, stored: Result<(String, Result<Done, Failure>), JoinError>) -> Result<(), Failure> {
        let failed = || Failure::could_not("store-ended", "the store was closed; start the gateway again");
        let (label, done) = stored.map_err(|_| failed())?;
        let sealing = self.meters.get_mut(&label).ok_or_else(failed)?;
        let (blocks, trouble) = sealing.stored(done);
        if blocks > 0 {
            let meter = sealing.name().unwrap_or(label);
            self.voice.tell(Event::Stored { meter, blocks });
        }
        let wait = match &trouble {
            Some(Failure::Refused { code, .. }) if code == ELSEWHERE => Some(ELSEWHERE_AGAIN),
            Some(_) => Some(AGAIN),
            None => None,
        };
        self.again_at = wait.map(|wait| Instant::now() + wait);
        match trouble {
            Some(Failure::Refused { code, message }) => self.refuse(&code, &message),
            Some(failure) => return Err(failure),
            None => {}
        }
        Ok(())
    }

    /// Stores all that waits, and waits for it. One meter's failure keeps back nothing that the store already has of others.
    ///
    /// # Errors
    /// The first failure of the store.
    pub(super) async fn store_all(&mut self) -> Result<(), Failure> {
        self.again_at = None;
        self.begin_storing();
        let mut result = Ok(());
        while let Some(stored) = self.storing.join_next().await {
            result = result.and(self.stored(stored));
            if self.again_at.is_none() {
                self.begin_storing();
            }
        }
        result
    }
}
