//! Which contract has a meter, and when.
//!
//! A meter has one contract at a time, from a second on. A contract that ends leaves its meters free from its end: the
//! next contract that names one takes it from there, and the one before keeps the time until then, for its last bill.

use protocol::time::Span;
use rusqlite::{Connection, OptionalExtension};

use super::contracts::list;
use super::registry::entry;
use super::rules::Stop;
use super::{Ledger, LedgerError, MeterEntry, Objection, signed, unsigned};

/// A meter in the time that a contract has it.
pub(super) struct Term {
    pub(super) meter: MeterEntry,
    pub(super) span: Span,
}

impl Ledger {
    /// Ends a contract: no bill is expected of a later time, and its meters are free for another contract from then on.
    /// `false` when there is no such contract.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn end_contract(&mut self, contract: &str, on: u64) -> Result<bool, LedgerError> {
        let transaction = self.writing()?;
        let found = transaction.execute("UPDATE contracts SET ended_at = ?2 WHERE id = ?1", (contract, signed(on)?))?;
        transaction.commit()?;
        Ok(found > 0)
    }

    /// The meters that a contract has or had, each with its time.
    pub(super) fn terms(&self, contract: &str) -> Result<Vec<Term>, LedgerError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT m.id, m.contract_from, c.ended_at FROM meters m JOIN contracts c ON c.id = m.contract \
             WHERE m.contract = ?1 UNION ALL \
             SELECT meter, first_second, end_second FROM former_terms WHERE contract = ?1 ORDER BY 1, 2",
        )?;
        let mut rows = statement.query([contract])?;
        let mut terms = Vec::new();
        while let Some(row) = rows.next()? {
            let end: Option<i64> = row.get(2)?;
            let span = Span {
                from: unsigned(row.get(1)?, "term")?,
                until: end.map_or(Ok(u64::MAX), |end| unsigned(end, "term"))?,
            };
            terms.push(Term { meter: entry(&self.connection, row.get(0)?)?, span });
        }
        Ok(terms)
    }
}

/// Puts a meter under a contract: one without any, or one whose contract has ended by now.
pub(super) fn assign(connection: &Connection, meter: i64, wanted: &str, now: i64) -> Result<(), Stop> {
    list(connection, wanted, now)?;
    let MeterEntry { identity, contract, .. } = entry(connection, meter)?;
    let Some(holder) = contract else {
        connection.prepare_cached("UPDATE meters SET contract = ?2 WHERE id = ?1")?.execute((meter, wanted))?;
        return Ok(());
    };
    if holder == wanted {
        return Ok(());
    }
    let (from, ended): (i64, Option<i64>) = connection
        .prepare_cached(
            "SELECT m.contract_from, c.ended_at FROM meters m JOIN contracts c ON c.id = m.contract WHERE m.id = ?1",
        )?
        .query_row([meter], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some(end) = ended.filter(|end| *end <= now) else {
        return Err(Objection::OtherContract { meter: identity, found: Some(holder), wanted: wanted.to_owned() }.into());
    };
    if end > from {
        connection
            .prepare_cached(
                "INSERT INTO former_terms (meter, contract, first_second, end_second) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((meter, &holder, from, end))?;
    }
    connection.prepare_cached("UPDATE meters SET contract = ?2, contract_from = ?3 WHERE id = ?1")?.execute((
        meter,
        wanted,
        end.max(from),
    ))?;
    Ok(())
}

/// The contract that has a meter for all of a span; none when no contract has.
pub(super) fn holder(connection: &Connection, meter: &[u8; 32], span: Span) -> Result<Option<String>, LedgerError> {
    let (from, until) = (signed(span.from)?, signed(span.until)?);
    let present: Option<(Option<String>, Option<i64>)> = connection
        .prepare_cached(
            "SELECT m.contract, c.ended_at FROM meters m LEFT JOIN contracts c ON c.id = m.contract \
             WHERE m.identity = ?1 AND m.contract_from <= ?2",
        )?
        .query_row((meter.as_slice(), from), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((contract, ended)) = present {
        return Ok(contract.filter(|_| ended.is_none_or(|end| until <= end)));
    }
    Ok(connection
        .prepare_cached(
            "SELECT t.contract FROM former_terms t JOIN meters m ON m.id = t.meter \
             WHERE m.identity = ?1 AND t.first_second <= ?2 AND ?3 <= t.end_second",
        )?
        .query_row((meter.as_slice(), from, until), |row| row.get(0))
        .optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_goes_from_contract_to_contract_and_each_keeps_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let c = &ledger.connection;
        c.execute("INSERT INTO meters (id, identity, name, added_at) VALUES (1, ?1, 'm', 0)", [[1_u8; 32].as_slice()])
            .unwrap();
        let end = |contract: &str, at: i64| {
            c.execute("UPDATE contracts SET ended_at = ?2 WHERE id = ?1", (contract, at)).unwrap();
        };
        let held = |from, until| holder(c, &[1; 32], Span { from, until }).unwrap();
        assert_eq!(held(0, 10), None);
        let refused = |wanted: &str, now: i64| matches!(assign(c, 1, wanted, now), Err(Stop::Objection(_)));
        assert!(!refused("A", 5) && !refused("A", 6));
        assert_eq!(held(0, 10), Some("A".into()));
        assert!(refused("B", 50), "A has it");
        end("A", 100);
        assert!(refused("B", 99), "until A ends");
        assert_eq!((held(0, 100), held(90, 101)), (Some("A".into()), None), "no time after its end is A's");
        assert_eq!(ledger.terms("A").unwrap()[0].span, Span { from: 0, until: 100 });
        assert!(!refused("B", 150));
        assert_eq!((held(0, 100), held(99, 101), held(100, 400)), (Some("A".into()), None, Some("B".into())));
        end("B", 300);
        assert!(!refused("C", 300));
        assert_eq!(
            (held(50, 60), held(100, 300), held(300, 900)),
            (Some("A".into()), Some("B".into()), Some("C".into()))
        );
        assert_eq!(held(250, 310), None, "a bill does not reach over two contracts");
        let spans = |contract: &str| ledger.terms(contract).unwrap().iter().map(|t| t.span).collect::<Vec<_>>();
        assert_eq!(spans("B"), [Span { from: 100, until: 300 }]);
        assert_eq!(spans("C"), [Span { from: 300, until: u64::MAX }]);
    }
}
