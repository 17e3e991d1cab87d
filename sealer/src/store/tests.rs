//! The directory: what a power cut leaves, modes of files, the lock.

use metrology::certificate::SealClass;
use metrology::label::{Interval, Register, RegisterKind, Status, Text};
use metrology::seal::Sample;

use super::*;
use crate::entropy::{Entropy, MeterSeed};

const START: u64 = 1_735_689_600;

fn register() -> Register {
    Register {
        code: Text::new("1-0:1.8.0").unwrap(),
        unit: Text::new("Wh").unwrap(),
        kind: RegisterKind::Cumulative,
        interval: Interval::HOUR,
    }
}

/// A meter that has sealed a day, its blocks laid out but not committed.
fn sealed(root: &Path) -> (Store, Stage, SealingMeter) {
    let entropy = Entropy::Seeded(MeterSeed::from_bytes([5; 32]));
    let (mut meter, pairing) = SealingMeter::new(&entropy, None, SealClass::Certified, START).unwrap();
    meter.add_register(register(), 0).unwrap();
    let store = Store::create(root).unwrap();
    let mut stage = store.stage().unwrap();
    stage.pairing(&pairing).unwrap();
    for block in meter.seal(&register().code, START / 3600, vec![sample(); 30]).unwrap() {
        stage.block(&block).unwrap();
    }
    (store, stage, meter)
}

fn sample() -> Sample {
    Sample { advance: 1, status: Status::Measured }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_run_survives_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("meter");
    assert!(Store::open(&root).unwrap().is_none());
    assert!(!root.exists(), "looking writes nothing");

    let (mut store, mut stage, meter) = sealed(&root);
    store.commit(&mut stage, &meter).unwrap();
    drop(store);
    let (_, mut again) = Store::open(&root).unwrap().unwrap();
    assert_eq!(again.certificate_file(), meter.certificate_file());
    assert_eq!(again.coverage(&register().code), meter.coverage(&register().code));
    assert_eq!(flash::write(&again, 1), flash::write(&meter, 1));
    let next = again.expected(&register().code).unwrap();
    assert_eq!(again.seal(&register().code, next, [sample()]).unwrap()[0].number, 2);
}

#[test]
fn before_the_flash_is_written_nothing_happened() {
    let dir = tempfile::tempdir().unwrap();
    let (store, stage, _) = sealed(dir.path());
    assert!(stage.root().join("blocks/1-0_1.8.0/2025-01-01-000000.block").exists());
    drop((store, stage));
    // As after a power cut: pending files without a state. A new meter can be made here.
    assert!(Store::open(dir.path()).unwrap().is_none());
    let (mut store, mut stage, meter) = sealed(dir.path());
    store.commit(&mut stage, &meter).unwrap();
    assert!(dir.path().join("blocks/1-0_1.8.0/2025-01-02-000000.block").exists());
    assert_eq!(fs::read_dir(dir.path().join(FLASH)).unwrap().count(), 2, "lock and state");
}

#[test]
fn after_the_flash_is_written_the_next_run_finishes() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, cut) = (dir.path().join("whole"), dir.path().join("cut"));
    let (mut store, mut stage, meter) = sealed(&whole);
    stage.file(Path::new(CERTIFICATE), &meter.certificate_file(), files::PUBLIC).unwrap();
    copy(&whole, &cut);
    fs::remove_file(stage.root().join(CERTIFICATE)).unwrap();
    store.commit(&mut stage, &meter).unwrap();
    // The power fails between writing the flash and moving the files, one of which has moved.
    fs::copy(whole.join("flash/state.cbor"), cut.join("flash/state.cbor")).unwrap();
    fs::rename(cut.join("flash/pending-1/meter.cert"), cut.join("meter.cert")).unwrap();
    drop(Store::open(&cut).unwrap().unwrap());
    for name in ["meter.cert", "pairing.key", "blocks/1-0_1.8.0/2025-01-01-000000.block"] {
        assert_eq!(fs::read(whole.join(name)).unwrap(), fs::read(cut.join(name)).unwrap(), "{name}");
    }
    assert!(!cut.join("flash/pending-1").exists());
}

