//! The rules between bills.
//!
//! A verified bill is booked when no booked bill claims any of its time of a meter's register, when its meters tell the
//! same story as before (one certificate for an epoch, one header for a block number), and when what it says it
//! corrects is there to be corrected.

use std::collections::BTreeSet;

use protocol::metrology::keys::Hash;
use protocol::time::Span;
use rusqlite::{Connection, OptionalExtension};

use super::booking::{Booked, Booking, Candidate, Cover, Epoch};
use super::terms::holder;
use super::{LedgerError, Objection, fixed, signed, unsigned};

/// Why a decision was not to book.
pub(super) enum Stop {
    Objection(Objection),
    Ledger(LedgerError),
}

impl From<Objection> for Stop {
    fn from(objection: Objection) -> Self {
        Self::Objection(objection)
    }
}

impl From<LedgerError> for Stop {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

/// The contract that was asked for has all meters for all that the bill takes of them; without one, the same has.
pub(super) fn check_contract(connection: &Connection, booking: &Booking<'_>) -> Result<Option<String>, Stop> {
    let mut contracts = BTreeSet::new();
    for Cover { meter, span, .. } in &booking.bill.covers {
        let (meter, found) = (*meter, holder(connection, meter, *span)?);
        if let Some(wanted) = booking.contract.filter(|wanted| found.as_deref() != Some(wanted)) {
            return Err(Objection::OtherContract { meter, found, wanted: wanted.to_owned() }.into());
        }
        contracts.insert(found);
    }
    if contracts.len() > 1 {
        return Err(Objection::SeveralContracts.into());
    }
    Ok(contracts.into_iter().next().flatten())
}

/// The bill of a digest, if it is booked.
pub(super) fn find_booked(connection: &Connection, digest: &Hash) -> Result<Option<Booked>, LedgerError> {
    type Row = (Option<String>, Option<Vec<u8>>, Option<Vec<u8>>);
    let row: Option<Row> = connection
        .prepare_cached(
            "SELECT b.contract, old.digest, new.digest FROM bills b LEFT JOIN bills old ON old.id = b.corrects \
             LEFT JOIN bills new ON new.corrects = b.id WHERE b.digest = ?1",
        )?
        .query_row([digest.as_slice()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    row.map(|(contract, corrects, corrected_by)| {
        let digest = |bytes: Option<Vec<u8>>| bytes.map(|b| fixed(b, "bill")).transpose();
        Ok(Booked { already: true, contract, corrects: digest(corrects)?, corrected_by: digest(corrected_by)? })
    })
    .transpose()
}

/// No meter was retired before the readings that the bill takes of it.
pub(super) fn check_service(connection: &Connection, bill: &Candidate) -> Result<(), Stop> {
    let mut statement = connection.prepare_cached("SELECT retired_from FROM meters WHERE identity = ?1")?;
    for cover in &bill.covers {
        let retired: Option<i64> =
            statement.query_row([cover.meter.as_slice()], |row| row.get(0)).optional()?.flatten();
        let retired: Option<u64> = retired.map(|at| unsigned(at, "meter")).transpose()?;
        if retired.is_some_and(|at| cover.span.until > at) {
            return Err(Objection::MeterRetired(cover.meter).into());
        }
    }
    Ok(())
}

/// The meters show the certificates and blocks that they showed before, to the registry and in every booked bill.
pub(super) fn check_story(connection: &Connection, bill: &Candidate) -> Result<(), Stop> {
    for epoch in &bill.epochs {
        check_epoch(connection, epoch)?;
    }
    let mut statement = connection.prepare_cached(
        "SELECT s.hash, b.digest FROM seen_blocks s JOIN bills b ON b.id = s.bill \
         WHERE s.identity = ?1 AND s.code = ?2 AND s.number = ?3",
    )?;
    for block in &bill.blocks {
        let key = (block.meter.as_slice(), block.register.as_str(), signed(block.number)?);
        let seen: Option<(Vec<u8>, Vec<u8>)> =
            statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        if let Some((_, against)) = seen.filter(|(hash, _)| *hash != block.hash) {
            let (meter, register) = (block.meter, block.register.to_string());
            let against = fixed(against, "bill")?;
            return Err(Objection::Fork { meter, register, number: block.number, against }.into());
        }
    }
    Ok(())
}

/// The certificate is the one that the registry lists for the epoch, and that booked bills showed.
pub(super) fn check_epoch(connection: &Connection, epoch: &Epoch) -> Result<(), Stop> {
    let key = (epoch.meter.as_slice(), epoch.number);
    let listed: Option<Vec<u8>> = connection
        .prepare_cached(
            "SELECT c.hash FROM certificates c JOIN meters m ON m.id = c.meter WHERE m.identity = ?1 AND c.epoch = ?2",
        )?
        .query_row(key, |row| row.get(0))
        .optional()?;
    let seen: Option<(Vec<u8>, Vec<u8>)> = connection
        .prepare_cached(
            "SELECT s.hash, b.digest FROM seen_epochs s JOIN bills b ON b.id = s.bill \
             WHERE s.identity = ?1 AND s.epoch = ?2",
        )?
        .query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let other = seen.filter(|(hash, _)| *hash != epoch.hash);
    if other.is_some() || listed.is_some_and(|hash| hash != epoch.hash) {
        let against = other.map(|(_, digest)| fixed(digest, "bill")).transpose()?;
        return Err(Objection::ForkedEpoch { meter: epoch.meter, epoch: epoch.number, against }.into());
    }
    Ok(())
}

/// The bill that is corrected is booked, is the newest of its line, and bills the same. Returns its row.
pub(super) fn check_correction(connection: &Connection, bill: &Candidate) -> Result<Option<i64>, Stop> {
    let Some(digest) = bill.corrects else { return Ok(None) };
    let row: Option<(i64, i64, i64, Option<Vec<u8>>)> = connection
        .prepare_cached(
            "SELECT b.id, b.first_second, b.end_second, new.digest FROM bills b \
             LEFT JOIN bills new ON new.corrects = b.id WHERE b.digest = ?1",
        )?
        .query_row([digest.as_slice()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((id, from, until, newer)) = row else { return Err(Objection::CorrectsUnknown(digest).into()) };
    if let Some(newer) = newer {
        return Err(Objection::CorrectsSuperseded(digest, fixed(newer, "bill")?).into());
    }
    let period = Span { from: unsigned(from, "bill")?, until: unsigned(until, "bill")? };
    if period != bill.period || claims(connection, id)? != ours(bill)? {
        return Err(Objection::CorrectsOther(digest).into());
    }
    Ok(Some(id))
}

/// A claim as the ledger stores it: meter, register, first second, end.
type Claim = (Vec<u8>, String, i64, i64);

fn claims(connection: &Connection, bill: i64) -> Result<BTreeSet<Claim>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT identity, code, first_second, end_second FROM claims WHERE bill = ?1")?;
    let rows = statement.query_map([bill], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn ours(bill: &Candidate) -> Result<BTreeSet<Claim>, LedgerError> {
    let claim = |Cover { meter, register, span }: &Cover| {
        Ok((meter.to_vec(), register.to_string(), signed(span.from)?, signed(span.until)?))
    };
    bill.covers.iter().map(claim).collect()
}

/// No booked bill that still stands claims any of this time; the one that is corrected gives way.
pub(super) fn check_overlap(connection: &Connection, bill: &Candidate, corrected: Option<i64>) -> Result<(), Stop> {
    let mut statement = connection.prepare_cached(
        "SELECT b.digest FROM claims c JOIN bills b ON b.id = c.bill \
         WHERE c.identity = ?1 AND c.code = ?2 AND c.first_second < ?4 AND c.end_second > ?3 AND b.id IS NOT ?5 \
         AND NOT EXISTS (SELECT 1 FROM bills n WHERE n.corrects = b.id) LIMIT 1",
    )?;
    for Cover { meter, register, span } in &bill.covers {
        let key = (meter.as_slice(), register.as_str(), signed(span.from)?, signed(span.until)?, corrected);
        let hit: Option<Vec<u8>> = statement.query_row(key, |row| row.get(0)).optional()?;
        if let Some(against) = hit {
            let against = fixed(against, "bill")?;
            return Err(Objection::OverlapBooked { meter: *meter, register: register.to_string(), against }.into());
        }
    }
    Ok(())
}
