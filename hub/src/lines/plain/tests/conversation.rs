//! Whole conversations: late telegrams, a busy store, several meters, and what is shown.

use std::time::Duration;

use drivers::{Dial, Event as Heard, Events, Patience, Reader, Told};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::super::PlainConversation;
use super::*;
use crate::api::Event;
use crate::lines::tests::somebody_writes;
use crate::lines::{Control, Shared};

/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(240);

#[tokio::test]
async fn the_meters_behind_a_line_are_sealed_each_by_itself() {
    let bench = Bench::new();
    // Two days and more, so that days are over.
    for tick in 0..2 * 1440 {
        // The meters' clocks show another time than the gateway's.
        let (telegram, _) = with_gas(tick * 6);
        bench.said(Duration::from_secs(60 * (2 * 1440 - 1 - tick)), telegram).await;
    }
    timeout(LONG, bench.shows(total(6 * (2 * 1440 - 1)))).await.expect("what came last is shown");
    bench.flush().await.unwrap();
    let names: Vec<_> = bench.home.sealed().await;
    assert_eq!(names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["E1", "G1"]);
    assert!(names.iter().all(|(_, passed)| *passed > 0), "{names:?}");
}

/// A conversation whose reader is played here.
struct Bench {
    home: Home,
    heard: mpsc::Sender<Told<Telegram>>,
    orders: mpsc::Sender<Control>,
    events: broadcast::Receiver<Event>,
    shared: Shared,
}

impl Bench {
    fn new() -> Self {
        let (home, shared) = (home(), Shared::default());
        let (heard, coming): (_, Events<Telegram>) = mpsc::channel(1000);
        let ((told, events), (orders, ordered)) = (broadcast::channel(1 << 10), mpsc::channel(1));
        let profiles = drivers::profile::Profiles::built_in();
        let address: drivers::Address = "tcp://127.0.0.1:1".parse().unwrap();
        let dialect = profiles.named("dsmr-5").unwrap().dialect(drivers::plain::Keys::default(), &address).unwrap();
        let (_, handle, _) = Reader::new(Dial::new(address), dialect, Patience::default(), || 1);
        let conversation = PlainConversation::new(terms("a"), home.keeper.clone(), handle, told, shared.clone());
        tokio::spawn(conversation.run(coming, ordered));
        Self { home, heard, orders, events, shared }
    }

    /// The meter said this so long ago.
    async fn said(&self, ago: Duration, telegram: Telegram) {
        let at = Instant::now().checked_sub(ago).unwrap();
        self.heard.send(Told { at, event: Heard::Message(telegram) }).await.unwrap();
    }

    /// Waits until this total is shown.
    async fn shows(&self, total: u64) {
        while self.shared.now().first().is_none_or(|now| now.registers[0].total != total) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn flush(&self) -> Result<(), Failure> {
        let (done, wait) = oneshot::channel();
        assert!(self.orders.send(Control::Flush(done)).await.is_ok());
        timeout(LONG, wait).await.unwrap().unwrap()
    }
}

/// Ticks that end now.
fn ago(tick: u64, ticks: u64) -> Duration {
    Duration::from_millis(TICK * (ticks - 1 - tick))
}

#[tokio::test]
async fn a_telegram_counts_for_when_it_came_however_late_it_is_taken() {
    let bench = Bench::new();
    // Two hours, all taken at once.
    for tick in 0..720 {
        bench.said(ago(tick, 720), checked("E1", total(tick))).await;
    }
    timeout(LONG, bench.shows(total(719))).await.expect("what came last is shown");
    bench.flush().await.unwrap();
    let slots = bench.home.open("a", Some("E1")).await;
    assert!(slots.len() == 7 || slots.len() == 8, "{slots:?}");
    assert!(slots.iter().all(|(_, advance, how)| (*advance, *how) == (SLOT, Status::Measured)), "{slots:?}");
}

#[tokio::test]
async fn a_store_that_is_busy_stops_neither_hearing_nor_showing() {
    let mut bench = Bench::new();
    bench.said(ago(0, 720), checked("E1", total(0))).await;
    let found = async { while !matches!(bench.events.recv().await, Ok(Event::MeterFound { .. })) {} };
    timeout(LONG, found).await.expect("the meter is found");
    let (free, writer) = somebody_writes(&bench.home.directory.path().join("store.db"));
    for tick in 1..720 {
        bench.said(ago(tick, 720), checked("E1", total(tick))).await;
    }
    timeout(LONG, bench.shows(total(719))).await.expect("what came last is shown");
    assert!(!writer.is_finished(), "the store is still held");
    assert!(bench.home.keeper.run(|store| store.transaction(|_| Ok::<_, gateway_core::StoreError>(()))).await.is_err());
    drop(free);
    writer.join().unwrap();
    bench.flush().await.unwrap();
    let slots = bench.home.open("a", Some("E1")).await;
    assert!(slots.len() == 7 || slots.len() == 8, "{slots:?}");
    assert!(slots.iter().all(|(_, advance, how)| (*advance, *how) == (SLOT, Status::Measured)), "{slots:?}");
    let told: Vec<Event> = std::iter::from_fn(|| bench.events.try_recv().ok()).collect();
    assert!(!told.iter().any(|event| matches!(event, Event::Refused { .. })), "{told:?}");
}

#[tokio::test]
async fn what_another_meter_tells_without_its_number_is_not_shown_as_the_one_before() {
    let bench = Bench::new();
    for tick in 0..200 {
        bench.said(ago(tick, 200), checked("E1", total(tick))).await;
    }
    timeout(LONG, bench.shows(total(199))).await.expect("what came last is shown");
    bench.flush().await.unwrap();
    bench.said(Duration::ZERO, checked("E1", total(199))).await;
    let shows = |meter: &'static str, power: Option<i32>| {
        let shared = bench.shared.clone();
        async move {
            loop {
                tokio::time::sleep(Duration::from_millis(5)).await;
                if let Some(now) = shared.now().pop().filter(|now| now.meter == meter && now.power == power) {
                    return now.identity;
                }
            }
        }
    };
    let sealed = async { while shows("E1", None).await.is_none() {} };
    timeout(LONG, sealed).await.expect("what is sealed is shown with its key");
    bench.said(Duration::ZERO, checked("E2", 5)).await;
    assert_eq!(timeout(LONG, shows("E2", None)).await.unwrap(), None);
    let power = Some(drivers::plain::Power(4_000_000));
    bench.said(Duration::ZERO, Telegram { power, checked: true, ..Telegram::default() }).await;
    assert_eq!(timeout(LONG, shows("E2", Some(400))).await.unwrap(), None);
}
