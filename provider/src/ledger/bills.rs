//! Rows of bills and their tariffs, as they are read back.

use protocol::metrology::certificate::SealClass;
use protocol::metrology::keys::Hash;
use protocol::time::Span;
use rusqlite::{Connection, OptionalExtension, Row};

use super::booking::{Carried, Kind};
use super::carried::read_proof;
use super::{Ledger, LedgerError, fixed, unsigned};

/// A booked bill.
#[derive(Clone, Debug)]
pub struct BillEntry {
    id: i64,
    /// Digest of its statement.
    pub digest: Hash,
    /// Its form.
    pub kind: Kind,
    /// Hash of its tariff.
    pub tariff: Hash,
    /// Its contract, as the registry had it.
    pub contract: Option<String>,
    /// The period.
    pub period: Span,
    /// The amount due in minor units.
    pub fee_minor: i64,
    /// Slots over all registers.
    pub slots: u64,
    /// Slots without a measurement.
    pub missing: u32,
    /// Slots with a substituted or cut value.
    pub estimated: u32,
    /// Slots measured while a tamper sensor was active.
    pub tamper: u32,
    /// Events of the touched blocks.
    pub events: u16,
    /// The lowest class of seal among its meters.
    pub class: SealClass,
    /// The bill that it supersedes.
    pub corrects: Option<Hash>,
    /// The bill that supersedes it.
    pub corrected_by: Option<Hash>,
    /// When it was booked, Unix seconds.
    pub booked_at: i64,
    /// Size of its file.
    pub bytes: u64,
    /// What it bills: meter, register, time.
    pub claims: Vec<([u8; 32], String, Span)>,
    /// What it adds when it is a proved one.
    pub proof: Option<ProofEntry>,
}

/// What a proved bill adds.
#[derive(Clone, Debug)]
pub struct ProofEntry {
    /// The circuit's identity.
    pub circuit: Hash,
    /// Whether its maker could forge.
    pub demonstration: bool,
    /// What it carries, under a tariff that carries something.
    pub carried: Option<CarriedEntry>,
}

/// What a bill carries from period to period.
#[derive(Clone, Debug)]
pub struct CarriedEntry {
    /// The values before and after, and the bill that it goes on from.
    pub carried: Carried,
    /// The correction that superseded the bill that it goes on from: this one is to be corrected in turn.
    pub outdated_by: Option<Hash>,
    /// Whether an operator let it begin anew or go on over a gap.
    pub by_hand: bool,
}

impl BillEntry {
    /// Whether no correction has superseded it.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.corrected_by.is_none()
    }

    /// The correction of the bill before, when this one still goes on from what that bill said.
    #[must_use]
    pub fn outdated_by(&self) -> Option<Hash> {
        let carried = self.proof.as_ref()?.carried.as_ref()?;
        carried.outdated_by.filter(|_| self.stands())
    }
}

/// A tariff that a booked bill was made under.
#[derive(Clone, Debug)]
pub struct StoredTariff {
    /// Its hash.
    pub hash: Hash,
    /// Its message.
    pub message: Vec<u8>,
}

/// What a text of hexadecimal digits names.
#[derive(Clone, Debug)]
pub enum Digest<T> {
    /// One.
    One(Box<T>),
    /// None, or it is no digest.
    None,
    /// Several begin so.
    Several,
}

const COLUMNS: &str = "SELECT b.id, b.digest, b.kind, b.tariff, b.contract, b.first_second, b.end_second, b.fee_minor, \
     b.slots, b.missing, b.estimated, b.tamper, b.events, b.seal, b.booked_at, length(b.package), old.digest, new.digest \
     FROM bills b LEFT JOIN bills old ON old.id = b.corrects LEFT JOIN bills new ON new.corrects = b.id";

