//! A device beside a meter that says all sorts of things, by a clock that shows all sorts of times.

use std::cell::Cell;
use std::path::Path;

use drivers::plain::{Energy, Power, Telegram};
use drivers::slots::Way;
use protocol::metrology::label::{DAY_SECONDS, Interval};
use sealer::Recorder;
use sealer::port::Lines;
use tokio::sync::mpsc;

use crate::Failure;
use crate::beside::listen::Listening;
use crate::beside::run::{Beside, Run};
use crate::beside::setup::{Options, Terms, register};
use crate::commands::BUILT;

/// Midnight of a day on which this program is there.
const START: u64 = (BUILT / DAY_SECONDS + 2) * DAY_SECONDS;
const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const QUARTER: u64 = 900;
/// What a register shows at first, and what passes in a minute, in 10⁻⁴ Wh.
const SHOWN: i64 = 50_000_000;
const MINUTELY: i64 = 100_000;

thread_local! {
    /// What the device's clock shows, Unix milliseconds.
    static NOW: Cell<u64> = const { Cell::new(0) };
}

type Say<'a> = &'a mut (dyn FnMut(&Beside) + Send);

async fn start<'a>(directory: &Path, input: Option<&str>, say: Say<'a>) -> Result<Run<'a>, Failure> {
    let input = input.map(ToOwned::to_owned);
    let (directory, lines) = (directory.to_owned(), Lines::default());
    let options = Options { directory, lines, id: None, input, pair: false, code_file: None };
    let terms = Terms { interval: Interval::QUARTER, cadence: 60 };
    let listening = Listening::open(&options.directory, terms.interval)?;
    let (inward, _) = mpsc::channel(1);
    let mut run = Run::new(options, terms, listening, inward, say, || NOW.get())?;
    run.open_again().await?;
    Ok(run)
}

/// What the meter's registers show at a moment.
fn total(at: u64) -> i64 {
    SHOWN + MINUTELY * i64::try_from(at.saturating_sub(START) / MINUTE).unwrap()
}

fn telegram(at: u64) -> Telegram {
    let meter = Some("E1".to_owned());
    Telegram {
        meter,
        import: Some(Energy(total(at))),
        power: Some(Power(6_000_000)),
        checked: true,
        ..Telegram::default()
    }
}

async fn hear(run: &mut Run<'_>, at: u64, telegram: &Telegram) -> Result<(), Failure> {
    NOW.set(at * 1000);
    run.telegram(at * 1000, telegram).await?;
    run.tell();
    Ok(())
}

/// A telegram a minute from one moment to before another.
async fn hear_all(run: &mut Run<'_>, from: u64, until: u64, telegram: impl Fn(u64) -> Telegram) {
    for at in (from..until).step_by(60) {
        hear(run, at, &telegram(at)).await.unwrap();
    }
}

fn recorder<'a>(run: &'a Run<'_>) -> &'a Recorder {
    run.device.as_ref().unwrap().device.recorder()
}

fn shown(run: &Run<'_>) -> Option<Vec<u64>> {
    recorder(run).totals()
}

/// What is sealed or recorded of a register: the times of its blocks, and the slot that is due.
fn sealed(run: &Run<'_>, way: Way) -> (Vec<(u64, u64)>, Option<u64>) {
    let (meter, code) = (recorder(run).meter(), register(way).unwrap());
    (meter.coverage(&code).unwrap().ranges().to_vec(), meter.expected(&code))
}

fn codes(said: &[Beside]) -> Vec<&'static str> {
    said.iter().filter_map(|told| if let Beside::Meter { code, .. } = told { Some(*code) } else { None }).collect()
}

fn unsigned(total: i64) -> u64 {
    u64::try_from(total).unwrap()
}

