//! Phase 2 of the set-up: from powers and a circuit to parameters whose δ nobody knows.
//!
//! ```text
//! Powers + System ── begin ─► Parameters, Transcript ── contribute × n ── finish(beacon) ─► Parameters, Transcript
//!                                                                                             └── verify, by anyone
//! ```
//!
//! After Bowe, Gabizon, Miers, "Scalable Multi-party Computation for zk-SNARK Parameters in the Random Beacon Model" (eprint
//! 2017/1050). δ begins at one. Each participant multiplies it by a number of his own, divides h and l by it, and forgets
//! it; he shows that he knew it by a proof bound to everything before. The last step's number follows from a public value
//! that nobody could foresee, by so many hashes that nobody can choose among values in time. One participant who forgets is
//! enough, *if phase 1 had one as well*: who knows τ, α and β forges whatever happens here, which a test beside this
//! shows. Parameters over a demonstration's powers are therefore marked.
//!
//! A verifier needs no step's parameters in between: the last ones must be what phase 1 and the circuit make for their δ
//! ([`Parameters::check`]), and the transcript must lead from one to this δ.

mod beacon;
mod begin;
mod transcript;

use rand_core::RngCore;

use super::points::{Drawn, Progress, draw, scale};
use super::powers::PowersError;
use super::quadratic::domain_size;
use super::{CheckError, Parameters, Powers};
use crate::circuit::System;

pub use beacon::{Beacon, MOST_DOUBLINGS};
pub use begin::begin;
pub use transcript::{Contribution, Step, Transcript, TranscriptError};

/// Why a step of a ceremony, or its outcome, is refused.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// What everything rests on.
    #[error(transparent)]
    Powers(#[from] PowersError),
    /// The outcome is not what phase 1 and the circuit make.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The transcript file.
    #[error(transparent)]
    Transcript(#[from] TranscriptError),
    /// Of another circuit or of other powers.
    #[error("this transcript is of another circuit, or rests on other powers of tau")]
    Other,
    /// The transcript ends elsewhere than the parameters.
    #[error("these parameters are not the ones that this transcript ends with; take both files of the same step")]
    Apart,
    /// The beacon came already.
    #[error("this ceremony is finished: nothing can be added after its beacon")]
    Finished,
    /// Too many steps.
    #[error("this ceremony has as many contributions as a transcript holds")]
    Full,
    /// A step that its proof does not show.
    #[error("step {0} of the ceremony is not proven right; its transcript is worthless")]
    Step(usize),
    /// So much work that no verifier would repeat it.
    #[error("a beacon of more than 2^{MOST_DOUBLINGS} hashes is refused: verifiers repeat each")]
    Beacon,
}

/// What a transcript that verifies says. It does not say who the participants were, nor that one of them forgot his number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How many took part.
    pub contributions: usize,
    /// Whether a beacon ended it.
    pub finished: bool,
    /// Whether phase 1 was made on one machine, whose owner can forge.
    pub demonstration: bool,
    /// The transcript's hash, which the parameters carry as their origin.
    pub head: [u8; 32],
}

/// Adds a participant: draws a number, multiplies it in, and forgets it. Returns the new hash of the transcript, which the
/// participant publishes: whoever finds it in the final transcript knows that the contribution is in it.
///
/// # Errors
/// When the files do not belong together, or the ceremony is finished.
pub fn contribute(
    parameters: &mut Parameters,
    transcript: &mut Transcript,
    rng: &mut impl RngCore,
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Result<[u8; 32], CeremonyError> {
    transcript.open(parameters)?;
    let factor = draw(rng);
    let step = Step::Contribution(transcript.prove(&factor));
    rescale(parameters, &factor, watch);
    transcript.add(step, parameters)
}

/// Ends a ceremony: `value` is public and was not to be foreseen when the last participant took part (a block of a chain, a
/// drawing of lots, announced before); it is hashed 2^`doublings` times.
///
/// # Errors
/// When the files do not belong together, the ceremony is finished, or there would be too many hashes.
pub fn finish(
    parameters: &mut Parameters,
    transcript: &mut Transcript,
    value: [u8; 32],
    doublings: u8,
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Result<[u8; 32], CeremonyError> {
    transcript.open(parameters)?;
    if doublings > MOST_DOUBLINGS {
        return Err(CeremonyError::Beacon);
    }
    let beacon = Beacon { value, doublings };
    rescale(parameters, &Drawn(beacon.factor(&transcript.head())), watch);
    transcript.add(Step::Beacon(beacon), parameters)
}

/// Checks a ceremony from its beginning: every step, and that the parameters are what the powers and the circuit make for
/// the δ that the steps lead to. Whether the powers are the public ones says [`Powers::origin`], compared by the caller.
///
/// # Errors
/// With what is wrong.
pub fn verify(
    parameters: &Parameters,
    transcript: &Transcript,
    system: &System,
    powers: &Powers,
    rng: &mut impl RngCore,
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Result<Outcome, CeremonyError> {
    let size = domain_size(system);
    if transcript.circuit != system.hash()
        || transcript.powers != powers.digest(size)?
        || transcript.origin != powers.origin()
    {
        return Err(CeremonyError::Other);
    }
    transcript.steps_right()?;
    if !transcript.ends_with(parameters) {
        return Err(CeremonyError::Apart);
    }
    parameters.check(system, powers, rng, watch)?;
    Ok(Outcome {
        contributions: transcript.contributions(),
        finished: transcript.is_finished(),
        demonstration: powers.is_demonstration(),
        head: transcript.head(),
    })
}

/// δ times a factor that is not zero; h and l divided by it.
fn rescale(parameters: &mut Parameters, factor: &Drawn, watch: &(dyn Fn(usize, usize) + Sync)) {
    use ff::Field;
    use group::Curve;
    use zeroize::Zeroizing;

    let progress = Progress::new(parameters.h.len() + parameters.l.len(), watch);
    let inverse = Zeroizing::new(Drawn(Option::from(factor.0.invert()).unwrap_or(factor.0)));
    parameters.delta_g1 = (parameters.delta_g1 * factor.0).to_affine();
    parameters.key.delta_g2 = (parameters.key.delta_g2 * factor.0).to_affine();
    parameters.h = scale(&parameters.h, &inverse.0, &progress);
    parameters.l = scale(&parameters.l, &inverse.0, &progress);
}

#[cfg(test)]
mod tests;
