//! Attacks on what arrives at the household, and by a hostile tariff on the household.

use ed25519_dalek::SigningKey;
use gateway_core::bill::{BillRefused, BillRequest, make};
use gateway_core::ingest::{Arrival, Ingest, IngestError, learn, pair};
use gateway_core::{Store, StoreError, StoreKey};
use metrology::header::list_hash;
use protocol::block::BlockFile;
use protocol::tariff::{Charge, Prices, Schedule, SignedTariff};
use protocol::verify::{Policy, Registry, verify};
use protocol::wire;
use rand_core::OsRng;

use crate::world::{Entry, FIRST_DAY, MARCH, Sealed, meter};
use crate::{Row, check, world};

pub struct House {
    pub store: Store,
    _directory: tempfile::TempDir,
}

impl House {
    /// A fresh home; paired with the honest meter unless told otherwise.
    fn new(paired: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::create(&directory.path().join("store.db"), &StoreKey::from_bytes([1; 32])).unwrap();
        if paired {
            pair(&store, &world().pairing, 0).unwrap();
        }
        Self { store, _directory: directory }
    }

    fn take(&self, file: &[u8]) -> &'static str {
        let mut run = Ingest::new(&self.store);
        let result = run.block(file);
        let code = match result {
            Ok(Arrival::Stored) => "stored",
            Ok(Arrival::Known) => "known",
            Err(IngestError::Refused(refused)) => refused.code(),
            Err(IngestError::Store(error)) => panic!("{error}"),
        };
        run.finish().unwrap();
        code
    }

    pub fn with(blocks: &[&Sealed]) -> Self {
        let house = Self::new(true);
        for block in blocks {
            assert_eq!(house.take(&block.file), "stored");
        }
        house
    }
}

/// A block as the meter would send it with these changes, signed by its own key.
fn sealed(block: &Sealed, entry: &Entry, change: impl FnOnce(&mut Sealed)) -> Vec<u8> {
    let mut block = block.clone();
    change(&mut block);
    block.header.list = list_hash(&block.list);
    let message = wire::sign(&entry.signing, metrology::cose::purpose::DAY_BLOCK, &wire::encode(&block.header));
    let old = BlockFile::read(&block.file).unwrap();
    wire::encode(&BlockFile::new(&message, &block.list, &old.ciphertext))
}

/// The same with readings encrypted to the household anew, so that only meaning can give it away.
fn encrypted(block: &Sealed, entry: &Entry, before: u64, after: u64, change: impl FnOnce(&mut Sealed)) -> Vec<u8> {
    use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit};
    let mut block = block.clone();
    change(&mut block);
    block.header.list = list_hash(&block.list);
    let payload = wire::encode(&block.header);
    let mut plain = vec![1u8];
    plain.extend(before.to_le_bytes());
    plain.extend(after.to_le_bytes());
    plain.extend(block.residual.to_le_bytes());
    plain.extend(block.readings.iter().flat_map(|x| x.to_le_bytes()));
    let cipher = ChaCha20Poly1305::new(&block.seed.encryption_key().into());
    let nonce = metrology::seal::nonce(&block.header.register.code, block.header.block);
    let tag =
        cipher.encrypt_in_place_detached(&nonce.into(), &metrology::header::header_hash(&payload), &mut plain).unwrap();
    plain.extend(tag);
    let message = wire::sign(&entry.signing, metrology::cose::purpose::DAY_BLOCK, &payload);
    wire::encode(&BlockFile::new(&message, &block.list, &plain))
}

