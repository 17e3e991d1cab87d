//! Frozen vectors: the exact bytes of every message of format version 1, made from fixed keys and readings. They are the
//! project's own; `WATTSEAL_WRITE_VECTORS=1 cargo test -p tests --test vectors` writes them, which is right only for a
//! message that is new or whose version number changed. Round trips and refusals of damage stand beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation, missing_docs)]

#[path = "../tampering/world.rs"]
#[allow(dead_code, unused_imports)]
mod world;

use std::path::PathBuf;

use metrology::keys::{AgreementKey, PairingCode, RegisterKey};
use metrology::label::{Interval, Register, RegisterKind, Text};
use proptest::prelude::*;
use protocol::bill::{Metered, Segment, Statement};
use protocol::block::{BlockFile, DayHeader};
use protocol::certificate::{VerifiedCertificate, read_file, write_file};
use protocol::linear::{LineClaim, LinearProof, combined_opening, prove};
use protocol::meter_bill::{MeterBill, MeterRegister};
use protocol::pairing::Pairing;
use protocol::tariff::SignedTariff;
use protocol::wire;
use rand_core::{CryptoRng, RngCore};
use world::{World, meter};

fn path(name: &str) -> PathBuf {
    tests::root().join("tests/vectors").join(name)
}

/// Compares with the frozen file, or writes it when asked to.
fn frozen(name: &str, bytes: &[u8]) {
    let hex = hex::encode(bytes);
    let lines: Vec<&str> = hex.as_bytes().chunks(120).map(|c| std::str::from_utf8(c).unwrap()).collect();
    let text = lines.join("\n") + "\n";
    if std::env::var_os("WATTSEAL_WRITE_VECTORS").is_some() {
        std::fs::write(path(name), &text).unwrap();
    }
    let known = std::fs::read_to_string(path(name)).unwrap_or_default();
    assert!(
        known == text,
        "{name} differs from its frozen form: the format changed, or its version number should have"
    );
}

/// Bytes that count up: a generator for vectors, never for use.
struct Counting(u8);

