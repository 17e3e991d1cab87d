//! A whole day sealed, and the parts of it that are not the commitments.

use std::convert::Infallible;
use std::error::Error;
use std::hint::black_box;

use bls12_381::Scalar as Fq;
use metrology::keys::{RegisterKey, household_fingerprint};
use metrology::label::{
    Coverage, DAY_SECONDS, Interval, MAX_SLOTS, Register, RegisterCode, RegisterKind, Status, Text,
};
use metrology::seal::{ChainState, Epoch, Journal, Pairing, Sample, SealError, SealedBlock, Sealer};
use metrology::{cose, poseidon};

use crate::turns::Way;

const DAY: u32 = 20_000;

/// A day of either resolution, and its parts.
pub fn ways() -> Result<Vec<Way<'static>>, Box<dyn Error>> {
    let mut ways = Vec::new();
    for (name, interval) in [("seal_48_half_hours", Interval::HALF), ("seal_96_quarter_hours", Interval::QUARTER)] {
        let register = register(interval)?;
        let epoch = epoch();
        // Once outside the measurement, so that a failure is one and not a fast time.
        seal(&mut sealer(register, &epoch), &epoch, interval).map_err(|error| format!("{name}: {error:?}"))?;
        ways.push(Way::new(name, None, move |_| {
            let mut sealer = sealer(black_box(register), &epoch);
            black_box(seal(&mut sealer, &epoch, interval).is_ok());
        }));
    }
    let blinding = Fq::from_bytes_wide(&[7; 64]);
    let readings = [1234; MAX_SLOTS];
    ways.push(Way::new("poseidon_day_commitment", None, move |_| {
        black_box(poseidon::day_commitment(black_box(&readings), 96, black_box(70_000), black_box(&blinding)));
    }));
    let (register, seed) = (register(Interval::HALF)?, RegisterKey::from_bytes([4; 32]).day_seed());
    ways.push(Way::new("slot_opening", None, move |_| {
        black_box(seed.slot_opening(black_box(&register), black_box(960_000), 3));
    }));
    let epoch = epoch();
    ways.push(Way::new("signature", None, move |_| {
        black_box(cose::signature(&epoch.signing, b"purpose", black_box(&[1; 400])));
    }));
    Ok(ways)
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

    fn store(&mut self, _: &RegisterCode, state: &ChainState, _: &SealedBlock) -> Result<(), Infallible> {
        black_box(state);
        Ok(())
    }
}
