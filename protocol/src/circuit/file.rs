//! A circuit as a file: what a verifier has to trust, and nothing that a prover needs beyond it.
//!
//! ```text
//! "wattseal-circuit\0" ‖ version 1 ‖ demonstration ‖ length and name of the profile ‖ circuit hash (32) ‖ origin (32)
//! ‖ α₁ (96) β₂ γ₂ δ₂ (192 each) ‖ ic (count u32, points of 96) ‖ SHA-256 of all before (32)
//! ```

use sha2::{Digest, Sha256};

use super::{CircuitKey, Profile};
use crate::groth16::reader::{Reader, count};
use crate::groth16::{Parameters, ParametersError, VerifyingKey};

const MAGIC: &[u8; 17] = b"wattseal-circuit\0";
const VERSION: u8 = 1;

/// Why a circuit's file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CircuitFileError {
    /// Not such a file, cut, damaged, or with a wrong point.
    #[error("this is no circuit's file, or it is damaged: {0}")]
    Points(#[from] ParametersError),
    /// A name that is not in the catalogue.
    #[error("this program knows no circuit {0:?}; update it")]
    Unknown(String),
    /// Another constraint system under a known name.
    #[error("the file is for another {0} than this program's; one of the two is older. Nothing is proved with it")]
    OtherSystem(&'static str),
}

impl CircuitKey {
    /// The verifier's part of parameters.
    ///
    /// # Errors
    /// When they are for another constraint system.
    pub fn of(profile: Profile, parameters: &Parameters) -> Result<Self, CircuitFileError> {
        let fits = parameters.circuit == profile.pin().hash && parameters.key.ic.len() == profile.pin().inputs;
        if !fits {
            return Err(CircuitFileError::OtherSystem(profile.name));
        }
        Ok(Self {
            profile,
            system: parameters.circuit,
            origin: parameters.origin,
            key: parameters.key.clone(),
            demonstration: parameters.demonstration,
        })
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let name = self.profile.name.as_bytes();
        let mut out = MAGIC.to_vec();
        out.extend([VERSION, u8::from(self.demonstration), u8::try_from(name.len()).unwrap_or(u8::MAX)]);
        for part in [name, &self.system, &self.origin, &self.key.alpha_g1.to_uncompressed()] {
            out.extend_from_slice(part);
        }
        for point in [&self.key.beta_g2, &self.key.gamma_g2, &self.key.delta_g2] {
            out.extend_from_slice(&point.to_uncompressed());
        }
        out.extend_from_slice(&count(self.key.ic.len()));
        self.key.ic.iter().for_each(|point| out.extend_from_slice(&point.to_uncompressed()));
        let hash: [u8; 32] = Sha256::digest(&out).into();
        out.extend_from_slice(&hash);
        out
    }

    /// Reads a file; every point is looked at.
    ///
    /// # Errors
    /// When it is damaged, or for a circuit that this program does not have.
    pub fn read(bytes: &[u8]) -> Result<Self, CircuitFileError> {
        let split = bytes.len().checked_sub(32).ok_or(ParametersError::Malformed)?;
        let (body, hash) = bytes.split_at(split);
        let mut reader = Reader::new(body, true);
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(ParametersError::Malformed.into());
        }
        let [version, demonstration, length] = *reader.array::<3>()?;
        if version != VERSION {
            return Err(ParametersError::Version.into());
        }
        if Sha256::digest(body).as_slice() != hash {
            return Err(ParametersError::Damaged.into());
        }
        let name = String::from_utf8_lossy(reader.take(length.into())?).into_owned();
        let profile = Profile::named(&name).ok_or(CircuitFileError::Unknown(name))?;
        let (system, origin) = (*reader.array::<32>()?, *reader.array::<32>()?);
        let (alpha_g1, beta_g2, gamma_g2, delta_g2) = (reader.g1()?, reader.g2()?, reader.g2()?, reader.g2()?);
        let key = VerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, ic: reader.g1_list()? };
        let demonstration = match demonstration {
            0 => false,
            1 => true,
            _ => return Err(ParametersError::Malformed.into()),
        };
        let read = reader.end(Self { profile, system, origin, key, demonstration })?;
        let fits = system == profile.pin().hash && read.key.ic.len() == profile.pin().inputs;
        if fits { Ok(read) } else { Err(CircuitFileError::OtherSystem(profile.name)) }
    }
}

#[cfg(test)]
mod tests {
    use blstrs::{G1Affine, G2Affine};
    use group::prime::PrimeCurveAffine;

    use super::*;

    fn example() -> CircuitKey {
        let profile = Profile::named("query-60").unwrap();
        let (one, two) = (G1Affine::generator(), G2Affine::generator());
        let ic = vec![one; profile.pin().inputs];
        let key = VerifyingKey { alpha_g1: one, beta_g2: two, gamma_g2: two, delta_g2: two, ic };
        CircuitKey { profile, system: profile.pin().hash, origin: [7; 32], key, demonstration: true }
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let circuit = example();
        let read = CircuitKey::read(&circuit.write()).unwrap();
        assert_eq!((read.id(), read.origin, read.demonstration), (circuit.id(), circuit.origin, true));
    }

    #[test]
    fn anything_altered_is_refused() {
        let file = example().write();
        for place in (0..file.len()).step_by(file.len() / 97) {
            let mut other = file.clone();
            other[place] ^= 1;
            assert!(CircuitKey::read(&other).is_err(), "byte {place}");
        }
        assert!(CircuitKey::read(&file[..file.len() - 1]).is_err());
        assert!(CircuitKey::read(&[&file[..], &[0]].concat()).is_err());
        assert!(CircuitKey::read(&[]).is_err());
    }

    #[test]
    fn another_system_under_a_known_name_is_refused() {
        let mut circuit = example();
        circuit.system[0] ^= 1;
        assert_eq!(CircuitKey::read(&circuit.write()).unwrap_err(), CircuitFileError::OtherSystem("query-60"));
        let mut circuit = example();
        circuit.key.ic.pop();
        assert_eq!(CircuitKey::read(&circuit.write()).unwrap_err(), CircuitFileError::OtherSystem("query-60"));
    }
}
