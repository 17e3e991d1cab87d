//! The command as people and programs call it: answers, files, exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

use protocol::tariff::{Prices, SignedTariff};
use serde_json::Value;

const PRICES: &str = "utc_start,imp,exp\n2023-03-25T22:00Z,10,4\n2023-03-25T23:00Z,-2,1\n2023-03-26T00:00Z,30.5,\n";
const RATES: &str = r#"{"results":[
{"value_exc_vat":28.5,"value_inc_vat":29.925,"valid_from":"2023-01-01T00:00:00Z","valid_to":null,"payment_method":"DIRECT_DEBIT"},
{"value_exc_vat":30.5,"value_inc_vat":32.025,"valid_from":"2023-01-01T00:00:00Z","valid_to":null,"payment_method":"NON_DIRECT_DEBIT"}]}"#;

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        std::fs::write(desk.path("prices.csv"), PRICES).unwrap();
        std::fs::write(desk.path("rates.json"), RATES).unwrap();
        desk
    }

    fn with_home() -> Self {
        let desk = Self::new();
        let (code, out, _) = desk.run(&["--home", "home", "init", "--name", "Fern Energy"]);
        assert_eq!(code, 0, "{out}");
        desk
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wattseal-provider"));
        let Output { status, stdout, stderr } = command.args(args).current_dir(self.0.path()).output().unwrap();
        (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }

    fn json(&self, args: &[&str]) -> (i32, Value) {
        let (code, out, err) = self.run(&[args, &["--json"]].concat());
        assert_eq!(err, "", "{args:?}");
        (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{args:?}: {out}")))
    }

    fn tariff(&self, name: &str) -> SignedTariff {
        SignedTariff::read(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }
}

fn example(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_provider_is_made_once() {
    let desk = Desk::new();
    let (code, out) = desk.json(&["--home", "home", "init", "--name", "Fern Energy"]);
    assert_eq!((code, &out["name"]), (0, &Value::from("Fern Energy")));
    let public = std::fs::read_to_string(desk.path("home/provider.pub")).unwrap();
    assert!(public.contains(out["key"].as_str().unwrap()) && public.contains(out["fingerprint"].as_str().unwrap()));
    let key = std::fs::read(desk.path("home/provider.key")).unwrap();
    let (code, out) = desk.json(&["--home", "home", "init"]);
    assert_eq!((code, &out["error"]["code"]), (1, &Value::from("key-exists")));
    assert_eq!(std::fs::read(desk.path("home/provider.key")).unwrap(), key);
    let (code, out) = desk.json(&["--home", "other", "init", "--name", ""]);
    assert_eq!((code, &out["error"]["code"]), (1, &Value::from("bad-value")));
    assert!(!desk.path("other").exists());
}

#[test]
fn compile_and_show() {
    let desk = Desk::with_home();
    for (name, words) in [
        ("flat.toml", &["0.2985 EUR/kWh", "59.95 EUR/year", "6 % on Energy, Standing charge"][..]),
        ("night.toml", &["night 0.0875 GBP/kWh, 33.3 % of the time", "15, 30 minutes", "2 clock changes"]),
        ("spot.toml", &["23 prices, 4 of them below zero", "-0.010977 EUR/kWh (first 2024-03-31 14:00)"]),
        ("solar.toml", &["-0.077 AUD/kWh", "rounded to 0.05 AUD, halves away from zero"]),
    ] {
        let (code, out, err) = desk.run(&["--home", "home", "tariff", "compile", &example(name), "--out", "t"]);
        assert_eq!((code, err.as_str()), (0, ""), "{name}");
        assert!(out.contains("Signed and written to t."), "{out}");
        let (code, shown, _) = desk.run(&["tariff", "show", "t"]);
        assert_eq!(code, 0);
        for word in words.iter().chain(&["set by      Fern Energy", "fingerprint", "hash"]) {
            assert!(shown.contains(word), "{name}: {word:?} is not in\n{shown}");
        }
        let (_, json) = desk.json(&["tariff", "show", "t"]);
        assert_eq!(json["hash"], Value::from(hex::encode(desk.tariff("t").hash)));
        assert_eq!(json["lines"][0]["kind"], "energy");
        assert_eq!(desk.tariff("t").tariff.provider.name, "Fern Energy");
    }
}

#[test]
fn import_csv() {
    let desk = Desk::with_home();
    let base = ["--home", "home", "tariff", "import", "csv", "prices.csv", "--column", "imp", "--unit", "p/kWh"];
    let named = ["--currency", "GBP", "--zone", "Europe/London", "--id", "s", "--name", "S", "--out", "t"];
    let more = ["--standing", "45.25 p/day", "--vat", "5 %", "--factor", "1.2", "--add", "-2.1 p/kWh"];
    let (code, out) = desk.json(&[&base[..], &named, &more].concat());
    assert_eq!(code, 0, "{out}");
    assert_eq!(out["tariff"]["lines"][0]["series"]["prices"], 3);
    let signed = desk.tariff("t");
    let (_, energy) = signed.tariff.energy_lines().next().unwrap();
    assert_eq!(energy.schedule.prices, Prices::Series(vec![99_000, -45_000, 345_000]));
    assert_eq!(energy.fallback, 345_000);

    let export = ["--export-column", "exp", "--to", "2023-03-26", "--vat", "5 %", "--vat-on-export"];
    let (code, out) = desk.json(&[&base[..], &named, &export].concat());
    assert_eq!(code, 0, "{out}");
    let signed = desk.tariff("t");
    assert_eq!(signed.tariff.energy_lines().nth(1).unwrap().1.fallback, -10_000);

    std::fs::remove_file(desk.path("t")).unwrap();
    let missing = ["--export-column", "exp"];
    let (code, _, err) = desk.run(&[&base[..], &named, &missing].concat());
    assert_eq!(code, 1);
    assert!(err.starts_with("prices.csv, line 4: the price for 2023-03-26T00:00Z is missing"), "{err}");
    let (code, _, err) = desk.run(&[&base[..], &named, &["--vat-on-export"]].concat());
    assert_eq!(code, 2, "{err}");
    assert!(!desk.path("t").exists(), "a refusal writes nothing");
}

#[test]
fn import_octopus() {
    let desk = Desk::with_home();
    let base =
        ["--home", "home", "tariff", "import", "octopus", "rates.json", "--id", "o", "--name", "O", "--out", "t"];
    let direct = ["--payment-method", "DIRECT_DEBIT", "--from", "2023-03-01", "--to", "2023-04-01"];
    let (code, out, err) = desk.run(&base);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("choose one with --payment-method"), "{err}");
    let (code, out) = desk.json(&[&base[..], &direct].concat());
    assert_eq!(code, 0, "{out}");
    let signed = desk.tariff("t");
    let (_, energy) = signed.tariff.energy_lines().next().unwrap();
    assert_eq!(energy.schedule.prices, Prices::Series(vec![299_250; 31 * 24 - 1]));
    let (code, out) = desk.json(&[&base[..], &direct, &["--exc-vat", "--vat", "5 %"]].concat());
    assert_eq!(code, 0, "{out}");
    assert_eq!(desk.tariff("t").tariff.energy_lines().next().unwrap().1.fallback, 285_000);
    let (code, _, err) = desk.run(&[&base[..], &direct, &["--vat", "5 %"]].concat());
    assert_eq!(code, 2, "VAT on prices that have it already: {err}");
    let (code, _, err) = desk.run(&[&base[..], &["--payment-method", "DIRECT_DEBIT"]].concat());
    assert_eq!(code, 1);
    assert!(err.starts_with("--to: the last price holds until further notice"), "{err}");
}

#[test]
fn exit_codes() {
    let desk = Desk::with_home();
    std::fs::write(desk.path("tiers.toml"), "format = 1\ntiers = 1\n").unwrap();
    std::fs::write(desk.path("latin.toml"), b"format = 1\nname = \"caf\xe9\"\n").unwrap();
    std::fs::write(desk.path("not.tariff"), "hello").unwrap();
    std::fs::create_dir(desk.path("empty")).unwrap();
    let flat = example("flat.toml");
    for (args, expected, code, words) in [
        (
            &["--home", "home", "tariff", "compile", "tiers.toml", "--out", "t"][..],
            1,
            "beyond-linear",
            "tiers.toml: line 2: `tiers` needs block tiers",
        ),
        (
            &["--home", "home", "tariff", "compile", "latin.toml", "--out", "t"],
            1,
            "source-syntax",
            "latin.toml: line 2: the source is not UTF-8",
        ),
        (&["--home", "home", "tariff", "compile", "none.toml", "--out", "t"], 3, "file", "cannot read none.toml"),
        (&["--home", "home", "tariff", "compile", &flat, "--out", "none/t"], 3, "file", "cannot write none/t"),
        (&["--home", "empty", "tariff", "compile", &flat, "--out", "t"], 3, "no-key", "init"),
        (&["tariff", "show", "not.tariff"], 1, "bad-tariff", "not.tariff: the bytes are not a tariff"),
        (&["tariff", "show", "none"], 3, "file", "cannot read none"),
    ] {
        let (exit, out, err) = desk.run(args);
        assert_eq!((exit, out.as_str()), (expected, ""), "{args:?}: {err}");
        assert!(err.contains(words), "{args:?}: {err}");
        let (exit, json) = desk.json(args);
        assert_eq!((exit, &json["error"]["code"]), (expected, &Value::from(code)), "{args:?}");
        assert!(json["error"]["message"].as_str().unwrap().contains(words));
    }
    for args in [&["tariff", "compile", "x"][..], &["init"], &["sell"], &[], &["tariff"], &["tariff", "import"]] {
        assert_eq!(desk.run(args).0, 2, "{args:?}");
    }
    assert!(!desk.path("t").exists());
}

#[test]
fn a_changed_tariff_is_refused() {
    let desk = Desk::with_home();
    desk.run(&["--home", "home", "tariff", "compile", &example("flat.toml"), "--out", "t"]);
    let mut bytes = std::fs::read(desk.path("t")).unwrap();
    let at = bytes.windows(9).position(|w| w == b"Fern Flat").unwrap();
    bytes[at] ^= 1;
    std::fs::write(desk.path("t"), bytes).unwrap();
    let (code, _, err) = desk.run(&["tariff", "show", "t"]);
    assert_eq!((code, err.trim()), (1, "t: the signature of the tariff is wrong"));
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let desk = Desk::new();
    for command in [
        &[][..],
        &["init"],
        &["tariff"],
        &["tariff", "compile"],
        &["tariff", "import"],
        &["tariff", "import", "csv"],
        &["tariff", "import", "octopus"],
        &["tariff", "import", "urdb"],
        &["tariff", "import", "nettleie"],
        &["circuits"],
        &["circuits", "make"],
        &["circuits", "add"],
        &["circuits", "list"],
        &["circuits", "remove"],
        &["verify-batch"],
        &["tariff", "show"],
    ] {
        let (code, out, _) = desk.run(&[command, &["--help"]].concat());
        assert_eq!(code, 0);
        assert!(out.contains("Example:") && out.contains("--json"), "{command:?}: {out}");
    }
}
