//! Rows of what left, and of what it brought to each register's account.

use protocol::metrology::keys::Hash;
use protocol::time::{Span, Zone};
use protocol::wire;
use rusqlite::OptionalExtension;

use super::{Store, StoreError, fixed, signed, unsigned};
use crate::ledger::LaneKey;

/// Something that left, or was made to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRow {
    /// When, Unix seconds.
    pub at: i64,
    /// Key of who receives it.
    pub recipient: [u8; 32],
    /// Name of who receives it.
    pub name: String,
    /// What for.
    pub purpose: String,
    /// Digest of its statement.
    pub statement: Hash,
    /// The time that it is about.
    pub period: Span,
    /// What it says, in a sentence.
    pub sentence: String,
}

impl Store {
    /// Whether a question has been answered before.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_answered(&self, question: &Hash) -> Result<bool, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM releases WHERE question = ?1)")?;
        Ok(statement.query_row([question.as_slice()], |row| row.get(0))?)
    }

    /// Keeps that something left; gives its number.
    pub(crate) fn keep_release(&self, release: &ReleaseRow, question: &Hash) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO releases (at, recipient, name, purpose, question, statement, first_second, end_second, sentence) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute((
                release.at,
                release.recipient.as_slice(),
                &release.name,
                &release.purpose,
                question.as_slice(),
                release.statement.as_slice(),
                signed(release.period.from, "time")?,
                signed(release.period.until, "time")?,
                &release.sentence,
            ))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Keeps what a release brought to an account.
    pub(crate) fn keep_record(&self, release: i64, lane: LaneKey, record: &[u8]) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO release_records (release, register, interval, record) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((release, lane.0, signed(lane.1, "interval")?, record))?;
        Ok(())
    }

    /// Keeps that a register followed another in what was asked.
    pub(crate) fn keep_followed(&self, after: i64, before: i64) -> Result<(), StoreError> {
        let mut insert =
            self.connection.prepare_cached("INSERT OR IGNORE INTO followed (register, before) VALUES (?1, ?2)")?;
        insert.execute((after, before))?;
        Ok(())
    }

    /// Registers that followed another, with those that they followed.
    pub(crate) fn followed(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT register, before FROM followed ORDER BY register, before")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.map(|row| Ok(row?)).collect()
    }

    /// What releases after one brought to each account, in order.
    pub(crate) fn records_after(&self, last: i64) -> Result<Vec<(i64, LaneKey, Vec<u8>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT release, register, interval, record FROM release_records WHERE release > ?1 \
             ORDER BY release, register, interval",
        )?;
        let rows = statement.query_map([last], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        rows.map(|row| {
            let (release, register, interval, record) = row?;
            Ok((release, (register, unsigned(interval, "ledger record")?), record))
        })
        .collect()
    }

    /// What left, newest first, with its number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn releases(&self, limit: u32) -> Result<Vec<(i64, ReleaseRow)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, at, recipient, name, purpose, statement, first_second, end_second, sentence FROM releases \
             ORDER BY id DESC LIMIT ?1",
        )?;
        let rows = statement.query_map([limit], |row| {
            let fixed: (i64, i64, Vec<u8>, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            let rest: (Vec<u8>, i64, i64, String) = (row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?);
            Ok((fixed, rest))
        })?;
        rows.map(|row| {
            let ((id, at, recipient, name, purpose), (statement, from, until, sentence)) = row?;
            let period = Span { from: unsigned(from, "release")?, until: unsigned(until, "release")? };
            let (recipient, statement) = (fixed(recipient, "release")?, fixed(statement, "release")?);
            Ok((id, ReleaseRow { at, recipient, name, purpose, statement, period, sentence }))
        })
        .collect()
    }

    /// A register's meter and code, by its row.
    ///
    /// # Errors
    /// When the database fails.
    pub fn register_names(&self, register: i64) -> Result<Option<(String, String)>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT m.name, r.code FROM registers r JOIN meters m ON m.id = r.meter WHERE r.id = ?1")?;
        Ok(statement.query_row([register], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// The civil time in which this home's days, weeks and months are counted; `None` before the first release.
    ///
    /// # Errors
    /// When the database fails.
    pub fn days(&self) -> Result<Option<Zone>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT zone FROM ledger_days")?;
        let found: Option<Vec<u8>> = statement.query_row([], |row| row.get(0)).optional()?;
        found.map(|bytes| wire::decode(&bytes, "time zone").map_err(|_| StoreError::Damaged("time zone"))).transpose()
    }

    /// Sets the civil time in which days are counted, where none is set: it never changes, so that nobody can shift what was
    /// counted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_days(&self, zone: &Zone) -> Result<(), StoreError> {
        let zone = wire::encode(zone);
        self.connection
            .prepare_cached("INSERT INTO ledger_days (id, zone) VALUES (1, ?1) ON CONFLICT DO NOTHING")?
            .execute([zone])?;
        Ok(())
    }
}

#[cfg(test)]
impl Store {
    /// A register that nothing was sealed of.
    pub(crate) fn test_register(&self, id: i64, code: &str) {
        let meter = "INSERT OR IGNORE INTO meters VALUES (1, zeroblob(32), 'M', 1)";
        self.connection.execute(meter, []).unwrap();
        self.connection.execute("INSERT INTO registers VALUES (?1, 1, ?2, 'Wh')", (id, code)).unwrap();
    }

    /// Damages what a release brought.
    pub(crate) fn test_damage_record(&self, release: i64) {
        self.connection.execute("UPDATE release_records SET record = x'00' WHERE release = ?1", [release]).unwrap();
    }
}
