//! Sealing: from the advance of a register, slot by slot, to signed and encrypted day blocks.
//!
//! A [`Sealer`] holds one register's chain. The caller records every slot in order, missing ones included, and
//! closes the block when the UTC day is complete, or earlier at a rotation or re-pairing. Nothing leaves before the
//! [`Journal`] has made the new [`ChainState`] durable: after a power cut no label can be used a second time.

use core::fmt;

use ed25519_dalek::SigningKey;
use subtle::{Choice, ConditionallySelectable, ConstantTimeLess};
use zeroize::Zeroize;

use crate::keys::{Hash, RegisterKey};
use crate::label::{ClockQuality, Coverage, DAY_SECONDS, MAX_SLOTS, Register, RegisterCode, RegisterKind, Status};

mod block;

use block::{Context, seal};
pub use block::{SealedBlock, nonce};

/// Parts of a register's unit in which advances are counted: 10⁻⁴.
pub const PARTS: u64 = 10_000;
/// Days that a chain may leap over at most, a hundred years: the key is ratcheted through each of them.
const MAX_LEAP: u32 = 36_525;
/// Bytes before the readings in a block's plaintext: version, register before and after, residual.
pub const PLAINTEXT_PREFIX: usize = 1 + 8 + 8 + 4;
/// Bytes of the authentication tag.
pub const TAG_BYTES: usize = 16;
/// Longest encrypted reading list.
pub const MAX_CIPHERTEXT: usize = PLAINTEXT_PREFIX + 2 * MAX_SLOTS + TAG_BYTES;

/// What must survive a power cut, for one register. Written as one piece.
#[derive(Clone)]
pub struct ChainState {
    /// All times that blocks exist for.
    pub coverage: Coverage,
    /// End of the last block of this epoch and pairing in Unix seconds; none before the first.
    pub next: Option<u64>,
    /// Number of the next block. Never goes back: it is also the encryption nonce.
    pub block: u64,
    /// Hash that the next block names as its previous.
    pub previous: Hash,
    /// Register total at the end of the last block, in 10⁻⁴ units.
    pub total: u64,
    /// The day that `key` belongs to.
    pub day: u32,
    /// k(day).
    pub key: RegisterKey,
}

/// The meter's persistent memory for chain states and sealed blocks.
pub trait Journal {
    /// Why storing failed.
    type Error;

    /// Makes `state` and the block that leads to it durable for the register, together or not at all. Returning `Ok`
    /// promises that a power cut can neither bring the old state back nor lose the block.
    ///
    /// The state that is replaced must be the one before: its next block is `state.block − 1`. Anything else means that
    /// two sealers run from copies of one state, and sealing twice from one state would use labels and nonces twice.
    ///
    /// # Errors
    /// When the memory is full or failing, or holds another state than the one before; nothing is sealed then.
    fn store(&mut self, register: &RegisterCode, state: &ChainState, block: &SealedBlock) -> Result<(), Self::Error>;
}

/// An epoch's signing side.
pub struct Epoch {
    /// Hash of the epoch certificate.
    pub certificate: Hash,
    /// Number of the epoch.
    pub number: u32,
    /// First Unix second it may cover.
    pub first: u64,
    /// Its signing key.
    pub signing: SigningKey,
}

/// The public side of a pairing.
#[derive(Clone, Copy, Debug)]
pub struct Pairing {
    /// How often the meter has been paired.
    pub counter: u32,
    /// Fingerprint of the household.
    pub household: Hash,
}

/// What a meter measured in one slot. It does not print: it is a reading.
#[derive(Clone, Copy)]
pub struct Sample {
    /// Cumulative registers: how far the register moved, in 10⁻⁴ units. Sampled ones: the value in 10⁻⁴ units.
    pub advance: u32,
    /// How it was obtained.
    pub status: Status,
}

/// Why a slot or block was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError<J> {
    /// The slot's time already has a commitment, in this epoch or an earlier one.
    Covered,
    /// The slot lies before the epoch's first second.
    BeforeEpoch,
    /// Slots between were not recorded; record them as missing.
    Gap {
        /// The slot that is due.
        expected: u64,
    },
    /// The clock stepped by more than a day: a new epoch is needed.
    ClockStep,
    /// The day is complete and must be closed first.
    DayComplete,
    /// There is nothing to close.
    Empty,
    /// Time or numbers beyond what the format can hold.
    OutOfRange,
    /// The block belongs to another epoch than the key that was given.
    OtherEpoch,
    /// The journal could not store the state.
    Journal(J),
}

