//! The home's circuits through the command: made, taken in from elsewhere, and removed.

use std::fs;

use protocol::circuit::CircuitKey;
use protocol::groth16::Parameters;

use crate::world::Desk;

/// Progress goes to standard error.
fn json(desk: &Desk, args: &[&str]) -> (i32, serde_json::Value) {
    let (code, out, _) = desk.run(&[args, &["--json"]].concat());
    (code, serde_json::from_str(&out).unwrap())
}

fn code(answer: &(i32, serde_json::Value)) -> (i32, &str) {
    (answer.0, answer.1["error"]["code"].as_str().unwrap_or_default())
}

#[test]
fn a_circuit_is_made_checked_elsewhere_and_removed() {
    let desk = Desk::new();
    assert_eq!(code(&json(&desk, &["circuits", "make", "query-60", "energy-1"])), (1, "no-circuit"));
    assert!(!desk.path("home/circuits").exists(), "no work is done when one of the names is wrong");
    let (exit, made) = json(&desk, &["circuits", "make", "query-60"]);
    let row = &made["circuits"][0];
    assert_eq!((exit, &row["name"], &row["demonstration"]), (0, &"query-60".into(), &true.into()), "{made}");
    assert_eq!(code(&json(&desk, &["circuits", "make", "query-60"])), (1, "circuit-exists"));
    let list = json(&desk, &["circuits", "list"]).1;
    assert_eq!((&list["circuits"], &list["useless"]), (&made["circuits"], &serde_json::json!([])));

    let proving = desk.read("home/circuits/query-60.proving");
    assert_eq!(row["proving"]["bytes"], proving.len());
    assert_eq!(row["proving"]["hash"], hex::encode(Parameters::pin(&proving).unwrap()));
    let circuit = CircuitKey::read(&desk.read("home/circuits/query-60.circuit")).unwrap();
    assert_eq!(row["id"], hex::encode(circuit.id()));
    let sum = std::process::Command::new("sha256sum")
        .args(["-c", "query-60.powers.sha256"])
        .current_dir(desk.path("home/circuits"))
        .output()
        .unwrap();
    assert!(sum.status.success(), "{sum:?}");

    // Another provider takes it in; with powers of tau only what comes of these.
    let other = Desk::new();
    for name in ["query-60.proving", "query-60.powers"] {
        fs::copy(desk.path("home/circuits").join(name), other.path(name)).unwrap();
    }
    let mut changed = Parameters::read(&proving, false).unwrap();
    changed.demonstration = false;
    other.write("changed", &changed.write());
    let add = ["circuits", "add", "changed", "--powers", "query-60.powers"];
    assert_eq!(code(&json(&other, &add)), (1, "bad-parameters"));
    let mut damaged = proving.clone();
    damaged[5000] ^= 1;
    other.write("damaged", &damaged);
    assert_eq!(code(&json(&other, &["circuits", "add", "damaged"])), (1, "bad-parameters"));
    assert_eq!(code(&json(&other, &["circuits", "add", "none"])), (3, "file"));
    other.write("short", b"no powers of tau");
    let add = ["circuits", "add", "query-60.proving", "--powers", "short"];
    assert_eq!(code(&json(&other, &add)), (1, "bad-powers"));
    assert!(json(&other, &["circuits", "list"]).1["circuits"].as_array().unwrap().is_empty());
    let (exit, taken) = json(&other, &["circuits", "add", "query-60.proving"]);
    assert_eq!((exit, &taken["circuits"][0]["id"], taken["circuits"][0]["powers"].is_null()), (0, &row["id"], true));
    assert_eq!(code(&json(&other, &["circuits", "add", "query-60.proving"])), (1, "circuit-exists"));

    assert_eq!(json(&other, &["circuits", "remove", "query-60"]).0, 0);
    assert_eq!(code(&json(&other, &["circuits", "remove", "query-60"])), (1, "circuit-not-here"));
    let left = fs::read_dir(other.path("home/circuits")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), [".lock"]);
}
