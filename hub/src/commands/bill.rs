//! `bill` and `bills`: what is owed, proved.

use std::path::{Path, PathBuf};

use gateway_core::Store;
use gateway_core::bill::{Bill, BillRequest, make};
use gateway_core::store::StoredBill;
use protocol::show;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use rand_core::OsRng;
use serde_json::json;

use super::{Answer, Outcome, now};
use crate::Failure;
use crate::dates::Calendar;
use crate::home::{Home, read_file, write_whole};

/// What `wattseal bill` was asked.
#[derive(Clone, Debug)]
pub struct BillArgs {
    /// Tariff file.
    pub tariff: PathBuf,
    /// Start of the period.
    pub from: String,
    /// End of the period.
    pub to: String,
    /// Where the bill goes.
    pub out: PathBuf,
    /// The meter's identity key in hex, when several could be meant.
    pub meter: Option<String>,
    /// Whether unmeasured slots are accepted.
    pub allow_incomplete: bool,
    /// The provider's key in hex, checked against the tariff.
    pub provider_key: Option<String>,
    /// A nonce that the provider asked for, in hex.
    pub nonce: Option<String>,
    /// Digest of the bill that this one corrects, in hex.
    pub corrects: Option<String>,
}

/// `wattseal bill`
///
/// # Errors
/// When the bill cannot be made; nothing is written then.
pub fn bill(home: &Home, args: &BillArgs) -> Outcome {
    let message = read_file(&args.tariff)?;
    let tariff = SignedTariff::read(&message)?;
    let mut store = home.open()?;
    trust_provider(&store, &tariff, args.provider_key.as_deref())?;
    let calendar = Calendar::Tariff(&tariff.tariff.zone);
    let request = BillRequest {
        period: Span { from: calendar.moment(&args.from)?, until: calendar.moment(&args.to)? },
        meter: args.meter.as_deref().map(|text| bytes(text, "--meter")).transpose()?,
        allow_incomplete: args.allow_incomplete,
        nonce: args.nonce.as_deref().map(|text| bytes(text, "--nonce")).transpose()?,
        corrects: args.corrects.as_deref().map(|text| bytes(text, "--corrects")).transpose()?,
    };
    let bill = make(&store, &tariff, &request, &mut OsRng)?;
    let kept = StoredBill {
        digest: bill.digest,
        tariff: tariff.hash,
        period: request.period,
        fee_minor: bill.settlement.fee_minor,
        made_at: now(),
        package: bill.package.clone(),
    };
    store.transaction(|store| {
        store.pin_provider(&tariff.tariff.provider.key, &tariff.tariff.provider.name, now())?;
        store.keep_tariff(&tariff, &message)?;
        store.keep_bill(&kept)?;
        write_whole(&args.out, &bill.package)
    })?;
    tracing::info!(bytes = bill.package.len(), slots = bill.slots, "bill made");
    Ok(answer(&bill, &tariff, &calendar, &args.out))
}

/// The provider's key is pinned at its first tariff; later tariffs under the same name must carry a pinned key.
fn trust_provider(store: &Store, tariff: &SignedTariff, wanted: Option<&str>) -> Result<(), Failure> {
    let provider = &tariff.tariff.provider;
    if let Some(text) = wanted {
        let key: [u8; 32] = bytes(text, "--provider-key")?;
        if key != provider.key {
            return Err(Failure::refused(
                "other-provider",
                "the tariff is signed by another key than the one you gave; do not use it",
            ));
        }
        return Ok(());
    }
    let pinned = store.provider_keys(&provider.name)?;
    if pinned.is_empty() || pinned.contains(&provider.key) {
        return Ok(());
    }
    Err(Failure::refused(
        "other-provider",
        format!(
            "the tariff says it is from {:?}, but its key ({}) is not the one this home knows. Ask the provider for its \
             fingerprint; if it is right, give it with --provider-key",
            provider.name,
            show::fingerprint(&provider.key)
        ),
    ))
}

fn bytes<const N: usize>(text: &str, option: &str) -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| Failure::refused("hex", format!("{option} takes {} hexadecimal digits", 2 * N)))?;
    Ok(bytes)
}

fn answer(bill: &Bill, tariff: &SignedTariff, calendar: &Calendar<'_>, out: &Path) -> Answer {
    let currency = &tariff.tariff.currency;
    let period = &bill.statement.period;
    let missing: u32 = bill.statement.metered.iter().map(|m| m.missing).sum();
    let mut text = format!(
        "{} owes {} under {} ({}).\n{} to {}, {} metering intervals{}\n",
        "This home",
        show::minor(bill.settlement.fee_minor, currency),
        tariff.tariff.name,
        tariff.tariff.provider.name,
        calendar.show(period.from),
        calendar.show(period.until),
        bill.slots,
        if missing > 0 { format!(". INCOMPLETE: {missing} of them were not measured") } else { String::new() }
    );
    let mut lines = Vec::new();
    for (place, line) in bill.settlement.lines.iter().enumerate() {
        text.push_str(&format!("  {:<32} {:>20}\n", line.name, show::exact(line.amount, currency)));
        let mut bands = Vec::new();
        for (name, amount, money) in bill.bands.iter().filter(|b| b.line == place).flat_map(|b| &b.bands) {
            let unit = unit(tariff, place);
            text.push_str(&format!("    {name:<30} {:>20}\n", show::energy(*amount, unit)));
            bands.push(json!({ "band": name, "amount": amount, "unit": unit, "nano": money.to_string() }));
        }
        let (numerator, denominator) = line.amount.parts();
        lines.push(json!({ "line": line.name, "nano": numerator, "nano_denominator": denominator, "at_home": bands }));
    }
    text.push_str(&format!(
        "Written to {}: {} with the proof. The lines above it stay here; the file holds the sum of each energy line and the fee, no reading.",
        out.display(),
        show::bytes(bill.package.len())
    ));
    let json = json!({
        "digest": hex::encode(bill.digest), "fee_minor": bill.settlement.fee_minor, "currency": currency.code,
        "exponent": currency.exponent, "slots": bill.slots, "missing": missing, "complete": missing == 0,
        "period": { "from": calendar.show(period.from), "until": calendar.show(period.until) },
        "bytes_left": bill.package.len(), "out": out, "lines": lines,
        "provider": { "name": tariff.tariff.provider.name, "key": hex::encode(tariff.tariff.provider.key) },
    });
    Answer::done(text, json)
}

/// The unit of an energy line's register.
fn unit(tariff: &SignedTariff, place: usize) -> &str {
    tariff
        .tariff
        .energy_lines()
        .find(|(line, _)| *line == place)
        .and_then(|(_, line)| tariff.tariff.registers.get(line.register))
        .map_or("", |register| register.unit.as_str())
}

/// `wattseal bills`
///
/// # Errors
/// When the store fails.
pub fn bills(home: &Home) -> Outcome {
    let store = home.open()?;
    let calendar = Calendar::named("UTC")?;
    let mut text = String::new();
    let mut list = Vec::new();
    for bill in store.bills()? {
        let (from, until) = (calendar.show(bill.period.from), calendar.show(bill.period.until));
        text.push_str(&format!("{}  {from} to {until}  {} minor units\n", show::short(&bill.digest), bill.fee_minor));
        list.push(json!({
            "digest": hex::encode(bill.digest), "tariff": hex::encode(bill.tariff), "fee_minor": bill.fee_minor,
            "period": { "from": from, "until": until }, "made_at": bill.made_at,
        }));
    }
    if list.is_empty() {
        text.push_str("No bill was made yet.");
    }
    Ok(Answer::done(text.trim_end().into(), json!({ "bills": list })))
}
