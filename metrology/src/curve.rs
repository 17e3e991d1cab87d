//! Jubjub in extended twisted Edwards coordinates (a = −1), only what a meter and a verifier need.
//!
//! The `jubjub` crate has the same formulas, but its conversion to affine form asserts on a value derived from
//! the secret and it does not erase points. Here every operation is branch-free and the cross-check against
//! `jubjub` is a property test. Formulas: Hisil, Wong, Carter, Dawson, "Twisted Edwards Curves Revisited"
//! (ASIACRYPT 2008), §3.1 (addition) and §3.3 (doubling); the T coordinate is kept as a product.

use bls12_381::Scalar as Fq;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

/// Bytes of a point in affine form: u ‖ v, each 32 bytes little-endian.
pub const POINT_BYTES: usize = 64;

/// Jubjub's d = −10240/10241 (the test recomputes it).
pub const D: Fq =
    Fq::from_raw([0x0106_5fd6_d634_3eb1, 0x292d_7f6d_3757_9d26, 0xf5fd_9207_e6bd_7fd4, 0x2a93_18e7_4bfa_2b48]);

/// An affine point, prepared for addition: (v + u, v − u, 2d·u·v).
#[derive(Clone, Copy, Debug)]
pub struct Niels {
    v_plus_u: Fq,
    v_minus_u: Fq,
    t2d: Fq,
}

impl Niels {
    /// The neutral element.
    pub const IDENTITY: Self = Self { v_plus_u: Fq::one(), v_minus_u: Fq::one(), t2d: Fq::zero() };

    /// From canonical little-endian limbs; used by the generated tables.
    pub(crate) const fn from_raw(v_plus_u: [u64; 4], v_minus_u: [u64; 4], t2d: [u64; 4]) -> Self {
        Self { v_plus_u: Fq::from_raw(v_plus_u), v_minus_u: Fq::from_raw(v_minus_u), t2d: Fq::from_raw(t2d) }
    }

    /// Prepares the affine point (u, v) after checking −u² + v² = 1 + d·u²·v².
    ///
    /// `None` when the point is not on the curve. Points of small order pass: every equation that uses
    /// this is multiplied by the cofactor.
    #[must_use]
    pub fn on_curve(u: Fq, v: Fq) -> Option<Self> {
        let t = u * v;
        let dt = D * t;
        if v.square() - u.square() == Fq::one() + dt * t {
            Some(Self { v_plus_u: v + u, v_minus_u: v - u, t2d: dt.double() })
        } else {
            None
        }
    }

    /// −P when `negate` is set, in constant time.
    #[must_use]
    pub fn conditional_negate(&self, negate: Choice) -> Self {
        Self {
            v_plus_u: Fq::conditional_select(&self.v_plus_u, &self.v_minus_u, negate),
            v_minus_u: Fq::conditional_select(&self.v_minus_u, &self.v_plus_u, negate),
            t2d: Fq::conditional_select(&self.t2d, &-self.t2d, negate),
        }
    }

    /// −P.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { v_plus_u: self.v_minus_u, v_minus_u: self.v_plus_u, t2d: -self.t2d }
    }
}

impl ConditionallySelectable for Niels {
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        Self {
            v_plus_u: Fq::conditional_select(&a.v_plus_u, &b.v_plus_u, choice),
            v_minus_u: Fq::conditional_select(&a.v_minus_u, &b.v_minus_u, choice),
            t2d: Fq::conditional_select(&a.t2d, &b.t2d, choice),
        }
    }
}

/// A point (u, v) = (U/Z, V/Z) with T1·T2 = U·V/Z.
#[derive(Clone, Copy, Debug)]
pub struct Extended {
    u: Fq,
    v: Fq,
    z: Fq,
    t1: Fq,
    t2: Fq,
}

impl Extended {
    /// The neutral element.
    pub const IDENTITY: Self = Self { u: Fq::zero(), v: Fq::one(), z: Fq::one(), t1: Fq::zero(), t2: Fq::zero() };

    /// P + Q with Q prepared: eight multiplications.
    #[must_use]
    #[inline]
    pub fn add_niels(&self, other: &Niels) -> Self {
        let a = (self.v - self.u) * other.v_minus_u;
        let b = (self.v + self.u) * other.v_plus_u;
        let c = self.t1 * self.t2 * other.t2d;
        let d = self.z.double();
        Self::complete(b - a, d - c, d + c, b + a)
    }

    /// P + Q for two extended points.
    #[must_use]
    #[inline]
    pub fn add(&self, other: &Self) -> Self {
        let a = (self.v - self.u) * (other.v - other.u);
        let b = (self.v + self.u) * (other.v + other.u);
        let c = self.t1 * self.t2 * other.t1 * other.t2 * D.double();
        let d = (self.z * other.z).double();
        Self::complete(b - a, d - c, d + c, b + a)
    }

    /// 2P.
    #[must_use]
    #[inline]
    pub fn double(&self) -> Self {
        let uu = self.u.square();
        let vv = self.v.square();
        let zz2 = self.z.square().double();
        let sum = vv + uu;
        let difference = vv - uu;
        let e = (self.u + self.v).square() - sum;
        Self::complete(e, zz2 - difference, difference, sum)
    }

