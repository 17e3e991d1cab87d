//! Copies are encrypted, whole and the same store.

use super::*;
use std::path::PathBuf;

const OLD: [u8; 32] = [1; 32];
const NEW: [u8; 32] = [2; 32];

fn key(bytes: [u8; 32]) -> StoreKey {
    StoreKey::from_bytes(bytes)
}

/// A store with an event that can be searched for in files.
fn store(directory: &Path) -> (Store, PathBuf) {
    let path = directory.join("store.db");
    let store = Store::create(&path, &key(OLD)).unwrap();
    store.note(1, "test", "a telling sentence").unwrap();
    (store, path)
}

fn is_clear(path: &Path) -> bool {
    let bytes = std::fs::read(path).unwrap();
    bytes.starts_with(b"SQLite format 3") || bytes.windows(9).any(|part| part == b"a telling" || part == b"CREATE TA")
}

#[test]
fn a_snapshot_is_encrypted_and_consistent_while_another_writes() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, path) = store(directory.path());
    let other = Store::open(&path, &key(OLD)).unwrap();
    let copy = directory.path().join("copy");
    store
        .transaction(|store| {
            store.note(2, "test", "not yet committed")?;
            other.snapshot(&copy)
        })
        .unwrap();
    assert!(!is_clear(&copy) && !is_clear(&path));
    let opened = Store::open(&copy, &key(OLD)).unwrap();
    assert_eq!(opened.events(9).unwrap(), [(1, "test".into(), "a telling sentence".into())]);
    assert_eq!(opened.format().unwrap(), super::super::SCHEMA_VERSION);
    opened.inspect().unwrap();
    assert!(matches!(Store::open(&copy, &key(NEW)), Err(StoreError::WrongKey)));
    assert!(other.snapshot(&copy).is_err(), "never over something");
    assert!(other.snapshot(&directory.path().join("no/where")).is_err());
}

#[test]
fn a_copy_under_another_key_is_the_same_store() {
    let directory = tempfile::tempdir().unwrap();
    let (store, path) = store(directory.path());
    let copy = directory.path().join("copy");
    std::fs::write(&copy, []).unwrap();
    let held = rekey::<StoreError>(&path, &key(OLD), &copy, &key(NEW), || Ok(()));
    assert!(matches!(held, Err(StoreError::Locked)), "in use: {held:?}");
    assert_eq!(std::fs::read(&copy).unwrap(), []);
    drop(store);
    rekey::<StoreError>(&path, &key(OLD), &copy, &key(NEW), || {
        // Nobody gets in meanwhile.
        assert!(matches!(probe(&path, &key(OLD)), Err(StoreError::Locked)));
        Ok(())
    })
    .unwrap();
    assert!(!is_clear(&copy));
    assert!(matches!(probe(&copy, &key(OLD)), Err(StoreError::WrongKey)));
    let opened = Store::open(&copy, &key(NEW)).unwrap();
    assert_eq!(opened.events(9).unwrap().len(), 1);
    let mark: i64 = opened.connection.query_row("PRAGMA application_id", [], |row| row.get(0)).unwrap();
    assert_eq!(mark, 0x5753_4c31);
    opened.inspect().unwrap();
    assert!(!directory.path().join("store.db-wal").exists());
}

#[test]
fn a_changed_page_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let (store, path) = store(directory.path());
    drop(store);
    let good = std::fs::read(&path).unwrap();
    let open = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Store::open(&path, &key(OLD)).and_then(|store| store.inspect())
    };
    assert!(open(&good).is_ok());
    for at in (16..good.len()).step_by(1021) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(open(&bad).is_err(), "byte {at}");
    }
}

#[test]
fn an_earlier_format_is_shown_before_it_changes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(Connection::open(&path).and_then(|c| {
        unlock(&c, &key(OLD)).unwrap();
        c.execute_batch("CREATE TABLE kept (x); PRAGMA user_version = 0")
    }));
    let refused = Store::open_with(&path, &key(OLD), |store, from| {
        assert_eq!((store.format()?, from), (0, 0));
        Err(StoreError::Full)
    });
    assert!(matches!(refused, Err(StoreError::Full)));
    assert_eq!(probe(&path, &key(OLD)).unwrap(), 0, "nothing was migrated");
    let mut shown = 0;
    let opened = Store::open_with(&path, &key(OLD), |_, _| {
        shown += 1;
        Ok::<_, StoreError>(())
    });
    assert_eq!((opened.unwrap().format().unwrap(), shown), (super::super::SCHEMA_VERSION, 1));
    Store::open_with(&path, &key(OLD), |_, _| Err(StoreError::Full)).unwrap();
}

#[test]
fn a_restored_copy_makes_no_bill_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = store(directory.path());
    store.pin_provider(&[7; 32], "Fern", 1).unwrap();
    let account = store.keep_account(&[7; 32], "a:1", &[1; 32], &[11; 32]).unwrap();
    let one = store.keep_standing(account, "day-night", 100, 5, false).unwrap();
    store.end_standing(one, 8).unwrap();
    let two = store.keep_standing(account, "flat", 200, 5, true).unwrap();
    assert_eq!(store.end_standing_after_restore(9).unwrap(), 1);
    let standing = store.standing().unwrap();
    assert_eq!(standing.iter().map(|s| (s.id, s.ended_at)).collect::<Vec<_>>(), [(one, Some(8)), (two, Some(9))]);
    assert!(standing[1].message.as_deref().unwrap().contains("restored"));
    assert_eq!(standing[1].first, 200, "where to begin again stays known");
    store.keep_standing(account, "flat", 300, 5, true).unwrap();
}
