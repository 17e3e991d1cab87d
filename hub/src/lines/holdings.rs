//! What the meter holds, compared with what is stored.
//!
//! Holdings are taken only as the answer to a question, register by register and page by page: a meter that gave up many
//! blocks, or served many households, has more runs than one answer holds.

use std::time::Duration;

use protocol::line::{BlockName, Holdings, MAX_RUNS, Message};
use protocol::metrology::label::RegisterCode;
use tokio::time::Instant;

use super::conversation::{ANSWER_WITHIN, Conversation};
use super::fetch::MOST_WANTED;
use super::missing::missing;
use crate::Failure;

/// How often the meter is asked what it holds, besides what it tells itself.
const HOLDINGS_EVERY: Duration = Duration::from_secs(15 * 60);

/// Pages of one register in one comparison.
const MOST_PAGES: u32 = 256;

/// A register whose holdings were asked for and have not come.
struct Open {
    register: RegisterCode,
    /// The number that was asked from.
    from: u64,
    pages: u32,
}

/// What is asked of the meter's holdings.
#[derive(Default)]
pub(super) struct Holding {
    /// When it is asked next, or again.
    due: Option<Instant>,
    open: Vec<Open>,
}

impl Holding {
    pub(super) fn is_due(&self, at: Instant) -> bool {
        self.due.is_some_and(|due| at >= due)
    }

    /// Asks no sooner.
    pub(super) fn put_off(&mut self, until: Instant) {
        self.due = Some(until);
    }
}

impl Conversation {
    /// Compares all registers from the beginning.
    pub(super) fn compare_anew(&mut self) {
        self.holding.open.clear();
        self.ask_holdings();
    }

    /// Asks what the meter holds: of the registers that it has not told yet, or else of all.
    pub(super) fn ask_holdings(&mut self) {
        self.holding.due = None;
        let Some(identity) = &self.identity else { return };
        if !self.known.is_ours() {
            return;
        }
        if self.holding.open.is_empty() {
            self.holding.open =
                identity.registers.iter().map(|register| Open { register: register.code, from: 0, pages: 0 }).collect();
        }
        self.holding.due = Some(Instant::now() + ANSWER_WITHIN);
        for open in &self.holding.open {
            self.say(Message::AskHoldings(BlockName { register: open.register, block: open.from }));
        }
    }

    /// The meter told what it holds of a register.
    pub(super) async fn compare(&mut self, holdings: &Holdings) -> Result<(), Failure> {
        let register = holdings.register;
        let Some(place) = self.holding.open.iter().position(|open| open.register == register) else { return Ok(()) };
        let from = self.holding.open.get(place).map_or(0, |open| open.from);
        if holdings.runs.iter().any(|run| run.first < from) {
            return Ok(()); // the answer to an earlier page, come late or again
        }
        let mut stored = match self.known.meter {
            Some(meter) => self.keeper.run(move |store| store.block_numbers(meter, &register)).await?,
            None => Vec::new(),
        };
        self.fetch.add_refused(&register, &mut stored);
        if from == 0 {
            self.fetch.drop_wanted(&register);
        }
        let room = MOST_WANTED.saturating_sub(self.fetch.wanted());
        self.fetch.want(register, &missing(&self.known.worth(&holdings.runs), &stored, room));
        let full = holdings.runs.len() >= MAX_RUNS && self.fetch.wanted() < MOST_WANTED;
        let next = holdings.runs.last().and_then(|last| last.last.checked_add(1)).filter(|next| full && *next > from);
        match (next, self.holding.open.get_mut(place)) {
            (Some(next), Some(open)) if open.pages < MOST_PAGES => {
                (open.from, open.pages) = (next, open.pages + 1);
                self.holding.due = Some(Instant::now() + ANSWER_WITHIN);
                self.say(Message::AskHoldings(BlockName { register, block: next }));
            }
            _ => {
                self.holding.open.remove(place);
            }
        }
        if self.holding.open.is_empty() {
            self.holding.due = Some(Instant::now() + HOLDINGS_EVERY);
        }
        self.begin_fetching();
        self.show_progress();
        Ok(())
    }
}
