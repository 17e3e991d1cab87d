//! Carried values: a bill goes on from where the bill before ended.
//!
//! Some tariffs carry numbers from period to period: a bank of exported energy, the greatest load of twelve months. A bill
//! commits to them before and after. A household that could begin anew, leave a bill out or choose among several would
//! choose the values that cost it least, so there is one line of bills for a register, and each begins where the last that
//! stands ended:
//!
//! ```text
//! first values ─► bill 1 ─► bill 2 ─► bill 3        each names the one before, and before = its after
//!                            └► 2′ corrects 2 ─► 3′ corrects 3; until then 3 rests on what was superseded
//! ```
//!
//! A line is that of a register of a meter; where the meter has none, of the same register of its contract: a meter that
//! is exchanged takes the values over. What the rules cannot decide, a gap or a true restart, an operator decides by hand.

use std::collections::{BTreeMap, BTreeSet};

use protocol::metrology::keys::Hash;
use protocol::time::Span;
use rusqlite::{Connection, OptionalExtension, Row};

use super::bills::{CarriedEntry, ProofEntry};
use super::booking::{Booking, Candidate, Carried, Cover, Proof};
use super::rules::Stop;
use super::{LedgerError, Objection, fixed, unsigned};

const WHAT: &str = "carried value";

/// What a bill goes on from.
#[derive(Clone, Copy, Default)]
pub(super) struct Link {
    /// Row of the bill before.
    continues: Option<i64>,
    /// Whether only the operator's word let it.
    by_hand: bool,
}

/// A standing bill of the same line.
struct Neighbour {
    digest: Hash,
    period: Span,
    registers: BTreeSet<String>,
    cells: String,
    after: [u8; 32],
    /// Whether it bills a register of a meter that the new one bills, too; else they have their contract in common.
    same_meter: bool,
}

/// A bill in question.
struct Question<'a> {
    bill: &'a Candidate,
    line: BTreeMap<i64, Neighbour>,
    /// The row of the bill that it corrects.
    corrected: Option<i64>,
    by_hand: bool,
    allowed: bool,
}

/// The bill begins with the values that the standing bill before it ended with.
pub(super) fn check_carried(
    connection: &Connection,
    booking: &Booking<'_>,
    contract: Option<&str>,
    corrected: Option<i64>,
) -> Result<Link, Stop> {
    let bill = booking.bill;
    let line = line(connection, bill, contract, corrected)?;
    let mut question = Question { bill, line, corrected, by_hand: false, allowed: booking.restart_state };
    let former = corrected.map(|id| former(connection, id)).transpose()?.flatten();
    let carried = bill.proof.as_ref().and_then(|proof| proof.carried.as_ref());
    let Some(carried) = carried else {
        // Without values it would end the line, and the next bill could begin anew.
        if let Some(former) = &former {
            question.object(Objection::StateReset(former.digest))?;
        }
        return Ok(Link::default());
    };
    if let Some(former) = former.as_ref().filter(|former| former.cells != names(carried)) {
        question.object(Objection::StateOther(former.digest))?;
    }
    // A correction may begin where an operator let the corrected bill begin.
    question.allowed |= former.is_some_and(|former| former.by_hand && former.continues == carried.continues);
    let continues = match carried.continues {
        None => {
            question.begins_anew()?;
            None
        }
        Some(from) => Some(question.goes_on(connection, carried, from)?),
    };
    Ok(Link { continues, by_hand: question.by_hand })
}

