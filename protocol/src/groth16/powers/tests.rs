//! Files of powers: the layout, what is kept, and what is refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::Cursor;

use group::prime::PrimeCurveAffine;

use super::super::tests::{Repeatable, next, quiet};
use super::*;

fn powers(size: usize) -> Powers {
    Powers::demonstration(size, &mut Repeatable::new("powers"), &quiet)
}

fn file(powers: &Powers) -> Vec<u8> {
    let mut out = Vec::new();
    powers.write(&mut out).unwrap();
    out
}

fn read(bytes: &[u8], size: usize) -> Result<Powers, PowersError> {
    Powers::read(&mut Cursor::new(bytes), size, &quiet)
}

fn verify(powers: &Powers, size: usize) -> Result<(), PowersError> {
    powers.verify(size, &mut Repeatable::new("verify"), &quiet)
}

#[test]
fn a_file_comes_back_whole_or_cut() {
    let powers = powers(16);
    let file = file(&powers);
    assert_eq!(file.len(), 64 + 48 * 31 + 96 * 16 + 2 * 48 * 16 + 96);
    assert_eq!(read(&file, 16).unwrap(), powers);
    let four = read(&file, 4).unwrap();
    assert_eq!(four.size(), 4);
    assert_eq!((&four.tau_g1[..], &four.beta_g1[..]), (&powers.tau_g1[..7], &powers.beta_g1[..4]));
    assert_eq!(four.digest(4).unwrap(), powers.digest(4).unwrap());
    assert_ne!(powers.digest(8).unwrap(), powers.digest(4).unwrap());
    for (part, size) in [(&powers, 16), (&powers, 8), (&four, 4)] {
        verify(part, size).unwrap();
    }
    assert!(matches!(read(&file, 32), Err(PowersError::TooSmall { has: 16, needs: 32 })));
    assert!(matches!(verify(&powers, 32), Err(PowersError::TooSmall { .. })));
}

/// A response file has the hash of the challenge in front and a public key behind; its own hash is its origin.
#[test]
fn a_public_file_is_known_by_its_hash() {
    let powers = powers(16);
    let mut file = file(&powers);
    file[..64].fill(0x5a);
    file.extend([7; 1152]);
    let public = read(&file, 8).unwrap();
    assert_eq!(public.origin(), Origin::File(*blake2b_simd::blake2b(&file).as_array()));
    assert!(!public.is_demonstration() && powers.is_demonstration());
    assert_ne!(public.digest(8).unwrap(), powers.digest(8).unwrap());
    verify(&public, 8).unwrap();
    assert!(matches!(public.write(&mut Vec::new()), Err(PowersError::Public)));
}

#[test]
fn what_is_no_such_file_is_refused() {
    let file = file(&powers(16));
    for length in [0, 63, 64, file.len() - 1, file.len() - 96] {
        assert!(matches!(read(&file[..length], 4), Err(PowersError::Length)), "{length}");
    }
    let longer = [&file[..], &[0]].concat();
    assert!(matches!(read(&longer, 4), Err(PowersError::Length)));
    // A point that is none, in each section.
    let starts = [64, 64 + 48 * 31, 64 + 48 * 31 + 96 * 16, 64 + 48 * 47 + 96 * 16, 64 + 48 * 63 + 96 * 16];
    let sections = [Section::TauG1, Section::TauG2, Section::AlphaG1, Section::BetaG1, Section::BetaG2];
    for (start, section) in starts.into_iter().zip(sections) {
        let mut wrong = file.clone();
        wrong[start..start + 48].fill(0xff);
        assert!(matches!(read(&wrong, 4), Err(PowersError::Group(found)) if found == section), "{section:?}");
    }
}

#[test]
fn one_altered_power_is_refused() {
    let right = powers(16);
    let g1 = |point: &mut G1Affine| *point = next(point);
    for place in [1, 7, 15] {
        let refused = |alter: &dyn Fn(&mut Powers), section: Section| {
            let mut altered = right.clone();
            alter(&mut altered);
            let error = verify(&altered, 16).unwrap_err();
            assert!(
                matches!(error, PowersError::Inconsistent(found) if found == section),
                "{section:?} {place}: {error}"
            );
        };
        refused(&|p| g1(&mut p.tau_g1[2 * place]), Section::TauG1);
        refused(&|p| g1(&mut p.alpha_g1[place]), Section::AlphaG1);
        refused(&|p| g1(&mut p.beta_g1[place]), Section::BetaG1);
        let g2 = |point: &mut G2Affine| *point = next(point);
        if place > 1 {
            refused(&|p| g2(&mut p.tau_g2[place]), Section::TauG2);
        }
        refused(&|p| g2(&mut p.beta_g2), Section::BetaG2);
        refused(&|p| p.tau_g1[0] = p.tau_g1[1], Section::TauG1);
        refused(&|p| p.tau_g2[0] = p.tau_g2[1], Section::TauG2);
        // Another τ in G2: then no list of G1 fits to it.
        refused(&|p| g2(&mut p.tau_g2[1]), Section::TauG1);
    }
}

#[test]
fn degenerate_powers_are_refused() {
    let right = powers(4);
    let mut zero = right.clone();
    zero.alpha_g1.fill(G1Affine::identity());
    assert!(matches!(verify(&zero, 4), Err(PowersError::Degenerate(Section::AlphaG1))));
    let mut zero = right.clone();
    zero.beta_g1.fill(G1Affine::identity());
    zero.beta_g2 = G2Affine::identity();
    assert!(matches!(verify(&zero, 4), Err(PowersError::Degenerate(Section::BetaG1))));
    // τ = 1 is a root of unity, and consistent with itself.
    let one = Powers {
        tau_g1: vec![G1Affine::generator(); 7],
        tau_g2: vec![G2Affine::generator(); 4],
        alpha_g1: vec![right.alpha_g1[0]; 4],
        beta_g1: vec![right.beta_g1[0]; 4],
        ..right
    };
    assert!(matches!(verify(&one, 4), Err(PowersError::Degenerate(Section::TauG1))));
}
