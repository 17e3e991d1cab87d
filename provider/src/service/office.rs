//! What all requests share: keys and certificate as they stand on disk, the workers, the settings.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;
use tokio::sync::Semaphore;

use super::attempts::Attempts;
use super::pool::Pool;
use super::{ServeError, Settings};
use crate::identity::{Identity, KEY_FILE, SUCCESSIONS_FILE};
use crate::tls::{LEAF_FILE, Leaf, TlsError, server_config};

/// Days that a certificate is good for; a new one is made when a third of them is left.
pub const LEAF_SECONDS: u64 = 90 * 86_400;
/// Bodies that are in memory at one time, in KiB.
pub(super) const BODY_BUDGET: usize = 96 << 10;
/// Bills that wait for a worker.
const BILL_QUEUE: usize = 256;
/// Other requests that wait for their worker.
const DESK_QUEUE: usize = 256;

/// Keys and certificate as one connection sees them.
pub(super) struct Papers {
    pub(super) identity: Identity,
    pub(super) tls: Arc<ServerConfig>,
}

/// What tells that a file was replaced.
type Stamp = [Option<(SystemTime, u64)>; 3];

/// The shared state.
pub(super) struct Office {
    home: PathBuf,
    pub(super) settings: Settings,
    papers: Mutex<(Stamp, Arc<Papers>)>,
    /// Verifies and books bills, on as many threads as the machine has cores to spare.
    pub(super) bills: Pool,
    /// Everything else; short work on one thread, so that it never waits for a verification.
    pub(super) desk: Pool,
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
            bodies: Arc::new(Semaphore::new(BODY_BUDGET)),
            attempts: Mutex::new(Attempts::default()),
            home: home.to_path_buf(),
            settings,
            now,
        })
    }

    /// The papers in force. Keys and certificates that another process rotated are taken from the next connection on.
    pub(super) fn papers(&self) -> Arc<Papers> {
        let mut held = self.papers.lock().unwrap_or_else(PoisonError::into_inner);
        let found = stamp(&self.home);
        if held.0 != found {
            match Papers::load(&self.home, self.seconds()) {
                // Loading may have renewed the certificate.
                Ok(papers) => *held = (stamp(&self.home), Arc::new(papers)),
                Err(error) => tracing::error!(%error, "keys on disk cannot be used; serving with those from before"),
            }
        }
        Arc::clone(&held.1)
    }

    /// Makes a new certificate when the one in use comes to its end.
    pub(super) fn renew(&self) {
        let fresh = Papers::load(&self.home, self.seconds());
        match fresh {
            Ok(papers) => {
                let mut held = self.papers.lock().unwrap_or_else(PoisonError::into_inner);
                *held = (stamp(&self.home), Arc::new(papers));
            }
            Err(error) => tracing::error!(%error, "the TLS certificate cannot be renewed"),
        }
    }

    /// The time, Unix seconds.
    pub(super) fn seconds(&self) -> u64 {
        seconds((self.now)())
    }
}

impl Papers {
    fn load(home: &Path, now: u64) -> Result<Self, ServeError> {
        let identity = Identity::open(home)?;
        let leaf = match Leaf::load(home) {
            Ok(leaf) if leaf.issuer == identity.provider().key && leaf.until > now.saturating_add(LEAF_SECONDS / 3) => {
                leaf
            }
            Ok(_) | Err(TlsError::Missing(_)) => {
                let leaf = Leaf::issue(&identity, now, LEAF_SECONDS)?;
                leaf.store(home)?;
                leaf
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { tls: Arc::new(server_config(&leaf)?), identity })
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
