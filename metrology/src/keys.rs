//! Secrets of a pairing: from the exchange to the opening of one commitment.
//!
//! ```text
//! X25519(meter, household) + code ─► k(first day) ─next─► k(d) ─next─► k(d+1) …
//!                                                          └─day─► seed(d) ─► encryption key, openings, blinding
//! ```
//!
//! A delegate receives seeds of the days it may see, never k; erasing a day is deleting its seed. HKDF is RFC 5869
//! with SHA-512. The types here erase themselves when dropped and print as "…"; the
//! hash implementations do not erase their inner state.

use core::fmt;

use bls12_381::Scalar as Fq;
use hkdf::Hkdf;
use jubjub::Fr;
use sha2::{Digest, Sha256, Sha512};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::exchange::expand_shared;
use crate::label::{Register, RegisterCode};

/// Length of every hash and fingerprint.
pub const HASH_BYTES: usize = 32;

/// A 32-byte SHA-256 value.
pub type Hash = [u8; HASH_BYTES];

/// SHA-256 over a purpose and parts of fixed meaning.
#[must_use]
pub fn hash(purpose: &str, parts: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(purpose.as_bytes());
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// The fingerprint of a household's X25519 key; it stands in every header, so a re-pairing is visible.
#[must_use]
pub fn household_fingerprint(public: &[u8; 32]) -> Hash {
    hash("wattseal/v1/household", &[public])
}

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, $bytes:expr) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Takes over the bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes, for storage in a place that is itself protected.
            #[must_use]
            pub fn expose(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

secret!(
    /// The 128-bit code a meter shows on its own display when it is paired.
    PairingCode,
    16
);
secret!(
    /// An X25519 private key, of the meter or of the household.
    AgreementKey,
    32
);
secret!(
    /// k(d), the root of one register from day d on. Ratchets forward only.
    RegisterKey,
    32
);
secret!(
    /// seed(d): all secrets of one register and UTC day.
    DaySeed,
    32
);

impl AgreementKey {
    /// The public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        PublicKey::from(&StaticSecret::from(self.0)).to_bytes()
    }
}

/// A field element that is secret: the opening of a commitment or a blinding word. Erased when dropped.
#[derive(Clone)]
pub struct SecretScalar<T: Copy + Default>(T);

impl<T: Copy + Default> SecretScalar<T> {
    /// Takes over a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for arithmetic.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Copy + Default> Drop for SecretScalar<T> {
    fn drop(&mut self) {
        self.0 = T::default();
        // The curve crates' scalars do not implement `Zeroize`; this keeps the store from being optimised away.
        core::hint::black_box(&mut self.0);
    }
}

impl<T: Copy + Default> fmt::Debug for SecretScalar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretScalar(…)")
    }
}

/// The opening of a Pedersen commitment.
pub type Opening = SecretScalar<Fr>;
/// The blinding word of a day commitment.
pub type Blinding = SecretScalar<Fq>;

/// What both ends of a pairing know about it, bound into its keys.
#[derive(Clone, Copy, Debug)]
pub struct PairingContext<'a> {
    /// Hash of the epoch certificate.
    pub certificate: &'a Hash,
    /// How often the meter has been paired.
    pub counter: u32,
    /// Fingerprint of the household's key.
    pub household: &'a Hash,
}

/// k(first day) of a register. Either end calls this with its own private key and the other's public key.
///
/// `None` when the other key has small order (the shared value would not depend on ours).
#[must_use]
pub fn register_key(
    own: &AgreementKey,
    other: &[u8; 32],
    code: &PairingCode,
    context: &PairingContext<'_>,
    register: &RegisterCode,
    first_day: u32,
) -> Option<RegisterKey> {
    let mut key = RegisterKey([0; 32]);
    let parts: [&[u8]; 6] = [
        b"wattseal/v1/register",
        context.certificate,
        &context.counter.to_le_bytes(),
        context.household,
        &first_day.to_le_bytes(),
        register.as_str().as_bytes(),
    ];
    expand_shared(own, other, code, &parts, &mut key.0)?;
    Some(key)
}

impl RegisterKey {
    /// k(d + 1).
    #[must_use]
    pub fn next(&self) -> Self {
        let mut key = Self([0; 32]);
        expand(&self.0, &[b"wattseal/v1/next"], &mut key.0);
        key
    }

    /// seed(d).
    #[must_use]
    pub fn day_seed(&self) -> DaySeed {
        let mut seed = DaySeed([0; 32]);
        expand(&self.0, &[b"wattseal/v1/day"], &mut seed.0);
        seed
    }
}

