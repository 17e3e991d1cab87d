//! A conversation with the meter on a line: who it is, what it holds, what it shows.
//!
//! Nothing the line says is believed: certificates and blocks are verified where they are stored, current readings open
//! under the session's key or not at all. What does not come is asked for again; what is refused is not asked for twice
//! in one connection.

use std::time::Duration;

use drivers::{Event as Heard, Handle, LineError, silence_for};
use protocol::certificate::VerifiedCertificate;
use protocol::line::live::{LiveError, Receiving};
use protocol::line::{BlockName, Hello, Identity, Message, Now, Refused};
use protocol::metrology::exchange::{Course, NONCE_BYTES, live_key};
use protocol::metrology::keys::PairingContext;
use protocol::metrology::label::RegisterCode;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::arrival::{Known, look_up};
use super::fetch::Fetch;
use super::pair::Pairing;
use super::{Control, Shared};
use crate::Failure;
use crate::api::{Event, NowMeter, NowRegister};
use crate::commands::now;
use crate::keeper::Keeper;

/// Telegrams that do not open before a new session is begun.
const CLOSED_TELEGRAMS: u32 = 3;
/// How often the meter is asked what it holds, besides what it tells itself.
const HOLDINGS_EVERY: Duration = Duration::from_secs(15 * 60);
/// How soon a greeting may follow another.
const GREETING_PAUSE: Duration = Duration::from_secs(3);
/// Epochs of one meter that are taken from a line: more than a century of monthly keys.
const MOST_EPOCHS: usize = 4096;
/// How long a question without an answer waits before it is put again.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A conversation; see the module.
pub(super) struct Conversation {
    pub(super) line: i64,
    pub(super) keeper: Keeper,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) shared: Shared,
    handle: Handle<Message>,
    nonce: [u8; NONCE_BYTES],
    greeted: Option<Instant>,
    /// Whether a greeting is due or on its way: it is said again until it is answered.
    greeting: bool,
    /// Who answered our greeting.
    pub(super) identity: Option<Identity>,
    /// Its certificates as far as they are known, stored or not.
    pub(super) certificates: Vec<VerifiedCertificate>,
    /// When certificates were asked for.
    asked_certificates: Option<Instant>,
    pub(super) known: Known,
    live: Option<Receiving>,
    closed_telegrams: u32,
    holdings_at: Option<Instant>,
    /// Registers whose holdings were asked for and have not come.
    holdings_open: Vec<RegisterCode>,
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
            events,
            shared,
            handle,
            nonce: [0; NONCE_BYTES],
            greeted: None,
            greeting: true,
            identity: None,
            certificates: Vec::new(),
            asked_certificates: None,
            known: Known::default(),
            live: None,
            closed_telegrams: 0,
            holdings_at: None,
            holdings_open: Vec::new(),
            fetch: Fetch::default(),
            pairing: None,
        }
    }

    /// Talks until it is told to close or the reader has ended.
    pub(super) async fn run(mut self, mut heard: mpsc::Receiver<Heard<Message>>, mut orders: mpsc::Receiver<Control>) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let result = tokio::select! {
                event = heard.recv() => match event {
                    Some(event) => self.hear(event).await,
                    None => break,
                },
                order = orders.recv() => match order {
                    Some(Control::Pair(code, answer)) => {
                        self.begin_pairing(code, answer);
                        Ok(())
                    }
                    Some(Control::Flush(done)) => {
                        let result = self.store_held().await;
                        let _ = done.send(());
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
                // The meter still has what could not be stored; it is asked for again later.
                tracing::warn!(line = self.line, code = failure.code(), "could not store what came");
                self.tell(Event::Attention { code: failure.code().to_owned(), message: failure.to_string() });
                self.holdings_at = self.identity.is_some().then(|| self.fetch.pause(Instant::now()));
            }
        }
        self.handle.close();
        // The reader ends when its events are read to the last.
        while heard.recv().await.is_some() {}
        self.shared.change(|state| {
            state.up = false;
            state.why = Some("closed".into());
        });
        self.shared.show(None);
    }

    async fn hear(&mut self, event: Heard<Message>) -> Result<(), Failure> {
        match event {
            Heard::Connected => {
                self.forget();
                self.shared.change(|state| {
                    state.up = true;
                    state.why = None;
                });
                tracing::info!(line = self.line, "line open");
                self.tell(Event::LineUp { line: self.line });
                self.greet();
                Ok(())
            }
            Heard::Disconnected { why, retry_in } => {
                let result = self.store_held().await;
                self.forget();
                self.lost(&why, retry_in);
                result
            }
            Heard::Damaged { count, .. } => {
                self.shared.change(|state| state.damaged += count);
                Ok(())
            }
            Heard::Noise { bytes } => {
                self.shared.change(|state| state.noise += bytes);
                Ok(())
            }
            Heard::Message(message) => {
                self.shared.change(|state| state.heard_at = Some(now()));
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
            Message::Now(now) => {
                self.look_at(&now);
                Ok(())
            }
            Message::Offer(offer) => self.offered(&offer).await,
            Message::Paired(paired) => self.paired(&paired).await,
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
        if self.handle.is_connected() {
            let waiting = |since: Option<Instant>| since.is_some_and(|since| at - since > ANSWER_WITHIN);
            if self.greeting && (self.greeted.is_none() || waiting(self.greeted)) {
                self.greet();
            }
            if waiting(self.asked_certificates) {
                self.ask_certificates();
            }
            if self.holdings_at.is_some_and(|due| at >= due) {
                self.ask_holdings();
            }
            self.pairing_tick(at);
            if self.fetch.is_late(at) {
                self.go_on();
            }
        }
        if self.fetch.wants_storing(at) { self.store_held().await } else { Ok(()) }
    }

    /// Asks who is there, and begins a live session.
    pub(super) fn greet(&mut self) {
        let at = Instant::now();
        self.greeting = true;
        if self.greeted.is_some_and(|last| at - last < GREETING_PAUSE) {
            return;
        }
        let mut nonce = [0; NONCE_BYTES];
        if getrandom::fill(&mut nonce).is_err() {
            return;
        }
        self.nonce = nonce;
        self.greeted = Some(at);
        self.say(Message::Hello(Hello { nonce }));
    }

    /// Greets at once, however short ago the last greeting was.
    pub(super) fn greet_anew(&mut self) {
        self.greeted = None;
        self.greet();
    }

    async fn meet(&mut self, identity: Identity) -> Result<(), Failure> {
        if identity.answers == [0; NONCE_BYTES] {
            // It started anew: our session with it is over.
            self.live = None;
            self.greet();
            return Ok(());
        }
        if identity.answers != self.nonce {
            return Ok(());
        }
        self.greeting = false;
        self.handle.set_silence(silence_for(Duration::from_secs(identity.cadence.into())));
        let (line, key, pairing, household) = (self.line, identity.identity_key, identity.pairing, identity.household);
        self.known = self.keeper.run(move |store| look_up(store, line, &key, pairing, &household)).await?;
        if self.known.meter.is_some() {
            self.certificates.clone_from(&self.known.certificates);
        } else if self.certificates.first().is_some_and(|first| first.certificate.identity_key != key) {
            self.certificates.clear();
        }
        let elsewhere = self.known.meter.is_some() && self.known.current.is_none() && pairing > 0;
        let was_elsewhere = self.shared.state().paired_elsewhere;
        self.shared.change(|state| {
            state.meter = Some(identity.meter.to_string());
            state.identity = Some(hex::encode(key));
            state.paired = self.known.current.is_some();
            state.paired_elsewhere = elsewhere;
            state.pairing_open = identity.pairing_open;
            state.clock_ahead = i64::try_from(identity.clock).ok().and_then(|clock| clock.checked_sub(now()));
        });
        let meter = identity.meter.to_string();
        self.tell(Event::MeterFound { line, meter: meter.clone(), paired: self.known.current.is_some() });
        if elsewhere && !was_elsewhere {
            self.tell(Event::PairedElsewhere { meter });
        }
        self.identity = Some(identity);
        if self.certificates_complete() { self.begin().await } else { self.ask_certificates_now() }
    }

    fn certificates_complete(&self) -> bool {
        let newest = self.certificates.last().map(|last| last.hash);
        self.identity.as_ref().is_some_and(|identity| newest == Some(identity.certificate))
    }

    fn ask_certificates_now(&mut self) -> Result<(), Failure> {
        self.ask_certificates();
        Ok(())
    }

    fn ask_certificates(&mut self) {
        let next = self.certificates.last().and_then(|last| last.certificate.epoch.checked_add(1)).unwrap_or(0);
        self.asked_certificates = Some(Instant::now());
        self.say(Message::AskCertificates(next));
    }

    async fn certify(&mut self, list: &[minicbor::bytes::ByteVec]) -> Result<(), Failure> {
        let Some(identity) = &self.identity else { return Ok(()) };
        let before = self.certificates.len();
        if before + list.len() > MOST_EPOCHS {
            return Ok(()); // no honest meter: it gets no further, and takes no more memory
        }
        for message in list {
            let Ok(entry) = VerifiedCertificate::read(message) else { break };
            let expected = self.certificates.last().map_or(0, |last| last.certificate.epoch.saturating_add(1));
            if entry.certificate.identity_key != identity.identity_key || entry.certificate.epoch != expected {
                continue;
            }
            self.certificates.push(entry);
        }
        if self.certificates.len() == before {
            return Ok(()); // nothing new; the question is put again after a while
        }
        self.asked_certificates = None;
        if self.known.meter.is_some() {
            let chain = self.certificates.clone();
            let learnt = self
                .keeper
                .run(move |store| store.transaction(|store| gateway_core::ingest::learn(store, &chain)))
                .await;
            if let Err(failure) = learnt {
                // A line that shows false certificates gets no further; what is stored stays.
                self.certificates.clone_from(&self.known.certificates);
                self.refuse(failure.code(), &failure.to_string());
                return Ok(());
            }
        }
        if self.certificates_complete() { self.begin().await } else { self.ask_certificates_now() }
    }

    /// All certificates are there: the session can begin.
    async fn begin(&mut self) -> Result<(), Failure> {
        self.asked_certificates = None;
        self.open_live();
        self.holdings_open.clear();
        self.ask_holdings();
        self.relay_commands().await
    }

    fn open_live(&mut self) {
        self.closed_telegrams = 0;
        self.live = None;
        let (Some(identity), Some(pairing)) = (&self.identity, &self.known.current) else { return };
        let Some(epoch) = self.certificates.last() else { return };
        let household = pairing.household();
        let context = PairingContext { certificate: &epoch.hash, counter: pairing.counter, household: &household };
        let course = Course { context, household_nonce: self.nonce, meter_nonce: identity.nonce };
        let key = live_key(&pairing.household_key, &epoch.certificate.agreement_key, &pairing.code, &course);
        self.live = key.map(Receiving::new);
    }

    fn look_at(&mut self, telegram: &Now) {
        let Some(live) = &mut self.live else { return };
        match live.open(telegram) {
            Ok(shown) => {
                self.closed_telegrams = 0;
                let Some(identity) = &self.identity else { return };
                let registers = identity.registers.iter().zip(&shown.totals).map(|(register, total)| NowRegister {
                    code: register.code.to_string(),
                    unit: register.unit.to_string(),
                    total: *total,
                });
                self.shared.show(Some(NowMeter {
                    meter: identity.meter.to_string(),
                    received_at: now(),
                    at: shown.at,
                    power: shown.power,
                    supply: shown.supply,
                    credit: shown.credit,
                    registers: registers.collect(),
                }));
            }
            // Late or repeated: the one that was shown is newer.
            Err(LiveError::Replayed) => {}
            Err(LiveError::Closed | LiveError::Malformed) => {
                self.closed_telegrams += 1;
                if self.closed_telegrams >= CLOSED_TELEGRAMS {
                    self.closed_telegrams = 0;
                    self.greet();
                }
            }
        }
    }

    /// Asks what the meter holds: of the registers that it has not told yet, or else of all.
    fn ask_holdings(&mut self) {
        self.holdings_at = None;
        let Some(identity) = &self.identity else { return };
        if self.known.meter.is_none() {
            return;
        }
        if self.holdings_open.is_empty() {
            self.holdings_open = identity.registers.iter().map(|register| register.code).collect();
        }
        self.holdings_at = Some(Instant::now() + ANSWER_WITHIN);
        for register in &self.holdings_open {
            self.say(Message::AskHoldings(BlockName { register: *register, block: 0 }));
        }
    }

    /// The meter has told what it holds of a register.
    pub(super) fn holdings_came(&mut self, register: &RegisterCode) {
        self.holdings_open.retain(|open| open != register);
        if self.holdings_open.is_empty() {
            self.holdings_at = Some(Instant::now() + HOLDINGS_EVERY);
        }
    }

    /// The line is open anew, or closed: what was said on it before does not count.
    fn forget(&mut self) {
        self.identity = None;
        (self.greeted, self.greeting) = (None, true);
        self.live = None;
        self.asked_certificates = None;
        self.holdings_at = None;
        self.holdings_open.clear();
        self.closed_telegrams = 0;
        self.known = Known::default();
        self.fetch.forget();
    }

    fn lost(&mut self, why: &LineError, retry_in: Option<Duration>) {
        self.shared.change(|state| {
            state.up = false;
            state.why = Some(why.to_string());
        });
        self.shared.show(None);
        tracing::info!(line = self.line, code = why.code(), retry = ?retry_in, "line closed");
        self.tell(Event::LineDown { line: self.line, why: why.to_string() });
        self.pairing_lost();
    }

    /// Sends, or lets it be: whoever waits for an answer asks again.
    pub(super) fn say(&self, message: Message) {
        let _ = self.handle.send(message);
    }

    /// Tells whoever listens.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    pub(super) fn refuse(&self, code: &str, message: &str) {
        let meter = self.meter_name();
        tracing::warn!(line = self.line, code, "refused what came from the meter");
        self.tell(Event::Refused { meter, code: code.to_owned(), message: message.to_owned() });
    }

    pub(super) fn meter_name(&self) -> String {
        self.identity.as_ref().map_or_else(String::new, |identity| identity.meter.to_string())
    }
}
