//! A real meter process, its events, and the household's end of its lines.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use protocol::line::Message;
use protocol::line::frame::{Deframer, FrameError, frame};
use serde_json::Value;

/// Longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A program that prints events. It is killed when it is dropped.
pub struct Process {
    child: Child,
    input: ChildStdin,
    events: Receiver<Value>,
    pub seen: Vec<Value>,
}

impl Process {
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wattseal-meter"))
            .args(arguments)
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (send, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Ok(event) = serde_json::from_str(&line) else { continue };
                if send.send(event).is_err() {
                    return;
                }
            }
        });
        Self { child, input, events, seen: Vec::new() }
    }

    /// A meter with a household's load.
    pub fn meter(dir: &Path, more: &[&str]) -> Self {
        let mut arguments = vec!["run", "--household", "7", "--from", "2025-06-01", "--dir", dir.to_str().unwrap()];
        arguments.extend(more);
        Self::start(&arguments)
    }

    /// Waits for an event of a kind.
    pub fn wait(&mut self, kind: &str) -> Value {
        self.wait_for(|event| event["event"] == kind)
    }

    pub fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left).unwrap_or_else(|error| panic!("{error}: {:?}", self.seen));
            self.seen.push(event.clone());
            if wanted(&event) {
                return event;
            }
        }
    }

    pub fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        // What it said before it ended.
        while let Ok(event) = self.events.recv_timeout(PATIENCE) {
            self.seen.push(event);
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program ends by itself.
    pub fn ends(&mut self) -> ExitStatus {
        while let Ok(event) = self.events.recv_timeout(PATIENCE) {
            self.seen.push(event);
        }
        self.child.wait().unwrap()
    }

    pub fn tcp(&mut self) -> Line<TcpStream> {
        let listening = self.wait_for(|event| event["event"] == "listening" && event["transport"] == "tcp");
        Line::tcp(listening["address"].as_str().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of bytes with a time-out for reading.
pub struct Line<S> {
    stream: S,
    deframer: Deframer,
    held: std::collections::VecDeque<Result<Vec<u8>, FrameError>>,
    pub damaged: usize,
    pub bytes: usize,
}

impl Line<TcpStream> {
    pub fn tcp(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }
}

impl<S: Read + Write> Line<S> {
    pub fn over(stream: S) -> Self {
        Self { stream, deframer: Deframer::default(), held: Default::default(), damaged: 0, bytes: 0 }
    }

    pub fn send(&mut self, message: &Message) {
        self.stream.write_all(&frame(&message.write())).unwrap();
    }

    /// The next message, if one comes in time; damaged ones are counted.
    pub fn read(&mut self, within: Duration) -> Option<Message> {
        let deadline = Instant::now() + within;
        loop {
            while let Some(found) = self.held.pop_front() {
                match found.ok().and_then(|bytes| Message::read(&bytes).ok()) {
                    Some(message) => return Some(message),
                    None => self.damaged += 1,
                }
            }
            if Instant::now() >= deadline {
                return None;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => {
                    self.bytes += length;
                    self.held.extend(self.deframer.feed(&buffer[..length]));
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The first answer that fits.
    pub fn ask<T>(&mut self, message: &Message, fits: impl Fn(Message) -> Option<T>) -> T {
        self.send(message);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(answer) = self.read(Duration::from_secs(1)).and_then(&fits) {
                return answer;
            }
        }
        panic!("no answer to {message:?}");
    }
}
