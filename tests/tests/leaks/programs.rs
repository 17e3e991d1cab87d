//! A house run by the real programs with all logging on, and the search of everything they say.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use tempfile::TempDir;
use tests::binary;

const TARIFF: &str = r#"
format = 1
id = "leaks"
name = "Two bands"
currency = "EUR"
zone = "Europe/Amsterdam"
valid = { from = "2026-02-01", to = "2026-06-01" }
[registers.import]
code = "1-0:1.8.0"
unit = "Wh"
[[line]]
name = "Energy"
kind = "energy"
register = "import"
fallback = "0.30 EUR/kWh"
[[line.band]]
name = "night"
price = "0.20 EUR/kWh"
when = [{ from = "23:00", to = "07:00" }]
[[line.band]]
name = "day"
price = "0.30 EUR/kWh"
[[line]]
name = "VAT"
kind = "tax"
rate = "21 %"
on = ["Energy"]
"#;

/// A meter, a home and a provider in a temporary directory.
pub struct House {
    pub directory: TempDir,
    pub home: PathBuf,
    said: Mutex<Vec<(String, Output)>>,
}

impl House {
    /// Readings whose decimal form is telling: five digits, each of them once.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let mut csv = String::from("utc_start,load\n");
        for slot in 0..62u64 * 48 {
            let moment = 1_772_150_400 + slot * 1800;
            csv.push_str(&format!("{},{}\n", stamp(moment), reading(slot)));
        }
        std::fs::write(path.join("load.csv"), csv).unwrap();
        std::fs::write(path.join("tariff.toml"), TARIFF).unwrap();
        let house = Self { home: path.join("home"), directory, said: Mutex::new(Vec::new()) };
        house.done("wattseal-provider", &["--home", "provider", "init", "--name", "P"]);
        house.done("wattseal-provider", &["--home", "provider", "tariff", "compile", "tariff.toml", "--out", "tariff"]);
        house.done(
            "wattseal-meter",
            &[
                "seal",
                "--csv",
                "load.csv",
                "--column",
                "load",
                "--register",
                "1-0:1.8.0",
                "--interval",
                "1800",
                "--out",
                "meter",
            ],
        );
        house.done("wattseal", &["--home", "home", "init"]);
        house.done("wattseal", &["--home", "home", "pair", "meter/pairing.key"]);
        house.done("wattseal", &["--home", "home", "import", "meter"]);
        house
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes a bill; where it lies.
    pub fn bill(&self, from: &str, to: &str) -> PathBuf {
        self.done(
            "wattseal",
            &["--home", "home", "bill", "--tariff", "tariff", "--from", from, "--to", to, "--out", "bill"],
        );
        self.path("bill")
    }

