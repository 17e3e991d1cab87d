//! Late bills: what a billing calendar expects, what has not come in time, and what was said about it.
//!
//! A bill is due when its period ends and late some days after. Each lateness is reported once, and once more when its
//! bill has come; reports are rows, so a restart neither repeats nor forgets one. A report names contract, meter and
//! period, never a fee or an amount of energy.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span as Months, Timestamp};
use protocol::time::Span;

use super::contracts::{Billing, Contract};
use super::{Ledger, LedgerError, fixed, signed, unsigned};
use crate::desk;

/// Longest calendar that is looked at: forty years of months.
const MOST_PERIODS: usize = 480;

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

/// What is to be said about a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Row of the report.
    pub id: i64,
    /// Whether the bill has come meanwhile.
    pub resolved: bool,
    /// When that was noticed, Unix seconds.
    pub at: i64,
    /// The bill.
    pub late: Lateness,
}

/// Where a report goes beside the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A webhook.
    Post,
    /// A folder of mails.
    Mail,
}

impl Billing {
    /// The periods whose bills are late at a time, oldest first. Empty when the zone is not known here.
    #[must_use]
    pub fn overdue(&self, now: u64) -> Vec<Span> {
        let Ok(zone) = desk::named(&self.zone) else { return Vec::new() };
        self.periods(&zone).take_while(|(_, late_from)| *late_from <= now).map(|(period, _)| period).collect()
    }

    /// Periods with the second from which each is late. They begin on the first of a month; the first one may be cut.
    fn periods<'a>(&'a self, zone: &'a TimeZone) -> impl Iterator<Item = (Span, u64)> + 'a {
        let first = i64::try_from(self.from).ok().and_then(|s| Timestamp::from_second(s).ok());
        let month = first.map(|moment| moment.to_zoned(zone.clone()).date().first_of_month());
        // Quarters and years begin where the calendar has them.
        let aligned = month.and_then(|date| {
            let back = i64::from((date.month() - 1).rem_euclid(i8::try_from(self.months).unwrap_or(1).max(1)));
            date.checked_sub(Months::new().months(back)).ok()
        });
        let midnight = |date: Date| date.to_zoned(zone.clone()).ok().map(|z| z.timestamp().as_second());
        let unix = move |date: Date| midnight(date).and_then(|second| u64::try_from(second).ok());
        (0..MOST_PERIODS).map_while(move |place| {
            let months = i64::from(self.months);
            let start = aligned?.checked_add(Months::new().months(months * i64::try_from(place).ok()?)).ok()?;
            let end = start.checked_add(Months::new().months(months)).ok()?;
            let late = end.checked_add(Months::new().days(i64::from(self.due_days))).ok()?;
            let period = Span { from: unix(start)?.max(self.from), until: unix(end)? };
            Some((period, unix(late)?))
        })
    }
}

