//! What the meter shows now, in a session that a greeting and its answer have begun.
//!
//! A session may also be opened under the keys of a pairing that is not in force: a telegram that opens under them can
//! come from that meter alone, and puts the pairing in force.

use std::time::Duration;

use gateway_core::store::HandshakeRow;
use protocol::line::live::{Live, LiveError, Receiving, Terms};
use protocol::line::{Identity, Now};
use protocol::metrology::exchange::{Course, NONCE_BYTES, live_key};
use protocol::metrology::keys::PairingContext;
use tokio::time::Instant;

use super::arrival::{complete, look_up};
use super::conversation::Conversation;
use crate::Failure;
use crate::api::{Event, NowMeter, NowRegister};
use crate::commands::now;

/// Telegrams that do not open before a new session is begun.
const CLOSED_TELEGRAMS: u32 = 3;
/// Least time for which a telegram is shown when no other follows.
const LEAST_SHOWN: Duration = Duration::from_secs(30);

/// A session, or none.
#[derive(Default)]
pub(super) struct Session {
    live: Option<Receiving>,
    /// The nonce of the greeting that was answered.
    nonce: [u8; NONCE_BYTES],
    closed_telegrams: u32,
    /// When what is shown was opened.
    shown_at: Option<Instant>,
}

impl Session {
    /// A greeting with this nonce was answered.
    pub(super) fn greeted(&mut self, nonce: [u8; NONCE_BYTES]) {
        self.nonce = nonce;
        self.end();
    }

    /// No telegram opens until the next greeting.
    pub(super) fn end(&mut self) {
        self.live = None;
        self.closed_telegrams = 0;
    }
}

impl Conversation {
    /// Opens the session of the greeting that was answered last, under the pairing that the meter names.
    pub(super) fn open_session(&mut self) {
        self.session.end();
        let Some(identity) = &self.identity else { return };
        let waiting = self.known.waiting_for(identity.pairing, &identity.household).map(|row| &row.pairing);
        let Some(pairing) = self.known.current.as_ref().or(waiting) else { return };
        let Some(epoch) = self.certificates.last() else { return };
        let household = pairing.household();
        let context = PairingContext { certificate: &epoch.hash, counter: pairing.counter, household: &household };
        let course = Course { context, household_nonce: self.session.nonce, meter_nonce: identity.nonce };
        let key = live_key(&pairing.household_key, &epoch.certificate.agreement_key, &pairing.code, &course);
        self.session.live = key.map(|key| Receiving::new(key, Terms::of(identity)));
    }

    /// A telegram of current readings.
    pub(super) async fn look_at(&mut self, telegram: &Now) -> Result<(), Failure> {
        let Some(live) = &mut self.session.live else { return Ok(()) };
        match live.open(telegram) {
            Ok(shown) => {
                self.session.closed_telegrams = 0;
                if self.known.current.is_none() {
                    let Some(identity) = &self.identity else { return Ok(()) };
                    let waiting = self.known.waiting_for(identity.pairing, &identity.household).cloned();
                    let Some(handshake) = waiting else { return Ok(()) };
                    self.complete(handshake).await?;
                }
                self.show(&shown);
            }
            // Late or repeated: the one that was shown is newer.
            Err(LiveError::Replayed) => {}
            Err(LiveError::Closed | LiveError::Malformed) => {
                self.session.closed_telegrams += 1;
                if self.session.closed_telegrams >= CLOSED_TELEGRAMS {
                    self.session.closed_telegrams = 0;
                    self.greet();
                }
            }
        }
        Ok(())
    }

    /// The meter has shown that it holds this pairing. When the store fails it waits on, for the next telegram.
    async fn complete(&mut self, handshake: HandshakeRow) -> Result<(), Failure> {
        let (chain, row) = (self.certificates.clone(), handshake.clone());
        match self.keeper.run(move |store| complete(store, &row, &chain)).await {
            Ok(_) => self.in_force(&handshake).await,
            Err(failure @ Failure::CouldNot { .. }) => Err(failure),
            Err(failure) => {
                // It contradicts what is stored: the line goes on without it.
                self.session.end();
                self.refuse(failure.code(), &failure.to_string());
                self.pairing_done(&handshake, Err(failure));
                Ok(())
            }
        }
    }

