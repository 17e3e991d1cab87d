//! Ways into a home.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::Value;

use crate::house::{House, groups};

#[test]
fn a_script_makes_a_home_and_is_told_what_that_means() {
    let house = House::new();
    let made = house.json(&["init"], 0);
    assert_eq!(made["key"]["kind"], "credential");
    assert_eq!(made["sheet"]["confirmed"], false);
    assert!(made["warnings"][0].as_str().unwrap().contains("one disk"));
    let sheet = house.sheet();
    assert_eq!(groups(&sheet).len(), 6);
    assert_eq!(house.names("h"), ["hub.credential", "keys.cbor", "recovery-sheet.txt", "store.db"]);
    for name in house.names("h") {
        let mode = std::fs::metadata(house.path("h").join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(std::fs::metadata(house.path("h")).unwrap().permissions().mode() & 0o777, 0o700);
    // Once.
    let before = std::fs::read(house.path("h/keys.cbor")).unwrap();
    assert_eq!(house.refusal(&["init"], "", 1), "exists");
    assert_eq!(std::fs::read(house.path("h/keys.cbor")).unwrap(), before);
    // Keys of a store that is gone are not written over.
    std::fs::remove_file(house.path("h/store.db")).unwrap();
    assert_eq!(house.refusal(&["init"], "", 1), "exists");
    assert_eq!(std::fs::read(house.path("h/keys.cbor")).unwrap(), before);
}

#[test]
fn a_script_that_names_a_credential_names_the_sheet_too() {
    let house = House::new();
    assert_eq!(house.refusal(&["--credential", "c", "init"], "", 1), "no-sheet");
    assert_eq!(house.refusal(&["init", "--keyring", "--sheet", "s"], "", 3), "no-keyring");
    assert_eq!(house.refusal(&["--credential", "no/where/c", "init", "--sheet", "s"], "", 3), "file");
    assert_eq!(house.names("."), ["tmp"], "a refused init leaves nothing");
    house.json(&["--key-file", "c", "init", "--sheet", "s"], 0);
    assert_eq!(house.names("h"), ["keys.cbor", "store.db"]);
    assert_eq!(house.refusal(&["status"], "", 3), "no-key");
    assert!(house.json(&["--credential", "c", "status"], 0)["meters"].is_array());
    // As systemd hands it over: a directory, and a file that its service's group reads.
    std::fs::create_dir(house.path("credentials")).unwrap();
    std::fs::copy(house.path("c"), house.path("credentials/wattseal")).unwrap();
    let as_service = |mode: u32| {
        std::fs::set_permissions(house.path("credentials/wattseal"), PermissionsExt::from_mode(mode)).unwrap();
        let mut command = house.command(&["status"]);
        command.env("CREDENTIALS_DIRECTORY", house.path("credentials")).output().unwrap().status.code()
    };
    assert_eq!(as_service(0o440), Some(0));
    assert_eq!(as_service(0o444), Some(1));
}

#[test]
fn a_credential_is_guarded_and_must_be_the_right_one() {
    let house = House::new();
    house.init();
    let file = house.path("h/hub.credential");
    let before = std::fs::read(&file).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    assert_eq!(house.refusal(&["status"], "", 1), "open-key");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(&file, "00".repeat(32)).unwrap();
    assert_eq!(house.refusal(&["status"], "", 3), "wrong-key");
    std::fs::write(&file, "not hexadecimal").unwrap();
    assert_eq!(house.refusal(&["status"], "", 3), "damaged-key");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(house.refusal(&["status"], "", 3), "no-key");
    std::fs::write(house.path("stick"), &before).unwrap();
    std::fs::set_permissions(house.path("stick"), PermissionsExt::from_mode(0o600)).unwrap();
    house.json(&["--key-file", "stick", "status"], 0);
    std::fs::set_permissions(house.path("h/keys.cbor"), PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(house.refusal(&["--key-file", "stick", "status"], "", 1), "open-key");
}

#[test]
fn no_byte_of_the_key_file_may_change() {
    let house = House::new();
    house.init();
    let file = house.path("h/keys.cbor");
    let good = std::fs::read(&file).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 4;
        std::fs::write(&file, bad).unwrap();
        let code = house.refusal(&["status"], "", 3);
        assert!(["damaged-keys", "wrong-key", "newer-file"].contains(&code.as_str()), "byte {at}: {code}");
    }
    std::fs::write(&file, &good[..good.len() - 1]).unwrap();
    assert_eq!(house.refusal(&["status"], "", 3), "damaged-keys");
    std::fs::write(&file, vec![0; 5000]).unwrap();
    assert_eq!(house.refusal(&["status"], "", 1), "too-long");
    std::fs::write(&file, good).unwrap();
    house.json(&["status"], 0);
}

#[test]
fn the_sheet_recovers_a_home_and_a_wrong_one_is_told_apart() {
    let (house, other) = (House::new(), House::new());
    let (sheet, others) = (house.init(), other.init());
    std::fs::remove_file(house.path("h/hub.credential")).unwrap();
    let code = groups(&sheet).join("-");
    let mut typo = code.clone().into_bytes();
    typo[3] = if typo[3] == b'7' { b'8' } else { b'7' };
    let typo = String::from_utf8(typo).unwrap();
    for command in [&["recover"][..], &["unlock"], &["--credential", "c", "recover"]] {
        assert_eq!(house.refusal(command, &typo, 1), "sheet-typing");
        assert_eq!(house.refusal(command, &others, 1), "other-sheet");
        assert_eq!(house.refusal(command, "", 1), "sheet-typing");
    }
    assert_eq!(house.refusal(&["recover", "--keyring"], &sheet, 3), "no-keyring");
    assert_eq!(house.refusal(&["status"], "", 3), "no-key");
    assert!(!house.path("c").exists());
    house.json_with(&["--credential", "c", "recover"], &code, 0);
    house.json(&["--credential", "c", "status"], 0);
    // Without a wish: beside the store, for a script.
    house.json_with(&["recover"], &sheet.to_lowercase(), 0);
    house.json(&["status"], 0);
    assert_eq!(house.refusal(&["--credential", "c", "status"], "", 3), "wrong-key");
}

#[test]
fn slots_are_shown_added_and_removed() {
    let house = House::new();
    house.init();
    let kinds = |shown: &Value| -> Vec<String> {
        shown["slots"].as_array().unwrap().iter().map(|s| s["kind"].as_str().unwrap().to_owned()).collect()
    };
    let shown = house.json(&["keys"], 0);
    assert_eq!(kinds(&shown), ["recovery", "credential"]);
    assert_eq!(shown["sheet_confirmed_at"], Value::Null);
    house.json(&["keys", "add", "credential", "stick"], 0);
    assert_eq!(house.refusal(&["status"], "", 3), "wrong-key", "the new file replaced the old");
    // Nobody has the sheet on paper as far as anybody knows: the last other way in stays.
    let remove = ["--credential", "stick", "keys", "remove", "credential"];
    assert_eq!(house.refusal(&remove, "", 1), "not-confirmed");
    assert_eq!(kinds(&house.json(&["keys"], 0)), ["recovery", "credential"]);
    let sheet = groups(&house.sheet());
    assert_eq!(confirm(&house, &["--credential", "stick"], |place| sheet[place].clone()).0, Some(0));
    house.json(&remove, 0);
    assert_eq!(kinds(&house.json(&["keys"], 0)), ["recovery"]);
    assert_eq!(house.refusal(&["--credential", "stick", "status"], "", 1), "no-slot");
    assert_eq!(house.run(&["keys", "remove", "recovery"], "").status.code(), Some(2));
    assert_eq!(house.refusal(&["keys", "remove", "credential"], "", 3), "no-key");
    std::fs::remove_file(house.path("h/hub.credential")).unwrap();
    house.json_with(&["recover"], &house.sheet(), 0);
    assert_eq!(house.refusal(&["keys", "remove", "keyring"], "", 1), "no-slot");
}

#[test]
fn a_new_sheet_takes_the_place_of_the_old_one() {
    let house = House::new();
    let old = house.init();
    house.json(&["backup", "old.wattseal-backup"], 0);
    house.json(&["keys", "new-sheet", "--sheet", "new.txt"], 0);
    let new = std::fs::read_to_string(house.path("new.txt")).unwrap();
    assert_eq!(house.refusal(&["recover"], &old, 1), "other-sheet");
    house.json_with(&["recover"], &new, 0);
    house.json(&["backup", "new.wattseal-backup"], 0);
    // A backup opens by the sheet of its day.
    let verify = |file: &str, sheet: &str, code| house.json_with(&["backup", "--verify", file], sheet, code);
    verify("old.wattseal-backup", &old, 0);
    verify("new.wattseal-backup", &new, 0);
    assert_eq!(verify("old.wattseal-backup", &new, 1)["error"]["code"], "other-sheet");
    assert_eq!(verify("new.wattseal-backup", &old, 1)["error"]["code"], "other-sheet");
    assert!(house.json(&["keys"], 0)["backup"]["verified_at"].is_i64());
}

/// Answers the two questions of `keys confirm` over pipes.
pub fn confirm(house: &House, way: &[&str], answer: impl Fn(usize) -> String) -> (Option<i32>, String) {
    let mut child = house
        .command(&[way, &["keys", "confirm"]].concat())
        .env("WATTSEAL_LOG", "off")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut said) = (child.stdin.take().unwrap(), child.stderr.take().unwrap());
    let (mut text, mut byte) = (String::new(), [0]);
    while said.read(&mut byte).unwrap() == 1 {
        text.push(char::from(byte[0]));
        if let Some(question) = text.strip_suffix(" of the sheet: ") {
            let place: usize = question.rsplit(' ').next().unwrap().parse().unwrap();
            writeln!(input, "{}", answer(place - 1)).unwrap();
        }
    }
    (child.wait().unwrap().code(), text)
}

#[test]
fn a_sheet_is_confirmed_by_two_of_its_groups() {
    let house = House::new();
    let groups = groups(&house.init());
    let (code, said) = confirm(&house, &[], |place| groups[(place + 1) % 6].clone());
    // One in 65,536 wrong pairs passes; three tries.
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(said.matches("Type group").count(), 6);
    let warned = |house: &House| house.json(&["status"], 0)["warnings"].to_string().contains("not confirmed");
    assert!(warned(&house));
    let (code, said) = confirm(&house, &[], |place| groups[place].to_lowercase());
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("Type group").count(), 2);
    assert!(!warned(&house));
    assert!(house.json(&["keys"], 0)["sheet_confirmed_at"].is_i64());
}

