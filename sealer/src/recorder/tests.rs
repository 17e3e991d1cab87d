//! Power cuts between any two steps of writing: nothing that was announced is lost, nothing is sealed twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use metrology::certificate::SealClass;
use metrology::keys::{AgreementKey, PairingCode};
use metrology::label::{Interval, Register, RegisterCode, RegisterKind, Status, Text};
use protocol::block::BlockFile;
use protocol::money::Currency;

mod registers;

use super::*;
use crate::entropy::MeterSeed;
use crate::record::Record;
use crate::store::files::cut;

const START: u64 = 1_748_736_000;
const HOUR: u64 = 3600;
const DAYS: u64 = 3;

/// In its first hour one unit passes through each register, in its second two, and so on.
#[derive(Debug)]
struct Steps;

impl Steps {
    fn total(at: u64) -> u64 {
        let (hours, rest) = ((at - START) / HOUR, (at - START) % HOUR);
        hours * (hours + 1) / 2 * 10_000 + (hours + 1) * 10_000 * rest / HOUR
    }
}

impl Source for Steps {
    fn interval(&self) -> Interval {
        Interval::HOUR
    }

    fn from(&self) -> u64 {
        START
    }

    fn until(&self) -> u64 {
        START + DAYS * 24 * HOUR
    }

    fn passed(&self, _: usize, from: u64, until: u64) -> u64 {
        let within = |at: u64| Self::total(at.clamp(self.from(), self.until()));
        within(until) - within(from)
    }

    fn status(&self, _: usize, _: u64, _: u64) -> Status {
        Status::Measured
    }

    fn power(&self, _: &[(usize, i64)], _: u64) -> Option<i64> {
        None
    }
}

fn setup(root: &Path) -> Arc<Setup> {
    let intake = |code| Intake {
        register: Register {
            code: Text::new(code).unwrap(),
            unit: Text::new("Wh").unwrap(),
            kind: RegisterKind::Cumulative,
            interval: Interval::HOUR,
        },
        start: None,
    };
    Arc::new(Setup {
        root: root.to_owned(),
        source: Arc::new(Steps),
        intakes: vec![intake("1-0:1.8.0"), intake("1-0:2.8.0")],
        entropy: Entropy::Seeded(MeterSeed::from_bytes([3; 32])),
        id: None,
        class: SealClass::Certified,
        start: None,
        cadence: 1,
        operator: None,
        price: None,
        currency: Currency { code: "EUR".into(), exponent: 2 },
    })
}

fn moment(hour: u64) -> Moment {
    Moment { real: Duration::from_secs(hour * HOUR), seen: (START + hour * HOUR) * 1000 }
}

/// What was announced: register, number, hash of the header.
type Announced = BTreeMap<(RegisterCode, u64), [u8; 32]>;

/// Lives from where the disk is until the end or until something fails, and notes what it announced. Pairs at hour 30.
fn live(setup: &Arc<Setup>, announced: &mut Announced) -> Result<(), Failure> {
    let (mut recorder, last) = Recorder::open(setup, moment(0))?;
    let begun = last.at.max(START);
    let result = steps(&mut recorder, begun);
    for event in recorder.take_events() {
        if let Event::Sealed { register, block, .. } = event {
            let bytes = recorder.archive().block(&register, block).expect("what is announced is there");
            let file = BlockFile::read(&bytes).unwrap();
            let key = recorder.meter().certificates()[0].certificate.signing_key;
            let hash = file.verify(&key).unwrap().hash;
            let before = announced.insert((register, block), hash);
            assert!(before.is_none_or(|before| before == hash), "two blocks with one number");
        }
    }
    result
}

fn steps(recorder: &mut Recorder, begun: u64) -> Result<(), Failure> {
    recorder.resume(begun, moment((begun - START) / HOUR))?;
    for hour in (begun - START) / HOUR..DAYS * 24 {
        let now = moment(hour);
        recorder.advance(START + (hour + 1) * HOUR, now)?;
        if hour >= 30 && recorder.paired().counter == 0 {
            let household = AgreementKey::from_bytes([7; 32]).public();
            recorder.pair(household, PairingCode::from_bytes([8; 16]), [9; 32], now)?;
        }
        if cut::came() {
            break;
        }
    }
    if cut::came() { Ok(()) } else { recorder.stop(moment(DAYS * 24)) }
}

