//! Pairings that wait for the meter's word: what is evidence, what is not, and which keys are kept meanwhile.

use gateway_core::ingest::{self, Arrival, Ingest, IngestError, Refused};
use gateway_core::store::HandshakeRow;
use gateway_core::{Store, StoreKey};
use protocol::block::BlockFile;
use protocol::metrology::keys::AgreementKey;
use protocol::pairing::Pairing;
use protocol::wire;

use crate::world;
use crate::world::Sealed;

struct House {
    store: Store,
    _directory: tempfile::TempDir,
}

fn house() -> House {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::create(&directory.path().join("store.db"), &StoreKey::from_bytes([1; 32])).unwrap();
    House { store, _directory: directory }
}

/// Another key for a number of the same meter.
fn decoy(counter: u32, key: u8) -> Pairing {
    Pairing { counter, household_key: AgreementKey::from_bytes([key; 32]), ..world().pairing.clone() }
}

impl House {
    fn waiting(&self) -> Vec<HandshakeRow> {
        self.store.handshakes(&world().entries[0].certificate.identity_key).unwrap()
    }

    fn waits(&self, pairing: &Pairing) -> bool {
        let same = |row: &HandshakeRow| {
            row.pairing.counter == pairing.counter && row.pairing.household() == pairing.household()
        };
        self.waiting().iter().any(same)
    }

    fn take(&self, file: &[u8]) -> Result<Arrival, IngestError> {
        let mut run = Ingest::new(&self.store);
        let arrival = run.block(file);
        run.finish().unwrap();
        arrival
    }
}

fn refused(result: Result<Arrival, IngestError>) -> &'static str {
    match result {
        Err(IngestError::Refused(reason)) => reason.code(),
        other => panic!("{other:?}"),
    }
}

/// The block under a signature of somebody else.
fn forged(block: &Sealed) -> Vec<u8> {
    let signing = ed25519_dalek::SigningKey::from_bytes(&[99; 32]);
    let message = wire::sign(&signing, metrology::cose::purpose::DAY_BLOCK, &wire::encode(&block.header));
    wire::encode(&BlockFile::new(&message, &block.list, &BlockFile::read(&block.file).unwrap().ciphertext))
}

#[test]
fn a_signed_block_puts_its_pairing_in_force_and_a_forged_one_none() {
    let (house, w) = (house(), world());
    let number = w.pairing.counter;
    let (before, after) = (decoy(number, 40), decoy(number, 41));
    let other_number = decoy(number + 1, 42);
    for pairing in [&before, &w.pairing, &after, &other_number] {
        house.store.keep_handshake(pairing, 7).unwrap();
    }
    let block = &w.chains[0][0];
    assert_eq!(refused(house.take(&forged(block))), "unknown-epoch");
    assert_eq!(refused(house.take(&block.file[..block.file.len() - 1])), "malformed");
    assert!(house.store.meters().unwrap().is_empty() && house.waiting().len() == 4);

    assert_eq!(house.take(&block.file).unwrap(), Arrival::Stored);
    let meter = house.store.meters().unwrap()[0].id;
    let in_force = house.store.pairing(meter, number).unwrap().unwrap().pairing;
    assert_eq!(in_force.household(), w.pairing.household());
    assert!(house.waits(&other_number), "keys for another number went with it");
    assert_eq!(house.waiting().len(), 1);
    assert_eq!(house.take(&w.chains[0][1].file).unwrap(), Arrival::Stored);
}

#[test]
fn a_block_of_a_later_epoch_needs_the_certificates_shown_with_it() {
    let (house, w) = (house(), world());
    let chain: Vec<_> = w.entries.iter().map(world::Entry::verified).collect();
    let at_pairing = Pairing { certificates: chain[..1].to_vec(), ..w.pairing.clone() };
    house.store.keep_handshake(&at_pairing, 7).unwrap();
    let late = w.chains[0].iter().find(|block| block.header.epoch == 1).unwrap();
    assert_eq!(refused(house.take(&late.file)), "unknown-epoch");
    let mut run = Ingest::new(&house.store).with_shown(&chain);
    assert_eq!(run.block(&late.file).unwrap(), Arrival::Stored);
    assert_eq!(run.completed().len(), 1);
    run.finish().unwrap();
    assert!(house.waiting().is_empty());
}

#[test]
fn what_contradicts_a_pairing_in_force_is_refused_and_its_keys_stay() {
    let (house, w) = (house(), world());
    let other = decoy(w.pairing.counter, 40);
    ingest::pair(&house.store, &other, 7).unwrap();
    house.store.keep_handshake(&w.pairing, 7).unwrap();
    assert_eq!(refused(house.take(&w.chains[0][0].file)), "other-pairing");
    let row = house.waiting().remove(0);
    let shown = ingest::complete(&house.store, &row, &[]);
    assert!(matches!(shown, Err(IngestError::Refused(Refused::OtherPairing))), "{shown:?}");
    assert!(house.waits(&w.pairing));
}

#[test]
fn keys_are_bounded_and_the_one_that_may_be_needed_stays() {
    let (house, w) = (house(), world());
    let number = w.pairing.counter;
    // Tries that the meter never took, then the one it took, then more than are kept for the next number.
    for key in 40..60 {
        house.store.keep_handshake(&decoy(number, key), 7).unwrap();
    }
    house.store.keep_handshake(&w.pairing, 7).unwrap();
    for key in 60..90 {
        house.store.keep_handshake(&decoy(number + 1, key), 7).unwrap();
        assert!(house.waiting().len() <= 8);
        assert!(house.waits(&decoy(number + 1, key)), "the newest is gone");
        assert!(house.waits(&w.pairing), "the one that the meter took is gone");
    }
    // The same again is the same row.
    house.store.keep_handshake(&decoy(number + 1, 89), 8).unwrap();
    assert_eq!(house.waiting().len(), 8);
    assert_eq!(house.take(&w.chains[0][0].file).unwrap(), Arrival::Stored);
}
