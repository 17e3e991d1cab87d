//! Rows of providers, tariffs and bills.

use protocol::metrology::keys::Hash;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use rusqlite::OptionalExtension;

use super::{Store, StoreError, fixed, signed, unsigned};

/// A tariff the household has seen.
#[derive(Clone, Debug)]
pub struct StoredTariff {
    /// Its hash.
    pub hash: Hash,
    /// Its bytes.
    pub message: Vec<u8>,
}

/// A bill that was made, with the exact package.
#[derive(Clone, Debug)]
pub struct StoredBill {
    /// Digest of its statement.
    pub digest: Hash,
    /// Hash of its tariff.
    pub tariff: Hash,
    /// Its period.
    pub period: Span,
    /// The fee in minor units.
    pub fee_minor: i64,
    /// When it was made, Unix seconds.
    pub made_at: i64,
    /// What left the house.
    pub package: Vec<u8>,
}

impl Store {
    /// The name under which a provider's key was pinned.
    ///
    /// # Errors
    /// When the database fails.
    pub fn provider(&self, key: &[u8; 32]) -> Result<Option<String>, StoreError> {
        let name = self
            .connection
            .prepare_cached("SELECT name FROM providers WHERE key = ?1")?
            .query_row([key.as_slice()], |row| row.get(0))
            .optional()?;
        Ok(name)
    }

    /// The keys pinned under a provider's name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn provider_keys(&self, name: &str) -> Result<Vec<[u8; 32]>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT key FROM providers WHERE name = ?1 ORDER BY pinned_at")?;
        let rows = statement.query_map([name], |row| row.get::<_, Vec<u8>>(0))?;
        rows.map(|key| fixed(key?, "provider")).collect()
    }

    /// Pins a provider's key; a key that is pinned already takes the name, which its owner has signed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn pin_provider(&self, key: &[u8; 32], name: &str, at: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO providers (key, name, pinned_at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (key) DO UPDATE SET name = ?2 WHERE name IS NOT ?2",
            )?
            .execute((key.as_slice(), name, at))?;
        Ok(())
    }

    /// Keeps a tariff.
    ///
    /// # Errors
    /// When the database fails or the provider is not pinned.
    pub fn keep_tariff(&self, tariff: &SignedTariff, message: &[u8]) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO tariffs (hash, provider, message) VALUES (?1, ?2, ?3)")?
            .execute((tariff.hash.as_slice(), tariff.tariff.provider.key.as_slice(), message))?;
        Ok(())
    }

    /// Keeps a bill with its exact package.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_bill(&self, bill: &StoredBill) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO bills (digest, tariff, first_second, end_second, fee_minor, made_at, package) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute((
                bill.digest.as_slice(),
                bill.tariff.as_slice(),
                signed(bill.period.from, "time")?,
                signed(bill.period.until, "time")?,
                bill.fee_minor,
                bill.made_at,
                &bill.package,
            ))?;
        Ok(())
    }

    /// All bills, newest first, without their packages.
    ///
    /// # Errors
    /// When the database fails.
    pub fn bills(&self) -> Result<Vec<StoredBill>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT digest, tariff, first_second, end_second, fee_minor, made_at FROM bills ORDER BY made_at DESC, rowid DESC",
        )?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)))?;
        rows.map(|row| {
            let (digest, tariff, from, until, fee_minor, made_at) = row?;
            Ok(StoredBill {
                digest: fixed(digest, "bill")?,
                tariff: fixed(tariff, "bill")?,
                period: Span { from: unsigned(from, "bill")?, until: unsigned(until, "bill")? },
                fee_minor,
                made_at,
                package: Vec::new(),
            })
        })
        .collect()
    }

    /// A bill with its package.
    ///
    /// # Errors
    /// When the database fails.
    pub fn bill(&self, digest: &Hash) -> Result<Option<StoredBill>, StoreError> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT tariff, first_second, end_second, fee_minor, made_at, package FROM bills WHERE digest = ?1",
            )?
            .query_row([digest.as_slice()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            })
            .optional()?;
        found
            .map(|(tariff, from, until, fee_minor, made_at, package)| {
                Ok(StoredBill {
                    digest: *digest,
                    tariff: fixed(tariff, "bill")?,
                    period: Span { from: unsigned(from, "bill")?, until: unsigned(until, "bill")? },
                    fee_minor,
                    made_at,
                    package,
                })
            })
            .transpose()
    }

    /// The key of the provider that set a kept tariff.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tariff_provider(&self, tariff: &Hash) -> Result<Option<[u8; 32]>, StoreError> {
        let found: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT provider FROM tariffs WHERE hash = ?1")?
            .query_row([tariff.as_slice()], |row| row.get(0))
            .optional()?;
        found.map(|key| fixed(key, "tariff")).transpose()
    }

    /// The message of a kept tariff.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tariff(&self, hash: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT message FROM tariffs WHERE hash = ?1")?;
        Ok(statement.query_row([hash.as_slice()], |row| row.get(0)).optional()?)
    }

    /// A provider's kept tariffs, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tariffs(&self, provider: &[u8; 32]) -> Result<Vec<StoredTariff>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT hash, message FROM tariffs WHERE provider = ?1 ORDER BY rowid")?;
        let rows = statement.query_map([provider.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.map(|row| {
            let (hash, message): (Vec<u8>, _) = row?;
            Ok(StoredTariff { hash: fixed(hash, "tariff")?, message })
        })
        .collect()
    }
}
