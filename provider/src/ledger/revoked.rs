//! What is revoked, and the signed lists that say so. The number of a list only grows, across restarts and keys.

use protocol::metrology::keys::{Hash, hash};
use protocol::service::revocation::{Revocations, RevokedEpoch, RevokedLeaf};
use protocol::wire;
use rusqlite::{Connection, OptionalExtension};

use super::booking::Candidate;
use super::rules::Stop;
use super::{Ledger, LedgerError, Objection, fixed, signed, unsigned};

/// A list is good for this many seconds.
pub const LIST_SECONDS: u64 = 7 * 86_400;
/// A new list is made this many seconds after the last, though nothing changed.
const RENEW_SECONDS: u64 = 86_400;

impl Ledger {
    /// Revokes an epoch certificate from a second on. An earlier time is taken; a later one changes nothing.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn revoke_epoch(&mut self, certificate: &Hash, since: u64, reason: &str, now: i64) -> Result<(), LedgerError> {
        let transaction = self.writing()?;
        transaction.execute(
            "INSERT INTO revoked_epochs (certificate, since, reason, at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (certificate) DO UPDATE SET since = excluded.since, reason = excluded.reason \
             WHERE excluded.since < since",
            (certificate.as_slice(), signed(since)?, reason, now),
        )?;
        Ok(transaction.commit()?)
    }

    /// Revokes a TLS certificate from a second on; `until` is its last day, after which no list needs to name it.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn revoke_leaf(&mut self, certificate: &Hash, since: u64, until: u64, now: i64) -> Result<(), LedgerError> {
        let transaction = self.writing()?;
        transaction.execute(
            "INSERT INTO revoked_leaves (certificate, since, until, at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (certificate) DO UPDATE SET since = min(since, excluded.since)",
            (certificate.as_slice(), signed(since)?, signed(until)?, now),
        )?;
        Ok(transaction.commit()?)
    }

    /// Whether a TLS certificate is revoked, now or from a later second on.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn is_leaf_revoked(&self, certificate: &Hash) -> Result<bool, LedgerError> {
        Ok(self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM revoked_leaves WHERE certificate = ?1)")?
            .query_row([certificate.as_slice()], |row| row.get(0))?)
    }

    /// The list as it stands: the last one while nothing changed and it is young, else a new one with the next number.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn revocations(
        &mut self,
        provider: [u8; 32],
        now: u64,
        sign: impl FnOnce(&Revocations) -> Vec<u8>,
    ) -> Result<Vec<u8>, LedgerError> {
        let current = |connection: &Connection, content: &Hash| -> Result<Option<Vec<u8>>, LedgerError> {
            let last: Option<(Vec<u8>, i64, Vec<u8>)> = connection
                .prepare_cached("SELECT content, renew_at, message FROM revocation_lists ORDER BY number DESC LIMIT 1")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let now = signed(now)?;
            Ok(last.filter(|(of, renew_at, _)| of == content && now < *renew_at).map(|(_, _, message)| message))
        };
        let mut list = content(&self.connection, provider, now)?;
        if let Some(message) = current(&self.connection, &digest(&list))? {
            return Ok(message);
        }
        let transaction = self.writing()?;
        list = content(&transaction, provider, now)?;
        if let Some(message) = current(&transaction, &digest(&list))? {
            return Ok(message);
        }
        let last: i64 =
            transaction.query_row("SELECT coalesce(max(number), 0) FROM revocation_lists", [], |row| row.get(0))?;
        let content = digest(&list);
        // Not below the time: a ledger that came back from a backup does not repeat numbers that were seen.
        let number = last.saturating_add(1).max(signed(now)?);
        (list.number, list.issued, list.next) =
            (unsigned(number, "revocation list")?, now, now.saturating_add(LIST_SECONDS));
        let message = sign(&list);
        transaction.execute("DELETE FROM revocation_lists", [])?;
        transaction.execute(
            "INSERT INTO revocation_lists (number, content, renew_at, message) VALUES (?1, ?2, ?3, ?4)",
            (number, content.as_slice(), signed(now.saturating_add(RENEW_SECONDS))?, &message),
        )?;
        transaction.commit()?;
        Ok(message)
    }
}

/// What a list says, without its number and dates.
fn content(connection: &Connection, provider: [u8; 32], now: u64) -> Result<Revocations, LedgerError> {
    let mut list = Revocations::new(provider, 0, 0, 0);
    let mut statement =
        connection.prepare_cached("SELECT certificate, since, reason FROM revoked_epochs ORDER BY certificate")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        list.epochs.push(RevokedEpoch {
            certificate: fixed(row.get(0)?, "revocation")?,
            since: unsigned(row.get(1)?, "revocation")?,
            reason: row.get(2)?,
        });
    }
    let mut statement = connection
        .prepare_cached("SELECT certificate, since FROM revoked_leaves WHERE until > ?1 ORDER BY certificate")?;
    let mut rows = statement.query([signed(now)?])?;
    while let Some(row) = rows.next()? {
        list.leaves.push(RevokedLeaf {
            certificate: fixed(row.get(0)?, "revocation")?,
            since: unsigned(row.get(1)?, "revocation")?,
        });
    }
    Ok(list)
}

fn digest(list: &Revocations) -> Hash {
    hash("wattseal/v1/revocation-content", &[&wire::encode(list)])
}

/// No reading that the bill rests on was sealed under a certificate that was revoked by then.
pub(super) fn check_revoked(connection: &Connection, bill: &Candidate) -> Result<(), Stop> {
    let mut statement = connection.prepare_cached("SELECT since FROM revoked_epochs WHERE certificate = ?1")?;
    for (certificate, last) in &bill.sealed {
        let since: Option<i64> = statement.query_row([certificate.as_slice()], |row| row.get(0)).optional()?;
        let since: Option<u64> = since.map(|at| unsigned(at, "revocation")).transpose()?;
        if let Some(since) = since.filter(|since| last > since) {
            let meter = bill.epochs.iter().find(|e| e.hash == *certificate).map_or([0; 32], |e| e.meter);
            return Err(Objection::RevokedCertificate { meter, since }.into());
        }
    }
    Ok(())
}