/// Whether this kernel lets this process keep keys; containers often forbid it.
fn kernel_keeps_keys() -> bool {
    use linux_keyutils::{KeyRing, KeyRingIdentifier};
    let kept = KeyRing::from_special_id(KeyRingIdentifier::User, true)
        .and_then(|ring| ring.add_key("wattseal:test", b"nothing")?.set_timeout(1));
    kept.is_ok()
}

#[test]
fn the_kernel_keeps_an_unlocked_home_open_until_it_is_locked() {
    let house = House::new();
    let sheet = house.init();
    std::fs::remove_file(house.path("h/hub.credential")).unwrap();
    if !kernel_keeps_keys() {
        eprintln!("this kernel keeps no keys for this process; the refusal is what can be tested");
        assert_eq!(house.refusal(&["unlock"], &sheet, 3), "no-key-cache");
        return;
    }
    for bad in ["59", "1s", "32d", ""] {
        assert_eq!(house.refusal(&["unlock", "--for", bad], &sheet, 1), "time");
    }
    assert_eq!(house.json_with(&["unlock"], &sheet, 0)["seconds"], 12 * 3600);
    house.json(&["status"], 0);
    // What the cache holds lets a person change slots as well; a new sheet ends it.
    house.json(&["backup"], 0);
    assert_eq!(house.json(&["lock"], 0)["was_unlocked"], true);
    assert_eq!(house.json(&["lock"], 0)["was_unlocked"], false);
    assert_eq!(house.refusal(&["status"], "", 3), "no-key");
    house.json_with(&["unlock", "--for", "5m"], &sheet, 0);
    house.json(&["keys", "new-sheet", "--sheet", "new.txt"], 0);
    assert_eq!(house.refusal(&["status"], "", 3), "no-key");
    house.json_with(&["unlock", "--for", "5m"], &std::fs::read_to_string(house.path("new.txt")).unwrap(), 0);
    house.json(&["status"], 0);
    house.json(&["lock"], 0);
}

