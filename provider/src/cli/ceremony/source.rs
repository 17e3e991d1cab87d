//! Where the powers of tau come from: a file whose hash was published, or a demonstration's.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::Args;
use protocol::groth16::Powers;
use protocol::groth16::powers::{Origin, PowersError};
use provider::files::FileError;

use super::super::answer::Failure;
use super::super::progress::Progress;

/// Phase 1.
#[derive(Args, Debug)]
pub(in super::super) struct Source {
    /// Response file of a public ceremony over BLS12-381 (Zcash's or Filecoin's), compressed
    #[arg(long, value_name = "FILE", required_unless_present = "demonstration")]
    pub(super) powers: Option<PathBuf>,
    /// The file's BLAKE2b-512 hash as its ceremony published it
    #[arg(long, value_name = "HEX", value_parser = bytes::<64>, required_unless_present = "demonstration")]
    pub(super) hash: Option<Bytes<64>>,
    /// Powers made on this machine, whose owner can forge proofs: for trying out. `new` makes them; `verify` finds them in
    /// the step's folder or in --powers
    #[arg(long, conflicts_with = "hash")]
    pub(super) demonstration: bool,
}

pub(super) type Bytes<const N: usize> = Box<[u8; N]>;

pub(super) fn bytes<const N: usize>(text: &str) -> Result<Bytes<N>, String> {
    let mut bytes = Box::new([0; N]);
    hex::decode_to_slice(text, bytes.as_mut_slice()).map_err(|_| format!("{N} bytes in hexadecimal are wanted"))?;
    Ok(bytes)
}

impl Source {
    /// Reads powers, and refuses a file that is not the published one, unless a demonstration's are wanted.
    pub(super) fn read(&self, path: &Path, size: usize) -> Result<Powers, Failure> {
        let file = File::open(path).map_err(FileError::of("read", path))?;
        let progress = Progress::of("reading the powers of tau");
        let watch = |done, all| progress.tell(done, all);
        let powers = Powers::read(&mut BufReader::with_capacity(1 << 20, file), size, &watch)
            .map_err(|e| Failure::from(e).about(path))?;
        match (powers.origin(), &self.hash) {
            (Origin::Demonstration, None) if self.demonstration => Ok(powers),
            (Origin::Demonstration, _) => Err(Failure::refused(
                "demonstration-powers",
                "these powers of tau were made on one machine, whose owner can forge proofs; take a public file, or say --demonstration",
            )),
            (Origin::File(has), Some(published)) if has == **published => Ok(powers),
            (Origin::File(_), Some(_)) => Err(Failure::refused(
                "other-powers",
                "this file of powers of tau has another hash than the published one; fetch it again",
            )),
            (Origin::File(_), None) => Err(Failure::refused(
                "other-powers",
                "these powers of tau are not a demonstration's: give their published hash with --hash",
            )),
        }
    }
}

impl From<PowersError> for Failure {
    fn from(error: PowersError) -> Self {
        let message = error.to_string();
        if matches!(error, PowersError::File(_)) {
            Self::could_not("file", message)
        } else {
            Self::refused("bad-powers", message)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use rand_core::OsRng;

    use super::*;

    fn source(hash: Option<[u8; 64]>, demonstration: bool) -> Source {
        Source { powers: None, hash: hash.map(Box::new), demonstration }
    }

    fn code(result: Result<Powers, Failure>) -> &'static str {
        match result {
            Ok(_) => "read",
            Err(failure) => failure.code(),
        }
    }

    #[test]
    fn powers_are_the_published_ones_or_a_demonstration_s() {
        let folder = tempfile::tempdir().unwrap();
        let (local, public) = (folder.path().join("local"), folder.path().join("public"));
        let mut file = Vec::new();
        Powers::demonstration(8, &mut OsRng, &|_, _| ()).write(&mut file).unwrap();
        std::fs::write(&local, &file).unwrap();
        file[..64].fill(1);
        std::fs::write(&public, &file).unwrap();
        let Origin::File(hash) = Powers::read(&mut std::io::Cursor::new(&file), 8, &|_, _| ()).unwrap().origin() else {
            panic!("a file without the mark is known by its hash");
        };
        assert_eq!(code(source(None, true).read(&local, 8)), "read");
        assert_eq!(code(source(Some(hash), false).read(&public, 8)), "read");
        assert_eq!(code(source(Some(hash), false).read(&local, 8)), "demonstration-powers");
        assert_eq!(code(source(Some([2; 64]), false).read(&public, 8)), "other-powers");
        assert_eq!(code(source(None, true).read(&public, 8)), "other-powers");
        assert_eq!(code(source(None, true).read(&local, 16)), "bad-powers");
        assert_eq!(code(source(None, true).read(&folder.path().join("none"), 8)), "file");
    }
}
