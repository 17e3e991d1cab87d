//! The one owner of the open store: a thread that runs what it is given, in order.
//!
//! SQLite is synchronous and a connection belongs to one thread at a time; the tasks of the gateway hand in closures and
//! wait for their results without blocking each other.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use gateway_core::Store;
use tokio::sync::{mpsc, oneshot};

use crate::Failure;

type Work = Box<dyn FnOnce(&mut Store) + Send>;

enum Job {
    Run(Work),
    End(oneshot::Sender<()>),
}

/// Work that may wait before those who hand it in wait too.
const WAITING: usize = 64;

/// A handle to the thread. When the last one is gone the store is closed.
#[derive(Clone)]
pub struct Keeper {
    jobs: mpsc::Sender<Job>,
    /// After the sender, so that the thread's queue has ended when it is waited for.
    _thread: Arc<Thread>,
}

/// The thread. Dropping it waits for its end: a process that ends while a store is open would take the cipher's library
/// away under it.
struct Thread(Option<JoinHandle<()>>);

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(mut store: Store) -> Result<Self, Failure> {
        let (jobs, mut queue) = mpsc::channel(WAITING);
        let thread = thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                let mut ended = None;
                while let Some(job) = queue.blocking_recv() {
                    match job {
                        Job::Run(work) => work(&mut store),
                        Job::End(done) => {
                            ended = Some(done);
                            break;
                        }
                    }
                }
                // Closing folds the journal into the store.
                drop(store);
                if let Some(done) = ended {
                    let _ = done.send(());
                }
            })
            .map_err(|error| Failure::could_not("thread", format!("the system gives no thread: {error}")))?;
        Ok(Self { jobs, _thread: Arc::new(Thread(Some(thread))) })
    }

    /// Runs work on the store.
    ///
    /// # Errors
    /// What the work says, or that the store's thread has ended.
    pub async fn run<T, E>(&self, work: impl FnOnce(&mut Store) -> Result<T, E> + Send + 'static) -> Result<T, Failure>
    where
        T: Send + 'static,
        E: Into<Failure> + Send + 'static,
    {
        let ended = || Failure::could_not("store-ended", "the store was closed; start the gateway again");
        let (answer, result) = oneshot::channel();
        let job: Work = Box::new(move |store| {
            // Nobody waits any more when the task was stopped; the work is done all the same.
            let _ = answer.send(work(store));
        });
        self.jobs.send(Job::Run(job)).await.map_err(|_| ended())?;
        result.await.map_err(|_| ended())?.map_err(Into::into)
    }

    /// Ends when the store's thread has ended, by itself or because it was closed.
    pub async fn ended(&self) {
        self.jobs.closed().await;
    }

    /// Closes the store after the work that was handed in before; what comes later fails.
    pub async fn end(&self) {
        let (done, wait) = oneshot::channel();
        if self.jobs.send(Job::End(done)).await.is_ok() {
            let _ = wait.await;
        }
    }
}
