//! Pairing over a line: both ends, as pure steps.
//!
//! The person presses the meter's button, reads the code on its display and types it in at home. The meter shows first
//! that it knows the code, then the household does, and only then does the meter start keys for the new household. Whoever
//! relays the exchange with keys of his own fails at the first step ([`metrology::exchange`]). A certificate chain that
//! the line showed is bound by its last hash: a false meter would have to know the code on the true one's display.

use metrology::exchange::{Confirmation, Course, End, NONCE_BYTES, confirmation};
use metrology::keys::{AgreementKey, Hash, PairingCode, PairingContext, household_fingerprint};

use super::{AskPairing, ConfirmPairing, Offer};
use crate::certificate::{VerifiedCertificate, follows};
use crate::pairing::Pairing;

/// Why a pairing stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The offer rests on another certificate than the newest that was shown.
    #[error("the meter's offer rests on a certificate it did not show; ask it again")]
    OtherCertificate,
    /// The certificates do not follow each other from the first epoch on.
    #[error("the meter's certificates do not follow each other; this is not the line of one honest meter")]
    BrokenEpochs,
    /// The meter's proof does not fit the code.
    #[error(
        "the code does not fit this meter: compare it with the meter's display. If it is right, somebody sits on the \
         line between; do not pair"
    )]
    WrongCode,
    /// The meter's key is unusable.
    #[error("the meter's key is not usable; tell its operator")]
    BadKey,
}

/// The household's end, from the question to the confirmation.
#[derive(Clone, Debug)]
pub struct Asking {
    key: AgreementKey,
    nonce: [u8; NONCE_BYTES],
}

impl Asking {
    /// Begins with a fresh key and nonce.
    #[must_use]
    pub fn new(key: AgreementKey, nonce: [u8; NONCE_BYTES]) -> Self {
        Self { key, nonce }
    }

    /// What is sent first.
    #[must_use]
    pub fn ask(&self) -> AskPairing {
        AskPairing { household: self.key.public(), nonce: self.nonce }
    }

    /// Checks the meter's offer against the code that was typed in; gives what is sent and what is kept. The pairing is
    /// worth something only when the meter has answered the confirmation.
    ///
    /// # Errors
    /// See [`HandshakeError`]; nothing is sent then.
    pub fn confirm(
        &self,
        offer: &Offer,
        certificates: &[VerifiedCertificate],
        code: &PairingCode,
    ) -> Result<(ConfirmPairing, Pairing), HandshakeError> {
        let linked = certificates.windows(2).all(|pair| matches!(pair, [a, b] if follows(a, b)));
        let begins = certificates.first().is_some_and(|first| first.certificate.epoch == 0);
        if !linked || !begins {
            return Err(HandshakeError::BrokenEpochs);
        }
        let Some(epoch) = certificates.last().filter(|last| last.hash == offer.certificate) else {
            return Err(HandshakeError::OtherCertificate);
        };
        let household = household_fingerprint(&self.key.public());
        let course = course(&offer.certificate, offer.counter, &household, self.nonce, offer.nonce);
        let tag = |end| confirmation(&self.key, &epoch.certificate.agreement_key, code, &course, end);
        if !tag(End::Meter).ok_or(HandshakeError::BadKey)?.matches(&offer.tag) {
            return Err(HandshakeError::WrongCode);
        }
        let ours = tag(End::Household).ok_or(HandshakeError::BadKey)?;
        let pairing = Pairing {
            counter: offer.counter,
            household_key: self.key.clone(),
            code: code.clone(),
            certificates: certificates.to_vec(),
        };
        Ok((ConfirmPairing { counter: offer.counter, tag: *ours.as_bytes() }, pairing))
    }
}

/// The meter's end, between its offer and the household's confirmation.
#[derive(Clone, Debug)]
pub struct Offering {
    /// Number of the pairing.
    pub counter: u32,
    /// The household's public key.
    pub household: [u8; 32],
    expected: Confirmation,
}

impl Offering {
    /// Answers a question under the current epoch's certificate; gives what is sent. `None` when the household's key is
    /// not usable.
    #[must_use]
    pub fn new(
        agreement: &AgreementKey,
        certificate: &Hash,
        counter: u32,
        code: &PairingCode,
        ask: &AskPairing,
        nonce: [u8; NONCE_BYTES],
    ) -> Option<(Self, Offer)> {
        let household = household_fingerprint(&ask.household);
        let course = course(certificate, counter, &household, ask.nonce, nonce);
        let tag = |end| confirmation(agreement, &ask.household, code, &course, end);
        let offer = Offer { certificate: *certificate, counter, nonce, tag: *tag(End::Meter)?.as_bytes() };
        Some((Self { counter, household: ask.household, expected: tag(End::Household)? }, offer))
    }

