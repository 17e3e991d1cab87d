//! Backups and what comes back from them.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};

use gateway_core::custody::{Container, Contents, Keys, SlotKind};
use gateway_core::store::{Publication, SCHEMA_VERSION, probe};
use hub::home::Home;

use crate::house::{House, all_at_once, first_key, groups, vectors};

const FILE: &str = "b.wattseal-backup";

#[test]
fn a_restored_home_holds_the_same_under_another_key() {
    let house = House::new();
    let sheet = house.furnished();
    let before = house.holds("h");
    house.json(&["backup", FILE], 0);
    assert_eq!(house.refusal(&["backup", FILE], "", 1), "exists");
    assert_eq!(house.names("h/backups").len(), 2, "the record, and what was kept before the first migration");
    assert_eq!(house.names("tmp"), Vec::<String>::new(), "nothing was laid down elsewhere");
    // Nothing in clear: no page, no name, no part of a bill.
    let bytes = std::fs::read(house.path(FILE)).unwrap();
    for clear in [&b"SQLite format 3"[..], b"CREATE TABLE", b"1-0:1.8.0", b"wattseal/bill"] {
        assert!(!bytes.windows(clear.len()).any(|part| part == clear));
    }
    assert!(bytes[1..].starts_with(b"\x6fwattseal/backup"));

    let checked = house.json_with(&["backup", "--verify", FILE], &sheet, 0);
    assert_eq!(checked["format"], SCHEMA_VERSION);
    let restored = house.json_with(&["--home", "r", "restore", FILE], &groups(&sheet).join(" "), 0);
    assert_eq!(restored["holds"]["meters"], 1);
    assert_eq!(restored["holds"]["blocks"], 8);
    assert_eq!(restored["holds"]["bills"], 1);
    assert_eq!(restored["holds"]["from"], "2026-03-01T00:00:00+00:00");
    assert_eq!(house.names("r"), ["hub.credential", "keys.cbor", "store.db"]);
    assert_eq!(house.holds("r"), before);
    // The lost home's credential does not open this one; its sheet does.
    assert_eq!(house.refusal(&["--home", "r", "--credential", "h/hub.credential", "status"], "", 3), "wrong-key");
    std::fs::remove_file(house.path("r/hub.credential")).unwrap();
    house.json_with(&["--home", "r", "recover"], &sheet, 0);
    assert_eq!(house.holds("r"), before);
    // Never over a store.
    assert_eq!(house.refusal(&["--home", "r", "restore", FILE], &sheet, 1), "exists");
    assert_eq!(house.refusal(&["restore", FILE], &sheet, 1), "exists");
}

#[test]
fn a_restored_home_bills_nothing_by_itself_and_says_so() {
    let house = House::new();
    let sheet = house.init();
    let mut store = Home::new(&house.path("h"), None).open().unwrap();
    store
        .transaction(|store| {
            store.pin_provider(&[7; 32], "Fern", 1)?;
            let account = store.keep_account(&[7; 32], "127.0.0.1:1", &[1; 32], &[11; 32])?;
            store.keep_publication(&published(), 1)?;
            store.keep_standing(account, "day-night", 1_772_323_200, 108_000, false)
        })
        .unwrap_or_else(|error: gateway_core::StoreError| panic!("{error}"));
    drop(store);
    house.json(&["backup", FILE], 0);
    let shown = house.json_with(&["--home", "r", "restore", FILE], &sheet, 0);
    assert_eq!((&shown["standing_ended"], &shown["publications_ended"]), (&1.into(), &1.into()));
    let restored = Home::new(&house.path("r"), None).open().unwrap();
    assert!(restored.standing().unwrap().iter().all(|standing| standing.ended_at.is_some()));
    assert!(restored.publications().unwrap().iter().all(|publication| publication.ended_at.is_some()));
    drop(restored);
    // It is said until somebody decides, and gone then.
    let warned = |home: &str| house.json(&["--home", home, "status"], 0)["warnings"].to_string().contains("broker.lan");
    assert_eq!(house.json(&["--home", "r", "publish", "list"], 0)["publications"][0]["ended"], true);
    assert!(warned("r") && !warned("h"));
    house.json(&["--home", "r", "publish", "add", "mqtt://broker.lan", "--what", "gas"], 0);
    assert!(!warned("r"));
    house.json(&["--home", "r", "publish", "remove", "1", "--forget"], 0);
    assert!(!warned("r"));
    let kept = Home::new(&house.path("h"), None).open().unwrap();
    assert!(kept.standing().unwrap().iter().all(|standing| standing.ended_at.is_none()), "the home itself goes on");
    assert!(kept.publications().unwrap()[0].ended_at.is_none());
    drop(kept);
    // What a person reads names both: what was ended, and pairings that are not in it.
    let said = house.text_with(&["--home", "s", "restore", FILE], &sheet);
    assert!(
        said.contains("1 standing submission(s) were ended")
            && said.contains("1 publication(s)")
            && said.contains("paired anew"),
        "{said}"
    );
}

