//! The whole path of a meter's day: recording 48 samples, among them a missing one and two beyond 16 bits, and
//! closing the block, with commitments, signature and encryption.

use std::convert::Infallible;

use metrology::keys::{RegisterKey, household_fingerprint};
use metrology::label::{Coverage, DAY_SECONDS, RegisterCode, Status};
use metrology::seal::{ChainState, Epoch, Journal, Pairing, Sample, SealedBlock, Sealer};

use super::memcheck::{depends_on_secrets, publish};
use super::{marked, register};

const DAY: u32 = 20_000;
const SLOTS: u32 = 48;

/// Everything that leaves the meter, and the state it keeps, made from marked secrets. Compared with the same day
/// made from the same secrets unmarked: the marks change nothing but what valgrind says.
pub fn case() -> Option<Vec<u8>> {
    let output = day(true)?;
    let copy = output.clone();
    publish(copy.as_slice());
    (copy == day(false)?).then_some(output)
}

/// One day; the parts are the message, the list of commitments, the ciphertext and the next key.
fn day(secret: bool) -> Option<Vec<u8>> {
    let (register, first) = (register()?, DAY_SECONDS * u64::from(DAY));
    let signing = if secret { marked([9; 32]) } else { [9; 32] };
    let root = if secret { marked([5; 32]) } else { [5; 32] };
    let total = if secret { marked(325_495_061_662) } else { 325_495_061_662 };
    let epoch = Epoch { certificate: [1; 32], number: 0, first, signing: signing.into() };
    let pairing = Pairing { counter: 1, household: household_fingerprint(&[3; 32]) };
    let state = ChainState {
        coverage: Coverage::default(),
        next: None,
        block: 0,
        previous: epoch.certificate,
        total,
        // The block opens on the second day of the key: the ratchet is part of the path.
        day: DAY - 1,
        key: RegisterKey::from_bytes(root),
    };
    let mut sealer = Sealer::resume(register, &epoch, pairing, state);
    for slot in 0..SLOTS {
        let advance = match slot {
            11 | 30 => 4_000_000_000,
            _ => 2_345_678 + 99_991 * slot,
        };
        let advance = if secret { marked(advance) } else { advance };
        let status = if slot == 20 { Status::Missing } else { Status::Measured };
        let sample = Sample { advance, status };
        sealer.record::<Infallible>(u64::from(DAY * SLOTS + slot), sample).ok()?;
    }
    let block = sealer.close(&epoch, &mut Forgetful).ok()?;
    let list = block.commitments().as_flattened();
    let parts: [&[u8]; 4] = [block.message.as_slice(), list, block.ciphertext(), sealer.state().key.expose()];
    if parts.iter().any(|part| depends_on_secrets(part) != secret) {
        eprintln!("seal: a part of the block does not depend on the secrets as it should");
        return None;
    }
    Some(parts.concat())
}

/// A memory that keeps nothing.
struct Forgetful;

impl Journal for Forgetful {
    type Error = Infallible;

    fn store(&mut self, _: &RegisterCode, _: &ChainState, _: &SealedBlock) -> Result<(), Infallible> {
        Ok(())
    }
}
