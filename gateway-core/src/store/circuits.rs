//! Rows of circuits that were checked, and of the states that proved bills left.

use protocol::circuit::{Profile, State};
use protocol::machine::CELLS;
use protocol::metrology::keys::Hash;
use rusqlite::OptionalExtension;
use zeroize::Zeroizing;

use super::{Store, StoreError, fixed};

/// How parameters came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From a provider, which trusts them: its key.
    Provider([u8; 32]),
    /// From a file that somebody chose.
    File,
    /// Made on this machine, for trying out.
    Here,
}

/// Parameters that were checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCircuit {
    /// Hash of their file.
    pub pin: [u8; 32],
    /// The circuit.
    pub profile: Profile,
    /// The circuit's identity, which statements name.
    pub id: Hash,
    /// Whether their maker could forge.
    pub demonstration: bool,
    /// Where they came from.
    pub source: Source,
    /// When they were checked, Unix seconds.
    pub checked_at: i64,
}

/// What a proved bill left to the next.
pub struct StoredState {
    /// The bill.
    pub bill: Hash,
    /// The bill that it goes on from.
    pub continues: Option<Hash>,
    /// The bill that it corrects.
    pub corrects: Option<Hash>,
    /// Cells and blinding after it.
    pub after: State,
}

impl Store {
    /// Keeps a circuit whose parameters were checked. The same parameters from another source are kept beside it: several
    /// providers may take bills in one circuit.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_circuit(&self, circuit: &StoredCircuit) -> Result<(), StoreError> {
        let (source, provider) = match &circuit.source {
            Source::Provider(key) => ("provider", Some(key.as_slice())),
            Source::File => ("file", None),
            Source::Here => ("here", None),
        };
        self.connection
            .prepare_cached(
                "INSERT INTO circuits (pin, profile, circuit, demonstration, source, provider, checked_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT (pin, source, coalesce(provider, x'')) DO UPDATE SET checked_at = ?7",
            )?
            .execute((
                circuit.pin.as_slice(),
                circuit.profile.name,
                circuit.id.as_slice(),
                circuit.demonstration,
                source,
                provider,
                circuit.checked_at,
            ))?;
        Ok(())
    }

    /// The circuits whose parameters were checked, in the order in which they came. Those of an older program, which this
    /// one does not have, are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub fn circuits(&self) -> Result<Vec<StoredCircuit>, StoreError> {
        const WHAT: &str = "circuit";
        let mut statement = self.connection.prepare_cached(
            "SELECT pin, profile, circuit, demonstration, source, provider, checked_at FROM circuits ORDER BY id",
        )?;
        let mut rows = statement.query([])?;
        let mut circuits = Vec::new();
        while let Some(row) = rows.next()? {
            let Some(profile) = Profile::named(&row.get::<_, String>(1)?) else { continue };
            let provider: Option<Vec<u8>> = row.get(5)?;
            let source = match (row.get::<_, String>(4)?.as_str(), provider) {
                ("provider", Some(key)) => Source::Provider(fixed(key, WHAT)?),
                ("file", None) => Source::File,
                ("here", None) => Source::Here,
                _ => return Err(StoreError::Damaged(WHAT)),
            };
            circuits.push(StoredCircuit {
                pin: fixed(row.get(0)?, WHAT)?,
                profile,
                id: fixed(row.get(2)?, WHAT)?,
                demonstration: row.get(3)?,
                source,
                checked_at: row.get(6)?,
            });
        }
        Ok(circuits)
    }

    /// Forgets a circuit, wherever it came from.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_circuit(&self, pin: &[u8; 32]) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM circuits WHERE pin = ?1")?.execute([pin.as_slice()])?;
        Ok(())
    }

    /// Keeps what a proved bill left.
    ///
    /// # Errors
    /// When the database fails or does not have the bill.
    pub fn keep_state(&self, state: &StoredState) -> Result<(), StoreError> {
        let cells: Zeroizing<Vec<u8>> =
            Zeroizing::new(state.after.cells.iter().flat_map(|cell| cell.to_le_bytes()).collect());
        let blinding = Zeroizing::new(state.after.blinding.to_bytes());
        self.connection
            .prepare_cached(
                "INSERT INTO states (bill, continues, corrects, cells, blinding) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((
                state.bill.as_slice(),
                state.continues.as_ref().map(Hash::as_slice),
                state.corrects.as_ref().map(Hash::as_slice),
                cells.as_slice(),
                blinding.as_slice(),
            ))?;
        Ok(())
    }

    /// What a proved bill left.
    ///
    /// # Errors
    /// When the database fails.
    pub fn state(&self, bill: &Hash) -> Result<Option<StoredState>, StoreError> {
        const WHAT: &str = "state of a bill";
        let row = self
            .connection
            .prepare_cached("SELECT continues, corrects, cells, blinding FROM states WHERE bill = ?1")?
            .query_row([bill.as_slice()], |row| {
                let continues: Option<Vec<u8>> = row.get(0)?;
                let corrects: Option<Vec<u8>> = row.get(1)?;
                let (cells, blinding): (Vec<u8>, Vec<u8>) = (row.get(2)?, row.get(3)?);
                Ok((continues, corrects, Zeroizing::new(cells), Zeroizing::new(blinding)))
            })
            .optional()?;
        let Some((continues, corrects, stored, blinding)) = row else { return Ok(None) };
        let mut cells = [0i64; CELLS];
        if stored.len() != 8 * CELLS {
            return Err(StoreError::Damaged(WHAT));
        }
        for (cell, bytes) in cells.iter_mut().zip(stored.chunks_exact(8)) {
            *cell = i64::from_le_bytes(bytes.try_into().map_err(|_| StoreError::Damaged(WHAT))?);
        }
        let blinding: [u8; 32] = fixed(blinding.to_vec(), WHAT)?;
        let blinding: Option<bls12_381::Scalar> = bls12_381::Scalar::from_bytes(&blinding).into();
        let after = State { cells, blinding: blinding.ok_or(StoreError::Damaged(WHAT))? };
        let link = |bytes: Option<Vec<u8>>| bytes.map(|bytes| fixed(bytes, WHAT)).transpose();
        Ok(Some(StoredState { bill: *bill, continues: link(continues)?, corrects: link(corrects)?, after }))
    }

    /// Digests of the bills that left a state, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn bills_with_state(&self) -> Result<Vec<Hash>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT bill FROM states ORDER BY rowid DESC")?;
        let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
        rows.map(|digest| fixed(digest?, "state of a bill")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreKey;

    #[test]
    fn circuits_are_kept_by_pin_and_source() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::create(&directory.path().join("store.db"), &StoreKey::from_bytes([1; 32])).unwrap();
        let circuit = |source| StoredCircuit {
            pin: [3; 32],
            profile: Profile::named("energy-30").unwrap(),
            id: [4; 32],
            demonstration: true,
            source,
            checked_at: 7,
        };
        assert!(store.keep_circuit(&circuit(Source::Provider([9; 32]))).is_err(), "nobody knows this provider");
        store.pin_provider(&[9; 32], "P", 1).unwrap();
        let all = [Source::File, Source::Here, Source::Provider([9; 32])].map(circuit);
        for circuit in all.iter().chain(&all) {
            store.keep_circuit(circuit).unwrap();
        }
        assert_eq!(store.circuits().unwrap(), all, "each source once");
        store.drop_circuit(&[3; 32]).unwrap();
        assert_eq!(store.circuits().unwrap(), []);
    }
}
