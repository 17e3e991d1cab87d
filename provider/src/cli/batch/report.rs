//! What a batch comes to: how many, which are bad, and the sums of the good ones.

use std::collections::BTreeMap;
use std::path::Path;

use protocol::money::Currency;
use protocol::show;
use protocol::tariff::SignedTariff;
use provider::ledger::Kind;
use serde::Serialize;

use super::super::answer::{Answer, Failure};
use super::check::Found;

/// A bill that is valid.
#[derive(Clone)]
pub(super) struct Good {
    kind: Kind,
    /// Place of its tariff among those given.
    tariff: usize,
    fee_minor: i64,
    incomplete: bool,
    pub(super) demonstration: bool,
}

impl Good {
    pub(super) fn new(kind: Kind, tariff: usize, fee_minor: i64, missing: u32, demonstration: bool) -> Self {
        Self { kind, tariff, fee_minor, incomplete: missing > 0, demonstration }
    }
}

/// A bill that is not.
#[derive(Serialize)]
pub(super) struct Bad {
    file: String,
    code: &'static str,
    message: String,
}

impl Bad {
    pub(super) fn of(path: &Path, code: &'static str, message: String) -> Self {
        Self { file: path.display().to_string(), code, message }
    }
}

/// Counts so far.
#[derive(Default)]
pub(super) struct Report {
    pub(super) bills: usize,
    kinds: BTreeMap<&'static str, usize>,
    incomplete: usize,
    demonstration: usize,
    /// Bills and sum under each tariff.
    sums: BTreeMap<usize, (usize, i64)>,
    bad: Vec<Bad>,
}

#[derive(Serialize)]
struct Told<'a> {
    bills: usize,
    valid: usize,
    invalid: usize,
    /// Valid ones by kind.
    kinds: &'a BTreeMap<&'static str, usize>,
    incomplete: usize,
    demonstration: usize,
    tariffs: Vec<Sum<'a>>,
    bad: &'a [Bad],
}

#[derive(Serialize)]
struct Sum<'a> {
    tariff: &'a str,
    hash: String,
    bills: usize,
    fee_minor: i64,
    currency: &'a str,
    exponent: u8,
}

impl Report {
    pub(super) fn add(&mut self, found: Found) {
        self.bills += found.good.len() + found.bad.len();
        for good in found.good {
            *self.kinds.entry(good.kind.name()).or_default() += 1;
            self.incomplete += usize::from(good.incomplete);
            self.demonstration += usize::from(good.demonstration);
            let (bills, sum) = self.sums.entry(good.tariff).or_default();
            *bills += 1;
            *sum = sum.saturating_add(good.fee_minor);
        }
        self.bad.extend(found.bad);
    }

    pub(super) fn has_bad(&self) -> bool {
        !self.bad.is_empty()
    }

    pub(super) fn answer(mut self, tariffs: &[SignedTariff]) -> Result<Answer, Failure> {
        self.bad.sort_by(|a, b| a.file.cmp(&b.file));
        let valid = self.bills - self.bad.len();
        let mut lines: Vec<_> =
            self.bad.iter().map(|bad| format!("INVALID  {}  {}: {}", bad.file, bad.code, bad.message)).collect();
        let mut sums = Vec::with_capacity(self.sums.len());
        for (place, (bills, fee_minor)) in &self.sums {
            let Some(signed) = tariffs.get(*place) else { continue };
            let Currency { code, exponent } = &signed.tariff.currency;
            let tariff = signed.tariff.id.as_str();
            lines.push(format!("{} in {bills} bills under {tariff}", show::minor(*fee_minor, &signed.tariff.currency)));
            let (hash, exponent) = (show::hex(&signed.hash), *exponent);
            sums.push(Sum { tariff, hash, bills: *bills, fee_minor: *fee_minor, currency: code, exponent });
        }
        lines.push(format!(
            "{valid} of {} bills are valid, {} incomplete; none was booked",
            self.bills, self.incomplete
        ));
        if self.demonstration > 0 {
            lines.push(format!(
                "DEMONSTRATION: {} were proved under parameters whose maker can forge",
                self.demonstration
            ));
        }
        let told = Told {
            bills: self.bills,
            valid,
            invalid: self.bad.len(),
            kinds: &self.kinds,
            incomplete: self.incomplete,
            demonstration: self.demonstration,
            tariffs: sums,
            bad: &self.bad,
        };
        Answer::new(lines.join("\n"), &told)
    }
}
