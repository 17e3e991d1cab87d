//! What lies beside the store, and what somebody puts there.

use crate::house::{House, groups};
use crate::slots::confirm;

#[test]
fn what_opens_the_store_beside_it_is_warned_of_by_name() {
    let house = House::new();
    let sheet = groups(&house.init());
    assert_eq!(confirm(&house, &[], |place| sheet[place].clone()).0, Some(0));
    let warned = |way: &[&str]| -> Vec<String> {
        let shown = house.json(&[way, &["status"]].concat(), 0);
        shown["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap().to_owned()).collect()
    };
    let found = warned(&[]);
    assert!(found.len() == 2 && found[0].contains("h/recovery-sheet.txt"), "{found:?}");
    assert!(found[1].contains("h/hub.credential"), "{found:?}");
    std::fs::rename(house.path("h/recovery-sheet.txt"), house.path("h/recovery-sheet-7.txt")).unwrap();
    assert!(warned(&[])[0].contains("recovery-sheet-7.txt"));
    std::fs::remove_file(house.path("h/recovery-sheet-7.txt")).unwrap();
    // Under another name it opens the home as well.
    std::fs::rename(house.path("h/hub.credential"), house.path("h/x")).unwrap();
    let found = warned(&["--credential", "h/x"]);
    assert!(found.len() == 1 && found[0].contains("h/x"), "{found:?}");
    // Elsewhere, or of a slot that is gone, it is no danger.
    std::fs::rename(house.path("h/x"), house.path("x")).unwrap();
    assert_eq!(warned(&["--credential", "x"]), Vec::<String>::new());
    std::fs::copy(house.path("x"), house.path("h/hub.credential")).unwrap();
    house.json(&["keys", "add", "credential", "stick"], 0);
    assert_eq!(warned(&["--credential", "stick"]), Vec::<String>::new());
}

#[test]
fn a_slot_that_was_put_there_meanwhile_is_not_made_authentic() {
    use gateway_core::custody::Keys;
    let house = House::new();
    let sheet = house.init();
    let other = House::new();
    other.init();
    let home = hub::home::Home::new(&house.path("h"), None);
    let (store, access) = home.access().unwrap();
    // While the home is open: another home's recovery slot in this home's file, in a form that reads well.
    let file = house.path("h/keys.cbor");
    let good = std::fs::read(&file).unwrap();
    let slot = |bytes: &[u8]| {
        let wrapped = Keys::read(bytes).unwrap().slots()[0].clone();
        protocol::wire::encode(&wrapped)
    };
    let (ours, theirs) = (slot(&good), slot(&std::fs::read(other.path("h/keys.cbor")).unwrap()));
    let at = good.windows(ours.len()).position(|part| part == ours).unwrap();
    let mut swapped = good.clone();
    swapped[at..at + ours.len()].copy_from_slice(&theirs);
    assert!(Keys::read(&swapped).is_ok());
    std::fs::write(&file, &swapped).unwrap();
    let changed = home.change_keys(&access.key, |keys| {
        keys.confirm(&access.key, 1);
        Ok(())
    });
    assert_eq!(changed.unwrap_err().code(), "damaged-keys");
    assert_eq!(std::fs::read(&file).unwrap(), swapped, "it was not written");
    let made = hub::custody::backup::make(&home, &store, &access, Some(&house.path("b")));
    assert_eq!(made.unwrap_err().code(), "damaged-keys", "nobody here could open that backup");
    assert!(!house.path("b").exists());
    std::fs::write(&file, &good).unwrap();
    hub::custody::backup::make(&home, &store, &access, Some(&house.path("b"))).unwrap();
    drop(store);
    house.json_with(&["backup", "--verify", "b"], &sheet, 0);
}