    /// Runs a program with all logging on, keeps what it said, and returns its exit code.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Option<i32> {
        let output = Command::new(binary(program))
            .current_dir(self.directory.path())
            .args(arguments)
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent") // no keyring of whoever runs the tests
            .env("WATTSEAL_LOG", "trace")
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .output()
            .unwrap();
        let code = output.status.code();
        self.said.lock().unwrap().push((format!("{program} {}", arguments.join(" ")), output));
        code
    }

    fn done(&self, program: &str, arguments: &[&str]) {
        let code = self.run(program, arguments);
        let said = self.said.lock().unwrap();
        let (_, output) = said.last().unwrap();
        assert_eq!(code, Some(0), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Everything that was said, by command.
    pub fn said(&self) -> Vec<(String, String)> {
        let text = |o: &Output| format!("{}{}", String::from_utf8_lossy(&o.stdout), String::from_utf8_lossy(&o.stderr));
        self.said.lock().unwrap().iter().map(|(command, output)| (command.clone(), text(output))).collect()
    }
}

/// The reading of a slot: between 10,007 and 55,000 Wh, different in every slot of a day.
pub fn reading(slot: u64) -> u64 {
    10_007 + (slot * 7919) % 44_993
}

fn stamp(moment: u64) -> String {
    let date = protocol::time::date_of_day(i64::try_from(moment / 86_400).unwrap());
    format!("{date}T{:02}:{:02}Z", moment % 86_400 / 3600, moment % 3600 / 60)
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at.min(bytes.len() - 1);
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// The secrets in what was said, if any.
fn shown(said: &[(String, String)], numbers: &[u64], keys: &[Vec<u8>]) -> Vec<String> {
    let mut found = Vec::new();
    for (command, text) in said {
        let words: std::collections::HashSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        for number in numbers {
            if words.contains(number.to_string().as_str()) {
                found.push(format!("{command}: the reading {number}"));
            }
        }
        let lower = text.to_lowercase();
        for key in keys {
            let list = format!("{key:?}");
            if lower.contains(&hex::encode(key)) || text.contains(list.trim_matches(['[', ']'])) {
                found.push(format!("{command}: a key"));
            }
        }
    }
    found
}

#[test]
fn programs_show_no_reading_and_no_key_at_any_level_of_logging() {
    let house = House::new();
    let secrets = crate::secrets(&house.home, &house.path("meter/pairing.key"));
    let numbers: Vec<u64> = (0..62 * 48).map(reading).collect();
    house.bill("2026-03-01", "2026-04-01");
    house.run("wattseal-verify", &["bill", "--tariff", "tariff", "--meter", "meter/meter.cert", "--json"]);
    house.run(
        "wattseal-provider",
        &["--home", "provider", "verify", "bill", "--tariff", "tariff", "--meter", "meter/meter.cert"],
    );
    house.run("wattseal", &["--home", "home", "status", "--json"]);

    // What goes wrong must not say more: damaged inputs of every kind.
    let block = std::fs::read_dir(house.path("meter/blocks")).unwrap().next().unwrap().unwrap().path();
    let block = if block.is_dir() { std::fs::read_dir(&block).unwrap().next().unwrap().unwrap().path() } else { block };
    for at in [30, 150, 100_000] {
        flip(&block, at);
        house.run("wattseal", &["--home", "other", "init"]);
        house.run("wattseal", &["--home", "other", "pair", "meter/pairing.key"]);
        house.run("wattseal", &["--home", "other", "import", "meter"]);
    }
    flip(&house.path("meter/pairing.key"), 60);
    house.run("wattseal", &["--home", "third", "init"]);
    assert_ne!(house.run("wattseal", &["--home", "third", "pair", "meter/pairing.key"]), Some(0));
    let csv = std::fs::read_to_string(house.path("load.csv")).unwrap();
    for (name, text) in [
        ("negative", csv.replacen(",", ",-", 2)),
        ("words", csv.replace(&format!(",{}", reading(77)), ",31x37")),
        ("twice", format!("{csv}{}", csv.lines().nth(9).unwrap())),
    ] {
        std::fs::write(house.path(name), text).unwrap();
        assert_ne!(
            house.run(
                "wattseal-meter",
                &[
                    "seal",
                    "--csv",
                    name,
                    "--column",
                    "load",
                    "--register",
                    "1-0:1.8.0",
                    "--interval",
                    "1800",
                    "--out",
                    "broken"
                ]
            ),
            Some(0)
        );
    }
    flip(&house.path("home/hub.credential"), 3);
    assert_ne!(house.run("wattseal", &["--home", "home", "status"]), Some(0));
    flip(&house.path("home/hub.credential"), 3);
    flip(&house.path("home/store.db"), 9000);
    house.run(
        "wattseal",
        &[
            "--home",
            "home",
            "bill",
            "--tariff",
            "tariff",
            "--from",
            "2026-03-01",
            "--to",
            "2026-04-01",
            "--out",
            "bill2",
        ],
    );

    let said = house.said();
    assert_eq!(shown(&said, &numbers, &secrets.keys), Vec::<String>::new());

    // The search finds what it is meant to find.
    let planted = vec![("log".to_owned(), format!("took {} at slot 7", reading(7)))];
    assert_eq!(shown(&planted, &numbers, &secrets.keys).len(), 1);
    let planted = vec![("log".to_owned(), format!("{:?} {}", secrets.keys[5], hex::encode(&secrets.keys[9])))];
    assert_eq!(shown(&planted, &numbers, &secrets.keys).len(), 2);
    // And the one command that is asked for readings shows them.
    let fresh = House::new();
    fresh.run("wattseal", &["--home", "home", "readings", "--from", "2026-03-01", "--to", "2026-03-02"]);
    assert!(!shown(&fresh.said(), &numbers, &[]).is_empty());
}

#[test]
fn secrets_do_not_print() {
    let house = House::new();
    let pairing = protocol::pairing::Pairing::read(&std::fs::read(house.path("meter/pairing.key")).unwrap()).unwrap();
    let text = format!("{pairing:?} {:?}", gateway_core::StoreKey::from_bytes([0x5a; 32]));
    let keys = vec![pairing.household_key.expose().to_vec(), pairing.code.expose().to_vec(), vec![0x5a; 32]];
    assert_eq!(shown(&[("debug".into(), text)], &[], &keys), Vec::<String>::new());
}
