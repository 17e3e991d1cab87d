//! Money, energy, times and names as people read them. One wording for every program.

use jiff::Timestamp;
use jiff::tz::Offset;
use metrology::certificate::SealClass;
use metrology::keys::hash;
use metrology::label::{Status, events};

use crate::money::{Amount, Currency, NANO};
use crate::time::Zone;

/// An amount in minor units, as "12.34 EUR".
#[must_use]
pub fn minor(amount: i64, currency: &Currency) -> String {
    let digits = usize::from(currency.exponent);
    let sign = if amount < 0 { "-" } else { "" };
    let text = format!("{:0width$}", amount.unsigned_abs(), width = digits + 1);
    let (whole, rest) = text.split_at(text.len() - digits);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{rest} {}", currency.code)
}

/// An exact amount with all its decimals when it is a whole number of 10⁻⁹ units, else as a fraction of them.
#[must_use]
pub fn exact(amount: Amount, currency: &Currency) -> String {
    let Some(nano) = amount.whole_nano() else {
        let (numerator, denominator) = amount.parts();
        return format!("{numerator}/{denominator} · 10⁻⁹ {}", currency.code);
    };
    let unit = u128::from(NANO.unsigned_abs());
    let sign = if nano < 0 { "-" } else { "" };
    let (whole, rest) = (nano.unsigned_abs() / unit, nano.unsigned_abs() % unit);
    let rest = format!("{rest:09}");
    let shown = rest.trim_end_matches('0');
    let keep = shown.len().max(usize::from(currency.exponent));
    let rest = rest.get(..keep).unwrap_or(&rest);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{rest} {}", currency.code)
}

/// An amount of a unit; watt-hours as kilowatt-hours.
#[must_use]
pub fn energy(amount: u64, unit: &str) -> String {
    if unit == "Wh" { format!("{}.{:03} kWh", amount / 1000, amount % 1000) } else { format!("{amount} {unit}") }
}

/// The fingerprint of a public key, to be compared by eye or over the telephone: 128 bits of a hash in eight groups.
#[must_use]
pub fn fingerprint(key: &[u8; 32]) -> String {
    grouped(&hash("wattseal/v1/fingerprint", &[key])[..16])
}

/// The start of a digest, enough to tell a few apart.
#[must_use]
pub fn short(digest: &[u8; 32]) -> String {
    grouped(&digest[..4])
}

fn grouped(bytes: &[u8]) -> String {
    let groups: Vec<String> = bytes.chunks(2).map(hex).collect();
    groups.join(" ")
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A Unix time in UTC, to the minute: 2026-03-01 23:00 UTC.
#[must_use]
pub fn utc(time: u64) -> String {
    let zone = Zone { name: "UTC".into(), offset: 0, changes: Vec::new() };
    let (date, second) = zone.local(time);
    format!("{date} {:02}:{:02} UTC", second / 3600, second % 3600 / 60)
}

/// A Unix time as RFC 3339 with the zone's offset.
#[must_use]
pub fn local(zone: &Zone, time: u64) -> String {
    let moment = i64::try_from(time).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let offset = Offset::from_seconds(zone.offset_at(time)).unwrap_or(Offset::UTC);
    moment.map_or_else(|| time.to_string(), |m| m.display_with_offset(offset).to_string())
}

/// Names of the events in a header's bits.
#[must_use]
pub fn event_names(bits: u16) -> Vec<&'static str> {
    [
        (events::COVER_OPENED, "cover opened"),
        (events::MAGNETIC_FIELD, "magnetic field"),
        (events::OUTAGE, "supply interrupted"),
        (events::CLOCK_SET, "clock set"),
    ]
    .into_iter()
    .filter(|(bit, _)| bits & bit != 0)
    .map(|(_, name)| name)
    .collect()
}

/// The name of a slot's status.
#[must_use]
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Measured => "measured",
        Status::Missing => "missing",
        Status::Estimated => "estimated",
        Status::Tamper => "tamper",
    }
}

/// Where a seal was made, in words.
#[must_use]
pub fn seal(class: SealClass) -> &'static str {
    match class {
        SealClass::Certified => "sealed by the meter",
        SealClass::BesideMeter => "sealed beside the meter, not certified",
        SealClass::SelfSealed => "sealed by the household itself, not certified",
    }
}

/// A number of bytes.
#[must_use]
pub fn bytes(count: usize) -> String {
    if count < 10_000 { format!("{count} bytes") } else { format!("{} kB", (count + 500) / 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str, exponent: u8) -> Currency {
        Currency { code: code.into(), exponent }
    }

    #[test]
    fn amounts() {
        let euro = currency("EUR", 2);
        assert_eq!(minor(1234, &euro), "12.34 EUR");
        assert_eq!(minor(-5, &euro), "-0.05 EUR");
        assert_eq!(minor(1234, &currency("JPY", 0)), "1234 JPY");
        assert_eq!(exact(Amount::from_nano(1_234_500_000), &euro), "1.2345 EUR");
        assert_eq!(exact(Amount::from_nano(-2_000_000_000), &euro), "-2.00 EUR");
        assert_eq!(exact(Amount::from_nano(3_000_000_000), &currency("JPY", 0)), "3 JPY");
        assert_eq!(exact(Amount::fraction(1, 3).unwrap(), &euro), "1/3 · 10⁻⁹ EUR");
        assert_eq!(energy(12_345, "Wh"), "12.345 kWh");
        assert_eq!(energy(7, "km"), "7 km");
        assert_eq!(short(&[0xab; 32]), "abab abab");
        assert_eq!(fingerprint(&[0xab; 32]).len(), 39);
    }
}
