//! An honest world to attack: one meter with two registers and a change of epoch within March 2026, a household that
//! holds everything a cheating household would hold (readings, seeds, openings), a provider and its tariff.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use metrology::certificate::SealClass;
use metrology::keys::{AgreementKey, DaySeed, Hash, PairingCode, RegisterKey};
use metrology::label::{Coverage, Interval, Register, RegisterCode, RegisterKind, Status, Text};
use metrology::seal::{ChainState, Epoch, Journal, Sample, SealedBlock, Sealer};
use protocol::block::{BlockFile, DayHeader};
use protocol::certificate::{EpochCertificate, VerifiedCertificate};
use protocol::money::{Currency, Mode, Rounding};
use protocol::pairing::Pairing;
use protocol::tariff::{
    Band, Charge, Line, Per, Prices, Provider, Run, Schedule, SignedTariff, Tariff, TariffRegister,
};
use protocol::time::{Change, Span, Zone};
use protocol::wire;

/// 26 February 2026, the first sealed day.
pub const FIRST_DAY: u32 = 20_510;
/// Days sealed.
pub const DAYS: u32 = 38;
/// Day of the change of epoch, at noon: 16 March.
const ROTATION_DAY: u32 = 20_528;
/// March 2026 in Amsterdam, with its clock change on the 29th.
pub const MARCH: Span = Span { from: 1_772_319_600, until: 1_774_994_400 };

/// An epoch certificate with the keys behind it.
#[derive(Clone)]
pub struct Entry {
    pub certificate: EpochCertificate,
    pub identity: SigningKey,
    pub signing: SigningKey,
}

impl Entry {
    pub fn message(&self) -> Vec<u8> {
        wire::sign(&self.identity, metrology::cose::purpose::CERTIFICATE, &wire::encode(&self.certificate))
    }

    pub fn verified(&self) -> VerifiedCertificate {
        VerifiedCertificate::read(&self.message()).expect("a fresh certificate reads")
    }

    pub fn hash(&self) -> Hash {
        metrology::certificate::certificate_hash(&wire::encode(&self.certificate))
    }
}

/// A sealed block with its secrets.
#[derive(Clone)]
pub struct Sealed {
    pub header: DayHeader,
    pub signature: [u8; 64],
    pub readings: Vec<u16>,
    pub residual: u32,
    pub seed: DaySeed,
    pub list: Vec<[u8; 64]>,
    /// As the meter sent it.
    pub file: Vec<u8>,
}

/// Everything.
pub struct World {
    pub entries: Vec<Entry>,
    /// Blocks of the import and of the export register.
    pub chains: [Vec<Sealed>; 2],
    pub pairing: Pairing,
    pub provider: SigningKey,
    pub tariff: Tariff,
}

pub fn code(text: &str) -> RegisterCode {
    Text::new(text).expect("a register code")
}

pub fn registers() -> [Register; 2] {
    ["1-0:1.8.0", "1-0:2.8.0"].map(|name| Register {
        code: code(name),
        unit: Text::new("Wh").expect("a unit"),
        kind: RegisterKind::Cumulative,
        interval: Interval::HALF,
    })
}

/// A journal that forgets: the world is built once.
pub struct Forgetful;

impl Journal for Forgetful {
    type Error = ();

    fn store(&mut self, _: &RegisterCode, _: &ChainState, _: &SealedBlock) -> Result<(), ()> {
        Ok(())
    }
}

/// The reading of a slot: some shape, never constant.
pub fn load(register: usize, slot: u64) -> u16 {
    let hour = slot % 48 / 2;
    let noise = (slot.wrapping_mul(2_654_435_761) >> 7) % 97;
    let value = match register {
        0 => 120 + noise + if (17..22).contains(&hour) { 400 } else { 0 },
        _ => {
            if (9..16).contains(&hour) {
                200 + 3 * noise
            } else {
                0
            }
        }
    };
    u16::try_from(value).expect("small")
}