#[test]
fn blocks_on_arrival() {
    let w = world();
    let (zero, one, two) = (&w.chains[0][0], &w.chains[0][1], &w.chains[0][2]);
    let entry = &w.entries[0];
    let flip = |at: usize| {
        let mut bytes = one.file.clone();
        bytes[at] ^= 1;
        House::new(true).take(&bytes)
    };
    let total = |block: &Sealed| block.readings.iter().map(|x| u64::from(*x)).sum::<u64>() + u64::from(block.residual);
    let start = 1_000_000_000;
    let after = start + total(zero) * 10_000;
    let stranger = meter(8, FIRST_DAY, 2, None);
    // The same meter under a second pairing, with another household.
    let mut moved = w.pairing.clone();
    moved.household_key = metrology::keys::AgreementKey::from_bytes([3; 32]);
    let length = one.file.len();
    let mut table: Vec<Row> = vec![
        ("control: an honest block", House::new(true).take(&one.file), "stored"),
        ("control: an honest block again", House::with(&[one]).take(&one.file), "known"),
        ("control: blocks in any order", House::with(&[two, zero]).take(&one.file), "stored"),
        ("a bit of the header", flip(100), "bad-signature"),
        ("a bit of the ciphertext", flip(length - 10), "cannot-decrypt"),
        ("cut short", House::new(true).take(&one.file[..length - 1]), "malformed"),
        ("not a block", House::new(true).take(b"hello"), "malformed"),
        ("no pairing", House::new(false).take(&one.file), "unknown-epoch"),
        ("a stranger's meter", House::new(true).take(&stranger.1[0][0].file), "unknown-epoch"),
        (
            "the meter contradicts itself: one number, two blocks",
            House::with(&[one]).take(&sealed(one, entry, |b| b.header.events = 1)),
            "fork",
        ),
        ("two numbers for one day", House::with(&[one]).take(&sealed(one, entry, |b| b.header.block = 30)), "covered"),
        (
            "an earlier day's readings under a new label",
            House::new(true).take(&sealed(one, entry, |b| b.header.day += 1)),
            "cannot-decrypt",
        ),
        (
            "sealed to another household",
            House::new(true).take(&sealed(one, entry, |b| b.header.household = [1; 32])),
            "other-household",
        ),
        (
            "sealed under a pairing this home does not hold",
            House::new(true).take(&sealed(one, entry, |b| b.header.pairing = 2)),
            "other-household",
        ),
        (
            "another epoch number than its certificate's",
            House::new(true).take(&sealed(one, entry, |b| b.header.epoch = 1)),
            "outside-epoch",
        ),
        ("before its epoch", House::new(true).take(&sealed(zero, entry, |b| b.header.day -= 1)), "outside-epoch"),
        (
            "a hundred years after its epoch's beginning",
            House::new(true).take(&sealed(one, entry, |b| b.header.day += 36_525)),
            "outside-epoch",
        ),
        (
            "the last day that a header can name",
            House::new(true).take(&sealed(one, entry, |b| b.header.day = u32::MAX)),
            "outside-epoch",
        ),
        (
            "a number beyond every meter's",
            House::new(true).take(&sealed(one, entry, |b| b.header.block = u64::MAX)),
            "out-of-range",
        ),
        (
            "does not link to the block before",
            House::with(&[zero])
                .take(&encrypted(one, entry, after, after + total(one) * 10_000, |b| b.header.previous = [1; 32])),
            "broken-chain",
        ),
        (
            "does not link to the block after",
            House::with(&[two])
                .take(&encrypted(one, entry, after, after + total(one) * 10_000, |b| b.header.events = 1)),
            "broken-chain",
        ),
        (
            "a first block that names no certificate",
            House::new(true).take(&encrypted(zero, entry, start, after, |b| b.header.previous = [1; 32])),
            "broken-chain",
        ),
        (
            "the register's total jumps",
            House::with(&[zero]).take(&encrypted(
                one,
                entry,
                after + 50_000_000,
                after + 50_000_000 + total(one) * 10_000,
                |_| {},
            )),
            "register-discontinuity",
        ),
        (
            "free energy: the register advanced more than was sealed",
            House::new(true).take(&encrypted(one, entry, after, after + 99 * 10_000 + total(one) * 10_000, |_| {})),
            "register-advance",
        ),
        (
            "the total goes backwards",
            House::new(true).take(&encrypted(one, entry, after, after - 10_000, |_| {})),
            "register-advance",
        ),
        (
            "a residual that was not committed",
            House::new(true).take(&encrypted(one, entry, after, after + 10_000_000, |b| b.residual += 1000)),
            "other-commitments",
        ),
        (
            "readings that were not committed",
            House::new(true).take(&encrypted(one, entry, after, after, |b| b.readings[7] += 1)),
            "other-commitments",
        ),
        (
            "another day commitment than the list's readings",
            House::new(true).take(&encrypted(one, entry, after, after, |b| b.header.day_commitment = [0; 32])),
            "other-commitments",
        ),
        (
            "a commitment exchanged",
            House::new(true).take(&encrypted(one, entry, after, after, |b| b.list.swap(0, 1))),
            "other-commitments",
        ),
        (
            "a list of another length",
            House::new(true).take(&sealed(one, entry, |b| {
                let _ = b.list.pop();
            })),
            "malformed",
        ),
        (
            "another unit than before",
            House::with(&[zero])
                .take(&sealed(one, entry, |b| b.header.register.unit = metrology::label::Text::new("kWh").unwrap())),
            "other-unit",
        ),
    ];
    let again = {
        let house = House::new(true);
        match pair(&house.store, &moved, 0) {
            Err(IngestError::Refused(refused)) => refused.code(),
            _ => "taken",
        }
    };
    table.push(("another household under a pairing number that is taken", again, "other-pairing"));
    check(&table);
}

