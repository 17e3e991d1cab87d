//! How a household comes in: invitations, enrolments, and the keys that it has in turn.
//!
//! ```text
//! invitation (one-time code, kept as a hash) ─► key of the household: pending ─► valid ─► retired
//!                                                           next key: next ────► valid (at its first use)
//! ```

use protocol::certificate::{self, VerifiedCertificate};
use protocol::metrology::keys::Hash;
use rusqlite::{Connection, OptionalExtension};

use super::contracts::list;
use super::registry::add;
use super::rules::Stop;
use super::{Ledger, LedgerError, Objection};

/// Who a client's key says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The household of this contract.
    Household(String),
    /// An enrolment of this contract that waits for approval.
    Pending(String),
    /// Nobody: an unknown, retired or revoked key.
    Stranger,
}

/// What an enrolment came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// The key is pinned and the meters are listed.
    Done(String),
    /// An operator has to approve it.
    Pending(String),
    /// The code is unknown, used or expired.
    BadCode,
    /// The ledger objects to a meter.
    Objection(Objection),
    /// This key is known already; a household that enrols again does so under a new key.
    KeyInUse,
}

impl Ledger {
    /// Keeps an invitation: the hash of its code, never the code.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn invite(
        &mut self,
        contract: &str,
        code: &Hash,
        expires_at: i64,
        approve: bool,
        now: i64,
    ) -> Result<(), LedgerError> {
        let transaction = self.writing()?;
        list(&transaction, contract, now)?;
        transaction.execute(
            "INSERT INTO invitations (hash, contract, made_at, expires_at, approve) VALUES (?1, ?2, ?3, ?4, ?5)",
            (code.as_slice(), contract, now, expires_at, approve),
        )?;
        // An invitation is the operator's word that the household may come in again.
        transaction.execute("UPDATE contracts SET revoked_at = NULL WHERE id = ?1", [contract])?;
        Ok(transaction.commit()?)
    }

    /// Enrols a household: uses up its invitation, pins its key, and lists its meters. All of it happens, or nothing.
    /// Asked again with the same code and key, it answers the same: the answer may have been lost on its way.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn enrol(
        &mut self,
        code: &Hash,
        pin: &Hash,
        meters: &[(Vec<u8>, Vec<VerifiedCertificate>)],
        now: i64,
    ) -> Result<Enrolment, LedgerError> {
        let transaction = self.writing()?;
        type Row = (String, i64, bool, Option<Vec<u8>>);
        let row: Option<Row> = transaction
            .prepare_cached("SELECT contract, expires_at, approve, used_by FROM invitations WHERE hash = ?1")?
            .query_row([code.as_slice()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .optional()?;
        let Some((contract, expires_at, approve, used_by)) = row else { return Ok(Enrolment::BadCode) };
        if let Some(used_by) = used_by {
            return Ok(match (used_by == pin.as_slice(), caller(&transaction, pin)?) {
                (true, Caller::Household(contract)) => Enrolment::Done(contract),
                (true, Caller::Pending(contract)) => Enrolment::Pending(contract),
                _ => Enrolment::BadCode,
            });
        }
        if expires_at <= now {
            return Ok(Enrolment::BadCode);
        }
        if known(&transaction, pin)? {
            return Ok(Enrolment::KeyInUse);
        }
        for (file, chain) in meters {
            if approve {
                transaction
                    .execute("INSERT INTO waiting_meters (contract, file) VALUES (?1, ?2)", (&contract, file))?;
                continue;
            }
            match add(&transaction, chain, Some(&contract), &[], now) {
                Ok(_) => {}
                Err(Stop::Objection(objection)) => return Ok(Enrolment::Objection(objection)),
                Err(Stop::Ledger(error)) => return Err(error),
            }
        }
        transaction.execute(
            "UPDATE invitations SET used_at = ?2, used_by = ?3 WHERE hash = ?1",
            (code.as_slice(), now, pin.as_slice()),
        )?;
        let state = if approve { "pending" } else { "valid" };
        if !approve {
            // A household has one key; the gateway that was there before is replaced.
            retire_all(&transaction, &contract, "retired", now)?;
        }
        insert_key(&transaction, &contract, pin, state, now)?;
        transaction.commit()?;
        Ok(if approve { Enrolment::Pending(contract) } else { Enrolment::Done(contract) })
    }

    /// Approves the waiting enrolment of a contract: its key becomes valid and its meters are listed. The number of
    /// meters; none when nothing waits.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn approve(&mut self, contract: &str, now: i64) -> Result<Result<Option<usize>, Objection>, LedgerError> {
        let transaction = self.writing()?;
        let pin: Option<Vec<u8>> = transaction
            .prepare_cached(
                "SELECT pin FROM client_keys WHERE contract = ?1 AND state = 'pending' ORDER BY rowid DESC LIMIT 1",
            )?
            .query_row([contract], |row| row.get(0))
            .optional()?;
        let Some(pin) = pin else { return Ok(Ok(None)) };
        let files: Vec<Vec<u8>> = transaction
            .prepare_cached("SELECT file FROM waiting_meters WHERE contract = ?1")?
            .query_map([contract], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for file in &files {
            let chain = certificate::read_file(file).map_err(|_| LedgerError::Damaged("waiting certificate"))?;
            match add(&transaction, &chain, Some(contract), &[], now) {
                Ok(_) => {}
                Err(Stop::Objection(objection)) => return Ok(Err(objection)),
                Err(Stop::Ledger(error)) => return Err(error),
            }
        }
        transaction.execute("DELETE FROM waiting_meters WHERE contract = ?1", [contract])?;
        retire_all(&transaction, contract, "retired", now)?;
        transaction.execute("UPDATE client_keys SET state = 'valid', changed_at = ?2 WHERE pin = ?1", (pin, now))?;
        transaction.commit()?;
        Ok(Ok(Some(files.len())))
    }

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

    /// Registers the next key of the household whose valid key is `present`; it replaces a next key that was never used.
    /// `false` when the key is known in another place.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn next_key(&mut self, contract: &str, next: &Hash, now: i64) -> Result<bool, LedgerError> {
        let transaction = self.writing()?;
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
}

fn insert_key(connection: &Connection, contract: &str, pin: &Hash, state: &str, now: i64) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO client_keys (pin, contract, state, added_at, changed_at) VALUES (?1, ?2, ?3, ?4, ?4)",
        (pin.as_slice(), contract, state, now),
    )?;
    Ok(())
}

