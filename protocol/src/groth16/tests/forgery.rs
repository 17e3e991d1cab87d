//! Who knows phase 1 forges, whatever phase 2 was.

use super::super::points::Progress;
use super::super::table::Table;
use super::*;

/// Why production takes a public phase 1: whoever made it proves what he likes under parameters whose phase 2 was honest.
///
/// He picks A = a·G₁ and B = b·G₂. Knowing τ, α, β he knows the logarithm ι of the sum of the inputs' points (γ is one). The
/// equation a·b = α·β + ι + c·δ asks for C = (a·b − α·β − ι)/δ·G₁. He does not know δ, but h begins with Z(τ)/δ·G₁, and he
/// knows Z(τ).
#[test]
fn who_made_phase_1_forges() {
    let system = small();
    let mut rng = Repeatable::new("forger");
    let trapdoor = Trapdoor::draw(&mut rng);
    let powers = {
        use blstrs::{G1Projective, G2Projective};
        use group::Group;
        let size = domain_size(&system);
        let g1 = Table::new(G1Projective::generator(), size);
        let g2 = Table::new(G2Projective::generator(), size);
        trapdoor.powers(size, &g1, &g2, &Progress::new(0, &quiet))
    };
    let (mut parameters, mut transcript) = begin(&system, &powers, &quiet).unwrap();
    contribute(&mut parameters, &mut transcript, &mut Repeatable::new("an honest participant"), &quiet).unwrap();
    finish(&mut parameters, &mut transcript, [3; 32], 4, &quiet).unwrap();
    let outcome = ceremony::verify(&parameters, &transcript, &system, &powers, &mut rng, &quiet).unwrap();
    assert!(outcome.finished && outcome.demonstration);

    let true_one = Rounds::publics(Scalar::from(11), 20);
    let false_one = Publics { output: Scalar::ONE, ..true_one };
    let columns = at(&system, trapdoor.tau.0).unwrap();
    let inputs = [vec![Scalar::ONE], false_one.list()].concat();
    let iota: Scalar =
        inputs.iter().enumerate().map(|(place, input)| mixed(&columns, &trapdoor, place).unwrap() * input).sum();
    let (a, b) = (Scalar::from(1234), Scalar::from(5678));
    let c = (a * b - trapdoor.alpha.0 * trapdoor.beta.0 - iota) * columns.vanishing.invert().unwrap();
    let forged = Proof {
        a: (G1Affine::generator() * a).to_affine(),
        b: (G2Affine::generator() * b).to_affine(),
        c: (parameters.h[0] * c).to_affine(),
    };
    let key = parameters.key.fold(4, &[]).unwrap();
    assert!(key.verify(&false_one, &forged), "a fee of one");
    let elsewhere = Publics { output: Scalar::from(2), ..false_one };
    assert!(!key.verify(&elsewhere, &forged), "for this statement only");
}
