//! The service's certificate: issued by the identity key, kept with its own key in one private file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey};
use protocol::metrology::keys::Hash;
use protocol::service::revocation::leaf_hash;
use protocol::service::tls::{ISSUER_NAME, SERVER_NAME};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SignatureAlgorithm,
};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::files::{self, FileError};
use crate::identity::Identity;

/// The certificate and its key, in the home folder.
pub const LEAF_FILE: &str = "tls.leaf";
const LONGEST: usize = 16 << 10;
/// A certificate is good from a little before it is made: clocks of households differ.
const BEFORE: u64 = 3600;

/// Why there is no certificate to work with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is none yet.
    #[error("there is no TLS certificate in {}; `wattseal-provider tls rotate` makes one", .0.display())]
    Missing(PathBuf),
    /// The file is not one.
    #[error("{} is not a TLS certificate with its key, or it is damaged; `wattseal-provider tls rotate` makes a new one", .0.display())]
    Damaged(PathBuf),
    /// Others may read the key.
    #[error("other users may read {}; run `chmod 600` on it", .0.display())]
    Exposed(PathBuf),
    /// A certificate cannot be made.
    #[error("the TLS certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// The TLS library refuses its configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Leaf {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// Its private key, PKCS #8.
    pub(super) key: Zeroizing<Vec<u8>>,
    /// When it was issued, Unix seconds; it is good from a little before.
    pub from: u64,
    /// First Unix second at which it is no longer good.
    pub until: u64,
    /// The identity key that issued it.
    pub issuer: [u8; 32],
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct LeafFile {
    issuer: String,
    from: u64,
    until: u64,
    certificate: String,
    key: String,
}

impl Leaf {
    /// A new certificate for a new key, good for `seconds` from `now` on.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn issue(identity: &Identity, now: u64, seconds: u64) -> Result<Self, TlsError> {
        let until = now.saturating_add(seconds);
        let mut params = CertificateParams::new(vec![SERVER_NAME.to_owned()])?;
        params.distinguished_name = name(SERVER_NAME);
        period(&mut params, now.saturating_sub(BEFORE), until.saturating_sub(1));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate_for(&PKCS_ED25519)?;
        let issuer = Issuer::new(authority(), Authority::of(identity.signer()));
        let certificate = params.signed_by(&key, &issuer)?.der().to_vec();
        let key = Zeroizing::new(key.serialize_der());
        Ok(Self { certificate, key, from: now, until, issuer: identity.provider().key })
    }

    /// The certificate of a home.
    ///
    /// # Errors
    /// When there is none, others may read it, or it is damaged.
    pub fn load(home: &Path) -> Result<Self, TlsError> {
        let path = home.join(LEAF_FILE);
        if !path.try_exists().map_err(FileError::of("read", &path))? {
            return Err(TlsError::Missing(home.to_path_buf()));
        }
        if files::is_exposed(&path).map_err(FileError::of("read", &path))? {
            return Err(TlsError::Exposed(path));
        }
        let bytes = Zeroizing::new(files::read(&path, LONGEST)?);
        let read = || {
            let file: LeafFile = toml::from_str(std::str::from_utf8(&bytes).ok()?).ok()?;
            let mut issuer = [0; 32];
            hex::decode_to_slice(&file.issuer, &mut issuer).ok()?;
            let key = Zeroizing::new(hex::decode(&file.key).ok()?);
            let certificate = hex::decode(&file.certificate).ok()?;
            Some(Self { certificate, key, from: file.from, until: file.until, issuer })
        };
        read().ok_or(TlsError::Damaged(path))
    }

    /// Puts it in its place in the home, for the one that stood there.
    ///
    /// # Errors
    /// When it cannot be written; what stood there still stands.
    pub fn store(&self, home: &Path) -> Result<(), TlsError> {
        let path = home.join(LEAF_FILE);
        let file = LeafFile {
            issuer: hex::encode(self.issuer),
            from: self.from,
            until: self.until,
            certificate: hex::encode(&self.certificate),
            key: hex::encode(&*self.key),
        };
        let text = Zeroizing::new(toml::to_string(&file).map_err(|_| TlsError::Damaged(path.clone()))?);
        Ok(files::write_private(&path, text.as_bytes())?)
    }

    /// Whether it can go on in use at a time: households take it by now, and more than a third of its time is left. One
    /// that begins later was made under a wrong clock.
    #[must_use]
    pub fn serves_at(&self, now: u64) -> bool {
        let begun = self.from.saturating_sub(BEFORE) <= now;
        begun && self.until.saturating_sub(now) > self.span() / 3
    }

    /// Seconds for which it was issued.
    #[must_use]
    pub fn span(&self) -> u64 {
        self.until.saturating_sub(self.from)
    }

    /// What revocation lists call it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        leaf_hash(&self.certificate)
    }
}

/// The self-signed certificate of the identity key as PEM, for tools that want a root.
///
/// # Errors
/// When it cannot be made.
pub fn root(identity: &Identity, now: u64) -> Result<String, TlsError> {
    let mut params = authority();
    period(&mut params, now.saturating_sub(BEFORE), now.saturating_add(3650 * 86_400));
    Ok(params.self_signed(&Authority::of(identity.signer()))?.pem())
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(ISSUER_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn period(params: &mut CertificateParams, from: u64, last: u64) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    (params.not_before, params.not_after) = (epoch + Duration::from_secs(from), epoch + Duration::from_secs(last));
}

fn name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

/// The identity key as an issuer of certificates.
struct Authority<'a> {
    key: &'a SigningKey,
    public: [u8; 32],
}

impl<'a> Authority<'a> {
    fn of(key: &'a SigningKey) -> Self {
        Self { key, public: key.verifying_key().to_bytes() }
    }
}

impl PublicKeyData for Authority<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl rcgen::SigningKey for Authority<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.key.sign(message).to_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_serves_in_its_own_time_until_its_last_third() {
        const DAY: u64 = 86_400;
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::create(folder.path(), Some("Fern")).unwrap();
        let now = 1_800_000_000;
        for days in [2, 7, 30, 90, 397] {
            let leaf = Leaf::issue(&identity, now, days * DAY).unwrap();
            leaf.store(folder.path()).unwrap();
            let leaf = Leaf::load(folder.path()).unwrap();
            assert_eq!((leaf.from, leaf.span()), (now, days * DAY));
            assert!(leaf.serves_at(now) && leaf.serves_at(now + days * DAY / 2), "{days} days");
            assert!(!leaf.serves_at(now + days * DAY * 2 / 3) && !leaf.serves_at(now + days * DAY), "{days} days");
            // Made while the clock was ahead: no household takes it now.
            assert!(leaf.serves_at(now - BEFORE) && !leaf.serves_at(now - BEFORE - 1));
        }
    }
}