/// Ends the keys of a contract.
pub(super) fn retire_all(connection: &Connection, contract: &str, state: &str, now: i64) -> Result<(), LedgerError> {
    connection.execute(
        "UPDATE client_keys SET state = ?2, changed_at = ?3 WHERE contract = ?1 \
         AND (state IN ('valid', 'next') OR (?2 = 'revoked' AND state = 'pending'))",
        (contract, state, now),
    )?;
    Ok(())
}

fn known(connection: &Connection, pin: &Hash) -> Result<bool, LedgerError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM client_keys WHERE pin = ?1)")?
        .query_row([pin.as_slice()], |row| row.get(0))?)
}

fn is_next(connection: &Connection, pin: &Hash) -> Result<bool, LedgerError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM client_keys WHERE pin = ?1 AND state = 'next')")?
        .query_row([pin.as_slice()], |row| row.get(0))?)
}

fn caller(connection: &Connection, pin: &Hash) -> Result<Caller, LedgerError> {
    let row: Option<(String, String)> = connection
        .prepare_cached(
            "SELECT k.contract, k.state FROM client_keys k JOIN contracts c ON c.id = k.contract \
             WHERE k.pin = ?1 AND c.revoked_at IS NULL",
        )?
        .query_row([pin.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match row {
        Some((contract, state)) if state == "valid" => Caller::Household(contract),
        Some((contract, state)) if state == "pending" => Caller::Pending(contract),
        _ => Caller::Stranger,
    })
}