impl<J> fmt::Display for SealError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Covered => "the slot's time already has a commitment; a time is sealed once in a meter's life",
            Self::BeforeEpoch => "the slot lies before the epoch's first second",
            Self::Gap { .. } => "slots between were not recorded; record them as missing",
            Self::ClockStep => "the clock stepped by more than a day; begin a new epoch",
            Self::DayComplete => "the day is complete; close its block first",
            Self::Empty => "no slot is recorded that could be closed",
            Self::OutOfRange => "time or numbers are beyond what a block can hold",
            Self::OtherEpoch => "the block belongs to another epoch than the key that was given",
            Self::Journal(_) => "the meter's memory could not store the new state; nothing was sealed",
        })
    }
}

impl<J: fmt::Debug> core::error::Error for SealError<J> {}

/// One register's chain while it is running.
pub struct Sealer {
    register: Register,
    epoch_hash: Hash,
    epoch_number: u32,
    epoch_first: u64,
    pairing: Pairing,
    state: ChainState,
    open: Option<OpenDay>,
    clock: ClockQuality,
    events: u16,
}

/// The block that is being filled.
struct OpenDay {
    day: u32,
    first: u8,
    count: u8,
    /// Indexed by slot in the UTC day.
    readings: [u16; MAX_SLOTS],
    /// Two-bit codes. Not [`Status`], whose unused values the compiler would take to mark that no day is open: every
    /// look at `open` would then branch on what was made from an amount.
    status: [u8; MAX_SLOTS],
    residual: u32,
    total: u64,
}

impl Drop for OpenDay {
    fn drop(&mut self) {
        self.readings.zeroize();
        self.residual.zeroize();
        self.total.zeroize();
    }
}

impl Sealer {
    /// Takes up a chain where its stored state left it.
    #[must_use]
    pub fn resume(register: Register, epoch: &Epoch, pairing: Pairing, state: ChainState) -> Self {
        Self {
            register,
            epoch_hash: epoch.certificate,
            epoch_number: epoch.number,
            epoch_first: epoch.first,
            pairing,
            state,
            open: None,
            clock: ClockQuality::Good,
            events: 0,
        }
    }

    /// The state as last made durable.
    #[must_use]
    pub fn state(&self) -> &ChainState {
        &self.state
    }

    /// The slot that is due next; none before the first of an epoch.
    #[must_use]
    pub fn expected(&self) -> Option<u64> {
        let seconds = self.register.interval.seconds();
        match &self.open {
            Some(open) => Some(
                u64::from(open.day) * self.register.interval.slots_per_day()
                    + u64::from(open.first)
                    + u64::from(open.count),
            ),
            None => self.state.next.map(|next| next.div_ceil(seconds)),
        }
    }

    /// Whether slots are recorded that no block holds yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Reports events ([`crate::label::events`]) in the block that is being filled.
    pub fn report(&mut self, events: u16) {
        self.events |= events;
    }

    /// States how far the clock can be trusted; the worst of a block's statements stands in its header.
    pub fn clock(&mut self, quality: ClockQuality) {
        if quality as u8 > self.clock as u8 {
            self.clock = quality;
        }
    }

    /// Records one slot (`unix_time / interval`). Returns whether the day is now complete and wants closing.
    ///
    /// # Errors
    /// See [`SealError`]; nothing is recorded then.
    pub fn record<J>(&mut self, slot: u64, sample: Sample) -> Result<bool, SealError<J>> {
        let seconds = self.register.interval.seconds();
        let per_day = self.register.interval.slots_per_day();
        let from = slot.checked_mul(seconds).ok_or(SealError::OutOfRange)?;
        let until = from.checked_add(seconds).ok_or(SealError::OutOfRange)?;
        if from < self.epoch_first {
            return Err(SealError::BeforeEpoch);
        }
        if let Some(expected) = self.expected() {
            if slot < expected {
                return Err(SealError::Covered);
            }
            if slot - expected > per_day {
                return Err(SealError::ClockStep);
            }
            if slot != expected {
                return Err(SealError::Gap { expected });
            }
        }
        if self.state.coverage.ranges().iter().any(|&(a, b)| from < b && a < until) {
            return Err(SealError::Covered);
        }
        let day = u32::try_from(slot / per_day).map_err(|_| SealError::OutOfRange)?;
        let place = u8::try_from(slot % per_day).map_err(|_| SealError::OutOfRange)?;
        if day < self.state.day {
            return Err(SealError::BeforeEpoch);
        }
        if day - self.state.day > MAX_LEAP {
            return Err(SealError::OutOfRange);
        }
        let total = self.state.total;
        let open = self.open.get_or_insert_with(|| OpenDay {
            day,
            first: place,
            count: 0,
            readings: [0; MAX_SLOTS],
            status: [Status::Measured.code(); MAX_SLOTS],
            residual: 0,
            total,
        });
        if open.day != day {
            return Err(SealError::DayComplete);
        }
        open.take(self.register.kind, place, sample);
        Ok(u64::from(place) + 1 == per_day)
    }

