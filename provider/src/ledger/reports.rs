//! Reports about late bills: rows, so that a restart neither repeats nor forgets one, and how far each channel has
//! carried them. A channel that is new begins with what is new.

use protocol::time::Span;
use rusqlite::{Connection, OptionalExtension};

use super::{Lateness, Ledger, LedgerError, fixed, signed, unsigned};

/// What is said about a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not come in time.
    Late,
    /// It was late and has come.
    Resolved,
    /// It was late and is expected no more.
    Withdrawn,
}

impl State {
    /// As it stands in the ledger.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Resolved => "resolved",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn named(name: &str) -> Result<Self, LedgerError> {
        let all = [Self::Late, Self::Resolved, Self::Withdrawn];
        all.into_iter().find(|state| state.name() == name).ok_or(LedgerError::Damaged(WHAT))
    }
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Row of the report.
    pub id: i64,
    /// What it says.
    pub state: State,
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

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Mail => "mail",
        }
    }
}

const WHAT: &str = "report";
const COLUMNS: &str = "SELECT r.id, r.kind, r.contract, r.identity, r.first_second, r.end_second, r.at, \
     coalesce((SELECT zone FROM contracts c WHERE c.id = r.contract), 'UTC') FROM reports r";

impl Ledger {
    /// Notes whether a channel is in use. One that was not in use before carries reports from now on, not the history.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn use_channel(&mut self, channel: Channel, used: bool) -> Result<(), LedgerError> {
        let transaction = self.writing()?;
        if used {
            transaction.execute(
                "INSERT OR IGNORE INTO channels (name, after) SELECT ?1, coalesce(max(id), 0) FROM reports",
                [channel.name()],
            )?;
        } else {
            transaction.execute("DELETE FROM channels WHERE name = ?1", [channel.name()])?;
        }
        Ok(transaction.commit()?)
    }

    /// Reports that a channel has not carried yet, oldest first.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn unsent(&self, channel: Channel) -> Result<Vec<Report>, LedgerError> {
        let sent = match channel {
            Channel::Post => "posted_at",
            Channel::Mail => "mailed_at",
        };
        self.reports(
            &format!("r.{sent} IS NULL AND r.id > (SELECT after FROM channels WHERE name = ?1)"),
            [channel.name()],
        )
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

    /// Latenesses whose newest report is that they are late.
    pub(super) fn unanswered(&self) -> Result<Vec<Report>, LedgerError> {
        self.reports(
            "r.kind = 'late' AND NOT EXISTS (SELECT 1 FROM reports n WHERE n.id > r.id \
             AND n.contract = r.contract AND n.identity = r.identity AND n.first_second = r.first_second \
             AND n.end_second = r.end_second)",
            [],
        )
    }

    fn reports(&self, of: &str, key: impl rusqlite::Params) -> Result<Vec<Report>, LedgerError> {
        let mut statement =
            self.connection.prepare_cached(&format!("{COLUMNS} WHERE {of} ORDER BY r.id LIMIT 10000"))?;
        let mut rows = statement.query(key)?;
        let mut reports = Vec::new();
        while let Some(row) = rows.next()? {
            reports.push(Report {
                id: row.get(0)?,
                state: State::named(&row.get::<_, String>(1)?)?,
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

/// What was said last about a bill.
pub(super) fn newest(connection: &Connection, late: &Lateness) -> Result<Option<State>, LedgerError> {
    let Lateness { contract, meter, period, .. } = late;
    let kind: Option<String> = connection
        .prepare_cached(
            "SELECT kind FROM reports WHERE contract = ?1 AND identity = ?2 AND first_second = ?3 AND end_second = ?4 \
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row((contract, meter.as_slice(), signed(period.from)?, signed(period.until)?), |row| row.get(0))
        .optional()?;
    kind.map(|kind| State::named(&kind)).transpose()
}

/// Adds a report.
pub(super) fn record(connection: &Connection, state: State, late: Lateness, now: i64) -> Result<Report, LedgerError> {
    let (from, until) = (signed(late.period.from)?, signed(late.period.until)?);
    connection
        .prepare_cached(
            "INSERT INTO reports (kind, contract, identity, first_second, end_second, at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((state.name(), &late.contract, late.meter.as_slice(), from, until, now))?;
    Ok(Report { id: connection.last_insert_rowid(), state, at: now, late })
}
