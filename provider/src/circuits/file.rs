//! Large files: hashed and copied a part at a time.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use protocol::metrology::keys::Hash;
use sha2::{Digest, Sha256};

use crate::files::FileError;

/// A file's size and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHash {
    /// Its size.
    pub bytes: u64,
    /// SHA-256.
    pub hash: Hash,
}

/// SHA-256 of what can be read.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(source: &mut impl Read) -> io::Result<Hash> {
    let (mut hash, mut part) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match source.read(&mut part)? {
            0 => return Ok(hash.finalize().into()),
            length => hash.update(part.get(..length).unwrap_or_default()),
        }
    }
}

/// Copies a file of at most `limit` bytes, which is then there whole or not at all.
pub(super) fn copy(from: &Path, to: &Path, limit: u64) -> Result<(), FileError> {
    let draft = to.with_extension("part");
    let copy = || {
        let source = File::open(from)?;
        if source.metadata()?.len() > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{} is too large", from.display())));
        }
        let mut file = File::create(&draft)?;
        io::copy(&mut source.take(limit), &mut file)?;
        file.sync_all()
    };
    copy().and_then(|()| fs::rename(&draft, to)).map_err(|error| {
        // The first error is the one to report.
        let _ = fs::remove_file(&draft);
        FileError::of("copy to", to)(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to.powers"));
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
        fs::write(&from, &bytes).unwrap();
        assert!(copy(&from, &to, 199_999).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left of it");
        copy(&from, &to, 200_000).unwrap();
        assert_eq!(fs::read(&to).unwrap(), bytes);
        assert_eq!(sha256(&mut &bytes[..]).unwrap(), <[u8; 32]>::from(Sha256::digest(&bytes)));
        assert!(copy(&folder.path().join("none"), &to, 1).is_err());
        assert_eq!(fs::read(&to).unwrap(), bytes, "what was there stays");
    }
}
