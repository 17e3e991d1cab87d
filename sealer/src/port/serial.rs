//! A serial device, 115,200 baud, 8 bits, no parity. When it is pulled out it is opened again when it is back.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_serial::{SerialPortBuilderExt, SerialStream};

use super::framed::talk;
use super::{LineError, Link};
use crate::event::Event;

const BAUD: u32 = 115_200;
const RETRY: Duration = Duration::from_secs(1);

pub(super) fn open(path: &Path, link: Link, mut queue: mpsc::Receiver<Vec<u8>>) -> Result<Event, LineError> {
    let address = path.display().to_string();
    let first = device(path).map_err(|source| LineError { address: address.clone(), source })?;
    let path: PathBuf = path.to_owned();
    tokio::spawn(async move {
        let mut stream = Some(first);
        loop {
            let Some(open) = stream.take() else {
                tokio::time::sleep(RETRY).await;
                stream = device(&path).ok();
                continue;
            };
            link.up().await;
            let ended = talk(open, &link, &mut queue, None).await;
            let message = ended.err().map_or_else(|| "the line was closed".to_owned(), |error| error.to_string());
            link.tell(Event::Line { transport: "serial", up: false, message }).await;
        }
    });
    Ok(Event::Listening { transport: "serial", address })
}

fn device(path: &Path) -> io::Result<SerialStream> {
    let builder = tokio_serial::new(path.to_string_lossy(), BAUD);
    builder.open_native_async().map_err(io::Error::from)
}
