//! Bills: what is owed, proved.

use std::path::Path;

use gateway_core::bill::BillRequest;
use gateway_core::store::{ReleaseRow, StoredBill};
use gateway_core::{Store, StoreError};
use protocol::bill::statement::PURPOSE;
use protocol::metrology::keys::Hash;
use protocol::show;
use protocol::tariff::SignedTariff;
use protocol::time::Span;

use super::proof::{Finished, Wish};
use super::told;
use crate::Failure;
use crate::api::{
    BandInfo, BillAsk, BillInfo, BillMade, BillSaved, Bills, LineInfo, PeriodText, ProofKind, ProviderInfo,
    QuantityInfo,
};
use crate::commands::now;
use crate::dates::{Calendar, days_of};
use crate::outside::{read_file, write_whole};

/// A bill as it was asked for, read and found to be of a provider that this home knows.
pub struct Order {
    /// The tariff.
    pub tariff: SignedTariff,
    /// Its message.
    pub message: Vec<u8>,
    /// What to bill.
    pub wish: Wish,
}

/// Reads what was asked for.
///
/// # Errors
/// When the tariff or a word of the request cannot be read, or the tariff is of another provider than it says.
pub fn order(store: &Store, ask: &BillAsk) -> Result<Order, Failure> {
    let message = read_file(&ask.tariff)?;
    let tariff = SignedTariff::read(&message)?;
    trust_provider(store, &tariff, ask.provider_key.as_deref())?;
    let calendar = Calendar::Tariff(&tariff.tariff.zone);
    let request = BillRequest {
        period: Span { from: calendar.moment(&ask.from)?, until: calendar.moment(&ask.to)? },
        meter: ask.meter.as_deref().map(|text| bytes(text, "--meter")).transpose()?,
        allow_incomplete: ask.allow_incomplete,
        nonce: ask.nonce.as_deref().map(|text| bytes(text, "--nonce")).transpose()?,
        corrects: ask.corrects.as_deref().map(|text| bytes(text, "--corrects")).transpose()?,
        totals: ask.totals,
    };
    Ok(Order { tariff, message, wish: Wish { request, proof: ask.proof, restart: ask.restart } })
}

/// Keeps a bill that was asked for and writes it.
///
/// # Errors
/// When the store or the disk refuses; nothing is kept then.
pub fn deliver(store: &mut Store, ask: &BillAsk, order: &Order, bill: &Finished) -> Result<BillMade, Failure> {
    let Order { tariff, message, wish } = order;
    keep_bill(store, tariff, message, &wish.request.period, bill, |_| write_whole(&ask.out, &bill.package))?;
    tracing::info!(bytes = bill.package.len(), slots = bill.slots, "bill made");
    Ok(told(bill, tariff, &Calendar::Tariff(&tariff.tariff.zone), ask))
}

/// Keeps a bill with its tariff and its provider, and releases it as part of the same transaction.
///
/// # Errors
/// When the store or the release fails; nothing is kept then.
pub fn keep_bill(
    store: &mut Store,
    tariff: &SignedTariff,
    message: &[u8],
    period: &Span,
    bill: &Finished,
    release: impl FnOnce(&Store) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let kept = StoredBill {
        digest: bill.digest,
        tariff: tariff.hash,
        period: *period,
        fee_minor: bill.settlement.fee_minor,
        made_at: now(),
        package: bill.package.clone(),
    };
    store.transaction(|store| {
        store.pin_provider(&tariff.tariff.provider.key, &tariff.tariff.provider.name, now())?;
        store.keep_tariff(tariff, message)?;
        store.keep_bill(&kept)?;
        if let Some(state) = &bill.state {
            store.keep_state(state)?;
        }
        store.set_days(&days_of(&tariff.tariff.zone))?;
        store.book(&bill.proposal, &about(tariff, period, bill))?;
        release(store)
    })
}

/// A bill as the ledger names it.
fn about(tariff: &SignedTariff, period: &Span, bill: &Finished) -> ReleaseRow {
    ReleaseRow {
        at: now(),
        recipient: tariff.tariff.provider.key,
        name: tariff.tariff.provider.name.clone(),
        purpose: PURPOSE.into(),
        statement: bill.digest,
        period: *period,
        sentence: told::bill(tariff, period, bill.circuit.is_some()),
    }
}

