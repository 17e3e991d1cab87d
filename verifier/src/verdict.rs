//! Verdicts: one of three words, a reason, and what was proved.

mod proved;

use protocol::bill::Metered;
use protocol::meter_bill::VerifiedMeterBill;
use protocol::metrology::certificate::SealClass;
use protocol::show;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use protocol::verify::{Origin, VerifiedBill};
use serde_json::{Value, json};

/// The three verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything holds and the meters are known.
    Valid,
    /// Something is wrong.
    Invalid,
    /// The numbers agree with the seals, but no registry said whose seals they are.
    OriginUnattested,
}

impl Kind {
    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::OriginUnattested => "origin-unattested",
        }
    }
}

/// A verdict, for people and for programs.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The word.
    pub kind: Kind,
    /// Short stable name of the reason, when there is one.
    pub reason: Option<String>,
    /// The JSON object.
    pub json: Value,
    /// The account for people.
    pub text: String,
}

impl Verdict {
    /// A bill that does not hold.
    #[must_use]
    pub fn invalid(code: &str, message: &str, bytes: usize) -> Self {
        let json = json!({
            "verdict": Kind::Invalid.name(), "reason": code, "message": message, "fee_minor": null, "currency": null,
            "exponent": null, "slots": null, "period": null, "bytes_left": bytes,
        });
        Self { kind: Kind::Invalid, reason: Some(code.into()), json, text: format!("INVALID: {message}.") }
    }

    /// A household's bill that holds.
    #[must_use]
    pub fn of_bill(bill: &VerifiedBill, tariff: &SignedTariff, bytes: usize) -> Self {
        let currency = &tariff.tariff.currency;
        let statement = &bill.statement;
        let lines: Vec<Value> = bill
            .settlement
            .lines
            .iter()
            .map(|line| {
                let (numerator, denominator) = line.amount.parts();
                json!({ "line": line.name, "nano": numerator, "nano_denominator": denominator })
            })
            .collect();
        let mut verdict = Self::holds(&Holds {
            origin: bill.origin,
            class: bill.class,
            fee_minor: statement.fee_minor,
            slots: bill.slots,
            period: &statement.period,
            digest: &bill.digest,
            how: "proved against the meter's commitments",
            tariff,
            bytes,
            flags: Flags::of(&statement.metered),
        });
        let totals: Vec<Value> = tariff
            .tariff
            .registers
            .iter()
            .zip(statement.totals.as_deref().unwrap_or(&[]))
            .map(|(register, total)| {
                let shown = show::energy(total.unsigned_abs(), register.unit.as_str());
                verdict.text.push_str(&format!("\n  {:<32} {shown:>20} in all", register.code.as_str()));
                json!({ "register": register.code.as_str(), "unit": register.unit.as_str(), "total": total })
            })
            .collect();
        for line in &bill.settlement.lines {
            verdict.text.push_str(&format!("\n  {:<32} {:>20}", line.name, show::exact(line.amount, currency)));
        }
        verdict.insert("kind", "linear-bill".into());
        verdict.insert("registers", registers(&statement.metered));
        verdict.insert("lines", lines.into());
        verdict.insert("meters", bill.meters.iter().map(hex::encode).collect::<Vec<_>>().into());
        if statement.totals.is_some() {
            verdict.insert("totals", totals.into());
        }
        verdict.insert("corrects", statement.corrects.map(|d| hex::encode(d.as_slice())).into());
        verdict
    }

    /// A meter's own bill that holds.
    #[must_use]
    pub fn of_meter_bill(verified: &VerifiedMeterBill, tariff: &SignedTariff, bytes: usize) -> Self {
        let bill = &verified.bill;
        let flags = Flags {
            missing: bill.registers.iter().map(|r| r.missing).sum(),
            estimated: bill.registers.iter().map(|r| r.estimated).sum(),
            tamper: bill.registers.iter().map(|r| r.tamper).sum(),
            events: bill.registers.iter().fold(0, |all, r| all | r.events),
        };
        let mut verdict = Self::holds(&Holds {
            origin: verified.origin,
            class: verified.certificate.certificate.class,
            fee_minor: bill.fee_minor,
            slots: bill.registers.iter().map(|r| u64::from(r.slots)).sum(),
            period: &bill.period,
            digest: &verified.digest,
            how: "computed and signed by the meter itself",
            tariff,
            bytes,
            flags,
        });
        verdict.insert("kind", "meter-bill".into());
        verdict.insert("meters", vec![hex::encode(verified.certificate.certificate.identity_key)].into());
        verdict
    }

