//! What is sealed here stands in the store as if a meter had sent it, through restarts, gaps and moved cables.

use protocol::time::Span;

use super::*;
use crate::store::StoreKey;

const DAY: u64 = 86_400;
const START: u64 = 20_000 * DAY;
const QUARTERS: u64 = 96;
const FIRST: u64 = START / 900;

struct Home {
    _directory: tempfile::TempDir,
    store: Store,
}

fn home() -> Home {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::create(&directory.path().join("store.db"), &StoreKey::from_bytes([1; 32])).unwrap();
    Home { _directory: directory, store }
}

fn place(number: &str) -> Place {
    let (address, number) = ("serial:/dev/cable".into(), Some(number.into()));
    Place { address, label: String::new(), number, interval: Interval::QUARTER }
}

fn import() -> RegisterCode {
    RegisterCode::new("1-0:1.8.0").unwrap()
}

fn starts() -> [Start; 1] {
    [Start { code: import(), unit: Unit::new("Wh").unwrap(), total: 5_000_000 }]
}

fn slots(numbers: impl Iterator<Item = u64>) -> Vec<OpenSlot> {
    let sample = |slot: u64| Sample { advance: u32::try_from(slot % 500).unwrap() * 10_000, status: Status::Measured };
    numbers.map(|slot| OpenSlot { register: import(), slot, sample: sample(slot) }).collect()
}

impl Home {
    fn open(&mut self, place: &Place) -> Result<(SelfSealer, Vec<u8>), SealingError> {
        self.store.transaction(|store| SelfSealer::open(store, place, &Entropy::System, START, 1))
    }

    fn take(&mut self, sealer: &mut SelfSealer, slots: &[OpenSlot]) -> Result<usize, SealingError> {
        let taken = self.store.transaction(|store| sealer.take(store, slots, &starts(), &Entropy::System, b"edges"));
        taken.map(|blocks| blocks.len())
    }

    /// Spans, and register totals, of all blocks in order.
    fn blocks(&self, sealer: &SelfSealer) -> Vec<(Span, u64, u64)> {
        let registers = self.store.registers().unwrap().into_iter().filter(|register| register.meter == sealer.row());
        let all = Span { from: 0, until: u64::from(u32::MAX) * DAY };
        let blocks = registers.flat_map(|register| self.store.blocks(register.id, &all).unwrap());
        blocks.map(|block| (block.header.span(), block.before, block.after)).collect()
    }
}

#[test]
fn days_are_sealed_and_a_restart_within_one_loses_nothing() {
    let mut home = home();
    let (mut sealer, edges) = home.open(&place("E1")).unwrap();
    assert!(edges.is_empty());
    assert_eq!(sealer.name(), MeterId::new("E1").unwrap());
    let mut sealed = 0;
    for part in slots(FIRST..FIRST + 2 * QUARTERS + 30).chunks(7) {
        sealed += home.take(&mut sealer, part).unwrap();
        let (again, edges) = home.open(&place("E1")).unwrap();
        assert_eq!(edges, b"edges");
        assert_eq!((again.row(), again.earliest(&import())), (sealer.row(), sealer.earliest(&import())));
        sealer = again;
    }
    assert_eq!(sealed, 2);
    let sum = |from, until| slots(from..until).iter().map(|open| u64::from(open.sample.advance)).sum::<u64>();
    let (first, second) = (sum(FIRST, FIRST + QUARTERS), sum(FIRST + QUARTERS, FIRST + 2 * QUARTERS));
    let day = |n: u64| Span { from: START + n * DAY, until: START + (n + 1) * DAY };
    assert_eq!(
        home.blocks(&sealer),
        [(day(0), 5_000_000, 5_000_000 + first), (day(1), 5_000_000 + first, 5_000_000 + first + second)]
    );
    let certificates = home.store.certificates(sealer.row()).unwrap();
    assert_eq!(certificates.len(), 1);
    assert_eq!(certificates[0].1.certificate.class, SealClass::SelfSealed, "never more than that");
}

#[test]
fn gaps_are_missing_and_long_ones_begin_an_epoch() {
    let mut home = home();
    let (mut sealer, _) = home.open(&place("E1")).unwrap();
    home.take(&mut sealer, &slots(FIRST..FIRST + 10)).unwrap();
    assert_eq!(home.take(&mut sealer, &slots(FIRST + 90..FIRST + 100)).unwrap(), 1);
    assert_eq!(home.blocks(&sealer)[0].0, Span { from: START, until: START + DAY });
    // What was told before is not told again.
    assert_eq!(home.take(&mut sealer, &slots(FIRST..FIRST + 100)).unwrap(), 0);
    assert_eq!(sealer.earliest(&import()), Some(FIRST + 100));
    let later = FIRST + 10 * QUARTERS + 5;
    assert_eq!(home.take(&mut sealer, &slots(later..later + 3)).unwrap(), 1, "the open day is closed");
    let (mut sealer, _) = home.open(&place("E1")).unwrap();
    assert_eq!(sealer.earliest(&import()), Some(later + 3));
    assert_eq!(home.store.certificates(sealer.row()).unwrap().len(), 2);
    home.take(&mut sealer, &slots(later + 3..FIRST + 11 * QUARTERS)).unwrap();
    let blocks = home.blocks(&sealer);
    assert_eq!(blocks.len(), 3);
    assert!(blocks.windows(2).all(|pair| pair[0].2 == pair[1].1), "totals go on");
}

