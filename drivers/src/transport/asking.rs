//! Carries a line on which the meter is asked: the conversation of mode C, again and again. What the meter says goes
//! on as bytes, as on any line; [`Talk`] decides what is sent, when, and at which speed.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{Chunk, Ends, MAX_CHUNK, WRITE_WITHIN, stream};
use crate::error::LineError;
use crate::plain::d0::{Act, Talk};

/// Bits on the line for a character: start, seven and parity, stop.
const BITS: u64 = 10;
/// What is written may wait so long in the adapter before it is on the line. A meter takes 200 ms before it answers.
const LATENCY: Duration = Duration::from_millis(30);
/// Nothing is asked at another speed than this until the conversation says so.
const FIRST: u32 = 300;

/// How the speed of a line is set; a line without a speed of its own does nothing.
pub(super) type SetSpeed<S> = fn(&mut S, u32) -> Result<(), LineError>;

/// Asks every so often until the line fails. [`LineError::Closed`] when it is closed from here.
pub(super) async fn carry<S>(io: &mut S, every: Duration, set_speed: Option<SetSpeed<S>>, ends: Ends) -> LineError
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Ends { incoming, mut outgoing } = ends;
    let begun = Instant::now();
    let mut talk = Talk::new(every, Duration::ZERO);
    let mut buffer = vec![0; MAX_CHUNK];
    let (mut speed, mut sent) = (FIRST, 0);
    loop {
        match talk.act(begun.elapsed()) {
            Act::Speed(next) => {
                if let Some(set_speed) = set_speed {
                    // What was sent must have left: a speed holds at once.
                    sleep(on_the_line(sent, speed)).await;
                    if let Err(why) = set_speed(io, next) {
                        return why;
                    }
                }
                (speed, sent) = (next, 0);
            }
            Act::Send(bytes) => match timeout(WRITE_WITHIN, io.write_all(&bytes)).await {
                Ok(Ok(())) => sent += bytes.len(),
                Ok(Err(error)) => return stream::why(&error),
                Err(_) => return LineError::Stalled,
            },
            Act::Listen(until) => tokio::select! {
                length = io.read(&mut buffer) => match length {
                    Ok(0) => return LineError::Ended,
                    Ok(length) => {
                        let heard = buffer.get(..length).unwrap_or_default();
                        talk.heard(heard, begun.elapsed());
                        if incoming.send(Ok(Chunk::Bytes(heard.to_vec()))).await.is_err() {
                            return LineError::Closed;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return stream::why(&error),
                },
                () = sleep_until(begun + until) => {}
                // Nothing but the conversation is said; the end of the queue is an order to close.
                said = outgoing.recv() => if said.is_none() { return LineError::Closed },
            },
        }
    }
}

/// How long bytes take until they have left.
fn on_the_line(bytes: usize, speed: u32) -> Duration {
    if bytes == 0 {
        return Duration::ZERO;
    }
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(BITS);
    Duration::from_micros(bits.saturating_mul(1_000_000) / u64::from(speed.max(1))).saturating_add(LATENCY)
}