#[test]
fn nothing_that_is_said_holds_a_key() {
    let house = House::new();
    let mut said = String::new();
    let mut run = |arguments: &[&str], input: &str| {
        let output = house.run(arguments, input);
        said.push_str(&String::from_utf8_lossy(&output.stdout));
        said.push_str(&String::from_utf8_lossy(&output.stderr));
    };
    run(&["init"], "");
    let sheet = house.sheet();
    let credential = std::fs::read_to_string(house.path("h/hub.credential")).unwrap();
    run(&["keys"], "");
    run(&["backup", "b"], "");
    run(&["backup", "--verify", "b"], &sheet);
    run(&["--home", "r", "restore", "b"], &sheet);
    run(&["--home", "r", "--credential", "c", "recover"], &sheet);
    run(&["unlock"], &sheet);
    run(&["lock"], "");
    let half = sheet.replacen(&groups(&sheet)[2], "AAAAAA", 1);
    run(&["recover"], &half);
    run(&["keys", "new-sheet", "--sheet", "n"], "");
    run(&["recover"], &sheet);
    std::fs::write(house.path("h/hub.credential"), credential.replace('a', "b")).unwrap();
    run(&["status"], "");
    let new = std::fs::read_to_string(house.path("n")).unwrap();
    let secrets: Vec<String> = [groups(&sheet), groups(&new)].concat();
    let all = |text: &str| {
        let mut found: Vec<&str> = secrets.iter().filter(|g| text.contains(g.as_str())).map(String::as_str).collect();
        found.extend(text.contains(credential.trim()).then_some("credential"));
        found.len()
    };
    assert_eq!(all(&said), 0, "{said}");
    assert!(said.len() > 2000);
    assert_eq!(all(&format!("{said}{}{credential}", secrets[7])), 2, "the search finds what is planted");
}
