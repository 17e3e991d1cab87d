//! A backup: the encrypted database with all that the recovery sheet needs to open it.
//!
//! ```text
//! header (canonical CBOR)  │  the database, encrypted as it lies on the disk  │  MAC (32 bytes)
//! ```
//!
//! The MAC covers header and database under a key that follows from the database key, so a container is accepted whole
//! or not at all. Making one needs no secret but the open store's key; opening one needs the sheet. Both are streamed:
//! memory does not grow with the store.

use std::io::{Read, Seek, SeekFrom, Write};

use hmac::{Hmac, Mac};
use minicbor::{Decode, Decoder, Encode};
use protocol::wire;
use sha2::Sha256;

use super::keys::mac_under;
use super::{CustodyError, HomeId, RecoveryKey, Slot, SlotKind};
use crate::StoreKey;

const KIND: &str = "wattseal/backup";
const VERSION: u8 = 1;
const WHAT: &str = "backup";
const MAC: u64 = 32;
/// The header has fixed fields; no header is longer.
const MAX_HEADER: u64 = 512;
const BUFFER: usize = 64 << 10;

/// What is in a backup, as its header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Format of the store within.
    pub format: i64,
    /// When it was made, Unix seconds.
    pub made_at: i64,
    /// The home it was made of.
    pub home: HomeId,
    /// The database key under the sheet of that time.
    pub recovery: Slot,
    /// Length of the encrypted database.
    pub length: u64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Header {
    #[n(0)]
    kind: String,
    #[n(1)]
    version: u8,
    #[n(2)]
    format: i64,
    #[n(3)]
    made_at: i64,
    #[cbor(n(4), with = "minicbor::bytes")]
    home: [u8; 16],
    #[n(5)]
    recovery: Slot,
    #[n(6)]
    length: u64,
}

impl Contents {
    /// Writes a container around an encrypted database of exactly `self.length` bytes.
    ///
    /// # Errors
    /// When the database is shorter or longer, or cannot be read, or the output refuses.
    pub fn write(&self, key: &StoreKey, database: &mut impl Read, out: &mut impl Write) -> Result<(), CustodyError> {
        let header = wire::encode(&Header {
            kind: KIND.into(),
            version: VERSION,
            format: self.format,
            made_at: self.made_at,
            home: *self.home.as_bytes(),
            recovery: self.recovery.clone(),
            length: self.length,
        });
        let mut mac = mac_under(key, "wattseal/v1/backup-mac", &self.home);
        mac.update(&header);
        out.write_all(&header).map_err(CustodyError::Write)?;
        let found = stream(database, out, &mut mac, self.length)?;
        if found != self.length || database.read(&mut [0]).map_err(CustodyError::Read)? > 0 {
            return Err(CustodyError::Length { found, wanted: self.length });
        }
        out.write_all(&mac.finalize().into_bytes()).map_err(CustodyError::Write)
    }
}

/// A container that is being read.
pub struct Container<R> {
    input: R,
    header: Vec<u8>,
    contents: Contents,
}

impl<R: Read + Seek> Container<R> {
    /// Reads the header. What it says is not believed before [`Container::copy`] has gone through.
    ///
    /// # Errors
    /// When it is no backup, of a later version, or not of the length that it states.
    pub fn read(mut input: R) -> Result<Self, CustodyError> {
        let mut start = Vec::new();
        input.by_ref().take(MAX_HEADER).read_to_end(&mut start).map_err(CustodyError::Read)?;
        wire::expect(&start, KIND, WHAT)?;
        let mut decoder = Decoder::new(&start);
        decoder.skip().map_err(|_| CustodyError::Changed(WHAT))?;
        start.truncate(decoder.position());
        let header: Header = wire::decode(&start, WHAT)?;
        if header.recovery.kind != SlotKind::Recovery {
            return Err(CustodyError::Changed(WHAT));
        }
        let found = input.seek(SeekFrom::End(0)).map_err(CustodyError::Read)?;
        let wanted = (start.len() as u64).saturating_add(header.length).saturating_add(MAC);
        if found != wanted {
            return Err(CustodyError::Length { found, wanted });
        }
        let contents = Contents {
            format: header.format,
            made_at: header.made_at,
            home: HomeId::from_bytes(header.home),
            recovery: header.recovery,
            length: header.length,
        };
        Ok(Self { input, header: start, contents })
    }

    /// What the header says.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The key of the database within.
    ///
    /// # Errors
    /// When the sheet is another home's, or a later one than this backup's.
    pub fn key(&self, sheet: &RecoveryKey) -> Result<StoreKey, CustodyError> {
        self.contents.recovery.open(&self.contents.home, &sheet.kek())
    }

