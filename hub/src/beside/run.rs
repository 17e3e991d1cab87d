//! The device's loop: one task that owns it, the reader of the plain meter on one side and a home's lines on the other.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use drivers::plain::Telegram;
use drivers::slots::Way;
use drivers::{Event as Heard, Patience, Reader, Told};
use protocol::line::Message;
use sealer::port::{self, Inward, Port, Untroubled};
use sealer::{Device, Event, Failure as Fails, Moment, code_file, controls};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::listen::Listening;
use super::setup::{self, Options, Parts, Terms};
use crate::Failure;
use crate::api::LineAdd;
use crate::commands::now_millis;

/// Requests that wait for the device at most.
const QUEUE: usize = 64;
/// Least time for which what the meter said is shown as of now.
const LEAST_SHOWN: Duration = Duration::from_secs(30);

/// What happens meanwhile.
#[derive(Clone, Debug)]
pub enum Beside {
    /// At the line to the plain meter.
    Meter {
        /// Short stable name.
        code: &'static str,
        /// What happened.
        message: String,
    },
    /// At the device.
    Device(Event),
}

fn clock() -> u64 {
    now_millis() / 1000
}

/// Seals what the plain meter on a line says, until it is told to stop.
///
/// # Errors
/// When the line to the meter, the directory or a line to a home cannot be set up, or the directory fails for good.
pub async fn run(line: LineAdd, options: Options, say: &mut (dyn FnMut(&Beside) + Send)) -> Result<(), Failure> {
    let line = setup::line(line, &options.directory)?;
    std::fs::create_dir_all(&options.directory).map_err(|error| Failure::file(&options.directory, &error))?;
    let terms = line.terms();
    let listening = Listening::open(&options.directory, terms.interval)?;
    let patience = Patience { silence: line.profile.silence(), ..Patience::default() };
    let (reader, handle, mut heard) = Reader::new(line.dial, line.spoken, patience, crate::lines::random_number);
    let reader = tokio::spawn(reader.run());
    let (inward, mut coming) = mpsc::channel(QUEUE);
    let no_controls = |error| Failure::could_not("signals", format!("the system gives no signals: {error}"));
    controls::listen(&inward).map_err(no_controls)?;
    if let Some(path) = &options.code_file {
        code_file::forget_old(path);
    }
    let mut run = Run {
        began: Instant::now(),
        terms,
        listening,
        device: None,
        ports: Vec::new(),
        inward,
        pair: options.pair,
        heard_at: None,
        options,
        say,
        code_shown: false,
    };
    // A device that ran before answers at once, whether the meter speaks or not.
    if !run.listening.ways(None).is_empty() {
        run.open(None).await?;
    }
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let result = loop {
        let next = tokio::select! {
            told = heard.recv() => match told {
                Some(told) => run.hear(told).await.map(|()| true),
                None => break Ok(()),
            },
            Some(inward) = coming.recv() => run.take(inward),
            _ = tick.tick() => run.tick().map(|()| true),
        };
        match next {
            Ok(true) => run.tell(),
            Ok(false) => break Ok(()),
            Err(failure) => break Err(failure),
        }
    };
    let stopped = run.stop();
    handle.close();
    while heard.recv().await.is_some() {}
    let _ = reader.await;
    result.and(stopped)
}

/// A device that is open, and the source that it asks.
struct Open {
    device: Device,
    parts: Parts,
}

struct Run<'a> {
    began: Instant,
    terms: Terms,
    listening: Listening,
    device: Option<Open>,
    ports: Vec<Port>,
    inward: mpsc::Sender<Inward>,
    pair: bool,
    /// When the plain meter spoke last.
    heard_at: Option<Instant>,
    options: Options,
    say: &'a mut (dyn FnMut(&Beside) + Send),
    /// Whether the code file holds a code that is good.
    code_shown: bool,
}

