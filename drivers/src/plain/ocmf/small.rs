//! The two 192-bit curves that charging stations still sign with, on RustCrypto's generic arithmetic: no release of a
//! crate has them. Only signatures are checked with them, so nothing here is secret. Constants: SEC 2, version 1.

#![deny(clippy::indexing_slicing)]

use ecdsa::EcdsaCurve;
use elliptic_curve::bigint::{Odd, U192};
use elliptic_curve::consts::U24;
use elliptic_curve::ff::PrimeField;
use elliptic_curve::hazmat::FieldArithmetic;
use elliptic_curve::ops::BatchInvert;
use elliptic_curve::point::PointCompression;
use elliptic_curve::scalar::{FromUintUnchecked, IsHigh};
use elliptic_curve::subtle::{Choice, ConstantTimeEq, ConstantTimeGreater, CtOption};
use elliptic_curve::{Curve, CurveArithmetic, PrimeCurve, PrimeCurveArithmetic};
use primeorder::{PrimeCurveParams, elliptic_curve, mul_backend, point_arithmetic, wnaf};

macro_rules! curve {
    (
        $module:ident, $name:ident, $text:literal, $equation:ident,
        prime: $prime:literal, non_residue: $of_prime:literal,
        order: $order:literal, non_residue: $of_order:literal,
        a: $a:literal, b: $b:literal, x: $x:literal, y: $y:literal
    ) => {
        pub(super) mod $module {
            use super::*;

            const ORDER: Odd<U192> = Odd::<U192>::from_be_hex($order);

            pub use field::FieldElement;
            pub use scalar::Scalar;

            mod field {
                use super::*;

                primefield::monty_field_params! {
                    name: FieldParams,
                    modulus: $prime,
                    uint: U192,
                    byte_order: primefield::ByteOrder::BigEndian,
                    multiplicative_generator: $of_prime,
                    doc: "Montgomery parameters of the field"
                }
                primefield::monty_field_element! {
                    name: FieldElement,
                    params: FieldParams,
                    uint: U192,
                    doc: "Element of the field"
                }
                primefield::monty_field_arithmetic! {
                    name: FieldElement,
                    params: FieldParams,
                    uint: U192
                }
                impl BatchInvert for FieldElement {}
            }

            mod scalar {
                use super::*;

                primefield::monty_field_params! {
                    name: ScalarParams,
                    modulus: $order,
                    uint: U192,
                    byte_order: primefield::ByteOrder::BigEndian,
                    multiplicative_generator: $of_order,
                    doc: "Montgomery parameters of the group's order"
                }
                primefield::monty_field_element! {
                    name: Scalar,
                    params: ScalarParams,
                    uint: U192,
                    doc: "Number modulo the group's order"
                }
                primefield::monty_field_arithmetic! {
                    name: Scalar,
                    params: ScalarParams,
                    uint: U192
                }
                primefield::monty_field_reduce! {
                    name: Scalar,
                    params: ScalarParams,
                    uint: U192,
                }
                elliptic_curve::scalar_impls!($name, Scalar);
                wnaf::impl_wnaf_size_for_scalar!(Scalar);

                impl AsRef<Scalar> for Scalar {
                    fn as_ref(&self) -> &Scalar {
                        self
                    }
                }

                impl FromUintUnchecked for Scalar {
                    type Uint = U192;

                    fn from_uint_unchecked(uint: U192) -> Self {
                        Self::from_uint_unchecked(uint)
                    }
                }

                impl IsHigh for Scalar {
                    fn is_high(&self) -> Choice {
                        const HALF: U192 = ORDER.as_ref().shr_vartime(1);
                        self.to_canonical().ct_gt(&HALF)
                    }
                }
            }

            #[doc = $text]
            #[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
            pub struct $name;

            impl Curve for $name {
                type FieldBytesSize = U24;
                type Uint = U192;

                const ORDER: Odd<U192> = ORDER;
            }

            impl PrimeCurve for $name {}

            impl PointCompression for $name {
                const COMPRESS_POINTS: bool = false;
            }

            impl CurveArithmetic for $name {
                type AffinePoint = primeorder::AffinePoint<$name>;
                type ProjectivePoint = primeorder::ProjectivePoint<$name>;
                type Scalar = Scalar;
            }

            impl FieldArithmetic for $name {
                type FieldElement = FieldElement;
            }

            impl PrimeCurveArithmetic for $name {
                type CurveGroup = primeorder::ProjectivePoint<$name>;
            }

            impl PrimeCurveParams for $name {
                type PointArithmetic = point_arithmetic::$equation;
                type Backend = mul_backend::VariableOnly;

                const EQUATION_A: FieldElement = FieldElement::from_hex_vartime($a);
                const EQUATION_B: FieldElement = FieldElement::from_hex_vartime($b);
                const GENERATOR: (FieldElement, FieldElement) =
                    (FieldElement::from_hex_vartime($x), FieldElement::from_hex_vartime($y));
            }

            impl EcdsaCurve for $name {
                const NORMALIZE_S: bool = false;
            }
        }
    };
}

curve! {
    k1, Secp192k1, "secp192k1, a Koblitz curve", EquationAIsGeneric,
    prime: "fffffffffffffffffffffffffffffffffffffffeffffee37", non_residue: 3,
    order: "fffffffffffffffffffffffe26f2fc170f69466a74defd8d", non_residue: 2,
    a: "000000000000000000000000000000000000000000000000",
    b: "000000000000000000000000000000000000000000000003",
    x: "db4ff10ec057e9ae26b07d0280b7f4341da5d1b1eae06c7d",
    y: "9b2f2f6d9c5628a7844163d015be86344082aa88d95e2f9d"
}

curve! {
    r1, Secp192r1, "secp192r1, also called NIST P-192", EquationAIsMinusThree,
    prime: "fffffffffffffffffffffffffffffffeffffffffffffffff", non_residue: 11,
    order: "ffffffffffffffffffffffff99def836146bc9b1b4d22831", non_residue: 3,
    a: "fffffffffffffffffffffffffffffffefffffffffffffffc",
    b: "64210519e59c80e70fa7e9ab72243049feb8deecc146b9b1",
    x: "188da80eb03090f67cbf20eb43a18800f4ff0afd82ff1012",
    y: "07192b95ffc8da78631011ed6b24cdd573f977a11e794811"
}
