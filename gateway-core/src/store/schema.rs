//! Tables and migrations. Migrations are append-only: a released one never changes.

use rusqlite::Connection;

use super::{StoreError, WRITING};

/// Marks our files ("WSL1") for tools that look at SQLite headers.
const APPLICATION_ID: i64 = 0x5753_4c31;

/// The format this program writes.
pub const SCHEMA_VERSION: i64 = 4;

/// What brings format n to n + 1, from an empty file on. Documented in docs/data-model.md.
const MIGRATIONS: [&str; 4] = [FIRST, RUNNING, PLAIN, RELEASES];

/// Meters, blocks and bills.
const FIRST: &str = "
CREATE TABLE meters (
    id INTEGER PRIMARY KEY,
    identity BLOB NOT NULL UNIQUE CHECK (length(identity) = 32),
    name TEXT NOT NULL,
    paired_at INTEGER NOT NULL
) STRICT;
CREATE TABLE certificates (
    id INTEGER PRIMARY KEY,
    meter INTEGER NOT NULL REFERENCES meters (id),
    epoch INTEGER NOT NULL,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    message BLOB NOT NULL,
    UNIQUE (meter, epoch)
) STRICT;
CREATE TABLE pairings (
    id INTEGER PRIMARY KEY,
    meter INTEGER NOT NULL REFERENCES meters (id),
    counter INTEGER NOT NULL,
    household_key BLOB NOT NULL CHECK (length(household_key) = 32),
    code BLOB NOT NULL CHECK (length(code) = 16),
    UNIQUE (meter, counter)
) STRICT;
CREATE TABLE registers (
    id INTEGER PRIMARY KEY,
    meter INTEGER NOT NULL REFERENCES meters (id),
    code TEXT NOT NULL,
    unit TEXT NOT NULL,
    UNIQUE (meter, code)
) STRICT;
CREATE TABLE ratchets (
    register INTEGER NOT NULL REFERENCES registers (id),
    certificate INTEGER NOT NULL REFERENCES certificates (id),
    pairing INTEGER NOT NULL REFERENCES pairings (id),
    day INTEGER NOT NULL,
    key BLOB NOT NULL CHECK (length(key) = 32),
    PRIMARY KEY (register, certificate, pairing)
) STRICT, WITHOUT ROWID;
CREATE TABLE seeds (
    id INTEGER PRIMARY KEY,
    register INTEGER NOT NULL REFERENCES registers (id),
    certificate INTEGER NOT NULL REFERENCES certificates (id),
    pairing INTEGER NOT NULL REFERENCES pairings (id),
    day INTEGER NOT NULL,
    seed BLOB NOT NULL CHECK (length(seed) = 32),
    UNIQUE (register, certificate, pairing, day)
) STRICT;
CREATE TABLE blocks (
    register INTEGER NOT NULL REFERENCES registers (id),
    number INTEGER NOT NULL,
    certificate INTEGER NOT NULL REFERENCES certificates (id),
    seed INTEGER NOT NULL REFERENCES seeds (id),
    first_second INTEGER NOT NULL,
    end_second INTEGER NOT NULL CHECK (end_second > first_second),
    header BLOB NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    readings BLOB NOT NULL,
    residual INTEGER NOT NULL,
    total_before INTEGER NOT NULL,
    total_after INTEGER NOT NULL,
    PRIMARY KEY (register, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX blocks_by_time ON blocks (register, first_second);
CREATE TABLE providers (
    key BLOB PRIMARY KEY CHECK (length(key) = 32),
    name TEXT NOT NULL,
    pinned_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tariffs (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    provider BLOB NOT NULL REFERENCES providers (key),
    message BLOB NOT NULL
) STRICT;
CREATE TABLE bills (
    digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
    tariff BLOB NOT NULL REFERENCES tariffs (hash),
    first_second INTEGER NOT NULL,
    end_second INTEGER NOT NULL,
    fee_minor INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    package BLOB NOT NULL
) STRICT;
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
";

/// What a running gateway keeps: lines to meters, accounts with providers, what is under way on both, and what proofs are
/// made with.
const RUNNING: &str = "
CREATE TABLE lines (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,
    password BLOB,
    authority TEXT,
    meter INTEGER REFERENCES meters (id),
    added_at INTEGER NOT NULL
) STRICT;
CREATE TABLE handshakes (
    id INTEGER PRIMARY KEY,
    identity BLOB NOT NULL CHECK (length(identity) = 32),
    counter INTEGER NOT NULL,
    household BLOB NOT NULL CHECK (length(household) = 32),
    pairing BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    UNIQUE (identity, counter, household)
) STRICT;
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    provider BLOB NOT NULL REFERENCES providers (key),
    address TEXT NOT NULL,
    contract TEXT,
    client_key BLOB NOT NULL CHECK (length(client_key) = 32),
    next_key BLOB CHECK (length(next_key) = 32),
    enrolment BLOB NOT NULL CHECK (length(enrolment) = 32),
    enrolled_at INTEGER,
    revocations BLOB,
    UNIQUE (provider, enrolment),
    UNIQUE (provider, contract)
) STRICT;
CREATE TABLE successions (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    message BLOB NOT NULL,
    UNIQUE (account, message)
) STRICT;
CREATE TABLE standing (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    tariff TEXT NOT NULL,
    first_second INTEGER NOT NULL,
    offset_seconds INTEGER NOT NULL,
    totals INTEGER NOT NULL,
    ended_at INTEGER,
    message TEXT
) STRICT;
CREATE UNIQUE INDEX standing_open ON standing (account, tariff) WHERE ended_at IS NULL;
CREATE TABLE submissions (
    bill BLOB PRIMARY KEY REFERENCES bills (digest),
    account INTEGER NOT NULL REFERENCES accounts (id),
    standing INTEGER REFERENCES standing (id),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'accepted', 'refused')),
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    message TEXT,
    receipt BLOB,
    settled_at INTEGER
) STRICT;
CREATE TABLE commands (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    meter INTEGER NOT NULL REFERENCES meters (id),
    sequence INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    message BLOB NOT NULL,
    receipt BLOB,
    delivered INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, meter, hash)
) STRICT;
CREATE TABLE circuits (
    id INTEGER PRIMARY KEY,
    pin BLOB NOT NULL CHECK (length(pin) = 32),
    profile TEXT NOT NULL,
    circuit BLOB NOT NULL CHECK (length(circuit) = 32),
    demonstration INTEGER NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('provider', 'file', 'here')),
    provider BLOB REFERENCES providers (key),
    checked_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX circuits_by_source ON circuits (pin, source, coalesce(provider, x''));
