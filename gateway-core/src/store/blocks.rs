//! Rows of registers, ratchets, seeds and blocks.

use protocol::block::DayHeader;
use protocol::metrology::header::header_hash;
use protocol::metrology::keys::{DaySeed, Hash, RegisterKey};
use protocol::metrology::label::{Register, RegisterCode};
use protocol::time::Span;
use rusqlite::{OptionalExtension, Row};
use zeroize::{Zeroize, Zeroizing};

use super::{Store, StoreError, fixed, signed, unsigned};

/// A register of a paired meter.
#[derive(Clone, Debug)]
pub struct RegisterRow {
    /// Row number.
    pub id: i64,
    /// The meter's row.
    pub meter: i64,
    /// Its code.
    pub code: String,
    /// Unit of its readings.
    pub unit: String,
}

/// A stored block with all that is needed to use and to prove it.
#[derive(Clone)]
pub struct BlockRow {
    /// Row of its register.
    pub register: i64,
    /// The header, decoded.
    pub header: DayHeader,
    /// The header's payload as the meter signed it.
    pub payload: Vec<u8>,
    /// Hash of the payload.
    pub hash: Hash,
    /// The meter's signature.
    pub signature: [u8; 64],
    /// The day's seed.
    pub seed: DaySeed,
    /// Readings, one a slot.
    pub readings: Zeroizing<Vec<u16>>,
    /// The residual.
    pub residual: u32,
    /// Register total before the block, 10⁻⁴ units.
    pub before: u64,
    /// Register total after it.
    pub after: u64,
}

/// Columns of a block, in the order in which [`read_block`] takes them.
const COLUMNS: &str = "b.header, b.signature, s.seed, b.readings, b.residual, b.total_before, b.total_after";

struct RawBlock {
    header: Vec<u8>,
    signature: Vec<u8>,
    seed: Zeroizing<Vec<u8>>,
    readings: Zeroizing<Vec<u8>>,
    numbers: [i64; 3],
}

fn raw_block(row: &Row<'_>) -> rusqlite::Result<RawBlock> {
    Ok(RawBlock {
        header: row.get(0)?,
        signature: row.get(1)?,
        seed: Zeroizing::new(row.get(2)?),
        readings: Zeroizing::new(row.get(3)?),
        numbers: [row.get(4)?, row.get(5)?, row.get(6)?],
    })
}

fn read_block(register: i64, raw: RawBlock) -> Result<BlockRow, StoreError> {
    let header = DayHeader::read(&raw.header).map_err(|_| StoreError::Damaged("block header"))?;
    let (pairs, rest) = raw.readings.as_chunks::<2>();
    if !rest.is_empty() || pairs.len() != usize::from(header.count) {
        return Err(StoreError::Damaged("block"));
    }
    let seed: &[u8; 32] = raw.seed.as_slice().try_into().map_err(|_| StoreError::Damaged("seed"))?;
    let [residual, before, after] = raw.numbers;
    Ok(BlockRow {
        register,
        hash: header_hash(&raw.header),
        header,
        payload: raw.header,
        signature: fixed(raw.signature, "signature")?,
        seed: DaySeed::from_bytes(*seed),
        readings: Zeroizing::new(pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect()),
        residual: unsigned(residual, "block")?,
        before: unsigned(before, "block")?,
        after: unsigned(after, "block")?,
    })
}

