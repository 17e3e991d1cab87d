//! The pairing file of a meter that has no display and no line: what the household needs to read its blocks.
//!
//! A live meter exchanges keys over its line and shows the code on its display; a file-based meter makes the
//! household's key pair itself and writes both here (mode 0600). Whoever holds this file can read the readings.

use metrology::keys::{
    AgreementKey, Hash, PairingCode, PairingContext, RegisterKey, hash, household_fingerprint, register_key,
};
use metrology::label::{DAY_SECONDS, RegisterCode};
use minicbor::{Decode, Encode, bytes::ByteVec};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::certificate::VerifiedCertificate;
use crate::wire::{self, WireError};

const KIND: &str = "wattseal/pairing";
const WHAT: &str = "pairing file";

#[derive(Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(array)]
struct File {
    #[n(0)]
    kind: String,
    #[n(1)]
    version: u8,
    #[n(2)]
    counter: u32,
    #[cbor(n(3), with = "minicbor::bytes")]
    household_key: [u8; 32],
    #[cbor(n(4), with = "minicbor::bytes")]
    code: [u8; 16],
    #[n(5)]
    #[zeroize(skip)]
    certificates: Vec<ByteVec>,
    /// Start of a hash over the rest, so that a damaged key is noticed before it is used.
    #[cbor(n(6), with = "minicbor::bytes")]
    check: [u8; 8],
}

impl File {
    fn checksum(&self) -> [u8; 8] {
        let mut bytes = Zeroizing::new(Vec::new());
        for certificate in &self.certificates {
            bytes.extend_from_slice(&hash("wattseal/v1/pairing-part", &[certificate]));
        }
        let whole =
            hash("wattseal/v1/pairing-check", &[&self.counter.to_le_bytes(), &self.household_key, &self.code, &bytes]);
        let mut check = [0; 8];
        check.copy_from_slice(&whole[..8]);
        check
    }
}

/// One end of a pairing: the household's.
#[derive(Clone, Debug)]
pub struct Pairing {
    /// How often the meter has been paired.
    pub counter: u32,
    /// The household's private key.
    pub household_key: AgreementKey,
    /// The code the meter showed.
    pub code: PairingCode,
    /// The meter's certificates, oldest first, as they stood at the pairing.
    pub certificates: Vec<VerifiedCertificate>,
}

impl Pairing {
    /// Fingerprint of the household's key, as it stands in headers.
    #[must_use]
    pub fn household(&self) -> Hash {
        household_fingerprint(&self.household_key.public())
    }

    /// The day an epoch's keys start from and k(that day) of a register: the ratchet of every register starts at the
    /// first day the epoch's certificate covers, so either end can find it without having seen the first block.
    ///
    /// `None` when the certificate's key is not usable.
    #[must_use]
    pub fn register_key(&self, epoch: &VerifiedCertificate, register: &RegisterCode) -> Option<(u32, RegisterKey)> {
        let household = self.household();
        let context = PairingContext { certificate: &epoch.hash, counter: self.counter, household: &household };
        let day = u32::try_from(epoch.certificate.first / DAY_SECONDS).ok()?;
        let key =
            register_key(&self.household_key, &epoch.certificate.agreement_key, &self.code, &context, register, day)?;
        Some((day, key))
    }

    /// The file's bytes. They are secret.
    #[must_use]
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        let mut file = File {
            kind: KIND.into(),
            version: metrology::VERSION,
            counter: self.counter,
            household_key: *self.household_key.expose(),
            code: *self.code.expose(),
            certificates: self.certificates.iter().map(|c| c.message.clone().into()).collect(),
            check: [0; 8],
        };
        file.check = file.checksum();
        wire::encode_secret(&file)
    }

    /// Reads a pairing file.
    ///
    /// # Errors
    /// When it is not one, or a certificate in it is wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        wire::expect(bytes, KIND, WHAT)?;
        let file: File = wire::decode_secret(bytes, WHAT)?;
        if file.check != file.checksum() {
            return Err(WireError::Malformed(WHAT));
        }
        let certificates: Vec<_> =
            file.certificates.iter().map(|m| VerifiedCertificate::read(m)).collect::<Result<_, _>>()?;
        let linked = certificates.windows(2).all(|w| matches!(w, [a, b] if crate::certificate::follows(a, b)));
        if certificates.is_empty() || !linked {
            return Err(WireError::NotCanonical(WHAT));
        }
        Ok(Self {
            counter: file.counter,
            household_key: AgreementKey::from_bytes(file.household_key),
            code: PairingCode::from_bytes(file.code),
            certificates,
        })
    }
}
