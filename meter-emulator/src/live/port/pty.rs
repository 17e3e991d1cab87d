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
use crate::live::event::Event;

/// A household that opened the line for itself alone and is gone would keep others out for this long at most.
const FREED_AFTER: Duration = Duration::from_secs(1);

pub(super) fn open(link: Link, mut queue: mpsc::Receiver<Vec<u8>>, baud: Option<u32>) -> Result<Event, LineError> {
    let failed =
        |error: tokio_serial::Error| LineError { address: "pseudo-terminal".into(), source: io::Error::from(error) };
    let (own, other) = SerialStream::pair().map_err(failed)?;
    let path = other.name().unwrap_or_default();
    // Held open without a lock of its own: the library's end would take one that keeps every household out.
    let held = open_held(&path).map_err(|source| LineError { address: path.clone(), source: source.into() })?;
    drop(other);
    tokio::spawn(async move {
        link.up().await;
        // The other end is held open too: the line then outlives every household that opens it. So does its exclusive
        // mode, which the last to close it would have ended.
        let free = async {
            loop {
                tokio::time::sleep(FREED_AFTER).await;
                let _ = ioctl_tiocnxcl(&held);
            }
        };
        let ended = tokio::select! {
            ended = talk(own, &link, &mut queue, baud) => ended,
            () = free => Ok(()),
        };
        let message = ended.err().map_or_else(|| "the line was closed".to_owned(), |error| error.to_string());
        link.tell(Event::Line { transport: "serial", up: false, message }).await;
    });
    Ok(Event::Listening { transport: "serial", address: path })
}

fn open_held(path: &str) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
}
