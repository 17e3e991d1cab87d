//! Rows of accounts with providers, of standing submissions, of bills on their way, and of commands for meters.

use protocol::metrology::keys::Hash;
use rusqlite::{OptionalExtension, Row};
use zeroize::Zeroizing;

use super::{Store, StoreError, fixed, signed, unsigned};

/// An account with a provider: where it is reached, and the key that this home shows there.
#[derive(Clone)]
pub struct Account {
    /// Row number.
    pub id: i64,
    /// The provider's identity key.
    pub provider: [u8; 32],
    /// Where it is reached: host and port.
    pub address: String,
    /// The contract, as the provider named it at enrolment.
    pub contract: Option<String>,
    /// Seed of this home's key there.
    pub client_key: Zeroizing<[u8; 32]>,
    /// Seed of the key that is to replace it.
    pub next_key: Option<Zeroizing<[u8; 32]>>,
    /// When it enrolled; not yet when there is none.
    pub enrolled_at: Option<i64>,
    /// The newest list of revocations that was seen.
    pub revocations: Option<Vec<u8>>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({})", self.id)
    }
}

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

/// A provider's command to a meter, on its way there or back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCommand {
    /// The meter's row.
    pub meter: i64,
    /// Its number.
    pub sequence: u64,
    /// The account it came from.
    pub account: i64,
    /// The signed command.
    pub message: Vec<u8>,
    /// The meter's signed receipt.
    pub receipt: Option<Vec<u8>>,
    /// Whether the provider has the receipt.
    pub delivered: bool,
}

const ACCOUNT: &str = "id, provider, address, contract, client_key, next_key, enrolled_at, revocations";
const SUBMISSION: &str = "bill, account, standing, state, due_at, attempts, message, receipt, settled_at";

type RawAccount = (i64, Vec<u8>, String, Option<String>, Vec<u8>, Option<Vec<u8>>, Option<i64>, Option<Vec<u8>>);

fn raw_account(row: &Row<'_>) -> rusqlite::Result<RawAccount> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?))
}

fn account(raw: RawAccount) -> Result<Account, StoreError> {
    let (id, provider, address, contract, client_key, next_key, enrolled_at, revocations) = raw;
    let seed = |bytes: Vec<u8>| fixed(bytes, "account").map(Zeroizing::new);
    Ok(Account {
        id,
        provider: fixed(provider, "account")?,
        address,
        contract,
        client_key: seed(client_key)?,
        next_key: next_key.map(seed).transpose()?,
        enrolled_at,
        revocations,
    })
}

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
    /// All accounts, in order of making.
    ///
    /// # Errors
    /// When the database fails.
    pub fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("SELECT {ACCOUNT} FROM accounts ORDER BY id"))?;
        let rows = statement.query_map([], raw_account)?;
        rows.map(|row| account(row?)).collect()
    }

    /// An account by its number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn account(&self, id: i64) -> Result<Option<Account>, StoreError> {
        let sql = format!("SELECT {ACCOUNT} FROM accounts WHERE id = ?1");
        self.connection.prepare_cached(&sql)?.query_row([id], raw_account).optional()?.map(account).transpose()
    }

    /// Keeps a new account before its enrolment is tried, so that the key is not lost with the answer. The same provider
    /// at the same address keeps its key.
    ///
    /// # Errors
    /// When the database fails or the provider is not pinned.
    pub fn keep_account(&self, provider: &[u8; 32], address: &str, key: &[u8; 32]) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO accounts (provider, address, client_key) VALUES (?1, ?2, ?3)")?
            .execute((provider.as_slice(), address, key.as_slice()))?;
        let id = self
            .connection
            .prepare_cached("SELECT id FROM accounts WHERE provider = ?1 AND address = ?2")?
            .query_row((provider.as_slice(), address), |row| row.get(0))?;
        Ok(id)
    }

    /// Notes that the provider enrolled this home under a contract.
    ///
    /// # Errors
    /// When the database fails.
    pub fn enrol_account(&self, id: i64, contract: &str, at: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE accounts SET contract = ?2, enrolled_at = ?3 WHERE id = ?1")?
            .execute((id, contract, at))?;
        Ok(())
    }

    /// Keeps the key that is to follow; with `None` the next key takes the place of the present one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn change_client_key(&self, id: i64, next: Option<&[u8; 32]>) -> Result<(), StoreError> {
        match next {
            Some(key) => self
                .connection
                .prepare_cached("UPDATE accounts SET next_key = ?2 WHERE id = ?1")?
                .execute((id, key.as_slice()))?,
            None => self
                .connection
                .prepare_cached(
                    "UPDATE accounts SET client_key = next_key, next_key = NULL WHERE id = ?1 AND next_key IS NOT NULL",
                )?
                .execute([id])?,
        };
        Ok(())
    }

    /// Keeps the hand-overs of an account's provider from key to key, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_successions(&self, id: i64, messages: &[Vec<u8>]) -> Result<(), StoreError> {
        for message in messages {
            self.connection
                .prepare_cached("INSERT OR IGNORE INTO successions (account, message) VALUES (?1, ?2)")?
                .execute((id, message))?;
        }
        Ok(())
    }

    /// The hand-overs of an account's provider, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn successions(&self, id: i64) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT message FROM successions WHERE account = ?1 ORDER BY id")?;
        let rows = statement.query_map([id], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps the newest list of revocations of an account's provider.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_revocations(&self, id: i64, list: &[u8]) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE accounts SET revocations = ?2 WHERE id = ?1 AND revocations IS NOT ?2")?
            .execute((id, list))?;
        Ok(())
    }

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

    /// Notes what became of an attempt.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_submission(&self, submission: &Submission) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE submissions SET state = ?2, due_at = ?3, attempts = ?4, message = ?5, receipt = ?6, \
                 settled_at = ?7 WHERE bill = ?1",
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
        Ok(())
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

    /// Keeps a provider's command for a meter, once.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_command(&self, command: &StoredCommand) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT OR IGNORE INTO commands (meter, sequence, account, message) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((command.meter, signed(command.sequence, "command")?, command.account, &command.message))?;
        Ok(())
    }

    /// Notes a meter's receipt for a command, or that the provider has it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_command(
        &self,
        meter: i64,
        sequence: u64,
        receipt: Option<&[u8]>,
        delivered: bool,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE commands SET receipt = coalesce(?3, receipt), delivered = ?4 WHERE meter = ?1 AND sequence = ?2",
            )?
            .execute((meter, signed(sequence, "command")?, receipt, delivered))?;
        Ok(())
    }

    /// All commands, by meter and number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn commands(&self) -> Result<Vec<StoredCommand>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT meter, sequence, account, message, receipt, delivered FROM commands ORDER BY meter, sequence",
        )?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)))?;
        rows.map(|row| {
            let (meter, sequence, account, message, receipt, delivered) = row?;
            let sequence = unsigned(sequence, "command")?;
            Ok(StoredCommand { meter, sequence, account, message, receipt, delivered })
        })
        .collect()
    }
}
