//! The device's loop: one task that owns it, the reader of the plain meter on one side and a home's lines on the other.

use std::time::{Duration, Instant};

use drivers::plain::Telegram;
use drivers::{Event as Heard, Patience, Reader, Told};
use protocol::line::Message;
use sealer::port::{Inward, Port};
use sealer::store::Store;
use sealer::{Device, Event, Failure as Fails, Moment, code_file, controls};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::listen::Listening;
use super::setup::{self, Options, Parts, Terms};
use super::{clock, plain};
use crate::Failure;
use crate::api::LineAdd;
use crate::commands::now_millis;

/// Requests that wait for the device at most.
const QUEUE: usize = 64;

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

/// Seals what the plain meter on a line says, until it is told to stop.
///
/// # Errors
/// When the line to the meter, the directory or a line to a home cannot be set up, when nobody said which input of a bridge is
/// the meter's, or when the directory fails for good.
pub async fn run(line: LineAdd, options: Options, say: &mut (dyn FnMut(&Beside) + Send)) -> Result<(), Failure> {
    let line = setup::line(line, &options)?;
    std::fs::create_dir_all(&options.directory).map_err(|error| Failure::file(&options.directory, &error))?;
    let terms = line.terms();
    let listening = Listening::open(&options.directory, terms.interval)?;
    let patience = Patience { silence: line.profile.silence(), ..Patience::default() };
    let (inward, mut coming) = mpsc::channel(QUEUE);
    let mut run = Run::new(options, terms, listening, inward, say, now_millis)?;
    let (reader, handle, mut heard) = Reader::new(line.dial, line.spoken, patience, crate::lines::random_number);
    let reader = tokio::spawn(reader.run());
    let no_controls = |error| Failure::could_not("signals", format!("the system gives no signals: {error}"));
    controls::listen(&run.inward).map_err(no_controls)?;
    if let Some(path) = &run.options.code_file {
        code_file::forget_old(path);
    }
    run.open_again().await?;
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
pub(super) struct Open {
    pub(super) device: Device,
    pub(super) parts: Parts,
}

pub(super) struct Run<'a> {
    began: Instant,
    /// Unix milliseconds.
    pub(super) now: fn() -> u64,
    pub(super) terms: Terms,
    pub(super) listening: Listening,
    pub(super) plain: plain::State,
    pub(super) device: Option<Open>,
    pub(super) ports: Vec<Port>,
    pub(super) inward: mpsc::Sender<Inward>,
    /// Whether the button was pressed before there was a device.
    pub(super) pair: bool,
    pub(super) options: Options,
    pub(super) say: &'a mut (dyn FnMut(&Beside) + Send),
    /// Whether the code file holds a code that is good.
    pub(super) code_shown: bool,
    /// Whether the clock was told to be of no use.
    bad_clock: bool,
}

impl<'a> Run<'a> {
    /// Nothing open yet.
    ///
    /// # Errors
    /// When the directory is of another input of the bridge than is asked for.
    pub(super) fn new(
        options: Options,
        terms: Terms,
        mut listening: Listening,
        inward: mpsc::Sender<Inward>,
        say: &'a mut (dyn FnMut(&Beside) + Send),
        now: fn() -> u64,
    ) -> Result<Self, Failure> {
        if let Some(input) = &options.input {
            listening.choose(input)?;
        }
        Ok(Self {
            began: Instant::now(),
            now,
            terms,
            listening,
            plain: plain::State::default(),
            device: None,
            ports: Vec::new(),
            inward,
            pair: options.pair,
            options,
            say,
            code_shown: false,
            bad_clock: false,
        })
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { real: self.began.elapsed(), seen: (self.now)() }
    }

    /// A device that ran before answers at once, whether the meter speaks or not.
    pub(super) async fn open_again(&mut self) -> Result<(), Failure> {
        let there = Store::open_live(&self.options.directory).map_err(|error| failed(error.into()))?;
        // It is locked as long as it is looked at.
        let is_there = there.is_some();
        drop(there);
        if is_there { self.open(None).await } else { Ok(()) }
    }

    async fn hear(&mut self, told: Told<Telegram>) -> Result<(), Failure> {
        match told.event {
            Heard::Connected => self.meter("line-up", "the line to the meter is open".into()),
            Heard::Disconnected { why, .. } => self.meter(why.code(), why.to_string()),
            Heard::Damaged { kind, count } => self.meter("damaged", format!("{kind} ({count} so far unsaid)")),
            Heard::Noise { .. } => {}
            Heard::Message(telegram) => {
                let age = u64::try_from(told.at.elapsed().as_millis()).unwrap_or(0);
                self.telegram((self.now)().saturating_sub(age), &telegram).await?;
            }
        }
        Ok(())
    }

    /// Whether a clock that shows this Unix millisecond is good enough to seal by. Tells when that changes.
    pub(super) fn clock_is_good(&mut self, now: u64) -> bool {
        let recorded = self.device.as_ref().map(|open| open.device.recorder().at());
        let trouble = clock::trouble(now / 1000, self.listening.until().max(recorded));
        match (&trouble, self.bad_clock) {
            (Some(message), false) => self.meter("clock", message.clone()),
            (None, true) => {
                self.meter("clock-set", "the clock is set: what the meter says is sealed from now on".into())
            }
            _ => {}
        }
        self.bad_clock = trouble.is_some();
        trouble.is_none()
    }

    /// Takes up the device that the parts set up, with all the registers that it has.
    pub(super) fn begin(&mut self, mut parts: Parts) -> Result<Open, Failure> {
        let (mut device, last) = Device::open(&parts.setup, self.moment()).map_err(failed)?;
        let known = plain::ways_of(device.recorder().meter());
        if !known.is_empty() {
            known.iter().for_each(|way| parts.heard.add(*way));
            parts = parts.with_registers(&self.terms);
            device.extend(&parts.setup, self.moment()).map_err(failed)?;
        }
        parts.heard.recorded(last.at);
        parts.heard.begun(&known);
        // What happened since is not known yet: the slots will tell.
        device.resume(last.at, self.moment()).map_err(failed)?;
        Ok(Open { device, parts })
    }

    /// Does something with the device. When its memory leaves it unsure, it begins anew from what its disk holds.
    pub(super) fn attempt(
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
                self.device = Some(self.begin(parts)?);
                Ok(Vec::new())
            }
            other => other.map_err(failed),
        }
    }

    /// Once a second: a code may expire, and the clock be set.
    fn tick(&mut self) -> Result<(), Failure> {
        self.clock_is_good((self.now)());
        let Some(at) = self.device.as_ref().map(|open| open.device.recorder().at()) else { return Ok(()) };
        let pushes = self.attempt(|device, moment| device.advance(at, moment))?;
        self.push(&pushes);
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

    pub(super) fn meter(&mut self, code: &'static str, message: String) {
        (self.say)(&Beside::Meter { code, message });
    }
}

pub(super) fn failed(error: Fails) -> Failure {
    match error {
        Fails::Store(error) => Failure::could_not(error.code(), error.to_string()),
        Fails::Io { path, source } => Failure::file(&path, &source),
        other => Failure::could_not("device", other.to_string()),
    }
}