#[tokio::test]
async fn what_is_not_known_is_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let mut say = |_: &Beside| {};
    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    let silent = |at| Telegram { power: None, ..telegram(at) };
    hear(&mut run, START, &silent(START)).await.unwrap();
    assert_eq!(
        (recorder(&run).power(), shown(&run)),
        (None, Some(vec![])),
        "no power, and no register that shows 0 kWh"
    );
    hear_all(&mut run, START + MINUTE, START + 3 * MINUTE, telegram).await;
    assert_eq!((recorder(&run).power(), shown(&run)), (Some(600), Some(vec![unsigned(total(START + 2 * MINUTE))])));
    // A bridge tells each value alone: a total says nothing of power.
    hear(&mut run, START + 3 * MINUTE, &silent(START + 3 * MINUTE)).await.unwrap();
    assert_eq!(recorder(&run).power(), Some(600));
    let feeds = Telegram { power: Some(Power(-2_000_000)), ..telegram(START + 4 * MINUTE) };
    hear(&mut run, START + 4 * MINUTE, &feeds).await.unwrap();
    assert_eq!(recorder(&run).power(), Some(-200), "without a register of it as well");
}

#[tokio::test]
async fn what_is_not_believed_is_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let mut say = |_: &Beside| {};
    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    let unchecked = |at| Telegram { checked: false, ..telegram(at) };
    hear_all(&mut run, START, START + 20 * MINUTE, unchecked).await;
    let before = shown(&run).unwrap()[0];
    assert!(before.abs_diff(unsigned(total(START + 19 * MINUTE))) <= unsigned(2 * MINUTELY), "a telegram or two late");
    // A digit that the line changed, upwards and then downwards.
    for (minute, import) in [(20, 9 * SHOWN), (21, SHOWN / 9)] {
        let damaged = Telegram { import: Some(Energy(import)), ..unchecked(START + minute * MINUTE) };
        hear(&mut run, START + minute * MINUTE, &damaged).await.unwrap();
        assert!(shown(&run).unwrap()[0].abs_diff(before) <= unsigned(3 * MINUTELY), "{:?}", shown(&run));
    }
    hear_all(&mut run, START + 22 * MINUTE, START + 40 * MINUTE, telegram).await;
    // Another meter's number and total, once.
    let at = START + 40 * MINUTE;
    let other = Telegram { meter: Some("E2".into()), import: Some(Energy(9 * SHOWN)), ..telegram(at) };
    hear(&mut run, at, &other).await.unwrap();
    assert_eq!(shown(&run), Some(vec![unsigned(total(at - MINUTE))]));
    assert_eq!(recorder(&run).power(), None, "nor its power");
    hear(&mut run, at + MINUTE, &telegram(at + MINUTE)).await.unwrap();
    assert_eq!(shown(&run), Some(vec![unsigned(total(at + MINUTE))]));
}

#[tokio::test]
async fn which_input_is_the_meter_is_said_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let of = |input: &str, at| Telegram { input: Some(input.into()), meter: Some(input.into()), ..telegram(at) };
    let mut say = |_: &Beside| {};
    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    let refused = hear(&mut run, START, &of("em1:0", START)).await.unwrap_err();
    assert_eq!((refused.code(), refused.exit_code()), ("input", 1));
    assert!(refused.to_string().contains("--input em1:0"), "{refused}");
    assert!(run.device.is_none());
    drop(run);

    let mut said = Vec::new();
    let mut say = |told: &Beside| said.push(told.clone());
    let mut run = start(directory.path(), Some("em1:0"), &mut say).await.unwrap();
    for minute in 0..40 {
        let at = START + minute * MINUTE;
        hear(&mut run, at, &of("em1:0", at)).await.unwrap();
        let other = Telegram { import: Some(Energy(7 * SHOWN)), ..of("em1:1", at) };
        hear(&mut run, at, &other).await.unwrap();
    }
    assert_eq!(shown(&run), Some(vec![unsigned(total(START + 39 * MINUTE))]), "not mixed");
    assert_ne!(recorder(&run).meter().id().as_str(), "em1:0", "an input's label is no number");
    drop(run);
    assert_eq!(codes(&said).iter().filter(|code| **code == "input").count(), 1, "told once");

    // The choice stays, and another is another device's.
    let mut say = |_: &Beside| {};
    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    hear(&mut run, START + HOUR, &of("em1:0", START + HOUR)).await.unwrap();
    drop(run);
    let refused = start(directory.path(), Some("em1:1"), &mut |_: &Beside| {}).await.map(drop).unwrap_err();
    assert_eq!((refused.code(), refused.exit_code()), ("input", 1));
}

