//! Carries a stream of bytes, serial or TCP: reads and writes at the same time, so that neither side waits for the other.

use std::future::pending;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Chunk, Ends, MAX_CHUNK, WRITE_WITHIN};
use crate::error::LineError;

/// Carries until either direction ends. [`LineError::Closed`] when all that was sent has left and no more will be.
pub(super) async fn carry(io: &mut (impl AsyncRead + AsyncWrite + Unpin), ends: Ends) -> LineError {
    let (from, to) = tokio::io::split(io);
    tokio::select! {
        why = read(from, ends.incoming) => why,
        why = write(to, ends.outgoing) => why,
    }
}

async fn read(mut from: impl AsyncRead + Unpin, to: mpsc::Sender<Result<Chunk, LineError>>) -> LineError {
    let mut buffer = vec![0; MAX_CHUNK];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) => return LineError::Ended,
            Ok(length) => {
                let chunk = Chunk::Bytes(buffer.get(..length).unwrap_or_default().to_vec());
                if to.send(Ok(chunk)).await.is_err() {
                    // The line is being closed: what was sent may still leave.
                    return pending().await;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return why(&error),
        }
    }
}

async fn write(mut to: impl AsyncWrite + Unpin, mut from: mpsc::Receiver<Vec<u8>>) -> LineError {
    while let Some(bytes) = from.recv().await {
        let mut rest = bytes.as_slice();
        // The limit is on each step, not on the whole: a slow line may take long for a long message.
        while !rest.is_empty() {
            match timeout(WRITE_WITHIN, to.write(rest)).await {
                Ok(Ok(0)) => return LineError::Ended,
                Ok(Ok(written)) => rest = rest.get(written..).unwrap_or_default(),
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return why(&error),
                Err(_) => return LineError::Stalled,
            }
        }
    }
    LineError::Closed
}

/// Input/output error, no such device or address, no such device: what Linux answers once a plug is pulled.
const PULLED: [i32; 3] = [5, 6, 19];

/// Why a line that was open failed.
pub(super) fn why(error: &io::Error) -> LineError {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::UnexpectedEof | Kind::BrokenPipe | Kind::NotConnected => LineError::Ended,
        Kind::ConnectionReset | Kind::ConnectionAborted => LineError::Ended,
        Kind::TimedOut => LineError::Stalled,
        _ if error.raw_os_error().is_some_and(|code| PULLED.contains(&code)) => LineError::Ended,
        _ => LineError::Io { reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    #[tokio::test(start_paused = true)]
    async fn a_side_that_takes_nothing_ends_the_line() {
        let (mut near, far) = duplex(64);
        let ((to_us, mut incoming), (outgoing, from_us)) = (mpsc::channel(1), mpsc::channel(1));
        let ends = Ends { incoming: to_us, outgoing: from_us };
        outgoing.send(vec![1; 1000]).await.unwrap();
        assert_eq!(carry(&mut near, ends).await, LineError::Stalled);
        assert_eq!(incoming.recv().await, None);
        drop(far);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_side_is_waited_for_and_nothing_is_lost_at_the_close() {
        let (mut near, mut far) = duplex(64);
        let ((to_us, incoming), (outgoing, from_us)) = (mpsc::channel(1), mpsc::channel(1));
        let ends = Ends { incoming: to_us, outgoing: from_us };
        let slow = tokio::spawn(async move {
            let mut got = Vec::new();
            while got.len() < 1000 {
                tokio::time::sleep(WRITE_WITHIN / 2).await;
                got.push(far.read_u8().await.unwrap());
            }
            (far, got)
        });
        outgoing.send(vec![7; 1000]).await.unwrap();
        drop((outgoing, incoming));
        assert_eq!(carry(&mut near, ends).await, LineError::Closed);
        assert_eq!(slow.await.unwrap().1, [7; 1000]);
    }
}
