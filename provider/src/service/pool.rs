//! Threads that own a connection to the ledger each and take work from a bounded queue.
//!
//! Verification and disk are slow beside the network: neither runs where connections are accepted. When the queue is
//! full, the work is not taken, and the client is told to come again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use crate::ledger::{Ledger, LedgerError};

type Job = Box<dyn FnOnce(&mut Ledger) + Send>;

/// Why work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotDone {
    /// The queue is full.
    Busy,
    /// The work itself failed in a way that nobody foresaw.
    Failed,
}

/// Workers and their queue. Dropping it waits for the workers: a process that ends while one of them still has a ledger
/// open would take the cipher's library away under it.
pub(super) struct Pool {
    /// Gone only while the pool is dropped.
    queue: Option<SyncSender<Job>>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    pub(super) fn start(home: &Path, threads: usize, queue: usize) -> Result<Self, LedgerError> {
        let (sender, receiver) = sync_channel::<Job>(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        // Built up in place: workers of a pool that fails to start are waited for as well.
        let mut pool = Self { queue: Some(sender), workers: Vec::new() };
        for _ in 0..threads {
            let mut ledger = Ledger::open(home)?;
            let receiver = Arc::clone(&receiver);
            let worker = thread::spawn(move || {
                while let Some(job) = next(&receiver) {
                    // A transaction that was cut short is rolled back as it is dropped; the worker goes on.
                    if catch_unwind(AssertUnwindSafe(|| job(&mut ledger))).is_err() {
                        tracing::error!("a request failed in a way that was not foreseen");
                    }
                }
            });
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// Runs work on a worker, without waiting for a place in the queue.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Ledger) -> T + Send + 'static,
    ) -> Result<T, NotDone> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |ledger| {
            // A client that went away does not stop what it began: the next one that asks finds it done.
            let _ = sender.send(work(ledger));
        });
        match self.queue.as_ref().map(|queue| queue.try_send(job)) {
            Some(Ok(())) => receiver.await.map_err(|_| NotDone::Failed),
            Some(Err(TrySendError::Full(_))) => Err(NotDone::Busy),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(NotDone::Failed),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue = None;
        for worker in self.workers.drain(..) {
            // Its panics were caught one by one.
            let _ = worker.join();
        }
    }
}

fn next(receiver: &Mutex<Receiver<Job>>) -> Option<Job> {
    receiver.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_says_so_and_a_failed_job_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::start(folder.path(), 1, 1).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            assert_eq!(pool.run(|_| panic!("not foreseen")).await, Err::<(), _>(NotDone::Failed));
            let (begun, has_begun) = std::sync::mpsc::channel();
            let (release, held) = std::sync::mpsc::channel::<()>();
            let pool = Arc::new(pool);
            let first = Arc::clone(&pool);
            let first = tokio::spawn(async move {
                let work = move |_: &mut Ledger| {
                    begun.send(()).unwrap();
                    held.recv().unwrap();
                    1
                };
                first.run(work).await
            });
            while has_begun.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
            let second = Arc::clone(&pool);
            let second = tokio::spawn(async move { second.run(|_| 2).await });
            tokio::task::yield_now().await;
            // The first is running and the second waits: there is no place for a third.
            assert_eq!(pool.run(|_| 3).await, Err(NotDone::Busy));
            release.send(()).unwrap();
            assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(1), Ok(2)));
        });
    }
}