/// Days that a second meter of the same household can be built over.
pub fn meter(seed: u8, first_day: u32, days: u32, rotate_on: Option<u32>) -> (Vec<Entry>, [Vec<Sealed>; 2], Pairing) {
    let identity = SigningKey::from_bytes(&[seed; 32]);
    let agreement = AgreementKey::from_bytes([seed ^ 0x55; 32]);
    let household = AgreementKey::from_bytes([seed ^ 0xaa; 32]);
    let mut entries: Vec<Entry> = Vec::new();
    let mut pairing = Pairing {
        counter: 1,
        household_key: household,
        code: PairingCode::from_bytes([seed; 16]),
        certificates: Vec::new(),
    };
    let mut chains: [Vec<Sealed>; 2] = [Vec::new(), Vec::new()];
    let mut spans = vec![(u64::from(first_day) * 48, u64::from(first_day + days) * 48)];
    if let Some(day) = rotate_on {
        let noon = u64::from(day) * 48 + 24;
        spans = vec![(spans[0].0, noon), (noon, spans[0].1)];
    }
    for (number, (from, until)) in (0u32..).zip(spans) {
        let signing = SigningKey::from_bytes(&[seed.wrapping_add(100 + number as u8); 32]);
        let heads: BTreeMap<_, _> = registers()
            .iter()
            .zip(&chains)
            .filter_map(|(register, chain)| chain.last().map(|b| (register.code, hash_of(&b.header))))
            .collect();
        let certificate = EpochCertificate {
            meter: Text::new("TEST-METER").expect("a name"),
            class: SealClass::Certified,
            identity_key: identity.verifying_key().to_bytes(),
            epoch: number,
            signing_key: signing.verifying_key().to_bytes(),
            agreement_key: agreement.public(),
            first: from * 1800,
            previous: entries.last().map(Entry::hash),
            heads,
        };
        entries.push(Entry { certificate, identity: identity.clone(), signing });
        let entry = entries.last().expect("just pushed");
        pairing.certificates.push(entry.verified());
        for (place, register) in registers().into_iter().enumerate() {
            let chain = seal(entry, &pairing, register, place, chains[place].last(), from, until);
            chains[place].extend(chain);
        }
    }
    (entries, chains, pairing)
}

pub fn hash_of(header: &DayHeader) -> Hash {
    metrology::header::header_hash(&wire::encode(header))
}

/// Seals slots of a register under one epoch, closing each UTC day. Every seventh day has a missing slot whose energy
/// lands in the residual.
fn seal(
    entry: &Entry,
    pairing: &Pairing,
    register: Register,
    place: usize,
    last: Option<&Sealed>,
    from: u64,
    until: u64,
) -> Vec<Sealed> {
    let epoch = Epoch {
        certificate: entry.hash(),
        number: entry.certificate.epoch,
        first: entry.certificate.first,
        signing: entry.signing.clone(),
    };
    let (day, key): (u32, RegisterKey) = pairing.register_key(&entry.verified(), &register.code).expect("usable keys");
    let mut total = 1_000_000_000u64;
    if let Some(last) = last {
        total = last_total(last);
    }
    let state = ChainState {
        coverage: Coverage::default(),
        next: None,
        block: last.map_or(0, |b| b.header.block + 1),
        previous: last.map_or(epoch.certificate, |b| hash_of(&b.header)),
        total,
        day,
        key,
    };
    let public = metrology::seal::Pairing { counter: pairing.counter, household: pairing.household() };
    let mut sealer = Sealer::resume(register, &epoch, public, state);
    let mut blocks = Vec::new();
    for slot in from..until {
        let missing = slot % (7 * 48) == 30 && place == 0;
        let status = if missing { Status::Missing } else { Status::Measured };
        let sample = Sample { advance: u32::from(load(place, slot)) * 10_000, status };
        let full = sealer.record::<()>(slot, sample).expect("an honest slot");
        if full || slot + 1 == until {
            let key = sealer.state().key.clone();
            let (mut at, mut key) = (sealer.state().day, key);
            let block = sealer.close(&epoch, &mut Forgetful).expect("an honest block");
            let file = BlockFile::new(block.message.as_slice(), block.commitments(), block.ciphertext());
            let verified = file.verify(&entry.certificate.signing_key).expect("an honest block verifies");
            while at < verified.header.day {
                key = key.next();
                at += 1;
            }
            let seed = key.day_seed();
            let opened =
                gateway_core::unseal::unseal(&verified, block.ciphertext(), &seed).expect("an honest block opens");
            blocks.push(Sealed {
                header: verified.header,
                signature: verified.signature,
                readings: opened.readings.to_vec(),
                residual: opened.residual,
                seed,
                list: block.commitments().to_vec(),
                file: wire::encode(&file),
            });
        }
    }
    blocks
}

