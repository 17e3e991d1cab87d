//! The gateway's side of the socket: each connection is served by itself, and none can hold up the others.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::socket::{Asked, LONGEST_ANSWER, Told, line_of, write};
use super::{Event, Request, VERSION};
use crate::Failure;
use crate::gateway::Gateway;

/// Longest request.
const LONGEST_REQUEST: u64 = 1 << 20;
/// How long a connection may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves one connection until it closes, or the gateway stops and it has its answer. `watching` has the places for those
/// that watch.
pub async fn serve(stream: UnixStream, gateway: Gateway, watching: Arc<Semaphore>) {
    let own = rustix::process::geteuid().as_raw();
    let allowed = stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0);
    if !allowed {
        tracing::warn!("a connection of another user was refused");
        return;
    }
    let (reading, mut writing) = stream.into_split();
    let mut reader = BufReader::new(reading);
    let mut stopped = gateway.stopped();
    loop {
        let mut line = Zeroizing::new(Vec::new());
        let mut bounded = (&mut reader).take(LONGEST_REQUEST);
        let read = tokio::select! {
            read = timeout(PATIENCE, bounded.read_until(b'\n', &mut line)) => read,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        match read {
            Ok(Ok(count)) if count > 0 && line.last() == Some(&b'\n') => {}
            _ => return,
        }
        let result = match serde_json::from_slice::<Asked>(&line) {
            Ok(asked) if asked.version != VERSION => Err(Failure::refused(
                "api-version",
                format!("the running gateway speaks version {VERSION} of its API, not {}; restart it", asked.version),
            )),
            Ok(Asked { request: Request::Watch, .. }) => match watching.try_acquire() {
                Ok(_place) => return watch(reader, &mut writing, &gateway).await,
                Err(_) => {
                    Err(Failure::could_not("too-many-watch", "too many watch this gateway already; end one of them"))
                }
            },
            Ok(asked) => gateway.answer(asked.request).await,
            Err(_) => Err(Failure::refused("bad-request", "the request is not one that this gateway knows")),
        };
        let told = match result {
            Ok(answer) => Told::Answer(Box::new(answer)),
            Err(error) => Told::Failure { error },
        };
        if tell(&mut writing, &told).await.is_err() {
            return;
        }
    }
}

/// Tells the answer; one that is too long for the other end is not begun.
async fn tell(writing: &mut OwnedWriteHalf, told: &Told) -> std::io::Result<()> {
    let line = line_of(told)?;
    if line.len() as u64 <= LONGEST_ANSWER {
        return write(writing, &line).await;
    }
    let error = Failure::refused(
        "too-much",
        format!(
            "the answer has {} MiB, which is too much at once; ask for less, as for a shorter period",
            line.len() >> 20
        ),
    );
    write(writing, &line_of(&Told::Failure { error })?).await
}

async fn watch(reader: BufReader<OwnedReadHalf>, writing: &mut OwnedWriteHalf, gateway: &Gateway) {
    let mut events = gateway.listen();
    let mut stopped = gateway.stopped();
    let left = left(reader);
    tokio::pin!(left);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = &mut left => return,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        let event = match event {
            Ok(event) => event,
            Err(RecvError::Lagged(count)) => Event::Missed { count },
            Err(RecvError::Closed) => return,
        };
        let Ok(line) = line_of(&event) else { return };
        if write(writing, &line).await.is_err() {
            return;
        }
    }
}

/// Ends when the other end has closed. What it says before is not asked for.
async fn left(mut reader: BufReader<OwnedReadHalf>) {
    while let Ok(part) = reader.fill_buf().await {
        let length = part.len();
        if length == 0 {
            return;
        }
        reader.consume(length);
    }
}
