//! Commands to meters: queued with a number above all before, handed to the household, answered by the meter's receipt.

use protocol::metrology::keys::Hash;
use protocol::service::command::{Command, CommandReceipt, VerifiedCommand};
use rusqlite::OptionalExtension;

use super::{Household, Ledger, LedgerError, MeterEntry, fixed, signed, unsigned};

/// A queued command.
#[derive(Clone, Debug)]
pub struct QueuedCommand {
    /// The meter's identity key.
    pub meter: [u8; 32],
    /// Its number.
    pub sequence: u64,
    /// The signed message.
    pub message: Vec<u8>,
    /// When it was queued, Unix seconds.
    pub queued_at: i64,
    /// First Unix second at which it is too late.
    pub expires_at: u64,
    /// What the meter says became of it.
    pub outcome: Option<String>,
    /// When that was received, Unix seconds.
    pub received_at: Option<i64>,
}

/// What a receipt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is kept; or it was already.
    Kept,
    /// This contract has no meter with such a command.
    Unknown,
    /// It is for another command under the number, or contradicts the one that is kept.
    Other,
}

impl Ledger {
    /// Queues a command under a number above the last one, and not below the time. `make` gives the signed message for a number.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn queue_command(
        &mut self,
        meter: &MeterEntry,
        now: i64,
        make: impl FnOnce(u64) -> (Command, Vec<u8>, Hash),
    ) -> Result<QueuedCommand, LedgerError> {
        let transaction = self.writing()?;
        let last: i64 = transaction.query_row(
            "SELECT coalesce(max(sequence), 0) FROM commands WHERE meter = ?1",
            [meter.id],
            |row| row.get(0),
        )?;
        // Not below the time: a ledger that came back from a backup, or another operator's, does not repeat numbers that
        // the meter obeyed.
        let sequence = unsigned::<u64>(last.saturating_add(1).max(now), "command")?;
        let (command, message, hash) = make(sequence);
        transaction.execute(
            "INSERT INTO commands (meter, sequence, hash, expires_at, message, queued_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (meter.id, signed(sequence)?, hash.as_slice(), signed(command.expires_at)?, &message, now),
        )?;
        transaction.commit()?;
        let (meter, expires_at) = (meter.identity, command.expires_at);
        Ok(QueuedCommand { meter, sequence, message, queued_at: now, expires_at, outcome: None, received_at: None })
    }

    /// A contract's commands that have no receipt and can still be obeyed, in order.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn pending_commands(&self, contract: &str, now: i64) -> Result<Vec<QueuedCommand>, LedgerError> {
        self.commands("m.contract = ?1 AND c.receipt IS NULL AND c.expires_at > ?2", (contract, now))
    }

    /// All commands of a meter, in order.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn commands_of(&self, meter: &MeterEntry) -> Result<Vec<QueuedCommand>, LedgerError> {
        self.commands("m.id = ?1", [meter.id])
    }

    fn commands(&self, of: &str, key: impl rusqlite::Params) -> Result<Vec<QueuedCommand>, LedgerError> {
        const WHAT: &str = "command";
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT m.identity, c.sequence, c.message, c.queued_at, c.expires_at, c.outcome, c.received_at \
             FROM commands c JOIN meters m ON m.id = c.meter WHERE {of} ORDER BY c.meter, c.sequence LIMIT 1000"
        ))?;
        let mut rows = statement.query(key)?;
        let mut commands = Vec::new();
        while let Some(row) = rows.next()? {
            commands.push(QueuedCommand {
                meter: fixed(row.get(0)?, WHAT)?,
                sequence: unsigned(row.get(1)?, WHAT)?,
                message: row.get(2)?,
                queued_at: row.get(3)?,
                expires_at: unsigned(row.get(4)?, WHAT)?,
                outcome: row.get(5)?,
                received_at: row.get(6)?,
            });
        }
        Ok(commands)
    }

    /// Keeps a meter's receipt. Its signature by the meter it names was checked; here the meter must be one of the
    /// household's contract, and the command one that was queued for it.
    ///
    /// # Errors
    /// When the household was shut out meanwhile, or the ledger fails.
    pub fn keep_receipt(
        &mut self,
        household: &Household,
        receipt: &CommandReceipt,
        message: &[u8],
        now: i64,
    ) -> Result<Received, LedgerError> {
        let transaction = self.writing_for(household)?;
        let contract = household.contract.as_str();
        let row: Option<(i64, Vec<u8>, Option<Vec<u8>>)> = transaction
            .prepare_cached(
                "SELECT c.meter, c.hash, c.receipt FROM commands c JOIN meters m ON m.id = c.meter \
                 WHERE m.identity = ?1 AND c.sequence = ?2 AND m.contract = ?3",
            )?
            .query_row((receipt.meter.as_slice(), signed(receipt.sequence)?, contract), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((meter, hash, kept)) = row else { return Ok(Received::Unknown) };
        if hash != receipt.command {
            return Ok(Received::Other);
        }
        if let Some(kept) = kept {
            // A meter that was asked twice says "out of sequence" to what it obeyed before: the first word counts.
            return Ok(if kept == message { Received::Kept } else { Received::Other });
        }
        transaction.execute(
            "UPDATE commands SET receipt = ?3, outcome = ?4, received_at = ?5 WHERE meter = ?1 AND sequence = ?2",
            (meter, signed(receipt.sequence)?, message, receipt.outcome.name(), now),
        )?;
        transaction.commit()?;
        Ok(Received::Kept)
    }
}

impl QueuedCommand {
    /// What the message says.
    ///
    /// # Errors
    /// When the row does not hold a command by one of these keys.
    pub fn command(&self, operators: &[[u8; 32]]) -> Result<Command, LedgerError> {
        let read = operators.iter().find_map(|key| VerifiedCommand::read(&self.message, key).ok());
        read.map(|verified| verified.command).ok_or(LedgerError::Damaged("command"))
    }
}
