//! What happened in a ceremony, each step bound to all before it.
//!
//! ```text
//! "wattseal-ceremony\0" ‖ version 1 ‖ circuit hash (32) ‖ digest of the powers (32) ‖ their origin (64)
//! ‖ steps: 1 ‖ δ after (48) ‖ share (48) ‖ proof (96)   a participant
//!          2 ‖ δ after (48) ‖ value (32) ‖ doublings    the beacon, last
//! ```
//!
//! Head 0 is SHA-256 of everything before the steps; head k + 1 is SHA-256 of head k and step k.

use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective};
use group::prime::PrimeCurveAffine;
use group::{Curve, Group, GroupEncoding};
use sha2::{Digest, Sha256};

use super::super::Parameters;
use super::super::points::{Drawn, same_ratio};
use super::super::powers::Origin;
use super::CeremonyError;
use super::beacon::{Beacon, MOST_DOUBLINGS};

const MAGIC: &[u8; 18] = b"wattseal-ceremony\0";
const VERSION: u8 = 1;
/// The most steps of a transcript.
const MOST: usize = 1000;
const PARTICIPANT: u8 = 1;
const BEACON: u8 = 2;
/// Where participants' proofs live.
const DOMAIN: &[u8] = b"WATTSEAL-CEREMONY-V01-CS01-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";

/// A participant's proof that he knew the number d he multiplied δ by: d·G₁, and d·R with R a point of G2 hashed from the
/// transcript, the new δ and d·G₁. Nobody knows R's logarithm, so d·R takes d (knowledge of exponent).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution {
    share: G1Affine,
    proof: G2Affine,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there are at most a thousand, and most are participants'")]
pub enum Step {
    /// A participant's.
    Contribution(Contribution),
    /// The last one.
    Beacon(Beacon),
}

/// A ceremony so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    pub(super) circuit: [u8; 32],
    pub(super) powers: [u8; 32],
    pub(super) origin: Origin,
    /// δ after each step, and the step.
    pub(super) steps: Vec<(G1Affine, Step)>,
}

/// Why a transcript file is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptError {
    /// Not such a file.
    #[error("this is no transcript of a ceremony, or it is cut")]
    Malformed,
    /// A later version.
    #[error("this transcript is of a version that this program does not know; update it")]
    Version,
    /// A point is zero or not in its group.
    #[error("the transcript holds a point that is not in the group, or zero")]
    Point,
}

impl Transcript {
    pub(super) fn new(circuit: [u8; 32], powers: [u8; 32], origin: Origin) -> Self {
        Self { circuit, powers, origin, steps: Vec::new() }
    }

    /// How many took part.
    #[must_use]
    pub fn contributions(&self) -> usize {
        self.steps.iter().filter(|(_, step)| matches!(step, Step::Contribution(_))).count()
    }