impl Store {
    /// All registers, by meter and code.
    ///
    /// # Errors
    /// When the database fails.
    pub fn registers(&self) -> Result<Vec<RegisterRow>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id, meter, code, unit FROM registers ORDER BY meter, code")?;
        let rows = statement.query_map([], |row| {
            Ok(RegisterRow { id: row.get(0)?, meter: row.get(1)?, code: row.get(2)?, unit: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The row of a meter's register; made when it is new. `None` when it is known with another unit.
    pub(crate) fn register(&self, meter: i64, register: &Register) -> Result<Option<i64>, StoreError> {
        let known: Option<(i64, String)> = self
            .connection
            .prepare_cached("SELECT id, unit FROM registers WHERE meter = ?1 AND code = ?2")?
            .query_row((meter, register.code.as_str()), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((id, unit)) = known {
            return Ok((unit == register.unit.as_str()).then_some(id));
        }
        self.connection.prepare_cached("INSERT INTO registers (meter, code, unit) VALUES (?1, ?2, ?3)")?.execute((
            meter,
            register.code.as_str(),
            register.unit.as_str(),
        ))?;
        Ok(Some(self.connection.last_insert_rowid()))
    }

    /// The newest ratchet key of a register under an epoch and pairing, with its day.
    pub(crate) fn ratchet(
        &self,
        register: i64,
        certificate: i64,
        pairing: i64,
    ) -> Result<Option<(u32, RegisterKey)>, StoreError> {
        let found: Option<(i64, Vec<u8>)> = self
            .connection
            .prepare_cached("SELECT day, key FROM ratchets WHERE register = ?1 AND certificate = ?2 AND pairing = ?3")?
            .query_row((register, certificate, pairing), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        found
            .map(|(day, key)| Ok((unsigned(day, "ratchet")?, RegisterKey::from_bytes(fixed(key, "ratchet")?))))
            .transpose()
    }

    pub(crate) fn keep_ratchet(
        &self,
        register: i64,
        certificate: i64,
        pairing: i64,
        day: u32,
        key: &RegisterKey,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO ratchets (register, certificate, pairing, day, key) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute((register, certificate, pairing, day, key.expose()))?;
        Ok(())
    }

    /// The row of a day's seed; made when it is new.
    pub(crate) fn keep_seed(
        &self,
        register: i64,
        certificate: i64,
        pairing: i64,
        day: u32,
        seed: &DaySeed,
    ) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached(
                "INSERT OR IGNORE INTO seeds (register, certificate, pairing, day, seed) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((register, certificate, pairing, day, seed.expose()))?;
        let id = self
            .connection
            .prepare_cached(
                "SELECT id FROM seeds WHERE register = ?1 AND certificate = ?2 AND pairing = ?3 AND day = ?4",
            )?
            .query_row((register, certificate, pairing, day), |row| row.get(0))?;
        Ok(id)
    }

    /// Stores a block. The caller has verified and opened it.
    pub(crate) fn insert_block(
        &self,
        register: i64,
        certificate: i64,
        seed: i64,
        block: &BlockRow,
    ) -> Result<(), StoreError> {
        let span = block.header.span();
        let mut readings: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::with_capacity(2 * block.readings.len()));
        for reading in block.readings.iter() {
            let mut bytes = reading.to_le_bytes();
            readings.extend_from_slice(&bytes);
            bytes.zeroize();
        }
        self.connection
            .prepare_cached(
                "INSERT INTO blocks (register, number, certificate, seed, first_second, end_second, header, signature, \
                 readings, residual, total_before, total_after) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute((
                register,
                signed(block.header.block, "block number")?,
                certificate,
                seed,
                signed(span.from, "time")?,
                signed(span.until, "time")?,
                &block.payload,
                block.signature.as_slice(),
                readings.as_slice(),
                block.residual,
                signed(block.before, "register total")?,
                signed(block.after, "register total")?,
            ))?;
        Ok(())
    }

    /// A block by its number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn block(&self, register: i64, number: u64) -> Result<Option<BlockRow>, StoreError> {
        let Ok(number) = i64::try_from(number) else { return Ok(None) };
        let sql = format!(
            "SELECT {COLUMNS} FROM blocks b JOIN seeds s ON s.id = b.seed WHERE b.register = ?1 AND b.number = ?2"
        );
        let raw = self.connection.prepare_cached(&sql)?.query_row((register, number), raw_block).optional()?;
        raw.map(|raw| read_block(register, raw)).transpose()
    }

    /// All blocks of a register that share a second with a span, in order of time.
    ///
    /// # Errors
    /// When the database fails.
    pub fn blocks(&self, register: i64, span: &Span) -> Result<Vec<BlockRow>, StoreError> {
        let (from, until) = (clamp(span.from), clamp(span.until));
        let sql = format!(
            "SELECT {COLUMNS} FROM blocks b JOIN seeds s ON s.id = b.seed \
             WHERE b.register = ?1 AND b.first_second < ?3 AND b.end_second > ?2 ORDER BY b.first_second"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map((register, from, until), raw_block)?;
        rows.map(|raw| read_block(register, raw?)).collect()
    }

    /// Time covered by each block of a register, in order, with the number of the block.
    ///
    /// # Errors
    /// When the database fails.
    pub fn spans(&self, register: i64) -> Result<Vec<(u64, Span)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT number, first_second, end_second FROM blocks WHERE register = ?1 ORDER BY first_second",
        )?;
        let rows = statement.query_map([register], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.map(|row| {
            let (number, from, until): (i64, i64, i64) = row?;
            Ok((unsigned(number, "block")?, Span { from: unsigned(from, "block")?, until: unsigned(until, "block")? }))
        })
        .collect()
    }

    /// Numbers of the stored blocks of a meter's register, in order; none when the register is not known yet.
    ///
    /// # Errors
    /// When the database fails.
    pub fn block_numbers(&self, meter: i64, code: &RegisterCode) -> Result<Vec<u64>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT b.number FROM blocks b JOIN registers r ON r.id = b.register \
             WHERE r.meter = ?1 AND r.code = ?2 ORDER BY b.number",
        )?;
        let rows = statement.query_map((meter, code.as_str()), |row| row.get::<_, i64>(0))?;
        rows.map(|number| unsigned(number?, "block")).collect()
    }

    /// All headers of a register in order of time.
    ///
    /// # Errors
    /// When the database fails.
    pub fn headers(&self, register: i64) -> Result<Vec<DayHeader>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT header FROM blocks WHERE register = ?1 ORDER BY first_second")?;
        let rows = statement.query_map([register], |row| row.get::<_, Vec<u8>>(0))?;
        rows.map(|header| DayHeader::read(&header?).map_err(|_| StoreError::Damaged("block header"))).collect()
    }

    /// Whether any block of a register shares a second with a span.
    pub(crate) fn is_covered(&self, register: i64, span: &Span) -> Result<bool, StoreError> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT 1 FROM blocks WHERE register = ?1 AND first_second < ?3 AND end_second > ?2 LIMIT 1",
            )?
            .exists((register, clamp(span.from), clamp(span.until)))?;
        Ok(found)
    }

    /// The number of the first stored block of a register under a certificate.
    pub(crate) fn first_block(&self, register: i64, certificate: i64) -> Result<Option<u64>, StoreError> {
        let number: Option<i64> = self
            .connection
            .prepare_cached("SELECT min(number) FROM blocks WHERE register = ?1 AND certificate = ?2")?
            .query_row((register, certificate), |row| row.get(0))?;
        number.map(|n| unsigned(n, "block")).transpose()
    }

    /// Registers with a code, over all meters.
    ///
    /// # Errors
    /// When the database fails.
    pub fn registers_with_code(&self, code: &RegisterCode) -> Result<Vec<RegisterRow>, StoreError> {
        Ok(self.registers()?.into_iter().filter(|r| r.code == code.as_str()).collect())
    }
}

fn clamp(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}
