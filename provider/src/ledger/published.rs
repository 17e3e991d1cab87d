//! Published tariffs: those that the service hands out and takes bills under.

use protocol::metrology::keys::Hash;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use rusqlite::OptionalExtension;

use super::{Ledger, LedgerError, fixed, signed, unsigned};

/// A published tariff as lists show it.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its hash.
    pub hash: Hash,
    /// The provider's own name for it.
    pub id: String,
    /// For people.
    pub name: String,
    /// When it applies.
    pub valid: Span,
    /// When it was published, Unix seconds.
    pub published_at: i64,
    /// When it was withdrawn, Unix seconds.
    pub withdrawn_at: Option<i64>,
}

impl Ledger {
    /// Publishes a tariff; one that was withdrawn is offered again. `false` when it was published already.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn publish(&mut self, tariff: &SignedTariff, message: &[u8], now: i64) -> Result<bool, LedgerError> {
        let transaction = self.writing()?;
        let new = transaction
            .prepare_cached(
                "INSERT INTO published (hash, id, name, first_second, end_second, message, published_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT (hash) DO UPDATE SET withdrawn_at = NULL WHERE withdrawn_at IS NOT NULL",
            )?
            .execute((
                tariff.hash.as_slice(),
                &tariff.tariff.id,
                &tariff.tariff.name,
                signed(tariff.tariff.valid.from)?,
                signed(tariff.tariff.valid.until)?,
                message,
                now,
            ))?;
        transaction.commit()?;
        Ok(new > 0)
    }

    /// Withdraws a tariff: it is no longer offered, and bills under it are refused. `false` when none stands under the
    /// hash.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn withdraw(&mut self, hash: &Hash, now: i64) -> Result<bool, LedgerError> {
        let transaction = self.writing()?;
        let changed = transaction
            .prepare_cached("UPDATE published SET withdrawn_at = ?2 WHERE hash = ?1 AND withdrawn_at IS NULL")?
            .execute((hash.as_slice(), now))?;
        transaction.commit()?;
        Ok(changed > 0)
    }

    /// All tariffs that were ever published, in order.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn published(&self) -> Result<Vec<Published>, LedgerError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT hash, id, name, first_second, end_second, published_at, withdrawn_at FROM published ORDER BY rowid",
        )?;
        let mut rows = statement.query([])?;
        let mut published = Vec::new();
        while let Some(row) = rows.next()? {
            const WHAT: &str = "published tariff";
            published.push(Published {
                hash: fixed(row.get(0)?, WHAT)?,
                id: row.get(1)?,
                name: row.get(2)?,
                valid: Span { from: unsigned(row.get(3)?, WHAT)?, until: unsigned(row.get(4)?, WHAT)? },
                published_at: row.get(5)?,
                withdrawn_at: row.get(6)?,
            });
        }
        Ok(published)
    }

    /// The message of a published tariff, and whether it was withdrawn.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn published_message(&self, hash: &Hash) -> Result<Option<(Vec<u8>, bool)>, LedgerError> {
        Ok(self
            .connection
            .prepare_cached("SELECT message, withdrawn_at IS NOT NULL FROM published WHERE hash = ?1")?
            .query_row([hash.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    }
}