/// The register total after a block: what was sealed so far, from the same start.
fn last_total(block: &Sealed) -> u64 {
    let register = registers().iter().position(|r| r.code == block.header.register.code).expect("known");
    let until = block.header.span().until / 1800;
    let first = u64::from(FIRST_DAY) * 48;
    1_000_000_000 + (first..until).map(|slot| u64::from(load(register, slot)) * 10_000).sum::<u64>()
}

/// Import in two bands by local clock, export credited, standing charge, tax on all but the credit.
pub fn tariff(provider: &SigningKey) -> Tariff {
    // Night 23–07 local: UTC 22–06 in winter, 21–05 in summer; written as runs of half-hours from 25 February.
    let start = (u64::from(FIRST_DAY) - 1) * 48;
    let change = 1_774_746_000 / 1800;
    let mut runs: Vec<Run> = Vec::new();
    for slot in start..start + 45 * 48 {
        let offset = if slot < change { 2 } else { 4 };
        let local = (slot + offset) % 48;
        let band = u8::from(!(14..46).contains(&local));
        match runs.last_mut() {
            Some(run) if run.band == band => run.units += 1,
            _ => runs.push(Run { units: 1, band }),
        }
    }
    let bands = [("day", 312_500), ("night", 187_300)].map(|(name, price)| Band { name: name.into(), price }).to_vec();
    let flat = |price| Prices::Bands {
        bands: vec![Band { name: "all".into(), price }],
        runs: vec![Run { units: 45 * 48, band: 0 }],
    };
    let schedule = |prices| Schedule { base: 1800, first: start, prices };
    let cent = Some(Rounding { step: 10_000_000, mode: Mode::HalfEven });
    let line = |name: &str, charge, rounding| Line { name: name.into(), charge, rounding, rule: None };
    Tariff {
        version: 1,
        id: "spring-2026".into(),
        name: "Spring 2026".into(),
        provider: Provider { name: "Polder Energie".into(), key: provider.verifying_key().to_bytes() },
        currency: Currency { code: "EUR".into(), exponent: 2 },
        valid: Span { from: start * 1800, until: (start + 45 * 48) * 1800 },
        zone: Zone {
            name: "Europe/Amsterdam".into(),
            offset: 3600,
            changes: vec![Change { at: 1_774_746_000, offset: 7200 }],
        },
        registers: registers().iter().map(|r| TariffRegister { code: r.code, unit: r.unit, rounding: None }).collect(),
        lines: vec![
            line(
                "Energy",
                Charge::Energy { register: 0, schedule: schedule(Prices::Bands { bands, runs }), fallback: 312_500 },
                cent,
            ),
            line("Export", Charge::Energy { register: 1, schedule: schedule(flat(-65_000)), fallback: -65_000 }, cent),
            line("Standing charge", Charge::Standing { amount: 452_500_000, per: Per::Day }, cent),
            line("VAT", Charge::Tax { numerator: 21, denominator: 100, base: vec![0, 2] }, cent),
        ],
        algebra: None,
        total: Rounding { step: 10_000_000, mode: Mode::HalfAway },
    }
}

impl World {
    pub fn new() -> Self {
        let (entries, chains, pairing) = meter(7, FIRST_DAY, DAYS, Some(ROTATION_DAY));
        let provider = SigningKey::from_bytes(&[42; 32]);
        let tariff = tariff(&provider);
        Self { entries, chains, pairing, provider, tariff }
    }

    pub fn signed_tariff(&self) -> SignedTariff {
        SignedTariff::read(&self.tariff_message()).expect("an honest tariff reads")
    }

    pub fn tariff_message(&self) -> Vec<u8> {
        self.tariff.sign(&self.provider).expect("an honest tariff signs")
    }
}
