//! The meter's end of a line: a bounded queue, and a task that empties it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{broker, wire};
use crate::live::{Event, Speed};
use crate::plain::play::Sent;
use crate::plain::protocol::Protocol;
use sealer::port::{LineError, Lines, Serial};

/// Frames that wait for a line at most.
const QUEUE: usize = 64;
/// How long the last frames may take when nobody may be there.
const LINGER: Duration = Duration::from_secs(2);

/// Somebody asked the meter; the answer goes there.
pub(super) type Asked = oneshot::Sender<(Vec<u8>, Sent)>;

/// A line that is open.
pub(super) struct Line {
    queue: mpsc::Sender<Arc<Sent>>,
    task: JoinHandle<()>,
}

impl Line {
    pub(super) fn new(queue: mpsc::Sender<Arc<Sent>>, task: JoinHandle<()>) -> Self {
        Self { queue, task }
    }

    /// Sends; false when it is lost because the line is busy.
    pub(super) async fn send(&self, sent: &Sent, speed: Speed) -> bool {
        let sent = Arc::new(sent.clone());
        match speed {
            Speed::Times(_) => self.queue.try_send(sent).is_ok(),
            Speed::Max => self.queue.send(sent).await.is_ok(),
        }
    }

    /// Waits until all is on its way; a line that may lose frames is not waited for long.
    pub(super) async fn close(self, speed: Speed) {
        drop(self.queue);
        match speed {
            Speed::Times(_) => drop(tokio::time::timeout(LINGER, self.task).await),
            Speed::Max => drop(self.task.await),
        }
    }
}

/// Opens all lines. To be called within a runtime.
pub(super) async fn open(
    lines: &Lines,
    protocol: Protocol,
    meter: &str,
    speed: Speed,
    ask: &mpsc::Sender<Asked>,
    events: &mpsc::Sender<Event>,
) -> Result<Vec<(Line, Event)>, LineError> {
    let mut opened = Vec::new();
    let lossy = speed != Speed::Max;
    let way = || {
        let (out, coming) = mpsc::channel(QUEUE);
        let (ask, events) = (ask.clone(), events.clone());
        (out, wire::Way { coming, ask, events, protocol, lossy, baud: lines.baud })
    };
    if let Some(serial) = &lines.serial {
        let (out, way) = way();
        let (task, event) = match serial {
            Serial::Auto => wire::pseudo_terminal(way)?,
            Serial::Path(path) => wire::device(path, way)?,
        };
        opened.push((Line::new(out, task), event));
    }
    if let Some(address) = lines.tcp {
        let (out, way) = way();
        let (task, event) = wire::listen(address, way).await?;
        opened.push((Line::new(out, task), event));
    }
    if let Some(to) = &lines.mqtt {
        let (out, coming) = mpsc::channel(QUEUE);
        let client = format!("plain-{}-{}-{meter}", protocol.name(), protocol.dialect());
        let (task, event) = broker::connect(to, client, meter, broker::Way { coming, events: events.clone(), lossy });
        opened.push((Line::new(out, task), event));
    }
    Ok(opened)
}
