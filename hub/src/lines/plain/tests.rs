//! Plain meters that are played telegram by telegram, with a real store.

use std::time::Duration;

use drivers::plain::{Channel, Energy, Moment, Stamp, Telegram, Volume};
use drivers::{Dial, Event as Heard, Events, Patience, Reader, Told};
use gateway_core::store::OpenSlot;
use gateway_core::{Store, StoreKey};
use protocol::metrology::label::{Interval, Status};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::counted::Counted;
use super::sealing::{Notice, Sealing};
use super::{PlainConversation, Terms};
use crate::Failure;
use crate::api::Event;
use crate::keeper::Keeper;
use crate::lines::tests::somebody_writes;
use crate::lines::{Control, Shared};

/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(240);
const KEY: [u8; 32] = [1; 32];
/// Telegrams come every ten seconds from here on: a full hour of July 2026.
const START: u64 = 1_784_592_000_000;
const TICK: u64 = 10_000;
/// What passes in a tick, and in a slot of ninety.
const STEP: u32 = 1000;
const SLOT: u32 = 90 * STEP;

struct Home {
    directory: tempfile::TempDir,
    keeper: Keeper,
}

fn home() -> Home {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::create(&directory.path().join("store.db"), &StoreKey::from_bytes(KEY)).unwrap();
    Home { directory, keeper: Keeper::start(store).unwrap() }
}

fn terms(address: &str) -> Terms {
    Terms { line: 1, address: address.into(), interval: Interval::QUARTER, cadence: Duration::from_secs(10) }
}

fn checked(number: &str, total: u64) -> Telegram {
    let import = Some(Energy(i64::try_from(total).unwrap()));
    Telegram { meter: Some(number.into()), import, checked: true, ..Telegram::default() }
}

/// What the meter shows at a tick: it has run since before.
fn total(tick: u64) -> u64 {
    50_000_000 + u64::from(STEP) * tick
}

impl Home {
    async fn take_up(&self, address: &str, number: Option<&str>) -> Sealing {
        Sealing::take_up(&self.keeper, &terms(address), "", number, Counted::Energy).await.unwrap()
    }

    /// Hears a telegram of this tick, and stores what it completes.
    async fn hear(&self, sealing: &mut Sealing, tick: u64, telegram: &Telegram) -> Option<Notice> {
        let notice = sealing.hear(START + TICK * tick, telegram);
        self.store(sealing).await.unwrap();
        notice
    }

    async fn store(&self, sealing: &mut Sealing) -> Result<u64, Failure> {
        let Some(work) = sealing.work() else { return Ok(0) };
        let (blocks, trouble) = sealing.stored(self.keeper.run(|store| Ok::<_, Failure>(work.run(store))).await);
        trouble.map_or(Ok(blocks), Err)
    }

    /// The slots at an address that no block holds yet, as (slots since the start, what passed, how it is known).
    async fn open(&self, address: &str, number: Option<&str>) -> Vec<(u64, u32, Status)> {
        let (address, number) = (address.to_owned(), number.map(ToOwned::to_owned));
        let list = self.keeper.run(move |store| -> Result<_, gateway_core::StoreError> {
            let Some(row) = store.sealer(&address, "", number.as_deref())? else { return Ok(Vec::new()) };
            store.open_slots(row.id)
        });
        let slot = |open: OpenSlot| (open.slot - START / 900_000, open.sample.advance, open.sample.status);
        list.await.unwrap().into_iter().map(slot).collect()
    }

    /// Names of all meters, with what passed through their registers in blocks.
    async fn sealed(&self) -> Vec<(String, u64)> {
        self.keeper
            .run(|store| -> Result<_, gateway_core::StoreError> {
                let all = protocol::time::Span { from: 0, until: u64::from(u32::MAX) * 86_400 };
                let (registers, mut sealed) = (store.registers()?, Vec::new());
                for meter in store.meters()? {
                    let mut passed = 0;
                    for register in registers.iter().filter(|register| register.meter == meter.id) {
                        passed += store.blocks(register.id, &all)?.iter().map(|b| b.after - b.before).sum::<u64>();
                    }
                    sealed.push((meter.name, passed));
                }
                Ok(sealed)
            })
            .await
            .unwrap()
    }
}

