//! The inference ledger of this home: every release of every register, whoever received it.
//!
//! ```text
//! bill ─► Proposal (rows and bits for each register) ─► Store::consider ─► proof ─► Store::book (with what it rests on)
//! ```
//!
//! The rules are those of [`protocol::inference`]. They look at tariffs, periods and statuses and never at a reading, so
//! that a refusal tells nothing. A proposal is considered before anything is computed, and again in the transaction that
//! books it: two that each fit may not fit together.
#![allow(clippy::float_arithmetic)] // bits, no money or energy

use std::collections::BTreeMap;

use protocol::inference::{Fits, Lane, Output, Record, Release, Reveals, Window};
use protocol::metrology::keys::Hash;
use protocol::time::Span;
use sha2::{Digest, Sha256};

use crate::store::{BlockRow, ReleaseRow, Store, StoreError};

/// Why a release is not made.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It would reveal too much.
    #[error(transparent)]
    Reveals(#[from] Reveals),
}

/// An account: of a register's row, in slots of so many seconds. Meters that follow each other share one.
pub type LaneKey = (i64, u64);

/// A release that is proposed: what it says of each register.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What is asked, whoever asks: the same question has the same answer, which is known once it has left.
    pub question: Hash,
    /// Whether it is a bill.
    pub bill: bool,
    lanes: Vec<(LaneKey, Vec<Output>)>,
    /// Registers of a meter that followed another, with those that they followed.
    follow: Vec<(i64, i64)>,
}

/// What a release may be booked with, for each register.
pub type AllFits = Vec<(LaneKey, Fits)>;

impl Proposal {
    /// A release of some registers of a tariff, and for each the rows that hold its period, one after the other.
    pub(crate) fn new(question: Hash, bill: bool, release: Release, rows: impl Iterator<Item = Vec<LaneKey>>) -> Self {
        let (mut lanes, mut follow) = (Vec::new(), Vec::new());
        for (outputs, rows) in release.into_iter().zip(rows) {
            let Some(first) = rows.first() else { continue };
            follow.extend(rows.iter().skip(1).zip(&rows).map(|(after, before)| (after.0, before.0)));
            lanes.push((*first, outputs));
        }
        Self { question, bill, lanes, follow }
    }
}

/// The question that a tariff is over a period, by what everybody can see. `rest` is what else the answer depends on.
#[must_use]
pub fn question(tariff: &Hash, period: &Span, heads: impl Iterator<Item = Hash>, rest: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"wattseal/question");
    hash.update(tariff);
    hash.update(period.from.to_le_bytes());
    hash.update(period.until.to_le_bytes());
    for part in rest {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    heads.for_each(|head| hash.update(head));
    hash.finalize().into()
}

/// The rows that blocks belong to, one after the other: a meter may have followed another.
pub(crate) fn rows(blocks: &[BlockRow]) -> Vec<LaneKey> {
    let mut rows: Vec<LaneKey> =
        blocks.iter().map(|block| (block.register, block.header.register.interval.seconds())).collect();
    rows.dedup();
    rows
}

/// The accounts as far as they were read.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    lanes: BTreeMap<LaneKey, Lane>,
    groups: Groups,
    /// The newest release in them.
    last: i64,
}

/// Registers that followed each other: each leads to the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Groups(BTreeMap<i64, i64>);

impl Groups {
    /// From pairs of a register and the one before it.
    fn of(pairs: impl Iterator<Item = (i64, i64)>) -> Self {
        let mut groups = Self::default();
        for (after, before) in pairs {
            let (after, before) = (groups.first(after), groups.first(before));
            if after != before {
                groups.0.insert(after.max(before), after.min(before));
            }
        }
        groups
    }

    fn first(&self, register: i64) -> i64 {
        let mut first = register;
        while let Some(before) = self.0.get(&first) {
            first = *before;
        }
        first
    }

    fn lane(&self, (register, interval): LaneKey) -> LaneKey {
        (self.first(register), interval)
    }
}

