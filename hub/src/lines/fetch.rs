//! Fetching blocks: a window at a time, asked for again when part of it does not come, stored many at once.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use protocol::line::{AskBlocks, BlockName, MAX_BLOCKS, Message};
use protocol::metrology::label::RegisterCode;
use tokio::time::Instant;

use super::arrival::{name_of, take};
use super::conversation::Conversation;
use crate::Failure;
use crate::api::Event;

/// Blocks in one request. A window of quarter-hour blocks takes ten seconds at 115,200 baud.
const WINDOW: u64 = 16;
const _: () = assert!(WINDOW <= MAX_BLOCKS as u64);
/// Blocks that are stored in one transaction at most: few large writes are kind to SD cards.
const BATCH: usize = 64;
/// How long blocks are held for more of them before they are stored.
const HOLD: Duration = Duration::from_secs(2);
/// How long a window may go without a block before the rest is asked for again.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often a window is asked for without a block of it coming.
const TRIES: u32 = 10;
/// Spans that are wanted at one time; the rest is found when holdings are compared next.
pub(super) const MOST_WANTED: usize = 4096;
/// Of these, by announcement.
const MOST_ANNOUNCED: usize = 1024;
/// Refused blocks that are remembered in one connection.
const MOST_REFUSED: usize = 4096;
/// How long nothing is asked for after the store has failed.
const PAUSE: Duration = Duration::from_secs(30);

/// Blocks of a register from one number to another.
struct Span {
    register: RegisterCode,
    first: u64,
    last: u64,
}

struct Window {
    register: RegisterCode,
    missing: BTreeSet<u64>,
    moved_at: Instant,
    tries: u32,
}

/// What is to be fetched and what has come.
#[derive(Default)]
pub(super) struct Fetch {
    wanted: VecDeque<Span>,
    window: Option<Window>,
    /// Blocks that came and are not stored yet.
    held: Vec<Vec<u8>>,
    held_since: Option<Instant>,
    paused_until: Option<Instant>,
    /// Blocks that were refused in this connection and would be again.
    refused: BTreeSet<(RegisterCode, u64)>,
}

impl Fetch {
    /// Drops what was to be fetched; the holdings are asked for anew.
    fn forget(&mut self) {
        self.wanted.clear();
        self.window = None;
    }

    /// Forgets also what was refused: another connection may lead to another meter.
    pub(super) fn forget_connection(&mut self) {
        self.forget();
        self.refused.clear();
    }

    /// Asks for nothing for a while; gives its end, at which the holdings are to be compared again.
    pub(super) fn pause(&mut self, at: Instant) -> Instant {
        self.forget();
        self.paused_until = Some(at + PAUSE);
        at + PAUSE
    }

    /// The meter does not hold what was asked for last.
    pub(super) fn not_held(&mut self) {
        self.window = None;
    }

    /// Whether the window waits for too long, or nothing is under way although something is wanted.
    pub(super) fn is_late(&self, at: Instant) -> bool {
        self.window.as_ref().map_or(!self.wanted.is_empty(), |window| at - window.moved_at > PATIENCE)
    }

    /// Whether what came should be stored now.
    pub(super) fn wants_storing(&self, at: Instant) -> bool {
        self.held_since.is_some_and(|since| at - since >= HOLD)
    }

    /// How many spans are wanted.
    pub(super) fn wanted(&self) -> usize {
        self.wanted.len()
    }

    /// Wants these numbers of a register.
    pub(super) fn want(&mut self, register: RegisterCode, spans: &[(u64, u64)]) {
        self.wanted.extend(spans.iter().map(|(first, last)| Span { register, first: *first, last: *last }));
    }

    /// Wants nothing of a register beyond the window under way.
    pub(super) fn drop_wanted(&mut self, register: &RegisterCode) {
        self.wanted.retain(|span| span.register != *register);
    }

    /// Adds the numbers of a register that would be refused again to those that are stored, in order.
    pub(super) fn add_refused(&self, register: &RegisterCode, stored: &mut Vec<u64>) {
        let of_it = (*register, 0)..=(*register, u64::MAX);
        stored.extend(self.refused.range(of_it).map(|(_, number)| *number));
        stored.sort_unstable();
    }

    /// Takes the next window from what is wanted.
    fn next_window(&mut self, at: Instant) -> Option<AskBlocks> {
        let span = self.wanted.front_mut()?;
        let (register, first) = (span.register, span.first);
        let last = span.last.min(first.saturating_add(WINDOW - 1));
        if last == span.last {
            self.wanted.pop_front();
        } else {
            span.first = last + 1;
        }
        self.window = Some(Window { register, missing: (first..=last).collect(), moved_at: at, tries: 1 });
        Some(AskBlocks { register, first, count: count(first, last) })
    }

