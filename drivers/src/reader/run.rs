//! The reader's loop. Every wait in it also hears an order to close, and that nobody takes events any more.

use std::future::pending;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::back_off::BackOff;
use super::tally::Tally;
use super::{Event, Orders, Reader, Told};
use crate::address::Address;
use crate::dialect::{Dialect, Found};
use crate::error::LineError;
use crate::transport::{self, Chunk, Line};

/// The last event is given up when nobody takes it within this: whoever closed may not be listening any more.
const LAST_WORD: Duration = Duration::from_secs(2);

impl<D: Dialect> Reader<D> {
    /// Reads until it is closed, a recording is over, or the receiver of its events is dropped.
    pub async fn run(mut self) {
        let mut back_off = BackOff::new(self.patience.first, self.patience.most);
        let mut tally = Tally::new(self.patience.summary);
        loop {
            let why = self.connection(&mut back_off, &mut tally).await;
            // A summary that was not yet due would otherwise wait for the next line.
            let told = tally.tell(Instant::now());
            let retry_in = (!why.is_final()).then(|| back_off.wait((self.random)()));
            let Some(wait) = retry_in else { return self.last_words(told, why).await };
            tracing::debug!(why = why.code(), seconds = wait.as_secs(), "line ended");
            for event in told.into_iter().chain([Event::Disconnected { why, retry_in }]) {
                if let Err(why) = self.emit(event).await {
                    return self.last_words(Vec::new(), why).await;
                }
            }
            let closed = tokio::select! {
                () = closed(&mut self.orders) => true,
                () = self.events.closed() => true,
                () = sleep(wait) => false,
            };
            if closed {
                return self.last_words(Vec::new(), LineError::Closed).await;
            }
        }
    }

    /// One line from its opening to its end.
    async fn connection(&mut self, back_off: &mut BackOff, tally: &mut Tally) -> LineError {
        let (random, manner) = ((self.random)(), self.dialect.manner());
        let line = tokio::select! {
            biased;
            () = closed(&mut self.orders) => return LineError::Closed,
            () = self.events.closed() => return LineError::Closed,
            line = transport::open(&self.dial, &manner, random) => line,
        };
        let mut line = match line {
            Ok(line) => line,
            Err(why) => return why,
        };
        self.dialect.begin();
        // What was meant for the line before is stale.
        while self.said.try_recv().is_ok() {}
        self.connected.store(true, Ordering::Release);
        let why = match self.emit(Event::Connected).await {
            Ok(()) => self.read(&mut line, back_off, tally).await,
            Err(why) => why,
        };
        self.connected.store(false, Ordering::Release);
        let mut rest = Vec::new();
        if why == LineError::Closed {
            // Taken by a handle before the order to close, so it goes out as well.
            self.said.close();
            rest.extend(std::iter::from_fn(|| self.said.try_recv().ok()));
        }
        // Also when it failed: a port must be free before it is opened anew.
        line.close(rest).await;
        why
    }

    async fn read(&mut self, line: &mut Line, back_off: &mut BackOff, tally: &mut Tally) -> LineError {
        let opened = Instant::now();
        let mut heard = opened;
        loop {
            if self.orders.borrow_and_update().close {
                return LineError::Closed;
            }
            let limit = self.silence();
            let silent = limit.and_then(|limit| heard.checked_add(limit));
            let due = tally.due(Instant::now());
            let chunk = tokio::select! {
                biased;
                () = changed(&mut self.orders) => continue,
                () = self.events.closed() => return LineError::Closed,
                // Before the message: else a line that never pauses would put the summary off for ever.
                () = at(due) => None,
                () = forward(&mut self.said, &line.outgoing) => continue,
                chunk = line.incoming.recv() => Some(chunk.unwrap_or(Err(LineError::Ended))),
                () = at(silent) => {
                    return LineError::Silent { seconds: limit.unwrap_or_default().as_secs() };
                }
            };
            match chunk {
                None => {
                    for event in tally.tell(Instant::now()) {
                        if let Err(why) = self.emit(event).await {
                            return why;
                        }
                    }
                }
                Some(Err(why)) => return why,
                Some(Ok(chunk)) => {
                    // Before its events wait to be taken.
                    let came = Instant::now();
                    if let Err(why) = self.hear(&chunk, came, opened, back_off, tally).await {
                        return why;
                    }
                    heard = Instant::now();
                }
            }
        }
    }

    async fn hear(
        &mut self,
        chunk: &Chunk,
        came: Instant,
        opened: Instant,
        back_off: &mut BackOff,
        tally: &mut Tally,
    ) -> Result<(), LineError> {
        for found in self.dialect.hear(chunk) {
            match found {
                Found::Message(message) => {
                    if opened.elapsed() >= self.patience.settled {
                        back_off.reset();
                    }
                    self.emit_at(came, Event::Message(message)).await?;
                }
                Found::Damaged(kind) => tally.damaged(kind),
                Found::Noise(bytes) => tally.noise(bytes),
            }
        }
        Ok(())
    }

    /// A recording's pace is its own.
    fn silence(&self) -> Option<Duration> {
        let recorded = matches!(self.dial.address, Address::File(_));
        (!recorded).then(|| self.orders.borrow().silence)
    }

    /// Waits until the event is taken; [`LineError::Closed`] when it never will be.
    async fn emit(&mut self, event: Event<D::Heard>) -> Result<(), LineError> {
        self.emit_at(Instant::now(), event).await
    }

    async fn emit_at(&mut self, at: Instant, event: Event<D::Heard>) -> Result<(), LineError> {
        tokio::select! {
            biased;
            sent = self.events.send(Told { at, event }) => sent.map_err(|_| LineError::Closed),
            () = closed(&mut self.orders) => Err(LineError::Closed),
        }
    }

    async fn last_words(self, told: Vec<Event<D::Heard>>, why: LineError) {
        for event in told.into_iter().chain([Event::Disconnected { why, retry_in: None }]) {
            let _ = timeout(LAST_WORD, self.events.send(Told { at: Instant::now(), event })).await;
        }
    }
}

async fn closed(orders: &mut watch::Receiver<Orders>) {
    if orders.wait_for(|orders| orders.close).await.is_err() {
        pending().await
    }
}

/// Another order than the one last seen.
async fn changed(orders: &mut watch::Receiver<Orders>) {
    if orders.changed().await.is_err() {
        pending().await
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

/// Hands one message over to the line, once the line has room. Cancelled, it has taken none.
async fn forward(said: &mut mpsc::Receiver<Vec<u8>>, line: &mpsc::Sender<Vec<u8>>) {
    // A line that takes no more has ended, and tells why where it is read.
    let Ok(room) = line.reserve().await else { return pending().await };
    match said.recv().await {
        Some(bytes) => room.send(bytes),
        None => pending().await,
    }
}
