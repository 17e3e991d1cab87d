//! Late bills: what a billing calendar expects and has not come in time, and what is to be said about it.
//!
//! ```text
//!            expected and not covered                 a booked bill covers it
//! (nothing) ─────────────────────────► late ─────────────────────────────────► resolved
//!                  ▲                     │ no longer expected, and not covered
//!                  └──── expected ──── withdrawn
//! ```
//!
//! Each turn is said once. That a bill has come is said when the books show it, never because the question went away: a
//! calendar that was changed, a contract that ended or a clock that was set back withdraws a lateness and may bring it
//! back. A lateness names contract, meter and period, never a fee or an amount of energy.

use std::collections::BTreeSet;

use protocol::time::Span;

use super::contracts::Contract;
use super::reports::{State, newest, record};
use super::terms::Term;
use super::{Ledger, LedgerError, Report};

/// A bill that has not come in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// The contract.
    pub contract: String,
    /// The meter's identity key.
    pub meter: [u8; 32],
    /// The period.
    pub period: Span,
    /// IANA time zone of the calendar.
    pub zone: String,
}

impl Ledger {
    /// The bills that are late at a time.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn late(&self, now: u64) -> Result<Vec<Lateness>, LedgerError> {
        Ok(self.look(now)?.0)
    }

    /// The bills that are late, and the contracts of which nothing can be said as their time zone is not known here.
    fn look(&self, now: u64) -> Result<(Vec<Lateness>, BTreeSet<String>), LedgerError> {
        let (mut late, mut unknown) = (Vec::new(), BTreeSet::new());
        for Contract { id, billing, revoked_at, .. } in self.contracts()? {
            let Some(billing) = billing else { continue };
            let Some(periods) = billing.overdue(now) else {
                unknown.insert(id);
                continue;
            };
            // A household that is shut out cannot send anything.
            if revoked_at.is_some() {
                continue;
            }
            for Term { meter, span } in self.terms(&id)? {
                for period in &periods {
                    let ours = Span { from: period.from.max(span.from), until: period.until.min(span.until) };
                    let due = if ours.from < ours.until { self.due(&meter, ours)? } else { Vec::new() };
                    if due.iter().any(|due| !due.uncovered.is_empty()) {
                        let (contract, zone) = (id.clone(), billing.zone.clone());
                        late.push(Lateness { contract, meter: meter.identity, period: ours, zone });
                    }
                }
            }
        }
        Ok((late, unknown))
    }

    /// Looks for bills that became late, for late ones that have come, and for those that are expected no more, and
    /// writes a report for each. Those that are new are returned.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn check_late(&mut self, now: i64) -> Result<Vec<Report>, LedgerError> {
        let (late, unknown) = self.look(u64::try_from(now).unwrap_or(0))?;
        let mut events: Vec<(State, Lateness)> = late.iter().map(|late| (State::Late, late.clone())).collect();
        for Report { late: open, .. } in self.unanswered()? {
            if late.contains(&open) {
                continue;
            }
            if self.is_covered(&open)? {
                events.push((State::Resolved, open));
            } else if !unknown.contains(&open.contract) {
                events.push((State::Withdrawn, open));
            }
        }
        let transaction = self.writing()?;
        let mut new = Vec::new();
        for (state, late) in events {
            // Another process may have said it since we looked.
            let last = newest(&transaction, &late)?;
            if last != Some(state) && (state == State::Late || last == Some(State::Late)) {
                new.push(record(&transaction, state, late, now)?);
            }
        }
        transaction.commit()?;
        Ok(new)
    }

    /// Whether booked bills cover what was reported as late.
    fn is_covered(&self, late: &Lateness) -> Result<bool, LedgerError> {
        let Some(meter) = self.meter(&late.meter)? else { return Ok(false) };
        let due = self.due(&meter, late.period)?;
        Ok(!due.is_empty() && due.iter().all(|due| due.uncovered.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Billing;
    use super::*;

    const METER: [u8; 32] = [1; 32];

    fn second(text: &str) -> u64 {
        u64::try_from(text.parse::<jiff::Timestamp>().unwrap().as_second()).unwrap()
    }

    /// March 2026 in Amsterdam.
    fn march() -> Span {
        Span { from: second("2026-02-28T23:00:00Z"), until: second("2026-03-31T22:00:00Z") }
    }

    struct Books {
        ledger: Ledger,
        _folder: tempfile::TempDir,
    }

    impl Books {
        /// A contract with one meter, whose bills are expected from March on.
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut books = Self { ledger: Ledger::open(folder.path()).unwrap(), _folder: folder };
            let identity = "01".repeat(32);
            books.sql(format!("INSERT INTO meters (id, identity, name, added_at) VALUES (1, x'{identity}', 'm', 0)"));
            books.calendar(march().from, 10);
            let meter = books.ledger.meter(&METER).unwrap().unwrap();
            books.ledger.add_contract("4711", &[meter], None, 0).unwrap().unwrap();
            books
        }

        fn sql(&self, text: impl AsRef<str>) {
            self.ledger.connection.execute_batch(text.as_ref()).unwrap();
        }

        fn calendar(&mut self, from: u64, due_days: u16) {
            let billing = Billing { months: 1, zone: "Europe/Amsterdam".into(), due_days, from };
            self.ledger.add_contract("4711", &[], Some(&billing), 0).unwrap().unwrap();
        }

        fn book(&self, span: Span) {
            let Span { from, until } = span;
            let hash = format!("x'{}'", "07".repeat(32));
            let digest = format!("x'{from:064x}'");
            self.sql(format!(
                "INSERT OR IGNORE INTO tariffs VALUES ({hash}, 'UTC', x''); \
                 INSERT INTO bills (digest, kind, tariff, first_second, end_second, fee_minor, slots, missing, estimated, \
                 tamper, events, seal, booked_at, package) \
                 VALUES ({digest}, 'linear-bill', {hash}, {from}, {until}, 0, 1, 0, 0, 0, 0, 0, 0, x''); \
                 INSERT INTO claims SELECT x'{}', '1-0:1.8.0', {from}, {until}, max(id) FROM bills",
                "01".repeat(32)
            ));
        }

        /// What is said at a time.
        fn told(&mut self, at: &str) -> Vec<State> {
            let now = i64::try_from(second(at)).unwrap();
            let told = self.ledger.check_late(now).unwrap().into_iter().map(|report| report.state).collect();
            assert_eq!(self.ledger.check_late(now).unwrap(), [], "nothing is said twice");
            told
        }
    }

    const APRIL: &str = "2026-04-15T00:00:00Z";

    #[test]
    fn a_bill_has_come_when_the_books_show_it_and_never_otherwise() {
        let mut books = Books::new();
        assert_eq!(books.told("2026-04-05T00:00:00Z"), []);
        assert_eq!(books.told(APRIL), [State::Late]);
        // A calendar that begins later, a longer time to pay, and a clock that is set back.
        books.calendar(second(APRIL), 10);
        assert_eq!(books.told(APRIL), [State::Withdrawn]);
        books.calendar(march().from, 10);
        assert_eq!(books.told(APRIL), [State::Late], "and it can be late again");
        books.calendar(march().from, 30);
        assert_eq!(books.told(APRIL), [State::Withdrawn]);
        books.calendar(march().from, 10);
        assert_eq!(books.told(APRIL), [State::Late]);
        assert_eq!(books.told("2026-04-02T00:00:00Z"), [State::Withdrawn]);
        assert_eq!(books.told(APRIL), [State::Late]);
        // A zone that is not known here says nothing.
        books.sql("UPDATE contracts SET zone = 'Nowhere/Here'");
        assert_eq!(books.told(APRIL), []);
        books.sql("UPDATE contracts SET zone = 'Europe/Amsterdam'");
        assert_eq!(books.told(APRIL), []);
        // Part of it is not it.
        let half = march().from + 86_400;
        books.book(Span { from: march().from, until: half });
        assert_eq!(books.told(APRIL), []);
        books.book(Span { from: half, until: march().until });
        assert_eq!(books.told(APRIL), [State::Resolved]);
        // The books show it whatever the calendar says by now, too.
        let mut books = Books::new();
        assert_eq!(books.told(APRIL), [State::Late]);
        books.calendar(second(APRIL), 10);
        books.book(march());
        assert_eq!(books.told(APRIL), [State::Resolved]);
    }

    #[test]
    fn nothing_is_expected_of_who_was_shut_out_or_moved_out() {
        let mut books = Books::new();
        assert_eq!(books.told(APRIL), [State::Late]);
        books.ledger.revoke_contract("4711", 1).unwrap();
        assert_eq!(books.told(APRIL), [State::Withdrawn]);
        books.ledger.invite("4711", &[1; 32], i64::MAX, false, 2).unwrap();
        assert_eq!(books.told(APRIL), [State::Late], "who is let in again owes it");

        books.book(march());
        assert_eq!(books.told(APRIL), [State::Resolved]);
        let moved = second("2026-04-10T00:00:00Z");
        assert!(books.ledger.end_contract("4711", moved).unwrap());
        let late = books.ledger.late(second("2026-12-01T00:00:00Z")).unwrap();
        let owed: Vec<_> = late.iter().map(|late| late.period).collect();
        assert_eq!(owed, [Span { from: march().until, until: moved }], "the last days, and no month after");

        // The next tenant owes from there.
        let meter = books.ledger.meter(&METER).unwrap().unwrap();
        let billing = Billing { months: 1, zone: "Europe/Amsterdam".into(), due_days: 10, from: march().from };
        let now = i64::try_from(second("2026-05-01T00:00:00Z")).unwrap();
        books.ledger.add_contract("4712", &[meter], Some(&billing), now).unwrap().unwrap();
        let late = books.ledger.late(second("2026-06-15T00:00:00Z")).unwrap();
        let owed =
            |contract: &str| late.iter().filter(|l| l.contract == contract).map(|l| l.period).collect::<Vec<_>>();
        assert_eq!(owed("4711"), [Span { from: march().until, until: moved }]);
        assert_eq!(owed("4712")[0].from, moved);
        assert_eq!(owed("4712").len(), 2, "the rest of April, and May");
    }

    #[test]
    fn a_channel_that_is_new_has_no_history() {
        use crate::ledger::Channel;
        let mut books = Books::new();
        books.ledger.use_channel(Channel::Mail, true).unwrap();
        assert_eq!(books.told(APRIL), [State::Late]);
        assert_eq!(books.ledger.unsent(Channel::Mail).unwrap().len(), 1);
        assert_eq!(books.ledger.unsent(Channel::Post).unwrap(), []);
        books.ledger.use_channel(Channel::Post, true).unwrap();
        assert_eq!(books.ledger.unsent(Channel::Post).unwrap(), []);
        books.book(march());
        assert_eq!(books.told(APRIL), [State::Resolved]);
        assert_eq!(books.ledger.unsent(Channel::Post).unwrap().len(), 1);
        assert_eq!(books.ledger.unsent(Channel::Mail).unwrap().len(), 2);
        for used in [true, false, true] {
            books.ledger.use_channel(Channel::Mail, used).unwrap();
        }
        assert_eq!(books.ledger.unsent(Channel::Mail).unwrap(), [], "one that was away is new");
    }
}
