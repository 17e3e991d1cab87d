//! Lines for a terminal, a pipe or a log, printed by a thread of their own.
//!
//! Whoever reads them may stop reading: Ctrl-S at a terminal, a pipe that nobody empties. A gateway must go on all the same,
//! so it hands its lines over and never waits. What does not fit is dropped, and how much it was is said where it is
//! missing.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait for a slow reader.
const WAITING: usize = 4096;

/// How a gap in the lines is told.
pub type Gap = fn(u64) -> String;

/// A queue of lines to be printed. Clones share it.
#[derive(Clone)]
pub struct Printer(Arc<Mutex<Queue>>);

struct Queue {
    /// None once it has ended.
    lines: Option<SyncSender<String>>,
    dropped: u64,
    gap: Gap,
    ended: Receiver<()>,
}

impl Printer {
    /// Starts to print on standard output.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn out(gap: Gap) -> io::Result<Self> {
        Self::start(io::stdout(), WAITING, gap)
    }

    /// Starts to print on standard error.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn err(gap: Gap) -> io::Result<Self> {
        Self::start(io::stderr(), WAITING, gap)
    }

    fn start(mut to: impl Write + Send + 'static, waiting: usize, gap: Gap) -> io::Result<Self> {
        let (lines, queue) = sync_channel::<String>(waiting);
        let (done, ended) = channel();
        thread::Builder::new().name("print".into()).spawn(move || {
            for line in queue {
                // A reader that has gone away is no failure of ours.
                let _ = to.write_all(line.as_bytes()).and_then(|()| to.flush());
            }
            let _ = done.send(());
        })?;
        Ok(Self(Arc::new(Mutex::new(Queue { lines: Some(lines), dropped: 0, gap, ended }))))
    }

    /// Hands a line over, without its newline.
    pub fn line(&self, line: &str) {
        self.hand_over(format!("{line}\n"));
    }

    fn hand_over(&self, text: String) {
        let mut queue = self.queue();
        let sent = queue.tell_gap() && queue.send(text);
        queue.dropped = queue.dropped.saturating_add(u64::from(!sent));
    }

    /// Waits until everything that was handed over is printed, but not for ever. What is handed over later is not printed.
    pub fn end(&self, patience: Duration) {
        let mut queue = self.queue();
        queue.tell_gap();
        if queue.lines.take().is_some() {
            // When nobody reads, the rest goes with the process.
            let _: Result<(), RecvTimeoutError> = queue.ended.recv_timeout(patience);
        }
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn send(&self, text: String) -> bool {
        let Some(lines) = &self.lines else { return false };
        !matches!(lines.try_send(text), Err(TrySendError::Full(_) | TrySendError::Disconnected(_)))
    }

    /// Whether no gap is left to be told of.
    fn tell_gap(&mut self) -> bool {
        if self.dropped > 0 && self.send(format!("{}\n", (self.gap)(self.dropped))) {
            self.dropped = 0;
        }
        self.dropped == 0
    }
}

impl<'a> MakeWriter<'a> for Printer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The log hands over whole lines.
impl Write for Printer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hand_over(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that takes nothing until it is told to.
    struct Stuck(Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Whoever tells it has gone: it reads all that comes.
            let _ = self.0.recv();
            self.1.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stuck(waiting: usize) -> (Printer, std::sync::mpsc::Sender<()>, Arc<Mutex<Vec<u8>>>) {
        let (go, wait) = channel();
        let read: Arc<Mutex<Vec<u8>>> = Arc::default();
        let printer = Printer::start(Stuck(wait, Arc::clone(&read)), waiting, |count| format!("{count} missing"));
        (printer.unwrap(), go, read)
    }

    #[test]
    fn nobody_waits_for_a_reader_and_what_is_missing_is_said() {
        let (printer, go, read) = stuck(4);
        for number in 0..100 {
            printer.line(&format!("line {number}"));
        }
        drop(go);
        // The reader goes on: there is room again, for a line that is heard of after the gap.
        let lines = || String::from_utf8(read.lock().unwrap().clone()).unwrap();
        while lines().lines().count() < 4 {
            thread::sleep(Duration::from_millis(5));
        }
        printer.line("last");
        printer.end(Duration::from_secs(60));
        let lines = lines();
        // When the thread takes its first line is its own affair: gaps are where lines are missing, and count them.
        let (mut next, mut gaps) = (0, 0);
        for line in lines.lines().take_while(|line| *line != "last") {
            match line.strip_suffix(" missing") {
                Some(count) => (next, gaps) = (next + count.parse::<usize>().unwrap(), gaps + 1),
                None => {
                    assert_eq!(line, format!("line {next}"));
                    next += 1;
                }
            }
        }
        assert!(next == 100 && gaps > 0 && lines.ends_with("\nlast\n"), "{lines}");
        printer.line("after the end");
        assert_eq!(read.lock().unwrap().len(), lines.len());
    }

    #[test]
    fn the_end_does_not_wait_for_ever() {
        let (printer, go, read) = stuck(4);
        printer.line("one");
        printer.end(Duration::from_millis(50));
        assert_eq!(*read.lock().unwrap(), b"");
        drop(go);
    }
}
