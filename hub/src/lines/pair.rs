//! Pairing with the meter on a line, from the typed code to the stored keys.
//!
//! ```text
//! AskPairing ─► Offer (fits the code) ─► keys durable ─► ConfirmPairing ─► a telegram or block under the new keys
//! ```
//!
//! The last step is what puts the pairing in force ([`super::session`], [`gateway_core::ingest`]). The meter's Paired, and
//! an Identity that names the pairing, only say where to look: anybody on the line can send them. The keys stay in the
//! store until the meter has shown which of them it took, whatever the person was told.

use std::time::Duration;

use gateway_core::store::HandshakeRow;
use protocol::line::handshake::{Asking, HandshakeError};
use protocol::line::{ConfirmPairing, Message, Offer, Paired as Answered, Refused};
use protocol::metrology::keys::{AgreementKey, Hash, PairingCode, household_fingerprint};
use protocol::show;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::conversation::Conversation;
use crate::Failure;
use crate::api::Paired;
use crate::commands::now;

/// How long each step may take before it is said again.
const STEP: Duration = Duration::from_secs(5);
/// How long an offer may take, also while the line is closed.
const OFFER_WITHIN: Duration = Duration::from_secs(30);
/// How long the answer to the confirmation may take: the line may close and open in between.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// How long the meter may take to show that it holds the pairing, by its cadence: at least and at most.
const PROOF_WITHIN: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(120));

/// A pairing under way.
pub(super) struct Pairing {
    asking: Asking,
    household: Hash,
    code: PairingCode,
    answer: Option<oneshot::Sender<Result<Paired, Failure>>>,
    /// What was sent last, once the meter's offer was found right.
    confirmation: Option<ConfirmPairing>,
    /// Whether the line says that the meter took it.
    claimed: bool,
    said_at: Option<Instant>,
    /// When this step is given up, and all of it whatever the line says in between.
    until: Instant,
    latest: Instant,
    /// A refusal that may have been the answer to something else.
    doubtful: Option<Refused>,
}

impl Pairing {
    fn end(&mut self, result: Result<Paired, Failure>) {
        if let Some(answer) = self.answer.take() {
            let _ = answer.send(result);
        }
    }

    /// Why it is given up.
    fn too_late(&self, line_open: bool) -> Failure {
        let later = "If it took the pairing, that completes by itself as soon as the meter shows it on any line of this \
                     home";
        match self.doubtful {
            Some(reason) => Failure::refused(code_of(reason), reason.to_string()),
            None if self.claimed => Failure::could_not(
                "no-proof",
                format!(
                    "the line says that the meter is paired, but the meter has not shown it: no current reading has opened \
                     under the new keys. Somebody may sit on the line between. {later}"
                ),
            ),
            None if self.confirmation.is_some() => Failure::could_not(
                "no-answer",
                format!("the meter did not answer the last step of the pairing. {later}"),
            ),
            None if !line_open => Failure::could_not(
                "line-down",
                "this line is closed; `wattseal line list` shows why. Try again when it is open",
            ),
            None => Failure::could_not(
                "no-answer",
                "no sealing meter answers on this line; check the cable or the broker's topic, then try again",
            ),
        }
    }
}