/// What a person allowed before the backup.
fn published() -> Publication {
    Publication {
        id: 0,
        broker: "broker.lan:1883".into(),
        name: "a1b2c3d4".into(),
        address: "mqtt://broker.lan:1883/homeassistant".into(),
        password: None,
        authority: None,
        what: "power".into(),
        every: 10,
        not_local: false,
        ended_at: None,
    }
}

#[test]
fn what_is_not_whole_is_refused_whole() {
    let house = House::new();
    let sheet = house.furnished();
    house.json(&["backup", FILE], 0);
    let good = std::fs::read(house.path(FILE)).unwrap();
    let tried = |bytes: &[u8], input: &str| {
        std::fs::write(house.path("bad"), bytes).unwrap();
        let verified = house.refusal(&["backup", "--verify", "bad"], input, 1);
        let restored = house.refusal(&["--home", "r", "restore", "bad"], input, 1);
        assert_eq!(verified, restored);
        assert!(!house.path("r").exists(), "nothing is left");
        verified
    };
    let places = (0..300).step_by(29).chain((300..good.len()).step_by(good.len() / 12)).chain([good.len() - 1]);
    for at in places {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let code = tried(&bad, &sheet);
        assert!(["damaged-backup", "other-sheet"].contains(&code.as_str()), "byte {at}: {code}");
    }
    for length in [0, 10, 200, good.len() / 2, good.len() - 32, good.len() - 1] {
        assert_eq!(tried(&good[..length], &sheet), "damaged-backup", "cut to {length}");
    }
    assert_eq!(tried(&[&good[..], b"more"].concat(), &sheet), "damaged-backup");
    let other = House::new().init();
    assert_eq!(tried(&good, &other), "other-sheet");
    assert_eq!(tried(&good, &other[..150]), "sheet-typing");
    assert_eq!(house.refusal(&["--home", "r", "restore", "nowhere"], &sheet, 3), "file");
    assert!(!house.path("r").exists());
}

#[test]
fn a_backup_of_a_newer_format_asks_for_an_update() {
    let house = House::new();
    let sheet = house.init();
    let home = Home::new(&house.path("h"), None);
    let (_store, access) = home.access().unwrap();
    let recovery = access.keys.as_ref().unwrap().slot(SlotKind::Recovery).unwrap().clone();
    let newer = Contents {
        format: SCHEMA_VERSION + 1,
        made_at: 1,
        home: access.keys.as_ref().unwrap().home(),
        recovery,
        length: 3,
    };
    newer.write(&access.key, &mut &b"abc"[..], &mut File::create(house.path(FILE)).unwrap()).unwrap();
    assert_eq!(house.refusal(&["--home", "r", "restore", FILE], &sheet, 3), "newer-store");
    assert!(!house.path("r").exists());
}

