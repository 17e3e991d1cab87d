//! Contracts: their meters, their households' keys, their calendars.

use protocol::metrology::keys::Hash;
use rusqlite::Connection;

use super::calendar::Billing;
use super::enrolment::{Waiting, waiting};
use super::keys::end_keys;
use super::registry::entry;
use super::rules::Stop;
use super::terms::assign;
use super::{Ledger, LedgerError, MeterEntry, Objection, fixed, signed, unsigned};

/// A contract.
#[derive(Clone, Debug)]
pub struct Contract {
    /// The provider's own number or name of it.
    pub id: String,
    /// When it was listed, Unix seconds.
    pub added_at: i64,
    /// Its billing calendar, if it has one.
    pub billing: Option<Billing>,
    /// Since when its household may not come in, Unix seconds.
    pub revoked_at: Option<i64>,
    /// First Unix second that it no longer covers.
    pub ended_at: Option<u64>,
    /// Keys of its household.
    pub keys: Vec<ClientKey>,
    /// Its meters.
    pub meters: Vec<MeterEntry>,
    /// Enrolments that wait for approval.
    pub waiting: Vec<Waiting>,
}

/// A household's key.
#[derive(Clone, Debug)]
pub struct ClientKey {
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub pin: Hash,
    /// pending, valid, next, retired or revoked.
    pub state: String,
    /// When it came, Unix seconds.
    pub added_at: i64,
}

impl Ledger {
    /// Lists a contract, or sets its billing calendar.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn add_contract(
        &mut self,
        id: &str,
        meters: &[MeterEntry],
        billing: Option<&Billing>,
        now: i64,
    ) -> Result<Result<(), Objection>, LedgerError> {
        let transaction = self.writing()?;
        list(&transaction, id, now)?;
        for meter in meters {
            match assign(&transaction, meter.id, id, now) {
                Ok(()) => {}
                Err(Stop::Objection(objection)) => return Ok(Err(objection)),
                Err(Stop::Ledger(error)) => return Err(error),
            }
        }
        if let Some(Billing { months, zone, due_days, from }) = billing {
            transaction.execute(
                "UPDATE contracts SET months = ?2, zone = ?3, due_days = ?4, bills_from = ?5 WHERE id = ?1",
                (id, months, zone, due_days, signed(*from)?),
            )?;
        }
        transaction.commit()?;
        Ok(Ok(()))
    }

    /// All contracts, by name.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn contracts(&self) -> Result<Vec<Contract>, LedgerError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, added_at, months, zone, due_days, bills_from, revoked_at, ended_at FROM contracts ORDER BY id",
        )?;
        let mut rows = statement.query([])?;
        let mut contracts = Vec::new();
        while let Some(row) = rows.next()? {
            let id: String = row.get(0)?;
            let billing = match row.get::<_, Option<i64>>(2)? {
                None => None,
                Some(months) => Some(Billing {
                    months: unsigned(months, "contract")?,
                    zone: row.get(3)?,
                    due_days: unsigned(row.get(4)?, "contract")?,
                    from: unsigned(row.get(5)?, "contract")?,
                }),
            };
            contracts.push(Contract {
                keys: keys(&self.connection, &id)?,
                meters: self.meters_of(&id)?,
                added_at: row.get(1)?,
                billing,
                revoked_at: row.get(6)?,
                ended_at: row.get::<_, Option<i64>>(7)?.map(|at| unsigned(at, "contract")).transpose()?,
                waiting: waiting(&self.connection, &id)?,
                id,
            });
        }
        Ok(contracts)
    }

    /// The meters of a contract.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn meters_of(&self, contract: &str) -> Result<Vec<MeterEntry>, LedgerError> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM meters WHERE contract = ?1 ORDER BY id")?;
        let ids: Vec<i64> = statement.query_map([contract], |row| row.get(0))?.collect::<Result<_, _>>()?;
        ids.into_iter().map(|id| entry(&self.connection, id)).collect()
    }

    /// Shuts a contract's household out: its keys and open invitations are good no more. `false` when there is no such
    /// contract.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn revoke_contract(&mut self, contract: &str, now: i64) -> Result<bool, LedgerError> {
        let transaction = self.writing()?;
        let found = transaction.execute("UPDATE contracts SET revoked_at = ?2 WHERE id = ?1", (contract, now))?;
        end_keys(&transaction, contract, "revoked", now)?;
        transaction.execute("DELETE FROM invitations WHERE contract = ?1 AND used_at IS NULL", [contract])?;
        transaction.commit()?;
        Ok(found > 0)
    }
}

/// Lists a contract by its name, when it is not listed.
pub(super) fn list(connection: &Connection, id: &str, now: i64) -> Result<(), LedgerError> {
    connection.prepare_cached("INSERT OR IGNORE INTO contracts (id, added_at) VALUES (?1, ?2)")?.execute((id, now))?;
    Ok(())
}

fn keys(connection: &Connection, contract: &str) -> Result<Vec<ClientKey>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT pin, state, added_at FROM client_keys WHERE contract = ?1 ORDER BY rowid")?;
    let mut rows = statement.query([contract])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(ClientKey { pin: fixed(row.get(0)?, "client key")?, state: row.get(1)?, added_at: row.get(2)? });
    }
    Ok(keys)
}
