//! The check accepts honest parameters and refuses any altered point.

use super::*;
use crate::circuit::BillCircuit;
use crate::machine::Shape;

pub(super) fn checked(parameters: &Parameters, system: &System, powers: &Powers) -> Result<(), CheckError> {
    parameters.check(system, powers, &mut Repeatable::new("check"), &quiet)
}

fn refused(parameters: &Parameters, system: &System, powers: &Powers) -> CheckError {
    checked(parameters, system, powers).unwrap_err()
}

#[test]
fn a_bill_s_parameters_pass_and_an_altered_column_does_not() {
    let narrow = [1, 1];
    let shape = Shape {
        slots: 24,
        blocks: 1,
        sums: 1,
        tiers: 0,
        demands: 0,
        hinges: 0,
        powers: false,
        rounded: false,
        narrow,
        wide: narrow,
    };
    let system = System::of(BillCircuit { shape, witness: None }).unwrap();
    let (mut parameters, powers) = Parameters::trial(&system, &mut Repeatable::new("bill"), &quiet).unwrap();
    checked(&parameters, &system, &powers).unwrap();
    let middle = parameters.a.len() / 2;
    parameters.a[middle] = next(&parameters.a[middle]);
    assert!(matches!(refused(&parameters, &system, &powers), CheckError::Rebuilt(Part::A)));
}

type Query = fn(&mut Parameters) -> &mut Vec<G1Affine>;

/// Every list, in its first, middle and last place: one generator more.
#[test]
fn one_altered_point_in_any_list_is_refused() {
    let (system, parameters, powers) = trial();
    let lists: [(Part, Query); 5] = [
        (Part::Ic, |p| &mut p.key.ic),
        (Part::H, |p| &mut p.h),
        (Part::L, |p| &mut p.l),
        (Part::A, |p| &mut p.a),
        (Part::BG1, |p| &mut p.b_g1),
    ];
    for (part, list) in lists {
        let length = list(&mut parameters.clone()).len();
        for place in [0, length / 2, length - 1] {
            let mut altered = parameters.clone();
            let point = &mut list(&mut altered)[place];
            *point = next(point);
            let error = refused(&altered, &system, &powers);
            assert!(matches!(error, CheckError::Rebuilt(found) if found == part), "{part:?} {place}: {error}");
        }
        let mut swapped = parameters.clone();
        list(&mut swapped).swap(0, length - 1);
        assert!(matches!(refused(&swapped, &system, &powers), CheckError::Rebuilt(found) if found == part), "{part:?}");
        let mut short = parameters.clone();
        list(&mut short).pop();
        assert!(matches!(refused(&short, &system, &powers), CheckError::Length(found) if found == part), "{part:?}");
        let mut zero = parameters.clone();
        list(&mut zero)[0] = G1Affine::identity();
        assert!(matches!(refused(&zero, &system, &powers), CheckError::Rebuilt(found) if found == part), "{part:?}");
    }
    for place in [0, parameters.b_g2.len() - 1] {
        let mut altered = parameters.clone();
        altered.b_g2[place] = next(&altered.b_g2[place]);
        assert!(matches!(refused(&altered, &system, &powers), CheckError::Rebuilt(Part::BG2)));
    }
    let mut short = parameters;
    short.b_g2.pop();
    assert!(matches!(refused(&short, &system, &powers), CheckError::Length(Part::BG2)));
}

/// A scaled list keeps all ratios within itself.
#[test]
fn h_or_l_for_another_delta_is_refused() {
    let (system, parameters, powers) = trial();
    let double = |list: &[G1Affine]| list.iter().map(|point| (point * Scalar::from(2)).to_affine()).collect::<Vec<_>>();
    let (mut h, mut l) = (parameters.clone(), parameters);
    h.h = double(&h.h);
    assert!(matches!(refused(&h, &system, &powers), CheckError::Rebuilt(Part::H)));
    l.l = double(&l.l);
    assert!(matches!(refused(&l, &system, &powers), CheckError::Rebuilt(Part::L)));
}

