//! Ctrl-C while a person is asked something: the question ends with an error, so that what was begun is taken back and
//! the terminal shows again what is typed. At any other time Ctrl-C ends the process as ever.

use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;

use rustix::process::{Signal, getpid, kill_process};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// Whom the next Ctrl-C concerns.
enum Asked {
    /// Nobody is asked.
    Nobody,
    /// A question is being put; whether Ctrl-C has come.
    Soon(bool),
    /// Somebody waits for an answer.
    Waiting(Sender<()>),
}

static ASKED: Mutex<Asked> = Mutex::new(Asked::Nobody);
static LISTENING: Once = Once::new();

fn asked() -> MutexGuard<'static, Asked> {
    ASKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A question to a person at the terminal, from before it is shown until it is answered. One at a time.
pub struct Question(());

impl Question {
    /// From here on Ctrl-C ends the question instead of the process, if there is a terminal to press it at.
    pub fn begin() -> Self {
        if super::ask::is_terminal() {
            *asked() = Asked::Soon(false);
            LISTENING.call_once(listen);
        }
        Self(())
    }

    /// Waits for an answer in a thread of its own; none when Ctrl-C comes first. The thread then goes on waiting, so the
    /// process has to come to its end.
    pub fn answer<T: Send + 'static>(&self, wait: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (told, done) = mpsc::channel();
        {
            let mut asked = asked();
            if matches!(*asked, Asked::Soon(true)) {
                return None;
            }
            *asked = Asked::Waiting(told.clone());
        }
        let waiting = thread::spawn(move || {
            let value = wait();
            // Nobody listens any more when Ctrl-C came first.
            let _ = told.send(());
            value
        });
        let _ = done.recv();
        let interrupted = {
            let mut asked = asked();
            let interrupted = matches!(*asked, Asked::Soon(true));
            *asked = Asked::Soon(interrupted);
            interrupted
        };
        if interrupted { None } else { waiting.join().ok() }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        *asked() = Asked::Nobody;
    }
}

/// Takes Ctrl-C over, from when this returns on. Where that cannot be done it ends the process, as before.
fn listen() {
    let (ready, taken) = mpsc::channel();
    thread::spawn(move || {
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let Ok(mut interrupts) = signal(SignalKind::interrupt()) else { return };
            let _ = ready.send(());
            while interrupts.recv().await.is_some() {
                let mut asked = asked();
                match &*asked {
                    // What is being done is cut short as by a power cut.
                    Asked::Nobody => drop(kill_process(getpid(), Signal::TERM)),
                    Asked::Soon(_) => *asked = Asked::Soon(true),
                    Asked::Waiting(told) => {
                        let _ = told.send(());
                        *asked = Asked::Soon(true);
                    }
                }
            }
        });
    });
    // An error says that the thread has given up.
    let _ = taken.recv();
}
