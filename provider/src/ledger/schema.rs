//! Tables and migrations. Migrations are append-only: a released one never changes.

use rusqlite::{Connection, TransactionBehavior};

use super::LedgerError;

/// Marks our files ("WPL1") for tools that look at SQLite headers.
const APPLICATION_ID: i64 = 0x5750_4c31;

/// The format this program writes.
pub const SCHEMA_VERSION: i64 = 2;

/// What brings format n to n + 1, from an empty file on.
const MIGRATIONS: [&str; 2] = [FIRST, include_str!("schema_2.sql")];

const FIRST: &str = "
CREATE TABLE meters (
    id INTEGER PRIMARY KEY,
    identity BLOB NOT NULL UNIQUE CHECK (length(identity) = 32),
    name TEXT NOT NULL,
    contract TEXT,
    added_at INTEGER NOT NULL,
    retired_from INTEGER
) STRICT;
CREATE TABLE certificates (
    meter INTEGER NOT NULL REFERENCES meters (id),
    epoch INTEGER NOT NULL,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    first_second INTEGER NOT NULL,
    message BLOB NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (meter, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE expected_registers (
    meter INTEGER NOT NULL REFERENCES meters (id),
    code TEXT NOT NULL,
    PRIMARY KEY (meter, code)
) STRICT, WITHOUT ROWID;
CREATE TABLE tariffs (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    zone TEXT NOT NULL,
    message BLOB NOT NULL
) STRICT;
CREATE TABLE bills (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    kind TEXT NOT NULL CHECK (kind IN ('linear-bill', 'meter-bill')),
    tariff BLOB NOT NULL REFERENCES tariffs (hash),
    contract TEXT,
    first_second INTEGER NOT NULL,
    end_second INTEGER NOT NULL CHECK (end_second > first_second),
    fee_minor INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    tamper INTEGER NOT NULL,
    events INTEGER NOT NULL,
    seal INTEGER NOT NULL CHECK (seal BETWEEN 0 AND 2),
    corrects INTEGER UNIQUE REFERENCES bills (id),
    booked_at INTEGER NOT NULL,
    package BLOB NOT NULL
) STRICT;
CREATE TABLE claims (
    identity BLOB NOT NULL CHECK (length(identity) = 32),
    code TEXT NOT NULL,
    first_second INTEGER NOT NULL,
    end_second INTEGER NOT NULL CHECK (end_second > first_second),
    bill INTEGER NOT NULL REFERENCES bills (id),
    PRIMARY KEY (identity, code, first_second, bill)
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_bill ON claims (bill);
CREATE TABLE seen_epochs (
    identity BLOB NOT NULL CHECK (length(identity) = 32),
    epoch INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    bill INTEGER NOT NULL REFERENCES bills (id),
    PRIMARY KEY (identity, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE seen_blocks (
    identity BLOB NOT NULL CHECK (length(identity) = 32),
    code TEXT NOT NULL,
    number INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    bill INTEGER NOT NULL REFERENCES bills (id),
    PRIMARY KEY (identity, code, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE refusals (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    file BLOB NOT NULL CHECK (length(file) = 32),
    bytes INTEGER NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    against BLOB CHECK (length(against) = 32),
    evidence BLOB
) STRICT;
";

/// Makes an empty file a ledger.
pub(super) fn create(connection: &mut Connection) -> Result<(), LedgerError> {
    connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}"))?;
    migrate(connection)
}

/// Brings a ledger to the current format, one step and one transaction at a time.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), LedgerError> {
    let version = |c: &Connection| c.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    let found = version(connection)?;
    if found > SCHEMA_VERSION {
        return Err(LedgerError::Newer(found));
    }
    if found == SCHEMA_VERSION {
        return Ok(());
    }
    // A table that others refer to is only written anew while nobody checks; what came of it is checked before it counts.
    // The switch has no effect within a transaction. A connection on which this fails is not used.
    connection.execute_batch("PRAGMA foreign_keys = OFF")?;
    for (step, sql) in (1i64..).zip(MIGRATIONS).filter(|(step, _)| *step > found) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have done this step while we waited.
        if version(&transaction)? < step {
            transaction.execute_batch(sql)?;
            if transaction.prepare("PRAGMA foreign_key_check")?.exists([])? {
                return Err(LedgerError::Damaged("link between its tables"));
            }
            transaction.execute_batch(&format!("PRAGMA user_version = {step}"))?;
        }
        transaction.commit()?;
    }
    Ok(connection.execute_batch("PRAGMA foreign_keys = ON")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_migration_gives_the_current_version() {
        assert_eq!(MIGRATIONS.len() as i64, SCHEMA_VERSION);
    }

    #[test]
    fn a_ledger_that_was_brought_forward_enforces_its_links() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(FIRST).unwrap();
        let bill = "INSERT INTO tariffs VALUES (zeroblob(32), 'UTC', x'00'); \
             INSERT INTO bills VALUES (7, zeroblob(32), 'linear-bill', zeroblob(32), NULL, 0, 1, 5, 1, 0, 0, 0, 0, 0, \
             NULL, 9, x'01'); \
             INSERT INTO claims VALUES (zeroblob(32), 'r', 0, 1, 7); PRAGMA user_version = 1";
        connection.execute_batch(bill).unwrap();
        migrate(&mut connection).unwrap();
        let fee: i64 = connection
            .query_row("SELECT fee_minor FROM claims c JOIN bills b ON b.id = c.bill", [], |row| row.get(0))
            .unwrap();
        assert_eq!(fee, 5);
        assert!(connection.execute("DELETE FROM bills", []).is_err(), "a claim refers to it");
        assert!(connection.execute("INSERT INTO claims VALUES (zeroblob(32), 'r', 1, 2, 8)", []).is_err());
    }
}
