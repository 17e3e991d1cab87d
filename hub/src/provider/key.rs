//! The household's TLS key: Ed25519 in a self-signed certificate that says nothing but the key.

use ed25519_dalek::{Signer, SigningKey};
use protocol::service::key::NextKey;
use protocol::service::tls::HOUSEHOLD_NAME;
use rcgen::{CertificateParams, DistinguishedName, DnType, PKCS_ED25519, PublicKeyData, SignatureAlgorithm};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::error::ProviderError;

/// What stands before the seed in a PKCS #8 document of an Ed25519 key (RFC 8410).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The key. It is the caller's to keep secret and to store; a provider pins its public half.
#[derive(Clone)]
pub struct ClientKey(SigningKey);

impl std::fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientKey(…)")
    }
}

impl ClientKey {
    /// A new key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, ProviderError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| ProviderError::NoRandomness)?;
        Ok(Self::from_seed(&seed))
    }

    /// The key of a stored seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed, to be stored. It is secret.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// The request to accept this key as the next one.
    pub(super) fn as_next(&self, provider: [u8; 32], present: [u8; 32]) -> Vec<u8> {
        NextKey::sign(provider, present, &self.0)
    }

    /// The certificate with its key. Its dates and name are the same for every household: it tells them apart by
    /// nothing but the key.
    pub(super) fn certificate(&self) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), ProviderError> {
        let make = || {
            let mut params = CertificateParams::new(Vec::new())?;
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, HOUSEHOLD_NAME);
            (params.not_before, params.not_after) =
                (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(9999, 12, 31));
            let subject = Subject { key: &self.0, public: self.public() };
            Ok::<_, rcgen::Error>(params.self_signed(&subject)?.der().clone())
        };
        let certificate = make().map_err(|error| ProviderError::Setup(error.to_string()))?;
        let document = [&PKCS8_PREFIX[..], self.seed().as_slice()].concat();
        Ok((certificate, PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(document))))
    }
}

struct Subject<'a> {
    key: &'a SigningKey,
    public: [u8; 32],
}

impl PublicKeyData for Subject<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl rcgen::SigningKey for Subject<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.key.sign(message).to_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_shows_its_key_and_nothing_of_the_household() {
        let (one, two) = (ClientKey::from_seed(&[1; 32]), ClientKey::from_seed(&[2; 32]));
        assert_eq!(one.seed().as_slice(), &[1; 32]);
        let ((first, _), (second, _)) = (one.certificate().unwrap(), two.certificate().unwrap());
        assert!(first.windows(32).any(|w| w == one.public()));
        assert_eq!(first.len(), second.len());
        assert!(!format!("{one:?}").contains("01"));
    }
}
