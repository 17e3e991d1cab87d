//! Rows of bills on their way.

use protocol::metrology::keys::Hash;
use rusqlite::{OptionalExtension, Row};

use super::{Store, StoreError, fixed, unsigned};

/// Where a bill on its way stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmissionState {
    /// To be sent, or sent again.
    Waiting,
    /// The provider has booked it.
    Accepted,
    /// The provider has refused it for good.
    Refused,
}

impl SubmissionState {
    /// As it is stored and shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
        }
    }

    fn named(name: &str) -> Result<Self, StoreError> {
        [Self::Waiting, Self::Accepted, Self::Refused]
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or(StoreError::Damaged("submission"))
    }
}

/// A bill on its way to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Digest of the bill.
    pub bill: Hash,
    /// The account.
    pub account: i64,
    /// The standing submission that made it.
    pub standing: Option<i64>,
    /// Where it stands.
    pub state: SubmissionState,
    /// When it is sent next, Unix seconds.
    pub due_at: i64,
    /// How often it was sent.
    pub attempts: u32,
    /// What was said last.
    pub message: Option<String>,
    /// The provider's signed receipt.
    pub receipt: Option<Vec<u8>>,
    /// When it was accepted or refused.
    pub settled_at: Option<i64>,
}

const SUBMISSION: &str = "bill, account, standing, state, due_at, attempts, message, receipt, settled_at";

type RawSubmission = (Vec<u8>, i64, Option<i64>, String, i64, i64, Option<String>, Option<Vec<u8>>, Option<i64>);

fn raw_submission(row: &Row<'_>) -> rusqlite::Result<RawSubmission> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
        row.get(8)?,
    ))
}

fn submission(raw: RawSubmission) -> Result<Submission, StoreError> {
    let (bill, account, standing, state, due_at, attempts, message, receipt, settled_at) = raw;
    Ok(Submission {
        bill: fixed(bill, "submission")?,
        account,
        standing,
        state: SubmissionState::named(&state)?,
        due_at,
        attempts: unsigned(attempts, "submission")?,
        message,
        receipt,
        settled_at,
    })
}

impl Store {
    /// Puts a bill on its way. A bill that is on its way already stays as it is, unless it was refused.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_submission(
        &self,
        bill: &Hash,
        account: i64,
        standing: Option<i64>,
        due_at: i64,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO submissions (bill, account, standing, state, due_at, attempts) \
                 VALUES (?1, ?2, ?3, 'waiting', ?4, 0) ON CONFLICT (bill) DO UPDATE \
                 SET account = ?2, state = 'waiting', due_at = ?4, settled_at = NULL WHERE state = 'refused'",
            )?
            .execute((bill.as_slice(), account, standing, due_at))?;
        Ok(())
    }

    /// Notes what became of an attempt. Another attempt may have ended meanwhile: only a bill that waits changes, but that
    /// the provider has booked it is true whatever else was said. Returns whether it changed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_submission(&self, submission: &Submission) -> Result<bool, StoreError> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE submissions SET state = ?2, due_at = ?3, attempts = ?4, message = ?5, receipt = ?6, \
                 settled_at = ?7 WHERE bill = ?1 AND (state = 'waiting' OR (state = 'refused' AND ?2 = 'accepted'))",
            )?
            .execute((
                submission.bill.as_slice(),
                submission.state.name(),
                submission.due_at,
                submission.attempts,
                &submission.message,
                &submission.receipt,
                submission.settled_at,
            ))?;
        Ok(changed > 0)
    }

    /// All submissions, newest last.
    ///
    /// # Errors
    /// When the database fails.
    pub fn submissions(&self) -> Result<Vec<Submission>, StoreError> {
        let sql = format!("SELECT {SUBMISSION} FROM submissions ORDER BY rowid");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([], raw_submission)?;
        rows.map(|row| submission(row?)).collect()
    }

    /// The submission of a bill.
    ///
    /// # Errors
    /// When the database fails.
    pub fn submission(&self, bill: &Hash) -> Result<Option<Submission>, StoreError> {
        let sql = format!("SELECT {SUBMISSION} FROM submissions WHERE bill = ?1");
        let found = self.connection.prepare_cached(&sql)?.query_row([bill.as_slice()], raw_submission).optional()?;
        found.map(submission).transpose()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::StoreKey;

    /// A store with an account, a standing submission, and a bill of the month that begins at 100 on its way.
    pub(in crate::store) fn store(directory: &std::path::Path) -> Store {
        let store = Store::create(&directory.join("s"), &StoreKey::from_bytes([1; 32])).unwrap();
        store.pin_provider(&[7; 32], "Fern", 1).unwrap();
        store.keep_account(&[7; 32], "a:1", &[1; 32], &[11; 32]).unwrap();
        store.keep_standing(1, "green", 100, 0, false).unwrap();
        store.connection.execute("INSERT INTO tariffs VALUES (zeroblob(32), ?1, zeroblob(1))", [[7u8; 32]]).unwrap();
        let bill = "INSERT INTO bills VALUES (?1, zeroblob(32), 100, 200, 1, 1, zeroblob(1))";
        store.connection.execute(bill, [[3u8; 32]]).unwrap();
        store.keep_submission(&[3; 32], 1, Some(1), 0).unwrap();
        store
    }

    #[test]
    fn an_attempt_that_ends_late_undoes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path());
        let stale = store.submission(&[3; 32]).unwrap().unwrap();
        let refused = Submission { state: SubmissionState::Refused, ..stale.clone() };
        let accepted = Submission { state: SubmissionState::Accepted, receipt: Some(vec![5]), ..stale.clone() };
        let now = |store: &Store| store.submission(&[3; 32]).unwrap().unwrap();
        assert!(store.set_submission(&Submission { attempts: 1, ..stale.clone() }).unwrap());
        assert!(store.set_submission(&refused).unwrap());
        assert!(!store.set_submission(&stale).unwrap(), "what was refused does not wait again by itself");
        assert!(store.set_submission(&accepted).unwrap(), "a booking is one whatever was said before");
        for late in [&stale, &refused] {
            assert!(!store.set_submission(late).unwrap());
            assert_eq!((now(&store).state, now(&store).receipt), (SubmissionState::Accepted, Some(vec![5])));
        }
    }
}
