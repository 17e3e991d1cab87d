//! Who is on the line: greeting, Identity, certificates.
//!
//! A greeting is said until it is answered *and* the answer could be looked up: while the store fails the question stays
//! open. Each nonce has one answer; a second Identity with it would open old telegrams anew.

use std::time::Duration;

use drivers::silence_for;
use protocol::certificate::VerifiedCertificate;
use protocol::line::{Hello, Identity, Message};
use protocol::metrology::exchange::NONCE_BYTES;
use tokio::time::Instant;

use super::arrival::look_up;
use super::conversation::{ANSWER_WITHIN, Conversation};
use crate::Failure;
use crate::api::Event;
use crate::commands::now;

/// How soon a greeting may follow another.
const GREETING_PAUSE: Duration = Duration::from_secs(3);
/// Epochs of one meter that are taken from a line: more than a century of monthly keys.
const MOST_EPOCHS: usize = 4096;

const FORKED: &str = "the meter shows another certificate for an epoch that is known here: it was copied, set back, or its \
                      key was stolen. Nothing more is taken from it; tell the operator of the meter";
const BEHIND: &str = "the meter shows an older certificate than this home knows: it was set back, or another meter answers \
                      with its name. Nothing more is taken from it; tell the operator of the meter";

/// How far the greeting is.
#[derive(Default)]
pub(super) struct Greeting {
    said_at: Option<Instant>,
    /// The nonce of a greeting that waits for its answer.
    open: Option<[u8; NONCE_BYTES]>,
    /// Whether an answer has come since a greeting was last wanted.
    answered: bool,
    /// What was told last of who answers on this connection.
    found: Option<(String, bool)>,
    told_elsewhere: bool,
    /// Whether all certificates were asked for, because those after the known ones did not lead to the meter's.
    questioned: bool,
}

impl Greeting {
    /// The nonce that waits for its answer.
    pub(super) fn open(&self) -> Option<[u8; NONCE_BYTES]> {
        self.open
    }

    /// Whether it is to be said, or said again.
    pub(super) fn is_due(&self, at: Instant) -> bool {
        // One that was only noted waits for the pause to end.
        let wait = if self.open.is_some() { ANSWER_WITHIN } else { GREETING_PAUSE };
        !self.answered && self.said_at.is_none_or(|since| at - since > wait)
    }
}

impl Conversation {
    /// Asks who is there, and begins a live session. Soon after another greeting it only notes that one is due.
    pub(super) fn greet(&mut self) {
        let at = Instant::now();
        self.greeting.answered = false;
        // A line that opens is greeted anyhow.
        if !self.open || self.greeting.said_at.is_some_and(|last| at - last < GREETING_PAUSE) {
            return;
        }
        let mut nonce = [0; NONCE_BYTES];
        if getrandom::fill(&mut nonce).is_err() {
            return;
        }
        self.greeting.open = Some(nonce);
        self.greeting.said_at = Some(at);
        self.say(Message::Hello(Hello { nonce }));
    }

    /// Greets at once, however short ago the last greeting was.
    pub(super) fn greet_anew(&mut self) {
        self.greeting.said_at = None;
        self.greet();
    }

    pub(super) async fn meet(&mut self, identity: Identity) -> Result<(), Failure> {
        if identity.answers == [0; NONCE_BYTES] {
            // It started anew: our session with it is over.
            self.session.end();
            self.greet();
            return Ok(());
        }
        let Some(nonce) = self.greeting.open().filter(|open| *open == identity.answers) else { return Ok(()) };
        let (line, key, pairing, household) = (self.line, identity.identity_key, identity.pairing, identity.household);
        self.known = self.keeper.run(move |store| look_up(store, line, &key, pairing, &household)).await?;
        (self.greeting.open, self.greeting.answered) = (None, true);
        self.handle.set_silence(silence_for(Duration::from_secs(identity.cadence.into())));
        if self.known.meter.is_some() {
            self.certificates.clone_from(&self.known.certificates);
        } else if self.certificates.first().is_some_and(|first| first.certificate.identity_key != key) {
            self.certificates.clear();
        }
        self.session.greeted(nonce);
        let clock = i64::try_from(identity.clock).ok();
        let open = identity.pairing_open;
        self.identity = Some(identity);
        self.voice.shared.change(|state| {
            state.pairing_open = open;
            state.clock_ahead = clock.and_then(|clock| clock.checked_sub(now()));
        });
        self.found();
        self.pairing_met();
        if self.certificates_complete() {
            self.begin().await
        } else {
            self.ask_certificates();
            Ok(())
        }
    }

