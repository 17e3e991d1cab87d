//! The rules of sealing: each time once, in order, nothing before it is durable, and every unit accounted for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;

use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit};
use ed25519_dalek::SigningKey;
use metrology::keys::RegisterKey;
use metrology::label::{Coverage, Interval, Register, RegisterCode, RegisterKind, Status, Text};
use metrology::seal::{
    ChainState, Epoch, Journal, PLAINTEXT_PREFIX, Pairing, Sample, SealError, SealedBlock, Sealer, TAG_BYTES, nonce,
};
use proptest::prelude::*;

/// A journal that keeps the rule of its contract, and can be made to fail.
#[derive(Default)]
struct Memory {
    next: BTreeMap<RegisterCode, u64>,
    full: bool,
}

impl Journal for Memory {
    type Error = &'static str;

    fn store(&mut self, register: &RegisterCode, state: &ChainState, _: &SealedBlock) -> Result<(), &'static str> {
        if self.full {
            return Err("full");
        }
        if self.next.get(register).is_some_and(|next| next + 1 != state.block) {
            return Err("stale");
        }
        self.next.insert(*register, state.block);
        Ok(())
    }
}

const FIRST: u64 = 20_000 * 48;

fn register(kind: RegisterKind) -> Register {
    Register { code: Text::new("1-0:1.8.0").unwrap(), unit: Text::new("Wh").unwrap(), kind, interval: Interval::HALF }
}

fn epoch(certificate: u8) -> Epoch {
    Epoch {
        certificate: [certificate; 32],
        number: 0,
        first: FIRST * 1800,
        signing: SigningKey::from_bytes(&[certificate; 32]),
    }
}

fn state() -> ChainState {
    ChainState {
        coverage: Coverage::default(),
        next: None,
        block: 0,
        previous: [1; 32],
        total: 123_456,
        day: 20_000,
        key: RegisterKey::from_bytes([9; 32]),
    }
}

fn sealer(kind: RegisterKind) -> Sealer {
    Sealer::resume(register(kind), &epoch(1), Pairing { counter: 1, household: [2; 32] }, state())
}

fn measured(wh: u32) -> Sample {
    Sample { advance: wh * 10_000, status: Status::Measured }
}

type Refused = SealError<&'static str>;

fn record(sealer: &mut Sealer, slot: u64, sample: Sample) -> Result<bool, Refused> {
    sealer.record(slot, sample)
}

