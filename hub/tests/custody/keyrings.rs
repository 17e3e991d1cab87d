//! The keyring of a real Secret Service: gnome-keyring on a D-Bus session of its own. Debian: packages `dbus`,
//! `gnome-keyring`. A machine without them fails these tests; ./test installs them.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::house::{House, WATTSEAL};

/// Runs command lines within a fresh session. `data` is where the keyring keeps its files; it is unlocked by a password
/// first, or stays locked. The JSON of each command line.
fn session(house: &House, data: &str, unlock: bool, lines: &[&str]) -> Vec<Value> {
    for name in [data, "runtime"] {
        std::fs::create_dir_all(house.path(name)).unwrap();
    }
    let start = "printf 'password' | gnome-keyring-daemon --components=secrets --daemonize";
    let mut script = String::from("set -eu\n");
    script.push_str(&format!("{start}{} >daemon.txt 2>&1\n", if unlock { " --unlock" } else { "" }));
    for line in lines {
        script.push_str(&format!("{WATTSEAL} --json {line} || true\n"));
    }
    // Into files: services that the bus starts may outlive the session, and would keep a pipe open.
    let file = |name: &str| std::fs::File::create(house.path(name)).unwrap();
    let ended = Command::new("timeout")
        .args(["-k", "10", "300", "dbus-run-session", "--", "sh", "-c", &script])
        .current_dir(house.directory.path())
        .env_remove("CREDENTIALS_DIRECTORY")
        .env_remove("WATTSEAL_KEY_FILE")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env("WATTSEAL_HOME", "h")
        .env("HOME", house.path(data))
        .env("XDG_DATA_HOME", house.path(data))
        .env("XDG_RUNTIME_DIR", house.path("runtime"))
        .stdin(Stdio::null())
        .stdout(file("said.txt"))
        .stderr(file("errors.txt"))
        .status()
        .expect("timeout is not there; it is part of coreutils");
    assert_ne!(ended.code(), Some(124), "the session did not end within five minutes");
    let read = |name: &str| String::from_utf8_lossy(&std::fs::read(house.path(name)).unwrap()).into_owned();
    let (said, errors) = (read("said.txt"), read("errors.txt"));
    let answers: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(
        answers.len(),
        lines.len(),
        "{said}{errors}{}; ./test installs what tests need",
        std::fs::read_to_string(house.path("daemon.txt")).unwrap_or_default()
    );
    answers
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or("none")
}

/// Whether any file below a directory holds these bytes.
fn holds(directory: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match std::fs::symlink_metadata(&path).unwrap() {
            at if at.is_dir() => holds(&path, bytes),
            at if at.is_file() => std::fs::read(&path).unwrap().windows(bytes.len()).any(|part| part == bytes),
            _ => false,
        }
    })
}

#[test]
fn a_keyring_keeps_a_home_open_and_the_sheet_replaces_a_lost_one() {
    let house = House::new();
    let answers = session(&house, "data", true, &["init --sheet s", "status", "keys", "backup b"]);
    assert_eq!(answers[0]["key"]["kind"], "keyring", "{}", answers[0]);
    assert_eq!(answers[0]["sheet"]["confirmed"], false);
    assert_eq!(code(&answers[1]), "none");
    assert_eq!(answers[2]["slots"][1]["kind"], "keyring");
    assert_eq!(house.names("h"), ["backups", "keys.cbor", "store.db"], "no key on the disk");
    let name = answers[0]["home"].as_str().unwrap().replace(' ', "");
    assert!(!holds(&house.path("h"), name.as_bytes()));

    // The next session of the same user, and one in which the keyring stays locked.
    assert_eq!(code(&session(&house, "data", true, &["status"])[0]), "none");
    assert_eq!(code(&session(&house, "data", false, &["status"])[0]), "keyring-locked");
    // No session at all.
    assert_eq!(house.refusal(&["status"], "", 3), "no-keyring");

    // A new keyring: lost, then recovered. A wrong sheet changes nothing.
    let other = House::new();
    std::fs::write(house.path("other"), other.init()).unwrap();
    let answers = session(
        &house,
        "fresh",
        true,
        &[
            "status",
            "recover <other",
            "status",
            "recover <s",
            "status",
            "--home r restore b <s",
            "--home r status",
            "status",
        ],
    );
    assert_eq!(code(&answers[0]), "keyring-lost");
    assert_eq!(code(&answers[1]), "other-sheet");
    assert_eq!(code(&answers[2]), "keyring-lost");
    assert_eq!(answers[3]["kind"], "keyring", "{}", answers[3]);
    assert_eq!(code(&answers[4]), "none");
    // A restored home of the same name does not take the first one's entry.
    assert_eq!(answers[5]["key"]["kind"], "keyring", "{}", answers[5]);
    assert_eq!((code(&answers[6]), code(&answers[7])), ("none", "none"));
    // What was in the first keyring opens nothing any more.
    assert_eq!(code(&session(&house, "data", true, &["status"])[0]), "keyring-lost");
}

#[test]
fn slots_move_between_keyring_and_file() {
    let house = House::new();
    let answers = session(
        &house,
        "data",
        true,
        &[
            "init --keyring --sheet s",
            "keys add credential c",
            "keys remove keyring",
            "status",
            "--credential c status",
            "--credential c keys add keyring",
            "--credential c keys remove credential",
            "status",
            "--credential c status",
        ],
    );
    let codes: Vec<&str> = answers.iter().map(code).collect();
    assert_eq!(codes, ["none", "none", "none", "no-key", "none", "none", "none", "none", "no-slot"]);
    // An old home goes straight to the keyring.
    let old = House::new();
    old.first_format();
    let answers = session(&old, "data", true, &["keys upgrade --keyring --sheet s", "bills"]);
    assert_eq!((code(&answers[0]), code(&answers[1])), ("none", "none"), "{answers:?}");
    assert_eq!(old.refusal(&["bills"], "", 3), "no-keyring");
}