fn code_of(reason: Refused) -> &'static str {
    match reason {
        Refused::NotPairing => "not-pairing",
        Refused::WrongCode => "wrong-code",
        Refused::TooManyTries => "too-many-tries",
        Refused::Memory => "meter-memory",
        Refused::Unsupported => "meter-unsupported",
        Refused::NoRegister => "no-register",
        Refused::NotHeld => "not-held",
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
        let key = AgreementKey::from_bytes(*key);
        let at = Instant::now();
        self.pairing = Some(Pairing {
            household: household_fingerprint(&key.public()),
            asking: Asking::new(key, nonce),
            code,
            answer: Some(answer),
            confirmation: None,
            claimed: false,
            said_at: None,
            until: at + OFFER_WITHIN,
            latest: at + OFFER_WITHIN,
            doubtful: None,
        });
        // A fresh greeting: the meter may have changed its epoch since the last.
        self.greet();
        self.pairing_tick(at);
    }

    /// Says the current step when it was not said yet or not answered; gives up when its time is over, whether the line
    /// is open or not.
    pub(super) fn pairing_tick(&mut self, at: Instant) {
        let ready = self.certificates_complete();
        let open = self.open;
        let Some(pairing) = &mut self.pairing else { return };
        if at >= pairing.until {
            let failure = pairing.too_late(open);
            pairing.end(Err(failure));
            self.pairing = None;
            return;
        }
        if !open || pairing.claimed || pairing.said_at.is_some_and(|said| at - said < STEP) {
            return;
        }
        let again = pairing.said_at.is_some();
        let message = match &pairing.confirmation {
            Some(confirmation) => Message::ConfirmPairing(confirmation.clone()),
            None if ready => Message::AskPairing(pairing.asking.ask()),
            None => return,
        };
        let confirming = pairing.confirmation.is_some();
        pairing.said_at = Some(at);
        self.say(message);
        if confirming && again {
            // The answer may be lost for good; who the meter seals for is asked as well.
            self.greet();
        }
    }

    /// The meter's offer: checked against the code before anything is stored or sent.
    pub(super) async fn offered(&mut self, offer: &Offer) -> Result<(), Failure> {
        let Some(pairing) = &mut self.pairing else { return Ok(()) };
        if pairing.confirmation.is_some() {
            return Ok(());
        }
        match pairing.asking.confirm(offer, &self.certificates, &pairing.code) {
            Ok((confirmation, kept)) => {
                // Durable before it is sent: the meter may seal for these keys from the moment it has the confirmation.
                let stored = self.keeper.run(move |store| store.keep_handshake(&kept, now())).await;
                let Some(pairing) = &mut self.pairing else { return Ok(()) };
                if let Err(failure) = stored {
                    pairing.end(Err(failure));
                    self.pairing = None;
                    return Ok(());
                }
                let at = Instant::now();
                pairing.confirmation = Some(confirmation);
                pairing.said_at = None;
                pairing.doubtful = None;
                pairing.until = at + ANSWER_WITHIN;
                pairing.latest = pairing.until + PROOF_WITHIN.1;
                self.pairing_tick(at);
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

    /// The line says that the meter has taken the pairing: a session under its keys will show it.
    pub(super) fn claimed(&mut self, paired: &Answered) {
        let fits = |pairing: &Pairing| {
            !pairing.claimed
                && pairing.household == paired.household
                && pairing.confirmation.as_ref().is_some_and(|sent| sent.counter == paired.counter)
        };
        if self.pairing.as_ref().is_some_and(fits) {
            self.wait_for_proof();
            self.greet_anew();
        }
    }

    /// The meter has answered a greeting: it names the pairing under way, or another.
    pub(super) fn pairing_met(&mut self) {
        let (Some(pairing), Some(identity)) = (&mut self.pairing, &self.identity) else { return };
        let named = pairing.household == identity.household
            && pairing.confirmation.as_ref().is_some_and(|sent| sent.counter == identity.pairing);
        match (named, pairing.claimed) {
            (true, false) => self.wait_for_proof(),
            // Somebody claimed it in the meter's place, or before its time: the step is said again.
            (false, true) => (pairing.claimed, pairing.said_at) = (false, None),
            (true, true) | (false, false) => {}
        }
    }

    fn wait_for_proof(&mut self) {
        let cadence = self.identity.as_ref().map_or(0, |identity| identity.cadence);
        let (least, most) = PROOF_WITHIN;
        let Some(pairing) = &mut self.pairing else { return };
        pairing.claimed = true;
        let proof = Duration::from_secs(3 * u64::from(cadence)).clamp(least, most);
        pairing.until = pairing.latest.min(Instant::now() + proof);
    }

    /// A pairing that waited is in force, or can never be: whoever waits for it is told.
    pub(super) fn pairing_done(&mut self, handshake: &HandshakeRow, result: Result<(), Failure>) {
        let counter = handshake.pairing.counter;
        let household = handshake.pairing.household();
        let Some(mut pairing) = self.pairing.take_if(|pairing| pairing.household == household) else { return };
        pairing.end(result.map(|()| Paired {
            meter: self.meter_name(),
            identity: hex::encode(handshake.identity),
            fingerprint: show::fingerprint(&handshake.identity),
            pairing: counter,
            known: false,
            file: None,
        }));
    }

    /// The meter refused something. Only what this step of a pairing can be refused for ends it; of what may as well be
    /// the answer to another request, the pairing remembers that it came.
    pub(super) fn pairing_refused(&mut self, reason: Refused) {
        let Some(pairing) = &mut self.pairing else {
            self.refuse(code_of(reason), &reason.to_string());
            return;
        };
        let confirming = pairing.confirmation.is_some();
        match reason {
            _ if pairing.claimed || pairing.said_at.is_none() => {}
            Refused::WrongCode | Refused::TooManyTries if !confirming => {}
            Refused::NotPairing | Refused::WrongCode | Refused::TooManyTries => {
                pairing.end(Err(Failure::refused(code_of(reason), reason.to_string())));
                self.pairing = None;
            }
            Refused::Memory | Refused::Unsupported => pairing.doubtful = Some(reason),
            Refused::NoRegister | Refused::NotHeld => {}
        }
    }

    /// The line is gone: the step is said again when it is back.
    pub(super) fn pairing_lost(&mut self) {
        if let Some(pairing) = &mut self.pairing {
            (pairing.said_at, pairing.claimed) = (None, false);
        }
    }
}