fn measured(slots: std::ops::Range<u64>) -> Vec<(u64, u32, Status)> {
    slots.map(|slot| (slot, SLOT, Status::Measured)).collect()
}

#[tokio::test]
async fn a_meter_has_its_key_from_the_first_seal_on_and_after_a_restart_at_once() {
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    let mut sealed_at = None;
    for tick in 0..200 {
        home.hear(&mut sealing, tick, &checked("E1", total(tick))).await;
        if sealing.identity().is_some() && sealed_at.is_none() {
            sealed_at = Some(tick);
        }
    }
    assert!(sealed_at.is_some_and(|tick| tick >= 90), "{sealed_at:?}: with the first slot");
    let meters = home.keeper.run(|store| store.meters()).await.unwrap();
    assert_eq!(sealing.identity(), Some(hex::encode(meters[0].identity)));
    let again = home.take_up("a", Some("E1")).await;
    assert_eq!(again.identity(), sealing.identity());
    let other = Sealing::take_up(&home.keeper, &terms("a"), "other", None, Counted::Energy).await.unwrap();
    assert_eq!(other.identity(), None);
    assert_eq!(home.open("a", Some("E1")).await, measured(0..2));
}

#[tokio::test]
async fn another_meter_is_sealed_as_itself_once_it_is_believed() {
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    let mut names = Vec::new();
    for tick in 0..600 {
        // One telegram of a damaged number, then another meter from the middle on.
        let number = if tick == 150 {
            "X1"
        } else if tick < 300 {
            "E1"
        } else {
            "E2"
        };
        let start = if tick < 300 { 0 } else { 9_000_000_000 };
        home.hear(&mut sealing, tick, &checked(number, start + total(tick))).await;
        names.extend(sealing.name().filter(|name| names.last() != Some(name)));
        // Until something of it is sealed, name and key are the other's.
        assert_eq!(sealing.is_of_another(Some("E2")), names == ["E1"], "{tick}");
        assert!(!sealing.is_of_another(None));
    }
    assert_eq!(names, ["E1", "E2"]);
    assert_eq!(home.sealed().await, [("E1".into(), u64::from(3 * SLOT)), ("E2".into(), 0)]);
}

#[tokio::test]
async fn what_waits_while_a_meter_is_exchanged_is_sealed_as_that_of_its_meter() {
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 0..100 {
        home.hear(&mut sealing, tick, &checked("E1", total(tick))).await;
    }
    // The store takes nothing until both meters have something that waits.
    for tick in 100..600 {
        let (number, start) = if tick < 300 { ("E1", 0) } else { ("E2", 9_000_000_000) };
        sealing.hear(START + TICK * tick, &checked(number, start + total(tick)));
    }
    home.store(&mut sealing).await.unwrap();
    assert_eq!(sealing.name(), Some("E2".into()));
    assert_eq!(home.sealed().await, [("E1".into(), u64::from(3 * SLOT)), ("E2".into(), 0)]);
    let slots = home.open("a", Some("E2")).await;
    assert_eq!(slots[slots.len() - 2..], measured(4..6));
}

#[tokio::test]
async fn what_is_with_the_store_and_fails_waits_with_what_came_meanwhile() {
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 0..100 {
        sealing.hear(START + TICK * tick, &checked("E1", total(tick)));
    }
    let work = sealing.work().unwrap();
    for tick in 100..200 {
        sealing.hear(START + TICK * tick, &checked("E1", total(tick)));
        assert!(sealing.work().is_none(), "the store has something of it already");
    }
    drop(work);
    assert!(sealing.stored(Err(Failure::could_not("database", "full"))).1.is_some());
    for tick in 200..300 {
        sealing.hear(START + TICK * tick, &checked("E1", total(tick)));
    }
    home.store(&mut sealing).await.unwrap();
    assert_eq!(home.open("a", Some("E1")).await, measured(0..3));
}

