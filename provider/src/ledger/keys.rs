//! Who a household is: the keys that it has in turn, and the look at them that each decision begins with.
//!
//! ```text
//! key of the household: pending ─► valid ─► retired
//! next key:             next ────► valid (at its first use)
//! ```
//!
//! A request is asked who it is when it begins, and may then take minutes to arrive. What it asks for is decided in a
//! transaction that looks again: a key that was shut out meanwhile leaves nothing behind.

use protocol::metrology::keys::Hash;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::{Ledger, LedgerError};

/// A household by the key that it asks under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Household {
    /// Its contract.
    pub contract: String,
    /// SHA-256 of its key's SubjectPublicKeyInfo.
    pub pin: Hash,
}

/// Who a client's key says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The household of a contract.
    Household(Household),
    /// An enrolment of this contract that waits for approval.
    Pending(String),
    /// Nobody: an unknown, retired or revoked key.
    Stranger,
}

impl Ledger {
    /// Who a key is. The first use of a next key makes it the valid one and retires the one before.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn caller(&mut self, pin: &Hash, now: i64) -> Result<Caller, LedgerError> {
        if !is_next(&self.connection, pin)? {
            return caller(&self.connection, pin);
        }
        let transaction = self.writing()?;
        // It may have been used, or taken back, while we waited for our turn.
        if is_next(&transaction, pin)? {
            transaction.execute(
                "UPDATE client_keys SET state = 'retired', changed_at = ?2 WHERE state = 'valid' \
                 AND contract = (SELECT contract FROM client_keys WHERE pin = ?1)",
                (pin.as_slice(), now),
            )?;
            transaction.execute(
                "UPDATE client_keys SET state = 'valid', changed_at = ?2 WHERE pin = ?1",
                (pin.as_slice(), now),
            )?;
        }
        let caller = caller(&transaction, pin)?;
        transaction.commit()?;
        Ok(caller)
    }

    /// Registers the next key of a household; it replaces a next key that was never used. `false` when the key is known
    /// in another place.
    ///
    /// # Errors
    /// When the household's own key is no longer good, or the ledger fails.
    pub fn next_key(&mut self, household: &Household, next: &Hash, now: i64) -> Result<bool, LedgerError> {
        let transaction = self.writing_for(household)?;
        let contract = household.contract.as_str();
        let same: bool = transaction
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM client_keys WHERE pin = ?1 AND contract = ?2 AND state = 'next')",
            )?
            .query_row((next.as_slice(), contract), |row| row.get(0))?;
        if same {
            return Ok(true);
        }
        if known(&transaction, next)? {
            return Ok(false);
        }
        transaction.execute(
            "UPDATE client_keys SET state = 'retired', changed_at = ?2 WHERE contract = ?1 AND state = 'next'",
            (contract, now),
        )?;
        insert_key(&transaction, contract, next, "next", now)?;
        transaction.commit()?;
        Ok(true)
    }

    /// Looks again whether a household's key is good.
    ///
    /// # Errors
    /// When it is not, or the ledger fails.
    pub fn confirm(&self, household: &Household) -> Result<(), LedgerError> {
        check_household(&self.connection, household)
    }

    /// A writing transaction on behalf of a household, whose key is good at its beginning and so until its end.
    pub(super) fn writing_for(&mut self, household: &Household) -> Result<Transaction<'_>, LedgerError> {
        let transaction = self.writing()?;
        check_household(&transaction, household)?;
        Ok(transaction)
    }
}

/// The household's key is still the valid one of its contract, which is not shut out.
pub(super) fn check_household(connection: &Connection, household: &Household) -> Result<(), LedgerError> {
    match caller(connection, &household.pin)? {
        Caller::Household(found) if found == *household => Ok(()),
        _ => Err(LedgerError::ShutOut),
    }
}

pub(super) fn insert_key(
    connection: &Connection,
    contract: &str,
    pin: &Hash,
    state: &str,
    now: i64,
) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO client_keys (pin, contract, state, added_at, changed_at) VALUES (?1, ?2, ?3, ?4, ?4)",
        (pin.as_slice(), contract, state, now),
    )?;
    Ok(())
}