CREATE TABLE states (
    bill BLOB PRIMARY KEY REFERENCES bills (digest),
    continues BLOB CHECK (length(continues) = 32),
    corrects BLOB CHECK (length(corrects) = 32),
    cells BLOB NOT NULL,
    blinding BLOB NOT NULL CHECK (length(blinding) = 32)
) STRICT;
";

/// Meters that seal nothing: how a line to one is read, and what seals in its place. And brokers that current readings are
/// published to.
const PLAIN: &str = "
ALTER TABLE lines ADD COLUMN profile TEXT;
ALTER TABLE lines ADD COLUMN key BLOB;
ALTER TABLE lines ADD COLUMN authentication_key BLOB;
ALTER TABLE lines ADD COLUMN public_key BLOB;
ALTER TABLE lines ADD COLUMN interval INTEGER;
CREATE TABLE sealers (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL,
    label TEXT NOT NULL,
    number TEXT,
    meter INTEGER NOT NULL REFERENCES meters (id),
    state BLOB NOT NULL,
    edges BLOB NOT NULL,
    UNIQUE (address, label)
) STRICT;
CREATE TABLE open_slots (
    sealer INTEGER NOT NULL REFERENCES sealers (id),
    register TEXT NOT NULL,
    slot INTEGER NOT NULL,
    advance INTEGER NOT NULL,
    status INTEGER NOT NULL,
    PRIMARY KEY (sealer, register, slot)
) STRICT, WITHOUT ROWID;
CREATE TABLE publications (
    id INTEGER PRIMARY KEY,
    broker TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    password BLOB,
    authority TEXT,
    what TEXT NOT NULL,
    every INTEGER NOT NULL,
    not_local INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE TABLE published (
    publication INTEGER NOT NULL REFERENCES publications (id),
    topic TEXT NOT NULL,
    meter BLOB CHECK (length(meter) = 32),
    code TEXT,
    unit TEXT,
    device INTEGER,
    PRIMARY KEY (publication, topic)
) STRICT, WITHOUT ROWID;
";

/// What left, and what it brought to the account of each register; the civil time in which its days are counted.
const RELEASES: &str = "
CREATE TABLE releases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    recipient BLOB NOT NULL CHECK (length(recipient) = 32),
    name TEXT NOT NULL,
    purpose TEXT NOT NULL,
    question BLOB NOT NULL CHECK (length(question) = 32),
    statement BLOB NOT NULL CHECK (length(statement) = 32),
    first_second INTEGER NOT NULL,
    end_second INTEGER NOT NULL,
    sentence TEXT NOT NULL
) STRICT;
CREATE INDEX releases_by_question ON releases (question);
CREATE TABLE release_records (
    release INTEGER NOT NULL REFERENCES releases (id),
    register INTEGER NOT NULL REFERENCES registers (id),
    interval INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (release, register, interval)
) STRICT, WITHOUT ROWID;
CREATE TABLE followed (
    register INTEGER NOT NULL REFERENCES registers (id),
    before INTEGER NOT NULL REFERENCES registers (id),
    PRIMARY KEY (register, before)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_days (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    zone BLOB NOT NULL
) STRICT;
";

/// Makes an empty file a store.
pub(super) fn create(connection: &mut Connection) -> Result<(), StoreError> {
    connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}"))?;
    migrate(connection)
}

/// Brings a store to the current format, one step and one transaction at a time.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > SCHEMA_VERSION {
        return Err(StoreError::Newer(found));
    }
    for (version, sql) in (1i64..).zip(MIGRATIONS) {
        if version > found {
            let transaction = connection.transaction_with_behavior(WRITING)?;
            // Another process may have taken this step while we waited.
            let now: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if version > now {
                transaction.execute_batch(sql)?;
                transaction.execute_batch(&format!("PRAGMA user_version = {version}"))?;
            }
            transaction.commit()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_migration_gives_the_current_version() {
        assert_eq!(i64::try_from(MIGRATIONS.len()), Ok(SCHEMA_VERSION));
    }
}
