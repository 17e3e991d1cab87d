//! Ceremonies: honest ones verify and prove, and nothing in a transcript or in its outcome can be changed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use blstrs::{G1Affine, Scalar};
use ff::Field;
use group::prime::PrimeCurveAffine;

use super::super::tests::{Repeatable, Rounds, next, prove, quiet, small};
use super::super::{Part, Powers};
use super::*;

type Steps = Vec<(G1Affine, Step)>;

struct Held {
    system: System,
    powers: Powers,
    parameters: Parameters,
    transcript: Transcript,
}

impl Held {
    fn begun() -> Self {
        let system = small();
        let powers = Powers::demonstration(domain_size(&system), &mut Repeatable::new("powers"), &quiet);
        let (parameters, transcript) = begin(&system, &powers, &quiet).unwrap();
        Self { system, powers, parameters, transcript }
    }

    fn contribute(&mut self, who: &str) -> [u8; 32] {
        contribute(&mut self.parameters, &mut self.transcript, &mut Repeatable::new(who), &quiet).unwrap()
    }

    fn finished() -> Self {
        let mut held = Self::begun();
        held.contribute("one");
        held.contribute("two");
        finish(&mut held.parameters, &mut held.transcript, [9; 32], 5, &quiet).unwrap();
        held
    }

    fn verify(&self) -> Result<Outcome, CeremonyError> {
        verify(&self.parameters, &self.transcript, &self.system, &self.powers, &mut Repeatable::new("verify"), &quiet)
    }
}

#[test]
fn the_beginning_is_what_the_check_rebuilds() {
    let held = Held::begun();
    held.parameters.check(&held.system, &held.powers, &mut Repeatable::new("check"), &quiet).unwrap();
    assert_eq!(held.parameters.delta_g1, G1Affine::generator());
    // Powers for larger circuits make the same.
    let larger = Powers::demonstration(4 * held.powers.size(), &mut Repeatable::new("powers"), &quiet);
    assert_eq!(begin(&held.system, &larger, &quiet).unwrap().0, held.parameters);
    let smaller = Powers::demonstration(held.powers.size() / 2, &mut Repeatable::new("powers"), &quiet);
    assert!(matches!(begin(&held.system, &smaller, &quiet), Err(CeremonyError::Powers(PowersError::TooSmall { .. }))));
}

#[test]
fn a_ceremony_verifies_and_its_parameters_prove() {
    let mut held = Held::begun();
    let heads = [held.contribute("one"), held.contribute("two")];
    let open = held.verify().unwrap();
    assert_eq!((open.contributions, open.finished, open.demonstration), (2, false, true));
    let last = finish(&mut held.parameters, &mut held.transcript, [9; 32], 5, &quiet).unwrap();
    let outcome = held.verify().unwrap();
    assert_eq!(outcome, Outcome { contributions: 2, finished: true, demonstration: true, head: last });
    assert_eq!(held.transcript.heads(), [heads[0], heads[1], last]);
    assert_eq!(held.parameters.origin, last);
    assert_eq!(Parameters::read(&held.parameters.write(), true).unwrap(), held.parameters);
    assert_eq!(Transcript::read(&held.transcript.write()).unwrap(), held.transcript);

    let start = Scalar::from(5);
    let publics = Rounds::publics(start, 20);
    let proof = prove(&held.parameters, Rounds { start: Some(start), ..Rounds::empty() });
    let key = held.parameters.key.fold(4, &[]).unwrap();
    assert!(key.verify(&publics, &proof));
    assert!(!key.verify(&crate::circuit::Publics { output: publics.output + Scalar::ONE, ..publics }, &proof));
}

#[test]
fn nothing_follows_the_beacon_and_no_beacon_is_endless() {
    let mut held = Held::finished();
    let error = contribute(&mut held.parameters, &mut held.transcript, &mut Repeatable::new("late"), &quiet);
    assert!(matches!(error, Err(CeremonyError::Finished)));
    let error = finish(&mut held.parameters, &mut held.transcript, [1; 32], 1, &quiet);
    assert!(matches!(error, Err(CeremonyError::Finished)));
    let mut held = Held::begun();
    let error = finish(&mut held.parameters, &mut held.transcript, [1; 32], MOST_DOUBLINGS + 1, &quiet);
    assert!(matches!(error, Err(CeremonyError::Beacon)));
}

#[test]
fn files_of_two_steps_do_not_go_together() {
    let mut held = Held::begun();
    let before = held.parameters.clone();
    held.contribute("one");
    let mut stale = Held { parameters: before, ..held };
    assert!(matches!(stale.verify(), Err(CeremonyError::Apart)));
    let error = contribute(&mut stale.parameters, &mut stale.transcript, &mut Repeatable::new("two"), &quiet);
    assert!(matches!(error, Err(CeremonyError::Apart)));
}