#[tokio::test]
async fn a_register_that_comes_later_is_sealed_from_then_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut say = |_: &Beside| {};
    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    hear_all(&mut run, START, START + 5 * HOUR, telegram).await;
    assert_eq!(shown(&run).unwrap().len(), 1);
    // The house gets panels. Their register had counted something before.
    let begins = START + 5 * HOUR + 7 * MINUTE;
    let exported = |at: u64| 7_000_000 + total(at) - total(begins);
    let both = |at: u64| Telegram { export: Some(Energy(exported(at))), ..telegram(at) };
    hear_all(&mut run, begins - 7 * MINUTE, begins, telegram).await;
    hear_all(&mut run, begins, START + 9 * HOUR, both).await;
    let first = (begins / QUARTER + 1) * QUARTER;
    assert_eq!(sealed(&run, Way::Export), (vec![], Some((START + 9 * HOUR - QUARTER) / QUARTER)));
    let last = START + 9 * HOUR - MINUTE;
    assert_eq!(shown(&run), Some(vec![unsigned(total(last)), unsigned(exported(last))]));
    drop(run);

    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    assert_eq!(recorder(&run).meter().registers().count(), 2);
    hear_all(&mut run, START + 10 * HOUR, START + DAY_SECONDS + HOUR, both).await;
    let (import, export) = (sealed(&run, Way::Import), sealed(&run, Way::Export));
    assert_eq!((import.0.len(), import.0[0].1), (1, START + DAY_SECONDS));
    assert_eq!(export.0, [(first, START + DAY_SECONDS)], "from its first slot, in one block");
    let code = register(Way::Export).unwrap();
    let sum = recorder(&run).meter().total(&code).unwrap();
    assert_eq!(sum, unsigned(exported(START + DAY_SECONDS)), "and by what the register shows");
}

#[tokio::test]
async fn a_register_that_a_bad_line_made_up_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let mut say = |_: &Beside| {};
    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    for minute in 0..60 {
        let at = START + minute * MINUTE;
        let mut telegram = Telegram { checked: false, ..telegram(at) };
        if minute % 35 == 0 {
            telegram.export = telegram.import.take();
        }
        hear(&mut run, at, &telegram).await.unwrap();
    }
    let codes: Vec<_> = recorder(&run).meter().registers().map(|register| register.code).collect();
    assert_eq!(codes, [register(Way::Import).unwrap()]);
}

#[tokio::test]
async fn a_clock_of_1970_seals_nothing_until_it_is_set() {
    let directory = tempfile::tempdir().unwrap();
    let mut said = Vec::new();
    let mut say = |told: &Beside| said.push(told.clone());
    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    hear_all(&mut run, 30, 30 + HOUR, |_| telegram(START)).await;
    assert!(run.device.is_none(), "no key of its life begins in 1970");
    hear_all(&mut run, START, START + DAY_SECONDS + HOUR, telegram).await;
    assert_eq!(sealed(&run, Way::Import).0, [(START, START + DAY_SECONDS)]);
    assert_eq!(recorder(&run).meter().epoch_first(), START);
    drop(run);

    // A cut of the power: 1970 again, and then the time.
    let later = START + DAY_SECONDS + 3 * HOUR;
    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    hear_all(&mut run, 30, 30 + HOUR, |at| telegram(later - HOUR + at)).await;
    hear_all(&mut run, later, later + DAY_SECONDS, telegram).await;
    assert_eq!(sealed(&run, Way::Import).0, [(START, START + 2 * DAY_SECONDS)]);
    assert_eq!(recorder(&run).meter().certificates().len(), 1);
    let sum = recorder(&run).meter().total(&register(Way::Import).unwrap()).unwrap();
    assert_eq!(sum, unsigned(total(START + 2 * DAY_SECONDS)), "what passed meanwhile is in it");
    drop(run);
    let clock: Vec<_> = codes(&said).into_iter().filter(|code| code.starts_with("clock")).collect();
    assert_eq!(clock, ["clock", "clock-set", "clock", "clock-set"]);
}

