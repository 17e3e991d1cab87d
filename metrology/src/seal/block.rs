//! One block: commitments, header, signature and ciphertext of a day that is complete. Pure: all state comes in.

use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit};
use ed25519_dalek::SigningKey;
use zeroize::{Zeroize, Zeroizing};

use super::{ChainState, MAX_CIPHERTEXT, OpenDay, PLAINTEXT_PREFIX, Pairing, TAG_BYTES};
use crate::cose::{self, Bytes, MAX_MESSAGE};
use crate::curve::POINT_BYTES;
use crate::header::{self, Header};
use crate::keys::{DaySeed, Hash, hash};
use crate::label::{ClockQuality, MAX_SLOTS, Register, RegisterCode, Status};
use crate::{VERSION, pedersen, poseidon};

/// A finished block, ready to leave the meter.
pub struct SealedBlock {
    /// COSE_Sign1 over the header.
    pub message: Bytes<MAX_MESSAGE>,
    /// Hash of the header's payload.
    pub hash: Hash,
    commitments: [[u8; POINT_BYTES]; MAX_SLOTS],
    count: usize,
    ciphertext: [u8; MAX_CIPHERTEXT],
    ciphertext_length: usize,
}

impl SealedBlock {
    /// The commitments, in order of slots.
    #[must_use]
    pub fn commitments(&self) -> &[[u8; POINT_BYTES]] {
        self.commitments.get(..self.count).unwrap_or(&[])
    }

    /// The readings, encrypted to the household.
    #[must_use]
    pub fn ciphertext(&self) -> &[u8] {
        self.ciphertext.get(..self.ciphertext_length).unwrap_or(&[])
    }
}

/// What the header says besides the day itself.
pub(super) struct Context<'a> {
    pub(super) register: Register,
    pub(super) certificate: Hash,
    pub(super) epoch: u32,
    pub(super) pairing: Pairing,
    pub(super) clock: ClockQuality,
    pub(super) events: u16,
    pub(super) signing: &'a SigningKey,
}

/// The commitments, headers and ciphertext of one block. Pure: all state is in the arguments.
pub(super) fn seal(context: &Context<'_>, open: &OpenDay, state: &ChainState, seed: &DaySeed) -> Option<SealedBlock> {
    let register = &context.register;
    let count = usize::from(open.count);
    let first = usize::from(open.first);
    let per_day = usize::try_from(register.interval.slots_per_day()).ok()?;
    let readings = open.readings.get(first..first + count)?;
    let residual = open.residual;

    let mut commitments = [[0; POINT_BYTES]; MAX_SLOTS];
    let start = u64::from(open.day) * register.interval.slots_per_day() + u64::from(open.first);
    for ((place, reading), commitment) in (start..).zip(readings).zip(commitments.iter_mut()) {
        let opening = seed.slot_opening(register, place, state.block);
        *commitment = pedersen::commit_reading(*reading, opening.expose());
    }
    let opening = seed.residual_opening(register, state.block);
    let residual_commitment = pedersen::commit_residual(residual, opening.expose());
    let blinding = seed.day_blinding(register, state.block);
    let day = poseidon::day_commitment(&open.readings, per_day, residual, blinding.expose());

    let mut map = [0; header::STATUS_BYTES];
    for (place, status) in open.status.get(first..first + count)?.iter().enumerate() {
        header::set_status(&mut map, place, Status::from_code(*status));
    }
    let payload = Header {
        certificate: context.certificate,
        epoch: context.epoch,
        register: *register,
        day: open.day,
        first: open.first,
        count: open.count,
        status: map.get(..header::status_length(count))?,
        clock: context.clock,
        events: context.events,
        block: state.block,
        pairing: context.pairing.counter,
        household: context.pairing.household,
        previous: state.previous,
        list: header::list_hash(commitments.get(..count)?),
        day_commitment: day.to_bytes(),
        residual: residual_commitment,
    }
    .payload()?;
    let hash = header::header_hash(payload.as_slice());
    let message = cose::sign1(context.signing, cose::purpose::DAY_BLOCK, payload.as_slice())?;

    // Readings in clear until they are encrypted in place.
    let mut ciphertext = Zeroizing::new([0; MAX_CIPHERTEXT]);
    let length = PLAINTEXT_PREFIX + 2 * count;
    let plain = ciphertext.get_mut(..length)?;
    write_plaintext(plain, state.total, open.total, residual, readings)?;
    let mut key = seed.encryption_key();
    let cipher = ChaCha20Poly1305::new((&key).into());
    key.zeroize();
    let tag = cipher.encrypt_in_place_detached(&nonce(&register.code, state.block).into(), &hash, plain).ok()?;
    ciphertext.get_mut(length..length + TAG_BYTES)?.copy_from_slice(&tag);

    Some(SealedBlock {
        message,
        hash,
        commitments,
        count,
        ciphertext: *ciphertext,
        ciphertext_length: length + TAG_BYTES,
    })
}

fn write_plaintext(out: &mut [u8], before: u64, after: u64, residual: u32, readings: &[u16]) -> Option<()> {
    let (prefix, rest) = out.split_at_mut_checked(PLAINTEXT_PREFIX)?;
    prefix.get_mut(..1)?.copy_from_slice(&[VERSION]);
    prefix.get_mut(1..9)?.copy_from_slice(&before.to_le_bytes());
    prefix.get_mut(9..17)?.copy_from_slice(&after.to_le_bytes());
    prefix.get_mut(17..21)?.copy_from_slice(&residual.to_le_bytes());
    for (place, reading) in rest.chunks_exact_mut(2).zip(readings) {
        place.copy_from_slice(&reading.to_le_bytes());
    }
    Some(())
}

/// The nonce of a block's encryption: four bytes for the register, eight for the block's number.
#[must_use]
pub fn nonce(register: &RegisterCode, block: u64) -> [u8; 12] {
    let tag = hash("wattseal/v1/nonce", &[register.as_str().as_bytes()]);
    let mut nonce = [0; 12];
    let (left, right) = nonce.split_at_mut(4);
    left.copy_from_slice(&tag[..4]);
    right.copy_from_slice(&block.to_le_bytes());
    nonce
}
