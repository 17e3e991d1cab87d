//! Bills, as a person reads them.

use protocol::money::Currency;
use protocol::show;

use super::{BillMade, Bills, ProofKind};

pub(super) fn made(bill: &BillMade) -> String {
    let currency = Currency { code: bill.currency.clone(), exponent: bill.exponent };
    let missing = match bill.missing {
        0 => String::new(),
        missing => format!(". INCOMPLETE: {missing} of them were not measured"),
    };
    let mut text = format!(
        "This home owes {} under {} ({}).\n{} to {}, {} metering intervals{missing}\n",
        show::minor(bill.fee_minor, &currency),
        bill.tariff,
        bill.provider.name,
        bill.period.from,
        bill.period.until,
        bill.slots,
    );
    for line in &bill.lines {
        text.push_str(&format!("  {:<32} {:>20}\n", line.line, line.shown));
        for band in &line.at_home {
            text.push_str(&format!("    {:<30} {:>20}\n", band.band, show::energy(band.amount, &band.unit)));
        }
    }
    for quantity in &bill.quantities {
        text.push_str(&format!("    {:<30} {:>17} {}\n", quantity.name, quantity.amount, quantity.unit));
    }
    let holds = match (bill.proof, &bill.circuit) {
        (ProofKind::Private, Some(circuit)) => {
            format!("the file holds the amount due and no other number; proved in circuit {circuit}")
        }
        _ => "the file holds the sum of each energy line and the fee, no reading".to_owned(),
    };
    text.push_str(&format!(
        "Written to {}: {} with the proof. The lines above it stay here; {holds}.",
        bill.out.display(),
        show::bytes(bill.bytes_left)
    ));
    if bill.demonstration {
        text.push_str("\nDEMONSTRATION: whoever made this circuit's parameters could forge such bills.");
    }
    text
}

pub(super) fn bills(bills: &Bills) -> String {
    if bills.bills.is_empty() {
        return "No bill was made yet.".into();
    }
    let line = |bill: &super::BillInfo| {
        let digest = bill.digest.get(..16).unwrap_or(&bill.digest);
        format!("{digest}  {} to {}  {} minor units\n", bill.period.from, bill.period.until, bill.fee_minor)
    };
    bills.bills.iter().map(line).collect()
}
