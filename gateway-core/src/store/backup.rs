//! Copies of a store, and whether a store is whole.
//!
//! A snapshot is a transaction's view of the store, written by the database itself page by page: others may read and
//! write meanwhile, memory stays small, and every page is encrypted before it leaves the process.

use std::path::Path;

use protocol::time::Span;
use rusqlite::Connection;
use zeroize::Zeroizing;

use super::{BlockRow, Store, StoreError, StoreKey, unlock};
use crate::ingest::continues;

/// What a store holds, counted while everything in it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Paired meters.
    pub meters: usize,
    /// Registers.
    pub registers: usize,
    /// Blocks of all registers.
    pub blocks: usize,
    /// From the first stored second to the last.
    pub span: Option<Span>,
    /// Bills that were made.
    pub bills: usize,
}

impl Store {
    /// Writes a consistent copy under the same key to an empty file, which the caller makes so that its mode is right
    /// from the first byte on. Others may use the store meanwhile.
    ///
    /// # Errors
    /// When the file cannot be written or holds something.
    pub fn snapshot(&self, path: &Path) -> Result<(), StoreError> {
        let path = path.to_str().ok_or(StoreError::Forbidden)?;
        self.connection.execute("VACUUM INTO ?1", [path])?;
        Ok(())
    }

    /// The format of the store as it lies there.
    ///
    /// # Errors
    /// When the database fails.
    pub fn format(&self) -> Result<i64, StoreError> {
        Ok(self.connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
    }

    /// Reads everything once: the database's own checks, then every block, which must decode, follow its neighbour and
    /// continue its register total. Proves nothing to others; that is what bills are for.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with what is damaged.
    pub fn inspect(&self) -> Result<Inventory, StoreError> {
        self.pages()?;
        let mut found = Inventory { meters: self.meters()?.len(), bills: self.bills()?.len(), ..Inventory::default() };
        for meter in self.meters()? {
            self.certificates(meter.id)?;
        }
        for register in self.registers()? {
            found.registers += 1;
            let mut last: Option<BlockRow> = None;
            for (number, span) in self.spans(register.id)? {
                let block = self.block(register.id, number)?.ok_or(StoreError::Damaged("block"))?;
                let follows = last.as_ref().is_none_or(|last| {
                    let next = block.header.certificate == last.header.certificate
                        && last.header.block.checked_add(1) == Some(block.header.block);
                    !next || (block.header.previous == last.hash && continues(last, &block))
                });
                if block.header.span() != span || !follows {
                    return Err(StoreError::Damaged("chain of blocks"));
                }
                found.blocks += 1;
                found.span = Some(
                    found
                        .span
                        .map_or(span, |all| Span { from: all.from.min(span.from), until: all.until.max(span.until) }),
                );
                last = Some(block);
            }
        }
        Ok(found)
    }

    /// What a copy that was restored must not go on with by itself: bills of months that were made and sent after the copy
    /// would be made a second time. Ends all standing submissions; gives how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_standing_after_restore(&self, at: i64) -> Result<usize, StoreError> {
        const WHY: &str = "ended when this home was restored from a backup: later months may have been billed already";
        let ended = self
            .connection
            .execute("UPDATE standing SET ended_at = ?1, message = ?2 WHERE ended_at IS NULL", (at, WHY))?;
        Ok(ended)
    }

    /// Every page's MAC and the structure of all tables.
    fn pages(&self) -> Result<(), StoreError> {
        let complaints = |pragma: &str| -> Result<Vec<String>, StoreError> {
            let mut statement = self.connection.prepare(pragma)?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        let pages = complaints("PRAGMA cipher_integrity_check")?;
        let tables = complaints("PRAGMA integrity_check")?;
        let rows = complaints("PRAGMA foreign_key_check")?;
        if pages.is_empty() && tables == ["ok"] && rows.is_empty() { Ok(()) } else { Err(StoreError::Damaged("page")) }
    }
}

/// Copies a store of any format to an empty file, which the caller makes, under another key. The source is locked against everyone
/// else; it must not be in use by another process, whose later writes would go to a file that nobody reads.
/// `then` runs while the lock is held: it puts the copy in its place.
///
/// # Errors
/// When the source is in use or does not open, the copy is not what the source was, or the disk refuses.
pub fn rekey<E: From<StoreError>>(
    from: &Path,
    key: &StoreKey,
    to: &Path,
    new_key: &StoreKey,
    then: impl FnOnce() -> Result<(), E>,
) -> Result<(), E> {
    let source = exclusive(from, key)?;
    export(&source, to, new_key)?;
    let copy = Store::over(raw(to, new_key)?);
    copy.pages()?;
    if tables(&copy.connection)? != tables(&source)? {
        return Err(StoreError::Damaged("copy").into());
    }
    drop(copy);
    then()
}

/// The format of a store that need not be migrated yet; also proves that the key is right.
///
/// # Errors
/// When the store does not open.
pub fn probe(path: &Path, key: &StoreKey) -> Result<i64, StoreError> {
    if !path.exists() {
        return Err(StoreError::Absent);
    }
    Store::over(raw(path, key)?).format()
}

/// Opens without migrating.
fn raw(path: &Path, key: &StoreKey) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    unlock(&connection, key)?;
    Ok(connection)
}

/// Opens for this process alone. Leaving WAL takes that no other connection is open, and leaves no file beside the
/// store that a copy could miss.
fn exclusive(path: &Path, key: &StoreKey) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Absent);
    }
    let connection = raw(path, key)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    if mode != "delete" {
        return Err(StoreError::Locked);
    }
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")?;
    Ok(connection)
}

/// Copies schema, rows and marks into a fresh database under another key.
fn export(source: &Connection, to: &Path, key: &StoreKey) -> Result<(), StoreError> {
    let to = to.to_str().ok_or(StoreError::Forbidden)?;
    let raw_key = Zeroizing::new(format!("x'{}'", Zeroizing::new(hex::encode(key.expose())).as_str()));
    source.execute("ATTACH DATABASE ?1 AS copy KEY ?2", (to, raw_key.as_str()))?;
    let mark = |name: &str| source.query_row(&format!("PRAGMA main.{name}"), [], |row| row.get::<_, i64>(0));
    let copied = (|| {
        source.query_row("SELECT sqlcipher_export('copy')", [], |_| Ok(()))?;
        for name in ["user_version", "application_id"] {
            source.execute_batch(&format!("PRAGMA copy.{name} = {}", mark(name)?))?;
        }
        Ok(())
    })();
    source.execute_batch("DETACH DATABASE copy")?;
    copied.map_err(|error: rusqlite::Error| error.into())
}

/// Names and numbers of rows of all tables.
fn tables(connection: &Connection) -> Result<Vec<(String, i64)>, StoreError> {
    let mut statement = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    names
        .map(|name| {
            let name = name?;
            let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
            let rows = connection.query_row(&sql, [], |row| row.get(0))?;
            Ok((name, rows))
        })
        .collect()
}

#[cfg(test)]
mod tests;
