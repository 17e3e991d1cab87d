//! Rows of what seals in the place of meters that do not, and of the slots that no block of theirs holds yet.

use protocol::metrology::label::{RegisterCode, Status};
use protocol::metrology::seal::Sample;
use rusqlite::{OptionalExtension, Row};
use zeroize::Zeroizing;

use super::{Store, StoreError, unsigned};

/// What seals in the place of one meter.
pub struct SealerRow {
    /// Row number.
    pub id: i64,
    /// Row of the meter that it appears as.
    pub meter: i64,
    /// What the plain meter told as its number.
    pub number: Option<String>,
    /// Its keys and chains, as [`sealer::flash`] writes them.
    pub state: Zeroizing<Vec<u8>>,
    /// Where the plain meter's registers stood at the end of the last slot.
    pub edges: Zeroizing<Vec<u8>>,
}

impl SealerRow {
    /// Whether it seals for a meter with another number than this.
    #[must_use]
    pub fn is_of_another(&self, number: Option<&str>) -> bool {
        self.number.as_deref().zip(number).is_some_and(|(own, number)| own != number)
    }
}

impl std::fmt::Debug for SealerRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealerRow({}, meter {})", self.id, self.meter)
    }
}

/// A slot that no block holds yet.
#[derive(Clone, Copy)]
pub struct OpenSlot {
    /// Its register.
    pub register: RegisterCode,
    /// Unix time divided by the interval.
    pub slot: u64,
    /// What passed, and how that is known.
    pub sample: Sample,
}

impl std::fmt::Debug for OpenSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenSlot({}, {})", self.register, self.slot)
    }
}

const COLUMNS: &str = "id, meter, state, edges, number";

fn read(row: &Row<'_>) -> rusqlite::Result<SealerRow> {
    let (state, edges) = (Zeroizing::new(row.get(2)?), Zeroizing::new(row.get(3)?));
    Ok(SealerRow { id: row.get(0)?, meter: row.get(1)?, number: row.get(4)?, state, edges })
}

impl Store {
    /// What seals at an address; `label` tells meters behind one address apart.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sealer_at(&self, address: &str, label: &str) -> Result<Option<SealerRow>, StoreError> {
        let here = format!("SELECT {COLUMNS} FROM sealers WHERE address = ?1 AND label = ?2");
        Ok(self.connection.prepare_cached(&here)?.query_row((address, label), read).optional()?)
    }

    /// What seals for the meter at an address. One that tells its number is no other number's, and is found at any address
    /// that no line leads to any more: its cable was moved.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sealer(&self, address: &str, label: &str, number: Option<&str>) -> Result<Option<SealerRow>, StoreError> {
        let found = self.sealer_at(address, label)?.filter(|row| !row.is_of_another(number));
        let (None, Some(number)) = (&found, number) else { return Ok(found) };
        let elsewhere = format!(
            "SELECT {COLUMNS} FROM sealers WHERE number = ?1 AND label = ?2 \
             AND address NOT IN (SELECT address FROM lines) ORDER BY id DESC LIMIT 1"
        );
        Ok(self.connection.prepare_cached(&elsewhere)?.query_row((number, label), read).optional()?)
    }

    /// The row of the meter that is sealed for at another address, when the meter with this number is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sealed_elsewhere(&self, address: &str, label: &str, number: &str) -> Result<Option<i64>, StoreError> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT meter FROM sealers WHERE number = ?1 AND label = ?2 AND address <> ?3 \
                 AND address IN (SELECT address FROM lines WHERE profile IS NOT NULL)",
            )?
            .query_row((number, label, address), |row| row.get(0))
            .optional()?;
        Ok(found)
    }

    /// Adds what seals for the meter at an address. Returns its number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn insert_sealer(&self, address: &str, label: &str, meter: i64, state: &[u8]) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached("INSERT INTO sealers (address, label, meter, state, edges) VALUES (?1, ?2, ?3, ?4, x'')")?
            .execute((address, label, meter, state))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Notes where the meter is read now, and its number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn place_sealer(&self, id: i64, address: &str, number: Option<&str>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE sealers SET address = ?2, number = coalesce(?3, number) WHERE id = ?1")?
            .execute((id, address, number))?;
        Ok(())
    }

    /// Another meter hangs at its address: it waits under none until its own is read again.
    ///
    /// # Errors
    /// When the database fails.
    pub fn leave_address(&self, id: i64) -> Result<(), StoreError> {
        self.connection.prepare_cached("UPDATE sealers SET address = 'left:' || id WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    /// Keeps a sealer's chains: what they hold is in blocks, and no slot is open any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_sealer_state(&self, id: i64, state: &[u8]) -> Result<(), StoreError> {
        self.connection.prepare_cached("UPDATE sealers SET state = ?2 WHERE id = ?1")?.execute((id, state))?;
        Ok(())
    }

    /// Keeps where the plain meter's registers stood.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_sealer_edges(&self, id: i64, edges: &[u8]) -> Result<(), StoreError> {
        self.connection.prepare_cached("UPDATE sealers SET edges = ?2 WHERE id = ?1")?.execute((id, edges))?;
        Ok(())
    }

    /// Forgets what seals for one meter; its blocks stay.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remove_sealer(&self, id: i64) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM open_slots WHERE sealer = ?1", [id])?;
        self.connection.execute("DELETE FROM sealers WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Forgets what seals, as after a restored backup: a state that is older than blocks that were seen would seal a time
    /// twice. Their blocks stay, and other meters, with keys of their own, go on after them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_sealers(&self) -> Result<usize, StoreError> {
        self.connection.execute("DELETE FROM open_slots", [])?;
        Ok(self.connection.execute("DELETE FROM sealers", [])?)
    }

    /// The slots that no block holds yet, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open_slots(&self, sealer: i64) -> Result<Vec<OpenSlot>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT register, slot, advance, status FROM open_slots WHERE sealer = ?1 ORDER BY slot, register",
        )?;
        let rows = statement.query_map([sealer], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, u32>(2)?, row.get::<_, u8>(3)?))
        })?;
        rows.map(|row| {
            let (register, slot, advance, status) = row?;
            let register = RegisterCode::new(&register).ok_or(StoreError::Damaged("open slot"))?;
            let sample = Sample { advance, status: Status::from_code(status) };
            Ok(OpenSlot { register, slot: unsigned(slot, "open slot")?, sample })
        })
        .collect()
    }

    /// Keeps a slot until a block holds it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_open_slot(&self, sealer: i64, open: &OpenSlot) -> Result<(), StoreError> {
        let slot = super::signed(open.slot, "open slot")?;
        self.connection
            .prepare_cached(
                "INSERT INTO open_slots (sealer, register, slot, advance, status) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT DO NOTHING",
            )?
            .execute((sealer, open.register.as_str(), slot, open.sample.advance, open.sample.status.code()))?;
        Ok(())
    }

    /// Drops the open slots of a register that lie before a slot: a block holds them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_open_slots(&self, sealer: i64, register: &RegisterCode, before: u64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM open_slots WHERE sealer = ?1 AND register = ?2 AND slot < ?3")?
            .execute((sealer, register.as_str(), super::signed(before, "open slot")?))?;
        Ok(())
    }
}
