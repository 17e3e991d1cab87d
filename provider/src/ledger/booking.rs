//! Booking: what a verified bill brings, the decision on it, and the rows that it leaves behind.
//!
//! The rules stand in [`super::rules`]; this module runs them and writes, in one transaction.

use protocol::metrology::certificate::SealClass;
use protocol::metrology::keys::Hash;
use protocol::metrology::label::RegisterCode;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use rusqlite::{Connection, params};

use super::carried::{check_carried, insert_proof};
use super::keys::check_household;
use super::refusals::{Refusal, record_refusal};
use super::revoked::check_revoked;
use super::rules::{Stop, check_contract, check_correction, check_overlap, check_service, check_story, find_booked};
use super::{Household, Ledger, LedgerError, Objection, signed};

/// The form of a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Proved by the household against the meter's commitments.
    Linear,
    /// Computed and signed by the meter.
    Meter,
    /// Proved by the household without telling any sum.
    Proved,
}

impl Kind {
    /// As it stands in the ledger and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear-bill",
            Self::Meter => "meter-bill",
            Self::Proved => "proved-bill",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Linear, Self::Meter, Self::Proved].into_iter().find(|kind| kind.name() == name)
    }
}

/// Time of a register that a bill rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// The meter's identity key.
    pub meter: [u8; 32],
    /// The register.
    pub register: RegisterCode,
    /// The time: all of the period, or what the meter had of it when it was replaced.
    pub span: Span,
}

/// A certificate that a bill shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// The meter's identity key.
    pub meter: [u8; 32],
    /// Number of the epoch.
    pub number: u32,
    /// Hash of the certificate.
    pub hash: Hash,
}

/// A block that a bill shows, or that its successor in the bill names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The meter's identity key.
    pub meter: [u8; 32],
    /// The register.
    pub register: RegisterCode,
    /// Number of the block.
    pub number: u64,
    /// Hash of its header.
    pub hash: Hash,
}

/// What a proved bill adds.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The circuit's identity.
    pub circuit: Hash,
    /// Its file.
    pub file: Vec<u8>,
    /// Whether its maker could forge.
    pub demonstration: bool,
    /// What it carries, under a tariff that carries something.
    pub carried: Option<Carried>,
}

/// What a bill carries from the period before to the period after, as commitments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Names of the tariff's cells, in its order.
    pub cells: Vec<String>,
    /// The values before.
    pub before: [u8; 32],
    /// The values after.
    pub after: [u8; 32],
    /// The bill whose values it goes on from; none begins anew.
    pub continues: Option<Hash>,
}

/// A verified bill that is to be booked.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Digest of its statement: its identity, whatever its proof bytes are.
    pub digest: Hash,
    /// Its form.
    pub kind: Kind,
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
    /// The bill that it corrects.
    pub corrects: Option<Hash>,
    /// What it bills.
    pub covers: Vec<Cover>,
    /// The certificates it shows.
    pub epochs: Vec<Epoch>,
    /// The blocks it shows.
    pub blocks: Vec<Block>,
    /// Until which Unix second it rests on what was sealed under each certificate.
    pub sealed: Vec<(Hash, u64)>,
    /// What it adds when it is a proved one.
    pub proof: Option<Proof>,
}

/// A candidate with its papers.
#[derive(Clone, Copy, Debug)]
pub struct Booking<'a> {
    /// The bill.
    pub bill: &'a Candidate,
    /// Its file.
    pub package: &'a [u8],
    /// Its tariff.
    pub tariff: &'a SignedTariff,
    /// The tariff's message.
    pub tariff_message: &'a [u8],
    /// The contract that all its meters must belong to.
    pub contract: Option<&'a str>,
    /// The household that submits it, when one does; its key is looked at again before anything is decided.
    pub household: Option<&'a Household>,
    /// Whether the operator lets it begin its carried values anew, or go on over a gap.
    pub restart_state: bool,
}

/// A bill that is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// Whether it was there before.
    pub already: bool,
    /// Its contract, as the registry had it.
    pub contract: Option<String>,
    /// The bill that it supersedes.
    pub corrects: Option<Hash>,
    /// The correction that has superseded it since.
    pub corrected_by: Option<Hash>,
}

