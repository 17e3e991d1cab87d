//! Whether a record's signature fits: ECDSA with SHA-256 on the seven curves of the specification.

#![deny(clippy::indexing_slicing)]

use ecdsa::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use ecdsa::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytes, FieldBytesSize};
use ecdsa::signature::hazmat::PrehashVerifier;
use ecdsa::{EcdsaCurve, Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use super::{der, small};

/// A curve of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// secp192k1.
    Secp192k1,
    /// secp256k1.
    Secp256k1,
    /// secp192r1, NIST P-192.
    Secp192r1,
    /// secp256r1, NIST P-256: the curve of a record that names none.
    Secp256r1,
    /// brainpoolP256r1.
    BrainpoolP256r1,
    /// secp384r1, NIST P-384.
    Secp384r1,
    /// brainpoolP384r1.
    BrainpoolP384r1,
}

impl Curve {
    /// The curve of an algorithm as a record names it. `None` for algorithms that the specification does not know.
    pub(super) fn of_algorithm(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        match name.strip_prefix("ecdsa-")?.strip_suffix("-sha256")? {
            "secp192k1" => Some(Self::Secp192k1),
            "secp256k1" => Some(Self::Secp256k1),
            "secp192r1" => Some(Self::Secp192r1),
            "secp256r1" => Some(Self::Secp256r1),
            // The specification prints the name in several ways.
            "brainpoolp256r1" | "brainpool256r1" | "brainpool256r11" | "brainpoolp256r11" => {
                Some(Self::BrainpoolP256r1)
            }
            "secp384r1" => Some(Self::Secp384r1),
            "brainpoolp384r1" | "brainpool384r1" | "brainpool384r11" | "brainpoolp384r11" => {
                Some(Self::BrainpoolP384r1)
            }
            _ => None,
        }
    }

    fn of_object(object: &[u8]) -> Option<Self> {
        match object {
            [0x2b, 0x81, 0x04, 0x00, 0x1f] => Some(Self::Secp192k1),
            [0x2b, 0x81, 0x04, 0x00, 0x0a] => Some(Self::Secp256k1),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01] => Some(Self::Secp192r1),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => Some(Self::Secp256r1),
            [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07] => Some(Self::BrainpoolP256r1),
            [0x2b, 0x81, 0x04, 0x00, 0x22] => Some(Self::Secp384r1),
            [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0b] => Some(Self::BrainpoolP384r1),
            _ => None,
        }
    }

    /// Bytes of a coordinate.
    const fn width(self) -> usize {
        match self {
            Self::Secp192k1 | Self::Secp192r1 => 24,
            Self::Secp256k1 | Self::Secp256r1 | Self::BrainpoolP256r1 => 32,
            Self::Secp384r1 | Self::BrainpoolP384r1 => 48,
        }
    }
}

/// The key with which a station's records are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The curve, where the key names it.
    curve: Option<Curve>,
    /// The point, as SEC 1 writes it.
    point: Vec<u8>,
}

/// Why a text is no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Neither hexadecimal digits nor base64.
    #[error("the public key is written in neither hexadecimal digits nor base64; copy it anew")]
    Text,
    /// No SubjectPublicKeyInfo and no point.
    #[error("this is no public key of an elliptic curve; give the one printed on the charging station")]
    Shape,
    /// A key of a curve that records are not signed with.
    #[error("this public key is of a curve that the OCMF specification does not have")]
    Curve,
}

impl PublicKey {
    /// Reads a key in hexadecimal digits, base64 or PEM: a SubjectPublicKeyInfo or a bare point.
    ///
    /// # Errors
    /// [`PublicKeyError`] when it is none.
    pub fn from_text(text: &str) -> Result<Self, PublicKeyError> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("-----"));
        let bytes = der::bytes_of(&lines.collect::<String>()).ok_or(PublicKeyError::Text)?;
        Self::from_bytes(&bytes)
    }

    /// Reads a SubjectPublicKeyInfo or a bare point.
    ///
    /// # Errors
    /// [`PublicKeyError`] when it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PublicKeyError> {
        if let Some((object, point)) = der::public_key(bytes) {
            let curve = Curve::of_object(object).ok_or(PublicKeyError::Curve)?;
            return Ok(Self { curve: Some(curve), point: point.to_vec() });
        }
        match (bytes, bytes.len()) {
            ([4, ..], 49 | 65 | 97) | ([2 | 3, ..], 25 | 33 | 49) => Ok(Self { curve: None, point: bytes.to_vec() }),
            // Both coordinates without the byte that says so.
            (_, 48 | 64 | 96) => Ok(Self { curve: None, point: [&[4], bytes].concat() }),
            _ => Err(PublicKeyError::Shape),
        }
    }

    /// The curve, where the key itself names it.
    #[must_use]
    pub const fn curve(&self) -> Option<Curve> {
        self.curve
    }
}

