//! Rows of standing submissions.

use protocol::metrology::keys::Hash;
use protocol::time::Span;

use super::{Store, StoreError, signed, unsigned};

/// A bill that is made and sent every month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Row number.
    pub id: i64,
    /// The account it goes to.
    pub account: i64,
    /// The tariff's name in the provider's list.
    pub tariff: String,
    /// First second of the first month.
    pub first: u64,
    /// Seconds after the end of a month at which its bill is sent, whatever the readings are.
    pub offset: u64,
    /// Whether what each register took is sent too.
    pub totals: bool,
    /// When it was ended.
    pub ended_at: Option<i64>,
    /// Why the newest month is not sent yet.
    pub message: Option<String>,
}

impl Store {
    /// All standing submissions, in order of making.
    ///
    /// # Errors
    /// When the database fails.
    pub fn standing(&self) -> Result<Vec<Standing>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, account, tariff, first_second, offset_seconds, totals, ended_at, message FROM standing ORDER BY id",
        )?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?))
        })?;
        rows.map(|row| {
            let (id, account, tariff, first, offset, totals, ended_at, message) = row?;
            let (first, offset) = (unsigned(first, "standing")?, unsigned(offset, "standing")?);
            Ok(Standing { id, account, tariff, first, offset, totals, ended_at, message })
        })
        .collect()
    }

    /// Begins a standing submission.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_standing(
        &self,
        account: i64,
        tariff: &str,
        first: u64,
        offset: u64,
        totals: bool,
    ) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO standing (account, tariff, first_second, offset_seconds, totals) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((account, tariff, signed(first, "time")?, signed(offset, "time")?, totals))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Ends a standing submission; what was sent stays sent. Returns whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_standing(&self, id: i64, at: i64) -> Result<bool, StoreError> {
        let ended = self
            .connection
            .prepare_cached("UPDATE standing SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL")?
            .execute((id, at))?;
        Ok(ended > 0)
    }

    /// Moves a standing submission to the month that begins at `first`, and says why that one is not sent yet.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_standing(&self, id: i64, first: u64, message: Option<&str>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE standing SET first_second = ?2, message = ?3 \
                 WHERE id = ?1 AND (first_second IS NOT ?2 OR message IS NOT ?3)",
            )?
            .execute((id, signed(first, "time")?, message))?;
        Ok(())
    }

    /// The start of the last of these months for which a standing submission of this account and tariff has a bill that is on
    /// its way or booked, other than `except`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn last_month_billed(
        &self,
        account: i64,
        tariff: &str,
        months: &Span,
        except: Option<&Hash>,
    ) -> Result<Option<u64>, StoreError> {
        let (from, until) = (signed(months.from, "time")?, signed(months.until, "time")?);
        let found: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT max(b.first_second) FROM submissions s JOIN bills b ON b.digest = s.bill \
                 JOIN standing t ON t.id = s.standing \
                 WHERE t.account = ?1 AND t.tariff = ?2 AND b.first_second >= ?3 AND b.first_second < ?4 \
                 AND s.state <> 'refused' AND s.bill IS NOT ?5",
            )?
            .query_row((account, tariff, from, until, except.map(<[u8; 32]>::as_slice)), |row| row.get(0))?;
        found.map(|first| unsigned(first, "bill")).transpose()
    }
}

#[cfg(test)]
mod tests {
    use crate::store::submissions::tests::store;
    use crate::store::{Submission, SubmissionState};

    use super::*;

    #[test]
    fn one_standing_submission_for_a_tariff_and_its_months_are_known() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path());
        assert!(store.keep_standing(1, "green", 100, 0, false).is_err(), "two would bill each month twice");
        assert!(store.keep_standing(1, "gas", 100, 0, false).is_ok());
        assert!(store.end_standing(1, 5).unwrap());
        let months = |from, until| Span { from, until };
        assert_eq!(store.last_month_billed(1, "green", &months(50, 101), None).unwrap(), Some(100));
        assert_eq!(store.last_month_billed(1, "green", &months(101, 900), None).unwrap(), None);
        assert_eq!(store.last_month_billed(1, "green", &months(50, 100), None).unwrap(), None);
        assert_eq!(store.last_month_billed(1, "gas", &months(50, 101), None).unwrap(), None);
        assert_eq!(store.last_month_billed(1, "green", &months(50, 101), Some(&[3; 32])).unwrap(), None);
        let refused = Submission { state: SubmissionState::Refused, ..store.submission(&[3; 32]).unwrap().unwrap() };
        assert!(store.set_submission(&refused).unwrap());
        assert_eq!(
            store.last_month_billed(1, "green", &months(50, 101), None).unwrap(),
            None,
            "a refused month may be billed again"
        );
    }
}