impl Ledger {
    /// Booked bills in the order of booking; those of one meter, when it is given.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn bills(&self, meter: Option<&[u8; 32]>) -> Result<Vec<BillEntry>, LedgerError> {
        let of = "?1 IS NULL OR b.id IN (SELECT bill FROM claims WHERE identity = ?1)";
        self.select(&format!("{COLUMNS} WHERE {of} ORDER BY b.id"), meter.map(|m| m.as_slice()))
    }

    /// The booked bill whose digest begins with these hexadecimal digits, at least eight.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn bill(&self, digits: &str) -> Result<Digest<BillEntry>, LedgerError> {
        let Some(pattern) = pattern(digits) else { return Ok(Digest::None) };
        let found = self.select(&format!("{COLUMNS} WHERE hex(b.digest) LIKE ?1 ORDER BY b.id LIMIT 2"), pattern)?;
        Ok(single(found))
    }

    fn select(&self, sql: &str, key: impl rusqlite::ToSql) -> Result<Vec<BillEntry>, LedgerError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([key])?;
        let mut bills = Vec::new();
        while let Some(row) = rows.next()? {
            let mut bill = read_bill(row)?;
            bill.claims = claims(&self.connection, bill.id)?;
            bill.proof = read_proof(&self.connection, bill.id)?;
            bills.push(bill);
        }
        Ok(bills)
    }

    /// A bill's file, exactly as it was booked.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn package(&self, bill: &BillEntry) -> Result<Vec<u8>, LedgerError> {
        Ok(self
            .connection
            .prepare_cached("SELECT package FROM bills WHERE id = ?1")?
            .query_row([bill.id], |row| row.get(0))?)
    }

    /// The file of the circuit that a booked bill was verified under.
    ///
    /// # Errors
    /// When the ledger fails or does not hold it.
    pub fn circuit(&self, id: &Hash) -> Result<Vec<u8>, LedgerError> {
        let file = self
            .connection
            .prepare_cached("SELECT file FROM circuits WHERE id = ?1")?
            .query_row([id.as_slice()], |row| row.get(0))
            .optional()?;
        file.ok_or(LedgerError::Damaged("circuit"))
    }

    /// The tariff of a booked bill.
    ///
    /// # Errors
    /// When the ledger fails or does not hold it.
    pub fn tariff(&self, hash: &Hash) -> Result<StoredTariff, LedgerError> {
        let message = self
            .connection
            .prepare_cached("SELECT message FROM tariffs WHERE hash = ?1")?
            .query_row([hash.as_slice()], |row| row.get(0))
            .optional()?;
        Ok(StoredTariff { hash: *hash, message: message.ok_or(LedgerError::Damaged("tariff"))? })
    }
}

/// What `LIKE` looks for; only digits come through.
pub(super) fn pattern(digits: &str) -> Option<String> {
    let plain = (8..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| format!("{digits}%"))
}

pub(super) fn single<T>(mut found: Vec<T>) -> Digest<T> {
    match (found.pop(), found.is_empty()) {
        (None, _) => Digest::None,
        (Some(one), true) => Digest::One(Box::new(one)),
        (Some(_), false) => Digest::Several,
    }
}

fn read_bill(row: &Row<'_>) -> Result<BillEntry, LedgerError> {
    const WHAT: &str = "bill";
    let link = |place: usize| -> Result<Option<Hash>, LedgerError> {
        row.get::<_, Option<Vec<u8>>>(place)?.map(|bytes| fixed(bytes, WHAT)).transpose()
    };
    let class = match row.get::<_, i64>(13)? {
        0 => SealClass::Certified,
        1 => SealClass::BesideMeter,
        2 => SealClass::SelfSealed,
        _ => return Err(LedgerError::Damaged(WHAT)),
    };
    Ok(BillEntry {
        id: row.get(0)?,
        digest: fixed(row.get(1)?, WHAT)?,
        kind: Kind::named(&row.get::<_, String>(2)?).ok_or(LedgerError::Damaged(WHAT))?,
        tariff: fixed(row.get(3)?, WHAT)?,
        contract: row.get(4)?,
        period: Span { from: unsigned(row.get(5)?, WHAT)?, until: unsigned(row.get(6)?, WHAT)? },
        fee_minor: row.get(7)?,
        slots: unsigned(row.get(8)?, WHAT)?,
        missing: unsigned(row.get(9)?, WHAT)?,
        estimated: unsigned(row.get(10)?, WHAT)?,
        tamper: unsigned(row.get(11)?, WHAT)?,
        events: unsigned(row.get(12)?, WHAT)?,
        class,
        booked_at: row.get(14)?,
        bytes: unsigned(row.get(15)?, WHAT)?,
        corrects: link(16)?,
        corrected_by: link(17)?,
        claims: Vec::new(),
        proof: None,
    })
}

fn claims(connection: &Connection, bill: i64) -> Result<Vec<([u8; 32], String, Span)>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT identity, code, first_second, end_second FROM claims WHERE bill = ?1 ORDER BY first_second, code",
    )?;
    let mut rows = statement.query([bill])?;
    let mut claims = Vec::new();
    while let Some(row) = rows.next()? {
        let span = Span { from: unsigned(row.get(2)?, "claim")?, until: unsigned(row.get(3)?, "claim")? };
        claims.push((fixed(row.get(0)?, "claim")?, row.get(1)?, span));
    }
    Ok(claims)
}