    /// Whether a beacon ended it.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.steps.last(), Some((_, Step::Beacon(_))))
    }

    /// Who made the powers that it rests on.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The hash of all of it.
    #[must_use]
    pub fn head(&self) -> [u8; 32] {
        self.steps.iter().fold(self.first_head(), |head, (delta, step)| next_head(&head, delta, step))
    }

    /// The hashes after each step: what participants published.
    #[must_use]
    pub fn heads(&self) -> Vec<[u8; 32]> {
        let mut head = self.first_head();
        let steps = self.steps.iter().map(|(delta, step)| {
            head = next_head(&head, delta, step);
            head
        });
        steps.collect()
    }

    fn first_head(&self) -> [u8; 32] {
        Sha256::digest(self.beginning()).into()
    }

    fn beginning(&self) -> Vec<u8> {
        [MAGIC.as_slice(), &[VERSION], &self.circuit, &self.powers, self.origin.head()].concat()
    }

    fn delta(&self) -> G1Affine {
        self.steps.last().map_or_else(G1Affine::generator, |(delta, _)| *delta)
    }

    pub(super) fn ends_with(&self, parameters: &Parameters) -> bool {
        self.delta() == parameters.delta_g1
            && self.circuit == parameters.circuit
            && self.head() == parameters.origin
            && (self.origin == Origin::Demonstration) == parameters.demonstration
    }

    /// Whether a step can follow.
    pub(super) fn open(&self, parameters: &Parameters) -> Result<(), CeremonyError> {
        if !self.ends_with(parameters) {
            return Err(CeremonyError::Apart);
        }
        if self.is_finished() {
            return Err(CeremonyError::Finished);
        }
        if self.steps.len() < MOST { Ok(()) } else { Err(CeremonyError::Full) }
    }

    /// Adds a step that the parameters have made.
    pub(super) fn add(&mut self, step: Step, parameters: &mut Parameters) -> Result<[u8; 32], CeremonyError> {
        self.steps.push((parameters.delta_g1, step));
        let head = self.head();
        parameters.origin = head;
        Ok(head)
    }

    /// Shows that the next δ is this number times the present one.
    pub(super) fn prove(&self, factor: &Drawn) -> Contribution {
        let share = (G1Affine::generator() * factor.0).to_affine();
        let after = (self.delta() * factor.0).to_affine();
        let proof = (challenge(&self.head(), &after, &share) * factor.0).to_affine();
        Contribution { share, proof }
    }

    /// Every step, from δ = 1.
    pub(super) fn steps_right(&self) -> Result<(), CeremonyError> {
        let (mut head, mut before) = (self.first_head(), G1Affine::generator());
        for (place, (after, step)) in self.steps.iter().enumerate() {
            let right = match step {
                Step::Contribution(Contribution { share, proof }) => {
                    let ratio = [challenge(&head, after, share), proof.to_curve()];
                    let zero = after.is_identity() | share.is_identity() | proof.is_identity();
                    !bool::from(zero)
                        && same_ratio([G1Projective::generator(), share.to_curve()], ratio)
                        && same_ratio([before.to_curve(), after.to_curve()], ratio)
                }
                Step::Beacon(beacon) => {
                    place + 1 == self.steps.len()
                        && beacon.doublings <= MOST_DOUBLINGS
                        && (before * beacon.factor(&head)).to_affine() == *after
                }
            };
            if !right {
                return Err(CeremonyError::Step(place + 1));
            }
            head = next_head(&head, after, step);
            before = *after;
        }
        Ok(())
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut out = self.beginning();
        self.steps.iter().for_each(|(delta, step)| out.extend(encode(delta, step)));
        out
    }

    /// Reads a file. Its steps are looked at by [`super::verify`].
    ///
    /// # Errors
    /// When it is not whole, or holds points that are none.
    pub fn read(bytes: &[u8]) -> Result<Self, TranscriptError> {
        let mut rest = bytes;
        if take::<18>(&mut rest)? != MAGIC {
            return Err(TranscriptError::Malformed);
        }
        if take(&mut rest)? != &[VERSION] {
            return Err(TranscriptError::Version);
        }
        let (circuit, powers, origin) = (*take(&mut rest)?, *take(&mut rest)?, Origin::of(*take(&mut rest)?));
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if steps.len() == MOST {
                return Err(TranscriptError::Malformed);
            }
            let [kind] = *take(&mut rest)?;
            let delta = g1(&mut rest)?;
            steps.push(match kind {
                PARTICIPANT => {
                    let share = g1(&mut rest)?;
                    let proof: Option<G2Affine> = G2Affine::from_compressed(take(&mut rest)?).into();
                    let proof = proof.filter(|point| !bool::from(point.is_identity())).ok_or(TranscriptError::Point)?;
                    (delta, Step::Contribution(Contribution { share, proof }))
                }
                BEACON => {
                    let (value, [doublings]) = (*take(&mut rest)?, *take(&mut rest)?);
                    (delta, Step::Beacon(Beacon { value, doublings }))
                }
                _ => return Err(TranscriptError::Malformed),
            });
        }
        Ok(Self { circuit, powers, origin, steps })
    }
}

fn next_head(head: &[u8; 32], delta: &G1Affine, step: &Step) -> [u8; 32] {
    Sha256::new().chain_update(head).chain_update(encode(delta, step)).finalize().into()
}

fn encode(delta: &G1Affine, step: &Step) -> Vec<u8> {
    let delta = delta.to_compressed();
    match step {
        Step::Contribution(Contribution { share, proof }) => {
            [&[PARTICIPANT], &delta[..], share.to_bytes().as_ref(), proof.to_bytes().as_ref()].concat()
        }
        Step::Beacon(Beacon { value, doublings }) => [&[BEACON], &delta[..], value, &[*doublings]].concat(),
    }
}

/// R.
fn challenge(head: &[u8; 32], after: &G1Affine, share: &G1Affine) -> G2Projective {
    let message = [&head[..], &after.to_compressed(), &share.to_compressed()].concat();
    G2Projective::hash_to_curve(&message, DOMAIN, &[])
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], TranscriptError> {
    let (taken, after) = rest.split_first_chunk().ok_or(TranscriptError::Malformed)?;
    *rest = after;
    Ok(taken)
}

fn g1(rest: &mut &[u8]) -> Result<G1Affine, TranscriptError> {
    let point: Option<G1Affine> = G1Affine::from_compressed(take(rest)?).into();
    point.filter(|point| !bool::from(point.is_identity())).ok_or(TranscriptError::Point)
}