impl Store {
    /// Whether a release may leave, after all that left.
    ///
    /// # Errors
    /// When it would reveal too much, or the store fails.
    pub fn consider(&self, proposal: &Proposal) -> Result<AllFits, LedgerError> {
        if self.has_answered(&proposal.question)? {
            return Ok(Vec::new());
        }
        self.with_accounts(&proposal.follow, |accounts| -> Result<AllFits, LedgerError> {
            // Several registers may have become one account: what they say is weighed together.
            let mut lanes: BTreeMap<LaneKey, Vec<Output>> = BTreeMap::new();
            for (key, outputs) in &proposal.lanes {
                lanes.entry(accounts.groups.lane(*key)).or_default().extend(outputs.iter().cloned());
            }
            let fits = lanes.into_iter().map(|(key, outputs)| {
                let new = Lane::new(key.1);
                Ok((key, accounts.lanes.get(&key).unwrap_or(&new).consider(&outputs, proposal.bill)?))
            });
            fits.collect()
        })?
    }

    /// Books a release that leaves, within the transaction that keeps it. `about` says what it is.
    ///
    /// # Errors
    /// When it would reveal too much after what left meanwhile, or the store fails.
    pub fn book(&self, proposal: &Proposal, about: &ReleaseRow) -> Result<(), LedgerError> {
        let fits = self.consider(proposal)?;
        let release = self.keep_release(about, &proposal.question)?;
        for (after, before) in &proposal.follow {
            self.keep_followed(*after, *before)?;
        }
        for (lane, fits) in fits {
            self.keep_record(release, lane, &fits.record().write())?;
        }
        Ok(())
    }

    /// Bits that were spent and that are left for what is no bill, of windows of an account that some release touched.
    ///
    /// # Errors
    /// When the store fails.
    pub fn budgets(&self) -> Result<Vec<Budget>, LedgerError> {
        self.with_accounts(&[], |Accounts { lanes, .. }| {
            let all = lanes.iter().flat_map(|(key, lane)| {
                lane.all_spent().keys().map(move |window| Budget::of(*key, lane, *window, 0.0, false))
            });
            all.collect()
        })
    }

    /// As [`Store::budgets`], of the windows that a release touches, once it has left.
    ///
    /// # Errors
    /// When it would reveal too much, or the store fails.
    pub fn budgets_after(&self, proposal: &Proposal) -> Result<Vec<Budget>, LedgerError> {
        let fits = self.consider(proposal)?;
        self.with_accounts(&proposal.follow, |Accounts { lanes, .. }| {
            let mut after = Vec::new();
            for (key, fits) in &fits {
                let new = Lane::new(key.1);
                let lane = lanes.get(key).unwrap_or(&new);
                let windows = fits.bits.iter();
                after.extend(windows.map(|(window, bits)| Budget::of(*key, lane, *window, *bits, proposal.bill)));
            }
            after
        })
    }

    /// Brings the accounts up to date and looks at them, as if registers had followed others.
    fn with_accounts<T>(&self, follow: &[(i64, i64)], look: impl FnOnce(&Accounts) -> T) -> Result<T, LedgerError> {
        let groups = Groups::of(self.followed()?.into_iter().chain(follow.iter().copied()));
        // What is not brought up to date whole is not kept: an account that lacks a release would allow too much.
        let mut accounts = self.accounts.take();
        if accounts.groups != groups {
            accounts = Accounts { groups, ..Accounts::default() };
        }
        for (release, lane, record) in self.records_after(accounts.last)? {
            let record = Record::read(&record).map_err(|_| StoreError::Damaged("ledger record"))?;
            let lane = accounts.groups.lane(lane);
            accounts.lanes.entry(lane).or_insert_with(|| Lane::new(lane.1)).restore(record)?;
            accounts.last = release;
        }
        let seen = look(&accounts);
        self.accounts.replace(accounts);
        Ok(seen)
    }
}

/// What is left of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// The account.
    pub lane: LaneKey,
    /// The window.
    pub window: Window,
    /// Bits that were spent.
    pub spent: f64,
    /// Bits that are left for answers that are no bill.
    pub left: f64,
    /// Bits in all.
    pub budget: f64,
}

impl Budget {
    /// Of an account, once so many bits more have left, with a bill or not.
    fn of(key: LaneKey, lane: &Lane, window: Window, more: f64, bill: bool) -> Self {
        let spent = lane.spent(window) + more;
        let left = (lane.budget(window, bill) - spent).max(0.0);
        Self { lane: key, window, spent, left, budget: window.budget(key.1) }
    }
}

#[cfg(test)]
mod tests;
