//! A line of bytes: frames out at the line's pace, frames in, until it breaks.

use std::io;
use std::time::Duration;

use protocol::line::Message;
use protocol::line::frame::{Deframer, frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::Link;

/// Bits on the line for a byte: eight, a start and a stop.
const BITS: u64 = 10;

/// Converses until the line breaks or ends.
///
/// # Errors
/// What the system said when it broke.
pub(super) async fn talk(
    stream: impl AsyncRead + AsyncWrite,
    link: &Link,
    queue: &mut mpsc::Receiver<Vec<u8>>,
    baud: Option<u32>,
) -> io::Result<()> {
    let (reader, writer) = tokio::io::split(stream);
    tokio::select! {
        ended = listen(reader, link) => ended,
        ended = speak(writer, link, queue, baud) => ended,
    }
}

async fn listen(mut reader: impl AsyncRead + Unpin, link: &Link) -> io::Result<()> {
    let mut deframer = Deframer::default();
    let mut buffer = vec![0; 4096];
    loop {
        let length = reader.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        // What is no frame was damaged on the way: whoever sent it asks again.
        for message in deframer.feed(buffer.get(..length).unwrap_or(&[])).into_iter().flatten() {
            if !link.ask(Message::read(&message).ok()).await {
                return Ok(());
            }
        }
    }
}

async fn speak(
    mut writer: impl AsyncWrite + Unpin,
    link: &Link,
    queue: &mut mpsc::Receiver<Vec<u8>>,
    baud: Option<u32>,
) -> io::Result<()> {
    let mut free = Instant::now();
    while let Some(message) = queue.recv().await {
        for bytes in link.pass(frame(&message)) {
            writer.write_all(&bytes).await?;
            writer.flush().await?;
            if let Some(baud) = baud {
                let bits = u64::try_from(bytes.len()).unwrap_or(u64::MAX).saturating_mul(BITS);
                let taken = Duration::from_nanos(bits.saturating_mul(1_000_000_000) / u64::from(baud.max(1)));
                free = free.max(Instant::now()) + taken;
                sleep_until(free).await;
            }
        }
    }
    Ok(())
}