impl Question<'_> {
    /// Objects, unless the operator has decided.
    fn object(&mut self, objection: Objection) -> Result<(), Stop> {
        self.by_hand = true;
        if self.allowed { Ok(()) } else { Err(objection.into()) }
    }

    fn begins_anew(&mut self) -> Result<(), Stop> {
        let begins = self.bill.period.from;
        let before = self.line.values().filter(|one| one.period.until <= begins).max_by_key(|one| one.period.until);
        let against = before.or_else(|| self.later(false)).map(|one| one.digest);
        against.map_or(Ok(()), |against| self.object(Objection::StateReset(against)))
    }

    /// Returns the row of the bill before.
    fn goes_on(&mut self, connection: &Connection, carried: &Carried, from: Hash) -> Result<i64, Stop> {
        let skipped = |why, against| Objection::StateSkipped { from, why, against };
        let begins = self.bill.period.from;
        let Some((row, newer)) = find(connection, &from)? else { return Err(Objection::StateUnknown(from).into()) };
        if let Some(newer) = newer {
            return Err(skipped("it was corrected, make the bill again from the correction", newer).into());
        }
        let registers: BTreeSet<_> = self.bill.covers.iter().map(|cover| cover.register.to_string()).collect();
        let Some(before) = self.line.get(&row).filter(|one| one.period.until <= begins && one.registers == registers)
        else {
            return Err(Objection::StateUnknown(from).into());
        };
        if before.cells != names(carried) {
            return Err(Objection::StateOther(from).into());
        }
        if before.after != carried.before {
            return Err(Objection::StateAltered(from).into());
        }
        if let Some(other) = taken(connection, row, self.corrected)? {
            return Err(Objection::StateTaken(from, other).into());
        }
        let (until, same_meter) = (before.period.until, before.same_meter);
        let own = |one: &&Neighbour| one.same_meter && one.period.until <= begins;
        let last = self.line.values().filter(own).max_by_key(|one| one.period.until);
        let last = last.filter(|last| !same_meter || last.period.until > until).map(|last| last.digest);
        if let Some(last) = last {
            self.object(skipped("a later one is booked for its meter", last))?;
        } else if until < begins {
            self.object(skipped("time is missing between the two; submit the bills of it first", from))?;
        }
        if let Some(later) = self.later(true).map(|one| one.digest) {
            self.object(skipped("a later period is booked already and did not go on from this one", later))?;
        }
        Ok(row)
    }

    /// The next bill of a line that is begun: what is not there yet cannot be put before it. A correction can: what follows
    /// shows that it is outdated.
    fn later(&self, of_meter: bool) -> Option<&Neighbour> {
        let ends = self.bill.period.until;
        let later = self.line.values().filter(|one| one.period.from >= ends && (one.same_meter || !of_meter));
        later.min_by_key(|one| one.period.from).filter(|_| self.corrected.is_none())
    }
}

/// The standing bills with carried values that have a register in common with the new one: of its meters, or of its
/// contract. Meters that moved to another contract begin a line there.
fn line(
    connection: &Connection,
    bill: &Candidate,
    contract: Option<&str>,
    corrected: Option<i64>,
) -> Result<BTreeMap<i64, Neighbour>, LedgerError> {
    const STANDING: &str = "SELECT DISTINCT b.id, b.digest, b.first_second, b.end_second, p.cells, p.after \
         FROM claims c JOIN bills b ON b.id = c.bill JOIN proofs p ON p.bill = b.id \
         WHERE p.cells IS NOT NULL AND b.id IS NOT ?1 AND NOT EXISTS (SELECT 1 FROM bills n WHERE n.corrects = b.id) \
         AND c.code = ?2 AND ";
    let mut of_meter = connection.prepare_cached(&format!(
        "{STANDING} c.identity = ?3 AND (b.contract IS NULL OR ?4 IS NULL OR b.contract = ?4)"
    ))?;
    let mut of_contract = connection.prepare_cached(&format!("{STANDING} b.contract = ?3"))?;
    let mut line = BTreeMap::new();
    for Cover { meter, register, .. } in &bill.covers {
        let mut rows = of_meter.query((corrected, register.as_str(), meter.as_slice(), contract))?;
        while let Some(row) = rows.next()? {
            let (id, one) = neighbour(connection, row, true)?;
            line.insert(id, one);
        }
        let mut rows = of_contract.query((corrected, register.as_str(), contract))?;
        while let Some(row) = rows.next()? {
            let (id, one) = neighbour(connection, row, false)?;
            line.entry(id).or_insert(one);
        }
    }
    Ok(line)
}

fn neighbour(connection: &Connection, row: &Row<'_>, same_meter: bool) -> Result<(i64, Neighbour), LedgerError> {
    let id = row.get(0)?;
    let mut registers = connection.prepare_cached("SELECT DISTINCT code FROM claims WHERE bill = ?1")?;
    let registers = registers.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let one = Neighbour {
        digest: fixed(row.get(1)?, WHAT)?,
        period: Span { from: unsigned(row.get(2)?, WHAT)?, until: unsigned(row.get(3)?, WHAT)? },
        registers,
        cells: row.get(4)?,
        after: fixed(row.get(5)?, WHAT)?,
        same_meter,
    };
    Ok((id, one))
}

/// A bill that is corrected, if it carries values.
struct Former {
    digest: Hash,
    cells: String,
    continues: Option<Hash>,
    by_hand: bool,
}

