//! Rows of brokers that current readings are published to, and of what each of them was asked to keep: a broker gives
//! retained messages to whoever comes later, so nothing here is forgotten before it was taken back there.

use rusqlite::{OptionalExtension, Row};
use zeroize::Zeroizing;

use super::{Store, StoreError, fixed};

/// A broker that current readings are published to.
#[derive(Clone)]
pub struct Publication {
    /// Row number.
    pub id: i64,
    /// Host and port; one publication each.
    pub broker: String,
    /// What its topics begin with; random, and the same for as long as the publication is not forgotten.
    pub name: String,
    /// The broker and the prefix of discovery topics, as an address of MQTT.
    pub address: String,
    /// Password at the broker.
    pub password: Option<Zeroizing<String>>,
    /// File with the certificate of the authority that the broker's own is checked against; none means the system's.
    pub authority: Option<String>,
    /// Kinds of values, with commas between.
    pub what: String,
    /// A value is published every so many seconds at most.
    pub every: u32,
    /// Whether the broker may be outside of the home.
    pub not_local: bool,
    /// When it was ended; what the broker keeps could not be taken back yet.
    pub ended_at: Option<i64>,
}

impl std::fmt::Debug for Publication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Publication({})", self.id)
    }
}

/// A topic that a broker keeps a message of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedTopic {
    /// The topic.
    pub topic: String,
    /// Key for life of the meter that it speaks of.
    pub meter: Option<[u8; 32]>,
    /// Register that it describes; none for power and for what describes no value.
    pub code: Option<String>,
    /// Its unit.
    pub unit: Option<String>,
    /// What it counts, as an M-Bus device type.
    pub device: Option<u8>,
}

const COLUMNS: &str = "id, broker, name, address, password, authority, what, every, not_local, ended_at";

fn raw(row: &Row<'_>) -> rusqlite::Result<(Publication, Option<Zeroizing<Vec<u8>>>)> {
    let password = row.get::<_, Option<Vec<u8>>>(4)?.map(Zeroizing::new);
    let publication = Publication {
        id: row.get(0)?,
        broker: row.get(1)?,
        name: row.get(2)?,
        address: row.get(3)?,
        password: None,
        authority: row.get(5)?,
        what: row.get(6)?,
        every: row.get(7)?,
        not_local: row.get(8)?,
        ended_at: row.get(9)?,
    };
    Ok((publication, password))
}

fn read((mut row, password): (Publication, Option<Zeroizing<Vec<u8>>>)) -> Result<Publication, StoreError> {
    if let Some(bytes) = password {
        let text = std::str::from_utf8(&bytes).map_err(|_| StoreError::Damaged("publication"))?;
        row.password = Some(Zeroizing::new(text.to_owned()));
    }
    Ok(row)
}

