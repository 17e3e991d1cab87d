//! Published tariffs through the command: a source that can be read, and that compiles as it stands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattseal-provider"));
    let Output { status, stdout, stderr } = command.args(args).current_dir(folder).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Runs an import and gives the exit code with the error's code and message.
fn import(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let (code, out, _) = run(folder, &[&["--json", "tariff", "import"], args].concat());
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    let text = |key: &str| answer["error"][key].as_str().unwrap_or_default().to_owned();
    (code, text("code"), text("message"))
}

/// The source that was written compiles, and says this of itself.
fn compiles(folder: &Path, source: &str, words: &[&str]) {
    assert_eq!(run(folder, &["--home", "home", "init", "--name", "Fern Energy"]).0, 0);
    let (code, out, err) = run(folder, &["--home", "home", "tariff", "compile", source, "--out", "a.tariff"]);
    assert_eq!(code, 0, "{err}");
    words.iter().for_each(|word| assert!(out.contains(word), "{word}: {out}"));
}

#[test]
fn a_rate_of_the_american_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let hours = |rest: &str| format!("[{}]", vec![format!("[{}{rest}]", "0,".repeat(16)); 12].join(","));
    let record = format!(
        r#"{{"name": "Peak", "energyratestructure": [[{{"rate": 0.25}}], [{{"rate": 0.375}}]],
        "energyweekdayschedule": {}, "energyweekendschedule": {},
        "fixedchargefirstmeter": 10, "fixedchargeunits": "$/month", "demandreactivepowercharge": 0.5}}"#,
        hours("1,1,1,1,1,0,0,0"),
        hours("0,0,0,0,0,0,0,0"),
    );
    std::fs::write(path.join("rate.json"), record).unwrap();
    let terms = ["urdb", "rate.json", "--id", "peak", "--zone", "America/Los_Angeles", "--out", "peak.toml"];
    let base = [&terms[..], &["--from", "2024-01-01", "--to", "2025-01-01"]].concat();
    // What would have to be guessed is named, and nothing is written.
    let (code, _, message) = import(path, &base);
    assert_eq!(code, 1);
    assert!(message.contains("rate.json") && message.contains("demandreactivepowercharge"), "{message}");
    assert!(!path.join("peak.toml").exists());
    let left_out = [&base[..], &["--leave-out", "demandReactivePowerCharge"]].concat();
    assert_eq!(import(path, &left_out).0, 0);
    let source = std::fs::read_to_string(path.join("peak.toml")).unwrap();
    assert!(source.contains("America/Los_Angeles") && source.contains("0.375 USD/kWh"), "{source}");
    assert_eq!(run(path, &[&["tariff", "import"], &left_out[..]].concat()).1.lines().next(), source.lines().next());
    compiles(path, "peak.toml", &["0.375 USD/kWh", "10.00 USD"]);
    std::fs::write(path.join("rate.json"), "{}").unwrap();
    assert_eq!(import(path, &base).0, 1);
    assert_eq!(run(path, &["tariff", "import", "urdb", "rate.json"]).0, 2);
    assert_eq!(import(path, &[&["urdb", "none"], &base[2..]].concat()).0, 3);
}

#[test]
fn a_norwegian_network_tariff() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let file = "netteier: Fjord Nett\ntariffer:\n  - kundegrupper: [husholdning]\n    gyldig_fra: \"2025-01-01\"\n    fastledd:\n      \
        metode: TRE_DØGNMAX_MND\n      terskel_inkludert: true\n      terskler:\n        - {terskel: \"0\", pris: \"1200\"}\n        \
        - {terskel: \"5\", pris: \"2400\"}\n    energiledd:\n      grunnpris: \"20\"\n      unntak:\n        \
        - {navn: natt, timer: \"22-5\", pris: \"10\"}\n";
    std::fs::write(path.join("fjord.yml"), file).unwrap();
    let terms =
        ["nettleie", "fjord.yml", "--id", "fjord", "--from", "2025-05-01", "--to", "2025-06-01", "--out", "f.toml"];
    let (code, _, message) = import(path, &terms);
    assert_eq!(code, 0, "{message}");
    compiles(path, "f.toml", &["Fjord Nett", "NOK"]);
    let (code, _, message) = import(path, &[&terms[..], &["--group", "hytte"]].concat());
    assert!(code == 1 && message.contains("hytte"), "{message}");
    std::fs::write(path.join("fjord.yml"), file.replace("TRE_DØGNMAX_MND", "OV")).unwrap();
    let (code, _, message) = import(path, &terms);
    assert!(code == 1 && message.contains("metode") && message.contains("fjord.yml"), "{message}");
    std::fs::write(path.join("fjord.yml"), [0xff, 0xfe]).unwrap();
    assert_eq!(import(path, &terms).1, "bad-file");
}