#[test]
fn certificates_on_arrival() {
    let w = world();
    let known = |chain: &[Entry]| {
        let house = House::new(true);
        let verified: Vec<_> = chain.iter().map(Entry::verified).collect();
        match learn(&house.store, &verified) {
            Ok(_) => "taken",
            Err(IngestError::Refused(refused)) => refused.code(),
            Err(IngestError::Store(error)) => panic!("{error}"),
        }
    };
    let mut twin = w.entries[1].clone();
    twin.signing = SigningKey::from_bytes(&[77; 32]);
    twin.certificate.signing_key = twin.signing.verifying_key().to_bytes();
    let mut skips = w.entries[1].clone();
    skips.certificate.epoch = 3;
    check(&[
        ("control: the certificates again", known(&w.entries), "taken"),
        ("a second certificate for an epoch, by the meter's own key", known(&[twin]), "forked-epoch"),
        ("an epoch that skips two", known(&[skips]), "broken-epochs"),
        ("a meter this home is not paired with", known(&meter(8, FIRST_DAY, 1, None).0), "unknown-meter"),
    ]);
}

#[test]
fn a_household_bills_its_month_and_refuses_hostile_tariffs() {
    let w = world();
    let all: Vec<&Sealed> = w.chains.iter().flatten().collect();
    let house = House::with(&all);
    let request =
        BillRequest { period: MARCH, meter: None, allow_incomplete: true, nonce: None, corrects: None, totals: false };
    let tariff = w.signed_tariff();
    let bill = make(&house.store, &tariff, &request, &mut OsRng).unwrap();
    let mut registry = Registry::default();
    registry.list(&[w.entries[0].verified()]);
    let policy = Policy { allow_incomplete: true, ..Policy::default() };
    assert_eq!(verify(&bill.package, &tariff, &registry, &policy).unwrap().settlement, bill.settlement);

    let hostile = |prices: &dyn Fn(u64) -> i64| {
        let mut tariff = w.tariff.clone();
        let units = u64::from(45u32) * 48;
        let series = Prices::Series((0..units).map(prices).collect());
        let Charge::Energy { schedule, fallback, .. } = &mut tariff.lines[0].charge else { panic!("an energy line") };
        *schedule = Schedule { prices: series, ..schedule.clone() };
        *fallback = 0;
        let signed = SignedTariff::read(&tariff.sign(&w.provider).unwrap()).unwrap();
        match make(&house.store, &signed, &request, &mut OsRng) {
            Err(BillRefused::Reveals(_)) => "hostile",
            Err(other) => panic!("{other}"),
            Ok(_) => "billed",
        }
    };
    let short = |days: u64| {
        let request = BillRequest {
            period: protocol::time::Span { from: MARCH.from, until: MARCH.from + days * 86_400 },
            ..request.clone()
        };
        make(&house.store, &tariff, &request, &mut OsRng).map_or("refused", |_| "billed")
    };
    check(&[
        (
            "control: prices of every half-hour",
            hostile(&|i| 150_000 + 100 * i64::try_from(i * 7919 % 900).unwrap()),
            "billed",
        ),
        ("one slot weighs a million times the others", hostile(&|i| if i == 700 { 1 << 20 } else { 1 }), "hostile"),
        (
            "superincreasing prices within one day",
            hostile(&|i| if i / 48 == 20 { 1 << (i % 40) } else { 0 }),
            "hostile",
        ),
        ("control: a bill of one day", short(1), "billed"),
    ]);
    let incomplete = BillRequest { allow_incomplete: false, ..request.clone() };
    assert!(matches!(make(&house.store, &tariff, &incomplete, &mut OsRng), Err(BillRefused::Incomplete { .. })));
    let missing = House::with(&all[..20]);
    assert!(matches!(make(&missing.store, &tariff, &request, &mut OsRng), Err(BillRefused::Gap { .. })));
}

#[test]
fn a_store_under_another_key_does_not_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(Store::create(&path, &StoreKey::from_bytes([1; 32])).unwrap());
    assert!(matches!(Store::open(&path, &StoreKey::from_bytes([2; 32])), Err(StoreError::WrongKey)));
    assert!(matches!(Store::create(&path, &StoreKey::from_bytes([1; 32])), Err(StoreError::Exists)));
    assert!(matches!(
        Store::open(&directory.path().join("none.db"), &StoreKey::from_bytes([1; 32])),
        Err(StoreError::Absent)
    ));
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(6).any(|w| w == b"SQLite" || w == b"CREATE"), "the file is encrypted from its first byte");
}
