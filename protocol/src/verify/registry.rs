//! Which meters a verifier knows. Keys come from here or from a pairing, never from the package.

use std::collections::{BTreeMap, BTreeSet};

use metrology::keys::Hash;

use super::refusal::Refusal;
use crate::certificate::VerifiedCertificate;

/// The meters a verifier trusts to be what they say they are.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    identities: BTreeSet<[u8; 32]>,
    epochs: BTreeMap<([u8; 32], u32), Hash>,
}

impl Registry {
    /// Lists a meter by its certificates.
    pub fn list(&mut self, certificates: &[VerifiedCertificate]) {
        for entry in certificates {
            let certificate = &entry.certificate;
            self.identities.insert(certificate.identity_key);
            self.epochs.insert((certificate.identity_key, certificate.epoch), entry.hash);
        }
    }

    /// Whether no meter is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }

    /// Whether a certificate is vouched for: a listed epoch as it is, or a later one by the same identity key.
    ///
    /// # Errors
    /// When the registry is not empty and the meter is not in it, or lists another certificate for the epoch.
    pub(crate) fn attests(&self, entry: &VerifiedCertificate) -> Result<bool, Refusal> {
        if self.is_empty() {
            return Ok(false);
        }
        let certificate = &entry.certificate;
        if !self.identities.contains(&certificate.identity_key) {
            return Err(Refusal::UnknownMeter);
        }
        let listed = |epoch| self.epochs.get(&(certificate.identity_key, epoch));
        match listed(certificate.epoch) {
            Some(known) if *known != entry.hash => Err(Refusal::ForkedEpoch),
            Some(_) => Ok(true),
            // An epoch before the first listed one was never vouched for.
            None if (0..certificate.epoch).any(|epoch| listed(epoch).is_some()) => Ok(true),
            None => Err(Refusal::UnknownCertificate),
        }
    }
}
