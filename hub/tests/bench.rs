//! `wattseal bench` as a process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::process::{Command, Output};

use serde_json::Value;

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattseal"))
        .arg("bench")
        .args(arguments)
        .env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/bench"))
        .output()
        .unwrap()
}

#[test]
fn a_device_says_what_it_can_do() {
    let output = bench(&["energy-60", "--turns", "1", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let circuit = &answer["circuits"][0];
    assert_eq!(circuit["circuit"], "energy-60");
    assert_eq!(circuit["prove_us"].as_array().unwrap().len(), 1);
    assert_eq!(answer["year"]["readings"], 35_040);
    for figure in [&circuit["prove_us"][0], &circuit["verify_us"][0], &circuit["load_us"], &answer["year"]["import_us"]]
    {
        assert!(figure.as_u64().unwrap() > 0, "{answer}");
    }
    // Parameters stay for the next time; the store of the year does not.
    let cache = std::fs::read_dir(concat!(env!("CARGO_TARGET_TMPDIR"), "/bench/wattseal/circuits")).unwrap();
    assert!(cache.into_iter().all(|entry| entry.unwrap().file_type().unwrap().is_file()));
}

#[test]
fn a_circuit_that_is_not_there_is_named_with_those_that_are() {
    let output = bench(&["energy-7"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("energy-7") && said.contains("energy-30"), "{said}");
}
