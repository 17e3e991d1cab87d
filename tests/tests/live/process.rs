//! A program that keeps running: what it tells line by line, and how it ends.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::binary;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A running program of ours, started with `--json`.
pub struct Running {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    told: Arc<(Mutex<Vec<Value>>, Condvar)>,
    collecting: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts a program; its lines of JSON are collected, its errors go to this test's.
    pub fn start(directory: &Path, command: &[&str]) -> Self {
        let (program, arguments) = command.split_first().unwrap();
        let mut ready = Command::new(binary(program));
        ready.args(arguments).arg("--json");
        Self::spawn(directory, program, ready)
    }

    /// Starts what was prepared; its lines of JSON are collected.
    pub fn spawn(directory: &Path, name: &str, mut ready: Command) -> Self {
        let mut child = ready
            .current_dir(directory)
            .env("WATTSEAL_LOG", std::env::var("WATTSEAL_LOG").unwrap_or_else(|_| "warn".into()))
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".into()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told: Arc<(Mutex<Vec<Value>>, Condvar)> = Arc::default();
        let (out, collected) = (child.stdout.take().unwrap(), Arc::clone(&told));
        let collecting = thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                let Ok(line) = line else { break };
                if let Ok(value) = serde_json::from_str(&line) {
                    collected.0.lock().unwrap().push(value);
                    collected.1.notify_all();
                }
            }
        });
        Self { name: name.to_owned(), input: child.stdin.take(), child, told, collecting: Some(collecting) }
    }

    /// The first thing told, from the beginning on, that fits.
    pub fn wait(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.wait_from(0, what, fits).1
    }

    /// The first thing told at or after `from` that fits, and the place after it.
    pub fn wait_from(&mut self, from: usize, what: &str, fits: impl Fn(&Value) -> bool) -> (usize, Value) {
        let deadline = Instant::now() + PATIENCE;
        let (told, changed) = &*self.told;
        let mut list = told.lock().unwrap();
        loop {
            if let Some(place) = list.iter().skip(from).position(&fits) {
                return (from + place + 1, list[from + place].clone());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("{} ended ({status}) before {what}; it told {:?}", self.name, list.last());
            }
            assert!(
                Instant::now() < deadline,
                "{}: no {what}; it told {:?}",
                self.name,
                list.iter().rev().take(8).collect::<Vec<_>>()
            );
            list = changed.wait_timeout(list, Duration::from_millis(200)).unwrap().0;
        }
    }

    /// How many things were told so far.
    pub fn told(&self) -> usize {
        self.told.0.lock().unwrap().len()
    }

    /// Everything told so far.
    pub fn all(&self) -> Vec<Value> {
        self.told.0.lock().unwrap().clone()
    }

    /// Types a line into the program.
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Ends it without warning, as a power cut would. Everything that it told before.
    pub fn kill(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.collecting.take().unwrap().join().unwrap();
        self.all()
    }

    /// Whether it has told what fits, or has within a time. It may have ended.
    pub fn tells_within(&self, patience: Duration, fits: impl Fn(&[Value]) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        let (told, changed) = &*self.told;
        let mut list = told.lock().unwrap();
        loop {
            if fits(&list) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            list = changed.wait_timeout(list, left).unwrap().0;
        }
    }

    /// Asks it to end and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "{} does not stop", self.name);
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
