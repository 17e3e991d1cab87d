//! Slots come and go; what was changed is found.

use super::*;
use rand_core::OsRng;

fn home() -> (Keys, StoreKey, RecoveryKey, Kek) {
    let (key, sheet) = (StoreKey::from_bytes([3; 32]), RecoveryKey::generate(&mut OsRng));
    let mut keys = Keys::create(HomeId::from_bytes([1; 16]), &key, &sheet, 100, &mut OsRng);
    let kek = Kek::generate(&mut OsRng);
    keys.put(SlotKind::Credential, &kek, &key, 101, &mut OsRng);
    (keys, key, sheet, kek)
}

#[test]
fn slots_come_and_go_and_the_sheet_stays() {
    let (mut keys, key, sheet, kek) = home();
    let again = Keys::read(&keys.write()).unwrap();
    assert_eq!(again, keys);
    assert_eq!(again.open(SlotKind::Recovery, &sheet.kek()).unwrap().expose(), key.expose());
    assert_eq!(again.open(SlotKind::Credential, &kek).unwrap().expose(), key.expose());
    assert!(matches!(again.open(SlotKind::Keyring, &kek), Err(CustodyError::NoSlot(SlotKind::Keyring))));
    assert!(matches!(again.open(SlotKind::Credential, &sheet.kek()), Err(CustodyError::WrongKey(_))));
    assert!(matches!(keys.remove(SlotKind::Recovery, &key), Err(CustodyError::RecoveryStays)));
    keys.put(SlotKind::Keyring, &kek, &key, 102, &mut OsRng);
    keys.remove(SlotKind::Credential, &key).unwrap();
    let again = Keys::read(&keys.write()).unwrap();
    assert_eq!(again.slots().iter().map(|s| s.kind).collect::<Vec<_>>(), [SlotKind::Recovery, SlotKind::Keyring]);
    assert!(again.open(SlotKind::Keyring, &kek).is_ok());

    let newer = RecoveryKey::generate(&mut OsRng);
    keys.confirm(&key, 103);
    keys.replace_sheet(&newer, &key, 104, &mut OsRng);
    assert_eq!(keys.confirmed_at(), None);
    assert!(keys.open(SlotKind::Recovery, &sheet.kek()).is_err());
    assert!(keys.open(SlotKind::Recovery, &newer.kek()).is_ok());
    assert!(keys.open(SlotKind::Keyring, &kek).is_ok());
}

#[test]
fn groups_are_compared_as_a_person_types_them() {
    let (keys, key, sheet, _) = home();
    for (place, group) in sheet.groups().iter().enumerate() {
        let sloppy = format!(" {} ", group.to_lowercase().replace('0', "o").replace('1', "l"));
        assert!(keys.fits_group(&key, place, &sloppy));
    }
    // Eight bits: of many wrong groups some pass, most do not.
    let passed = (0..2560).filter(|n| keys.fits_group(&key, 2, &format!("{n:06}"))).count();
    assert!(passed < 60, "{passed} of 2560 wrong groups passed");
    assert!(!keys.fits_group(&key, 6, &sheet.groups()[5]));
    assert!(!(0..9000).any(|n| keys.fits_group(&key, 2, &format!("{n:04}"))), "a part of a group is none");
}

#[test]
fn every_changed_bit_and_every_shorter_file_is_refused() {
    let (mut keys, key, sheet, kek) = home();
    keys.confirm(&key, 105);
    let good = keys.write();
    assert!(good.len() as u64 <= MAX_KEYS);
    let opens = |bytes: &[u8]| {
        Keys::read(bytes).is_ok_and(|keys| {
            keys.open(SlotKind::Recovery, &sheet.kek()).is_ok() || keys.open(SlotKind::Credential, &kek).is_ok()
        })
    };
    assert!(opens(&good));
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            assert!(!opens(&bad), "byte {at}, bit {bit}");
        }
        assert!(!opens(&good[..at]));
    }
    assert!(!opens(&[good.as_slice(), &[0]].concat()));
}

#[test]
fn slots_of_two_files_do_not_mix() {
    let (mut keys, key, _, kek) = home();
    let other = RecoveryKey::generate(&mut OsRng);
    let mut newer = keys.clone();
    newer.replace_sheet(&other, &key, 9, &mut OsRng);
    // The old file's MAC over the new file's slot.
    keys.0.slots[0] = newer.0.slots[0].clone();
    assert!(matches!(keys.open(SlotKind::Credential, &kek), Err(CustodyError::Changed(_))));
    assert!(matches!(keys.open(SlotKind::Recovery, &other.kek()), Err(CustodyError::Changed(_))));
    assert!(matches!(keys.check(&key), Err(CustodyError::Changed(_))) && newer.check(&key).is_ok());
    assert!(newer.check(&StoreKey::from_bytes([4; 32])).is_err(), "another home's key");
    keys.0.slots.reverse();
    assert!(Keys::read(&keys.write()).is_err(), "order");
}
