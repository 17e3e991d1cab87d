-- Format 2: the provider as a service. Contracts become rows of their own, with their households' keys; bills may be
-- proved. The bills' table is written anew, since SQLite changes no CHECK; foreign keys are off meanwhile (schema.rs).
CREATE TABLE new_bills (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    kind TEXT NOT NULL CHECK (kind IN ('linear-bill', 'meter-bill', 'proved-bill')),
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
INSERT INTO new_bills (id, digest, kind, tariff, contract, first_second, end_second, fee_minor, slots, missing, estimated,
    tamper, events, seal, corrects, booked_at, package)
    SELECT id, digest, kind, tariff, contract, first_second, end_second, fee_minor, slots, missing, estimated,
    tamper, events, seal, corrects, booked_at, package FROM bills;
DROP TABLE bills;
ALTER TABLE new_bills RENAME TO bills;
CREATE INDEX bills_by_contract ON bills (contract);
-- The verifier's part of each circuit that a booked bill was proved under: it stays verifiable whatever the home trusts.
CREATE TABLE circuits (
    id BLOB PRIMARY KEY CHECK (length(id) = 32),
    file BLOB NOT NULL
) STRICT;
-- What a proved bill adds. Without cells its tariff carries nothing from period to period, and the rest is null.
CREATE TABLE proofs (
    bill INTEGER PRIMARY KEY REFERENCES bills (id),
    circuit BLOB NOT NULL REFERENCES circuits (id),
    demonstration INTEGER NOT NULL CHECK (demonstration IN (0, 1)),
    cells TEXT,
    before BLOB CHECK (length(before) = 32),
    after BLOB CHECK (length(after) = 32),
    continues INTEGER REFERENCES bills (id),
    by_hand INTEGER CHECK (by_hand IN (0, 1)),
    CHECK ((cells IS NULL) = (before IS NULL)),
    CHECK ((cells IS NULL) = (after IS NULL)),
    CHECK ((cells IS NULL) = (by_hand IS NULL)),
    CHECK (cells IS NOT NULL OR continues IS NULL)
) STRICT;
CREATE INDEX proofs_by_predecessor ON proofs (continues);
CREATE TABLE contracts (
    id TEXT PRIMARY KEY,
    added_at INTEGER NOT NULL,
    months INTEGER CHECK (months IN (1, 3, 12)),
    zone TEXT,
    due_days INTEGER,
    bills_from INTEGER,
    revoked_at INTEGER,
    ended_at INTEGER,
    CHECK ((months IS NULL) = (zone IS NULL)),
    CHECK ((months IS NULL) = (due_days IS NULL)),
    CHECK ((months IS NULL) = (bills_from IS NULL))
) STRICT;
INSERT INTO contracts (id, added_at)
    SELECT contract, min(added_at) FROM meters WHERE contract IS NOT NULL GROUP BY contract;
CREATE INDEX meters_by_contract ON meters (contract);
-- A meter's present contract has it from this second on; those that had it before follow.
ALTER TABLE meters ADD COLUMN contract_from INTEGER NOT NULL DEFAULT 0;
CREATE TABLE former_terms (
    meter INTEGER NOT NULL REFERENCES meters (id),
    contract TEXT NOT NULL REFERENCES contracts (id),
    first_second INTEGER NOT NULL,
    end_second INTEGER NOT NULL CHECK (end_second > first_second),
    PRIMARY KEY (meter, first_second)
) STRICT, WITHOUT ROWID;
CREATE INDEX terms_by_contract ON former_terms (contract);
ALTER TABLE refusals ADD COLUMN contract TEXT;
CREATE INDEX refusals_by_contract ON refusals (contract);
CREATE INDEX refusals_by_file ON refusals (file);
CREATE TABLE invitations (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    contract TEXT NOT NULL REFERENCES contracts (id),
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    approve INTEGER NOT NULL CHECK (approve IN (0, 1)),
    used_at INTEGER,
    used_by BLOB CHECK (length(used_by) = 32),
    CHECK ((used_at IS NULL) = (used_by IS NULL))
) STRICT;
CREATE TABLE client_keys (
    pin BLOB PRIMARY KEY CHECK (length(pin) = 32),
    contract TEXT NOT NULL REFERENCES contracts (id),
    state TEXT NOT NULL CHECK (state IN ('pending', 'valid', 'next', 'retired', 'revoked')),
    added_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_valid_key ON client_keys (contract) WHERE state = 'valid';
CREATE UNIQUE INDEX one_next_key ON client_keys (contract) WHERE state = 'next';
CREATE TABLE waiting_meters (
    pin BLOB NOT NULL REFERENCES client_keys (pin),
    file BLOB NOT NULL
) STRICT;
CREATE TABLE published (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    first_second INTEGER NOT NULL,
    end_second INTEGER NOT NULL CHECK (end_second > first_second),
    message BLOB NOT NULL,
    published_at INTEGER NOT NULL,
    withdrawn_at INTEGER
) STRICT;
CREATE TABLE receipts (
    bill INTEGER PRIMARY KEY REFERENCES bills (id),
    verdict TEXT NOT NULL,
    message BLOB NOT NULL
) STRICT;
CREATE TABLE revoked_epochs (
    certificate BLOB PRIMARY KEY CHECK (length(certificate) = 32),
    since INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE TABLE leaves (
    certificate BLOB PRIMARY KEY CHECK (length(certificate) = 32),
    first_second INTEGER NOT NULL,
    end_second INTEGER NOT NULL,
    revoked_since INTEGER
) STRICT;
CREATE TABLE revocation_lists (
    number INTEGER PRIMARY KEY,
    content BLOB NOT NULL CHECK (length(content) = 32),
    issued INTEGER NOT NULL,
    message BLOB NOT NULL
) STRICT;
CREATE TABLE commands (
    meter INTEGER NOT NULL REFERENCES meters (id),
    sequence INTEGER NOT NULL CHECK (sequence > 0),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    expires_at INTEGER NOT NULL,
    message BLOB NOT NULL,
    queued_at INTEGER NOT NULL,
    receipt BLOB,
    outcome TEXT,
    received_at INTEGER,
    PRIMARY KEY (meter, sequence),
    CHECK ((receipt IS NULL) = (outcome IS NULL)),
    CHECK ((receipt IS NULL) = (received_at IS NULL))
) STRICT;
CREATE TABLE reports (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('late', 'resolved', 'withdrawn')),
    contract TEXT NOT NULL,
    identity BLOB NOT NULL CHECK (length(identity) = 32),
    first_second INTEGER NOT NULL,
    end_second INTEGER NOT NULL CHECK (end_second > first_second),
    at INTEGER NOT NULL,
    posted_at INTEGER,
    mailed_at INTEGER
) STRICT;
CREATE INDEX reports_by_bill ON reports (identity, first_second, contract, end_second);
CREATE TABLE channels (
    name TEXT PRIMARY KEY CHECK (name IN ('post', 'mail')),
    after INTEGER NOT NULL
) STRICT;
