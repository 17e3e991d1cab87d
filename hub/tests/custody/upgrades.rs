//! Homes of the first format: opened, kept before they change, and given slots without a moment in which no key opens
//! them.

use std::path::Path;
use std::time::Duration;

use gateway_core::StoreError;
use gateway_core::store::{SCHEMA_VERSION, probe};

use crate::house::{House, copy_tree, first_key};

#[test]
fn a_home_of_format_1_is_kept_before_it_is_migrated() {
    let house = House::new();
    house.first_format();
    let status = house.json(&["status"], 0);
    assert_eq!(status["bills"], 1);
    assert!(status["warnings"].to_string().contains("keys upgrade"));
    let kept = house.names("h/backups");
    assert_eq!(kept.len(), 1);
    assert!(kept[0].starts_with(&format!("before-format-{SCHEMA_VERSION}-")) && kept[0].ends_with(".store.db"));
    assert_eq!(probe(&house.path("h/backups").join(&kept[0]), &first_key()).unwrap(), 1);
    assert_eq!(probe(&house.path("h/store.db"), &first_key()).unwrap(), SCHEMA_VERSION);
    house.json(&["status"], 0);
    assert_eq!(house.names("h/backups"), kept, "once");
    assert_eq!(house.refusal(&["backup"], "", 1), "no-sheet");
}

#[test]
fn a_home_with_slots_is_kept_as_a_backup_before_it_is_migrated() {
    let house = House::new();
    let first = House::new();
    first.first_format();
    let expected = first.holds("h");
    // Upgraded before any opening: slots around a store that is still of format 1.
    house.first_format();
    house.json(&["keys", "upgrade"], 0);
    assert_eq!(house.names("h/backups"), Vec::<String>::new());
    assert_eq!(house.holds("h"), expected);
    let kept = house.names("h/backups");
    assert!(kept.len() == 1 && kept[0].ends_with(".wattseal-backup"), "{kept:?}");
    let file = format!("h/backups/{}", kept[0]);
    let restored = house.json_with(&["--home", "r", "restore", &file], &house.sheet(), 0);
    assert_eq!(restored["format"], 1);
    assert_eq!(house.holds("r"), expected);
}

#[test]
fn what_cannot_be_kept_is_not_migrated() {
    let house = House::new();
    house.first_format();
    std::fs::write(house.path("h/backups"), "in the way").unwrap();
    assert_eq!(house.refusal(&["status"], "", 3), "no-backup");
    assert_eq!(probe(&house.path("h/store.db"), &first_key()).unwrap(), 1);
    std::fs::remove_file(house.path("h/backups")).unwrap();
    house.json(&["status"], 0);
}

#[test]
fn an_upgraded_home_has_another_key_and_no_plain_one() {
    let house = House::new();
    house.first_format();
    let before = house.holds("h");
    assert!(house.names("h/backups")[0].ends_with(".store.db"), "kept under the old key");
    std::fs::write(house.path("h/backups/mine.store.db"), "somebody's").unwrap();
    let upgraded = house.json(&["keys", "upgrade"], 0);
    assert_eq!(upgraded["key"]["kind"], "credential");
    assert!(!house.path("h/store.key").exists());
    assert_eq!(house.names("h/backups"), ["mine.store.db"], "what the old key opens is gone with it");
    assert!(matches!(probe(&house.path("h/store.db"), &first_key()), Err(StoreError::WrongKey)));
    assert_eq!(house.holds("h"), before);
    assert_eq!(house.json(&["keys", "upgrade"], 0)["already"], true);
    assert!(!house.json(&["status"], 0)["warnings"].to_string().contains("upgrade"));
    // The old key elsewhere, named on the command line.
    let other = House::new();
    other.first_format();
    std::fs::rename(other.path("h/store.key"), other.path("stick")).unwrap();
    assert_eq!(other.refusal(&["status"], "", 3), "no-key");
    other.json(&["--key-file", "stick", "keys", "upgrade", "--sheet", "s"], 0);
    assert_eq!(other.holds("h"), before);
    assert!(!other.path("stick").exists());
}