fn former(connection: &Connection, bill: i64) -> Result<Option<Former>, LedgerError> {
    type Row = (Vec<u8>, String, Option<Vec<u8>>, bool);
    let row: Option<Row> = connection
        .prepare_cached(
            "SELECT b.digest, p.cells, old.digest, p.by_hand FROM proofs p JOIN bills b ON b.id = p.bill \
             LEFT JOIN bills old ON old.id = p.continues WHERE p.bill = ?1 AND p.cells IS NOT NULL",
        )?
        .query_row([bill], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    row.map(|(digest, cells, continues, by_hand)| {
        let continues = continues.map(|bytes| fixed(bytes, WHAT)).transpose()?;
        Ok(Former { digest: fixed(digest, WHAT)?, cells, continues, by_hand })
    })
    .transpose()
}

/// The row of a booked bill, and what superseded it.
fn find(connection: &Connection, digest: &Hash) -> Result<Option<(i64, Option<Hash>)>, LedgerError> {
    let row: Option<(i64, Option<Vec<u8>>)> = connection
        .prepare_cached(
            "SELECT b.id, n.digest FROM bills b LEFT JOIN bills n ON n.corrects = b.id WHERE b.digest = ?1",
        )?
        .query_row([digest.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    row.map(|(id, newer)| Ok((id, newer.map(|bytes| fixed(bytes, WHAT)).transpose()?))).transpose()
}

/// The standing bill that went on from a bill's values, other than the one that is corrected.
fn taken(connection: &Connection, bill: i64, corrected: Option<i64>) -> Result<Option<Hash>, LedgerError> {
    let row: Option<Vec<u8>> = connection
        .prepare_cached(
            "SELECT b.digest FROM proofs p JOIN bills b ON b.id = p.bill WHERE p.continues = ?1 AND b.id IS NOT ?2 \
             AND NOT EXISTS (SELECT 1 FROM bills n WHERE n.corrects = b.id) LIMIT 1",
        )?
        .query_row((bill, corrected), |row| row.get(0))
        .optional()?;
    row.map(|bytes| fixed(bytes, WHAT)).transpose()
}

/// The names of cells as the ledger stores them.
fn names(carried: &Carried) -> String {
    serde_json::json!(carried.cells).to_string()
}

/// Writes what a proved bill adds.
pub(super) fn insert_proof(connection: &Connection, proof: &Proof, link: Link, bill: i64) -> Result<(), LedgerError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO circuits (id, file) VALUES (?1, ?2)")?
        .execute((proof.circuit.as_slice(), &proof.file))?;
    let carried = proof.carried.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO proofs (bill, circuit, demonstration, cells, before, after, continues, by_hand) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            bill,
            proof.circuit.as_slice(),
            proof.demonstration,
            carried.map(names),
            carried.map(|carried| carried.before.as_slice()),
            carried.map(|carried| carried.after.as_slice()),
            link.continues,
            carried.map(|_| link.by_hand),
        ))?;
    Ok(())
}

/// What a booked bill adds when it is a proved one.
pub(super) fn read_proof(connection: &Connection, bill: i64) -> Result<Option<ProofEntry>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT p.circuit, p.demonstration, p.cells, p.before, p.after, p.by_hand, old.digest, new.digest FROM proofs p \
         LEFT JOIN bills old ON old.id = p.continues LEFT JOIN bills new ON new.corrects = old.id WHERE p.bill = ?1",
    )?;
    let mut rows = statement.query([bill])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let link = |place: usize| -> Result<Option<Hash>, LedgerError> {
        row.get::<_, Option<Vec<u8>>>(place)?.map(|bytes| fixed(bytes, WHAT)).transpose()
    };
    let carried = match row.get::<_, Option<String>>(2)? {
        None => None,
        Some(cells) => {
            let cells = serde_json::from_str(&cells).map_err(|_| LedgerError::Damaged(WHAT))?;
            let (before, after) = (fixed(row.get(3)?, WHAT)?, fixed(row.get(4)?, WHAT)?);
            let carried = Carried { cells, before, after, continues: link(6)? };
            Some(CarriedEntry { carried, by_hand: row.get(5)?, outdated_by: link(7)? })
        }
    };
    Ok(Some(ProofEntry { circuit: fixed(row.get(0)?, WHAT)?, demonstration: row.get(1)?, carried }))
}
