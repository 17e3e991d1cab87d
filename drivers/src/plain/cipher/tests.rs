use proptest::prelude::*;

use super::*;

const TITLE: [u8; 8] = [0x4d, 0x4d, 0x4d, 0, 0, 0xbc, 0x61, 0x4e];
const PLAIN: [u8; 13] = [0xc0, 1, 0, 0, 8, 0, 0, 1, 0, 0, 0xff, 2, 0];

fn keys() -> MeterKey {
    MeterKey::from_hex("000102030405060708090A0B0C0D0E0F", Some("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")).unwrap()
}

/// "Example for ciphered APDUs", DLMS UA 1000-2 (Green Book), security suite 0, glo-get-request.
fn body() -> Vec<u8> {
    let mut body = vec![0x41, 0x13, 0x12, 0xff, 0x93, 0x5a, 0x47, 0x56, 0x68, 0x27, 0xc4, 0x67, 0xbc];
    body.extend([0x7d, 0x82, 0x5c, 0x3b, 0xe4, 0xa7, 0x7c, 0x3f, 0xcc, 0x05, 0x6b, 0x6b]);
    body
}

fn sealed(key: &MeterKey, additional: &[u8], security: u8) -> Vec<u8> {
    let mut body = PLAIN.to_vec();
    let gcm = Gcm::new((&key.encryption).into());
    let tag = gcm.encrypt_in_place_detached(&nonce(TITLE, 7), additional, &mut body).unwrap();
    if security & AUTHENTICATED != 0 {
        body.extend(tag);
    }
    body
}

fn head(security: u8, counter: u32) -> Head {
    Head { system_title: TITLE, security, counter }
}

fn fault(opened: Result<Opened, Fault>) -> Option<Fault> {
    opened.err()
}

#[test]
fn the_standards_example_opens() {
    let opened = open(&keys(), head(0x30, 0x0123_4567), &body()).unwrap();
    assert!(opened.verified && opened.plain == PLAIN);
    for at in 0..body().len() {
        let mut changed = body();
        changed[at] ^= 1;
        assert_eq!(fault(open(&keys(), head(0x30, 0x0123_4567), &changed)), Some(Fault::WrongKey));
    }
    assert_eq!(fault(open(&keys(), head(0x30, 0x0123_4568), &body())), Some(Fault::WrongKey));
    assert_eq!(fault(open(&keys(), head(0x70, 0x0123_4567), &body())), Some(Fault::WrongKey));
}

#[test]
fn without_an_authentication_key_the_text_comes_unverified() {
    let key = MeterKey::new(keys().encryption, None);
    let opened = open(&key, head(0x30, 0x0123_4567), &body()).unwrap();
    assert!(!opened.verified && opened.plain == PLAIN);
}

#[test]
fn a_meter_that_was_set_up_without_an_authentication_key_is_verified() {
    let key = MeterKey::new([9; 16], None);
    for additional in [&[][..], &[0x30]] {
        let opened = open(&key, head(0x30, 7), &sealed(&key, additional, 0x30)).unwrap();
        assert!(opened.verified && opened.plain == PLAIN);
    }
    let given = MeterKey::new([9; 16], Some([8; 16]));
    assert_eq!(fault(open(&given, head(0x30, 7), &sealed(&key, &[], 0x30))), Some(Fault::WrongKey));
}

#[test]
fn encrypted_alone_is_never_verified_and_refused_where_a_tag_must_be() {
    let key = MeterKey::new([9; 16], None);
    let untagged = sealed(&key, &[], 0x20);
    let opened = open(&key, head(0x20, 7), &untagged).unwrap();
    assert!(!opened.verified && opened.plain == PLAIN);
    let given = MeterKey::new([9; 16], Some([8; 16]));
    assert_eq!(fault(open(&given, head(0x20, 7), &untagged)), Some(Fault::Unauthenticated));
}

#[test]
fn a_line_whose_meter_has_shown_a_tag_must_go_on_showing_one() {
    let key = MeterKey::new([9; 16], None);
    let untagged = sealed(&key, &[], 0x20);
    let mut lock = Lock::new(Some(key.clone()));
    assert!(lock.plain().is_ok() && lock.open(head(0x20, 7), &untagged).is_ok());
    assert!(lock.open(head(0x30, 7), &sealed(&key, &[], 0x30)).is_ok_and(|opened| opened.verified));
    assert_eq!(fault(lock.open(head(0x20, 7), &untagged)), Some(Fault::Unauthenticated));
    assert_eq!(fault(lock.open(head(0x30, 8), &sealed(&key, &[], 0x30))), Some(Fault::WrongKey));
    assert_eq!(lock.plain(), Err(Fault::Unauthenticated));
    lock.begin();
    assert!(lock.plain().is_ok() && lock.open(head(0x20, 7), &untagged).is_ok());
    assert_eq!(Lock::new(Some(keys())).plain(), Err(Fault::Unauthenticated));
    assert_eq!(fault(Lock::default().open(head(0x20, 7), &untagged)), Some(Fault::Encrypted));
}

#[test]
fn what_no_meter_uses_is_refused() {
    for security in [0x00, 0x10, 0xb0, 0x32] {
        assert_eq!(fault(open(&keys(), head(security, 7), &body())), Some(Fault::Malformed));
    }
    assert_eq!(fault(open(&keys(), head(0x30, 7), &[0; 11])), Some(Fault::Cut));
}

#[test]
fn keys_are_read_as_written_and_shown_by_nothing() {
    let key = MeterKey::from_hex("00 01:02-03 0405060708090a0b0c0d0e0f", None).unwrap();
    assert_eq!(key.encryption, keys().encryption);
    assert_eq!(format!("{key:?}"), "MeterKey(…)");
    let read = |text| MeterKey::from_hex(text, None).map(|_| ()).unwrap_err();
    assert_eq!(read(""), KeyError::Length);
    assert_eq!(read("000102030405060708090a0b0c0d0e"), KeyError::Length);
    assert_eq!(read("000102030405060708090a0b0c0d0e0f0"), KeyError::Length);
    assert_eq!(read("000102030405060708090a0b0c0d0e0g"), KeyError::NotHex);
    assert_eq!(MeterKey::from_hex("000102030405060708090a0b0c0d0e0f", Some("é")).unwrap_err(), KeyError::NotHex);
}

proptest! {
    #[test]
    fn any_body_is_safe(body: Vec<u8>, security: u8, counter: u32, title: [u8; 8]) {
        let _ = open(&keys(), Head { system_title: title, security, counter }, &body);
    }
}