#[tokio::test]
async fn a_clock_that_leaps_by_years_begins_an_epoch_and_seals_no_day_between() {
    let directory = tempfile::tempdir().unwrap();
    let mut said = Vec::new();
    let mut say = |told: &Beside| said.push(told.clone());
    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    // A clock that was right before the program was there for years, in the middle of a slot, and then is set.
    hear_all(&mut run, START, START + 5 * HOUR + 8 * MINUTE, telegram).await;
    let leap = 1000 * DAY_SECONDS;
    let from = START + 5 * HOUR + 8 * MINUTE;
    hear_all(&mut run, from + leap, from + leap + DAY_SECONDS, |at| telegram(at - leap)).await;
    let (blocks, _) = sealed(&run, Way::Import);
    let again = (from + leap) / QUARTER * QUARTER + QUARTER;
    let whole = again / DAY_SECONDS * DAY_SECONDS + DAY_SECONDS;
    assert_eq!(blocks, [(START, START + 5 * HOUR), (again, whole)], "no day between");
    assert_eq!(recorder(&run).meter().certificates().len(), 2);
    drop(run);
    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    let on = from + leap + DAY_SECONDS;
    hear_all(&mut run, on, on + DAY_SECONDS, |at| telegram(at - leap)).await;
    assert_eq!(sealed(&run, Way::Import).0, [(START, START + 5 * HOUR), (again, whole + DAY_SECONDS)]);
    drop(run);
    assert_eq!(codes(&said), ["gap"]);
}

#[tokio::test]
async fn a_new_device_whose_clock_is_set_before_its_first_slot_has_no_past() {
    let directory = tempfile::tempdir().unwrap();
    let mut say = |_: &Beside| {};
    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    // The clock stands where the computer's image was made; five minutes later the network sets it.
    hear_all(&mut run, START + 3 * MINUTE, START + 8 * MINUTE, telegram).await;
    let set = START + 90 * DAY_SECONDS;
    hear_all(&mut run, set, set + DAY_SECONDS + HOUR, telegram).await;
    let (blocks, _) = sealed(&run, Way::Import);
    assert_eq!(blocks.len(), 1);
    assert!(blocks[0].0 >= set && blocks[0].1 == set + DAY_SECONDS, "{blocks:?}");
}

#[tokio::test]
async fn a_silence_of_days_is_missing_slots_with_their_sum() {
    let directory = tempfile::tempdir().unwrap();
    let mut say = |_: &Beside| {};
    let mut run = start(directory.path(), None, &mut say).await.unwrap();
    hear_all(&mut run, START, START + HOUR, telegram).await;
    let again = START + 3 * DAY_SECONDS + HOUR;
    hear_all(&mut run, again, again + DAY_SECONDS, telegram).await;
    assert_eq!(sealed(&run, Way::Import).0, [(START, START + 4 * DAY_SECONDS)]);
    assert_eq!(recorder(&run).meter().certificates().len(), 1);
    let sum = recorder(&run).meter().total(&register(Way::Import).unwrap()).unwrap();
    assert_eq!(sum, unsigned(total(START + 4 * DAY_SECONDS)));
}
