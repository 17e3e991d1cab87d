//! What all requests share: keys and certificate as they stand on disk, the workers, the settings.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;
use tokio::sync::Semaphore;

use super::attempts::Attempts;
use super::pool::Pool;
use super::shelf::{Fetches, Shelves};
use super::{ServeError, Settings};
use crate::identity::{Identity, KEY_FILE, SUCCESSIONS_FILE};
use crate::ledger::Ledger;
use crate::tls::{LEAF_FILE, Leaf, TlsError, server_config};

/// Seconds that a first certificate is good for; a new one is made when a third of its time is left.
const LEAF_SECONDS: u64 = 90 * 86_400;
/// Bodies that are in memory at one time, in KiB.
pub(super) const BODY_BUDGET: usize = 96 << 10;
/// Bills that wait for a worker.
const BILL_QUEUE: usize = 256;
/// Other requests that wait for their worker.
const DESK_QUEUE: usize = 256;

/// Keys and certificate as one connection sees them.
pub(super) struct Papers {
    pub(super) identity: Identity,
    leaf: Leaf,
    pub(super) tls: Arc<ServerConfig>,
}

/// What tells that a file was replaced.
type Stamp = [Option<(SystemTime, u64)>; 3];

/// The shared state.
pub(super) struct Office {
    home: PathBuf,
    pub(super) settings: Settings,
    papers: Mutex<(Stamp, Arc<Papers>)>,
    /// Held while papers are taken from disk, so that one certificate is made and not two.
    renewing: Mutex<()>,
    /// Verifies and books bills, on as many threads as the machine has cores to spare.
    pub(super) bills: Pool,
    /// Everything else; short work on one thread, so that it never waits for a verification.
    pub(super) desk: Pool,
    /// Looks at all contracts, which may take a while: on a thread of its own, so that no request waits for it.
    pub(super) watch: Pool,
    /// The circuits of the home.
    pub(super) shelves: Arc<Shelves>,
    pub(super) fetches: Arc<Fetches>,
    pub(super) bodies: Arc<Semaphore>,
    pub(super) attempts: Mutex<Attempts>,
    pub(super) now: fn() -> i64,
}

impl Office {
    pub(super) fn open(home: &Path, settings: Settings, now: fn() -> i64) -> Result<Self, ServeError> {
        let papers = Arc::new(Papers::load(home, seconds(now()))?);
        let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 8);
        Ok(Self {
            papers: Mutex::new((stamp(home), papers)),
            bills: Pool::start(home, threads, BILL_QUEUE)?,
            desk: Pool::start(home, 1, DESK_QUEUE)?,
            watch: Pool::start(home, 1, 1)?,
            shelves: Arc::new(Shelves::open(home)),
            fetches: Arc::default(),
            renewing: Mutex::new(()),
            bodies: Arc::new(Semaphore::new(BODY_BUDGET)),
            attempts: Mutex::new(Attempts::default()),
            home: home.to_path_buf(),
            settings,
            now,
        })
    }

    /// The papers in force. Keys and certificates that another process rotated are taken from the next connection on.
    pub(super) async fn papers(self: &Arc<Self>) -> Arc<Papers> {
        if self.is_stale() {
            // Reads and perhaps writes files: not on a thread that serves connections.
            let office = Arc::clone(self);
            let _ = tokio::task::spawn_blocking(move || office.renew(false)).await;
        }
        self.held()
    }

    /// The papers that were last taken.
    pub(super) fn held(&self) -> Arc<Papers> {
        Arc::clone(&self.lock().1)
    }

    /// Takes the papers from disk, when they changed or in any case, and makes a new certificate when the one there
    /// cannot go on.
    pub(super) fn renew(&self, in_any_case: bool) {
        let _turn = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_any_case && !self.is_stale() {
            return;
        }
        match Papers::load(&self.home, self.seconds()) {
            // Loading may have renewed the certificate.
            Ok(papers) => *self.lock() = (stamp(&self.home), Arc::new(papers)),
            Err(error) => tracing::error!(%error, "keys on disk cannot be used; serving with those from before"),
        }
    }

    /// Whether files changed, or the certificate cannot go on: its time is up, or the clock was set back before it.
    fn is_stale(&self) -> bool {
        let held = self.lock();
        held.0 != stamp(&self.home) || !held.1.leaf.serves_at(self.seconds())
    }

    fn lock(&self) -> MutexGuard<'_, (Stamp, Arc<Papers>)> {
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, Unix seconds.
    pub(super) fn seconds(&self) -> u64 {
        seconds((self.now)())
    }
}

impl Papers {
    fn load(home: &Path, now: u64) -> Result<Self, ServeError> {
        let identity = Identity::open(home)?;
        let held = match Leaf::load(home) {
            Ok(leaf) => Some(leaf),
            Err(TlsError::Missing(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let mut ledger = Ledger::open(home)?;
        let leaf = match held {
            Some(leaf)
                if leaf.issuer == identity.provider().key
                    && leaf.serves_at(now)
                    && !ledger.is_leaf_revoked(&leaf.hash())? =>
            {
                // One that a ledger from a backup does not know can be named again.
                ledger.note_leaf(&leaf.hash(), leaf.from, leaf.until)?;
                leaf
            }
            // A new one is good for as long as the one before was.
            held => {
                let leaf = Leaf::issue(&identity, now, held.map_or(LEAF_SECONDS, |leaf| leaf.span()))?;
                ledger.note_leaf(&leaf.hash(), leaf.from, leaf.until)?;
                leaf.store(home)?;
                leaf
            }
        };
        Ok(Self { tls: Arc::new(server_config(&leaf)?), identity, leaf })
    }
}

fn seconds(now: i64) -> u64 {
    u64::try_from(now).unwrap_or(0)
}

fn stamp(home: &Path) -> Stamp {
    [KEY_FILE, SUCCESSIONS_FILE, LEAF_FILE].map(|name| {
        let data = std::fs::metadata(home.join(name)).ok()?;
        Some((data.modified().ok()?, data.len()))
    })
}
