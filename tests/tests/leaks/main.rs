//! Nothing but the statement leaves. A bill is taken apart field by field against an allow-list and searched for
//! secrets; planted readings and openings must be found, or these tests fail. The programs run with all logging on over
//! a household with telling numbers, and none of their output may show them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation, missing_docs)]

#[path = "../common/bill.rs"]
mod bill;
mod inspect;
mod programs;
#[path = "../common/shape.rs"]
mod shape;

use std::path::Path;

use gateway_core::Store;
use gateway_core::custody::{Kek, Keys, SlotKind};
use inspect::{Secrets, leaks};
use metrology::keys::Hash;
use minicbor::Encoder;
use minicbor::bytes::ByteVec;
use minicbor::data::Type;
use programs::House;
use protocol::bill::{Package, Statement};
use protocol::linear::LinearProof;
use protocol::time::Span;
use protocol::wire;

/// A bill and what must not be in it.
struct Case {
    package: Vec<u8>,
    secrets: Secrets,
}

impl Case {
    /// March 2026 of a household made for this test, through the real programs.
    fn new() -> Self {
        let house = House::new();
        let bill = house.bill("2026-03-01", "2026-04-01");
        Self {
            package: std::fs::read(&bill).unwrap(),
            secrets: secrets(&house.home, &house.directory.path().join("meter/pairing.key")),
        }
    }
}

/// Everything secret in a home, read with the home's own key.
pub fn secrets(home: &Path, pairing: &Path) -> Secrets {
    let text = std::fs::read_to_string(home.join("hub.credential")).unwrap();
    let mut credential: Hash = [0; 32];
    hex::decode_to_slice(text.trim(), &mut credential).unwrap();
    let slots = Keys::read(&std::fs::read(home.join("keys.cbor")).unwrap()).unwrap();
    let key = slots.open(SlotKind::Credential, &Kek::from_bytes(credential)).unwrap();
    let store = Store::open(&home.join("store.db"), &key).unwrap();
    let pairing = protocol::pairing::Pairing::read(&std::fs::read(pairing).unwrap()).unwrap();
    let mut secrets = Secrets { readings: Vec::new(), keys: vec![key.expose().to_vec(), credential.to_vec()] };
    secrets.keys.push(pairing.household_key.expose().to_vec());
    secrets.keys.push(pairing.code.expose().to_vec());
    for register in store.registers().unwrap() {
        for block in store.blocks(register.id, &Span { from: 0, until: 1 << 40 }).unwrap() {
            secrets.keys.push(block.seed.expose().to_vec());
            secrets.keys.push(block.seed.encryption_key().to_vec());
            for place in 0..u64::from(block.header.count) {
                let opening = block.seed.slot_opening(
                    &block.header.register,
                    block.header.first_slot() + place,
                    block.header.block,
                );
                secrets.keys.push(opening.expose().to_bytes().to_vec());
            }
            secrets.keys.push(
                block.seed.residual_opening(&block.header.register, block.header.block).expose().to_bytes().to_vec(),
            );
            secrets.readings.push(block.readings.to_vec());
        }
    }
    secrets
}

#[test]
fn a_bill_holds_what_the_list_allows_and_no_secret() {
    let case = Case::new();
    assert_eq!(leaks(&case.package, &case.secrets), Vec::<String>::new());
    assert!(
        case.secrets.readings.len() > 30 && case.secrets.keys.len() > 1500,
        "the search has something to search for"
    );
    planted(&case);
}

/// Every planted secret must be found.
fn planted(case: &Case) {
    let package = || Package::read(&case.package).unwrap();
    let statement = || wire::decode::<Statement>(&package().statement, "statement").unwrap();
    let with_statement = |statement: Vec<u8>| {
        let mut package = package();
        package.statement = statement.into();
        package.write()
    };
    let day = case.secrets.readings.iter().find(|day| day.iter().filter(|x| **x > 0).count() > 40).unwrap();
    let opening = case.secrets.keys[11].clone();
    assert_eq!(opening.len(), 32);
    let eight: Vec<u8> = day[10..18].iter().flat_map(|x| x.to_le_bytes()).collect();

    let plants: Vec<(&str, Vec<u8>)> = vec![
        ("a reading as a field of its own", append(&case.package, |e| e.u16(day[20]).unwrap().ok().unwrap())),
        ("an opening as a field of its own", append(&case.package, |e| e.bytes(&opening).unwrap().ok().unwrap())),
        (
            "a reading as a field of the statement",
            with_statement(append(&statement().encode(), |e| e.u16(day[20]).unwrap().ok().unwrap())),
        ),
        ("eight readings in place of the nonce", {
            let mut changed = statement();
            changed.nonce.copy_from_slice(&eight);
            with_statement(changed.encode())
        }),
        ("readings as text in place of the purpose", {
            let mut changed = statement();
            changed.purpose = day[10..14].iter().map(u16::to_string).collect::<Vec<_>>().join(",");
            with_statement(changed.encode())
        }),
        ("an opening in place of a proof's response", {
            let mut changed = package();
            let mut proof: LinearProof = wire::decode(&changed.proof, "proof").unwrap();
            proof.lines[0].response.copy_from_slice(&opening);
            changed.proof = wire::encode(&proof).into();
            changed.write()
        }),
        ("an opening within a longer certificate", {
            let mut changed = package();
            changed.certificates.push(ByteVec::from(opening.clone()));
            changed.write()
        }),
        ("a day seed behind a header", {
            let mut changed = package();
            changed.chains[0].blocks[3].header.extend_from_slice(&case.secrets.keys[4]);
            changed.write()
        }),
        ("readings behind a commitment list", {
            let mut changed = package();
            changed.chains[0].blocks[3].commitments.extend_from_slice(&eight);
            changed.write()
        }),
    ];
    for (name, bytes) in plants {
        assert!(!leaks(&bytes, &case.secrets).is_empty(), "not found: {name}");
    }
}

/// The same array with one element more.
fn append(array: &[u8], write: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut decoder = minicbor::Decoder::new(array);
    assert_eq!(decoder.datatype().unwrap(), Type::Array);
    let length = decoder.array().unwrap().unwrap();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes);
    encoder.array(length + 1).unwrap();
    encoder.writer_mut().extend_from_slice(&array[decoder.position()..]);
    write(&mut encoder);
    bytes
}
