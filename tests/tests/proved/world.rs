//! Two homes over spring 2026 in Amsterdam, a provider, and tariffs.

use ed25519_dalek::SigningKey;
use protocol::tariff::{Provider, SignedTariff};
use protocol::time::Span;
use provider::desk;

use crate::home::{Home, load};

/// March 2026, with its day of 23 hours.
pub const MARCH: Span = Span { from: 1_772_319_600, until: 1_774_994_400 };
/// April 2026.
pub const APRIL: Span = Span { from: MARCH.until, until: 1_777_586_400 };
const HOUR: u64 = 3600;
/// 26 February 2026 in UTC: the first sealed day.
const FIRST: u64 = 20_510 * 24 * HOUR;
const DAYS: u64 = 68;

/// Bands by local clock, a tax, and a dearer tier on what the year took so far.
pub const SOURCE: &str = r#"
format = 2
id = "spring"
name = "Spring"
currency = "EUR"
zone = "Europe/Amsterdam"
valid = { from = 2026-01-01, to = 2027-01-01 }

[registers.import]
code = "1-0:1.8.0"
unit = "Wh"

[[quantity]]
name = "Taken"
kind = "sum"

[[cell]]
name = "Before"
next = "So far"

[[line]]
name = "Energy"
kind = "energy"
fallback = "0.30 EUR/kWh"
rounding = { to = "0.01" }

[[line.band]]
name = "night"
price = "0.19 EUR/kWh"
when = [{ from = "23:00", to = "07:00" }]

[[line.band]]
name = "day"
price = "0.31 EUR/kWh"

[[line]]
name = "So far"
kind = "form"
aside = true
rounding = { to = "1 Wh" }
of = { sum = [{ of = "Before" }, { of = "Taken" }] }

[[line]]
name = "Beyond 400 kWh"
kind = "excess"
aside = true
of = { sum = [{ of = "So far" }], add = "-400 kWh" }

[[line]]
name = "Dearer"
kind = "form"
of = { sum = [{ of = "Beyond 400 kWh", times = "0.07 EUR/kWh" }] }

[[line]]
name = "VAT"
kind = "tax"
rate = "21 %"
on = ["Energy", "Dearer"]
"#;

/// Everything.
pub struct World {
    pub one: Home,
    pub other: Home,
    pub tariff: SignedTariff,
    /// The same but for one price.
    pub cheaper: SignedTariff,
    /// Without a memory.
    pub flat: SignedTariff,
}

/// Compiles and signs a source.
pub fn signed(source: &str) -> SignedTariff {
    let key = SigningKey::from_bytes(&[42; 32]);
    let provider = Provider { name: "Polder Energie".into(), key: key.verifying_key().to_bytes() };
    let tariff = desk::compile(source, &mut |_| Err(std::io::ErrorKind::NotFound.into()), &provider).unwrap();
    SignedTariff::read(&tariff.sign(&key).unwrap()).unwrap()
}

/// A flat price for a register over 2026, in Amsterdam.
pub fn flat(price: &str) -> String {
    format!(
        "format = 2\nid = \"flat\"\nname = \"Flat\"\ncurrency = \"EUR\"\nzone = \"Europe/Amsterdam\"\n\
         valid = {{ from = 2026-01-01, to = 2027-01-01 }}\n[registers.import]\ncode = \"1-0:1.8.0\"\nunit = \"Wh\"\n\
         [[line]]\nname = \"Energy\"\nkind = \"energy\"\nprice = \"{price}\"\n"
    )
}

/// Hours with no pattern of their own.
pub fn hours(seed: u64, count: u64) -> Vec<Option<u16>> {
    let reading = |slot: u64| ((slot + 977 * seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44) % 1201;
    (0..count).map(|slot| u16::try_from(reading(slot)).ok()).collect()
}

impl World {
    pub fn new() -> Self {
        let tariff = signed(SOURCE);
        let home = |seed| Home::new(load(HOUR, FIRST, vec![hours(seed, DAYS * 24)]), &tariff.tariff.registers);
        Self {
            one: home(1),
            other: home(2),
            cheaper: signed(&SOURCE.replace("0.19 EUR", "0.18 EUR")),
            flat: signed(&flat("0.25 EUR/kWh")),
            tariff,
        }
    }
}