#[test]
fn a_backup_is_consistent_while_others_write() {
    let house = House::new();
    let sheet = house.furnished();
    let before = house.holds("h");
    let home = Home::new(&house.path("h"), None);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut store = home.open().unwrap();
            let mut at = 0;
            while !done.load(Ordering::Relaxed) {
                // Always two events at once: a copy with an odd number of them is torn.
                let wrote: Result<(), gateway_core::StoreError> = store.transaction(|store| {
                    store.note(at, "first", &"x".repeat(2000))?;
                    store.note(at, "second", &"y".repeat(2000))
                });
                wrote.unwrap();
                at += 1;
            }
        });
        for n in 0..5 {
            house.json(&["backup", &format!("{n}.wattseal-backup")], 0);
        }
        done.store(true, Ordering::Relaxed);
    });
    let mut last = 0;
    for n in 0..5 {
        let name = format!("r{n}");
        house.json_with(&["--home", &name, "restore", &format!("{n}.wattseal-backup")], &sheet, 0);
        assert_eq!(house.holds(&name), before);
        let events = Home::new(&house.path(&name), None).open().unwrap().events(u32::MAX).unwrap().len();
        assert!(events.is_multiple_of(2) && events >= last, "{events} events after {last}");
        last = events;
    }
    assert!(last > 0, "the writer wrote");
}

#[test]
fn backups_at_once_do_not_disturb_each_other() {
    let house = House::new();
    let sheet = house.init();
    for output in all_at_once(&house, &["backup"], 4) {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let files: Vec<String> = house.names("h/backups").into_iter().filter(|n| n.ends_with("-backup")).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        house.json_with(&["backup", "--verify", &format!("h/backups/{file}")], &sheet, 0);
    }
    assert!(house.json(&["keys"], 0)["backup"]["made_at"].is_i64());
}

/// Written once and never again: a container of version 1 around the frozen store of format 1.
fn write_vector() {
    use gateway_core::custody::{HomeId, RecoveryKey};
    use rand_core::{OsRng, RngCore};
    let directory = vectors().join("backup-1");
    std::fs::create_dir(&directory).expect("the vector is there already; it is never made again");
    let (key, sheet, mut id) = (first_key(), RecoveryKey::generate(&mut OsRng), [0; 16]);
    OsRng.fill_bytes(&mut id);
    let id = HomeId::from_bytes(id);
    let keys = Keys::create(id, &key, &sheet, 1_772_600_000, &mut OsRng);
    let mut database = File::open(vectors().join("home-1/store.db")).unwrap();
    let length = database.metadata().unwrap().len();
    let recovery = keys.slot(SlotKind::Recovery).unwrap().clone();
    let contents = Contents { format: 1, made_at: 1_772_600_000, home: id, recovery, length };
    let mut out = File::create(directory.join("home.wattseal-backup")).unwrap();
    contents.write(&key, &mut database, &mut out).unwrap();
    let page = hub::custody::sheet::text(&id, &sheet, 1_772_600_000);
    std::fs::write(directory.join("sheet.txt"), page.as_bytes()).unwrap();
}

#[test]
fn the_frozen_backup_of_format_1_is_restored() {
    if std::env::var_os("WATTSEAL_WRITE_VECTORS").is_some() && !vectors().join("backup-1").exists() {
        write_vector();
    }
    let house = House::new();
    let (file, sheet) = (vectors().join("backup-1/home.wattseal-backup"), vectors().join("backup-1/sheet.txt"));
    let sheet = std::fs::read_to_string(sheet).unwrap();
    let container = Container::read(File::open(&file).unwrap()).unwrap();
    assert_eq!((container.contents().format, container.contents().made_at), (1, 1_772_600_000));
    let restored = house.json_with(&["--home", "r", "restore", file.to_str().unwrap()], &sheet, 0);
    assert_eq!((restored["format"].as_i64(), restored["holds"]["blocks"].as_i64()), (Some(1), Some(8)));
    // The same as the frozen home itself, opened the old way.
    house.first_format();
    assert_eq!(house.holds("r"), house.holds("h"));
    assert!(probe(&house.path("r/store.db"), &first_key()).is_err(), "under another key");
}
