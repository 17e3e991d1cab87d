//! Contracts: their meters, their households' keys, and when their bills are due.

use protocol::metrology::keys::Hash;
use rusqlite::Connection;

use super::enrolment::retire_all;
use super::registry::entry;
use super::{Ledger, LedgerError, MeterEntry, Objection, fixed, signed, unsigned};

/// When a contract's bills are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billing {
    /// Calendar months of a period: 1, 3 or 12.
    pub months: u8,
    /// IANA time zone of the calendar.
    pub zone: String,
    /// Days after the end of a period until its bill is late.
    pub due_days: u16,
    /// Unix second from which bills are expected.
    pub from: u64,
}

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
    /// Keys of its household.
    pub keys: Vec<ClientKey>,
    /// Its meters.
    pub meters: Vec<MeterEntry>,
    /// Whether an enrolment waits for approval.
    pub pending: bool,
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
            if let Some(found) = meter.contract.as_deref().filter(|found| *found != id) {
                let (found, wanted) = (Some(found.to_owned()), id.to_owned());
                return Ok(Err(Objection::OtherContract { meter: meter.identity, found, wanted }));
            }
            transaction.execute("UPDATE meters SET contract = ?2 WHERE id = ?1", (meter.id, id))?;
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
            "SELECT id, added_at, months, zone, due_days, bills_from, revoked_at, \
             EXISTS (SELECT 1 FROM client_keys k WHERE k.contract = c.id AND k.state = 'pending') \
             FROM contracts c ORDER BY id",
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
                pending: row.get(7)?,
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
        retire_all(&transaction, contract, "revoked", now)?;
        transaction.execute("DELETE FROM invitations WHERE contract = ?1 AND used_at IS NULL", [contract])?;
        transaction.execute("DELETE FROM waiting_meters WHERE contract = ?1", [contract])?;
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