#[tokio::test]
async fn a_cable_that_was_moved_goes_on_with_what_passed_meanwhile() {
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 0..200 {
        home.hear(&mut sealing, tick, &checked("E1", total(tick))).await;
    }
    assert_eq!(home.open("a", Some("E1")).await, measured(0..2));
    // At another port; what it is called is not known from the first telegram on, so it begins as if it were new.
    let mut moved = home.take_up("b", None).await;
    for tick in 500..800 {
        home.hear(&mut moved, tick, &checked("E1", total(tick))).await;
    }
    assert_eq!((home.sealed().await.len(), moved.identity()), (1, sealing.identity()));
    let slots = home.open("b", Some("E1")).await;
    // Tick 540 begins the first slot that was heard from edge to edge.
    let passed: u64 = slots.iter().map(|(_, advance, _)| u64::from(*advance)).sum();
    assert_eq!(passed, 8 * u64::from(SLOT), "{slots:?}");
    assert_eq!(slots[6..], measured(6..8));
    assert!(slots[2..6].iter().all(|(_, _, how)| *how == Status::Missing), "{slots:?}");
}

#[tokio::test]
async fn the_sum_of_a_long_silence_is_sealed_and_none_is_made_up() {
    const DAYS: u64 = 200;
    const DAY: u64 = 8640;
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in (0..200).chain(DAYS * DAY..(DAYS + 1) * DAY + 200) {
        // At two watts, as nobody is at home: what passed is less than what wires carry.
        home.hear(&mut sealing, tick, &checked("E1", total(0) + 55 * tick)).await;
    }
    let sealed = home.sealed().await;
    assert_eq!(sealed, [("E1".into(), 55 * (DAYS + 1) * DAY)]);
    let slots = home.open("a", Some("E1")).await;
    assert_eq!(
        slots.iter().map(|(_, advance, how)| (*advance, *how)).collect::<Vec<_>>(),
        [(55 * 90, Status::Measured); 2]
    );
}

#[tokio::test]
async fn a_clock_that_was_never_set_seals_nothing_and_loses_nothing() {
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 0..200 {
        home.hear(&mut sealing, tick, &checked("E1", total(tick))).await;
    }
    // Off for a while, and the clock begins in 1970.
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 300..400 {
        let notice = sealing.hear(TICK * tick, &checked("E1", total(tick)));
        assert_eq!(notice, Some(Notice::Unset));
        assert!(sealing.work().is_none());
    }
    for tick in 400..600 {
        assert_eq!(home.hear(&mut sealing, tick, &checked("E1", total(tick))).await, None);
    }
    let slots = home.open("a", Some("E1")).await;
    let passed: u64 = slots.iter().map(|(_, advance, _)| u64::from(*advance)).sum();
    assert_eq!(passed, 6 * u64::from(SLOT), "{slots:?}");
}