    /// Copies the encrypted database out and checks the MAC over everything. Nothing of what was written may be used
    /// unless this succeeds; to check alone, copy to [`std::io::sink`].
    ///
    /// # Errors
    /// When anything was changed, or reading or writing fails.
    pub fn copy(&mut self, key: &StoreKey, out: &mut impl Write) -> Result<(), CustodyError> {
        let mut mac = mac_under(key, "wattseal/v1/backup-mac", &self.contents.home);
        mac.update(&self.header);
        self.input.seek(SeekFrom::Start(self.header.len() as u64)).map_err(CustodyError::Read)?;
        let copied = stream(&mut self.input, out, &mut mac, self.contents.length)?;
        let mut tag = [0; 32];
        self.input.read_exact(&mut tag).map_err(CustodyError::Read)?;
        if copied != self.contents.length || mac.verify_slice(&tag).is_err() {
            return Err(CustodyError::Changed(WHAT));
        }
        out.flush().map_err(CustodyError::Write)
    }
}

/// Copies up to `length` bytes past a MAC; how many there were.
fn stream(
    input: &mut impl Read,
    out: &mut impl Write,
    mac: &mut Hmac<Sha256>,
    length: u64,
) -> Result<u64, CustodyError> {
    let mut input = input.take(length);
    let mut buffer = vec![0; BUFFER];
    let mut copied = 0;
    loop {
        let read = match input.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CustodyError::Read(error)),
        };
        let part = buffer.get(..read).unwrap_or_default();
        mac.update(part);
        out.write_all(part).map_err(CustodyError::Write)?;
        copied += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::Keys;
    use rand_core::OsRng;
    use std::io::Cursor;

    fn sample(database: &[u8]) -> (Vec<u8>, StoreKey, RecoveryKey) {
        let (key, sheet) = (StoreKey::from_bytes([3; 32]), RecoveryKey::generate(&mut OsRng));
        let keys = Keys::create(HomeId::from_bytes([1; 16]), &key, &sheet, 100, &mut OsRng);
        let recovery = keys.slots()[0].clone();
        let contents = Contents { format: 1, made_at: 7, home: keys.home(), recovery, length: database.len() as u64 };
        let mut out = Vec::new();
        contents.write(&key, &mut &*database, &mut out).unwrap();
        (out, key, sheet)
    }

    fn restore(bytes: &[u8], sheet: &RecoveryKey) -> Result<Vec<u8>, CustodyError> {
        let mut container = Container::read(Cursor::new(bytes))?;
        let key = container.key(sheet)?;
        let mut out = Vec::new();
        container.copy(&key, &mut out)?;
        Ok(out)
    }

    #[test]
    fn what_goes_in_comes_out() {
        for length in [0, 1, BUFFER - 1, BUFFER, 3 * BUFFER + 17] {
            let database: Vec<u8> = (0..=250).cycle().take(length).collect();
            let (bytes, _, sheet) = sample(&database);
            assert_eq!(restore(&bytes, &sheet).unwrap(), database);
            assert!(matches!(
                restore(&bytes, &RecoveryKey::generate(&mut OsRng)),
                Err(CustodyError::WrongKey(SlotKind::Recovery))
            ));
        }
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_refused() {
        let (good, _, sheet) = sample(b"an encrypted database");
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert!(restore(&bad, &sheet).is_err(), "byte {at}, bit {bit}");
            }
            assert!(restore(&good[..at], &sheet).is_err(), "cut at {at}");
        }
        assert!(matches!(restore(&[&good[..], &[0]].concat(), &sheet), Err(CustodyError::Length { .. })));
    }

    #[test]
    fn two_backups_of_one_home_do_not_mix() {
        let (key, sheet) = (StoreKey::from_bytes([3; 32]), RecoveryKey::generate(&mut OsRng));
        let keys = Keys::create(HomeId::from_bytes([1; 16]), &key, &sheet, 100, &mut OsRng);
        let make = |made_at, database: &[u8]| {
            let recovery = keys.slots()[0].clone();
            let length = database.len() as u64;
            let mut out = Vec::new();
            let contents = Contents { format: 1, made_at, home: keys.home(), recovery, length };
            contents.write(&key, &mut &*database, &mut out).unwrap();
            out
        };
        let (march, april) = (make(1, b"of March"), make(2, b"of April"));
        assert_eq!(march.len(), april.len());
        let body = march.len() - 40;
        let mixed = [&march[..body], &april[body..]].concat();
        assert_eq!(restore(&march, &sheet).unwrap(), b"of March");
        assert!(matches!(restore(&mixed, &sheet), Err(CustodyError::Changed(_))));
        let swapped = [&march[..march.len() - 32], &april[april.len() - 32..]].concat();
        assert!(matches!(restore(&swapped, &sheet), Err(CustodyError::Changed(_))));
    }

    #[test]
    fn a_database_that_changes_its_length_is_not_backed_up() {
        let (_, key, sheet) = sample(b"");
        let keys = Keys::create(HomeId::from_bytes([1; 16]), &key, &sheet, 100, &mut OsRng);
        let contents =
            Contents { format: 1, made_at: 1, home: keys.home(), recovery: keys.slots()[0].clone(), length: 4 };
        for database in [&b"abc"[..], b"abcde"] {
            let written = contents.write(&key, &mut &*database, &mut Vec::new());
            assert!(matches!(written, Err(CustodyError::Length { wanted: 4, .. })));
        }
    }
}