/// Readings, residual and totals of a block, decrypted.
fn open(block: &SealedBlock, days: u32, number: u64) -> (Vec<u16>, u32, u64, u64) {
    let mut key = RegisterKey::from_bytes([9; 32]);
    for _ in 0..days {
        key = key.next();
    }
    let cipher = ChaCha20Poly1305::new(&key.day_seed().encryption_key().into());
    let (text, tag) = block.ciphertext().split_at(block.ciphertext().len() - TAG_BYTES);
    let (mut text, tag): (Vec<u8>, [u8; TAG_BYTES]) = (text.to_vec(), tag.try_into().unwrap());
    let nonce = nonce(&register(RegisterKind::Cumulative).code, number);
    cipher.decrypt_in_place_detached(&nonce.into(), &block.hash, &mut text, &tag.into()).unwrap();
    let number = |range: std::ops::Range<usize>| text[range].iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
    let readings = text[PLAINTEXT_PREFIX..].chunks(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect();
    (readings, u32::try_from(number(17..21)).unwrap(), number(1..9), number(9..17))
}

#[test]
fn slots_come_once_and_in_order() {
    let mut sealer = sealer(RegisterKind::Cumulative);
    assert_eq!(record(&mut sealer, FIRST - 1, measured(1)), Err(SealError::BeforeEpoch));
    assert_eq!(record(&mut sealer, FIRST + 5, measured(1)), Ok(false));
    assert_eq!(record(&mut sealer, FIRST + 5, measured(1)), Err(SealError::Covered));
    assert_eq!(record(&mut sealer, FIRST + 7, measured(1)), Err(SealError::Gap { expected: FIRST + 6 }));
    assert_eq!(record(&mut sealer, FIRST + 6 + 49, measured(1)), Err(SealError::ClockStep));
    assert_eq!(record(&mut sealer, u64::MAX, measured(1)), Err(SealError::OutOfRange));
    for slot in 6..47 {
        assert_eq!(record(&mut sealer, FIRST + slot, measured(1)), Ok(false));
    }
    assert_eq!(record(&mut sealer, FIRST + 47, measured(1)), Ok(true), "the day is complete");
    assert_eq!(record(&mut sealer, FIRST + 48, measured(1)), Err(SealError::DayComplete));
    let mut journal = Memory::default();
    assert_eq!(sealer.close(&epoch(1), &mut journal).unwrap().commitments().len(), 43);
    assert_eq!(sealer.expected(), Some(FIRST + 48));
    assert_eq!(record(&mut sealer, FIRST + 20, measured(1)), Err(SealError::Covered));
    assert!(matches!(sealer.close(&epoch(1), &mut journal), Err(SealError::Empty)));
}

#[test]
fn a_clock_in_the_far_future_is_refused() {
    let mut sealer = sealer(RegisterKind::Cumulative);
    assert_eq!(record(&mut sealer, FIRST + 48 * 40_000, measured(1)), Err(SealError::OutOfRange));
    assert_eq!(record(&mut sealer, FIRST, measured(1)), Ok(false));
}

#[test]
fn a_time_sealed_in_an_earlier_epoch_stays_sealed() {
    let mut covered = state();
    assert!(covered.coverage.add((FIRST + 10) * 1800, (FIRST + 12) * 1800));
    let mut sealer = Sealer::resume(
        register(RegisterKind::Cumulative),
        &epoch(1),
        Pairing { counter: 1, household: [2; 32] },
        covered,
    );
    assert_eq!(record(&mut sealer, FIRST + 11, measured(1)), Err(SealError::Covered));
    assert_eq!(record(&mut sealer, FIRST + 9, measured(1)), Ok(false));
    assert_eq!(record(&mut sealer, FIRST + 10, measured(1)), Err(SealError::Covered));
}

#[test]
fn nothing_leaves_before_it_is_durable() {
    let mut sealer = sealer(RegisterKind::Cumulative);
    let mut journal = Memory { full: true, ..Memory::default() };
    assert_eq!(record(&mut sealer, FIRST, measured(5)), Ok(false));
    assert!(matches!(sealer.close(&epoch(1), &mut journal), Err(SealError::Journal("full"))));
    assert!(sealer.is_open() && sealer.state().block == 0, "what was recorded is kept");
    journal.full = false;
    assert_eq!(open(&sealer.close(&epoch(1), &mut journal).unwrap(), 0, 0).0, [5]);
}

#[test]
fn two_sealers_from_one_state_cannot_both_seal() {
    let (mut one, mut two) = (sealer(RegisterKind::Cumulative), sealer(RegisterKind::Cumulative));
    let mut journal = Memory::default();
    assert_eq!(record(&mut one, FIRST, measured(5)), Ok(false));
    assert_eq!(record(&mut two, FIRST, measured(6)), Ok(false));
    one.close(&epoch(1), &mut journal).unwrap();
    assert!(matches!(two.close(&epoch(1), &mut journal), Err(SealError::Journal("stale"))));
}

#[test]
fn a_block_is_signed_by_its_own_epoch_alone() {
    let mut sealer = sealer(RegisterKind::Cumulative);
    assert_eq!(record(&mut sealer, FIRST, measured(5)), Ok(false));
    assert!(matches!(sealer.close(&epoch(2), &mut Memory::default()), Err(SealError::OtherEpoch)));
    assert!(sealer.close(&epoch(1), &mut Memory::default()).is_ok());
}

#[test]
fn overflow_and_missing_energy_land_in_the_residual() {
    let mut sealer = sealer(RegisterKind::Cumulative);
    let missing = Sample { advance: 7_000_000, status: Status::Missing };
    for (slot, sample) in
        [(0, measured(65_535)), (1, measured(65_536)), (2, missing), (3, measured(0)), (4, measured(400_000))]
    {
        assert_eq!(record(&mut sealer, FIRST + slot, sample), Ok(false));
    }
    let (readings, residual, before, after) = open(&sealer.close(&epoch(1), &mut Memory::default()).unwrap(), 0, 0);
    assert_eq!(readings, [65_535, 65_535, 0, 0, 65_535]);
    assert_eq!(residual, 1 + 700 + (400_000 - 65_535));
    assert_eq!((after - before) / 10_000, 65_535 + 65_536 + 700 + 400_000);
}

#[test]
fn a_sampled_register_has_no_residual() {
    let mut sealer = sealer(RegisterKind::Sampled);
    for (slot, volts) in [(0, 230), (1, 229), (2, 231)] {
        assert_eq!(record(&mut sealer, FIRST + slot, measured(volts)), Ok(false));
    }
    let (readings, residual, before, after) = open(&sealer.close(&epoch(1), &mut Memory::default()).unwrap(), 0, 0);
    assert_eq!((readings, residual, before), (vec![230, 229, 231], 0, after));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Fractions are carried from slot to slot and from block to block: nothing is gained or lost.
    #[test]
    fn every_unit_is_accounted_for(advances in proptest::collection::vec(prop_oneof![0u32..30_000, 0u32..9_000_000, any::<u32>()], 1..100)) {
        let mut sealer = sealer(RegisterKind::Cumulative);
        let mut journal = Memory::default();
        let mut blocks = Vec::new();
        for (slot, advance) in (FIRST..).zip(&advances) {
            let full = record(&mut sealer, slot, Sample { advance: *advance, status: Status::Measured }).unwrap();
            if full {
                blocks.push(sealer.close(&epoch(1), &mut journal).unwrap());
            }
        }
        if sealer.is_open() {
            blocks.push(sealer.close(&epoch(1), &mut journal).unwrap());
        }
        let mut total = 123_456;
        let mut whole = 0;
        for (number, block) in blocks.iter().enumerate() {
            let (readings, residual, before, after) = open(block, u32::try_from(number).unwrap(), number as u64);
            prop_assert_eq!(before, total);
            let sum: u64 = readings.iter().map(|x| u64::from(*x)).sum::<u64>() + u64::from(residual);
            prop_assert_eq!(after / 10_000 - before / 10_000, sum);
            total = after;
            whole += sum;
        }
        let advanced: u64 = advances.iter().map(|a| u64::from(*a)).sum();
        prop_assert_eq!(total, 123_456 + advanced);
        prop_assert_eq!(whole, (123_456 + advanced) / 10_000 - 12);
    }
}