/// What a check of a signature gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It fits: the holder of the private key signed just these bytes.
    Fits,
    /// It does not fit.
    DoesNotFit,
    /// It could not be checked.
    Unchecked(Unchecked),
}

impl Verdict {
    /// True, false, or nothing where it could not be checked.
    #[must_use]
    pub const fn fits(self) -> Option<bool> {
        match self {
            Self::Fits => Some(true),
            Self::DoesNotFit => Some(false),
            Self::Unchecked(_) => None,
        }
    }
}

/// Why a signature could not be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unchecked {
    /// No key was given.
    #[error("no public key was given; it is printed on the charging station")]
    NoKey,
    /// The record names an algorithm that the specification does not have.
    #[error("the record names a way of signing that the OCMF specification does not have")]
    Algorithm,
    /// The record holds no signature, or one in neither hexadecimal digits nor base64.
    #[error("the record's signature is missing or not written as the OCMF specification demands")]
    Signature,
    /// The key is no point of the curve.
    #[error("the public key is no point of the curve that the record is signed on; copy it anew")]
    KeyPoint,
}

/// Checks the signature of a payload. `algorithm` is what the record says, if it says it.
pub(super) fn check(
    payload: &[u8],
    signed: Option<&[u8]>,
    algorithm: Option<&str>,
    key: Option<&PublicKey>,
) -> Verdict {
    let Some(signed) = signed.filter(|signed| !signed.is_empty()) else {
        return Verdict::Unchecked(Unchecked::Signature);
    };
    let named = match algorithm.map(Curve::of_algorithm) {
        Some(None) => return Verdict::Unchecked(Unchecked::Algorithm),
        named => named.flatten(),
    };
    let Some(key) = key else { return Verdict::Unchecked(Unchecked::NoKey) };
    let curve = named.or(key.curve).unwrap_or(Curve::Secp256r1);
    if key.curve.is_some_and(|own| own != curve) {
        return Verdict::DoesNotFit;
    }
    let digest = Sha256::digest(payload);
    let fits = match curve {
        Curve::Secp192k1 => fits::<small::k1::Secp192k1>(curve, key, &digest, signed),
        Curve::Secp256k1 => fits::<k256::Secp256k1>(curve, key, &digest, signed),
        Curve::Secp192r1 => fits::<small::r1::Secp192r1>(curve, key, &digest, signed),
        Curve::Secp256r1 => fits::<p256::NistP256>(curve, key, &digest, signed),
        Curve::BrainpoolP256r1 => fits::<bp256::BrainpoolP256r1>(curve, key, &digest, signed),
        Curve::Secp384r1 => fits::<p384::NistP384>(curve, key, &digest, signed),
        Curve::BrainpoolP384r1 => fits::<bp384::BrainpoolP384r1>(curve, key, &digest, signed),
    };
    match fits {
        Some(true) => Verdict::Fits,
        Some(false) => Verdict::DoesNotFit,
        None => Verdict::Unchecked(Unchecked::KeyPoint),
    }
}

/// Whether the signature fits; `None` when the key is no point of the curve.
fn fits<C>(curve: Curve, key: &PublicKey, digest: &[u8], signed: &[u8]) -> Option<bool>
where
    C: EcdsaCurve + CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let key = VerifyingKey::<C>::from_sec1_bytes(&key.point).ok()?;
    // DER, or both numbers in full width one behind the other.
    let numbers = der::signature(signed)
        .or_else(|| signed.split_at_checked(curve.width()).filter(|(_, s)| s.len() == curve.width()));
    let signature = numbers.and_then(|(r, s)| Signature::<C>::from_scalars(number::<C>(r)?, number::<C>(s)?).ok());
    // Some curves' crates take only the smaller of the two numbers that both fit.
    Some(signature.is_some_and(|signature| key.verify_prehash(digest, &signature.normalize_s()).is_ok()))
}

fn number<C: EcdsaCurve>(bytes: &[u8]) -> Option<FieldBytes<C>> {
    let bytes = der::magnitude(bytes);
    let mut number = FieldBytes::<C>::default();
    let begin = number.len().checked_sub(bytes.len())?;
    number.iter_mut().skip(begin).zip(bytes).for_each(|(to, from)| *to = *from);
    Some(number)
}