impl Store {
    /// All publications, in order of adding, with those that were ended and not yet taken back.
    ///
    /// # Errors
    /// When the database fails.
    pub fn publications(&self) -> Result<Vec<Publication>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM publications ORDER BY id");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([], raw)?;
        rows.map(|row| read(row?)).collect()
    }

    /// A publication by its number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn publication(&self, id: i64) -> Result<Option<Publication>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM publications WHERE id = ?1");
        self.connection.prepare_cached(&sql)?.query_row([id], raw).optional()?.map(read).transpose()
    }

    /// Adds a publication, or replaces all but the name of the one at this broker, which then is not ended any more. Number,
    /// name and end of the row that is handed in are those that a new one gets. Returns the number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_publication(&self, row: &Publication, at: i64) -> Result<i64, StoreError> {
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO publications (broker, name, address, password, authority, what, every, not_local, added_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (broker) DO UPDATE SET address = ?3, \
                 password = ?4, authority = ?5, what = ?6, every = ?7, not_local = ?8, ended_at = NULL RETURNING id",
            )?
            .query_row(
                (
                    &row.broker,
                    &row.name,
                    &row.address,
                    row.password.as_ref().map(|password| password.as_bytes()),
                    &row.authority,
                    &row.what,
                    row.every,
                    row.not_local,
                    at,
                ),
                |row| row.get(0),
            )?;
        Ok(id)
    }

    /// Ends a publication; what the broker keeps is still to be taken back. Returns whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_publication(&self, id: i64, at: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE publications SET ended_at = coalesce(ended_at, ?2) WHERE id = ?1";
        Ok(self.connection.prepare_cached(sql)?.execute((id, at))? > 0)
    }

    /// Ends all publications, as after a restored backup: who allowed them may have ended them since, and nothing leaves by
    /// a consent of which nobody knows whether it stands. Each is noted; what the brokers keep is still to be taken back.
    /// Returns how many there were. To be called within a transaction, or on a store that nobody uses yet.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_publications_after_restore(&self, at: i64) -> Result<usize, StoreError> {
        let running = self.publications()?.into_iter().filter(|row| row.ended_at.is_none());
        let mut ended = 0;
        for row in running {
            self.end_publication(row.id, at)?;
            let text = format!(
                "publishing to {} was ended when this home was restored from a backup; it is allowed again by adding it",
                row.broker
            );
            self.note(at, "publish-ended", &text)?;
            ended += 1;
        }
        Ok(ended)
    }

    /// Forgets a publication and what its broker keeps. To be called within a transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remove_publication(&self, id: i64) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM published WHERE publication = ?1")?.execute([id])?;
        self.connection.prepare_cached("DELETE FROM publications WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    /// What a broker was asked to keep, by topic.
    ///
    /// # Errors
    /// When the database fails.
    pub fn published(&self, publication: i64) -> Result<Vec<PublishedTopic>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT topic, meter, code, unit, device FROM published WHERE publication = ?1 ORDER BY topic",
        )?;
        let rows = statement.query_map([publication], |row| {
            Ok((row.get(0)?, row.get::<_, Option<Vec<u8>>>(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })?;
        rows.map(|row| {
            let (topic, meter, code, unit, device) = row?;
            let meter = meter.map(|meter| fixed(meter, "published meter")).transpose()?;
            Ok(PublishedTopic { topic, meter, code, unit, device })
        })
        .collect()
    }

    /// Notes a topic before the broker is asked to keep a message of it.
    ///
    /// # Errors
    /// When the database fails, or the publication is gone.
    pub fn keep_published(&self, publication: i64, row: &PublishedTopic) -> Result<(), StoreError> {
        let meter = row.meter.as_ref().map(<[u8; 32]>::as_slice);
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO published (publication, topic, meter, code, unit, device) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((publication, &row.topic, meter, &row.code, &row.unit, row.device))?;
        Ok(())
    }

    /// Forgets a topic that the broker keeps nothing of any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_published(&self, publication: i64, topic: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM published WHERE publication = ?1 AND topic = ?2")?
            .execute((publication, topic))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreKey;

    #[test]
    fn one_publication_a_broker_and_nothing_forgotten_by_itself() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::create(&directory.path().join("s"), &StoreKey::from_bytes([1; 32])).unwrap();
        let row = Publication {
            id: 0,
            broker: "b:1883".into(),
            name: "0a".into(),
            address: "mqtt://u@b:1883/homeassistant".into(),
            password: Some(Zeroizing::new("hunter2".into())),
            authority: None,
            what: "power".into(),
            every: 10,
            not_local: false,
            ended_at: None,
        };
        let id = store.keep_publication(&row, 1).unwrap();
        let topic = PublishedTopic { topic: "t".into(), meter: Some([7; 32]), code: None, unit: None, device: Some(3) };
        store.keep_published(id, &topic).unwrap();
        store.keep_published(id, &topic).unwrap();
        assert!(store.end_publication(id, 5).unwrap() && store.end_publication(id, 6).unwrap());
        assert_eq!(store.publication(id).unwrap().unwrap().ended_at, Some(5));
        // Added again, it goes on under its name, with the new settings.
        let again = Publication { name: "0b".into(), what: "import".into(), password: None, ..row.clone() };
        assert_eq!(store.keep_publication(&again, 9).unwrap(), id);
        let found = store.publications().unwrap().pop().unwrap();
        assert_eq!((found.name.as_str(), found.what.as_str(), found.ended_at), ("0a", "import", None));
        assert!(found.password.is_none());
        assert_eq!(store.published(id).unwrap(), [topic]);
        store.keep_publication(&row, 9).unwrap();
        let found = store.publication(id).unwrap().unwrap();
        assert_eq!(found.password.as_ref().unwrap().as_str(), "hunter2");
        assert!(!format!("{found:?}").contains("hunter2"));
        store.forget_published(id, "t").unwrap();
        store.keep_published(id, &PublishedTopic { meter: None, device: None, ..store_topic("u") }).unwrap();
        store.remove_publication(id).unwrap();
        assert!(store.publications().unwrap().is_empty() && store.published(id).unwrap().is_empty());
        assert!(!store.end_publication(id, 7).unwrap());
        assert!(store.keep_published(id, &store_topic("t")).is_err(), "a topic of no publication");
    }

    #[test]
    fn a_restored_home_publishes_nothing_that_is_not_allowed_anew() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::create(&directory.path().join("s"), &StoreKey::from_bytes([1; 32])).unwrap();
        let row = |broker: &str| Publication {
            id: 0,
            broker: broker.into(),
            name: hex::encode(broker),
            address: format!("mqtt://{broker}/homeassistant"),
            password: None,
            authority: None,
            what: "power".into(),
            every: 10,
            not_local: false,
            ended_at: None,
        };
        let (one, other) = (row("a:1883"), row("b:1883"));
        let id = store.keep_publication(&one, 1).unwrap();
        store.keep_published(id, &store_topic("t")).unwrap();
        let before = store.keep_publication(&other, 1).unwrap();
        store.end_publication(before, 2).unwrap();
        assert_eq!(store.end_publications_after_restore(9).unwrap(), 1);
        assert_eq!(store.end_publications_after_restore(10).unwrap(), 0);
        let ended: Vec<_> = store.publications().unwrap().iter().map(|row| row.ended_at).collect();
        assert_eq!(ended, [Some(9), Some(2)]);
        assert_eq!(store.published(id).unwrap().len(), 1, "what is to be taken back is known");
        let notes = store.events(9).unwrap();
        assert!(notes.len() == 1 && (notes[0].0, notes[0].1.as_str()) == (9, "publish-ended"), "{notes:?}");
        store.keep_publication(&one, 11).unwrap();
        assert_eq!(store.publication(id).unwrap().unwrap().ended_at, None, "allowed anew");
    }

    fn store_topic(topic: &str) -> PublishedTopic {
        PublishedTopic { topic: topic.into(), meter: None, code: None, unit: None, device: None }
    }
}
