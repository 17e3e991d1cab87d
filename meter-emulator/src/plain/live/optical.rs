//! Mode C of IEC 62056-21: the reader opens, the meter says who it is, the reader acknowledges a speed, the meter reads
//! itself out. Without an acknowledgement it does so at the first speed.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::speed::Reader;
use super::wire::{Pace, SetBaud, Way, on_the_line, write};
use crate::plain::d0;

/// How long the meter waits for an acknowledgement (6.4.2: a reader answers within 1.5 s).
const PATIENCE: Duration = Duration::from_millis(2200);
/// Longest opening: `/?`, an address of 32 characters, `!`, CR LF.
const OPENING: usize = 37;

/// Converses until the line breaks; done when the meter has ended.
///
/// # Errors
/// What the system said when it broke.
pub(super) async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    way: &mut Way,
    set_baud: Option<SetBaud<S>>,
    listener: Reader<'_>,
) -> io::Result<()> {
    loop {
        let opened = tokio::select! {
            opened = opening(stream) => opened,
            // Nothing is ever queued for this meter: the queue tells when it ends.
            _ = way.coming.recv() => return Ok(()),
        };
        opened?;
        if !listener.is_at(d0::FIRST_BAUD) {
            continue;
        }
        let (reply, answer) = oneshot::channel();
        if way.ask.send(reply).await.is_err() {
            return Ok(());
        }
        let Ok((sign_on, readout)) = answer.await else { return Ok(()) };
        write(stream, &listener.hears(&sign_on, Some(d0::FIRST_BAUD))).await?;
        Pace::new(way.baud).pass(sign_on.len()).await;
        let acknowledged = match timeout(PATIENCE, acknowledgement(stream)).await {
            Ok(read) => read?,
            Err(_) => false,
        };
        let baud = if acknowledged { d0::FAST_BAUD } else { d0::FIRST_BAUD };
        if let Some(set) = set_baud {
            set(stream, baud)?;
        }
        // A reader changes its speed once its acknowledgement has left.
        sleep(listener.turn()).await;
        write(stream, &listener.hears(&readout.bytes, Some(baud))).await?;
        Pace::new(way.baud.map(|_| baud)).pass(readout.bytes.len()).await;
        if let Some(set) = set_baud {
            // What is written has not left a real line yet.
            sleep(on_the_line(readout.bytes.len(), baud)).await;
            set(stream, d0::FIRST_BAUD)?;
        }
    }
}

/// The next byte, without its parity bit.
async fn byte(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<u8> {
    Ok(stream.read_u8().await? & 0x7f)
}

/// Waits for `/?…!` and its line's end; anything else is passed over.
async fn opening(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        match byte(stream).await? {
            b'/' => line = vec![b'/'],
            b'\n' if line.starts_with(b"/?") && line.ends_with(b"!\r") => return Ok(()),
            other if line.len() < OPENING => line.push(other),
            _ => line.clear(),
        }
    }
}

/// Reads what comes after the sign-on; whether it acknowledges the speed that was offered.
async fn acknowledgement(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
    let mut heard = Vec::new();
    while heard.len() < d0::ACKNOWLEDGE.len() {
        match byte(stream).await? {
            // A late line's end of the opening.
            other if heard.is_empty() && other != 0x06 => {}
            other => heard.push(other),
        }
    }
    Ok(heard == d0::ACKNOWLEDGE)
}