impl Ledger {
    /// Books a bill, or records why not.
    ///
    /// # Errors
    /// When the household that submits it was shut out meanwhile, or the ledger fails; nothing is changed then.
    pub fn book(&mut self, booking: &Booking<'_>, now: i64) -> Result<Result<Booked, Objection>, LedgerError> {
        let transaction = self.writing()?;
        if let Some(household) = booking.household {
            check_household(&transaction, household)?;
        }
        let outcome = match decide(&transaction, booking, now) {
            Ok(booked) => Ok(booked),
            Err(Stop::Objection(objection)) => {
                let (code, message) = (objection.code(), objection.to_string());
                let contract = booking.household.map(|household| household.contract.as_str());
                let (file, message, against) = (booking.package, message.as_str(), objection.against());
                record_refusal(&transaction, &Refusal { file, code, message, against, contract }, now)?;
                Err(objection)
            }
            Err(Stop::Ledger(error)) => return Err(error),
        };
        transaction.commit()?;
        Ok(outcome)
    }
}

/// Checks everything first and writes afterwards, so that an objection leaves no trace but its own record.
fn decide(connection: &Connection, booking: &Booking<'_>, now: i64) -> Result<Booked, Stop> {
    let bill = booking.bill;
    let contract = check_contract(connection, booking)?;
    if let Some(booked) = find_booked(connection, &bill.digest)? {
        return Ok(booked);
    }
    check_service(connection, bill)?;
    check_story(connection, bill)?;
    check_revoked(connection, bill)?;
    let corrected = check_correction(connection, bill)?;
    check_overlap(connection, bill, corrected)?;
    let link = check_carried(connection, booking, contract.as_deref(), corrected)?;

    let id = insert_bill(connection, booking, contract.as_deref(), corrected, now)?;
    if let Some(proof) = &bill.proof {
        insert_proof(connection, proof, link, id)?;
    }
    insert_sightings(connection, bill, id)?;
    Ok(Booked { already: false, contract, corrects: bill.corrects, corrected_by: None })
}

fn insert_bill(
    connection: &Connection,
    booking: &Booking<'_>,
    contract: Option<&str>,
    corrected: Option<i64>,
    now: i64,
) -> Result<i64, LedgerError> {
    let (bill, tariff) = (booking.bill, booking.tariff);
    connection.prepare_cached("INSERT OR IGNORE INTO tariffs (hash, zone, message) VALUES (?1, ?2, ?3)")?.execute((
        tariff.hash.as_slice(),
        &tariff.tariff.zone.name,
        booking.tariff_message,
    ))?;
    connection
        .prepare_cached(
            "INSERT INTO bills (digest, kind, tariff, contract, first_second, end_second, fee_minor, slots, missing, \
             estimated, tamper, events, seal, corrects, booked_at, package) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        )?
        .execute(params![
            bill.digest.as_slice(),
            bill.kind.name(),
            tariff.hash.as_slice(),
            contract,
            signed(bill.period.from)?,
            signed(bill.period.until)?,
            bill.fee_minor,
            signed(bill.slots)?,
            bill.missing,
            bill.estimated,
            bill.tamper,
            bill.events,
            bill.class as u8,
            corrected,
            now,
            booking.package,
        ])?;
    Ok(connection.last_insert_rowid())
}

/// What the bill claims, and what it shows of its meters. What was seen before is the same: the story was checked.
fn insert_sightings(connection: &Connection, bill: &Candidate, id: i64) -> Result<(), LedgerError> {
    let mut claims = connection.prepare_cached(
        "INSERT INTO claims (identity, code, first_second, end_second, bill) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for Cover { meter, register, span } in &bill.covers {
        claims.execute((meter.as_slice(), register.as_str(), signed(span.from)?, signed(span.until)?, id))?;
    }
    let mut epochs = connection
        .prepare_cached("INSERT OR IGNORE INTO seen_epochs (identity, epoch, hash, bill) VALUES (?1, ?2, ?3, ?4)")?;
    for Epoch { meter, number, hash } in &bill.epochs {
        epochs.execute((meter.as_slice(), number, hash.as_slice(), id))?;
    }
    let mut blocks = connection.prepare_cached(
        "INSERT OR IGNORE INTO seen_blocks (identity, code, number, hash, bill) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for Block { meter, register, number, hash } in &bill.blocks {
        blocks.execute((meter.as_slice(), register.as_str(), signed(*number)?, hash.as_slice(), id))?;
    }
    Ok(())
}
