//! Rows of meters, certificates and pairings.

use protocol::certificate::VerifiedCertificate;
use protocol::metrology::keys::{AgreementKey, Hash, PairingCode};
use protocol::pairing::Pairing;
use rusqlite::OptionalExtension;

use super::{Store, StoreError, fixed, unsigned};

/// A meter the household is paired with.
#[derive(Clone, Debug)]
pub struct MeterRow {
    /// Row number.
    pub id: i64,
    /// Its key for life.
    pub identity: [u8; 32],
    /// What the maker printed on it.
    pub name: String,
}

/// A pairing with a meter.
pub struct PairingRow {
    /// Row number.
    pub id: i64,
    /// The meter's row.
    pub meter: i64,
    /// The pairing's secrets, with no certificates.
    pub pairing: Pairing,
}

impl Store {
    /// All meters, in order of pairing.
    ///
    /// # Errors
    /// When the database fails.
    pub fn meters(&self) -> Result<Vec<MeterRow>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT id, identity, name FROM meters ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.map(|row| {
            let (id, identity, name) = row?;
            Ok(MeterRow { id, identity: fixed(identity, "meter")?, name })
        })
        .collect()
    }

    /// The meter with an identity key.
    ///
    /// # Errors
    /// When the database fails.
    pub fn meter(&self, identity: &[u8; 32]) -> Result<Option<MeterRow>, StoreError> {
        Ok(self.meters()?.into_iter().find(|m| m.identity == *identity))
    }

    pub(crate) fn insert_meter(&self, identity: &[u8; 32], name: &str, at: i64) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached("INSERT INTO meters (identity, name, paired_at) VALUES (?1, ?2, ?3)")?
            .execute((identity.as_slice(), name, at))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// All certificates of a meter, oldest first, with their rows.
    ///
    /// # Errors
    /// When the database fails or a certificate in it is damaged.
    pub fn certificates(&self, meter: i64) -> Result<Vec<(i64, VerifiedCertificate)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id, message FROM certificates WHERE meter = ?1 ORDER BY epoch")?;
        let rows = statement.query_map([meter], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        rows.map(|row| {
            let (id, message) = row?;
            let certificate = VerifiedCertificate::read(&message).map_err(|_| StoreError::Damaged("certificate"))?;
            Ok((id, certificate))
        })
        .collect()
    }

    /// The certificate with a hash: its row and its meter's.
    ///
    /// # Errors
    /// When the database fails.
    pub fn certificate(&self, hash: &Hash) -> Result<Option<(i64, i64, VerifiedCertificate)>, StoreError> {
        let found: Option<(i64, i64, Vec<u8>)> = self
            .connection
            .prepare_cached("SELECT id, meter, message FROM certificates WHERE hash = ?1")?
            .query_row([hash.as_slice()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        found
            .map(|(id, meter, message)| {
                let read = VerifiedCertificate::read(&message).map_err(|_| StoreError::Damaged("certificate"))?;
                Ok((id, meter, read))
            })
            .transpose()
    }

    pub(crate) fn insert_certificate(&self, meter: i64, entry: &VerifiedCertificate) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached("INSERT INTO certificates (meter, epoch, hash, message) VALUES (?1, ?2, ?3, ?4)")?
            .execute((meter, entry.certificate.epoch, entry.hash.as_slice(), &entry.message))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The pairing with a meter that has a counter.
    ///
    /// # Errors
    /// When the database fails.
    pub fn pairing(&self, meter: i64, counter: u32) -> Result<Option<PairingRow>, StoreError> {
        let found: Option<(i64, Vec<u8>, Vec<u8>)> = self
            .connection
            .prepare_cached("SELECT id, household_key, code FROM pairings WHERE meter = ?1 AND counter = ?2")?
            .query_row((meter, counter), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        found
            .map(|(id, key, code)| {
                let household_key = AgreementKey::from_bytes(fixed(key, "pairing")?);
                let code = PairingCode::from_bytes(fixed(code, "pairing")?);
                Ok(PairingRow {
                    id,
                    meter,
                    pairing: Pairing { counter, household_key, code, certificates: Vec::new() },
                })
            })
            .transpose()
    }

    /// The numbers of all pairings of this home with a meter, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn pairing_counters(&self, meter: i64) -> Result<Vec<u32>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT counter FROM pairings WHERE meter = ?1 ORDER BY counter")?;
        let rows = statement.query_map([meter], |row| row.get::<_, i64>(0))?;
        rows.map(|counter| unsigned(counter?, "pairing")).collect()
    }

    /// The counter of the newest pairing with a meter.
    ///
    /// # Errors
    /// When the database fails.
    pub fn newest_pairing(&self, meter: i64) -> Result<Option<u32>, StoreError> {
        let counter: Option<i64> = self
            .connection
            .prepare_cached("SELECT max(counter) FROM pairings WHERE meter = ?1")?
            .query_row([meter], |row| row.get(0))?;
        counter.map(|c| unsigned(c, "pairing")).transpose()
    }

    pub(crate) fn insert_pairing(&self, meter: i64, pairing: &Pairing) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO pairings (meter, counter, household_key, code) VALUES (?1, ?2, ?3, ?4)")?
            .execute((meter, pairing.counter, pairing.household_key.expose(), pairing.code.expose()))?;
        Ok(())
    }
}
