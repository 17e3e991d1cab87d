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
                .prepare_cached("SELECT content, issued, message FROM revocation_lists ORDER BY number DESC LIMIT 1")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            // One from a time that is yet to come was made under a wrong clock, and its dates are as wrong.
            let earliest = signed(now.saturating_sub(RENEW_SECONDS))?.saturating_add(1);
            let young = earliest..=signed(now)?;
            Ok(last.filter(|(of, issued, _)| of == content && young.contains(issued)).map(|(_, _, message)| message))
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
            "INSERT INTO revocation_lists (number, content, issued, message) VALUES (?1, ?2, ?3, ?4)",
            (number, content.as_slice(), signed(now)?, &message),
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
        .prepare_cached("SELECT certificate, revoked_since FROM leaves WHERE revoked_since IS NOT NULL AND end_second > ?1 ORDER BY certificate")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_a_wrong_clock_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let mut at = |now: u64| {
            let mut made = None;
            let bytes = ledger.revocations([7; 32], now, |list| {
                made = Some((list.number, list.issued, list.next));
                vec![0]
            });
            assert_eq!(bytes.unwrap(), [0]);
            made
        };
        let start = 1_000_000;
        assert_eq!(at(start), Some((start, start, start + LIST_SECONDS)));
        assert_eq!(at(start + RENEW_SECONDS - 1), None, "the same list while it is young");
        assert!(at(start + RENEW_SECONDS).is_some());
        // The clock jumps a year ahead and is set right again.
        let ahead = start + 365 * 86_400;
        assert_eq!(at(ahead), Some((ahead, ahead, ahead + LIST_SECONDS)));
        let right = start + 2 * RENEW_SECONDS;
        assert_eq!(at(right), Some((ahead + 1, right, right + LIST_SECONDS)), "dates of now, and a number that grows");
        assert_eq!(at(right + 1), None);
    }
}
