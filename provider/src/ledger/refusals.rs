//! What was refused, and the files that show a meter contradicting itself.
//!
//! The operator's own refusals are all kept. What a household submits is kept within bounds of its contract: neither
//! its disk nor the attention that a contradiction asks for is at the disposal of who can make one up.

use protocol::metrology::keys::Hash;
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest as _, Sha256};

use super::bills::{pattern, single};
use super::keys::check_household;
use super::objection::CONTRADICTIONS;
use super::{Digest, Household, Ledger, LedgerError, fixed, unsigned};

/// Refusals that are kept of what one contract's household submitted; beyond it the oldest without evidence give way.
const MOST_REFUSALS: i64 = 256;
/// Bytes of evidence that are kept of what one contract's household submitted. The first files stay: later ones cannot
/// drive them out.
const MOST_EVIDENCE: i64 = 16 << 20;

/// A file that was refused.
#[derive(Clone, Debug)]
pub struct Refused {
    /// When, Unix seconds.
    pub at: i64,
    /// SHA-256 of the file.
    pub file: Hash,
    /// Its size.
    pub bytes: u64,
    /// Short stable name of the reason.
    pub code: String,
    /// The reason.
    pub message: String,
    /// The booked bill that stands against it.
    pub against: Option<Hash>,
    /// Whether a meter contradicts itself; the file is kept then.
    pub contradiction: bool,
    /// The contract whose household submitted it; none when an operator gave it.
    pub contract: Option<String>,
}

/// A refusal that is to be recorded.
pub(super) struct Refusal<'a> {
    pub(super) file: &'a [u8],
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    pub(super) against: Option<Hash>,
    pub(super) contract: Option<&'a str>,
}

impl Ledger {
    /// Records a file that was refused before it came to booking.
    ///
    /// # Errors
    /// When the household that submitted it was shut out meanwhile, or the ledger fails.
    pub fn refuse(
        &mut self,
        file: &[u8],
        code: &str,
        message: &str,
        household: Option<&Household>,
        now: i64,
    ) -> Result<(), LedgerError> {
        let transaction = self.writing()?;
        if let Some(household) = household {
            check_household(&transaction, household)?;
        }
        let contract = household.map(|household| household.contract.as_str());
        record_refusal(&transaction, &Refusal { file, code, message, against: None, contract }, now)?;
        Ok(transaction.commit()?)
    }

    /// Everything that was refused, oldest first.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn refusals(&self) -> Result<Vec<Refused>, LedgerError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT at, file, bytes, code, message, against, contract FROM refusals ORDER BY id")?;
        let mut rows = statement.query([])?;
        let mut refusals = Vec::new();
        while let Some(row) = rows.next()? {
            let code: String = row.get(3)?;
            refusals.push(Refused {
                at: row.get(0)?,
                file: fixed(row.get(1)?, "refusal")?,
                bytes: unsigned(row.get(2)?, "refusal")?,
                contradiction: CONTRADICTIONS.contains(&code.as_str()),
                code,
                message: row.get(4)?,
                against: row.get::<_, Option<Vec<u8>>>(5)?.map(|b| fixed(b, "refusal")).transpose()?,
                contract: row.get(6)?,
            });
        }
        Ok(refusals)
    }

    /// The kept file of a refusal whose digest begins with these hexadecimal digits, at least eight.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn evidence(&self, digits: &str) -> Result<Digest<Vec<u8>>, LedgerError> {
        let Some(pattern) = pattern(digits) else { return Ok(Digest::None) };
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT evidence FROM refusals WHERE evidence IS NOT NULL AND hex(file) LIKE ?1 LIMIT 2",
        )?;
        let rows = statement.query_map([pattern], |row| row.get(0))?;
        Ok(single(rows.collect::<Result<_, _>>()?))
    }
}