#[tokio::test]
async fn a_clock_that_was_years_ahead_does_not_end_the_sealing() {
    const YEARS: u64 = 5 * 365 * 8640;
    const HOUR: u64 = 360;
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 0..200 {
        home.hear(&mut sealing, YEARS + tick, &checked("E1", total(tick))).await;
    }
    let wrong = sealing.identity();
    let mut notices = Vec::new();
    for tick in 200..800 {
        let notice = home.hear(&mut sealing, tick, &checked("E1", total(tick))).await;
        notices.extend(notice.filter(|notice| notices.last() != Some(notice)));
    }
    assert_eq!(notices, [Notice::Behind, Notice::WasAhead]);
    assert!(sealing.identity().is_some() && sealing.identity() != wrong, "a chain of its own");
    // Tick 560 is an hour later.
    assert_eq!(home.open("a", Some("E1")).await, measured(7..8));
    // The same when it was set right while the gateway was off.
    for tick in 0..200 {
        home.hear(&mut sealing, YEARS + tick, &checked("E1", total(800 + tick))).await;
    }
    let mut again = home.take_up("a", Some("E1")).await;
    for tick in 1000..1000 + HOUR {
        let notice = home.hear(&mut again, tick, &checked("E1", total(tick))).await;
        assert_eq!(notice, Some(Notice::Behind));
    }
    let notice = home.hear(&mut again, 1000 + HOUR, &checked("E1", total(1000 + HOUR))).await;
    assert_eq!(notice, Some(Notice::WasAhead));
    for tick in 1001 + HOUR..1800 {
        assert_eq!(home.hear(&mut again, tick, &checked("E1", total(tick))).await, None);
    }
    assert_eq!(home.open("a", Some("E1")).await, measured(16..19));
}

#[tokio::test]
async fn a_machine_that_starts_with_an_old_clock_waits_for_the_time() {
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 0..200 {
        home.hear(&mut sealing, tick, &checked("E1", total(tick))).await;
    }
    let identity = sealing.identity();
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 300..330 {
        let early = START - 20 * 86_400_000 + TICK * tick;
        assert_eq!(sealing.hear(early, &checked("E1", total(tick))), Some(Notice::Behind));
    }
    for tick in 330..600 {
        assert_eq!(home.hear(&mut sealing, tick, &checked("E1", total(tick))).await, None);
    }
    assert_eq!(sealing.identity(), identity);
    let slots = home.open("a", Some("E1")).await;
    let passed: u64 = slots.iter().map(|(_, advance, _)| u64::from(*advance)).sum();
    assert_eq!(passed, 6 * u64::from(SLOT), "{slots:?}");
}

