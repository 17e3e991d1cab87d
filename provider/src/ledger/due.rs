//! What is due: which bills a period should have, and the time that none of them covers.
//!
//! Bills are expected of every listed meter while it is in service: for the registers that `meter add` named, else for
//! those that were ever billed, else for any one.

use protocol::time::Span;
use rusqlite::OptionalExtension;

use super::{Ledger, LedgerError, MeterEntry, signed, unsigned};

/// What is expected of a register of a meter in a period.
#[derive(Clone, Debug)]
pub struct Due {
    /// The register; none when nothing says which one.
    pub register: Option<String>,
    /// The part of the period in which the meter is in service.
    pub expected: Span,
    /// The parts of it that no standing bill covers, in order.
    pub uncovered: Vec<Span>,
    /// Standing bills on part of it that have unmeasured slots.
    pub incomplete: u64,
}

impl Ledger {
    /// The time zone that a meter is billed in: that of its newest bill, else of the newest bill at all.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn zone_of(&self, meter: &MeterEntry) -> Result<Option<String>, LedgerError> {
        let own = self
            .connection
            .prepare_cached(
                "SELECT t.zone FROM claims c JOIN bills b ON b.id = c.bill JOIN tariffs t ON t.hash = b.tariff \
                 WHERE c.identity = ?1 ORDER BY b.id DESC LIMIT 1",
            )?
            .query_row([meter.identity.as_slice()], |row| row.get(0))
            .optional()?;
        if own.is_some() {
            return Ok(own);
        }
        Ok(self
            .connection
            .prepare_cached(
                "SELECT t.zone FROM bills b JOIN tariffs t ON t.hash = b.tariff ORDER BY b.id DESC LIMIT 1",
            )?
            .query_row([], |row| row.get(0))
            .optional()?)
    }

    /// What is due of a meter in a period, one entry for each expected register. Empty when the meter was not in service.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn due(&self, meter: &MeterEntry, period: Span) -> Result<Vec<Due>, LedgerError> {
        let first = meter.epochs.iter().map(|e| e.first).min().unwrap_or(0);
        let expected = Span {
            from: period.from.max(first),
            until: meter.retired_from.map_or(period.until, |at| at.min(period.until)),
        };
        if expected.from >= expected.until {
            return Ok(Vec::new());
        }
        let mut registers = meter.registers.clone();
        if registers.is_empty() {
            let mut statement =
                self.connection.prepare_cached("SELECT DISTINCT code FROM claims WHERE identity = ?1 ORDER BY code")?;
            registers =
                statement.query_map([meter.identity.as_slice()], |row| row.get(0))?.collect::<Result<_, _>>()?;
        }
        if registers.is_empty() {
            return Ok(vec![Due { register: None, expected, uncovered: vec![expected], incomplete: 0 }]);
        }
        registers.into_iter().map(|register| self.due_of(meter, register, expected)).collect()
    }

    fn due_of(&self, meter: &MeterEntry, register: String, expected: Span) -> Result<Due, LedgerError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.first_second, c.end_second, b.missing FROM claims c JOIN bills b ON b.id = c.bill \
             WHERE c.identity = ?1 AND c.code = ?2 AND c.first_second < ?4 AND c.end_second > ?3 \
             AND NOT EXISTS (SELECT 1 FROM bills n WHERE n.corrects = b.id) ORDER BY c.first_second",
        )?;
        let key = (meter.identity.as_slice(), &register, signed(expected.from)?, signed(expected.until)?);
        let mut rows = statement.query(key)?;
        let (mut at, mut uncovered, mut incomplete) = (expected.from, Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let span: Span = Span { from: unsigned(row.get(0)?, "claim")?, until: unsigned(row.get(1)?, "claim")? };
            if span.from > at {
                uncovered.push(Span { from: at, until: span.from });
            }
            at = at.max(span.until);
            incomplete += u64::from(row.get::<_, i64>(2)? > 0);
        }
        if at < expected.until {
            uncovered.push(Span { from: at, until: expected.until });
        }
        Ok(Due { register: Some(register), expected, uncovered, incomplete })
    }
}
