//! A reader under test, and what the tests say to it.

use std::time::Duration;

use drivers::sealed::{self, Decoder};
use drivers::{Dial, Event, Events, Handle, LineError, Mode, Patience, Reader};
use metrology::label::RegisterCode;
use protocol::line::{BlockName, Message};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longest that anything may take on a busy machine.
pub const LONG: Duration = Duration::from_secs(60);

/// Short waits, and no limit to silence.
pub const QUICK: Patience = Patience {
    first: Duration::from_millis(20),
    most: Duration::from_millis(200),
    settled: Duration::from_secs(60),
    silence: Duration::MAX,
    summary: Duration::from_millis(50),
};

pub struct Rig {
    pub handle: Handle<Message>,
    pub events: Events<Message>,
    pub task: JoinHandle<()>,
}

impl Rig {
    pub fn start(address: &str, patience: Patience) -> Self {
        Self::dial(Dial::new(address.parse().unwrap()), patience)
    }

    pub fn dial(dial: Dial, patience: Patience) -> Self {
        let mut random = Random(7);
        let (reader, handle, events) = Reader::new(dial, Decoder::default(), patience, move || random.next());
        Self { handle, events, task: tokio::spawn(reader.run()) }
    }

    pub async fn next(&mut self) -> Option<Event<Message>> {
        timeout(LONG, self.events.recv()).await.expect("no event came").map(|told| told.event)
    }

    /// Passes over everything else.
    pub async fn connected(&mut self) {
        while self.next().await.expect("the reader stopped") != Event::Connected {}
    }

    /// Passes over everything else.
    pub async fn message(&mut self) -> Message {
        loop {
            if let Event::Message(message) = self.next().await.expect("the reader stopped") {
                return message;
            }
        }
    }

    /// Passes over everything else.
    pub async fn disconnected(&mut self) -> LineError {
        loop {
            if let Event::Disconnected { why, .. } = self.next().await.expect("the reader stopped") {
                return why;
            }
        }
    }

    /// Closes, and sees that it says so last and ends.
    pub async fn close(mut self) {
        self.handle.close();
        let mut last = None;
        while let Some(event) = self.next().await {
            last = Some(event);
        }
        assert_eq!(last, Some(Event::Disconnected { why: LineError::Closed, retry_in: None }));
        timeout(LONG, self.task).await.unwrap().unwrap();
        assert!(!self.handle.is_connected());
    }
}

/// A message with a number.
pub fn numbered(block: u64) -> Message {
    Message::Sealed(BlockName { register: RegisterCode::new("1-0:1.8.0").unwrap(), block })
}

/// Its frame.
pub fn framed(block: u64) -> Vec<u8> {
    sealed::encode(&numbered(block), Mode::Stream)
}

/// Knuth's generator: the same every time.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 16
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}
