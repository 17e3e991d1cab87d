//! Products of pairings. blst's loop over several pairs squares once for all of them, which bellman's interface to it
//! does not.

use blst::{blst_fp12, blst_p1_affine, blst_p2_affine};
use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;

/// Π e(P, Q), on all processors when there are many.
pub(super) fn product(pairs: &[(G1Affine, G2Affine)]) -> blst_fp12 {
    // A pair with a point at infinity contributes one; the loop does not expect it.
    let finite = || pairs.iter().filter(|(p, q)| !bool::from(p.is_identity() | q.is_identity()));
    let p: Vec<blst_p1_affine> = finite().map(|(p, _)| *p.as_ref()).collect();
    let q: Vec<blst_p2_affine> = finite().map(|(_, q)| *q.as_ref()).collect();
    if p.is_empty() { blst_fp12::default() } else { blst_fp12::miller_loop_n(&q, &p).final_exp() }
}

/// Whether a product of pairings is one.
pub(super) fn is_one(pairs: &[(G1Affine, G2Affine)]) -> bool {
    product(pairs) == blst_fp12::default()
}

#[cfg(test)]
mod tests {
    use blstrs::{Bls12, G1Projective, G2Projective, Scalar};
    use ff::Field;
    use group::{Curve, Group};
    use pairing::{Engine, MillerLoopResult, MultiMillerLoop};
    use rand_core::OsRng;

    use super::*;

    #[test]
    fn products_are_those_of_single_pairings() {
        let (p, q) = (G1Projective::generator(), G2Projective::generator());
        for count in [0, 1, 2, 3, 17, 40] {
            let mut pairs: Vec<(G1Affine, G2Affine)> = (0..count)
                .map(|_| ((p * Scalar::random(OsRng)).to_affine(), (q * Scalar::random(OsRng)).to_affine()))
                .collect();
            if count > 2 {
                (pairs[1].0, pairs[2].1) = (G1Affine::identity(), G2Affine::identity());
            }
            let single = pairs.iter().fold(blstrs::Gt::identity(), |all, (p, q)| all + Bls12::pairing(p, q));
            // What makes the product one in one interface does so in the other.
            let x = Scalar::random(OsRng);
            let terms: Vec<_> = pairs.iter().map(|(p, q)| (p, blstrs::G2Prepared::from(*q))).collect();
            let terms: Vec<_> = terms.iter().map(|(p, q)| (*p, q)).collect();
            assert_eq!(Bls12::multi_miller_loop(&terms).final_exponentiation(), single, "{count}");
            let opposite = pairs.iter().map(|(p, q)| ((-*p * x).to_affine(), (*q * x.invert().unwrap()).to_affine()));
            let both: Vec<_> = pairs.iter().copied().chain(opposite).collect();
            assert!(is_one(&both), "{count}");
            assert_eq!(is_one(&pairs), bool::from(single.is_identity()), "{count}");
        }
    }
}
