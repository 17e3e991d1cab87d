//! Pairing with the meter on a line, from the typed code to the stored keys.

use std::time::Duration;

use protocol::line::handshake::{Asking, HandshakeError};
use protocol::line::{ConfirmPairing, Message, Offer, Paired as Answered, Refused};
use protocol::metrology::keys::{AgreementKey, PairingCode};
use protocol::show;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::conversation::Conversation;
use crate::Failure;
use crate::api::{Event, Paired};
use crate::commands::now;

/// How long each step may take before it is tried again.
const STEP: Duration = Duration::from_secs(5);
/// How often a step is tried.
const TRIES: u32 = 6;

/// A pairing under way.
pub(super) struct Pairing {
    asking: Asking,
    code: PairingCode,
    answer: Option<oneshot::Sender<Result<Paired, Failure>>>,
    /// What was sent last, once the meter's offer was found right.
    confirmation: Option<ConfirmPairing>,
    said_at: Option<Instant>,
    tries: u32,
}

impl Pairing {
    fn end(&mut self, result: Result<Paired, Failure>) {
        if let Some(answer) = self.answer.take() {
            let _ = answer.send(result);
        }
    }
}

impl Conversation {
    /// Begins; a pairing that was under way is given up.
    pub(super) fn begin_pairing(&mut self, code: PairingCode, answer: oneshot::Sender<Result<Paired, Failure>>) {
        if let Some(mut old) = self.pairing.take() {
            old.end(Err(Failure::refused("superseded", "another pairing was begun on this line")));
        }
        let mut key = zeroize::Zeroizing::new([0; 32]);
        let mut nonce = [0; 16];
        if getrandom::fill(key.as_mut_slice()).and_then(|()| getrandom::fill(&mut nonce)).is_err() {
            let _ = answer.send(Err(Failure::could_not("randomness", "no randomness from the system")));
            return;
        }
        self.pairing = Some(Pairing {
            asking: Asking::new(AgreementKey::from_bytes(*key), nonce),
            code,
            answer: Some(answer),
            confirmation: None,
            said_at: None,
            tries: 0,
        });
        // A fresh greeting: the meter may have changed its epoch since the last.
        self.greet();
        self.pairing_tick(Instant::now());
    }

    /// Says the current step when it was not said yet or not answered.
    pub(super) fn pairing_tick(&mut self, at: Instant) {
        let ready = self
            .identity
            .as_ref()
            .is_some_and(|identity| self.certificates.last().is_some_and(|newest| newest.hash == identity.certificate));
        let Some(pairing) = &mut self.pairing else { return };
        if pairing.said_at.is_some_and(|said| at - said < STEP) {
            return;
        }
        if pairing.tries >= TRIES {
            pairing.end(Err(Failure::could_not(
                "no-answer",
                if pairing.confirmation.is_some() {
                    "the meter did not answer the last step of the pairing. If it took it, it will say so when it answers \
                     next, and the pairing is then complete"
                } else {
                    "no sealing meter answers on this line; check the cable or the broker's topic, then try again"
                },
            )));
            self.pairing = None;
            return;
        }
        pairing.tries += 1;
        pairing.said_at = Some(at);
        let message = match &pairing.confirmation {
            Some(confirmation) => Message::ConfirmPairing(confirmation.clone()),
            None if ready => Message::AskPairing(pairing.asking.ask()),
            None => return,
        };
        self.say(message);
    }

    /// The meter's offer: checked against the code before anything is stored or sent.
    pub(super) async fn offered(&mut self, offer: &Offer) -> Result<(), Failure> {
        let Some(pairing) = &mut self.pairing else { return Ok(()) };
        if pairing.confirmation.is_some() {
            return Ok(());
        }
        match pairing.asking.confirm(offer, &self.certificates, &pairing.code) {
            Ok((confirmation, kept)) => {
                let line = self.line;
                // Durable before it is sent: the meter may seal for these keys from the moment it has the confirmation.
                let stored = self.keeper.run(move |store| store.keep_handshake(line, &kept, now())).await;
                let Some(pairing) = &mut self.pairing else { return Ok(()) };
                if let Err(failure) = stored {
                    pairing.end(Err(failure));
                    self.pairing = None;
                    return Ok(());
                }
                pairing.confirmation = Some(confirmation);
                pairing.tries = 0;
                pairing.said_at = None;
                self.pairing_tick(Instant::now());
            }
            // A new epoch began in between; the certificates are on their way.
            Err(HandshakeError::OtherCertificate) => self.greet(),
            Err(error) => {
                let code = match error {
                    HandshakeError::WrongCode => "wrong-code",
                    HandshakeError::BrokenEpochs => "broken-epochs",
                    HandshakeError::BadKey | HandshakeError::OtherCertificate => "bad-key",
                };
                pairing.end(Err(Failure::refused(code, error.to_string())));
                self.pairing = None;
            }
        }
        Ok(())
    }

    /// The meter has taken the pairing.
    pub(super) async fn paired(&mut self, paired: &Answered) -> Result<(), Failure> {
        let Some(pairing) = &self.pairing else { return Ok(()) };
        if pairing.confirmation.as_ref().is_none_or(|sent| sent.counter != paired.counter) {
            return Ok(());
        }
        let (line, household, counter) = (self.line, paired.household, paired.counter);
        let result = self
            .keeper
            .run(move |store| {
                store.transaction(|store| {
                    let kept = store.handshake(line)?.filter(|kept| kept.household() == household);
                    let Some(kept) = kept else { return Ok(None) };
                    gateway_core::ingest::pair(store, &kept, now())?;
                    store.end_handshake(line)?;
                    Ok::<_, gateway_core::ingest::IngestError>(
                        kept.certificates.first().map(|first| first.certificate.identity_key),
                    )
                })
            })
            .await;
        let meter = self.meter_name();
        let answer = match result {
            // It speaks of another household: not the answer to what we sent.
            Ok(None) => return Ok(()),
            Ok(Some(identity)) => Ok(Paired {
                meter: meter.clone(),
                identity: hex::encode(identity),
                fingerprint: show::fingerprint(&identity),
                pairing: counter,
                known: false,
                file: None,
            }),
            Err(failure) => Err(failure),
        };
        if answer.is_ok() {
            tracing::info!(line = self.line, "paired");
            self.tell(Event::Paired { meter, pairing: counter });
        }
        if let Some(mut pairing) = self.pairing.take() {
            pairing.end(answer);
        }
        // Its identity names the new pairing now, and a live session can begin.
        self.greet_anew();
        Ok(())
    }

    /// The meter refused something; only a pairing waits for an answer.
    pub(super) fn pairing_refused(&mut self, reason: Refused) {
        let code = match reason {
            Refused::NotPairing => "not-pairing",
            Refused::WrongCode => "wrong-code",
            Refused::TooManyTries => "too-many-tries",
            Refused::Memory => "meter-memory",
            Refused::Unsupported => "meter-unsupported",
            Refused::NoRegister | Refused::NotHeld => return,
        };
        match self.pairing.take() {
            Some(mut pairing) => pairing.end(Err(Failure::refused(code, reason.to_string()))),
            None => self.refuse(code, &reason.to_string()),
        }
    }

    /// The line is gone: the step is said again when it is back.
    pub(super) fn pairing_lost(&mut self) {
        if let Some(pairing) = &mut self.pairing {
            pairing.said_at = None;
        }
    }
}
