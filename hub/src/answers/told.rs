//! What somebody learns from an answer, in a sentence.

use protocol::show;
use protocol::tariff::SignedTariff;
use protocol::time::Span;

/// Of a bill, private or with exact sums.
pub(super) fn bill(tariff: &SignedTariff, period: &Span, private: bool) -> String {
    let zone = &tariff.tariff.zone;
    let (from, until) = (show::local(zone, period.from), show::local(zone, period.until));
    let what = if private {
        "the amount due, rounded, and no sum that it is made of".to_owned()
    } else {
        match tariff.tariff.energy_lines().count() {
            1 => "the exact sum of its one energy line".to_owned(),
            count => format!("the exact sum of each of its {count} energy lines"),
        }
    };
    format!("a bill under {} from {from} to {until}: {what}", tariff.tariff.name)
}
