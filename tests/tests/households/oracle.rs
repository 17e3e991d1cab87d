//! The other side of every comparison: `oracle/bills.py`, which shares no line with the project.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use protocol::time::Span;
use serde_json::Value;

/// A bill as the oracle computes it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub meter: String,
    pub tariff: String,
    /// First local date, and the first after it.
    pub from: String,
    pub until: String,
    pub span: Span,
    pub slots: usize,
    /// Slots without a measurement, by register.
    pub missing: BTreeMap<String, u64>,
    /// Whether the meter has slots, measured or not, for all of the period.
    pub covered: bool,
    /// Slots without a price.
    pub unpriced: u64,
    /// The fee and every line, when there is nothing missing.
    pub bill: Option<(i64, Lines)>,
}

/// Name, and the exact amount in 10⁻⁹ currency units: numerator and denominator in lowest terms.
pub type Lines = Vec<(String, String, String)>;

impl Answer {
    pub fn is_complete(&self) -> bool {
        self.covered && self.missing.values().all(|count| *count == 0)
    }

    pub fn period(&self) -> String {
        format!("{} to {}", self.from, self.until)
    }
}

fn bills(arguments: &[&str], input: &str) -> Output {
    let path = tests::root().join("tests/oracle/bills.py");
    let mut child = Command::new("python3")
        .arg(path)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("python3 cannot be started ({error}); ./test installs what tests need"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// The oracle's own test.
pub fn self_test() -> Output {
    bills(&["--self-test"], "")
}

/// Every bill of a job.
pub fn ask(job: &Value) -> Vec<Answer> {
    let output = bills(&["-"], &job.to_string());
    assert!(output.status.success(), "{}\n{job}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| answer(&serde_json::from_str(line).unwrap())).collect()
}

fn answer(value: &Value) -> Answer {
    let text = |key: &str| value[key].as_str().unwrap().to_owned();
    Answer {
        meter: text("meter"),
        tariff: text("tariff"),
        from: text("from"),
        until: text("until"),
        span: Span { from: value["from_unix"].as_u64().unwrap(), until: value["until_unix"].as_u64().unwrap() },
        slots: usize::try_from(value["slots"].as_u64().unwrap()).unwrap(),
        missing: serde_json::from_value(value["missing"].clone()).unwrap(),
        covered: value["covered"].as_bool().unwrap(),
        unpriced: value["unpriced"].as_u64().unwrap(),
        bill: value["fee_minor"].as_i64().map(|fee| (fee, lines(value))),
    }
}

/// The lines of an answer of the oracle, of `wattseal bill --json` or of `wattseal-verify --json`: all three agree
/// on these names.
pub fn lines(value: &Value) -> Lines {
    let line = |line: &Value| ["line", "nano", "nano_denominator"].map(|key| line[key].as_str().unwrap().to_owned());
    value["lines"].as_array().unwrap().iter().map(|value| line(value).into()).collect()
}