    /// Whether the confirmation shows that the household knows the code.
    #[must_use]
    pub fn accepts(&self, confirmation: &ConfirmPairing) -> bool {
        confirmation.counter == self.counter && self.expected.matches(&confirmation.tag)
    }
}

fn course<'a>(
    certificate: &'a Hash,
    counter: u32,
    household: &'a Hash,
    household_nonce: [u8; NONCE_BYTES],
    meter_nonce: [u8; NONCE_BYTES],
) -> Course<'a> {
    Course { context: PairingContext { certificate, counter, household }, household_nonce, meter_nonce }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use metrology::certificate::{Certificate, SealClass};
    use metrology::cose::public_key;
    use metrology::label::MeterId;

    struct Meter {
        agreement: AgreementKey,
        certificate: VerifiedCertificate,
    }

    fn meter(seed: u8) -> Meter {
        let identity = SigningKey::from_bytes(&[seed; 32]);
        let agreement = AgreementKey::from_bytes([seed.wrapping_add(1); 32]);
        let certificate = Certificate {
            meter: MeterId::new("M").unwrap(),
            class: SealClass::Certified,
            identity_key: public_key(&identity),
            epoch: 0,
            signing_key: public_key(&SigningKey::from_bytes(&[seed.wrapping_add(2); 32])),
            agreement_key: agreement.public(),
            first: 0,
            previous: None,
            heads: &[],
        };
        let message = certificate.sign(&identity).unwrap();
        Meter { agreement, certificate: VerifiedCertificate::read(message.as_slice()).unwrap() }
    }

    fn code(byte: u8) -> PairingCode {
        PairingCode::from_bytes([byte; 16])
    }

    #[test]
    fn a_code_read_off_the_display_pairs() {
        let meter = meter(10);
        let home = Asking::new(AgreementKey::from_bytes([77; 32]), [1; 16]);
        let (offering, offer) =
            Offering::new(&meter.agreement, &meter.certificate.hash, 3, &code(5), &home.ask(), [2; 16]).unwrap();
        let chain = [meter.certificate.clone()];
        let (confirmation, pairing) = home.confirm(&offer, &chain, &code(5)).unwrap();
        assert!(offering.accepts(&confirmation));
        assert_eq!((pairing.counter, pairing.household()), (3, household_fingerprint(&offering.household)));

        assert_eq!(home.confirm(&offer, &chain, &code(6)).unwrap_err(), HandshakeError::WrongCode);
        let mut wrong = confirmation.clone();
        wrong.tag[0] ^= 1;
        assert!(!offering.accepts(&wrong) && !offering.accepts(&ConfirmPairing { counter: 4, ..confirmation }));
    }

    #[test]
    fn a_middleman_fails_whatever_he_replaces() {
        let (meter, middle) = (meter(10), meter(40));
        let home = Asking::new(AgreementKey::from_bytes([77; 32]), [1; 16]);
        let chain = [meter.certificate.clone()];
        // He asks the meter with a key of his own and relays its offer.
        let his = Asking::new(AgreementKey::from_bytes([99; 32]), [1; 16]);
        let (_, relayed) =
            Offering::new(&meter.agreement, &meter.certificate.hash, 1, &code(5), &his.ask(), [2; 16]).unwrap();
        assert_eq!(home.confirm(&relayed, &chain, &code(5)).unwrap_err(), HandshakeError::WrongCode);
        // He plays a meter of his own; he does not know the code.
        let (_, forged) =
            Offering::new(&middle.agreement, &middle.certificate.hash, 1, &code(0), &home.ask(), [2; 16]).unwrap();
        let his_chain = [middle.certificate.clone()];
        assert_eq!(home.confirm(&forged, &his_chain, &code(5)).unwrap_err(), HandshakeError::WrongCode);
        assert_eq!(home.confirm(&forged, &chain, &code(5)).unwrap_err(), HandshakeError::OtherCertificate);
        assert_eq!(home.confirm(&forged, &[], &code(5)).unwrap_err(), HandshakeError::BrokenEpochs);
        // He changes any part of an honest offer.
        let (_, honest) =
            Offering::new(&meter.agreement, &meter.certificate.hash, 1, &code(5), &home.ask(), [2; 16]).unwrap();
        for changed in [
            Offer { counter: 2, ..honest.clone() },
            Offer { nonce: [3; 16], ..honest.clone() },
            Offer { tag: [0; 32], ..honest.clone() },
        ] {
            assert_eq!(home.confirm(&changed, &chain, &code(5)).unwrap_err(), HandshakeError::WrongCode);
        }
        let small = AskPairing { household: [0; 32], nonce: [0; 16] };
        assert!(Offering::new(&meter.agreement, &meter.certificate.hash, 1, &code(5), &small, [2; 16]).is_none());
    }
}