    /// Closes the block: commits, chains, signs, encrypts, stores the new state, then hands the block out.
    ///
    /// # Errors
    /// See [`SealError`]; the recorded slots are kept and closing can be tried again.
    pub fn close<J: Journal>(&mut self, epoch: &Epoch, journal: &mut J) -> Result<SealedBlock, SealError<J::Error>> {
        let open = self.open.as_ref().ok_or(SealError::Empty)?;
        let seconds = self.register.interval.seconds();
        let from = u64::from(open.day) * DAY_SECONDS + u64::from(open.first) * seconds;
        let until = from + u64::from(open.count) * seconds;

        let mut next = self.state.clone();
        if epoch.certificate != self.epoch_hash {
            return Err(SealError::OtherEpoch);
        }
        if !next.coverage.add(from, until) {
            return Err(SealError::Covered);
        }
        while next.day < open.day {
            next.key = next.key.next();
            next.day += 1;
        }
        let block = seal(&self.context(epoch), open, &self.state, &next.key.day_seed()).ok_or(SealError::OutOfRange)?;
        next.next = Some(until);
        next.block = next.block.checked_add(1).ok_or(SealError::OutOfRange)?;
        next.previous = block.hash;
        next.total = open.total;
        journal.store(&self.register.code, &next, &block).map_err(SealError::Journal)?;
        self.state = next;
        self.open = None;
        self.clock = ClockQuality::Good;
        self.events = 0;
        Ok(block)
    }

    fn context<'a>(&self, epoch: &'a Epoch) -> Context<'a> {
        Context {
            register: self.register,
            certificate: self.epoch_hash,
            epoch: self.epoch_number,
            pairing: self.pairing,
            clock: self.clock,
            events: self.events,
            signing: &epoch.signing,
        }
    }
}

impl OpenDay {
    /// Splits an advance into the whole units of the slot and what is carried or left to the residual, without a
    /// branch on the amount. An advance of 32 bits bounds the residual of a day below 2³².
    fn take(&mut self, kind: RegisterKind, place: u8, sample: Sample) {
        let cumulative = kind == RegisterKind::Cumulative;
        let after = self.total.wrapping_add(u64::from(sample.advance));
        let whole =
            if cumulative { units(after).wrapping_sub(units(self.total)) } else { units(u64::from(sample.advance)) };
        let limit = u64::from(u16::MAX);
        let over = limit.ct_lt(&whole);
        let missing = Choice::from(u8::from(sample.status == Status::Missing));
        let measured = u64::conditional_select(&whole, &limit, over);
        let reading = u64::conditional_select(&measured, &0, missing);
        let cut = Choice::from(u8::from(sample.status == Status::Measured)) & over;
        let code = u8::conditional_select(&sample.status.code(), &Status::Estimated.code(), cut);
        if cumulative {
            self.total = after;
            let [a, b, c, d, ..] = (whole - reading).to_le_bytes();
            self.residual = self.residual.wrapping_add(u32::from_le_bytes([a, b, c, d]));
        }
        if let Some(slot) = self.readings.get_mut(usize::from(place)) {
            let [low, high, ..] = reading.to_le_bytes();
            *slot = u16::from_le_bytes([low, high]);
        }
        if let Some(slot) = self.status.get_mut(usize::from(place)) {
            *slot = code;
        }
        self.count += 1;
    }
}

/// Whole units in `parts`: division by [`PARTS`] as multiplication by ⌈2⁷⁵/10⁴⌉, exact for all 64-bit numbers because
/// ⌈2⁷⁵/10⁴⌉·10⁴ − 2⁷⁵ = 432 < 2¹¹. On 32-bit processors a 64-bit division is a routine whose time depends on the number.
fn units(parts: u64) -> u64 {
    const { assert!(PARTS == 10_000) };
    let product = u128::from(parts) * 0x346d_c5d6_3886_594b;
    let mut low = [0; 8];
    low.copy_from_slice(&(product >> 75).to_le_bytes()[..8]);
    u64::from_le_bytes(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn units_are_a_division(parts: u64, whole in 0..=u64::MAX / PARTS) {
            prop_assert_eq!(units(parts), parts / PARTS);
            prop_assert_eq!(units(whole * PARTS), whole);
            prop_assert_eq!(units((whole * PARTS).wrapping_sub(1)), (whole * PARTS).wrapping_sub(1) / PARTS);
        }
    }

    #[test]
    fn edges_of_a_division() {
        for parts in [0, 1, PARTS - 1, PARTS, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            assert_eq!(units(parts), parts / PARTS);
        }
    }
}