/// Adds to the list of refusals. When a meter contradicts itself its file is kept, once: it is the evidence. A household
/// that submits the same file again and is refused for the same reason adds nothing.
pub(super) fn record_refusal(connection: &Connection, refusal: &Refusal<'_>, now: i64) -> Result<(), LedgerError> {
    let Refusal { file, code, message, against, contract } = *refusal;
    let digest: Hash = Sha256::digest(file).into();
    let bytes = i64::try_from(file.len()).unwrap_or(i64::MAX);
    if let Some(contract) = contract {
        let known: Option<i64> = connection
            .prepare_cached("SELECT id FROM refusals WHERE file = ?1 AND contract = ?2 AND code = ?3")?
            .query_row((digest.as_slice(), contract, code), |row| row.get(0))
            .optional()?;
        if known.is_some() {
            return Ok(());
        }
    }
    let evidence = CONTRADICTIONS.contains(&code) && is_wanted(connection, &digest, bytes, contract)?;
    connection
        .prepare_cached(
            "INSERT INTO refusals (at, file, bytes, code, message, against, evidence, contract) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            now,
            digest.as_slice(),
            bytes,
            code,
            message,
            against.as_ref().map(|a| a.as_slice()),
            evidence.then_some(file),
            contract,
        ))?;
    connection
        .prepare_cached(
            "DELETE FROM refusals WHERE id IN (SELECT id FROM refusals WHERE contract = ?1 AND evidence IS NULL \
             ORDER BY id DESC LIMIT -1 OFFSET ?2)",
        )?
        .execute((contract, MOST_REFUSALS))?;
    Ok(())
}

/// Whether a file of evidence is not here yet, and its contract has room for it.
fn is_wanted(connection: &Connection, file: &Hash, bytes: i64, contract: Option<&str>) -> Result<bool, LedgerError> {
    let here: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM refusals WHERE file = ?1 AND evidence IS NOT NULL)")?
        .query_row([file.as_slice()], |row| row.get(0))?;
    let Some(contract) = contract.filter(|_| !here) else { return Ok(!here) };
    let kept: i64 = connection
        .prepare_cached("SELECT coalesce(sum(bytes), 0) FROM refusals WHERE contract = ?1 AND evidence IS NOT NULL")?
        .query_row([contract], |row| row.get(0))?;
    Ok(kept.saturating_add(bytes) <= MOST_EVIDENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(ledger: &Ledger) -> (i64, i64) {
        let sql = "SELECT count(evidence), coalesce(sum(length(evidence)), 0) FROM refusals";
        ledger.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    }

    #[test]
    fn a_household_fills_neither_the_disk_nor_the_list() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let record = |file: &[u8], code: &str, contract| {
            let refusal = Refusal { file, code, message: "x", against: None, contract };
            record_refusal(&ledger.connection, &refusal, 1).unwrap();
        };
        let big = |first: u8| [vec![first], vec![0; 5 << 20]].concat();
        record(&big(0), "fork", Some("A"));
        record(&big(0), "fork", Some("A"));
        assert_eq!((ledger.refusals().unwrap().len(), kept(&ledger).0), (1, 1), "the same file says nothing new");
        record(&big(0), "fork", None);
        record(&big(0), "fork", Some("B"));
        assert_eq!(kept(&ledger).0, 1, "its evidence is kept once, whoever brings it");
        for first in 1..10 {
            record(&big(first), "forked-epoch", Some("A"));
        }
        assert_eq!(kept(&ledger).0, 3, "A has no room for a fourth file");
        record(&big(20), "fork", Some("B"));
        assert_eq!(kept(&ledger).0, 4, "and takes none of B's");
        assert!(matches!(ledger.evidence(&hex::encode(Sha256::digest(big(1)))).unwrap(), Digest::One(_)));
        for n in 0..1000_u32 {
            record(&n.to_le_bytes(), "malformed", Some("A"));
        }
        let of_a = |r: &Refused| r.contract.as_deref() == Some("A");
        assert_eq!(ledger.refusals().unwrap().into_iter().filter(of_a).count(), 256 + 3);
        assert!(matches!(ledger.evidence(&hex::encode(Sha256::digest(big(0)))).unwrap(), Digest::One(_)));
        for n in 0..300_u32 {
            record(&n.to_be_bytes(), "malformed", None);
        }
        let of_nobody = |r: &Refused| r.contract.is_none();
        assert_eq!(ledger.refusals().unwrap().into_iter().filter(of_nobody).count(), 301, "the operator's own stay");
    }
}
