//! A provider with a tariff for Amsterdam in 2025: day and night, feeding in, standing charge, VAT.

use ed25519_dalek::SigningKey;
use metrology::label::{RegisterCode, Text};
use protocol::money::{Currency, Mode, Rounding};
use protocol::tariff::{
    Band, Charge, Line, Per, Prices, Provider, Run, Schedule, SignedTariff, Tariff, TariffRegister,
};
use protocol::time::{Change, Span, Zone};

/// The year in local time.
pub const YEAR: Span = Span { from: 1_735_686_000, until: 1_767_222_000 };

pub fn provider() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

pub fn provider_key() -> [u8; 32] {
    provider().verifying_key().to_bytes()
}

pub fn zone() -> Zone {
    let changes = vec![Change { at: 1_743_296_400, offset: 7200 }, Change { at: 1_761_440_400, offset: 3600 }];
    Zone { name: "Europe/Amsterdam".into(), offset: 3600, changes }
}

/// A span of local days.
pub fn days(from: &str, until: &str) -> Span {
    let start = |text: &str| zone().start_of(text.parse().unwrap()).unwrap();
    Span { from: start(from), until: start(until) }
}

/// The first of the registers is billed by day and night, the others are fed in.
pub fn tariff(codes: &[&str]) -> Tariff {
    let (first, count) = (YEAR.from / 1800, (YEAR.seconds() / 1800) as u32);
    let mut runs: Vec<Run> = Vec::new();
    for slot in first..first + u64::from(count) {
        let (_, seconds) = zone().local(slot * 1800);
        let band = u8::from(!(7 * 3600..23 * 3600).contains(&seconds));
        match runs.last_mut() {
            Some(run) if run.band == band => run.units += 1,
            _ => runs.push(Run { units: 1, band }),
        }
    }
    let bands = [("day", 312_500), ("night", 187_300)].map(|(name, price)| Band { name: name.into(), price }).to_vec();
    let schedule = |prices| Schedule { base: 1800, first, prices };
    let cent = Rounding { step: 10_000_000, mode: Mode::HalfEven };
    let line = |name: String, charge| Line { name, rounding: Some(cent), charge, rule: None };
    let day_and_night = schedule(Prices::Bands { bands, runs });
    let mut lines =
        vec![line("Energy".into(), Charge::Energy { register: 0, schedule: day_and_night, fallback: 401_000 })];
    for (place, code) in (1u8..).zip(&codes[1..]) {
        let flat = schedule(Prices::Series(vec![-65_000; count as usize]));
        lines.push(line(
            format!("Fed in {code}"),
            Charge::Energy { register: place, schedule: flat, fallback: -60_000 },
        ));
    }
    let standing = lines.len() as u8;
    lines.push(line("Standing charge".into(), Charge::Standing { amount: 452_500_000, per: Per::Day }));
    lines.push(line("VAT".into(), Charge::Tax { numerator: 21, denominator: 100, base: vec![0, standing] }));
    Tariff {
        version: protocol::tariff::VERSION,
        id: "simple-2025".into(),
        name: "Simple 2025".into(),
        provider: Provider { name: "Polder Energie".into(), key: provider_key() },
        currency: Currency { code: "EUR".into(), exponent: 2 },
        valid: YEAR,
        zone: zone(),
        registers: codes
            .iter()
            .map(|code| TariffRegister {
                code: RegisterCode::new(code).unwrap(),
                unit: Text::new("Wh").unwrap(),
                rounding: None,
            })
            .collect(),
        lines,
        algebra: None,
        total: Rounding { step: 10_000_000, mode: Mode::HalfAway },
    }
}

pub fn signed(tariff: &Tariff) -> SignedTariff {
    SignedTariff::read(&tariff.sign(&provider()).unwrap()).unwrap()
}
