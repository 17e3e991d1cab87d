//! A temporary directory to run the programs in.

use std::path::{Path, PathBuf};
use std::process::Command;

use gateway_core::StoreKey;
use gateway_core::custody::{Kek, Keys, SlotKind};
use serde_json::Value;
use tempfile::TempDir;
use tests::binary;

/// A directory, and the programs run in it.
pub struct Place(TempDir);

/// 28 February 2026, the first second of loads.
const START: u64 = 1_772_236_800;

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A tariff `t`, a meter `m` over some days from 28 February 2026, and a home `h` that has taken them in.
    pub fn sealed(days: u64) -> Self {
        let place = Self::new();
        place.tariff("t", "");
        let csv = place.csv(|slot| Some(120 + slot * 7 % 311), days);
        place.seal(&csv, "m");
        place.home("h", "m");
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn size(&self, name: &str) -> u64 {
        std::fs::metadata(self.path(name)).unwrap().len()
    }

    /// Runs a program; its exit code and standard output.
    pub fn run(&self, command: &[&str]) -> (Option<i32>, String) {
        let (program, arguments) = command.split_first().unwrap();
        let output = Command::new(binary(program))
            .current_dir(self.0.path())
            .args(arguments)
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent") // no keyring of whoever runs the tests
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The raw key of a home's store, by its credential file.
    pub fn store_key(&self, home: &str) -> StoreKey {
        let home = self.path(home);
        let mut credential = [0; 32];
        let text = std::fs::read_to_string(home.join("hub.credential")).unwrap();
        hex::decode_to_slice(text.trim(), &mut credential).unwrap();
        let slots = Keys::read(&std::fs::read(home.join("keys.cbor")).unwrap()).unwrap();
        slots.open(SlotKind::Credential, &Kek::from_bytes(credential)).unwrap()
    }

    /// Runs a program with `--json`; one JSON object must come back, and this exit code.
    pub fn json(&self, command: &[&str], code: i32) -> Value {
        let mut command = command.to_vec();
        command.push("--json");
        let (got, text) = self.run(&command);
        assert_eq!(got, Some(code), "{command:?} said {text}");
        serde_json::from_str(text.trim()).unwrap_or_else(|e| panic!("{command:?}: {e}: {text}"))
    }

    /// Half-hourly readings from 28 February 2026 on.
    pub fn csv(&self, load: impl Fn(u64) -> Option<u64>, days: u64) -> PathBuf {
        let mut text = String::from("utc_start,load\n");
        for slot in 0..days * 48 {
            let moment = START + slot * 1800;
            let date = protocol::time::date_of_day(i64::try_from(moment / 86_400).unwrap());
            let value = load(slot).map_or_else(String::new, |v| v.to_string());
            text.push_str(&format!("{date}T{:02}:{:02}Z,{value}\n", moment % 86_400 / 3600, moment % 3600 / 60));
        }
        let path = self.path("load.csv");
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn seal(&self, csv: &Path, out: &str) {
        let csv = csv.to_str().unwrap();
        self.json(
            &[
                "wattseal-meter",
                "seal",
                "--csv",
                csv,
                "--column",
                "load",
                "--register",
                "1-0:1.8.0",
                "--interval",
                "1800",
                "--out",
                out,
            ],
            0,
        );
    }

    pub fn home(&self, home: &str, meter: &str) {
        self.json(&["wattseal", "--home", home, "init"], 0);
        self.json(&["wattseal", "--home", home, "pair", &format!("{meter}/pairing.key")], 0);
        self.json(&["wattseal", "--home", home, "import", meter], 0);
    }

    /// A two-band tariff with a standing charge and tax, by the provider `p`.
    pub fn tariff(&self, out: &str, more: &str) {
        let source = r#"format = 1
id = "contract"
name = "Day and night"
currency = "EUR"
zone = "Europe/Amsterdam"
valid = { from = "2026-01-01", to = "2027-01-01" }
[registers.import]
code = "1-0:1.8.0"
unit = "Wh"
[[line]]
name = "Energy"
kind = "energy"
register = "import"
fallback = "0.30 EUR/kWh"
rounding = { to = "0.01", mode = "half-even" }
[[line.band]]
name = "night"
price = "0.2101 EUR/kWh"
when = [{ from = "23:00", to = "07:00" }]
[[line.band]]
name = "day"
price = "0.3125 EUR/kWh"
[[line]]
name = "Standing charge"
kind = "standing"
amount = "0.45 EUR/day"
[[line]]
name = "VAT"
kind = "tax"
rate = "21 %"
on = ["Energy", "Standing charge"]
rounding = { to = "0.01", mode = "half-even" }
"#;
        std::fs::write(self.path("t.toml"), format!("{source}{more}")).unwrap();
        self.json(&["wattseal-provider", "--home", "p", "init", "--name", "Polder"], 0);
        self.json(&["wattseal-provider", "--home", "p", "tariff", "compile", "t.toml", "--out", out], 0);
    }

    /// All block files of a meter, in order.
    pub fn blocks(&self, meter: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.path(meter).join("blocks")];
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { open.push(path) } else { found.push(path) }
            }
        }
        found.sort();
        found
    }
}