impl DaySeed {
    /// The key that encrypts the day's readings to the household.
    pub fn encryption_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        expand(&self.0, &[b"wattseal/v1/encrypt"], &mut key);
        key
    }

    /// The opening of one slot's commitment. The label is complete: register, interval, slot and block.
    #[must_use]
    pub fn slot_opening(&self, register: &Register, slot: u64, block: u64) -> Opening {
        let mut wide = self.labelled("slot", register, slot, block);
        let opening = SecretScalar(Fr::from_bytes_wide(&wide));
        wide.zeroize();
        opening
    }

    /// The opening of a block's residual.
    #[must_use]
    pub fn residual_opening(&self, register: &Register, block: u64) -> Opening {
        let mut wide = self.labelled("residual", register, 0, block);
        let opening = SecretScalar(Fr::from_bytes_wide(&wide));
        wide.zeroize();
        opening
    }

    /// The blinding word of a block's day commitment.
    #[must_use]
    pub fn day_blinding(&self, register: &Register, block: u64) -> Blinding {
        let mut wide = self.labelled("blinding", register, 0, block);
        let blinding = SecretScalar(Fq::from_bytes_wide(&wide));
        wide.zeroize();
        blinding
    }

    /// 512 bits of PRF output: reduced modulo a 252-bit order they are uniform but for 2⁻²⁵⁶.
    fn labelled(&self, purpose: &str, register: &Register, slot: u64, block: u64) -> [u8; 64] {
        let mut wide = [0; 64];
        let code = register.code.as_str().as_bytes();
        let seconds = register.interval.seconds().to_le_bytes();
        let info: [&[u8]; 6] =
            [b"wattseal/v1/", purpose.as_bytes(), &seconds, &slot.to_le_bytes(), &block.to_le_bytes(), code];
        expand(&self.0, &info, &mut wide);
        wide
    }
}

fn expand(key: &[u8; 32], info: &[&[u8]], out: &mut [u8]) {
    // A 32-byte key is long enough for HKDF-Expand only with hashes of at most 32 bytes, so the extract step runs
    // with an empty salt: HKDF(k, info) in the notation of docs/protocol.md.
    let filled = Hkdf::<Sha512>::new(None, key).expand_multi_info(info, out);
    debug_assert!(filled.is_ok(), "HKDF-SHA-512 gives up to 16 320 bytes");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::{Interval, RegisterKind, Text};

    fn register(code: &str, interval: Interval) -> Register {
        Register {
            code: Text::new(code).unwrap(),
            unit: Text::new("Wh").unwrap(),
            kind: RegisterKind::Cumulative,
            interval,
        }
    }

    #[test]
    fn both_ends_agree_and_everything_is_bound() {
        let (meter, home) = (AgreementKey([1; 32]), AgreementKey([2; 32]));
        let (certificate, household) = ([3; 32], household_fingerprint(&home.public()));
        let code = PairingCode([4; 16]);
        let reg = register("1-0:1.8.0", Interval::HALF);
        let context = PairingContext { certificate: &certificate, counter: 1, household: &household };
        let ours = register_key(&meter, &home.public(), &code, &context, &reg.code, 10).unwrap();
        let theirs = register_key(&home, &meter.public(), &code, &context, &reg.code, 10).unwrap();
        assert_eq!(ours.expose(), theirs.expose());

        let export = register("1-0:2.8.0", Interval::HALF);
        let differs = |other: Option<RegisterKey>| assert_ne!(ours.expose(), other.unwrap().expose());
        differs(register_key(&meter, &home.public(), &PairingCode([5; 16]), &context, &reg.code, 10));
        differs(register_key(&meter, &home.public(), &code, &PairingContext { counter: 2, ..context }, &reg.code, 10));
        differs(register_key(
            &meter,
            &home.public(),
            &code,
            &PairingContext { certificate: &[9; 32], ..context },
            &reg.code,
            10,
        ));
        differs(register_key(
            &meter,
            &home.public(),
            &code,
            &PairingContext { household: &[9; 32], ..context },
            &reg.code,
            10,
        ));
        differs(register_key(&meter, &home.public(), &code, &context, &export.code, 10));
        differs(register_key(&meter, &home.public(), &code, &context, &reg.code, 11));
        assert!(register_key(&meter, &[0; 32], &code, &context, &reg.code, 10).is_none(), "small-order key");
    }

    #[test]
    fn openings_depend_on_the_full_label() {
        let seed = RegisterKey([7; 32]).day_seed();
        let half = register("1-0:1.8.0", Interval::HALF);
        let slot_opening =
            |seed: &DaySeed, register: &Register, slot, block| *seed.slot_opening(register, slot, block).expose();
        let base = slot_opening(&seed, &half, 5, 1);
        assert_ne!(base, slot_opening(&seed, &half, 6, 1));
        assert_ne!(base, slot_opening(&seed, &half, 5, 2));
        assert_ne!(base, slot_opening(&seed, &register("1-0:1.8.0", Interval::HOUR), 5, 1));
        assert_ne!(base, slot_opening(&seed, &register("1-0:2.8.0", Interval::HALF), 5, 1));
        assert_ne!(base, slot_opening(&RegisterKey([7; 32]).next().day_seed(), &half, 5, 1));
        assert_ne!(slot_opening(&seed, &half, 0, 1), *seed.residual_opening(&half, 1).expose());
    }

    #[test]
    fn secrets_do_not_print() {
        let text = std::format!("{:?} {:?}", DaySeed([0xab; 32]), PairingCode([0xcd; 16]));
        assert_eq!(text, "DaySeed(…) PairingCode(…)");
    }
}
