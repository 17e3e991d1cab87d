//! A live meter on real lines: one thread that owns the device, and lines that talk to it.

mod control;
mod error;
mod lifetime;

pub use control::Control;
pub use error::RunError;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::line::Message;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::clock::Speed;
use super::fault::{Fault, Trouble};
use lifetime::Life;
use sealer::code_file as code;
use sealer::event::Event;
use sealer::port::{self, Inward, Lines, Port};
use sealer::recorder::Setup;

/// How a meter runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// How fast time passes.
    pub speed: Speed,
    /// Seal everything up to here before a line is opened.
    pub catch_up: Option<u64>,
    /// World seconds that the meter was off at most, when it is started again.
    pub outage_limit: u64,
    /// Faults that are on from the start.
    pub faults: Vec<Fault>,
    /// Chances of the line's faults.
    pub fault_seed: u64,
    /// Whether the button is pressed at the start.
    pub pair_at_start: bool,
    /// Where the pairing code is written while it is good.
    pub code_file: Option<PathBuf>,
    /// The lines.
    pub lines: Lines,
}

/// Requests that wait for the device at most.
const QUEUE: usize = 64;
/// World seconds that pass in one go: requests are answered in between.
const STRIDE: u64 = 4 * 86_400;
/// Current readings are not sent more often.
const LEAST_CADENCE: Duration = Duration::from_millis(100);

/// Runs a meter until it is told to stop.
///
/// # Errors
/// See [`RunError`].
pub fn run(setup: &Arc<Setup>, options: &Options, say: &mut dyn FnMut(&Event)) -> Result<(), RunError> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(RunError::Runtime)?;
    let (inward, coming) = mpsc::channel(QUEUE);
    {
        let _within = runtime.enter();
        sealer::controls::listen(&inward).map_err(RunError::Runtime)?;
    }
    let trouble = Arc::new(Mutex::new(Trouble::new(options.fault_seed)));
    if let Some(path) = &options.code_file {
        code::forget_old(path);
    }
    let life = Life::begin(setup, options)?;
    let mut run = Run {
        runtime,
        coming,
        trouble,
        ports: Vec::new(),
        life,
        options,
        speed: options.speed,
        say,
        code_shown: false,
    };
    let result = run.whole(&inward);
    run.tell();
    let Run { runtime, .. } = run;
    // A thread may still wait for control input.
    runtime.shutdown_background();
    result
}

struct Run<'a> {
    runtime: Runtime,
    coming: mpsc::Receiver<Inward>,
    trouble: Arc<Mutex<Trouble>>,
    ports: Vec<Port>,
    life: Life<'a>,
    options: &'a Options,
    speed: Speed,
    say: &'a mut dyn FnMut(&Event),
    /// Whether the code file holds a code that is good.
    code_shown: bool,
}