    /// A pairing has come into force.
    pub(super) async fn in_force(&mut self, handshake: &HandshakeRow) -> Result<(), Failure> {
        let counter = handshake.pairing.counter;
        tracing::info!(line = self.line, "paired");
        self.tell(Event::Paired { meter: self.meter_name(), pairing: counter });
        self.pairing_done(handshake, Ok(()));
        let Some(Identity { identity_key, pairing, household, .. }) = self.identity else { return Ok(()) };
        let line = self.line;
        self.known = self.keeper.run(move |store| look_up(store, line, &identity_key, pairing, &household)).await?;
        self.found();
        self.compare_anew();
        self.relay_commands().await
    }

    fn show(&mut self, shown: &Live) {
        let Some(identity) = &self.identity else { return };
        if self.known.current.is_none() || shown.totals.len() != identity.registers.len() {
            return;
        }
        // Their order is the meter's own: it is authenticated with the telegram.
        let registers = identity.registers.iter().zip(&shown.totals).map(|(register, total)| NowRegister {
            code: register.code.to_string(),
            unit: register.unit.to_string(),
            total: *total,
            device: None,
        });
        self.session.shown_at = Some(Instant::now());
        self.voice.shared.show(Some(NowMeter {
            meter: self.meter_name(),
            identity: Some(hex::encode(identity.identity_key)),
            received_at: now(),
            at: shown.at,
            power: shown.power,
            supply: shown.supply,
            credit: shown.credit,
            registers: registers.collect(),
        }));
    }

    /// Shows nothing any more when no telegram has opened for some cadences.
    pub(super) fn show_no_old(&mut self, at: Instant) {
        let cadence = self.identity.as_ref().map_or(0, |identity| identity.cadence);
        let while_new = Duration::from_secs(3 * u64::from(cadence)).max(LEAST_SHOWN);
        if self.session.shown_at.is_some_and(|since| at - since > while_new) {
            self.session.shown_at = None;
            self.voice.shared.show(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{meter, power};
    use super::super::{Conversation, Shared};
    use super::*;
    use crate::keeper::Keeper;
    use drivers::{Dial, Patience, Reader, sealed};
    use gateway_core::{Store, StoreKey};

    #[tokio::test]
    async fn what_is_old_is_not_shown_as_now() {
        let (directory, meter) = (tempfile::tempdir().unwrap(), meter());
        let store = Store::create(&directory.path().join("store.db"), &StoreKey::from_bytes([1; 32])).unwrap();
        gateway_core::ingest::pair(&store, &meter.pairing, 1).unwrap();
        let dial = Dial::new("tcp://127.0.0.1:1".parse().unwrap());
        let (_reader, handle, _heard) = Reader::new(dial, sealed::Decoder::default(), Patience::default(), || 1);
        let (told, _events) = tokio::sync::broadcast::channel(16);
        let (keeper, shared) = (Keeper::start(store).unwrap(), Shared::default());
        let mut conversation = Conversation::new(1, keeper, handle, told, shared.clone());
        conversation.open = true;
        conversation.greet();
        let nonce = conversation.greeting.open().unwrap();
        let identity = meter.identity(nonce, "M-1");
        let mut session = meter.session(&identity);
        conversation.meet(identity).await.unwrap();
        conversation.look_at(&session.seal(&power(300)).unwrap()).await.unwrap();
        let shown_at = Instant::now();
        conversation.show_no_old(shown_at + LEAST_SHOWN / 2);
        assert_eq!(shared.now()[0].power, Some(300));
        conversation.show_no_old(shown_at + LEAST_SHOWN + Duration::from_secs(1));
        assert_eq!(shared.now(), []);
        conversation.look_at(&session.seal(&power(400)).unwrap()).await.unwrap();
        assert_eq!(shared.now()[0].power, Some(400));
    }
}
