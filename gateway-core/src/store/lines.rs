//! Rows of lines to meters.

use rusqlite::{OptionalExtension, Row};
use zeroize::Zeroizing;

use super::{Store, StoreError};

/// A line to a meter: a serial port, a socket, or a broker.
#[derive(Clone)]
pub struct LineRow {
    /// Row number.
    pub id: i64,
    /// Where it leads, as a person wrote it.
    pub address: String,
    /// Password at the broker.
    pub password: Option<Zeroizing<String>>,
    /// File with the certificate of the authority that the broker's own is checked against; none means the system's.
    pub authority: Option<String>,
    /// The paired meter that was last heard on it.
    pub meter: Option<i64>,
}

impl std::fmt::Debug for LineRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LineRow({})", self.id)
    }
}

const COLUMNS: &str = "id, address, password, authority, meter";

fn raw(row: &Row<'_>) -> rusqlite::Result<(LineRow, Option<Zeroizing<Vec<u8>>>)> {
    let line =
        LineRow { id: row.get(0)?, address: row.get(1)?, password: None, authority: row.get(3)?, meter: row.get(4)? };
    Ok((line, row.get::<_, Option<Vec<u8>>>(2)?.map(Zeroizing::new)))
}

fn read((mut line, password): (LineRow, Option<Zeroizing<Vec<u8>>>)) -> Result<LineRow, StoreError> {
    if let Some(bytes) = password {
        let text = std::str::from_utf8(&bytes).map_err(|_| StoreError::Damaged("line"))?;
        line.password = Some(Zeroizing::new(text.to_owned()));
    }
    Ok(line)
}

impl Store {
    /// All lines, in order of adding.
    ///
    /// # Errors
    /// When the database fails.
    pub fn lines(&self) -> Result<Vec<LineRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("SELECT {COLUMNS} FROM lines ORDER BY id"))?;
        let rows = statement.query_map([], raw)?;
        rows.map(|row| read(row?)).collect()
    }

    /// A line by its number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn line(&self, id: i64) -> Result<Option<LineRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM lines WHERE id = ?1");
        self.connection.prepare_cached(&sql)?.query_row([id], raw).optional()?.map(read).transpose()
    }

    /// Adds a line, or replaces the sign-in of the one with this address. Returns its number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_line(
        &self,
        address: &str,
        password: Option<&str>,
        authority: Option<&str>,
        at: i64,
    ) -> Result<i64, StoreError> {
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO lines (address, password, authority, added_at) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (address) DO UPDATE SET password = ?2, authority = ?3 RETURNING id",
            )?
            .query_row((address, password.map(str::as_bytes), authority, at), |row| row.get(0))?;
        Ok(id)
    }

    /// Forgets a line; what came over it stays. Returns whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remove_line(&self, id: i64) -> Result<bool, StoreError> {
        Ok(self.connection.prepare_cached("DELETE FROM lines WHERE id = ?1")?.execute([id])? > 0)
    }

    /// Notes which paired meter answers on a line.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_line_meter(&self, line: i64, meter: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE lines SET meter = ?2 WHERE id = ?1 AND meter IS NOT ?2")?
            .execute((line, meter))?;
        Ok(())
    }
}
