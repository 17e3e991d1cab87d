//! A conversation with the meter on a line: what is heard goes to where it is judged, and what did not come is asked for
//! again.
//!
//! ```text
//! heard ─► meet (who is there) ─► session (what it shows) │ holdings, fetch (blocks) │ pair │ commands
//! ```
//!
//! Nothing the line says is believed: certificates and blocks are verified where they are stored, current readings open
//! under the session's key or not at all, and a pairing is in force only once one of the two has shown it. What the meter
//! itself signed and was refused is not asked for twice in one connection.

use std::time::Duration;

use drivers::{Event as Heard, Events, Handle};
use protocol::certificate::VerifiedCertificate;
use protocol::line::{Identity, Message, Refused};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::arrival::Known;
use super::fetch::Fetch;
use super::holdings::Holding;
use super::meet::Greeting;
use super::pair::Pairing;
use super::session::Session;
use super::voice::Voice;
use super::{Control, Shared};
use crate::Failure;
use crate::api::Event;
use crate::commands::now;
use crate::keeper::Keeper;

/// How long a question without an answer waits before it is put again.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A conversation; see the module.
pub(super) struct Conversation {
    pub(super) line: i64,
    pub(super) keeper: Keeper,
    pub(super) voice: Voice,
    pub(super) handle: Handle<Message>,
    /// Whether the line is open, as far as its events tell: the handle knows sooner, and what is said then would be
    /// forgotten when the event comes.
    pub(super) open: bool,
    pub(super) greeting: Greeting,
    /// Who answered our greeting.
    pub(super) identity: Option<Identity>,
    /// Its certificates as far as they are known, stored or not.
    pub(super) certificates: Vec<VerifiedCertificate>,
    /// When certificates were asked for.
    pub(super) asked_certificates: Option<Instant>,
    pub(super) known: Known,
    pub(super) session: Session,
    pub(super) holding: Holding,
    pub(super) fetch: Fetch,
    pub(super) pairing: Option<Pairing>,
}

impl Conversation {
    pub(super) fn new(
        line: i64,
        keeper: Keeper,
        handle: Handle<Message>,
        events: broadcast::Sender<Event>,
        shared: Shared,
    ) -> Self {
        Self {
            line,
            keeper,
            voice: Voice::new(line, events, shared),
            handle,
            open: false,
            greeting: Greeting::default(),
            identity: None,
            certificates: Vec::new(),
            asked_certificates: None,
            known: Known::default(),
            session: Session::default(),
            holding: Holding::default(),
            fetch: Fetch::default(),
            pairing: None,
        }
    }

    /// Talks until it is told to close or the reader has ended.
    pub(super) async fn run(mut self, mut heard: Events<Message>, mut orders: mpsc::Receiver<Control>) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let result = tokio::select! {
                told = heard.recv() => match told {
                    Some(told) => self.hear(told.event).await,
                    None => break,
                },
                order = orders.recv() => match order {
                    Some(Control::Pair(code, answer)) => {
                        self.begin_pairing(code, answer);
                        Ok(())
                    }
                    Some(Control::Flush(done)) => {
                        let result = self.store_held().await;
                        let _ = done.send(result.clone());
                        result
                    }
                    Some(Control::Look) => self.relay_commands().await,
                    Some(Control::Close) | None => {
                        let _ = self.store_held().await;
                        break;
                    }
                },
                _ = tick.tick() => self.tick().await,
            };
            if let Err(failure) = result {
                self.could_not(&failure);
            }
        }
        self.handle.close();
        // The reader ends when its events are read to the last.
        while heard.recv().await.is_some() {}
        self.voice.closed();
    }

    async fn hear(&mut self, event: Heard<Message>) -> Result<(), Failure> {
        match event {
            Heard::Connected => {
                self.forget();
                self.open = true;
                self.voice.up();
                self.greet();
                Ok(())
            }
            Heard::Disconnected { why, retry_in } => {
                let result = self.store_held().await;
                self.forget();
                self.open = false;
                self.voice.down(&why, retry_in);
                self.pairing_lost();
                result
            }
            Heard::Damaged { count, .. } => {
                self.voice.damaged(count);
                Ok(())
            }
            Heard::Noise { bytes } => {
                self.voice.noise(bytes);
                Ok(())
            }
            Heard::Message(message) => {
                self.voice.shared.change(|state| state.heard_at = Some(now()));
                self.answer(message).await
            }
        }
    }

    async fn answer(&mut self, message: Message) -> Result<(), Failure> {
        match message {
            Message::Identity(identity) => self.meet(*identity).await,
            Message::Certificates(list) => self.certify(&list).await,
            Message::Holdings(holdings) => self.compare(&holdings).await,
            Message::Block(bytes) => self.receive(bytes.into()).await,
            Message::Sealed(name) => {
                self.announced(name);
                Ok(())
            }
            Message::Now(now) => self.look_at(&now).await,
            Message::Offer(offer) => self.offered(&offer).await,
            Message::Paired(paired) => {
                self.claimed(&paired);
                Ok(())
            }
            Message::Receipt(bytes) => self.receipt(&bytes).await,
            Message::Refused(Refused::NotHeld) => {
                self.fetch.not_held();
                self.go_on();
                Ok(())
            }
            Message::Refused(reason) => {
                self.pairing_refused(reason);
                Ok(())
            }
            // What a household says; somebody else is on the line.
            _ => Ok(()),
        }
    }

    /// Once a second.
    async fn tick(&mut self) -> Result<(), Failure> {
        let at = Instant::now();
        let meter = self.meter_name();
        self.voice.tick(&meter);
        self.pairing_tick(at);
        self.show_no_old(at);
        if self.open {
            if self.greeting.is_due(at) {
                self.greet();
            }
            if self.asked_certificates.is_some_and(|since| at - since > ANSWER_WITHIN) {
                self.ask_certificates();
            }
            if self.holding.is_due(at) {
                self.ask_holdings();
            }
            if self.fetch.is_late(at) {
                self.go_on();
            }
        }
        if self.fetch.wants_storing(at) { self.store_held().await } else { Ok(()) }
    }

    /// The store failed. The meter still has what could not be stored; it is asked for again later.
    fn could_not(&mut self, failure: &Failure) {
        let at = Instant::now();
        self.voice.attend(failure.code(), &failure.to_string());
        let until = self.fetch.pause(at);
        if self.identity.is_some() {
            self.holding.put_off(until);
        }
    }

    /// The line is open anew, or closed: what was said on it before does not count.
    fn forget(&mut self) {
        self.identity = None;
        self.greeting = Greeting::default();
        self.session = Session::default();
        self.asked_certificates = None;
        self.holding = Holding::default();
        self.known = Known::default();
        self.fetch.forget_connection();
    }

    /// Sends, or lets it be: whoever waits for an answer asks again.
    pub(super) fn say(&self, message: Message) {
        let _ = self.handle.send(message);
    }

    /// Tells whoever listens.
    pub(super) fn tell(&self, event: Event) {
        self.voice.tell(event);
    }

    /// Something that came was discarded.
    pub(super) fn refuse(&mut self, code: &str, message: &str) {
        let meter = self.meter_name();
        self.voice.refuse(&meter, code, message);
    }

    /// What is printed on the meter: by its certificate, or else as the line says it.
    pub(super) fn meter_name(&self) -> String {
        let Some(identity) = &self.identity else { return String::new() };
        let certified = self.certificates.first().map(|first| &first.certificate);
        let certified = certified.filter(|certificate| certificate.identity_key == identity.identity_key);
        certified.map_or_else(|| identity.meter.to_string(), |certificate| certificate.meter.to_string())
    }
}
