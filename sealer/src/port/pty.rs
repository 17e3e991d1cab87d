//! A pseudo-terminal: a serial line between two programs. The household opens the path as if it were a device.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::termios::ioctl_tiocnxcl;
use tokio::sync::mpsc;
use tokio_serial::{SerialPort, SerialStream};

use super::framed::talk;
use super::{LineError, Link};
use crate::event::Event;

/// A household that opened the line for itself alone and is gone would keep others out for this long at most.
const FREED_AFTER: Duration = Duration::from_secs(1);

/// Both ends of a new pseudo-terminal.
pub struct Ends {
    /// The meter's.
    pub own: SerialStream,
    /// The household's, held open: the line then outlives every household that opens it.
    pub held: OwnedFd,
    /// Where a household opens it.
    pub path: String,
}

/// Makes a pseudo-terminal.
///
/// # Errors
/// When the system has none to give.
pub fn pair() -> Result<Ends, LineError> {
    let failed =
        |error: tokio_serial::Error| LineError { address: "pseudo-terminal".into(), source: io::Error::from(error) };
    let (own, other) = SerialStream::pair().map_err(failed)?;
    let path = other.name().unwrap_or_default();
    // Held open without a lock of its own: the library's end would take one that keeps every household out.
    let held = open_held(&path).map_err(|source| LineError { address: path.clone(), source: source.into() })?;
    drop(other);
    Ok(Ends { own, held, path })
}

/// Ends, again and again, the exclusive mode of households that are gone: the last to close the line would have ended
/// it, and the end that is held open never closes.
pub async fn keep_free(held: &OwnedFd) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(FREED_AFTER).await;
        let _ = ioctl_tiocnxcl(held);
    }
}

pub(super) fn open(link: Link, mut queue: mpsc::Receiver<Vec<u8>>, baud: Option<u32>) -> Result<Event, LineError> {
    let Ends { own, held, path } = pair()?;
    tokio::spawn(async move {
        link.up().await;
        let ended = tokio::select! {
            ended = talk(own, &link, &mut queue, baud) => ended,
            never = keep_free(&held) => match never {},
        };
        let message = ended.err().map_or_else(|| "the line was closed".to_owned(), |error| error.to_string());
        link.tell(Event::Line { transport: "serial", up: false, message }).await;
    });
    Ok(Event::Listening { transport: "serial", address: path })
}

fn open_held(path: &str) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
}