impl RngCore for Counting {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        out.fill_with(|| {
            self.0 = self.0.wrapping_add(1);
            self.0
        });
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Counting {}

#[test]
fn keys() {
    let register = Register {
        code: Text::new("1-0:1.8.0").unwrap(),
        unit: Text::new("Wh").unwrap(),
        kind: RegisterKind::Cumulative,
        interval: Interval::HALF,
    };
    let (own, other) = (AgreementKey::from_bytes([1; 32]), AgreementKey::from_bytes([2; 32]));
    let household = metrology::keys::household_fingerprint(&other.public());
    let context = metrology::keys::PairingContext { certificate: &[3; 32], counter: 1, household: &household };
    let key = metrology::keys::register_key(
        &own,
        &other.public(),
        &PairingCode::from_bytes([4; 16]),
        &context,
        &register.code,
        20_510,
    )
    .unwrap();
    let seed = key.next().day_seed();
    let mut bytes = Vec::new();
    bytes.extend(household);
    bytes.extend(key.expose());
    bytes.extend(seed.expose());
    bytes.extend(seed.encryption_key());
    bytes.extend(seed.slot_opening(&register, 984_529, 7).expose().to_bytes());
    bytes.extend(seed.residual_opening(&register, 7).expose().to_bytes());
    bytes.extend(seed.day_blinding(&register, 7).expose().to_bytes());
    bytes.extend(metrology::seal::nonce(&register.code, 7));
    bytes.extend(metrology::pedersen::commit_reading(1234, seed.slot_opening(&register, 984_529, 7).expose()));
    bytes.extend(metrology::pedersen::commit_residual(70_000, seed.residual_opening(&register, 7).expose()));
    let mut readings = [0; 96];
    readings[..48].copy_from_slice(&std::array::from_fn::<u16, 48, _>(|i| i as u16 * 100));
    bytes.extend(
        metrology::poseidon::day_commitment(&readings, 48, 70_000, seed.day_blinding(&register, 7).expose()).to_bytes(),
    );
    frozen("keys.hex", &bytes);
    assert_eq!(RegisterKey::from_bytes(*key.expose()).next().day_seed().expose(), seed.expose());
}

#[test]
fn messages() {
    let (entries, chains, pairing) = meter(7, 20_510, 2, Some(20_511));
    frozen("certificate.hex", &entries[1].message());
    frozen("certificate-file.hex", &write_file(&[entries[0].message(), entries[1].message()]));
    frozen("block.hex", &chains[0][0].file);
    frozen("pairing.hex", &pairing.write());
    let provider = ed25519_dalek::SigningKey::from_bytes(&[42; 32]);
    frozen("tariff.hex", &world::tariff(&provider).sign(&provider).unwrap());
    let bill = MeterBill {
        version: 1,
        certificate: entries[0].hash(),
        recipient: [5; 32],
        tariff: [6; 32],
        period: world::MARCH,
        registers: vec![MeterRegister {
            code: world::code("1-0:1.8.0"),
            slots: 1486,
            missing: 1,
            estimated: 2,
            tamper: 3,
            events: 5,
        }],
        fee_minor: 12_345,
    };
    frozen("meter-bill.hex", &bill.sign(&entries[0].message(), &entries[0].signing));
}

#[test]
fn statement() {
    let segment = Segment { certificate: [1; 32], first_block: 3, blocks: 32, head: [2; 32] };
    let metered = Metered {
        code: world::code("1-0:1.8.0"),
        interval: 1800,
        segments: vec![segment],
        missing: 1,
        estimated: 2,
        tamper: 3,
        events: 5,
    };
    let statement = Statement {
        kind: "linear-bill".into(),
        version: 1,
        suite: 1,
        recipient: [3; 32],
        purpose: "billing".into(),
        nonce: [4; 16],
        tariff: [5; 32],
        period: world::MARCH,
        metered: vec![metered],
        amounts: vec![64_123_456_700, -2_345],
        corrects: Some([6; 32].into()),
        fee_minor: 7_891,
        totals: None,
    };
    let bytes = statement.encode();
    frozen("statement.hex", &[&bytes[..], &Statement::digest(&bytes)].concat());
    assert_eq!(wire::decode::<Statement>(&bytes, "statement"), Ok(statement));
}

#[test]
fn proof() {
    let (_, chains, _) = meter(7, 20_510, 1, None);
    let block = &chains[0][0];
    let weights = protocol::bill::Weights {
        register: 0,
        prices: (0..48).map(|i| 1000 * (i % 5) - 2000).collect(),
        fallback: 3000,
    };
    let amount = i64::try_from(protocol::bill::energy(&weights, &block.readings, &[block.residual])).unwrap();
    let points: Vec<_> = block.list.iter().map(|p| metrology::curve::read_point(p).unwrap()).collect();
    let residual = [metrology::curve::read_point(&block.header.residual).unwrap()];
    let claim = LineClaim { weights: &weights, amount, commitments: &points, residuals: &residual };
    let openings: Vec<_> = (0..48)
        .map(|i| block.seed.slot_opening(&block.header.register, block.header.first_slot() + i, block.header.block))
        .collect();
    let secret = combined_opening(
        &weights,
        &openings,
        &[block.seed.residual_opening(&block.header.register, block.header.block)],
    );
    let proof = prove(&[8; 32], &[claim], &[secret], &mut Counting(0)).unwrap();
    protocol::linear::verify(&[8; 32], &[claim], &proof).unwrap();
    frozen("linear-proof.hex", &wire::encode(&proof));
}

/// Reads what the name says, whatever it is.
fn read(name: &str, bytes: &[u8]) -> bool {
    match name {
        "certificate.hex" => VerifiedCertificate::read(bytes).is_ok(),
        "certificate-file.hex" => read_file(bytes).is_ok(),
        "block.hex" => BlockFile::read(bytes).is_ok_and(|file| {
            let key = meter_key();
            file.verify(&key).is_ok_and(|block| wire::encode(&block.header) == block.payload)
        }),
        "pairing.hex" => Pairing::read(bytes).is_ok_and(|pairing| *pairing.write() == bytes),
        "tariff.hex" => SignedTariff::read(bytes).is_ok(),
        "linear-proof.hex" => wire::decode::<LinearProof>(bytes, "proof").is_ok(),
        _ => unreachable!(),
    }
}

fn meter_key() -> [u8; 32] {
    ed25519_dalek::SigningKey::from_bytes(&[107; 32]).verifying_key().to_bytes()
}

fn known(name: &str) -> Vec<u8> {
    hex::decode(std::fs::read_to_string(path(name)).unwrap().replace('\n', "")).unwrap()
}

const SIGNED: [&str; 5] = ["certificate.hex", "certificate-file.hex", "block.hex", "pairing.hex", "tariff.hex"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_messages_are_refused(which in 0usize..5, at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let name = SIGNED[which];
        let mut bytes = known(name);
        prop_assert!(read(name, &bytes));
        // The encrypted readings of a block are checked when it is opened, by their own tag.
        let end = if name == "block.hex" { bytes.len() - 140 } else { bytes.len() };
        bytes[at.index(end)] ^= 1 << bit;
        prop_assert!(!read(name, &bytes), "{name} was read although a bit changed");
    }

    #[test]
    fn shortened_and_lengthened_messages_are_refused(which in 0usize..5, cut in 1usize..200) {
        let name = SIGNED[which];
        let bytes = known(name);
        let shorter = bytes.len().saturating_sub(cut);
        prop_assert!(!read(name, &bytes[..shorter]));
        prop_assert!(!read(name, &[&bytes[..], &vec![0; cut]].concat()));
    }

    #[test]
    fn noise_is_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for name in SIGNED.iter().chain(&["linear-proof.hex"]) {
            prop_assert!(!read(name, &bytes) || *name == "linear-proof.hex" && bytes.len() < 4);
        }
        let _ = DayHeader::read(&bytes);
        let _ = protocol::bill::Package::read(&bytes);
        let _ = wire::decode::<Statement>(&bytes, "statement");
    }
}

#[test]
fn the_world_of_the_tampering_table_is_honest() {
    let world = World::new();
    assert_eq!(world.chains[0].len(), world.chains[1].len());
}
