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
    /// How a meter is read that seals nothing; none for a meter that seals.
    pub plain: Option<PlainLine>,
}

/// How a meter is read that seals nothing.
#[derive(Clone)]
pub struct PlainLine {
    /// Name of the meter's profile.
    pub profile: String,
    /// Seconds of a slot.
    pub interval: u32,
    /// What opens its telegrams.
    pub key: Option<Zeroizing<Vec<u8>>>,
    /// What authenticates them.
    pub authentication_key: Option<Zeroizing<Vec<u8>>>,
    /// What checks records that it signs.
    pub public_key: Option<Vec<u8>>,
}

impl std::fmt::Debug for PlainLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PlainLine({}, {} s)", self.profile, self.interval)
    }
}

impl std::fmt::Debug for LineRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LineRow({})", self.id)
    }
}

const COLUMNS: &str = "id, address, password, authority, meter, profile, interval, key, authentication_key, public_key";

fn raw(row: &Row<'_>) -> rusqlite::Result<(LineRow, Option<Zeroizing<Vec<u8>>>)> {
    let secret = |column| row.get::<_, Option<Vec<u8>>>(column).map(|bytes| bytes.map(Zeroizing::new));
    let plain = match (row.get::<_, Option<String>>(5)?, row.get::<_, Option<u32>>(6)?) {
        (Some(profile), Some(interval)) => Some(PlainLine {
            profile,
            interval,
            key: secret(7)?,
            authentication_key: secret(8)?,
            public_key: row.get(9)?,
        }),
        _ => None,
    };
    let (authority, meter) = (row.get(3)?, row.get(4)?);
    let line = LineRow { id: row.get(0)?, address: row.get(1)?, password: None, authority, meter, plain };
    Ok((line, secret(2)?))
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

    /// Adds a line, or replaces sign-in and manner of reading of the one with this address. Returns its number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_line(
        &self,
        address: &str,
        password: Option<&str>,
        authority: Option<&str>,
        plain: Option<&PlainLine>,
        at: i64,
    ) -> Result<i64, StoreError> {
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO lines (address, password, authority, added_at, profile, interval, key, authentication_key, \
                 public_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
                 ON CONFLICT (address) DO UPDATE SET password = ?2, authority = ?3, profile = ?5, interval = ?6, key = ?7, \
                 authentication_key = ?8, public_key = ?9 RETURNING id",
            )?
            .query_row(
                (
                    address,
                    password.map(str::as_bytes),
                    authority,
                    at,
                    plain.map(|plain| plain.profile.as_str()),
                    plain.map(|plain| plain.interval),
                    plain.and_then(|plain| plain.key.as_ref()).map(|key| key.as_slice()),
                    plain.and_then(|plain| plain.authentication_key.as_ref()).map(|key| key.as_slice()),
                    plain.and_then(|plain| plain.public_key.as_deref()),
                ),
                |row| row.get(0),
            )?;
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
