//! The whole path by the programs themselves: meter, provider, household, verifier, each its own process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::oracle::{Answer, ask, lines};
use crate::plan::{Home, Setting};
use crate::terms::{Charge, Prices, Terms, code};

/// A program of the project, beside this test in the target directory.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(
        path.exists(),
        "{} is not there; build the programs first, as ./test does: cargo build --workspace --bins",
        path.display()
    );
    path
}

/// Runs a program with `--json`, checks its exit code, and gives back its answer.
fn run(name: &str, arguments: &[String], exit: i32) -> Value {
    let output = Command::new(program(name))
        .args(arguments)
        .arg("--json")
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent") // no keyring of whoever runs the tests
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(exit),
        "{name} {}\n{said}\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{name} {}: {error}\n{said}", arguments.join(" ")))
}

fn words(text: &[&str]) -> Vec<String> {
    text.iter().map(|word| (*word).to_owned()).collect()
}

/// What the programs did with one file.
#[derive(Default)]
pub struct Tour {
    pub bills: usize,
    pub refusals: usize,
}

/// Folders of the parties.
struct World<'a> {
    folder: &'a Path,
    home: &'a Home,
    setting: &'a Setting,
}

/// Takes the first meter of a file from its readings to verified bills.
pub fn tour(home: &Home, setting: &Setting) -> Tour {
    let folder = tempfile::tempdir().unwrap();
    let world = World { folder: folder.path(), home, setting };
    let one = Setting { meters: vec![setting.meters[0]], tariffs: setting.tariffs.clone(), ..*setting };
    let answers = ask(&one.job(home));
    world.seal(setting.meters[0]);
    run("wattseal-provider", &words(&["--home", &world.path("provider"), "init"]), 0);
    world.household(&["init"], 0);
    world.household(&["pair", &world.path("meter/pairing.key")], 0);
    world.household(&["import", &world.path("meter")], 0);
    world.household(&["status"], 0);

    let mut tour = Tour::default();
    for terms in &setting.tariffs {
        let mine: Vec<&Answer> = answers.iter().filter(|a| a.tariff == terms.id).collect();
        let Some(priced) = mine.iter().copied().find(|a| a.is_complete() && a.unpriced == 0) else { continue };
        // Prices of a file are for the month alone; the others hold for all of the load, and refuse what it lacks.
        let (from, until) = if terms.is_dynamic() {
            (&priced.from, &priced.until)
        } else {
            (&mine[0].from, mine.iter().map(|a| &a.until).max().unwrap())
        };
        world.publish(terms, from, until);
        world.bill(terms, priced);
        tour.bills += 1;
        for lacking in mine.iter().filter(|a| !terms.is_dynamic() && !a.is_complete()) {
            world.refused(terms, lacking);
            tour.refusals += 1;
        }
    }
    tour
}

impl World<'_> {
    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    fn household(&self, arguments: &[&str], exit: i32) -> Value {
        run("wattseal", &[words(&["--home", &self.path("home")]), words(arguments)].concat(), exit)
    }

    fn seal(&self, meter: usize) {
        let interval = self.setting.interval.to_string();
        let years = self.setting.years.to_string();
        let csv = self.home.path.to_str().unwrap();
        let mut arguments = words(&["seal", "--csv", csv, "--interval", &interval, "--out", &self.path("meter")]);
        if self.setting.years != 0 {
            arguments.extend(words(&["--shift-years", &years]));
        }
        for (register, column) in &self.home.meters[meter].1 {
            arguments.extend(words(&["--column", column, "--register", code(register)]));
        }
        run("wattseal-meter", &arguments, 0);
    }

    /// Signs a tariff: from its source, or, when published prices stand in it as they are, by `tariff import`.
    fn publish(&self, terms: &Terms, from: &str, until: &str) {
        let (provider, out) = (self.path("provider"), self.path(&format!("{}.tariff", terms.id)));
        let source = self.path(&format!("{}.toml", terms.id));
        let mut arguments = words(&["--home", &provider, "tariff"]);
        match import(terms) {
            Some(import) => {
                arguments.extend(import);
                arguments.extend(words(&["--from", from, "--to", until, "--zone", self.home.zone, "--out", &out]));
            }
            None => {
                fs::write(&source, terms.toml(self.home.zone, from, until)).unwrap();
                arguments.extend(words(&["compile", &source, "--out", &out]));
            }
        }
        run("wattseal-provider", &arguments, 0);
    }

    /// The household's bill and the verifier's verdict both say what the oracle says.
    fn bill(&self, terms: &Terms, answer: &Answer) {
        let label = format!("{} by programs, {}, {}", self.home.name, terms.id, answer.period());
        let (tariff, out) = (self.path(&format!("{}.tariff", terms.id)), self.path("bill"));
        let made = self
            .household(&["bill", "--tariff", &tariff, "--from", &answer.from, "--to", &answer.until, "--out", &out], 0);
        let (fee, expected) = answer.bill.as_ref().unwrap();
        assert_eq!((&lines(&made), made["fee_minor"].as_i64()), (expected, Some(*fee)), "{label}");
        assert_eq!((&made["complete"], &made["missing"]), (&true.into(), &0.into()), "{label}");
        let meter = self.path("meter/meter.cert");
        let verdict = run("wattseal-verify", &words(&[&out, "--tariff", &tariff, "--meter", &meter]), 0);
        assert_eq!((&lines(&verdict), verdict["fee_minor"].as_i64()), (expected, Some(*fee)), "{label}");
        assert_eq!((&verdict["verdict"], &verdict["complete"]), (&"valid".into(), &true.into()), "{label}");
        assert_eq!(verdict["slots"], answer.slots, "{label}");
        assert_eq!(verdict["digest"], made["digest"], "{label}");
        fs::remove_file(&out).unwrap();
    }

    /// A period that the meter did not measure whole: exit code 1, the reason, and no bill.
    fn refused(&self, terms: &Terms, answer: &Answer) {
        let (tariff, out) = (self.path(&format!("{}.tariff", terms.id)), self.path("bill"));
        let said = self
            .household(&["bill", "--tariff", &tariff, "--from", &answer.from, "--to", &answer.until, "--out", &out], 1);
        let expected = if answer.covered { "incomplete" } else { "gap" };
        assert_eq!(said["error"]["code"], expected, "{} {}: {said}", self.home.name, answer.period());
        assert!(!Path::new(&out).exists(), "{} {}: a bill was written", self.home.name, answer.period());
    }
}

/// The words of `tariff import csv` for a tariff that is a price file, a standing charge and VAT, all as they are.
fn import(terms: &Terms) -> Option<Vec<String>> {
    let [energy, standing, vat] = terms.lines.as_slice() else { return None };
    match (&energy.charge, &standing.charge, &vat.charge) {
        (
            Charge::Energy { prices: Prices::Series { file, column, unit, turned: None }, .. },
            Charge::Standing { amount, per },
            Charge::Tax { rate, .. },
        ) => Some(words(&[
            "import",
            "csv",
            file.to_str()?,
            "--column",
            column,
            "--unit",
            unit,
            "--currency",
            terms.currency,
            "--id",
            &terms.id,
            "--name",
            &terms.id,
            "--standing",
            &format!("{amount}/{per}"),
            "--vat",
            &format!("{rate} %"),
        ])),
        _ => None,
    }
}