#[test]
fn a_bill_is_visible_once_its_time_is_used_up() {
    let dir = tempfile::tempdir().unwrap();
    let (before, after) = (dir.path().join("before"), dir.path().join("after"));
    let billed = |root: &Path| {
        let entropy = Entropy::Seeded(MeterSeed::from_bytes([5; 32]));
        let mut meter = SealingMeter::unpaired(&entropy, None, SealClass::Certified, START).unwrap();
        meter.add_register(register(), 0).unwrap();
        let span = protocol::time::Span { from: START, until: START + 86_400 };
        meter.account(&register().code, span, 77).unwrap();
        assert_eq!(meter.account(&register().code, span, 77), Err(crate::MeterError::Covered));
        let store = Store::create(root).unwrap();
        let mut stage = store.stage().unwrap();
        stage.bill("a.bill", b"bill").unwrap();
        (store, stage, meter)
    };
    // The power fails before the flash is written: no bill, and the time is free.
    drop(billed(&before));
    assert!(Store::open(&before).unwrap().is_none());
    assert!(!before.join("bills").exists());
    // It fails after: the next run hands the bill out, and the time is used.
    let (store, mut stage, meter) = billed(&after);
    stage.file(Path::new(CERTIFICATE), &meter.certificate_file(), files::PUBLIC).unwrap();
    fs::write(after.join("flash/state.cbor"), &*flash::write(&meter, 1)).unwrap();
    drop((store, stage));
    let (store, again) = Store::open(&after).unwrap().unwrap();
    assert_eq!(fs::read(after.join("bills/a.bill")).unwrap(), b"bill");
    assert_eq!(again.coverage(&register().code).unwrap().ranges(), [(START, START + 86_400)]);
    assert!(!again.is_paired());
    // An older flash would bill it again, but for the bill that is there.
    assert!(matches!(store.stage().unwrap().bill("a.bill", b"other"), Err(StoreError::OldFlash(_))));
    drop(store);
    fs::remove_dir_all(after.join("flash")).unwrap();
    assert!(matches!(Store::open(&after), Err(StoreError::NoFlash(_))));
}

#[test]
fn one_run_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut stage, meter) = sealed(dir.path());
    assert!(matches!(Store::create(dir.path()), Err(StoreError::Locked(_))));
    store.commit(&mut stage, &meter).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Locked(_))));
    drop(store);
    assert!(matches!(Store::create(dir.path()), Err(StoreError::Locked(_))), "a meter appeared in the meantime");
    assert!(Store::open(dir.path()).unwrap().is_some());
}

#[cfg(unix)]
#[test]
fn secrets_are_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut stage, meter) = sealed(dir.path());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&stage.root().join(PAIRING)), 0o600, "from its first moment");
    store.commit(&mut stage, &meter).unwrap();
    let mut stage = store.stage().unwrap();
    stage.bill("a.bill", b"bill").unwrap();
    store.commit(&mut stage, &meter).unwrap();
    for name in [PAIRING, "bills/a.bill", "flash/state.cbor", "flash/lock"] {
        assert_eq!(mode(&dir.path().join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&dir.path().join(FLASH)), 0o700);
    assert_ne!(mode(&dir.path().join(CERTIFICATE)) & 0o044, 0);
}

#[test]
fn an_old_flash_cannot_seal_a_time_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut stage, mut meter) = sealed(dir.path());
    store.commit(&mut stage, &meter).unwrap();
    let seal = |store: &Store, meter: &mut SealingMeter| {
        let next = meter.expected(&register().code).unwrap();
        let block = meter.seal(&register().code, next, [sample()]).unwrap().remove(0);
        let mut stage = store.stage().unwrap();
        stage.block(&block).map(|()| stage)
    };
    let old = fs::read(dir.path().join("flash/state.cbor")).unwrap();
    let mut stage = seal(&store, &mut meter).unwrap();
    store.commit(&mut stage, &meter).unwrap();
    drop(store);
    fs::write(dir.path().join("flash/state.cbor"), old).unwrap();
    let (store, mut meter) = Store::open(dir.path()).unwrap().unwrap();
    assert!(matches!(seal(&store, &mut meter), Err(StoreError::OldFlash(_))));
}

#[test]
fn damage_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut stage, meter) = sealed(dir.path());
    store.commit(&mut stage, &meter).unwrap();
    drop(store);
    let state = dir.path().join("flash/state.cbor");
    let good = fs::read(&state).unwrap();
    let identity = good.windows(32).position(|w| w == meter.identity.to_bytes()).unwrap();
    for (at, what) in [(0, "shape"), (identity, "a key"), (good.len() / 2, "a certificate")] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&state, bad).unwrap();
        assert!(matches!(Store::open(dir.path()), Err(StoreError::Damaged(_))), "{what}");
    }
    fs::write(&state, &good[..good.len() - 1]).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Damaged(_))));
    fs::remove_file(&state).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::NoFlash(_))));
}
