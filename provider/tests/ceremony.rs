//! A ceremony through the command: each step a folder of its own, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

use protocol::circuit::{BillCircuit, System};
use protocol::groth16::ceremony::{Transcript, begin, verify};
use protocol::groth16::quadratic::domain_size;
use protocol::groth16::{Parameters, Powers};
use protocol::machine::Shape;
use rand_core::OsRng;
use serde_json::Value;

const BEACON: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn run(folder: &Path, args: &[&str]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattseal-provider"));
    let Output { status, stdout, .. } =
        command.arg("ceremony").args(args).arg("--json").current_dir(folder).output().unwrap();
    (status.code().unwrap(), serde_json::from_slice(&stdout).unwrap_or(Value::Null))
}

fn code(answer: &(i32, Value)) -> (i32, &str) {
    (answer.0, answer.1["error"]["code"].as_str().unwrap_or_default())
}

/// As small as a machine gets: the command's own circuits take minutes.
fn system() -> System {
    let none = [1, 1];
    let shape = Shape {
        slots: 2,
        blocks: 1,
        sums: 1,
        tiers: 0,
        demands: 0,
        hinges: 0,
        powers: false,
        rounded: false,
        narrow: none,
        wide: none,
    };
    System::of(BillCircuit { shape, witness: None }).unwrap()
}

fn load(step: &Path) -> (Parameters, Transcript) {
    let read = |name| std::fs::read(step.join(name)).unwrap();
    (Parameters::read(&read("parameters"), true).unwrap(), Transcript::read(&read("transcript")).unwrap())
}

#[test]
fn two_take_part_and_a_beacon_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let system = system();
    let powers = Powers::demonstration(domain_size(&system), &mut OsRng, &|_, _| ());
    let (parameters, transcript) = begin(&system, &powers, &|_, _| ()).unwrap();
    std::fs::create_dir(path.join("0")).unwrap();
    std::fs::write(path.join("0/parameters"), parameters.write()).unwrap();
    std::fs::write(path.join("0/transcript"), transcript.write()).unwrap();

    let (exit, one) = run(path, &["contribute", "0", "--out", "1"]);
    assert_eq!((exit, &one["contributions"], &one["finished"]), (0, &1.into(), &false.into()), "{one}");
    assert_eq!(one["demonstration"], true, "{one}");
    assert_eq!(run(path, &["contribute", "1", "--out", "2"]).0, 0);
    let (exit, last) = run(path, &["finish", "2", "--beacon", BEACON, "--doublings", "10", "--out", "3"]);
    assert_eq!((exit, &last["contributions"], &last["finished"]), (0, &2.into(), &true.into()), "{last}");

    let (parameters, transcript) = load(&path.join("3"));
    let outcome = verify(&parameters, &transcript, &system, &powers, &mut OsRng, &|_, _| ()).unwrap();
    assert!(outcome.finished && outcome.demonstration && outcome.contributions == 2);
    let heads: Vec<String> = transcript.heads().iter().map(|head| protocol::show::hex(head)).collect();
    assert_eq!(heads[0], one["head"], "a participant finds his step");
    assert_eq!(heads[2], last["head"]);

    assert_eq!(code(&run(path, &["contribute", "3", "--out", "4"])), (1, "ceremony"));
    assert!(!path.join("4").exists(), "nothing is left of a step that was refused");
    assert_eq!(code(&run(path, &["contribute", "4", "--out", "5"])), (3, "file"));
    assert_eq!(code(&run(path, &["contribute", "1", "--out", "2"])), (3, "file"), "nothing is written over");
    std::fs::copy(path.join("0/transcript"), path.join("1/transcript")).unwrap();
    assert_eq!(code(&run(path, &["contribute", "1", "--out", "6"])), (1, "ceremony"));
    std::fs::write(path.join("1/transcript"), b"none").unwrap();
    assert_eq!(code(&run(path, &["contribute", "1", "--out", "7"])), (1, "bad-transcript"));
    assert_eq!(code(&run(path, &["verify", "3", "--circuit", "strange", "--demonstration"])), (1, "no-circuit"));
}

#[test]
fn wrong_usage_is_exit_code_two() {
    let folder = tempfile::tempdir().unwrap();
    let out = ["--circuit", "energy-30", "--out", "x"];
    for source in
        [&[][..], &["--powers", "file"], &["--demonstration", "--hash", BEACON], &["--powers", "f", "--hash", "12"]]
    {
        assert_eq!(run(folder.path(), &[&["new"], &out[..], source].concat()).0, 2, "{source:?}");
    }
    assert_eq!(run(folder.path(), &["finish", "0", "--beacon", "12", "--out", "x"]).0, 2);
    assert_eq!(run(folder.path(), &["finish", "0", "--beacon", BEACON, "--doublings", "33", "--out", "x"]).0, 2);
    assert!(!folder.path().join("x").exists());
}
