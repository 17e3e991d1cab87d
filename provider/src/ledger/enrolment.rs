//! How a household comes in: invitations, enrolments, and an operator's approval.
//!
//! ```text
//! invitation (one-time code, kept as a hash) ─► key of the household, valid at once or waiting for approval
//! ```
//!
//! What becomes of keys afterwards: [`super::keys`].

use protocol::certificate::{self, VerifiedCertificate};
use protocol::metrology::keys::Hash;
use protocol::show;
use rusqlite::{Connection, OptionalExtension};

use super::contracts::list;
use super::keys::{Caller, caller, end_keys, insert_key, known};
use super::registry::add;
use super::rules::Stop;
use super::{Ledger, LedgerError, Objection, fixed};

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

/// An enrolment that waits for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The pin of its key.
    pub pin: Hash,
    /// When it came, Unix seconds.
    pub since: i64,
    /// Identity keys of the meters that it names.
    pub meters: Vec<[u8; 32]>,
}

/// What an approval came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// The key of this enrolment is valid and its meters are listed.
    Done(Waiting),
    /// No enrolment waits, or none under such a pin.
    Nothing,
    /// Several wait, or several pins begin so: one has to be named.
    Several(Vec<Waiting>),
    /// The ledger objects to a meter; the enrolment goes on waiting.
    Objection(Objection),
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
                (true, Caller::Household(household)) => Enrolment::Done(household.contract),
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
        transaction.execute(
            "UPDATE invitations SET used_at = ?2, used_by = ?3 WHERE hash = ?1",
            (code.as_slice(), now, pin.as_slice()),
        )?;
        if approve {
            insert_key(&transaction, &contract, pin, "pending", now)?;
            for (file, _) in meters {
                transaction
                    .execute("INSERT INTO waiting_meters (pin, file) VALUES (?1, ?2)", (pin.as_slice(), file))?;
            }
            transaction.commit()?;
            return Ok(Enrolment::Pending(contract));
        }
        for (_, chain) in meters {
            match add(&transaction, chain, Some(&contract), &[], now) {
                Ok(_) => {}
                Err(Stop::Objection(objection)) => return Ok(Enrolment::Objection(objection)),
                Err(Stop::Ledger(error)) => return Err(error),
            }
        }
        // A household has one key; the gateway that was there before is replaced, and those that wait come too late.
        end_keys(&transaction, &contract, "retired", now)?;
        insert_key(&transaction, &contract, pin, "valid", now)?;
        transaction.commit()?;
        Ok(Enrolment::Done(contract))
    }

    /// Approves the waiting enrolment whose pin begins with these digits, or the only one that waits: its key becomes
    /// valid, its own meters are listed, and every other key of the contract is retired, those that wait too.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn approve(&mut self, contract: &str, digits: &str, now: i64) -> Result<Approval, LedgerError> {
        let transaction = self.writing()?;
        let digits = digits.to_ascii_lowercase();
        let mut found = waiting(&transaction, contract)?;
        found.retain(|one| show::hex(&one.pin).starts_with(&digits));
        if found.len() > 1 {
            return Ok(Approval::Several(found));
        }
        let Some(one) = found.pop() else { return Ok(Approval::Nothing) };
        for file in files(&transaction, &one.pin)? {
            let chain = certificate::read_file(&file).map_err(|_| DAMAGED)?;
            match add(&transaction, &chain, Some(contract), &[], now) {
                Ok(_) => {}
                Err(Stop::Objection(objection)) => return Ok(Approval::Objection(objection)),
                Err(Stop::Ledger(error)) => return Err(error),
            }
        }
        end_keys(&transaction, contract, "retired", now)?;
        transaction.execute(
            "UPDATE client_keys SET state = 'valid', changed_at = ?2 WHERE pin = ?1",
            (one.pin.as_slice(), now),
        )?;
        transaction.commit()?;
        Ok(Approval::Done(one))
    }
}

const DAMAGED: LedgerError = LedgerError::Damaged("waiting certificate");

/// The enrolments of a contract that wait for approval, in order.
pub(super) fn waiting(connection: &Connection, contract: &str) -> Result<Vec<Waiting>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT pin, added_at FROM client_keys WHERE contract = ?1 AND state = 'pending' ORDER BY added_at, rowid",
    )?;
    let mut rows = statement.query([contract])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let pin: Hash = fixed(row.get(0)?, "client key")?;
        let identity = |file: Vec<u8>| {
            let chain = certificate::read_file(&file).map_err(|_| DAMAGED)?;
            chain.first().map(|first| first.certificate.identity_key).ok_or(DAMAGED)
        };
        let meters = files(connection, &pin)?.into_iter().map(identity).collect::<Result<_, _>>()?;
        waiting.push(Waiting { pin, since: row.get(1)?, meters });
    }
    Ok(waiting)
}

/// The certificate files that a waiting enrolment brought.
fn files(connection: &Connection, pin: &Hash) -> Result<Vec<Vec<u8>>, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT file FROM waiting_meters WHERE pin = ?1 ORDER BY rowid")?;
    let rows = statement.query_map([pin.as_slice()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_is_of_one_key_and_ends_all_others() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        for seed in 1..=3_u8 {
            ledger.invite("4711", &[seed; 32], 100, true, 0).unwrap();
            assert_eq!(ledger.enrol(&[seed; 32], &[seed; 32], &[], 1).unwrap(), Enrolment::Pending("4711".into()));
        }
        let state = |ledger: &mut Ledger, seed: u8| ledger.caller(&[seed; 32], 9).unwrap();
        match ledger.approve("4711", "", 2).unwrap() {
            Approval::Several(all) => assert_eq!(all.len(), 3),
            other => panic!("{other:?}"),
        }
        assert_eq!(ledger.approve("4711", "09", 2).unwrap(), Approval::Nothing);
        assert!(matches!(ledger.approve("4711", "0202", 2).unwrap(), Approval::Done(one) if one.pin == [2; 32]));
        assert!(matches!(state(&mut ledger, 2), Caller::Household(_)));
        // Nothing waits any more: a second approval cannot hand the contract to an older key.
        assert_eq!((state(&mut ledger, 1), state(&mut ledger, 3)), (Caller::Stranger, Caller::Stranger));
        assert_eq!(ledger.approve("4711", "", 3).unwrap(), Approval::Nothing);
        assert!(matches!(state(&mut ledger, 2), Caller::Household(_)));

        // A plain enrolment ends what waits, too.
        ledger.invite("4711", &[4; 32], 100, true, 4).unwrap();
        ledger.enrol(&[4; 32], &[4; 32], &[], 4).unwrap();
        ledger.invite("4711", &[5; 32], 100, false, 5).unwrap();
        assert_eq!(ledger.enrol(&[5; 32], &[5; 32], &[], 5).unwrap(), Enrolment::Done("4711".into()));
        assert_eq!(ledger.approve("4711", "", 6).unwrap(), Approval::Nothing);
        assert_eq!(state(&mut ledger, 4), Caller::Stranger);
    }
}