    fn outstanding(&self) -> u64 {
        let spans = self.wanted.iter().map(|span| (span.last - span.first).saturating_add(1));
        let wanted = spans.fold(0, u64::saturating_add);
        let window = self.window.as_ref().map_or(0, |window| window.missing.len() as u64);
        wanted.saturating_add(window).saturating_add(self.held.len() as u64)
    }
}

impl Conversation {
    /// A block is complete at the meter.
    pub(super) fn announced(&mut self, name: BlockName) {
        let paired = self.known.current.is_some();
        let known = self.fetch.refused.contains(&(name.register, name.block))
            || self
                .fetch
                .wanted
                .iter()
                .any(|span| span.register == name.register && (span.first..=span.last).contains(&name.block));
        if paired && !known && self.fetch.wanted.len() < MOST_ANNOUNCED && self.names(&name.register) {
            self.fetch.want(name.register, &[(name.block, name.block)]);
            self.begin_fetching();
        }
    }

    /// Asks for the first window when none is under way.
    pub(super) fn begin_fetching(&mut self) {
        if self.fetch.window.is_none() {
            self.go_on();
        }
    }

    /// Asks for the rest of the window, or for the next one.
    pub(super) fn go_on(&mut self) {
        let at = Instant::now();
        if self.fetch.paused_until.is_some_and(|until| at < until) {
            return;
        }
        if let Some(window) = &mut self.fetch.window {
            let (first, last) = (window.missing.first().copied(), window.missing.last().copied());
            if let (Some(first), Some(last), true) = (first, last, window.tries < TRIES) {
                window.tries += 1;
                window.moved_at = at;
                let ask = AskBlocks { register: window.register, first, count: count(first, last) };
                tracing::debug!(line = self.line, first, last, tries = window.tries, "asking again for blocks");
                self.say(Message::AskBlocks(ask));
                return;
            }
            tracing::debug!(line = self.line, missing = window.missing.len(), "given up for now");
            // What never came is wanted again when the holdings are compared next.
            self.fetch.window = None;
        }
        if let Some(ask) = self.fetch.next_window(at) {
            self.say(Message::AskBlocks(ask));
        }
    }

    /// A block came. It is verified when it is stored.
    pub(super) async fn receive(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        let Some(name) = name_of(&bytes) else {
            self.refuse("malformed", "a block that came over the line cannot be read");
            return Ok(());
        };
        if !self.known.is_ours() || self.fetch.refused.contains(&(name.register, name.block)) {
            return Ok(());
        }
        if let Some(window) = self.fetch.window.as_mut().filter(|window| window.register == name.register)
            && window.missing.remove(&name.block)
        {
            // Only tries without any success count.
            (window.moved_at, window.tries) = (Instant::now(), 0);
            if window.missing.is_empty() {
                self.fetch.window = None;
                self.go_on();
            }
        }
        self.fetch.held.push(bytes);
        self.fetch.held_since.get_or_insert_with(Instant::now);
        if self.fetch.held.len() >= BATCH {
            return self.store_held().await;
        }
        Ok(())
    }

    /// Stores what came.
    pub(super) async fn store_held(&mut self) -> Result<(), Failure> {
        self.fetch.held_since = None;
        if self.fetch.held.is_empty() {
            return Ok(());
        }
        let blocks = std::mem::take(&mut self.fetch.held);
        let shown = self.certificates.clone();
        let taken = self.keeper.run(move |store| take(store, &blocks, &shown)).await?;
        if taken.stored > 0 {
            tracing::debug!(line = self.line, blocks = taken.stored, "blocks stored");
            self.tell(Event::Stored { meter: self.meter_name(), blocks: taken.stored });
        }
        for (code, message) in &taken.refused {
            self.refuse(code, message);
        }
        let room = MOST_REFUSED.saturating_sub(self.fetch.refused.len());
        self.fetch.refused.extend(taken.lasting.iter().take(room).map(|name| (name.register, name.block)));
        if taken.unknown_epoch && self.known.meter.is_some() {
            // A new epoch began since the greeting: greet again, which fetches its certificate and what rests on it.
            self.greet();
        }
        self.show_progress();
        for handshake in &taken.completed {
            self.in_force(handshake).await?;
        }
        Ok(())
    }

    pub(super) fn show_progress(&self) {
        let behind = self.fetch.outstanding();
        self.voice.shared.change(|state| state.behind = behind);
    }

    /// Whether the meter named a register when it said who it is.
    fn names(&self, register: &RegisterCode) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.registers.iter().any(|known| known.code == *register))
    }
}

fn count(first: u64, last: u64) -> u16 {
    u16::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(1)
}
