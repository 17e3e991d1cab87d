//! A whole day sealed, and the parts of it that are not the commitments.

use std::convert::Infallible;
use std::error::Error;
use std::hint::black_box;

use bls12_381::Scalar as Fq;
use criterion::{BatchSize, Criterion};
use metrology::keys::{RegisterKey, household_fingerprint};
use metrology::label::{
    Coverage, DAY_SECONDS, Interval, MAX_SLOTS, Register, RegisterCode, RegisterKind, Status, Text,
};
use metrology::seal::{ChainState, Epoch, Journal, Pairing, Sample, SealError, Sealer};
use metrology::{cose, poseidon};

const DAY: u32 = 20_000;

/// All benchmarks of this file.
pub fn days(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let mut group = criterion.benchmark_group("day");
    for (name, interval) in [("seal_48_half_hours", Interval::HALF), ("seal_96_quarter_hours", Interval::QUARTER)] {
        let register = register(interval)?;
        let epoch = epoch();
        // Once outside the measurement, so that a failure is one and not a fast time.
        seal(&mut sealer(register, &epoch), &epoch, interval).map_err(|error| format!("{name}: {error:?}"))?;
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                || sealer(register, &epoch),
                |sealer| seal(sealer, &epoch, interval).is_ok(),
                BatchSize::SmallInput,
            );
        });
    }
    let blinding = Fq::from_bytes_wide(&[7; 64]);
    let readings = [1234; MAX_SLOTS];
    group.bench_function("poseidon_commitment", |b| {
        b.iter(|| poseidon::day_commitment(black_box(&readings), 96, black_box(70_000), black_box(&blinding)));
    });
    let register = register(Interval::HALF)?;
    let seed = RegisterKey::from_bytes([4; 32]).day_seed();
    group.bench_function("slot_opening", |b| b.iter(|| seed.slot_opening(black_box(&register), black_box(960_000), 3)));
    let epoch = epoch();
    group.bench_function("signature", |b| b.iter(|| cose::signature(&epoch.signing, b"purpose", black_box(&[1; 400]))));
    group.finish();
    Ok(())
}

fn register(interval: Interval) -> Result<Register, &'static str> {
    let code = RegisterCode::new("1-0:1.8.0").ok_or("register code")?;
    let unit = Text::new("Wh").ok_or("unit")?;
    Ok(Register { code, unit, kind: RegisterKind::Cumulative, interval })
}

fn epoch() -> Epoch {
    Epoch { certificate: [1; 32], number: 0, first: u64::from(DAY) * DAY_SECONDS, signing: [2; 32].into() }
}

/// A meter in the night before its first day: the ratchet to that day is part of sealing it.
fn sealer(register: Register, epoch: &Epoch) -> Sealer {
    let pairing = Pairing { counter: 1, household: household_fingerprint(&[3; 32]) };
    let state = ChainState {
        coverage: Coverage::default(),
        next: None,
        block: 0,
        previous: epoch.certificate,
        total: 325_495_061_662,
        day: DAY - 1,
        key: RegisterKey::from_bytes([4; 32]),
    };
    Sealer::resume(register, epoch, pairing, state)
}

/// Records every slot of the day and closes the block.
fn seal(sealer: &mut Sealer, epoch: &Epoch, interval: Interval) -> Result<usize, SealError<Infallible>> {
    let first = u64::from(DAY) * interval.slots_per_day();
    let mut advance = 2_345_678;
    for slot in first..first + interval.slots_per_day() {
        sealer.record(slot, black_box(Sample { advance, status: Status::Measured }))?;
        advance += 99_991;
    }
    let block = black_box(sealer.close(epoch, &mut Forgetful)?);
    Ok(block.commitments().len())
}

/// A memory that keeps nothing.
struct Forgetful;

impl Journal for Forgetful {
    type Error = Infallible;

    fn store(&mut self, _: &RegisterCode, state: &ChainState) -> Result<(), Infallible> {
        black_box(state);
        Ok(())
    }
}