#[tokio::test]
async fn two_cables_that_changed_places_are_sealed_on() {
    let home = home();
    for address in ["tcp://a:1", "tcp://b:1"] {
        let address = address.to_owned();
        let plain = gateway_core::store::PlainLine {
            profile: "dsmr-5".into(),
            interval: 900,
            key: None,
            authentication_key: None,
            public_key: None,
        };
        home.keeper.run(move |store| store.keep_line(&address, None, None, Some(&plain), 1)).await.unwrap();
    }
    let (a, b) = ("tcp://a:1", "tcp://b:1");
    let mut lines =
        [(home.take_up(a, Some("E1")).await, "E1", 0), (home.take_up(b, Some("E2")).await, "E2", 7_000_000)];
    for tick in 0..200 {
        for (sealing, number, start) in &mut lines {
            home.hear(sealing, tick, &checked(number, *start + total(tick))).await;
        }
    }
    let identities = lines.each_ref().map(|(sealing, ..)| sealing.identity());
    let [(on_a, ..), (on_b, ..)] = lines;
    let mut lines = [(on_a, "E2", 7_000_000), (on_b, "E1", 0)];
    let mut refused = 0;
    for tick in 200..600 {
        for (sealing, number, start) in &mut lines {
            sealing.hear(START + TICK * tick, &checked(number, *start + total(tick)));
            // One of the two must leave its place before the other can take it.
            if let Err(failure) = home.store(sealing).await {
                assert_eq!(failure.code(), "read-elsewhere");
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && refused < 3, "{refused}");
    let now = lines.each_ref().map(|(sealing, ..)| sealing.identity());
    assert_eq!([&now[1], &now[0]], [&identities[0], &identities[1]]);
    for (address, number) in [(a, "E2"), (b, "E1")] {
        let slots = home.open(address, Some(number)).await;
        let passed: u64 = slots.iter().map(|(_, advance, _)| u64::from(*advance)).sum();
        assert_eq!(passed, 4 * u64::from(SLOT), "{number}: those that a new block does not hold already: {slots:?}");
        assert_eq!(slots[slots.len() - 2..], measured(4..6), "{number}");
    }
}

#[tokio::test]
async fn a_meter_that_comes_back_counts_nothing_twice() {
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    // E1 hangs there, then E2 that is new, then E1 again; each uses as much while it hangs there.
    for tick in 0..1200 {
        let (number, shown) = match tick {
            0..320 => ("E1", total(tick)),
            320..800 => ("E2", u64::from(STEP) * (tick - 320)),
            _ => ("E1", total(tick - 480)),
        };
        home.hear(&mut sealing, tick, &checked(number, shown)).await;
    }
    let passed = |slots: Vec<(u64, u32, Status)>| slots.iter().map(|(_, advance, _)| u64::from(*advance)).sum::<u64>();
    let sealed = home.sealed().await;
    assert_eq!(sealed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["E1", "E2"]);
    // Until tick 1170, the last edge: all that its register counted.
    assert_eq!(sealed[0].1 + passed(home.open("a", Some("E1")).await), total(1170 - 480) - total(0));
    // From tick 360 to 720, the first and the last edge of it.
    assert_eq!(sealed[1].1, u64::from(STEP) * 360);
}

const CHANNEL: &str = "0-1:24.2.1";

/// A telegram of this tick with a gas meter that is read at full hours, which is told four minutes late; 1200 litres an hour.
fn with_gas(tick: u64) -> (Telegram, Channel) {
    let shown = |second: u64| jiff::Timestamp::from_second(i64::try_from(START / 1000 + second).unwrap()).unwrap();
    let stamp = |second| Stamp { shown: jiff::tz::TimeZone::UTC.to_datetime(shown(second)), ahead: Some(0) };
    let second = tick * TICK / 1000;
    let read = second.saturating_sub(240) / 3600 * 3600;
    let channel = Channel {
        code: CHANNEL.into(),
        meter: Some("G1".into()),
        device: Some(3),
        total: Volume(5_000_000 + i64::try_from(read).unwrap() / 3),
        unit: "m3".into(),
        at: Some(stamp(read)),
    };
    let at = Some(Moment::Clock(stamp(second)));
    (Telegram { at, channels: vec![channel.clone()], ..checked("E1", total(tick)) }, channel)
}

#[tokio::test]
async fn gas_is_sealed_by_the_hour_in_litres_and_goes_on_after_a_restart() {
    let home = home();
    let (counted, terms) = (Counted::channel(&with_gas(0).1).unwrap(), terms("a"));
    let take_up = || Sealing::take_up(&home.keeper, &terms, "/gas", Some("G1"), counted.clone());
    let mut sealing = take_up().await.unwrap();
    for tick in 0..1000 {
        home.hear(&mut sealing, tick, &with_gas(tick).0).await;
    }
    let mut sealing = take_up().await.unwrap();
    for tick in 1300..2200 {
        home.hear(&mut sealing, tick, &with_gas(tick).0).await;
    }
    let store = home.keeper.run(|store| -> Result<_, gateway_core::StoreError> {
        let row = store.sealer("a", "/gas", Some("G1"))?.unwrap();
        let meters = store.meters()?;
        Ok((store.open_slots(row.id)?, store.registers()?, meters[0].name.clone()))
    });
    let (slots, registers, name) = store.await.unwrap();
    assert_eq!((name.as_str(), registers.len()), ("G1", 0), "no day is over");
    let hours: Vec<_> = slots.iter().map(|open| (open.register.as_str().to_owned(), open.sample.advance)).collect();
    assert_eq!(hours, vec![("7-0:3.0.0".to_owned(), 1200 * 10_000); 6]);
    let how: Vec<_> = slots.iter().map(|open| open.sample.status).collect();
    assert_eq!(how.iter().filter(|how| **how == Status::Measured).count(), 6, "{how:?}");
}

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