    /// (E, F, G, H) → (E·F, G·H, F·G, E, H), the last step of all formulas.
    #[inline]
    fn complete(e: Fq, f: Fq, g: Fq, h: Fq) -> Self {
        Self { u: e * f, v: g * h, z: f * g, t1: e, t2: h }
    }

    /// 8P: the cofactor.
    #[must_use]
    pub fn mul_by_cofactor(&self) -> Self {
        self.double().double().double()
    }

    /// −P.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { u: -self.u, v: self.v, z: self.z, t1: -self.t1, t2: self.t2 }
    }

    /// Whether this is the neutral element.
    #[must_use]
    pub fn is_identity(&self) -> Choice {
        self.u.ct_eq(&Fq::zero()) & self.v.ct_eq(&self.z)
    }

    /// Affine coordinates (u, v), with one field inversion and no branch: Z is never zero on this curve.
    #[must_use]
    pub fn to_affine(&self) -> (Fq, Fq) {
        let inverse = self.z.invert().unwrap_or(Fq::zero());
        (self.u * inverse, self.v * inverse)
    }

    /// Affine coordinates as u ‖ v.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; POINT_BYTES] {
        let (u, v) = self.to_affine();
        point_bytes(&u, &v)
    }
}

impl ConditionallySelectable for Extended {
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        Self {
            u: Fq::conditional_select(&a.u, &b.u, choice),
            v: Fq::conditional_select(&a.v, &b.v, choice),
            z: Fq::conditional_select(&a.z, &b.z, choice),
            t1: Fq::conditional_select(&a.t1, &b.t1, choice),
            t2: Fq::conditional_select(&a.t2, &b.t2, choice),
        }
    }
}

impl Zeroize for Extended {
    fn zeroize(&mut self) {
        for coordinate in [&mut self.u, &mut self.v, &mut self.z, &mut self.t1, &mut self.t2] {
            *coordinate = Fq::zero();
            core::hint::black_box(coordinate);
        }
    }
}

/// u ‖ v.
#[must_use]
pub fn point_bytes(u: &Fq, v: &Fq) -> [u8; POINT_BYTES] {
    let mut bytes = [0; POINT_BYTES];
    let (left, right) = bytes.split_at_mut(32);
    left.copy_from_slice(&u.to_bytes());
    right.copy_from_slice(&v.to_bytes());
    bytes
}

/// Reads u ‖ v; both must be canonical and the point on the curve.
#[must_use]
pub fn read_point(bytes: &[u8; POINT_BYTES]) -> Option<Niels> {
    let mut half = [0; 32];
    half.copy_from_slice(&bytes[..32]);
    let u: Fq = Option::from(Fq::from_bytes(&half))?;
    half.copy_from_slice(&bytes[32..]);
    let v: Fq = Option::from(Fq::from_bytes(&half))?;
    Niels::on_curve(u, v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jubjub::{AffinePoint, ExtendedPoint, Fr};
    use proptest::prelude::*;

    fn ours(point: &ExtendedPoint) -> Niels {
        let affine = AffinePoint::from(point);
        Niels::on_curve(affine.get_u(), affine.get_v()).expect("a point of jubjub is on the curve")
    }

    fn same(a: &Extended, b: &ExtendedPoint) {
        let affine = AffinePoint::from(b);
        assert_eq!(a.to_affine(), (affine.get_u(), affine.get_v()));
    }

    fn any_point() -> impl Strategy<Value = ExtendedPoint> {
        (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(seed, scalar)| {
            let mut wide = [0; 64];
            wide[..32].copy_from_slice(&scalar);
            let mut seed = seed;
            seed[31] &= 0x3f;
            loop {
                let found: Option<AffinePoint> = AffinePoint::from_bytes(seed).into();
                if let Some(point) = found {
                    return point.to_extended() * Fr::from_bytes_wide(&wide);
                }
                seed[0] = seed[0].wrapping_add(1);
            }
        })
    }

    #[test]
    fn d_is_jubjubs() {
        assert_eq!(D * Fq::from(10241), -Fq::from(10240));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn agrees_with_the_jubjub_crate(p in any_point(), q in any_point()) {
            let start = Extended::IDENTITY.add_niels(&ours(&p));
            same(&start, &p);
            same(&start.add_niels(&ours(&q)), &(p + q));
            same(&start.add(&Extended::IDENTITY.add_niels(&ours(&q))), &(p + q));
            same(&start.add_niels(&ours(&q).negated()), &(p - q));
            same(&start.add_niels(&ours(&q).conditional_negate(Choice::from(1))), &(p - q));
            same(&start.add_niels(&ours(&q).conditional_negate(Choice::from(0))), &(p + q));
            same(&start.double(), &p.double());
            same(&start.add(&start), &p.double());
            same(&start.mul_by_cofactor(), &p.mul_by_cofactor());
            same(&start.negated(), &-p);
            assert!(bool::from(start.add(&start.negated()).is_identity()));
        }

        #[test]
        fn encoding_round_trips_and_rejects_other_points(p in any_point(), flip in 0usize..512) {
            let affine = AffinePoint::from(p);
            let mut bytes = point_bytes(&affine.get_u(), &affine.get_v());
            let read = read_point(&bytes).expect("on the curve");
            same(&Extended::IDENTITY.add_niels(&read), &p);
            bytes[flip / 8] ^= 1 << (flip % 8);
            prop_assert!(read_point(&bytes).is_none());
        }
    }
}