impl Run<'_> {
    fn moment(&self) -> Moment {
        Moment { real: self.began.elapsed(), seen: now_millis() }
    }

    async fn hear(&mut self, told: Told<Telegram>) -> Result<(), Failure> {
        match told.event {
            Heard::Connected => self.meter("line-up", "the line to the meter is open".into()),
            Heard::Disconnected { why, .. } => self.meter(why.code(), why.to_string()),
            Heard::Damaged { kind, count } => self.meter("damaged", format!("{kind} ({count} so far unsaid)")),
            Heard::Noise { .. } => {}
            Heard::Message(telegram) => {
                let age = u64::try_from(told.at.elapsed().as_millis()).unwrap_or(0);
                self.telegram(&telegram, now_millis().saturating_sub(age)).await?;
            }
        }
        Ok(())
    }

    /// Takes a telegram that was heard at this Unix millisecond.
    async fn telegram(&mut self, telegram: &Telegram, at: u64) -> Result<(), Failure> {
        let completed = self.listening.hear(at, telegram);
        if self.device.is_none() && (telegram.import.is_some() || telegram.export.is_some()) {
            self.open(Some(telegram)).await?;
        }
        let Some(open) = &self.device else { return Ok(()) };
        open.parts.heard.hear(telegram, &completed, &self.listening.marks());
        if let Some(until) = open.parts.heard.until().filter(|_| !completed.is_empty()) {
            let pushes = self.attempt(|device, moment| device.advance(until, moment))?;
            if let Some(open) = &self.device {
                open.parts.heard.recorded(until);
            }
            self.push(&pushes);
            self.keep();
        }
        self.heard_at = Some(Instant::now());
        self.push_now();
        Ok(())
    }

    /// Keeps where the plain registers stand, once the device has recorded all that they told: a restart goes on from there.
    /// What cannot be kept now is with the next slot.
    fn keep(&mut self) {
        let Some(open) = &self.device else { return };
        let recorder = open.device.recorder();
        if recorder.is_full() || self.listening.until() > Some(recorder.at()) {
            return;
        }
        if let Err(failure) = self.listening.keep() {
            self.meter("not-kept", failure.to_string());
        }
    }

    /// What the meter shows now, while it speaks: what is old is not shown as of now.
    fn push_now(&mut self) {
        let while_new = Duration::from_secs(3 * u64::from(self.terms.cadence)).max(LEAST_SHOWN);
        if self.heard_at.is_some_and(|heard| heard.elapsed() <= while_new) {
            let now: Vec<_> = self.device.as_mut().and_then(|open| open.device.now()).into_iter().collect();
            self.push(&now);
        }
    }

    /// Opens the device and its lines.
    async fn open(&mut self, telegram: Option<&Telegram>) -> Result<(), Failure> {
        let ways: Vec<Way> = self.listening.ways(telegram);
        let number = telegram.and_then(|telegram| telegram.meter.as_deref()).or(self.listening.number());
        let parts = setup::device(&self.options, &self.terms, &ways, number, clock(), clock);
        let device = self.begin(&parts)?;
        let name = device.recorder().meter().id();
        self.device = Some(Open { device, parts });
        let trouble = Arc::new(Mutex::new(Untroubled));
        let opened = port::open(&self.options.lines, name.as_str(), &self.inward, trouble).await;
        let (ports, events) = opened.map_err(|error| Failure::could_not("line", error.to_string()))?;
        self.ports = ports;
        events.iter().for_each(|event| (self.say)(&Beside::Device(event.clone())));
        if std::mem::take(&mut self.pair) {
            self.press_button()?;
        }
        Ok(())
    }

    fn begin(&self, parts: &Parts) -> Result<Device, Failure> {
        let (mut device, last) = Device::open(&parts.setup, self.moment()).map_err(failed)?;
        // What happened since is not known yet: the slots will tell.
        device.resume(last.at, self.moment()).map_err(failed)?;
        Ok(device)
    }

    /// Does something with the device. When its memory leaves it unsure, it begins anew from what its disk holds.
    fn attempt(
        &mut self,
        act: impl FnOnce(&mut Device, Moment) -> Result<Vec<Message>, Fails>,
    ) -> Result<Vec<Message>, Failure> {
        let moment = self.moment();
        let Some(open) = &mut self.device else { return Ok(Vec::new()) };
        match act(&mut open.device, moment) {
            Err(Fails::Unsure(_)) => {
                self.tell();
                let Some(Open { parts, device }) = self.device.take() else { return Ok(Vec::new()) };
                drop(device);
                let device = self.begin(&parts)?;
                self.device = Some(Open { device, parts });
                Ok(Vec::new())
            }
            other => other.map_err(failed),
        }
    }

    /// Takes what came in; false when the device is to stop.
    fn take(&mut self, inward: Inward) -> Result<bool, Failure> {
        match inward {
            Inward::Message { port, message, done } => {
                let answers = match &message {
                    Some(message) => self.attempt(|device, moment| device.handle(message, moment))?,
                    None => self.device.iter_mut().map(|open| open.device.not_understood()).collect(),
                };
                if let Some(port) = self.ports.get(port) {
                    answers.iter().for_each(|answer| port.answer(answer));
                }
                if matches!(message, Some(Message::Hello(_))) {
                    self.push_now();
                }
                // The line may be gone.
                let _ = done.send(());
            }
            Inward::Up(port) => {
                if let (Some(open), Some(port)) = (&self.device, self.ports.get(port)) {
                    port.answer(&open.device.greet().map_err(failed)?);
                }
            }
            Inward::Event(event) => (self.say)(&Beside::Device(event)),
            Inward::Control(line) => match line.trim() {
                "pair" => self.press_button()?,
                "status" => {
                    if let Some(open) = &self.device {
                        (self.say)(&Beside::Device(open.device.status(0)));
                    }
                }
                "quit" => return Ok(false),
                _ => {
                    let message = "there are: pair, status, quit".to_owned();
                    (self.say)(&Beside::Device(Event::Unknown { message }));
                }
            },
            Inward::Stop => return Ok(false),
        }
        Ok(true)
    }

    /// Once a second: a code may expire.
    fn tick(&mut self) -> Result<(), Failure> {
        let Some(at) = self.device.as_ref().map(|open| open.device.recorder().at()) else { return Ok(()) };
        let pushes = self.attempt(|device, moment| device.advance(at, moment))?;
        self.push(&pushes);
        Ok(())
    }

    fn press_button(&mut self) -> Result<(), Failure> {
        let moment = self.moment();
        let Some(open) = &mut self.device else {
            self.pair = true;
            self.meter("waiting", "no telegram has come yet; a pairing code will be shown with the first".into());
            return Ok(());
        };
        let event = open.device.press_button(moment).map_err(failed)?;
        if let (Some(path), Event::PairingCode { code, .. }) = (&self.options.code_file, &event) {
            code_file::show(path, code).map_err(|error| Failure::file(path, &error))?;
            self.code_shown = true;
        }
        (self.say)(&Beside::Device(event));
        Ok(())
    }

    fn stop(&mut self) -> Result<(), Failure> {
        let stopped = self.attempt(|device, moment| device.stop(moment));
        self.tell();
        self.forget_code();
        if let Some(open) = &self.device {
            let at = open.device.recorder().at();
            (self.say)(&Beside::Device(Event::Stopped { at }));
        }
        stopped.map(|pushes| self.push(&pushes))
    }

    fn push(&self, messages: &[Message]) {
        for message in messages {
            let bytes = message.write();
            self.ports.iter().for_each(|port| port.push(&bytes));
        }
    }

    fn tell(&mut self) {
        let events = self.device.as_mut().map(|open| open.device.take_events()).unwrap_or_default();
        for event in events {
            if matches!(event, Event::Paired { .. } | Event::PairingEnded { .. }) {
                self.forget_code();
            }
            (self.say)(&Beside::Device(event));
        }
    }

    fn forget_code(&mut self) {
        if let Some(path) = self.options.code_file.as_ref().filter(|_| self.code_shown) {
            // It is worth nothing any more, so that it stays does no harm.
            let _ = code_file::erase(path);
            self.code_shown = false;
        }
    }

    fn meter(&mut self, code: &'static str, message: String) {
        (self.say)(&Beside::Meter { code, message });
    }
}

fn failed(error: Fails) -> Failure {
    match error {
        Fails::Store(error) => Failure::could_not(error.code(), error.to_string()),
        Fails::Io { path, source } => Failure::file(&path, &source),
        other => Failure::could_not("device", other.to_string()),
    }
}