/// Every register's chain from its first block, all of it on disk and nothing else.
fn check(setup: &Arc<Setup>, announced: &Announced) {
    let (recorder, _) = Recorder::open(setup, moment(DAYS * 24)).unwrap();
    let certificate = &recorder.meter().certificates()[0];
    for intake in &setup.intakes {
        let code = intake.register.code;
        let (mut previous, mut covered, mut next) = (certificate.hash, START, 0);
        for run in recorder.archive().runs(&code, 0) {
            assert_eq!(run.first, next);
            for number in run.first..=run.last {
                let file = BlockFile::read(&recorder.archive().block(&code, number).unwrap()).unwrap();
                let block = file.verify(&certificate.certificate.signing_key).unwrap();
                assert_eq!((block.header.previous, block.header.block), (previous, number));
                assert_eq!(block.header.span().from, covered, "every second once");
                if let Some(known) = announced.get(&(code, number)) {
                    assert_eq!(*known, block.hash, "what was announced stays");
                }
                (previous, covered) = (block.hash, block.header.span().until);
            }
            next = run.last + 1;
        }
        assert_eq!(covered, setup.source.until());
        assert_eq!(recorder.paired().counter, 1);
        let total: u64 = (1..=DAYS * 24).sum::<u64>() * 10_000;
        assert!(recorder.totals().unwrap().iter().all(|shown| *shown == total), "no energy is lost");
        assert!(announced.keys().filter(|(known, _)| *known == code).all(|(_, number)| *number < next));
    }
    let leftovers = std::fs::read_dir(setup.root.join("flash")).unwrap().count();
    assert_eq!(leftovers, 2, "the lock and the state");
}

#[test]
fn a_cut_before_any_step_of_writing_does_no_harm() {
    let mut cuts = 0;
    // Every step of the first days, then every fifth.
    for steps in (0..160).chain((160..).step_by(5)) {
        let dir = tempfile::tempdir().unwrap();
        let setup = setup(&dir.path().join("meter"));
        let mut announced = Announced::new();
        cut::after(Some(steps));
        // However it ended, the process is gone.
        let _ = live(&setup, &mut announced);
        let came = cut::came();
        // A second cut while the meter recovers.
        cut::after(came.then_some(steps % 7));
        if came {
            let _ = live(&setup, &mut announced);
        }
        cut::after(Some(u32::MAX));
        live(&setup, &mut announced).unwrap();
        cut::after(None);
        check(&setup, &announced);
        if !came {
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 100, "{cuts}");
}

#[test]
fn a_cut_of_the_open_days_file_at_any_byte_costs_slots_at_most() {
    let dir = tempfile::tempdir().unwrap();
    let setup = setup(&dir.path().join("meter"));
    cut::after(Some(u32::MAX));
    let (mut recorder, _) = Recorder::open(&setup, moment(0)).unwrap();
    recorder.resume(START, moment(0)).unwrap();
    for hour in 0..5 {
        recorder.advance(START + (hour + 1) * HOUR, moment(hour)).unwrap();
    }
    drop(recorder);
    let path = setup.root.join("flash/open-1.log");
    let whole = std::fs::read(&path).unwrap();
    // That the meter began is on disk before anything else happens.
    let first = Record::read_all(&whole).0[0].write().len();
    for length in (first..whole.len()).step_by(3) {
        std::fs::write(&path, &whole[..length]).unwrap();
        let (mut recorder, last) = Recorder::open(&setup, moment(5)).unwrap();
        assert!(last.at <= START + 5 * HOUR);
        recorder.resume(START + 6 * HOUR, moment(6)).unwrap();
        assert_eq!(recorder.totals().unwrap(), [21 * 10_000; 2], "cut at {length}");
    }
}
