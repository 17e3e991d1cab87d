//! Recorded bytes, played once: for a look at what a meter said, and for tests of everything behind a line.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::{Chunk, Ends, Line, MAX_CHUNK};
use crate::address::Recording;
use crate::error::LineError;

/// With a pace, bytes come in so many portions a second.
const PORTIONS: u32 = 10;
/// Longest portion, a chunk.
const MAX_PORTION: u32 = 4096;
const _: () = assert!(MAX_PORTION as usize == MAX_CHUNK);

/// Opens a recording.
pub(super) async fn open(recording: &Recording) -> Result<Line, LineError> {
    let unreadable = |reason: String| LineError::Recording { path: recording.path.clone(), reason };
    let found = tokio::fs::metadata(&recording.path).await.map_err(|error| unreadable(error.to_string()))?;
    if !found.is_file() {
        // A pipe would block, a device never end.
        return Err(unreadable("not a regular file".into()));
    }
    let file = File::open(&recording.path).await.map_err(|error| unreadable(error.to_string()))?;
    let (path, pace) = (recording.path.clone(), recording.pace);
    Ok(Line::carried(move |Ends { incoming, outgoing }| async move {
        tokio::select! {
            played = play(file, pace, incoming) => match played {
                Ok(()) => LineError::ReplayEnded,
                Err(error) => LineError::Recording { path, reason: error.to_string() },
            },
            () = ignore(outgoing) => LineError::Closed,
        }
    }))
}

async fn play(
    mut file: File,
    pace: Option<NonZeroU32>,
    to: mpsc::Sender<Result<Chunk, LineError>>,
) -> std::io::Result<()> {
    // At least a byte and at most a chunk; the tick is as long as the portion takes at that pace.
    let portion = pace.map(|pace| {
        let bytes = (pace.get() / PORTIONS).clamp(1, MAX_PORTION);
        (bytes as usize, Duration::from_secs(bytes.into()) / pace.get())
    });
    let mut ticks = portion.map(|(_, tick)| interval(tick.max(Duration::from_nanos(1))));
    if let Some(ticks) = &mut ticks {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let mut buffer = vec![0; portion.map_or(MAX_CHUNK, |(bytes, _)| bytes)];
    loop {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let length = file.read(&mut buffer).await?;
        let chunk = Chunk::Bytes(buffer.get(..length).unwrap_or_default().to_vec());
        if length == 0 || to.send(Ok(chunk)).await.is_err() {
            return Ok(());
        }
    }
}

/// A recording does not answer.
async fn ignore(mut from: mpsc::Receiver<Vec<u8>>) {
    while from.recv().await.is_some() {}
}