#[test]
fn an_upgrade_that_was_refused_leaves_the_home_as_it_was() {
    let house = House::new();
    house.first_format();
    let held = hub::home::Home::new(&house.path("h"), None);
    let store = held.open().unwrap();
    let before = house.names("h");
    assert_eq!(house.refusal(&["keys", "upgrade"], "", 3), "in-use");
    // An older program holds no lock of ours; the database notices it.
    drop((store, held));
    let store = gateway_core::Store::open(&house.path("h/store.db"), &first_key()).unwrap();
    store.events(1).unwrap();
    assert_eq!(house.refusal(&["keys", "upgrade"], "", 3), "locked");
    drop(store);
    assert_eq!(house.refusal(&["keys", "upgrade", "--keyring", "--sheet", "s"], "", 3), "no-keyring");
    let after: Vec<_> = before.into_iter().filter(|name| !name.contains("-wal") && !name.contains("-shm")).collect();
    assert_eq!(house.names("h"), after);
    assert!(!house.path("s").exists());
    house.json(&["keys", "upgrade"], 0);
}

/// The state of the disk after each step, put together from a home before and the same home after an upgrade.
#[test]
fn an_upgrade_cut_short_after_any_step_goes_on() {
    let (before, after) = (House::new(), House::new());
    before.first_format();
    let expected = before.holds("h");
    copy_tree(&before.path("h"), &after.path("h"));
    after.json(&["keys", "upgrade"], 0);
    let cut = |step: &str, change: &dyn Fn(&Path)| {
        let house = House::new();
        copy_tree(&before.path("h"), &house.path("h"));
        change(&house.path("h"));
        assert_eq!(house.holds("h"), expected, "{step}: opens as it is");
        let resumed = house.json(&["keys", "upgrade"], 0);
        assert!(!house.path("h/store.key").exists(), "{step}: {resumed}");
        assert!(matches!(probe(&house.path("h/store.db"), &first_key()), Err(StoreError::WrongKey)));
        assert_eq!(house.holds("h"), expected, "{step}: opens when it is finished");
        assert!(!house.names("h").iter().any(|name| name.contains("draft")), "{step}");
        // The sheet in the reader's hand opens it.
        let sheet = if house.path("h/recovery-sheet.txt").exists() { house.sheet() } else { after.sheet() };
        std::fs::remove_file(house.path("h/hub.credential")).unwrap();
        house.json_with(&["recover"], &sheet, 0);
    };
    let take = |to: &Path, names: &[&str]| {
        for name in names {
            std::fs::copy(after.path("h").join(name), to.join(name)).unwrap();
        }
    };
    cut("credential made", &|home| take(home, &["hub.credential"]));
    cut("sheet written", &|home| {
        // This sheet never became valid; the upgrade writes another beside it.
        take(home, &["hub.credential"]);
        std::fs::write(home.join("recovery-sheet-2.txt"), "kept").unwrap();
    });
    cut("slots half written", &|home| {
        take(home, &["hub.credential"]);
        std::fs::write(home.join(".keys.cbor.draft"), "half").unwrap();
    });
    cut("slots written", &|home| take(home, &["hub.credential", "keys.cbor"]));
    cut("slots written, their key lost", &|home| take(home, &["keys.cbor"]));
    cut("copy half made", &|home| {
        take(home, &["hub.credential", "keys.cbor"]);
        let half = std::fs::read(after.path("h/store.db")).unwrap();
        std::fs::write(home.join(".store.db.draft"), &half[..half.len() / 2]).unwrap();
        std::fs::write(home.join(".store.db.draft-journal"), "half").unwrap();
    });
    cut("copy in place", &|home| take(home, &["hub.credential", "keys.cbor", "store.db"]));
}

/// The same by killing the process at many moments.
#[test]
fn an_upgrade_that_is_killed_goes_on() {
    let template = House::new();
    template.first_format();
    let expected = template.holds("h");
    let mut finished = 0;
    for turn in 0..24u64 {
        let house = House::new();
        copy_tree(&template.path("h"), &house.path("h"));
        let mut child = house
            .command(&["keys", "upgrade"])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(turn * 4));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(house.holds("h"), expected, "turn {turn}");
        house.json(&["keys", "upgrade"], 0);
        assert!(!house.path("h/store.key").exists(), "turn {turn}");
        assert_eq!(house.holds("h"), expected, "turn {turn}");
        finished += 1;
    }
    assert_eq!(finished, 24);
}