impl Ledger {
    /// The bills that are late at a time.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn late(&self, now: u64) -> Result<Vec<Lateness>, LedgerError> {
        let mut late = Vec::new();
        for Contract { id, billing, meters, .. } in self.contracts()? {
            let Some(billing) = billing else { continue };
            for period in billing.overdue(now) {
                for meter in &meters {
                    if self.due(meter, period)?.iter().any(|due| !due.uncovered.is_empty()) {
                        late.push(Lateness {
                            contract: id.clone(),
                            meter: meter.identity,
                            period,
                            zone: billing.zone.clone(),
                        });
                    }
                }
            }
        }
        Ok(late)
    }

    /// Looks for bills that became late, and for late ones that have come, and writes a report for each. Those that are
    /// new are returned.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn check_late(&mut self, now: i64) -> Result<Vec<Report>, LedgerError> {
        let late = self.late(u64::try_from(now).unwrap_or(0))?;
        let open = self.reports(
            "r.kind = 'late' AND NOT EXISTS (SELECT 1 FROM reports n WHERE n.kind = 'resolved' \
             AND n.contract = r.contract AND n.identity = r.identity AND n.first_second = r.first_second \
             AND n.end_second = r.end_second)",
        )?;
        let resolved = open.iter().map(|report| &report.late).filter(|known| !late.contains(known));
        let events: Vec<(bool, &Lateness)> =
            late.iter().map(|l| (false, l)).chain(resolved.map(|l| (true, l))).collect();
        let transaction = self.writing()?;
        let mut new = Vec::new();
        for (resolved, late) in events {
            let written = transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO reports (kind, contract, identity, first_second, end_second, at) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute((
                    if resolved { "resolved" } else { "late" },
                    &late.contract,
                    late.meter.as_slice(),
                    signed(late.period.from)?,
                    signed(late.period.until)?,
                    now,
                ))?;
            if written > 0 {
                new.push(Report { id: transaction.last_insert_rowid(), resolved, at: now, late: late.clone() });
            }
        }
        transaction.commit()?;
        Ok(new)
    }

    /// Reports that a channel has not carried yet, oldest first.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn unsent(&self, channel: Channel) -> Result<Vec<Report>, LedgerError> {
        self.reports(match channel {
            Channel::Post => "r.posted_at IS NULL",
            Channel::Mail => "r.mailed_at IS NULL",
        })
    }

    /// Notes that a channel has carried a report.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn sent(&mut self, channel: Channel, report: &Report, now: i64) -> Result<(), LedgerError> {
        let sql = match channel {
            Channel::Post => "UPDATE reports SET posted_at = ?2 WHERE id = ?1",
            Channel::Mail => "UPDATE reports SET mailed_at = ?2 WHERE id = ?1",
        };
        let transaction = self.writing()?;
        transaction.execute(sql, (report.id, now))?;
        Ok(transaction.commit()?)
    }

    fn reports(&self, of: &str) -> Result<Vec<Report>, LedgerError> {
        const WHAT: &str = "report";
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT r.id, r.kind, r.contract, r.identity, r.first_second, r.end_second, r.at, \
             coalesce((SELECT zone FROM contracts c WHERE c.id = r.contract), 'UTC') \
             FROM reports r WHERE {of} ORDER BY r.id LIMIT 10000"
        ))?;
        let mut rows = statement.query([])?;
        let mut reports = Vec::new();
        while let Some(row) = rows.next()? {
            reports.push(Report {
                id: row.get(0)?,
                resolved: row.get::<_, String>(1)? == "resolved",
                late: Lateness {
                    contract: row.get(2)?,
                    meter: fixed(row.get(3)?, WHAT)?,
                    period: Span { from: unsigned(row.get(4)?, WHAT)?, until: unsigned(row.get(5)?, WHAT)? },
                    zone: row.get(7)?,
                },
                at: row.get(6)?,
            });
        }
        Ok(reports)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().unwrap().as_second()).unwrap()
    }

    #[test]
    fn a_bill_is_late_some_days_after_its_local_month() {
        let zone = "Europe/Amsterdam".to_owned();
        let billing = Billing { months: 1, zone, due_days: 10, from: second("2026-02-27T23:00:00Z") };
        let days = |now: &str| billing.overdue(second(now)).len();
        assert_eq!(days("2026-03-10T22:59:59Z"), 0);
        assert_eq!(days("2026-03-10T23:00:00Z"), 1, "ten days after the first of March, local time");
        assert_eq!(days("2026-04-10T21:59:59Z"), 1);
        assert_eq!(days("2026-04-10T22:00:00Z"), 2, "summer time");
        let periods = billing.overdue(second("2026-05-01T00:00:00Z"));
        assert_eq!(periods[0], Span { from: billing.from, until: second("2026-02-28T23:00:00Z") });
        assert_eq!(periods[1], Span { from: second("2026-02-28T23:00:00Z"), until: second("2026-03-31T22:00:00Z") });
        let quarter = Billing { months: 3, ..billing.clone() };
        assert_eq!(quarter.overdue(second("2026-04-20T00:00:00Z"))[0].until, second("2026-03-31T22:00:00Z"));
        let year = Billing { months: 12, ..billing.clone() };
        assert_eq!(year.overdue(second("2027-01-20T00:00:00Z"))[0].until, second("2026-12-31T23:00:00Z"));
        let lost = Billing { zone: "Nowhere/Here".into(), ..billing };
        assert!(lost.overdue(second("2027-01-20T00:00:00Z")).is_empty());
    }
}
