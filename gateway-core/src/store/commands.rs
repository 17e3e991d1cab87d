//! Rows of providers' commands to meters.

use protocol::metrology::keys::Hash;

use super::{Store, StoreError, fixed, signed, unsigned};

/// A provider's command to a meter, on its way there or back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCommand {
    /// Row number.
    pub id: i64,
    /// The meter's row.
    pub meter: i64,
    /// Its number.
    pub sequence: u64,
    /// The account it came from.
    pub account: i64,
    /// What the meter's receipt names it by.
    pub hash: Hash,
    /// The signed command.
    pub message: Vec<u8>,
    /// The meter's signed receipt.
    pub receipt: Option<Vec<u8>>,
    /// Whether the provider has the receipt, or will not have it.
    pub delivered: bool,
}

/// Commands of one account that may wait for their meter at a time.
pub const MOST_UNANSWERED: u64 = 64;
/// Answered commands of one account that are kept to be looked at.
const MOST_ANSWERED: u64 = 1024;

impl Store {
    /// Keeps a provider's command for a meter, once; its row number means nothing. Returns `false` when too many of this
    /// account wait for their meter already; it is not kept then.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_command(&self, command: &StoredCommand) -> Result<bool, StoreError> {
        let known: bool = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM commands WHERE account = ?1 AND meter = ?2 AND hash = ?3)")?
            .query_row((command.account, command.meter, command.hash.as_slice()), |row| row.get(0))?;
        if known {
            return Ok(true);
        }
        let waiting: i64 = self
            .connection
            .prepare_cached("SELECT count(*) FROM commands WHERE account = ?1 AND delivered = 0")?
            .query_row([command.account], |row| row.get(0))?;
        if unsigned::<u64>(waiting, "command")? >= MOST_UNANSWERED {
            return Ok(false);
        }
        self.connection
            .prepare_cached(
                "INSERT INTO commands (account, meter, sequence, hash, message) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((
                command.account,
                command.meter,
                signed(command.sequence, "command")?,
                command.hash.as_slice(),
                &command.message,
            ))?;
        self.connection
            .prepare_cached(
                "DELETE FROM commands WHERE id IN (SELECT id FROM commands WHERE account = ?1 AND delivered = 1 \
                 ORDER BY id DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute((command.account, signed(MOST_ANSWERED, "command")?))?;
        Ok(true)
    }

    /// Keeps a meter's receipt for a command that has none. Returns whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_receipt(&self, meter: i64, command: &Hash, receipt: &[u8]) -> Result<bool, StoreError> {
        let kept = self
            .connection
            .prepare_cached("UPDATE commands SET receipt = ?3 WHERE meter = ?1 AND hash = ?2 AND receipt IS NULL")?
            .execute((meter, command.as_slice(), receipt))?;
        Ok(kept > 0)
    }

    /// Notes that a command is done with: the provider has its receipt, or refuses it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn settle_command(&self, id: i64) -> Result<(), StoreError> {
        self.connection.prepare_cached("UPDATE commands SET delivered = 1 WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    /// All commands, by meter and number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn commands(&self) -> Result<Vec<StoredCommand>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, meter, sequence, account, hash, message, receipt, delivered FROM commands \
             ORDER BY meter, sequence, id",
        )?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?))
        })?;
        rows.map(|row| {
            let (id, meter, sequence, account, hash, message, receipt, delivered) = row?;
            let (sequence, hash) = (unsigned(sequence, "command")?, fixed(hash, "command")?);
            Ok(StoredCommand { id, meter, sequence, account, hash, message, receipt, delivered })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreKey;

    #[test]
    fn no_provider_displaces_anothers_command_or_fills_the_store() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::create(&directory.path().join("s"), &StoreKey::from_bytes([1; 32])).unwrap();
        store.connection.execute("INSERT INTO meters VALUES (1, zeroblob(32), 'M', 1)", []).unwrap();
        for provider in [7, 8] {
            store.pin_provider(&[provider; 32], "Fern", 1).unwrap();
            store.keep_account(&[provider; 32], "a:1", &[provider; 32], &[provider; 32]).unwrap();
        }
        let command = |account: i64, sequence: u64, hash: [u8; 32]| StoredCommand {
            id: 0,
            meter: 1,
            sequence,
            account,
            hash,
            message: hash.to_vec(),
            receipt: None,
            delivered: false,
        };
        // Junk of one provider under the number that another's credit has, even under its very hash.
        for kept in [command(2, 1, [9; 32]), command(2, 1, [5; 32]), command(1, 1, [5; 32]), command(1, 1, [5; 32])] {
            assert!(store.keep_command(&kept).unwrap());
        }
        let of = |account| store.commands().unwrap().into_iter().filter(|c| c.account == account).collect::<Vec<_>>();
        assert_eq!((of(1).len(), of(2).len()), (1, 2));

        assert!(store.keep_receipt(1, &[5; 32], &[1]).unwrap());
        assert!(!store.keep_receipt(1, &[5; 32], &[2]).unwrap(), "the first receipt stays");
        assert_eq!((of(1)[0].receipt.as_deref(), of(2)[0].receipt.as_deref()), (Some(&[1][..]), None));
        store.settle_command(of(1)[0].id).unwrap();
        assert!(of(1)[0].delivered);

        // Unanswered ones are bounded for each account, and answered ones are cut to the newest.
        for number in 0..MOST_UNANSWERED {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_le_bytes());
            assert_eq!(store.keep_command(&command(2, number, hash)).unwrap(), number + 2 < MOST_UNANSWERED);
        }
        assert!(store.keep_command(&command(1, 2, [6; 32])).unwrap(), "the other account has its own room");
        for number in 0..MOST_ANSWERED + 5 {
            let mut hash = [1; 32];
            hash[..8].copy_from_slice(&number.to_le_bytes());
            assert!(store.keep_command(&command(1, number, hash)).unwrap());
            store.connection.execute("UPDATE commands SET delivered = 1 WHERE account = 1", []).unwrap();
        }
        assert!(of(1).len() as u64 <= MOST_ANSWERED + 1, "{}", of(1).len());
    }
}
