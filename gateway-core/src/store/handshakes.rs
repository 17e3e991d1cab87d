//! Rows of handshakes: pairings whose confirmation was sent and which the meter has not yet shown to hold.
//!
//! They hang on the meter's key for life and not on a line: the meter may have taken one although its answer was lost,
//! and answer next on another line. Several may wait for one number, because nobody but the meter knows which of them it
//! took. Their count is bounded, not their age: a clock that is wrong deletes no key.

use protocol::metrology::keys::Hash;
use protocol::pairing::Pairing;
use zeroize::Zeroizing;

use super::{Store, StoreError, fixed};

/// Handshakes that are kept of one meter.
const MOST: usize = 8;

/// A pairing that waits for the meter to show that it took it.
#[derive(Clone, Debug)]
pub struct HandshakeRow {
    /// The meter's key for life.
    pub identity: [u8; 32],
    /// The pairing, with the certificates that its code has bound.
    pub pairing: Pairing,
    /// When it was kept.
    pub made_at: i64,
}

type Raw = (Vec<u8>, Zeroizing<Vec<u8>>, i64);

fn raw(row: &rusqlite::Row<'_>) -> rusqlite::Result<Raw> {
    Ok((row.get(0)?, Zeroizing::new(row.get(1)?), row.get(2)?))
}

fn read((identity, pairing, made_at): Raw) -> Result<HandshakeRow, StoreError> {
    let pairing = Pairing::read(&pairing).map_err(|_| StoreError::Damaged("pairing"))?;
    Ok(HandshakeRow { identity: fixed(identity, "pairing")?, pairing, made_at })
}

impl Store {
    /// Keeps a pairing whose confirmation is about to be sent: when its answer is lost, or the power goes, the meter may
    /// already seal for it. Of one meter the newest eight stay. Of two with one number the older one goes first: the
    /// meter has offered this number again since, so it had not taken that one.
    ///
    /// # Errors
    /// When the pairing names no meter or the database fails.
    pub fn keep_handshake(&self, pairing: &Pairing, at: i64) -> Result<(), StoreError> {
        let first = pairing.certificates.first().ok_or(StoreError::Damaged("pairing"))?;
        let identity = first.certificate.identity_key;
        self.attempt(|| {
            self.connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO handshakes (identity, counter, household, pairing, made_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute((
                    identity.as_slice(),
                    pairing.counter,
                    pairing.household().as_slice(),
                    pairing.write().as_slice(),
                    at,
                ))?;
            self.drop_oldest_handshakes(&identity)
        })
    }

    fn drop_oldest_handshakes(&self, identity: &[u8; 32]) -> Result<(), StoreError> {
        let mut rows: Vec<(i64, i64)> = self
            .connection
            .prepare_cached("SELECT id, counter FROM handshakes WHERE identity = ?1 ORDER BY id")?
            .query_map([identity.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        while rows.len() > MOST {
            let superseded = rows
                .iter()
                .enumerate()
                .position(|(place, (_, counter))| rows.iter().skip(place + 1).any(|(_, later)| later == counter));
            let (id, _) = rows.remove(superseded.unwrap_or(0));
            self.connection.prepare_cached("DELETE FROM handshakes WHERE id = ?1")?.execute([id])?;
        }
        Ok(())
    }

    /// The handshakes with a meter, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn handshakes(&self, identity: &[u8; 32]) -> Result<Vec<HandshakeRow>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT identity, pairing, made_at FROM handshakes WHERE identity = ?1 ORDER BY id DESC")?;
        let rows = statement.query_map([identity.as_slice()], raw)?;
        rows.map(|row| read(row?)).collect()
    }

    /// The handshakes, with any meter, that a block with this number of a pairing and this household may show.
    pub(crate) fn handshakes_named(&self, counter: u32, household: &Hash) -> Result<Vec<HandshakeRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT identity, pairing, made_at FROM handshakes WHERE counter = ?1 AND household = ?2 ORDER BY id DESC",
        )?;
        let rows = statement.query_map((counter, household.as_slice()), raw)?;
        rows.map(|row| read(row?)).collect()
    }

    /// Forgets what waited for a number that is decided. Handshakes with other numbers stay: the meter may hold blocks
    /// that were sealed for an earlier one.
    pub(crate) fn end_handshakes(&self, identity: &[u8; 32], counter: u32) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM handshakes WHERE identity = ?1 AND counter = ?2")?
            .execute((identity.as_slice(), counter))?;
        Ok(())
    }
}
