//! Fetching blocks: a window at a time, asked for again when part of it does not come, stored many at once.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use protocol::block::{BlockFile, DayHeader};
use protocol::line::{AskBlocks, BlockName, Holdings, Message};
use protocol::metrology::label::RegisterCode;
use protocol::wire::Signed;
use tokio::time::Instant;

use super::arrival::take;
use super::conversation::Conversation;
use super::missing::windows;
use crate::Failure;
use crate::api::Event;

/// Blocks that are stored in one transaction at most: few large writes are kind to SD cards.
const BATCH: usize = 64;
/// How long blocks are held for more of them before they are stored.
const HOLD: Duration = Duration::from_secs(2);
/// How long a window may go without a block before the rest is asked for again.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often a window is asked for without a block of it coming.
const TRIES: u32 = 10;
/// Blocks that are wanted at one time by announcement; the rest is found by comparing holdings.
const MOST_ANNOUNCED: usize = 1024;
/// How long nothing is asked for after the store has failed.
const PAUSE: Duration = Duration::from_secs(30);

struct Window {
    register: RegisterCode,
    missing: BTreeSet<u64>,
    moved_at: Instant,
    tries: u32,
}

/// What is to be fetched and what has come.
#[derive(Default)]
pub(super) struct Fetch {
    wanted: VecDeque<(RegisterCode, u64, u16)>,
    window: Option<Window>,
    /// Blocks that came and are not stored yet.
    held: Vec<Vec<u8>>,
    held_since: Option<Instant>,
    paused_until: Option<Instant>,
}

impl Fetch {
    /// Drops what was to be fetched; the holdings are asked for anew.
    pub(super) fn forget(&mut self) {
        self.wanted.clear();
        self.window = None;
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

    fn outstanding(&self) -> u64 {
        let wanted: u64 = self.wanted.iter().map(|(_, _, count)| u64::from(*count)).sum();
        wanted + self.window.as_ref().map_or(0, |window| window.missing.len() as u64) + self.held.len() as u64
    }
}

impl Conversation {
    /// The meter told what it holds of a register.
    pub(super) async fn compare(&mut self, holdings: &Holdings) -> Result<(), Failure> {
        let Some(meter) = self.known.meter else { return Ok(()) };
        let register = holdings.register;
        if !self.names(&register) {
            return Ok(());
        }
        self.holdings_came(&register);
        let stored = self.keeper.run(move |store| store.block_numbers(meter, &register)).await?;
        let (windows, _) = windows(&holdings.runs, &self.known.pairings, &stored);
        self.fetch.wanted.retain(|(code, _, _)| *code != register);
        self.fetch.wanted.extend(windows.into_iter().map(|(first, count)| (register, first, count)));
        if self.fetch.window.is_none() {
            self.go_on();
        }
        self.show_progress();
        Ok(())
    }

    /// A block is complete at the meter.
    pub(super) fn announced(&mut self, name: BlockName) {
        let paired = self.known.current.is_some();
        let known = self.fetch.wanted.iter().any(|(code, first, count)| {
            *code == name.register && (*first..first.saturating_add(u64::from(*count))).contains(&name.block)
        });
        if paired && !known && self.fetch.wanted.len() < MOST_ANNOUNCED && self.names(&name.register) {
            self.fetch.wanted.push_back((name.register, name.block, 1));
            if self.fetch.window.is_none() {
                self.go_on();
            }
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
        if let Some((register, first, count)) = self.fetch.wanted.pop_front() {
            let missing = (first..).take(usize::from(count)).collect();
            self.fetch.window = Some(Window { register, missing, moved_at: at, tries: 1 });
            self.say(Message::AskBlocks(AskBlocks { register, first, count }));
        }
    }

    /// A block came. It is verified when it is stored.
    pub(super) async fn receive(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        let Some(name) = name_of(&bytes) else {
            self.refuse("malformed", "a block that came over the line cannot be read");
            return Ok(());
        };
        if self.known.meter.is_none() {
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
        let taken = self.keeper.run(move |store| take(store, &blocks)).await?;
        if taken.stored > 0 {
            tracing::debug!(line = self.line, blocks = taken.stored, "blocks stored");
            self.tell(Event::Stored { meter: self.meter_name(), blocks: taken.stored });
        }
        for (code, message) in &taken.refused {
            self.refuse(code, message);
        }
        if taken.unknown_epoch {
            // A new epoch began since the greeting: greet again, which fetches its certificate and what rests on it.
            self.greet();
        }
        self.show_progress();
        Ok(())
    }

    fn show_progress(&self) {
        let behind = self.fetch.outstanding();
        self.shared.change(|state| state.behind = behind);
    }

    /// Whether the meter named a register when it said who it is.
    fn names(&self, register: &RegisterCode) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.registers.iter().any(|known| known.code == *register))
    }
}

fn count(first: u64, last: u64) -> u16 {
    u16::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(1)
}

/// The register and number that a block claims.
fn name_of(bytes: &[u8]) -> Option<BlockName> {
    let file = BlockFile::read(bytes).ok()?;
    let header = DayHeader::read(Signed::read(&file.message, "day block").ok()?.payload).ok()?;
    Some(BlockName { register: header.register.code, block: header.block })
}
