//! Why a run ends otherwise than by being told to.

use std::path::PathBuf;

use sealer::port::LineError;
use sealer::recorder::Failure;

/// Why a meter does not run, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The meter.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// A line.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The system gives no threads or signals.
    #[error("the system does not let the meter run: {0}")]
    Runtime(#[source] std::io::Error),
    /// The pairing code cannot be shown.
    #[error("{}: {source}", path.display())]
    CodeFile {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The meter is gone after a failure that was reported.
    #[error("the meter is not open")]
    Closed,
}