impl Run<'_> {
    fn whole(&mut self, inward: &mpsc::Sender<Inward>) -> Result<(), RunError> {
        for fault in &self.options.faults {
            self.control(Control::Fault(*fault))?;
        }
        self.tell();
        while self.life.catch_up(STRIDE)? {
            self.tell();
            if self.stops_early() {
                return self.stop();
            }
        }
        self.tell();
        let meter = self.life.device()?.recorder().meter().id();
        let opened = port::open(&self.options.lines, meter.as_str(), inward, Arc::clone(&self.trouble) as _);
        let (ports, events) = self.runtime.block_on(opened)?;
        self.ports = ports;
        events.iter().for_each(|event| (self.say)(event));
        if self.options.pair_at_start {
            self.control(Control::Pair)?;
        }
        self.live()
    }

    /// Whether it is told to stop while it catches up; anything else can wait.
    fn stops_early(&mut self) -> bool {
        let mut stops = false;
        while let Ok(inward) = self.coming.try_recv() {
            let quits = matches!(&inward, Inward::Control(line) if line.trim() == "quit");
            stops |= quits || matches!(inward, Inward::Stop);
        }
        stops
    }

    fn live(&mut self) -> Result<(), RunError> {
        self.life.go_live();
        let mut last_now = self.life.real();
        loop {
            let cadence = self.speed.real(self.life.cadence()).max(LEAST_CADENCE);
            let pushes = self.life.advance(STRIDE)?;
            self.push(&pushes);
            if self.life.real().saturating_sub(last_now) >= cadence {
                last_now = self.life.real();
                let now: Vec<_> = self.life.device_mut()?.now().into_iter().collect();
                self.push(&now);
            }
            self.tell();
            let wait = if self.life.is_behind() { Duration::ZERO } else { self.pause(cadence) };
            let (coming, runtime) = (&mut self.coming, &self.runtime);
            let next = runtime.block_on(async { tokio::time::timeout(wait, coming.recv()).await });
            let mut next = next.ok().flatten();
            while let Some(inward) = next {
                if !self.take(inward)? {
                    return self.stop();
                }
                next = self.coming.try_recv().ok();
            }
        }
    }

    /// How long nothing happens by itself.
    fn pause(&self, cadence: Duration) -> Duration {
        let slot = self.speed.real(900) / 4;
        slot.min(cadence).clamp(Duration::from_millis(10), Duration::from_millis(250))
    }

    /// Takes what came in; false when the meter is to stop.
    fn take(&mut self, inward: Inward) -> Result<bool, RunError> {
        match inward {
            Inward::Message { port, message, done } => {
                let answers = self.life.answer(message.as_ref())?;
                if let Some(port) = self.ports.get(port) {
                    answers.iter().for_each(|answer| port.answer(answer));
                }
                if matches!(message, Some(Message::Hello(_))) {
                    // The first telegram of a session comes at once: after a pairing it is what the household waits for.
                    let now: Vec<_> = self.life.device_mut()?.now().into_iter().collect();
                    self.push(&now);
                }
                // The line may be gone.
                let _ = done.send(());
            }
            Inward::Up(port) => {
                let identity = self.life.device()?.greet()?;
                if let Some(port) = self.ports.get(port) {
                    port.answer(&identity);
                }
            }
            Inward::Event(event) => (self.say)(&event),
            Inward::Control(line) => match line.parse() {
                Ok(Control::Quit) => return Ok(false),
                Ok(control) => self.control(control)?,
                Err(message) => (self.say)(&Event::Unknown { message }),
            },
            Inward::Stop => return Ok(false),
        }
        Ok(true)
    }

    fn control(&mut self, control: Control) -> Result<(), RunError> {
        match control {
            Control::Pair => {
                let event = self.life.press_button()?;
                self.code_file(&event)?;
                (self.say)(&event);
            }
            Control::Status => {
                let line_faults = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).happened();
                let status = self.life.device()?.status(line_faults);
                (self.say)(&status);
            }
            Control::PowerCut(lasting) => {
                let pushes = self.life.power_cut(lasting)?;
                self.push(&pushes);
            }
            Control::Clock(step) => self.clock(step)?,
            Control::Fault(Fault::Clock(step)) => self.clock(step)?,
            Control::Fault(fault) => {
                let on_line = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).switch(fault);
                if !on_line || fault == Fault::None {
                    self.life.switch(fault)?;
                }
                (self.say)(&Event::Fault { kind: fault.to_string(), on: fault != Fault::None });
            }
            Control::Speed(speed) => {
                self.speed = speed;
                self.life.set_speed(speed)?;
            }
            // Taken where the loop ends.
            Control::Quit => {}
        }
        self.tell();
        Ok(())
    }

    fn clock(&mut self, step: i64) -> Result<(), RunError> {
        let pushes = self.life.set_clock(step)?;
        self.push(&pushes);
        Ok(())
    }

    fn stop(&mut self) -> Result<(), RunError> {
        let pushes = self.life.stop()?;
        self.push(&pushes);
        self.tell();
        let at = self.life.device()?.recorder().at();
        (self.say)(&Event::Stopped { at });
        self.forget_code();
        Ok(())
    }

    fn push(&self, messages: &[Message]) {
        for message in messages {
            let bytes = message.write();
            self.ports.iter().for_each(|port| port.push(&bytes));
        }
    }

    fn tell(&mut self) {
        for event in self.life.take_events() {
            if matches!(event, Event::Paired { .. } | Event::PairingEnded { .. }) {
                self.forget_code();
            }
            (self.say)(&event);
        }
    }

    fn code_file(&mut self, event: &Event) -> Result<(), RunError> {
        let (Some(path), Event::PairingCode { code, .. }) = (&self.options.code_file, event) else { return Ok(()) };
        let written = code::show(path, code);
        self.code_shown = written.is_ok();
        written.map_err(|source| RunError::CodeFile { path: path.clone(), source })
    }

    fn forget_code(&mut self) {
        if let Some(path) = self.options.code_file.as_ref().filter(|_| self.code_shown) {
            // It is worth nothing any more, so that it stays does no harm.
            let _ = code::erase(path);
            self.code_shown = false;
        }
    }
}