/// Ends all keys of a contract, those that wait too, with what they named: a key comes after them or none.
pub(super) fn end_keys(connection: &Connection, contract: &str, state: &str, now: i64) -> Result<(), LedgerError> {
    connection.execute(
        "DELETE FROM waiting_meters WHERE pin IN (SELECT pin FROM client_keys WHERE contract = ?1)",
        [contract],
    )?;
    connection.execute(
        "UPDATE client_keys SET state = ?2, changed_at = ?3 WHERE contract = ?1 \
         AND state IN ('pending', 'valid', 'next')",
        (contract, state, now),
    )?;
    Ok(())
}

pub(super) fn known(connection: &Connection, pin: &Hash) -> Result<bool, LedgerError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM client_keys WHERE pin = ?1)")?
        .query_row([pin.as_slice()], |row| row.get(0))?)
}

fn is_next(connection: &Connection, pin: &Hash) -> Result<bool, LedgerError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM client_keys WHERE pin = ?1 AND state = 'next')")?
        .query_row([pin.as_slice()], |row| row.get(0))?)
}

pub(super) fn caller(connection: &Connection, pin: &Hash) -> Result<Caller, LedgerError> {
    let row: Option<(String, String)> = connection
        .prepare_cached(
            "SELECT k.contract, k.state FROM client_keys k JOIN contracts c ON c.id = k.contract \
             WHERE k.pin = ?1 AND c.revoked_at IS NULL",
        )?
        .query_row([pin.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match row {
        Some((contract, state)) if state == "valid" => Caller::Household(Household { contract, pin: *pin }),
        Some((contract, state)) if state == "pending" => Caller::Pending(contract),
        _ => Caller::Stranger,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Enrolment;

    const HONEST: Hash = [1; 32];
    const THIEF: Hash = [2; 32];

    /// A ledger with an enrolled household, and its caller.
    fn enrolled() -> (tempfile::TempDir, Ledger, Household) {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        ledger.invite("4711", &[9; 32], 100, false, 0).unwrap();
        assert_eq!(ledger.enrol(&[9; 32], &HONEST, &[], 1).unwrap(), Enrolment::Done("4711".into()));
        let household = Household { contract: "4711".into(), pin: HONEST };
        assert_eq!(ledger.caller(&HONEST, 1).unwrap(), Caller::Household(household.clone()));
        (folder, ledger, household)
    }

    #[test]
    fn a_key_that_was_shut_out_names_no_successor() {
        let (_folder, mut ledger, household) = enrolled();
        assert!(ledger.next_key(&household, &[5; 32], 2).unwrap());
        // The request began before the household was shut out; its body comes after.
        ledger.revoke_contract("4711", 3).unwrap();
        assert!(matches!(ledger.next_key(&household, &THIEF, 4), Err(LedgerError::ShutOut)));
        ledger.invite("4711", &[8; 32], 100, false, 5).unwrap();
        assert!(matches!(ledger.next_key(&household, &THIEF, 6), Err(LedgerError::ShutOut)), "nor after an invitation");
        ledger.enrol(&[8; 32], &[3; 32], &[], 7).unwrap();
        assert!(matches!(ledger.next_key(&household, &THIEF, 8), Err(LedgerError::ShutOut)));
        assert_eq!(ledger.caller(&THIEF, 9).unwrap(), Caller::Stranger);
        assert_eq!(ledger.caller(&[5; 32], 9).unwrap(), Caller::Stranger, "the next key went with it");
        assert!(matches!(ledger.caller(&[3; 32], 9).unwrap(), Caller::Household(_)));
    }

    #[test]
    fn a_key_that_was_replaced_decides_nothing_any_more() {
        let (_folder, mut ledger, household) = enrolled();
        ledger.next_key(&household, &[5; 32], 2).unwrap();
        ledger.caller(&[5; 32], 3).unwrap();
        assert!(matches!(ledger.next_key(&household, &THIEF, 4), Err(LedgerError::ShutOut)));
        assert!(matches!(ledger.refuse(b"x", "malformed", "x", Some(&household), 4), Err(LedgerError::ShutOut)));
        assert!(ledger.refusals().unwrap().is_empty());
    }
}
