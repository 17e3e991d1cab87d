//! Receipts for commands.

use gateway_core::store::StoredCommand;
use gateway_core::{Store, StoreKey};
use protocol::line::Message;
use protocol::service::VERSION;
use protocol::service::command::{CommandReceipt, Outcome};

use super::{Bench, KEY, for_life};
use crate::api::Event;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_is_for_the_command_that_it_names_and_no_other_with_its_number() {
    let command = |account, hash: [u8; 32]| StoredCommand {
        id: 0,
        meter: 1,
        sequence: 1,
        account,
        hash,
        message: hash.to_vec(),
        receipt: None,
        delivered: false,
    };
    let mut bench = Bench::with(|store| {
        for provider in [1, 2] {
            store.pin_provider(&[provider; 32], "Fern", 1).unwrap();
            let account = store.keep_account(&[provider; 32], "a:1", &[provider; 32], &[provider; 32]).unwrap();
            assert!(store.keep_command(&command(account, [provider; 32])).unwrap());
        }
    })
    .await;
    bench.met().await;
    bench.told("the meter", |e| matches!(e, Event::MeterFound { .. })).await;
    let receipt = |command| CommandReceipt {
        version: VERSION,
        meter: bench.meter.certificate.certificate.identity_key,
        sequence: 1,
        command,
        outcome: Outcome::Done,
        at: 9,
    };
    let receipts = [[3; 32], [2; 32]].map(|hash| Message::Receipt(receipt(hash).sign(&for_life()).into()));
    bench.say(&receipts).await;
    bench.told("what became of it", |e| matches!(e, Event::Command { sequence: 1, .. })).await;
    let store = Store::open(&bench.directory.path().join("store.db"), &StoreKey::from_bytes(KEY)).unwrap();
    let answered: Vec<_> =
        store.commands().unwrap().into_iter().filter(|c| c.receipt.is_some()).map(|c| c.hash).collect();
    assert_eq!(answered, [[2; 32]]);
}
