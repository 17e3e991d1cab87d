//! Rows of accounts with providers.

use protocol::metrology::keys::Hash;
use rusqlite::{OptionalExtension, Row};
use zeroize::Zeroizing;

use super::{Store, StoreError, fixed};

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

const ACCOUNT: &str = "id, provider, address, contract, client_key, next_key, enrolled_at, revocations";

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

    /// Keeps a new account before its enrolment is tried, so that the key is not lost with the answer. `enrolment` is the
    /// hash of the provider's one-time code: the same code keeps its account and key, another code is another account.
    ///
    /// # Errors
    /// When the database fails or the provider is not pinned.
    pub fn keep_account(
        &self,
        provider: &[u8; 32],
        address: &str,
        enrolment: &Hash,
        key: &[u8; 32],
    ) -> Result<i64, StoreError> {
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO accounts (provider, address, enrolment, client_key) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (provider, enrolment) DO UPDATE SET address = ?2 RETURNING id",
            )?
            .query_row((provider.as_slice(), address, enrolment.as_slice(), key.as_slice()), |row| row.get(0))?;
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

    /// The contract of account `id` was enrolled anew as account `new`, which goes: its key and address are those of `id`
    /// from now on. Within a transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub fn enrol_again(&self, id: i64, new: i64, at: i64) -> Result<(), StoreError> {
        let (address, enrolment, key): (String, Vec<u8>, Vec<u8>) = self
            .connection
            .prepare_cached("SELECT address, enrolment, client_key FROM accounts WHERE id = ?1")?
            .query_row([new], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let key = Zeroizing::new(key);
        self.remove_account(new)?;
        self.connection
            .prepare_cached(
                "UPDATE accounts SET address = ?2, enrolment = ?3, client_key = ?4, next_key = NULL, enrolled_at = ?5 \
                 WHERE id = ?1",
            )?
            .execute((id, address, enrolment, key.as_slice(), at))?;
        Ok(())
    }

    /// Forgets an account that never enrolled, with its key. Returns whether there was one. Within a transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remove_account(&self, id: i64) -> Result<bool, StoreError> {
        let waiting = "SELECT id FROM accounts WHERE id = ?1 AND enrolled_at IS NULL";
        self.connection
            .prepare_cached(&format!("DELETE FROM successions WHERE account IN ({waiting})"))?
            .execute([id])?;
        let removed =
            self.connection.prepare_cached(&format!("DELETE FROM accounts WHERE id IN ({waiting})"))?.execute([id])?;
        Ok(removed > 0)
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

    /// Keeps a list of revocations of an account's provider in place of the one before; that it is the newer one is for the
    /// caller to know.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_revocations(&self, id: i64, list: &[u8]) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE accounts SET revocations = ?2 WHERE id = ?1 AND revocations IS NOT ?2")?
            .execute((id, list))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreKey;

    #[test]
    fn a_code_is_one_account_and_a_contract_is_one_account() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::create(&directory.path().join("s"), &StoreKey::from_bytes([1; 32])).unwrap();
        store.pin_provider(&[7; 32], "Fern", 1).unwrap();
        let first = store.keep_account(&[7; 32], "a:1", &[1; 32], &[11; 32]).unwrap();
        assert_eq!(store.keep_account(&[7; 32], "b:1", &[1; 32], &[12; 32]).unwrap(), first, "the same code");
        let kept = store.account(first).unwrap().unwrap();
        assert_eq!((kept.address.as_str(), *kept.client_key), ("b:1", [11; 32]));
        store.enrol_account(first, "4711", 5).unwrap();

        // A second contract beside it leaves the first one's key alone.
        let second = store.keep_account(&[7; 32], "b:1", &[2; 32], &[12; 32]).unwrap();
        assert_ne!(second, first);
        store.enrol_account(second, "4712", 6).unwrap();
        assert_eq!(*store.account(first).unwrap().unwrap().client_key, [11; 32]);

        // The first contract again: its account takes the new key, and the one that asked goes.
        let third = store.keep_account(&[7; 32], "c:1", &[3; 32], &[13; 32]).unwrap();
        store.keep_successions(third, &[vec![1]]).unwrap();
        assert!(store.enrol_account(third, "4711", 7).is_err(), "a contract is enrolled once");
        store.transaction(|store| store.enrol_again(first, third, 7)).unwrap();
        let accounts = store.accounts().unwrap();
        assert_eq!(accounts.iter().map(|a| a.id).collect::<Vec<_>>(), [first, second]);
        assert_eq!((accounts[0].address.as_str(), *accounts[0].client_key), ("c:1", [13; 32]));
        assert_eq!(accounts[0].contract.as_deref(), Some("4711"));
        assert_eq!(store.keep_account(&[7; 32], "c:1", &[3; 32], &[14; 32]).unwrap(), first, "asked once more");

        assert!(!store.remove_account(second).unwrap(), "an account that enrolled stays");
        let fourth = store.keep_account(&[7; 32], "c:1", &[4; 32], &[15; 32]).unwrap();
        assert!(store.remove_account(fourth).unwrap() && !store.remove_account(fourth).unwrap());
    }
}