    /// Shows and tells who answers, once for as long as it stays the same.
    pub(super) fn found(&mut self) {
        let Some(identity) = &self.identity else { return };
        let paired = self.known.current.is_some();
        let ours = paired || self.known.waiting_for(identity.pairing, &identity.household).is_some();
        let elsewhere = self.known.meter.is_some() && !ours && identity.pairing > 0;
        let (meter, key) = (self.meter_name(), hex::encode(identity.identity_key));
        self.voice.shared.change(|state| {
            state.meter = Some(meter.clone());
            state.identity = Some(key);
            state.paired = paired;
            state.paired_elsewhere = elsewhere;
        });
        let found = Some((meter.clone(), paired));
        if self.greeting.found != found {
            self.greeting.found = found;
            self.tell(Event::MeterFound { line: self.line, meter: meter.clone(), paired });
        }
        if elsewhere && !self.greeting.told_elsewhere {
            self.greeting.told_elsewhere = true;
            self.tell(Event::PairedElsewhere { meter });
        }
    }

    pub(super) fn certificates_complete(&self) -> bool {
        let newest = self.certificates.last().map(|last| last.hash);
        self.identity.as_ref().is_some_and(|identity| newest == Some(identity.certificate))
    }

    pub(super) fn ask_certificates(&mut self) {
        let next = self.certificates.last().and_then(|last| last.certificate.epoch.checked_add(1)).unwrap_or(0);
        self.asked_certificates = Some(Instant::now());
        self.say(Message::AskCertificates(next));
    }

    pub(super) async fn certify(&mut self, list: &[minicbor::bytes::ByteVec]) -> Result<(), Failure> {
        let Some(identity) = &self.identity else { return Ok(()) };
        let before = self.certificates.len();
        if before + list.len() > MOST_EPOCHS {
            return Ok(()); // no honest meter: it gets no further, and takes no more memory
        }
        for message in list {
            let Ok(entry) = VerifiedCertificate::read(message) else { break };
            if self.contradicts(&entry) {
                self.asked_certificates = None;
                self.refuse("forked-epoch", FORKED);
                return Ok(());
            }
            let expected = self.certificates.last().map_or(0, |last| last.certificate.epoch.saturating_add(1));
            if entry.certificate.identity_key != identity.identity_key || entry.certificate.epoch != expected {
                continue;
            }
            self.certificates.push(entry);
        }
        if self.certificates.len() == before {
            // Nothing new, yet the meter's newest is another: whoever answers is behind what this home knows, or shows
            // something else for a time that is known. All of it will tell.
            if before > 0 && !self.greeting.questioned {
                self.greeting.questioned = true;
                self.say(Message::AskCertificates(0));
            } else if before > 0 {
                self.refuse("meter-behind", BEHIND);
            }
            return Ok(()); // the question is put again after a while
        }
        if self.known.meter.is_some() {
            let chain = self.certificates.clone();
            let learnt = self
                .keeper
                .run(move |store| store.transaction(|store| gateway_core::ingest::learn(store, &chain)))
                .await;
            if let Err(failure) = learnt {
                self.certificates.clone_from(&self.known.certificates);
                if let Failure::CouldNot { .. } = failure {
                    // Not the line's fault: the question stays open.
                    self.asked_certificates = Some(Instant::now());
                    return Err(failure);
                }
                // A line that shows false certificates gets no further; what is stored stays.
                self.asked_certificates = None;
                self.refuse(failure.code(), &failure.to_string());
                return Ok(());
            }
            self.known.certificates.clone_from(&self.certificates);
        }
        self.asked_certificates = None;
        if self.certificates_complete() {
            self.begin().await
        } else {
            self.ask_certificates();
            Ok(())
        }
    }

    /// Whether a certificate of this meter is another than the known one of its epoch.
    fn contradicts(&self, entry: &VerifiedCertificate) -> bool {
        let same = |known: &&VerifiedCertificate| {
            known.certificate.identity_key == entry.certificate.identity_key
                && known.certificate.epoch == entry.certificate.epoch
        };
        self.certificates.iter().find(same).is_some_and(|known| known.hash != entry.hash)
    }

    /// All certificates are there: the session can begin.
    async fn begin(&mut self) -> Result<(), Failure> {
        self.asked_certificates = None;
        self.found();
        self.open_session();
        self.compare_anew();
        self.relay_commands().await
    }
}