#[test]
fn altered_single_points_are_refused() {
    let (system, parameters, powers) = trial();
    let with = |alter: &dyn Fn(&mut Parameters)| {
        let mut altered = parameters.clone();
        alter(&mut altered);
        refused(&altered, &system, &powers)
    };
    let (none1, none2) = (G1Affine::identity(), G2Affine::identity());
    assert!(matches!(with(&|p| p.key.alpha_g1 = next(&p.key.alpha_g1)), CheckError::Rebuilt(Part::Alpha)));
    assert!(matches!(with(&|p| p.key.gamma_g2 = next(&p.key.gamma_g2)), CheckError::Rebuilt(Part::Gamma)));
    assert!(matches!(with(&|p| p.beta_g1 = next(&p.beta_g1)), CheckError::Twins(Part::Beta)));
    assert!(matches!(with(&|p| p.key.beta_g2 = next(&p.key.beta_g2)), CheckError::Twins(Part::Beta)));
    assert!(matches!(with(&|p| p.delta_g1 = next(&p.delta_g1)), CheckError::Twins(Part::Delta)));
    assert!(matches!(with(&|p| p.key.delta_g2 = next(&p.key.delta_g2)), CheckError::Twins(Part::Delta)));
    assert!(matches!(with(&|p| p.key.alpha_g1 = none1), CheckError::Zero(Part::Alpha)));
    assert!(matches!(with(&|p| p.key.gamma_g2 = none2), CheckError::Zero(Part::Gamma)));
    let both_beta = |p: &mut Parameters| (p.beta_g1, p.key.beta_g2) = (none1, none2);
    assert!(matches!(with(&both_beta), CheckError::Zero(Part::Beta)));
    let both_delta = |p: &mut Parameters| (p.delta_g1, p.key.delta_g2) = (none1, none2);
    assert!(matches!(with(&both_delta), CheckError::Zero(Part::Delta)));
    // Twins that agree, but are not phase 1's β, or not the δ that h and l were divided by.
    let other_beta = |p: &mut Parameters| (p.beta_g1, p.key.beta_g2) = (next(&p.beta_g1), next(&p.key.beta_g2));
    assert!(matches!(with(&other_beta), CheckError::Rebuilt(Part::Beta)));
    let other_delta = |p: &mut Parameters| (p.delta_g1, p.key.delta_g2) = (next(&p.delta_g1), next(&p.key.delta_g2));
    assert!(matches!(with(&other_delta), CheckError::Rebuilt(Part::L)));
    assert!(matches!(with(&|p| p.demonstration = false), CheckError::Mark));
    assert!(matches!(with(&|p| p.circuit[0] ^= 1), CheckError::OtherCircuit));
}

/// On the curve, and outside the group of prime order; and not on the curve at all.
#[test]
fn points_outside_the_group_are_refused() {
    let (system, parameters, powers) = trial();
    let outside = (0u8..)
        .find_map(|x| {
            let mut bytes = [0; 48];
            bytes[0] = 0x80;
            bytes[47] = x;
            Option::<G1Affine>::from(G1Affine::from_compressed_unchecked(&bytes))
                .filter(|p| !bool::from(p.is_torsion_free()))
        })
        .unwrap();
    let off = G1Affine::from_raw_unchecked(outside.x(), outside.x(), false);
    for wrong in [outside, off] {
        let mut altered = parameters.clone();
        altered.l[3] = wrong;
        assert!(matches!(refused(&altered, &system, &powers), CheckError::Group(Part::L)));
        let mut altered = parameters.clone();
        altered.delta_g1 = wrong;
        assert!(matches!(refused(&altered, &system, &powers), CheckError::Group(Part::Delta)));
    }
}

#[test]
fn another_circuit_and_other_powers_are_refused() {
    let (system, parameters, powers) = trial();
    let other = System::of(Rounds { rounds: 21, start: None }).unwrap();
    assert!(matches!(refused(&parameters, &other, &powers), CheckError::OtherCircuit));
    // A file that claims the other circuit's hash and has its lengths still holds other points.
    let (mut lying, _) = Parameters::trial(&other, &mut Repeatable::new("trial"), &quiet).unwrap();
    let twin = System::of(Twin).unwrap();
    lying.circuit = twin.hash();
    assert!(matches!(refused(&lying, &twin, &powers), CheckError::Rebuilt(Part::A)));
    let strange = Powers::demonstration(domain_size(&system), &mut Repeatable::new("strange"), &quiet);
    assert!(matches!(refused(&parameters, &system, &strange), CheckError::Rebuilt(Part::Alpha)));
    let few = Powers::demonstration(domain_size(&system) / 2, &mut Repeatable::new("few"), &quiet);
    assert!(matches!(refused(&parameters, &system, &few), CheckError::Powers(powers::PowersError::TooSmall { .. })));
}

/// [`Rounds`] with an empty row more: all lengths are the same, and the inputs' own rows stand elsewhere.
struct Twin;

impl Circuit<Scalar> for Twin {
    fn synthesize<CS: ConstraintSystem<Scalar>>(self, cs: &mut CS) -> Result<(), SynthesisError> {
        Rounds { rounds: 21, start: None }.synthesize(cs)?;
        cs.enforce(|| "", |lc| lc, |lc| lc, |lc| lc);
        Ok(())
    }
}
