//! The provider as a service: HTTPS for households, and an eye on bills that do not come.
//!
//! ```text
//! household ─► accept (TLS 1.3, limits) ─► api (who is it, what is asked) ─► pool (ledger, verification)
//!                     │                                                        ▲
//!      office (keys, certificate, settings), shelf (circuits) watch (late bills) ┴─► log, webhook, mails
//! ```

mod accept;
mod api;
mod attempts;
mod mail;
mod office;
mod pool;
mod post;
mod refusal;
mod shares;
mod shelf;
mod submit;
mod watch;

pub use mail::mail_text;
pub use post::{Target, TargetError};

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use protocol::show;
use protocol::verify::Policy;

use crate::identity::IdentityError;
use crate::ledger::LedgerError;
use crate::tls::TlsError;
use office::Office;

/// How the service runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address and port; port 0 for any free one.
    pub listen: SocketAddr,
    /// What bills must be like.
    pub policy: Policy,
    /// Where reports of late bills are posted.
    pub webhook: Option<Target>,
    /// Where reports of late bills are written as mails.
    pub mail_dir: Option<PathBuf>,
    /// How often late bills are looked for.
    pub check_every: Duration,
}

/// Where the service can be reached, and what households pin.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The address it listens on.
    pub address: SocketAddr,
    /// The provider's present key.
    pub key: [u8; 32],
    /// The key as people compare it.
    pub fingerprint: String,
}

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The system refuses threads, signals or sockets.
    #[error("the service cannot run: {0}")]
    System(#[from] std::io::Error),
    /// The provider's key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Serves until SIGTERM or SIGINT; requests that are running are finished first. `now` is the clock, Unix seconds.
///
/// # Errors
/// When it cannot begin. Once it runs, trouble with one request is answered to that request and logged.
pub fn serve(home: &Path, settings: Settings, now: fn() -> i64, ready: impl FnOnce(&Bound)) -> Result<(), ServeError> {
    let address = settings.listen;
    let listener = TcpListener::bind(address).map_err(|cause| ServeError::Listen { address, cause })?;
    listener.set_nonblocking(true)?;
    let office = Arc::new(Office::open(home, settings, now)?);
    let key = office.held().identity.provider().key;
    let bound = Bound { address: listener.local_addr()?, key, fingerprint: show::fingerprint(&key) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let stop = accept::stop_signal()?;
        ready(&bound);
        let watching = tokio::spawn(watch::watch(Arc::clone(&office)));
        accept::accept(listener, office, stop).await;
        watching.abort();
        Ok(())
    })
}
