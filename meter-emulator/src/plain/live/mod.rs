//! A plain meter on real lines, at its own cadence or faster.
//!
//! ```text
//! Play ─► clock (× speed) ─► line::Line: pseudo-terminal, serial device, TCP, broker
//!   └► truth file               └► optical::Conversation asks back (D0, mode C)
//! ```
//!
//! At a given speed a line that nobody reads loses frames, as a real one does. As fast as possible, the meter waits
//! until there is room, and nothing is lost.

mod broker;
mod line;
mod optical;
mod speed;
mod wire;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::d0;
use super::play::{Play, Sent};
use super::protocol::Protocol;
use crate::live::Event;
use crate::live::Speed;
use line::{Asked, Line};
use sealer::port::{LineError, Lines};

/// Questions and events that wait at most: there are few for each line.
const QUESTIONS: usize = 8;
/// Shortest sleep of a meter that waits for questions.
const NAP: Duration = Duration::from_millis(1);

/// Why a plain meter cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum PlainError {
    /// A line.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The system gives no threads or signals.
    #[error("the system does not let the meter run: {0}")]
    Runtime(#[source] std::io::Error),
    /// The truth or the frames cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Where the truth goes, edge by edge, as JSON lines.
#[derive(Debug)]
pub struct TruthFile {
    path: PathBuf,
    file: File,
    edges: std::vec::IntoIter<u64>,
    next: Option<u64>,
}

impl TruthFile {
    /// Makes the file anew.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn create(path: PathBuf, play: &Play) -> Result<Self, PlainError> {
        let failed = |source| PlainError::File { path: path.clone(), source };
        let file = File::create(&path).map_err(failed)?;
        let mut edges = play.edges().collect::<Vec<_>>().into_iter();
        let next = edges.next();
        Ok(Self { path, file, edges, next })
    }

    /// Writes the edges up to a moment.
    ///
    /// # Errors
    /// When the file does not take them.
    pub fn pass(&mut self, play: &Play, at: u64) -> Result<(), PlainError> {
        let mut lines = Vec::new();
        while let Some(edge) = self.next.filter(|edge| *edge <= at) {
            let line = serde_json::to_writer(&mut lines, &play.truth(edge));
            line.map_err(|error| PlainError::File { path: self.path.clone(), source: error.into() })?;
            lines.push(b'\n');
            self.next = self.edges.next();
        }
        // Whole lines at once, for whoever reads meanwhile.
        self.file.write_all(&lines).map_err(|source| PlainError::File { path: self.path.clone(), source })
    }
}

/// Plays a meter until its plan ends or it is told to stop.
///
/// # Errors
/// See [`PlainError`].
pub fn run(
    play: Play,
    lines: &Lines,
    speed: Speed,
    truth: Option<TruthFile>,
    say: &mut dyn FnMut(&Event),
) -> Result<(), PlainError> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(PlainError::Runtime)?;
    let (ask, asked) = mpsc::channel(QUESTIONS);
    let (happen, mut happened) = mpsc::channel::<Event>(QUESTIONS);
    let plan = play.plan();
    let (protocol, from) = (plan.protocol, plan.from);
    let meter = format!("{:08}", play.number());
    let opened = runtime.block_on(line::open(lines, protocol, &meter, speed, &ask, &happen))?;
    drop(ask);
    say(&Event::Plays {
        meter,
        protocol: protocol.name(),
        dialect: protocol.dialect(),
        public_key: play.public_key(),
        at: from,
    });
    let mut lines = Vec::new();
    for (line, event) in opened {
        say(&event);
        lines.push(line);
    }
    let mut run = Run { play, lines, speed, truth, begun: Instant::now(), sent: 0, damaged: 0, lost: 0, at: from };
    let ended = runtime.block_on(async {
        let telling = async {
            while let Some(event) = happened.recv().await {
                say(&event);
            }
        };
        tokio::select! {
            ended = run.whole(asked, protocol) => ended,
            // Never: this end of the channel is held here too.
            () = telling => Ok(()),
        }
    });
    drop(happen);
    say(&Event::Played { sent: run.sent, damaged: run.damaged, lost: run.lost, at: run.at });
    runtime.shutdown_background();
    ended
}

struct Run {
    play: Play,
    lines: Vec<Line>,
    speed: Speed,
    truth: Option<TruthFile>,
    begun: Instant,
    sent: u64,
    damaged: u64,
    lost: u64,
    at: u64,
}

impl Run {
    async fn whole(&mut self, asked: mpsc::Receiver<Asked>, protocol: Protocol) -> Result<(), PlainError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(PlainError::Runtime)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(PlainError::Runtime)?;
        let speak = async {
            if protocol == Protocol::D0(d0::Dialect::ModeC) {
                self.answer(asked).await?;
            } else {
                self.push().await?;
            }
            // What is on its way still.
            for line in self.lines.drain(..) {
                line.close(self.speed).await;
            }
            Ok(())
        };
        tokio::select! {
            ended = speak => ended,
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        }
    }

    /// The real time until a moment of the world; none when it passed already, or as fast as possible.
    fn until(&self, at: u64) -> Duration {
        let due = self.speed.real(at.saturating_sub(self.play.plan().from));
        due.saturating_sub(self.begun.elapsed())
    }

    /// Notes how far the world is.
    fn pass(&mut self, at: u64) -> Result<(), PlainError> {
        self.at = at;
        if let Some(truth) = &mut self.truth {
            truth.pass(&self.play, at)?;
        }
        Ok(())
    }

    fn count(&mut self, sent: &Sent) {
        self.sent += 1;
        self.damaged += u64::from(sent.damaged);
    }

    /// A meter that pushes.
    async fn push(&mut self) -> Result<(), PlainError> {
        while let Some(sent) = self.play.next() {
            let wait = self.until(sent.at);
            if wait.is_zero() {
                // Whoever wants to stop it is heard even when it is behind.
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(wait).await;
            }
            self.pass(sent.at)?;
            self.count(&sent);
            for line in &self.lines {
                if !line.send(&sent, self.speed).await {
                    self.lost += 1;
                }
            }
        }
        let until = self.play.plan().until;
        tokio::time::sleep(self.until(until)).await;
        self.pass(until)
    }

    /// A meter that is asked.
    async fn answer(&mut self, mut asked: mpsc::Receiver<Asked>) -> Result<(), PlainError> {
        let plan = self.play.plan();
        let (from, until) = (plan.from, plan.until);
        let cadence = u64::from(plan.interval.unwrap_or_else(|| plan.protocol.cadence()));
        while self.at < until {
            let question = match self.speed {
                Speed::Times(_) => tokio::time::timeout(self.until(self.at + 1).max(NAP), asked.recv()).await.ok(),
                // As fast as it is asked, its own cadence passes from question to question.
                Speed::Max => Some(asked.recv().await),
            };
            let now = match self.speed {
                Speed::Times(_) => from + self.speed.world_millis(self.begun.elapsed()) / 1000,
                Speed::Max if self.sent == 0 => from,
                Speed::Max => self.at + cadence,
            };
            let now = now.min(until);
            self.pass(now)?;
            match question {
                Some(Some(reply)) => {
                    let answer = self.play.answer(now);
                    self.count(&answer.1);
                    // Whoever asked may be gone.
                    let _ = reply.send(answer);
                }
                Some(None) => return Ok(()),
                None => {}
            }
        }
        Ok(())
    }
}
