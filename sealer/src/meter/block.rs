//! A sealed block on its way out of the meter.

use metrology::keys::Hash;
use metrology::label::RegisterCode;
use metrology::seal::SealedBlock;
use protocol::block::BlockFile;
use protocol::time::Span;
use protocol::wire;

use crate::time::{clock_of, date_of};

/// A sealed day block and what its file is named after.
#[derive(Clone, Debug)]
pub struct Block {
    /// The register.
    pub register: RegisterCode,
    /// The time it covers.
    pub span: Span,
    /// Its number within the register's life.
    pub number: u64,
    /// Hash of its header.
    pub hash: Hash,
    /// Its transport form.
    pub file: BlockFile,
}

impl Block {
    pub(super) fn new(register: RegisterCode, number: u64, until: u64, seconds: u64, sealed: &SealedBlock) -> Self {
        let count = u64::try_from(sealed.commitments().len()).unwrap_or(0);
        Self {
            register,
            span: Span { from: until - count * seconds, until },
            number,
            hash: sealed.hash,
            file: BlockFile::new(sealed.message.as_slice(), sealed.commitments(), sealed.ciphertext()),
        }
    }

    /// The bytes of its file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        wire::encode(&self.file)
    }

    /// The name of its file: names of one register sort by time.
    #[must_use]
    pub fn file_name(&self) -> String {
        let (hours, minutes, seconds) = clock_of(self.span.from);
        format!("{}-{hours:02}{minutes:02}{seconds:02}.block", date_of(self.span.from))
    }
}

/// The name of a register's directory: `1-0:1.8.0` becomes `1-0_1.8.0`. Two codes never share one.
#[must_use]
pub fn directory_name(register: &RegisterCode) -> String {
    let mut name = String::new();
    for (place, byte) in register.as_str().bytes().enumerate() {
        match byte {
            b':' => name.push('_'),
            b'.' if place > 0 => name.push('.'),
            b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_have_directories_of_their_own() {
        let codes = ["1-0:1.8.0", "1-0_1.8.0", "1-0%1.8.0", "1-0:1.8.0*255", ".", "..", "a/b", "a b", "a\\b", "gas"];
        let mut names: Vec<_> = codes.iter().map(|code| directory_name(&RegisterCode::new(code).unwrap())).collect();
        assert_eq!(names[0], "1-0_1.8.0");
        assert_eq!(names[3], "1-0_1.8.0%2A255");
        assert_eq!(names[4], "%2E");
        assert!(names.iter().all(|name| !name.contains(['/', '\\', ':', ' ']) && !name.starts_with('.')));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), codes.len());
    }
}