    /// Adds a field to the JSON object.
    pub fn insert(&mut self, key: &str, value: Value) {
        if let Some(object) = self.json.as_object_mut() {
            object.insert(key.into(), value);
        }
    }

    fn holds(facts: &Holds<'_>) -> Self {
        let currency = &facts.tariff.tariff.currency;
        let zone = &facts.tariff.tariff.zone;
        let kind = if facts.origin == Origin::Attested { Kind::Valid } else { Kind::OriginUnattested };
        let (from, until) = (show::local(zone, facts.period.from), show::local(zone, facts.period.until));
        let class = show::seal(facts.class);
        let reason = (kind == Kind::OriginUnattested).then(|| "origin-unattested".to_owned());
        let json = json!({
            "verdict": kind.name(), "reason": reason, "fee_minor": facts.fee_minor, "currency": currency.code,
            "exponent": currency.exponent, "slots": facts.slots, "period": { "from": from, "until": until },
            "bytes_left": facts.bytes, "digest": hex::encode(facts.digest), "tariff": facts.tariff.tariff.id,
            "provider": facts.tariff.tariff.provider.name, "seal": class, "complete": facts.flags.missing == 0,
            "missing": facts.flags.missing, "estimated": facts.flags.estimated, "tamper": facts.flags.tamper,
            "events": show::event_names(facts.flags.events),
        });
        let mut text = match kind {
            Kind::Valid => "VALID".to_owned(),
            _ => "ORIGIN UNATTESTED: the numbers agree with the seals, but nobody said whose seals they are (give --meter)".into(),
        };
        text.push_str(&format!(
            "\n{} due to {} under {}\n{from} to {until}, {} metering intervals, {}; {class}\n{} bytes left the house",
            show::minor(facts.fee_minor, currency),
            facts.tariff.tariff.provider.name,
            facts.tariff.tariff.name,
            facts.slots,
            facts.how,
            facts.bytes
        ));
        let Flags { missing, estimated, tamper, events } = facts.flags;
        if missing > 0 {
            text.push_str(&format!("\nINCOMPLETE: {missing} metering intervals were not measured"));
        }
        for (count, what) in [(estimated, "estimated"), (tamper, "measured while a tamper sensor was active")] {
            if count > 0 {
                text.push_str(&format!("\n{count} metering intervals {what}"));
            }
        }
        for name in show::event_names(events) {
            text.push_str(&format!("\nthe meter reported: {name}"));
        }
        Self { kind, reason, json, text }
    }
}

/// What every verdict on a bill that holds rests on.
struct Holds<'a> {
    origin: Origin,
    class: SealClass,
    fee_minor: i64,
    slots: u64,
    period: &'a Span,
    digest: &'a [u8; 32],
    how: &'static str,
    tariff: &'a SignedTariff,
    bytes: usize,
    flags: Flags,
}

/// What was not plainly measured.
struct Flags {
    missing: u32,
    estimated: u32,
    tamper: u32,
    events: u16,
}

impl Flags {
    fn of(metered: &[Metered]) -> Self {
        Self {
            missing: metered.iter().map(|m| m.missing).sum(),
            estimated: metered.iter().map(|m| m.estimated).sum(),
            tamper: metered.iter().map(|m| m.tamper).sum(),
            events: metered.iter().fold(0, |all, m| all | m.events),
        }
    }
}

/// What was metered, a row for each register.
fn registers(metered: &[Metered]) -> Value {
    let row = |m: &Metered| {
        json!({ "register": m.code.as_str(), "interval": m.interval, "missing": m.missing,
            "estimated": m.estimated, "tamper": m.tamper, "events": show::event_names(m.events) })
    };
    metered.iter().map(row).collect::<Vec<_>>().into()
}
