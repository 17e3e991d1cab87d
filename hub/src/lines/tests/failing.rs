//! The store fails under a conversation.

use std::time::Duration;

use protocol::line::Message;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::super::Control;
use super::{Bench, somebody_writes};
use crate::api::Event;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_while_meeting_leaves_the_question_open() {
    let mut bench = Bench::new().await;
    let nonce = bench.hello().await;
    let (free, writer) = somebody_writes(&bench.directory.path().join("store.db"));
    let identity = bench.meter.identity(nonce, "M-1");
    bench.say(&[Message::Identity(Box::new(identity))]).await;
    bench.told("the failure", |e| matches!(e, Event::Attention { code, .. } if code == "locked")).await;
    drop(free);
    writer.join().unwrap();
    // It asks again by itself, on the same line.
    bench.met().await;
    bench.told("the meter", |e| matches!(e, Event::MeterFound { paired: true, .. })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_that_could_not_store_says_so() {
    let mut bench = Bench::new().await;
    bench.met().await;
    bench.told("the meter", |e| matches!(e, Event::MeterFound { .. })).await;
    let (free, writer) = somebody_writes(&bench.directory.path().join("store.db"));
    let mut codes = Vec::new();
    // What is held is stored by itself after two seconds: then there was nothing to flush.
    for number in 0..8 {
        let block = bench.meter.block(number, [9; 32]);
        bench.say(&[block]).await;
        sleep(Duration::from_millis(300)).await;
        let (done, wait) = oneshot::channel();
        assert!(bench.orders.send(Control::Flush(done)).await.is_ok());
        codes.extend(wait.await.unwrap().map_err(|failure| failure.code().to_owned()).err());
        if !codes.is_empty() {
            break;
        }
    }
    assert_eq!(codes, ["locked"]);
    drop(free);
    writer.join().unwrap();
}