#[test]
fn what_failed_is_not_there_and_can_be_taken_again() {
    let mut home = home();
    let (mut sealer, _) = home.open(&place("E1")).unwrap();
    home.take(&mut sealer, &slots(FIRST..FIRST + 90)).unwrap();
    let failed: Result<(), SealingError> = home.store.transaction(|store| {
        sealer.take(store, &slots(FIRST + 90..FIRST + 100), &starts(), &Entropy::System, b"other")?;
        Err(StoreError::Full.into())
    });
    failed.unwrap_err();
    assert!(home.blocks(&sealer).is_empty());
    let (mut sealer, edges) = home.open(&place("E1")).unwrap();
    assert_eq!((edges.as_slice(), sealer.earliest(&import())), (b"edges".as_slice(), Some(FIRST + 90)));
    assert_eq!(home.take(&mut sealer, &slots(FIRST + 90..FIRST + 100)).unwrap(), 1);
}

#[test]
fn a_meter_is_known_by_its_number_and_sealed_for_once() {
    let mut home = home();
    let plain = crate::store::PlainLine {
        profile: "dsmr5".into(),
        interval: 900,
        key: None,
        authentication_key: None,
        public_key: None,
    };
    let line = home.store.keep_line("serial:/dev/cable", None, None, Some(&plain), 1).unwrap();
    let (sealer, _) = home.open(&place("E1")).unwrap();
    let moved = Place { address: "tcp://10.0.0.9:88".into(), ..place("E1") };
    assert!(matches!(home.open(&moved), Err(SealingError::Elsewhere)));
    home.store.remove_line(line).unwrap();
    let (found, _) = home.open(&moved).unwrap();
    assert_eq!(found.row(), sealer.row(), "the cable was moved");
    let (other, _) = home.open(&Place { address: "tcp://10.0.0.9:89".into(), ..place("E2") }).unwrap();
    assert_ne!(other.row(), sealer.row());
    // Another length of slots is another meter here; what was open is sealed.
    let (mut found, _) = home.open(&moved).unwrap();
    home.take(&mut found, &slots(FIRST..FIRST + 5)).unwrap();
    let (hourly, edges) = home.open(&Place { interval: Interval::HOUR, ..moved }).unwrap();
    assert_ne!(hourly.row(), found.row());
    assert!(edges.is_empty());
    assert_eq!(home.blocks(&found)[0].0, Span { from: START, until: START + 5 * 900 });
    // After a restored backup none goes on.
    assert_eq!(home.store.forget_sealers().unwrap(), 2);
    let (anew, _) = home.open(&place("E1")).unwrap();
    assert!(anew.row() != sealer.row() && anew.row() != hourly.row());
}

#[test]
fn another_meter_in_the_same_place_has_a_chain_of_its_own() {
    let mut home = home();
    let (mut first, _) = home.open(&place("E1")).unwrap();
    home.take(&mut first, &slots(FIRST..FIRST + 10)).unwrap();
    let (mut second, edges) = home.open(&place("E2")).unwrap();
    assert_ne!(first.row(), second.row());
    assert!(edges.is_empty());
    assert_eq!(second.name(), MeterId::new("E2").unwrap());
    assert_eq!(home.blocks(&first)[0].0, Span { from: START, until: START + 10 * 900 }, "what was open is sealed");
    home.take(&mut second, &slots(FIRST + 11..FIRST + 20)).unwrap();
    // The first comes back: its chain goes on, and the gap is missing.
    let (mut again, edges) = home.open(&place("E1")).unwrap();
    assert_eq!((again.row(), edges.as_slice()), (first.row(), b"edges".as_slice()));
    home.take(&mut again, &slots(FIRST + 40..FIRST + 50)).unwrap();
    assert_eq!(again.earliest(&import()), Some(FIRST + 50));
    // A meter that tells no number is the one that hangs there.
    let unnamed = Place { number: None, ..place("E1") };
    assert_eq!(home.open(&unnamed).unwrap().0.row(), first.row());
}

#[test]
fn a_start_that_no_register_shows_is_refused() {
    let mut home = home();
    let (mut sealer, _) = home.open(&place("E1")).unwrap();
    let start = Start { total: u64::MAX, ..starts()[0] };
    let refused =
        home.store.transaction(|store| sealer.take(store, &slots(FIRST..FIRST + 1), &[start], &Entropy::System, b""));
    assert!(matches!(refused, Err(SealingError::Meter(MeterError::Total))));
}