/// The provider's key is pinned at its first tariff; later tariffs under the same name must carry a pinned key.
///
/// # Errors
/// When the tariff's key is not the one that is wanted or known.
pub fn trust_provider(store: &Store, tariff: &SignedTariff, wanted: Option<&str>) -> Result<(), Failure> {
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

fn told(bill: &Finished, tariff: &SignedTariff, calendar: &Calendar<'_>, ask: &BillAsk) -> BillMade {
    let currency = &tariff.tariff.currency;
    let lines = bill.settlement.lines.iter().enumerate().map(|(place, line)| {
        let (numerator, denominator) = line.amount.parts();
        let unit = unit(tariff, place);
        let bands = bill.bands.iter().filter(|b| b.line == place).flat_map(|b| &b.bands);
        LineInfo {
            line: line.name.clone(),
            nano: numerator.to_string(),
            nano_denominator: denominator.to_string(),
            shown: show::exact(line.amount, currency),
            at_home: bands
                .map(|(name, amount, money)| BandInfo {
                    band: name.clone(),
                    amount: *amount,
                    unit: unit.to_owned(),
                    nano: money.to_string(),
                })
                .collect(),
        }
    });
    BillMade {
        digest: hex::encode(bill.digest),
        fee_minor: bill.settlement.fee_minor,
        currency: currency.code.clone(),
        exponent: currency.exponent,
        slots: bill.slots,
        missing: bill.missing,
        complete: bill.missing == 0,
        period: PeriodText { from: calendar.show(bill.period.from), until: calendar.show(bill.period.until) },
        proof: if bill.circuit.is_some() { ProofKind::Private } else { ProofKind::Linear },
        circuit: bill.circuit.map(|circuit| circuit.name.to_owned()),
        demonstration: bill.demonstration,
        quantities: quantities(tariff, bill),
        bytes_left: bill.package.len(),
        out: ask.out.clone(),
        tariff: tariff.tariff.name.clone(),
        lines: lines.collect(),
        provider: ProviderInfo {
            name: tariff.tariff.provider.name.clone(),
            key: hex::encode(tariff.tariff.provider.key),
        },
    }
}

/// What the tariff measured, beside its energy lines.
fn quantities(tariff: &SignedTariff, bill: &Finished) -> Vec<QuantityInfo> {
    let quantities = tariff.tariff.quantities().iter().zip(&bill.quantities);
    quantities
        .map(|(quantity, amount)| QuantityInfo {
            name: quantity.name.clone(),
            amount: amount.to_string(),
            unit: quantity.unit.as_str().to_owned(),
        })
        .collect()
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

/// Bills that were made.
///
/// # Errors
/// When the store fails.
pub fn bills(store: &Store) -> Result<Bills, Failure> {
    let calendar = Calendar::named("UTC")?;
    let bills = store.bills()?.into_iter().map(|bill| BillInfo {
        digest: hex::encode(bill.digest),
        tariff: hex::encode(bill.tariff),
        fee_minor: bill.fee_minor,
        period: PeriodText { from: calendar.show(bill.period.from), until: calendar.show(bill.period.until) },
        made_at: bill.made_at,
    });
    Ok(Bills { bills: bills.collect() })
}

/// Writes a kept bill's file again.
///
/// # Errors
/// When there is no such bill or the disk refuses.
pub fn save_bill(store: &Store, wanted: &str, out: &Path) -> Result<BillSaved, Failure> {
    let digest = find_bill(store, wanted)?;
    let package = store.bill(&digest)?.ok_or(StoreError::Damaged("bill"))?.package;
    write_whole(out, &package)?;
    Ok(BillSaved { digest: hex::encode(digest), out: out.to_path_buf(), bytes: package.len() })
}

/// The one bill whose digest begins with these hexadecimal digits.
///
/// # Errors
/// When there is none, or several.
pub fn find_bill(store: &Store, wanted: &str) -> Result<Hash, Failure> {
    let wanted = wanted.to_ascii_lowercase();
    let mut found: Vec<Hash> =
        store.bills()?.into_iter().map(|bill| bill.digest).filter(|d| hex::encode(d).starts_with(&wanted)).collect();
    match (found.pop(), found.is_empty()) {
        (Some(digest), true) if wanted.len() >= 8 => Ok(digest),
        (Some(_), true) => Err(Failure::refused("short-digest", "give at least eight digits of the bill's digest")),
        (Some(_), false) => Err(Failure::refused("several-bills", "several bills begin with these digits; give more")),
        (None, _) => {
            Err(Failure::refused("no-bill", "there is no such bill; `wattseal bills` lists those that were made"))
        }
    }
}
