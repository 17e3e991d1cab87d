//! The store fails under a conversation.

use std::time::Duration;

use protocol::line::Message;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::super::Control;
use super::{Bench, LONG, somebody_writes};
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
    // What is held is stored by itself after two seconds: then there was nothing to flush, and another block is said.
    let (deadline, mut number, mut told) = (Instant::now() + LONG, 0, Vec::new());
    let code = loop {
        let block = bench.meter.block(number, [9; 32]);
        bench.say(&[block]).await;
        sleep(Duration::from_millis(300)).await;
        let (done, wait) = oneshot::channel();
        assert!(bench.orders.send(Control::Flush(done)).await.is_ok());
        if let Err(failure) = wait.await.unwrap() {
            break failure.code().to_owned();
        }
        while let Ok(event) = bench.events.try_recv() {
            told.push(event);
        }
        assert!(Instant::now() < deadline, "{number} blocks were said, nothing failed; told {told:?}");
        number += 1;
    };
    assert_eq!(code, "locked", "{told:?}");
    drop(free);
    writer.join().unwrap();
}
