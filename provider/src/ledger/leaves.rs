//! The provider's TLS certificates: every one that was issued, and which of them are revoked.
//!
//! Each is noted before it is used, so that a stolen one can be named when its file is long gone.

use protocol::metrology::keys::Hash;
use protocol::show;
use rusqlite::{Connection, OptionalExtension};

use super::{Ledger, LedgerError, fixed, signed, unsigned};

/// An issued TLS certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafEntry {
    /// What names it in lists.
    pub certificate: Hash,
    /// When it was issued, Unix seconds.
    pub from: u64,
    /// First Unix second at which it is no longer good.
    pub until: u64,
    /// First Unix second at which it must not be accepted.
    pub revoked_since: Option<u64>,
}

impl Ledger {
    /// Notes a TLS certificate that is about to be used.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn note_leaf(&mut self, certificate: &Hash, from: u64, until: u64) -> Result<(), LedgerError> {
        let transaction = self.writing()?;
        note(&transaction, certificate, from, until)?;
        Ok(transaction.commit()?)
    }

    /// Revokes a TLS certificate from a second on; `from` and `until` are its dates, for one that was never noted. An
    /// earlier time is taken; a later one changes nothing.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn revoke_leaf(&mut self, certificate: &Hash, since: u64, from: u64, until: u64) -> Result<(), LedgerError> {
        let transaction = self.writing()?;
        note(&transaction, certificate, from, until)?;
        transaction.execute(
            "UPDATE leaves SET revoked_since = min(coalesce(revoked_since, ?2), ?2) WHERE certificate = ?1",
            (certificate.as_slice(), signed(since)?),
        )?;
        Ok(transaction.commit()?)
    }

    /// Whether a TLS certificate is revoked, now or from a later second on.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn is_leaf_revoked(&self, certificate: &Hash) -> Result<bool, LedgerError> {
        let since: Option<Option<i64>> = self
            .connection
            .prepare_cached("SELECT revoked_since FROM leaves WHERE certificate = ?1")?
            .query_row([certificate.as_slice()], |row| row.get(0))
            .optional()?;
        Ok(since.flatten().is_some())
    }

    /// The TLS certificates whose names begin with these hexadecimal digits, oldest first.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn leaves(&self, digits: &str) -> Result<Vec<LeafEntry>, LedgerError> {
        const WHAT: &str = "TLS certificate";
        let digits = digits.to_ascii_lowercase();
        let mut statement = self.connection.prepare_cached(
            "SELECT certificate, first_second, end_second, revoked_since FROM leaves ORDER BY first_second, rowid",
        )?;
        let mut rows = statement.query([])?;
        let mut leaves = Vec::new();
        while let Some(row) = rows.next()? {
            let since: Option<i64> = row.get(3)?;
            leaves.push(LeafEntry {
                certificate: fixed(row.get(0)?, WHAT)?,
                from: unsigned(row.get(1)?, WHAT)?,
                until: unsigned(row.get(2)?, WHAT)?,
                revoked_since: since.map(|at| unsigned(at, WHAT)).transpose()?,
            });
        }
        leaves.retain(|leaf| show::hex(&leaf.certificate).starts_with(&digits));
        Ok(leaves)
    }
}

fn note(connection: &Connection, certificate: &Hash, from: u64, until: u64) -> Result<(), LedgerError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO leaves (certificate, first_second, end_second) VALUES (?1, ?2, ?3)")?
        .execute((certificate.as_slice(), signed(from)?, signed(until)?))?;
    Ok(())
}
