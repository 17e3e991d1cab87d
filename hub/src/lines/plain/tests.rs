//! Plain meters that are played telegram by telegram, with a real store.

mod clocks;
mod conversation;

use std::time::Duration;

use drivers::plain::{Channel, Energy, Moment, Stamp, Telegram, Volume};
use gateway_core::store::OpenSlot;
use gateway_core::{Store, StoreKey};
use protocol::metrology::label::{Interval, Status};

use super::Terms;
use super::counted::Counted;
use super::sealing::{Notice, Sealing};
use crate::Failure;
use crate::keeper::Keeper;

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
