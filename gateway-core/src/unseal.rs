//! Opening a day block: decrypts the readings and recomputes every commitment that the meter signed.
//!
//! A block is believed only when all of it agrees: the signed list and day commitment are rebuilt from the decrypted
//! readings and the household's own keys, and the register's advance is the sum of readings and residual.

use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit};
use protocol::block::{DayHeader, VerifiedBlock};
use protocol::metrology::curve::POINT_BYTES;
use protocol::metrology::header::list_hash;
use protocol::metrology::keys::{DaySeed, Opening};
use protocol::metrology::label::{MAX_SLOTS, RegisterKind};
use protocol::metrology::pedersen::{commit_reading, commit_residual};
use protocol::metrology::poseidon::day_commitment;
use protocol::metrology::seal::{PARTS, PLAINTEXT_PREFIX, TAG_BYTES, nonce};
use zeroize::{Zeroize, Zeroizing};

/// What a block holds for the household alone.
#[derive(Clone)]
pub struct Unsealed {
    /// One reading a slot, in the register's unit.
    pub readings: Zeroizing<Vec<u16>>,
    /// What missing slots and overflow left out.
    pub residual: u32,
    /// Register total before the block, in 10⁻⁴ units.
    pub before: u64,
    /// Register total after it.
    pub after: u64,
}

/// Why a block cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// The ciphertext is not for these keys, or was changed.
    #[error("the readings cannot be decrypted with this household's keys: they were changed or belong to another home")]
    Decrypt,
    /// The plaintext is not of the expected form.
    #[error("the decrypted readings are not of the expected form")]
    Malformed,
    /// The meter signed other commitments than these readings give.
    #[error("the meter signed commitments to other readings than it sent")]
    Commitments,
    /// The register did not advance by the readings and the residual.
    #[error("the register's advance is not the sum of the readings and the residual")]
    Advance,
}

/// Decrypts a verified block's readings and checks them against everything the meter signed.
///
/// # Errors
/// See [`UnsealError`]; the block must then be discarded.
pub fn unseal(block: &VerifiedBlock, ciphertext: &[u8], seed: &DaySeed) -> Result<Unsealed, UnsealError> {
    let unsealed = decrypt(block, ciphertext, seed)?;
    let header = &block.header;
    let list = commitments(header, &unsealed.readings, seed);
    let residual = residual_commitment(header, unsealed.residual, seed);
    let day = poseidon(header, &unsealed, seed);
    if list_hash(&list) != header.list || residual != header.residual || day != header.day_commitment {
        return Err(UnsealError::Commitments);
    }
    let cumulative = header.register.kind == RegisterKind::Cumulative;
    let sum: u64 = unsealed.readings.iter().map(|x| u64::from(*x)).sum();
    let advance = (unsealed.after / PARTS).checked_sub(unsealed.before / PARTS);
    if cumulative && advance != sum.checked_add(u64::from(unsealed.residual)) {
        return Err(UnsealError::Advance);
    }
    Ok(unsealed)
}

fn decrypt(block: &VerifiedBlock, ciphertext: &[u8], seed: &DaySeed) -> Result<Unsealed, UnsealError> {
    let header = &block.header;
    let length = PLAINTEXT_PREFIX + 2 * usize::from(header.count);
    let (body, tag) = ciphertext.split_at_checked(length).ok_or(UnsealError::Decrypt)?;
    let tag: [u8; TAG_BYTES] = tag.try_into().map_err(|_| UnsealError::Decrypt)?;
    let mut key = seed.encryption_key();
    let cipher = ChaCha20Poly1305::new(&key.into());
    key.zeroize();
    let mut plain = Zeroizing::new(body.to_vec());
    let nonce = nonce(&header.register.code, header.block).into();
    cipher.decrypt_in_place_detached(&nonce, &block.hash, &mut plain, &tag.into()).map_err(|_| UnsealError::Decrypt)?;

    let (prefix, rest) = plain.split_at_checked(PLAINTEXT_PREFIX).ok_or(UnsealError::Malformed)?;
    let (version, before, after, residual) = match prefix {
        [version, tail @ ..] => {
            let (before, tail) = tail.split_first_chunk::<8>().ok_or(UnsealError::Malformed)?;
            let (after, tail) = tail.split_first_chunk::<8>().ok_or(UnsealError::Malformed)?;
            let residual = tail.first_chunk::<4>().ok_or(UnsealError::Malformed)?;
            (*version, u64::from_le_bytes(*before), u64::from_le_bytes(*after), u32::from_le_bytes(*residual))
        }
        [] => return Err(UnsealError::Malformed),
    };
    if version != protocol::metrology::VERSION {
        return Err(UnsealError::Malformed);
    }
    let (pairs, _) = rest.as_chunks::<2>();
    let readings = Zeroizing::new(pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect());
    Ok(Unsealed { readings, residual, before, after })
}

/// The opening of each slot of a block.
#[must_use]
pub fn openings(header: &DayHeader, seed: &DaySeed) -> Vec<Opening> {
    (header.first_slot()..)
        .take(usize::from(header.count))
        .map(|slot| seed.slot_opening(&header.register, slot, header.block))
        .collect()
}

/// The list of commitments of a block, rebuilt.
#[must_use]
pub fn commitments(header: &DayHeader, readings: &[u16], seed: &DaySeed) -> Vec<[u8; POINT_BYTES]> {
    openings(header, seed).iter().zip(readings).map(|(opening, x)| commit_reading(*x, opening.expose())).collect()
}

fn residual_commitment(header: &DayHeader, residual: u32, seed: &DaySeed) -> [u8; POINT_BYTES] {
    commit_residual(residual, seed.residual_opening(&header.register, header.block).expose())
}

fn poseidon(header: &DayHeader, unsealed: &Unsealed, seed: &DaySeed) -> [u8; 32] {
    let mut day = Zeroizing::new([0u16; MAX_SLOTS]);
    for (place, reading) in day.iter_mut().skip(usize::from(header.first)).zip(unsealed.readings.iter()) {
        *place = *reading;
    }
    let slots = usize::try_from(header.register.interval.slots_per_day()).unwrap_or(MAX_SLOTS);
    let blinding = seed.day_blinding(&header.register, header.block);
    day_commitment(&day, slots, unsealed.residual, blinding.expose()).to_bytes()
}
