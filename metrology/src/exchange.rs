//! What a meter and a household derive from their exchange besides register keys: proof at a pairing that both know the
//! code, and the key of a live session.
//!
//! A bare X25519 exchange would hand everything to whoever sits on the line. Here the shared value is mixed with the
//! 128-bit code that the meter shows on its own display, and both ends show that they know it before the meter starts
//! keys for the new household. Whoever relays the exchange with keys of his own fails the first comparison, and learns
//! nothing that a guess at the code could be tried against in less than 2¹²⁸ steps.

use hkdf::Hkdf;
use sha2::Sha512;
use subtle::ConstantTimeEq;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::keys::{AgreementKey, Hash, PairingCode, PairingContext, hash};

/// Bytes of a nonce of the line.
pub const NONCE_BYTES: usize = 16;

/// The public course of an exchange: what both ends saw.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    /// Certificate, counter and household.
    pub context: PairingContext<'a>,
    /// The household's nonce.
    pub household_nonce: [u8; NONCE_BYTES],
    /// The meter's nonce.
    pub meter_nonce: [u8; NONCE_BYTES],
}

impl Course<'_> {
    fn digest(&self) -> Hash {
        hash(
            "wattseal/v1/exchange",
            &[
                self.context.certificate,
                &self.context.counter.to_le_bytes(),
                self.context.household,
                &self.household_nonce,
                &self.meter_nonce,
            ],
        )
    }
}

/// Which end speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The meter.
    Meter,
    /// The household.
    Household,
}

/// One end's proof that it holds its key and knows the code.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Confirmation([u8; 32]);

impl Confirmation {
    /// The bytes that are sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the other end sent this, in constant time.
    #[must_use]
    pub fn matches(&self, sent: &[u8; 32]) -> bool {
        bool::from(self.0.ct_eq(sent))
    }
}

/// The key that current readings travel under in one session; both ends' nonces make it new each time.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct LiveKey([u8; 32]);

impl LiveKey {
    /// The bytes, for the cipher.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl core::fmt::Debug for LiveKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("LiveKey(…)")
    }
}

impl core::fmt::Debug for Confirmation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Confirmation(…)")
    }
}

/// What `end` sends to show that it knows the code. Either end computes both. `None` when the other key is of small
/// order.
#[must_use]
pub fn confirmation(
    own: &AgreementKey,
    other: &[u8; 32],
    code: &PairingCode,
    course: &Course<'_>,
    end: End,
) -> Option<Confirmation> {
    let label: &[u8] = match end {
        End::Meter => b"wattseal/v1/confirm/meter",
        End::Household => b"wattseal/v1/confirm/household",
    };
    let mut tag = Confirmation([0; 32]);
    expand_shared(own, other, code, &[label, &course.digest()], &mut tag.0)?;
    Some(tag)
}

/// The key of a live session. `None` when the other key is of small order.
#[must_use]
pub fn live_key(own: &AgreementKey, other: &[u8; 32], code: &PairingCode, course: &Course<'_>) -> Option<LiveKey> {
    let mut key = LiveKey([0; 32]);
    expand_shared(own, other, code, &[b"wattseal/v1/live", &course.digest()], &mut key.0)?;
    Some(key)
}

/// HKDF-SHA-512 over the shared value with the code as salt.
pub(crate) fn expand_shared(
    own: &AgreementKey,
    other: &[u8; 32],
    code: &PairingCode,
    info: &[&[u8]],
    out: &mut [u8; 32],
) -> Option<()> {
    let other = PublicKey::from(*other);
    // The other key alone decides this: the clamped zero, 2²⁵⁴, sends the same points to zero as every clamped scalar,
    // and asking it keeps the branch away from our key.
    if !StaticSecret::from([0; 32]).diffie_hellman(&other).was_contributory() {
        return None;
    }
    let shared = StaticSecret::from(*own.expose()).diffie_hellman(&other);
    let pairing = Hkdf::<Sha512>::new(Some(code.expose()), shared.as_bytes());
    // 32 bytes is far below HKDF's limit; expansion cannot fail.
    pairing.expand_multi_info(info, out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::household_fingerprint;

    fn ends() -> (AgreementKey, AgreementKey, PairingCode) {
        (AgreementKey::from_bytes([1; 32]), AgreementKey::from_bytes([2; 32]), PairingCode::from_bytes([3; 16]))
    }

    #[test]
    fn both_ends_agree_and_all_of_the_course_is_bound() {
        let (meter, home, code) = ends();
        let household = household_fingerprint(&home.public());
        let context = PairingContext { certificate: &[5; 32], counter: 2, household: &household };
        let course = Course { context, household_nonce: [6; 16], meter_nonce: [7; 16] };
        let ours = confirmation(&meter, &home.public(), &code, &course, End::Meter).unwrap();
        let theirs = confirmation(&home, &meter.public(), &code, &course, End::Meter).unwrap();
        assert!(ours.matches(theirs.as_bytes()));
        let live = live_key(&meter, &home.public(), &code, &course).unwrap();
        assert_eq!(live.expose(), live_key(&home, &meter.public(), &code, &course).unwrap().expose());
        assert_ne!(live.expose(), ours.as_bytes());

        let differs = |code: &PairingCode, course: &Course<'_>, end| {
            assert!(!ours.matches(confirmation(&home, &meter.public(), code, course, end).unwrap().as_bytes()));
        };
        differs(&code, &course, End::Household);
        differs(&PairingCode::from_bytes([4; 16]), &course, End::Meter);
        differs(&code, &Course { household_nonce: [0; 16], ..course }, End::Meter);
        differs(&code, &Course { meter_nonce: [0; 16], ..course }, End::Meter);
        for context in [
            PairingContext { certificate: &[0; 32], ..context },
            PairingContext { counter: 3, ..context },
            PairingContext { household: &[0; 32], ..context },
        ] {
            differs(&code, &Course { context, ..course }, End::Meter);
        }
    }

    #[test]
    fn whoever_relays_with_keys_of_his_own_is_noticed() {
        let (meter, home, code) = ends();
        let middle = AgreementKey::from_bytes([9; 32]);
        let household = household_fingerprint(&home.public());
        let context = PairingContext { certificate: &[5; 32], counter: 1, household: &household };
        let course = Course { context, household_nonce: [6; 16], meter_nonce: [7; 16] };
        // The meter talks to the one in the middle; the home expects the certificate's key.
        let sent = confirmation(&meter, &middle.public(), &code, &course, End::Meter).unwrap();
        assert!(!confirmation(&home, &meter.public(), &code, &course, End::Meter).unwrap().matches(sent.as_bytes()));
        assert!(confirmation(&meter, &[0; 32], &code, &course, End::Meter).is_none(), "small-order key");
    }
}
