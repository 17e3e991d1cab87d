//! The file of the pairing code holds a code that is good, or is not there.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;

use common::process::Process;

#[test]
fn a_code_that_is_worth_nothing_is_not_left_in_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let (root, file) = (dir.path().join("meter"), dir.path().join("code"));
    let words = ["--days", "30", "--tcp", "127.0.0.1:0", "--code-file", file.to_str().unwrap()];
    let mut meter = Process::meter(&root, &words);
    meter.wait("listening");
    meter.say("pair");
    meter.wait("pairing_code");
    assert!(file.exists());
    // The code was in memory alone.
    meter.say("power-cut 10");
    meter.wait("pairing_ended");
    meter.say("status");
    assert_eq!(meter.wait("status")["pairing_open"], false);
    assert!(!file.exists());

    meter.say("pair");
    meter.wait("pairing_code");
    meter.kill();
    assert!(file.exists(), "nobody could take it away");
    let mut meter = Process::meter(&root, &words);
    meter.wait("listening");
    assert!(!file.exists());
    meter.say("quit");
    assert!(meter.ends().success());

    // What is no code is somebody's file.
    fs::write(&file, "not a code\n").unwrap();
    let mut meter = Process::meter(&root, &words);
    meter.wait("listening");
    assert!(file.exists());
}