/// A participant who knows a number but not δ's new logarithm, one who repeats another's proof, and one who sets δ anew.
#[test]
fn a_step_without_its_proof_is_refused() {
    let held = Held::finished();
    let with = |alter: &dyn Fn(&mut Steps)| {
        let mut transcript = held.transcript.clone();
        alter(&mut transcript.steps);
        transcript.steps_right()
    };
    with(&|_| ()).unwrap();
    assert!(matches!(with(&|steps| steps[0].0 = next(&steps[0].0)), Err(CeremonyError::Step(1))));
    assert!(matches!(with(&|steps| steps[1].0 = G1Affine::generator()), Err(CeremonyError::Step(2))));
    assert!(matches!(with(&|steps| steps[2].0 = next(&steps[2].0)), Err(CeremonyError::Step(3))));
    assert!(matches!(with(&|steps| steps[1].1 = steps[0].1), Err(CeremonyError::Step(2))));
    assert!(matches!(with(&|steps| steps.rotate_left(1)), Err(CeremonyError::Step(1))));
    assert!(matches!(with(&|steps| steps.swap(1, 2)), Err(CeremonyError::Step(2))));
    let other = |steps: &mut Steps| steps[2].1 = Step::Beacon(Beacon { value: [8; 32], doublings: 5 });
    assert!(matches!(with(&other), Err(CeremonyError::Step(3))));
    let fewer = |steps: &mut Steps| steps[2].1 = Step::Beacon(Beacon { value: [9; 32], doublings: 4 });
    assert!(matches!(with(&fewer), Err(CeremonyError::Step(3))));
}

/// A proof belongs to its place: the same number in another transcript needs another.
#[test]
fn a_proof_is_bound_to_what_came_before() {
    let mut held = Held::begun();
    held.contribute("one");
    let (delta, step) = held.transcript.steps[0];
    let mut elsewhere = Held::begun().transcript;
    elsewhere.circuit[0] ^= 1;
    elsewhere.steps.push((delta, step));
    assert!(matches!(elsewhere.steps_right(), Err(CeremonyError::Step(1))));
}

#[test]
fn the_outcome_is_what_the_transcript_says() {
    let held = Held::finished();
    // δ alone changed, with h and l to match: the check passes, the transcript does not lead here.
    let mut other = Held { parameters: held.parameters.clone(), transcript: held.transcript.clone(), ..Held::begun() };
    rescale(&mut other.parameters, &Drawn(Scalar::from(3)), &quiet);
    other.parameters.check(&other.system, &other.powers, &mut Repeatable::new("check"), &quiet).unwrap();
    assert!(matches!(other.verify(), Err(CeremonyError::Apart)));
    // A point of the outcome.
    let mut altered =
        Held { parameters: held.parameters.clone(), transcript: held.transcript.clone(), ..Held::begun() };
    altered.parameters.l[0] = G1Affine::identity();
    assert!(matches!(altered.verify(), Err(CeremonyError::Check(CheckError::Rebuilt(Part::L)))));
    // Other powers, another circuit.
    let size = held.powers.size();
    let powers = Powers::demonstration(size, &mut Repeatable::new("others"), &quiet);
    let strange = Held { powers, ..Held::finished() };
    assert!(matches!(strange.verify(), Err(CeremonyError::Other)));
    let system = System::of(Rounds { rounds: 19, start: None }).unwrap();
    let strange = Held { system, ..Held::finished() };
    assert!(matches!(strange.verify(), Err(CeremonyError::Other)));
    // The mark cannot be taken off.
    let mut unmarked = Held::finished();
    unmarked.parameters.demonstration = false;
    assert!(matches!(unmarked.verify(), Err(CeremonyError::Apart)));
}

#[test]
fn cut_or_strange_transcripts_are_refused() {
    let file = Held::finished().transcript.write();
    let beginning = 18 + 1 + 32 + 32 + 64;
    for length in 0..file.len() {
        let step = length.checked_sub(beginning).is_some_and(|rest| rest == 0 || rest == 193 || rest == 386);
        assert_eq!(Transcript::read(&file[..length]).is_ok(), step, "{length}");
    }
    let mut later = file.clone();
    later[18] = 2;
    assert_eq!(Transcript::read(&later), Err(TranscriptError::Version));
    let mut kind = file.clone();
    kind[beginning] = 3;
    assert_eq!(Transcript::read(&kind), Err(TranscriptError::Malformed));
    let mut zero = file;
    zero[beginning + 1..beginning + 49].fill(0);
    zero[beginning + 1] = 0xc0;
    assert_eq!(Transcript::read(&zero), Err(TranscriptError::Point));
}

/// The beacon's number follows from its value, its hashes and the transcript, and from nothing else.
#[test]
fn the_beacon_is_repeatable() {
    let beacon = Beacon { value: [1; 32], doublings: 3 };
    assert_eq!(beacon.factor(&[2; 32]), beacon.factor(&[2; 32]));
    assert_ne!(beacon.factor(&[2; 32]), beacon.factor(&[3; 32]));
    assert_ne!(beacon.factor(&[2; 32]), Beacon { doublings: 4, ..beacon }.factor(&[2; 32]));
    assert_ne!(beacon.factor(&[2; 32]), Beacon { value: [4; 32], ..beacon }.factor(&[2; 32]));
    assert!(!bool::from(beacon.factor(&[2; 32]).is_zero()));
}
