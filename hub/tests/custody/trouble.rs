//! Disks that refuse, and several processes at once.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::house::{House, WATTSEAL, all_at_once, copy_tree};

#[test]
fn of_several_inits_at_once_one_makes_the_home() {
    let house = House::new();
    let outputs = all_at_once(&house, &["init"], 6);
    let made = outputs.iter().filter(|o| o.status.success()).count();
    assert_eq!(made, 1, "{outputs:?}");
    for output in outputs.iter().filter(|o| !o.status.success()) {
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("\"exists\"") || said.contains("\"in-use\""), "{said}");
    }
    house.json(&["status"], 0);
    house.json_with(&["unlock", "--for", "1"], &house.sheet(), 1);
    house.json_with(&["--credential", "c", "recover"], &house.sheet(), 0);
}

#[test]
fn of_several_upgrades_at_once_one_upgrades() {
    let house = House::new();
    house.first_format();
    let outputs = all_at_once(&house, &["keys", "upgrade"], 4);
    let upgraded = outputs.iter().filter(|o| String::from_utf8_lossy(&o.stdout).contains("\"sheet\"")).count();
    assert_eq!(upgraded, 1, "{outputs:?}");
    house.holds("h");
    std::fs::remove_file(house.path("h/hub.credential")).unwrap();
    house.json_with(&["recover"], &house.sheet(), 0);
}

#[test]
fn slots_changed_at_once_are_all_there() {
    let house = House::new();
    let sheet = house.init();
    let outputs = all_at_once(&house, &["keys", "add", "credential", "h/hub.credential"], 5);
    assert!(outputs.iter().all(|o| o.status.success()), "{outputs:?}");
    house.json(&["status"], 0);
    house.json_with(&["recover"], &sheet, 0);
}

#[test]
fn openings_at_once_migrate_once() {
    let house = House::new();
    house.first_format();
    let outputs = all_at_once(&house, &["bills"], 4);
    assert!(outputs.iter().all(|o| o.status.success()), "{outputs:?}");
    house.holds("h");
}

/// Runs the program with a limit to the size of files, which is what a full disk looks like to it.
fn with_a_small_disk(house: &House, arguments: &[&str], blocks: u32) -> Output {
    let inner = house.command(arguments);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""), WATTSEAL]);
    command.args(inner.get_args()).current_dir(house.directory.path());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("WATTSEAL_LOG", "off").stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_disk_that_fills_up_leaves_the_old_state() {
    let house = House::new();
    let sheet = house.furnished();
    let before = house.holds("h");
    let names = house.names("h");
    let kept = house.names("h/backups");
    for blocks in [8, 64, 150] {
        let output = with_a_small_disk(&house, &["backup", "b"], blocks);
        assert_eq!(output.status.code(), Some(3), "{blocks}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("\"disk-full\""), "{blocks}: {output:?}");
        assert!(!house.path("b").exists());
        assert_eq!(house.names("."), ["h", "tmp"]);
    }
    assert_eq!((house.names("h"), house.names("h/backups")), (names, kept));
    house.json(&["backup", "b"], 0);
    let output = with_a_small_disk(&house, &["--home", "r", "init"], 8);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"disk-full\""), "{output:?}");
    assert!(!house.path("r").exists());
    house.json_with(&["--home", "r", "restore", "b"], &sheet, 0);
    assert_eq!(house.holds("r"), before);
}

#[test]
fn an_upgrade_on_a_full_disk_leaves_the_old_home() {
    let house = House::new();
    house.first_format();
    let before = house.holds("h");
    let names = house.names("h");
    for blocks in [8, 64] {
        let output = with_a_small_disk(&house, &["keys", "upgrade"], blocks);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        // What the database keeps beside an open store may stay; it belongs to the store.
        let left: Vec<_> =
            house.names("h").into_iter().filter(|n| !n.ends_with("-wal") && !n.ends_with("-shm")).collect();
        assert_eq!(left, names);
    }
    assert_eq!(house.holds("h"), before);
    house.json(&["keys", "upgrade"], 0);
    assert_eq!(house.holds("h"), before);
}

/// Runs the program as a user who owns nothing here. Needs to be that user already, or root.
fn as_somebody(house: &House, program: &Path, arguments: &[&str]) -> Output {
    let inner = house.command(arguments);
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(inner.get_args()).current_dir(house.directory.path());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn places_that_may_not_be_written_are_named() {
    let house = House::new();
    house.init();
    // A program that anybody may run, wherever this one was built.
    let program = house.path("program");
    std::fs::copy(WATTSEAL, &program).unwrap();
    let allow = |name: &str, mode: u32| {
        std::fs::set_permissions(house.path(name), PermissionsExt::from_mode(mode)).unwrap();
    };
    allow("program", 0o755);
    allow(".", 0o555);
    let refused = |arguments: &[&str]| {
        let output = as_somebody(&house, &program, arguments);
        assert!(matches!(output.status.code(), Some(1 | 3)), "{output:?}");
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        said["error"]["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused(&["--home", "new", "init"]), "not-permitted");
    copy_tree(&house.path("h"), &house.path("tmp/h"));
    allow("tmp", 0o755);
    allow("tmp/h", 0o555);
    let read_only = rustix::process::geteuid().is_root();
    if read_only {
        // Root's home, seen by another user: closed files, then open ones.
        assert_eq!(refused(&["--home", "tmp/h", "status"]), "not-permitted");
        allow("tmp/h/keys.cbor", 0o644);
        assert_eq!(refused(&["--home", "tmp/h", "status"]), "open-key");
    } else {
        allow("tmp/h/store.db", 0o400);
        assert_eq!(refused(&["--home", "tmp/h", "status"]), "not-writable");
        assert_eq!(refused(&["--home", "tmp/h", "backup"]), "not-writable");
    }
    allow("tmp/h", 0o755);
    allow(".", 0o755);
}
