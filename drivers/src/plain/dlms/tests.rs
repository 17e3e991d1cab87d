//! DLMS push from end to end, with lists that a small encoder here writes as each maker does.

use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInPlace, KeyInit, Nonce};
use aes_gcm::aes::Aes128;
use proptest::prelude::*;

use super::hdlc::tests::frame;
use super::mbus::tests::frames;
use super::*;
use crate::plain::{Energy, Moment, Power};

type Bytes = Vec<u8>;

const CLOCK: [u8; 12] = [0x07, 0xe7, 5, 6, 6, 7, 8, 9, 0xff, 0x80, 0, 0];
const TITLE: &[u8; 8] = b"KFM\x01\x02\x03\x04\x05";

fn short(length: usize) -> u8 {
    u8::try_from(length).unwrap()
}

fn octets(bytes: &[u8]) -> Bytes {
    [&[9, short(bytes.len())], bytes].concat()
}

fn text(text: &str) -> Bytes {
    [&[10, short(text.len())], text.as_bytes()].concat()
}

fn u32(value: u32) -> Bytes {
    [&[6][..], &value.to_be_bytes()].concat()
}

fn structure(items: &[Bytes]) -> Bytes {
    [vec![2, short(items.len())], items.concat()].concat()
}

fn array(items: &[Bytes]) -> Bytes {
    [vec![1, short(items.len())], items.concat()].concat()
}

fn code(quantity: u8, kind: u8) -> Bytes {
    octets(&[1, 0, quantity, kind, 0, 255])
}

fn scale(scaler: u8, unit: u8) -> Bytes {
    structure(&[vec![15, scaler], vec![22, unit]])
}

/// A notification without a date.
fn notification(body: &[u8]) -> Bytes {
    [&[0x0f, 0x40, 0, 0, 0, 0], body].concat()
}

/// As Aidon: an array of structures.
fn aidon() -> Bytes {
    notification(&array(&[
        structure(&[octets(&[1, 1, 0, 2, 129, 255]), text("AIDON_V0001")]),
        structure(&[octets(&[0, 0, 96, 1, 0, 255]), text("7359990000000001")]),
        structure(&[octets(&[0, 0, 1, 0, 0, 255]), octets(&CLOCK)]),
        structure(&[code(1, 7), u32(345), scale(0, 27)]),
        structure(&[code(2, 7), u32(1345), scale(0, 27)]),
        structure(&[code(32, 7), vec![18, 9, 0], scale(0xff, 35)]),
        structure(&[code(1, 8), u32(98_765), scale(1, 30)]),
        structure(&[code(3, 8), u32(7), scale(1, 32)]),
    ]))
}

fn with_llc(apdu: &[u8]) -> Bytes {
    [&[0xe6, 0xe7, 0], apdu].concat()
}

fn line(apdu: &[u8]) -> Bytes {
    frame(&with_llc(apdu), true)
}

fn heard_with(key: Option<MeterKey>, stream: &[u8], cut: usize) -> (Vec<Telegram>, Vec<Fault>, u64) {
    let mut decoder = Dlms::new(key);
    let mut found: Vec<_> = stream.chunks(cut).flat_map(|piece| decoder.hear(&Chunk::Bytes(piece.to_vec()))).collect();
    found.extend(decoder.end());
    let (mut telegrams, mut faults, mut noise) = (Vec::new(), Vec::new(), 0);
    for one in found {
        match one {
            Found::Message(telegram) => telegrams.push(telegram),
            Found::Damaged(Damage::Plain(fault)) => faults.push(fault),
            Found::Damaged(other) => panic!("{other}"),
            Found::Noise(bytes) => noise += bytes,
        }
    }
    (telegrams, faults, noise)
}

fn heard(stream: &[u8], cut: usize) -> (Vec<Telegram>, Vec<Fault>, u64) {
    heard_with(None, stream, cut)
}

fn one(stream: &[u8]) -> Telegram {
    let (mut telegrams, faults, noise) = heard(stream, 4096);
    assert_eq!((telegrams.len(), faults, noise), (1, Vec::new(), 0));
    telegrams.remove(0)
}

fn told(telegram: &Telegram) -> (Option<i64>, Option<i64>, Option<i64>, String) {
    let wh = |energy: Energy| energy.0 / 10_000;
    let at = match telegram.at {
        Some(Moment::Clock(stamp)) => stamp.to_string(),
        _ => String::new(),
    };
    (telegram.import.map(wh), telegram.export.map(wh), telegram.power.map(|Power(parts)| parts / 10_000), at)
}

const SHOWN: &str = "2023-05-06T07:08:09";

#[test]
fn coded_lists_are_read_with_their_scalers() {
    let telegram = one(&line(&aidon()));
    assert_eq!(told(&telegram), (Some(987_650), None, Some(-1000), SHOWN.to_owned()));
    assert_eq!((telegram.meter.as_deref(), telegram.maker.as_deref()), (Some("7359990000000001"), Some("Aidon")));
}

#[test]
fn a_number_beyond_any_costs_its_telegram_only_where_a_register_stands() {
    let beyond = vec![0x15, 0xff, 0, 0, 0, 0, 0, 0, 0];
    let list = |quantity| notification(&structure(&[code(1, 8), u32(5), code(quantity, 8), beyond.clone()]));
    assert_eq!(told(&one(&line(&list(5)))).0, Some(5));
    assert_eq!(heard(&line(&list(2)), 99), (Vec::new(), vec![Fault::OutOfRange], 0));
    // A power that the meter does not have is absent.
    let none = [0x06, 0xff, 0xff, 0xff, 0xff].to_vec();
    let list = notification(&structure(&[code(1, 8), u32(5), code(1, 7), none]));
    assert_eq!(told(&one(&line(&list))), (Some(5), None, None, String::new()));
}

#[test]
fn kamstrups_energies_are_tens_of_watt_hours() {
    let body = structure(&[
        text("Kamstrup_V0001"),
        octets(&[1, 1, 0, 0, 5, 255]),
        text("5700000000000001"),
        octets(&[1, 1, 1, 7, 0, 255]),
        u32(812),
        octets(&[0, 1, 1, 0, 0, 255]),
        octets(&CLOCK),
        octets(&[1, 1, 1, 8, 0, 255]),
        u32(4_321),
        octets(&[1, 1, 2, 8, 0, 255]),
        u32(9),
    ]);
    let apdu = [&[0x0f, 0, 0, 0, 0, 12], &[0x07, 0xe7, 5, 6, 6, 0, 0, 0, 0, 0x80, 0, 0][..], &body].concat();
    let telegram = one(&line(&apdu));
    assert_eq!(told(&telegram), (Some(43_210), Some(90), Some(812), SHOWN.to_owned()));
    assert_eq!((telegram.meter.as_deref(), telegram.maker.as_deref()), (Some("5700000000000001"), Some("Kamstrup")));
}

#[test]
fn kaifas_lists_are_read_by_place() {
    let dated = |body: &[u8]| [&[0x0f, 0x40, 0, 0, 0, 9, 12][..], &CLOCK, body].concat();
    let telegram = one(&line(&dated(&structure(&[u32(777)]))));
    assert_eq!(told(&telegram), (None, None, Some(777), SHOWN.to_owned()));
    let mut items = vec![octets(b"KFM_001"), octets(b"6970000000000001"), octets(b"MA304H3E"), u32(0), u32(55)];
    items.extend([u32(1), u32(2), u32(3), u32(4), u32(5), u32(6), u32(7), u32(8)]);
    let telegram = one(&line(&dated(&structure(&items))));
    assert_eq!(told(&telegram), (None, None, Some(-55), SHOWN.to_owned()));
    for phases in [1, 3] {
        let mut hour = items[..7 + 2 * phases].to_vec();
        hour.extend([octets(&CLOCK), u32(600_000), u32(4), u32(5), u32(6)]);
        let telegram = one(&line(&dated(&structure(&hour))));
        assert_eq!(told(&telegram), (Some(600_000), Some(4), Some(-55), SHOWN.to_owned()));
        assert_eq!((telegram.meter.as_deref(), telegram.maker.as_deref()), (Some("6970000000000001"), Some("Kaifa")));
    }
}

/// As Landis+Gyr: the codes first, then the values.
fn described() -> Bytes {
    let about =
        |code: [u8; 6], attribute| structure(&[vec![18, 0, 3], octets(&code), vec![15, attribute], vec![18, 0, 0]]);
    let codes = [
        about([0, 8, 25, 9, 0, 255], 2),
        about([0, 8, 25, 9, 0, 255], 1),
        about([0, 0, 42, 0, 0, 255], 2),
        about([0, 0, 1, 0, 0, 255], 2),
        about([1, 0, 1, 7, 0, 255], 2),
        about([1, 1, 1, 8, 0, 255], 2),
        about([1, 1, 1, 8, 0, 255], 3),
        about([1, 1, 2, 8, 0, 255], 2),
    ];
    let values = [array(&codes), octets(&[0, 8, 25, 9, 0, 255]), octets(b"LGZ1030000000001"), octets(&CLOCK), u32(28)];
    let energies = [u32(5_000), scale(3, 30), u32(6)];
    notification(&structure(&[&values[..], &energies].concat()))
}

fn block(number: u16, last: bool, data: &[u8]) -> Bytes {
    let control = if last { 0xc0 } else { 0x40 };
    [&[0xe0, control], &number.to_be_bytes()[..], &[0, 0, short(data.len())], data].concat()
}

#[test]
fn described_lists_come_in_blocks() {
    let blocks: Vec<_> = described().chunks(100).map(<[u8]>::to_vec).collect();
    let mut stream = Vec::new();
    for (at, data) in blocks.iter().enumerate() {
        let block = block(u16::try_from(at + 1).unwrap(), at + 1 == blocks.len(), data);
        stream.extend(frame(&if at == 0 { with_llc(&block) } else { block }, true));
    }
    let telegram = one(&stream);
    assert_eq!(told(&telegram), (Some(5_000), Some(6), Some(28), SHOWN.to_owned()));
    assert_eq!((telegram.meter.as_deref(), telegram.maker.as_deref()), (Some("LGZ1030000000001"), Some("Landis+Gyr")));
}

#[test]
fn austrian_and_slovenian_lists_are_read_by_place() {
    let push = octets(&[0, 6, 25, 9, 0, 255]);
    let mut items = vec![push, octets(b"2220000000001"), octets(&[7, 8, 9, 0]), octets(&[0x07, 0xe7, 5, 6, 6])];
    items.extend([u32(11), u32(12), u32(13), u32(14), u32(15), u32(16), u32(17), u32(18)]);
    let whole = notification(&structure(&items));
    assert_eq!(told(&one(&line(&whole))), (Some(11), Some(12), Some(-1), SHOWN.to_owned()));
    // The AM550 counts values that it does not send; a frame's checksum vouches for that.
    let cut = &whole[..whole.len() - 21];
    assert_eq!(told(&one(&line(cut))), (Some(11), Some(12), None, SHOWN.to_owned()));
    assert_eq!(heard(&with_llc(cut), 100), (Vec::new(), vec![Fault::Cut], 0));
    let device = octets(b"ISK1030000000001");
    let mut hour = vec![device.clone(), octets(&[]), vec![3, 1], octets(&[0, 2])];
    hour.extend([u32(30), u32(10), u32(20), u32(5), u32(2), u32(3), u32(1), u32(1)]);
    let telegram = one(&line(&notification(&structure(&hour))));
    assert_eq!(told(&telegram), (Some(30), Some(5), None, String::new()));
    assert_eq!((telegram.rates.len(), telegram.meter.as_deref()), (4, Some("ISK1030000000001")));
    let mut now = vec![device, octets(b"ISK00000001"), u32(7), u32(100)];
    now.extend((0..14).map(|_| u32(0)));
    assert_eq!(told(&one(&line(&notification(&structure(&now))))), (None, None, Some(-93), String::new()));
}

/// What eight bits of checksum, or none, brought is told as what it is.
fn unchecked(telegram: Telegram) -> Telegram {
    Telegram { checked: false, ..telegram }
}

#[test]
fn sixteen_bits_of_checksum_or_a_tag_make_a_reading_that_stands_by_itself() {
    assert!(one(&line(&aidon())).checked);
    assert_eq!(one(&frames(&aidon(), 90)), unchecked(one(&line(&aidon()))));
    let tagged = frames(&sealed(&aidon(), [5; 16], Some([7; 16])), 60);
    let (telegrams, ..) = heard_with(Some(MeterKey::new([5; 16], Some([7; 16]))), &tagged, 50);
    assert!(telegrams[0].checked);
}

#[test]
fn where_a_tag_must_be_nothing_is_taken_without_one() {
    let untagged = line(&sealed(&aidon(), [5; 16], None));
    for stream in [untagged, line(&aidon()), with_llc(&aidon())] {
        let both = Some(MeterKey::new([5; 16], Some([7; 16])));
        assert_eq!(heard_with(both, &stream, 50), (Vec::new(), vec![Fault::Unauthenticated], 0));
    }
}

fn sealed(apdu: &[u8], key: [u8; 16], authentication: Option<[u8; 16]>) -> Bytes {
    let gcm = AesGcm::<Aes128, U12, U12>::new(&key.into());
    let counter = [0, 0, 1, 2];
    let mut nonce = Nonce::<AesGcm<Aes128, U12, U12>>::default();
    nonce.copy_from_slice(&[&TITLE[..], &counter].concat());
    let security = if authentication.is_some() { 0x30 } else { 0x20 };
    let additional = [vec![security], authentication.unwrap_or_default().to_vec()].concat();
    let mut body = apdu.to_vec();
    let tag = gcm.encrypt_in_place_detached(&nonce, &additional, &mut body).unwrap();
    if authentication.is_some() {
        body.extend(tag);
    }
    let length = u16::try_from(body.len() + 5).unwrap().to_be_bytes();
    [&[0xdb, 8], &TITLE[..], &[0x82], &length, &[security], &counter, &body].concat()
}

#[test]
fn ciphered_telegrams_open_with_their_key_alone() {
    for authentication in [None, Some([7; 16])] {
        let stream = frames(&sealed(&aidon(), [5; 16], authentication), 60);
        let key = |byte| Some(MeterKey::new([byte; 16], authentication));
        let (telegrams, faults, noise) = heard_with(key(5), &stream, 50);
        let telegrams: Vec<_> = telegrams.into_iter().map(unchecked).collect();
        assert_eq!((telegrams, faults, noise), (vec![unchecked(one(&line(&aidon())))], Vec::new(), 0));
        assert_eq!(heard_with(key(6), &stream, 50), (Vec::new(), vec![Fault::WrongKey], 0));
        assert_eq!(heard(&stream, 50), (Vec::new(), vec![Fault::Encrypted], 0));
    }
}

#[test]
fn a_lost_segment_costs_its_telegram_and_no_other() {
    let apdu = with_llc(&aidon());
    let (first, rest) = apdu.split_at(90);
    let (second, third) = rest.split_at(60);
    let all = [frame(first, false), frame(second, false), frame(third, true)];
    assert_eq!(one(&all.concat()), one(&line(&aidon())));
    let mut broken = all.clone();
    broken[1][20] ^= 8;
    let lost = [all[0].clone(), vec![1, 2, 3], all[2].clone()];
    let last = all[..2].concat();
    for stream in [broken.concat(), lost.concat(), last] {
        let (telegrams, faults, _) = heard(&[stream, line(&aidon())].concat(), 33);
        assert_eq!((telegrams.len(), faults.is_empty()), (1, false));
    }
}

#[test]
fn frames_share_flags_and_end_with_the_line() {
    let line = line(&aidon());
    let shared = [&line[..line.len() - 1], &line].concat();
    assert_eq!(heard(&shared, 7).0.len(), 2);
    assert_eq!(heard(&line[..line.len() - 5], 7), (Vec::new(), vec![Fault::Cut], 0));
    let mut changed = line.clone();
    changed[20] ^= 2;
    let (telegrams, faults, _) = heard(&[&changed[..], &line].concat(), 7);
    assert_eq!((telegrams.len(), faults), (1, vec![Fault::Checksum]));
}

/// What has no header is not told as damage: neither flags and starts in noise, nor a frame whose own header was changed.
#[test]
fn noise_is_no_damage() {
    let line = line(&aidon());
    let mut header = line.clone();
    header[5] ^= 2;
    assert_eq!(heard(&[header, line].concat(), 7).1, []);
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    let among = [hdlc::FLAG, hdlc::FLAG, 0xa0, 0xa1, 0x68, 0x68, 0x16, 0x53];
    // Of four bytes so many are those that frames are known by. By flags alone, 20,000 frames were to be seen in the last.
    for (share, most) in [(0, 0), (1, 10), (2, 50), (4, 500)] {
        let byte = |_| if next() % 4 < share { among[usize::from(next() % 8)] } else { next() };
        let (telegrams, faults, _) = heard(&(0..2_000_000).map(byte).collect::<Bytes>(), 4096);
        assert!(telegrams.is_empty() && faults.len() <= most, "{share} of 4: {} faults", faults.len());
    }
}

#[test]
fn an_apdu_without_a_frame_is_taken_whole_or_not_at_all() {
    let bare = with_llc(&aidon());
    assert_eq!(one(&bare), unchecked(one(&line(&aidon()))));
    let datagram =
        |payload: &[u8]| Dlms::new(None).hear(&Chunk::Datagram { topic: String::new(), payload: payload.to_vec() });
    for payload in [bare.clone(), aidon()] {
        assert_eq!(datagram(&payload), [Found::Message(one(&bare))]);
    }
    assert_eq!(datagram(&line(&aidon())), [Found::Message(one(&line(&aidon())))]);
    assert_eq!(datagram(&bare[..80]), [Found::Damaged(Damage::Plain(Fault::Cut))]);
    assert_eq!(heard(&[&bare[..], &[1]].concat(), 9).0, []);
    // Nothing is taken for one that only looks like it amid a line.
    let amid = [&[1][..], &bare].concat();
    assert_eq!(heard(&amid, 9), (Vec::new(), Vec::new(), amid.len() as u64));
}

proptest! {
    #[test]
    fn a_changed_byte_never_gives_another_telegram(at: prop::sample::Index, change in 1u8.., mbus: bool) {
        let mut stream = if mbus { frames(&aidon(), 90) } else { line(&aidon()) };
        let at = at.index(stream.len());
        stream[at] ^= change;
        let expected = unchecked(one(&line(&aidon())));
        prop_assert!(heard(&stream, 50).0.into_iter().all(|telegram| unchecked(telegram) == expected));
    }

    #[test]
    fn the_next_telegram_is_heard_whatever_came_before(noise in prop::collection::vec(any::<u8>(), 0..200), cut in 1usize..99) {
        let stream = [noise, line(&aidon()), line(&aidon())].concat();
        let (telegrams, _, _) = heard(&stream, cut);
        prop_assert_eq!(telegrams.last(), Some(&one(&line(&aidon()))));
    }

    #[test]
    fn any_bytes_in_any_cuts_are_safe(
        bytes in prop::collection::vec(prop_oneof![Just(0x7e), Just(0xa0), Just(0x68), Just(0x0f), any::<u8>()], 0..600),
        framed: bool,
        cut in 1usize..99,
    ) {
        let stream = if framed { line(&notification(&bytes)) } else { bytes };
        let whole = heard(&stream, stream.len().max(1));
        prop_assert_eq!(heard(&stream, cut), whole);
    }

    #[test]
    fn what_is_held_is_bounded(part in prop::collection::vec(any::<u8>(), 1..50), begin in 0usize..4) {
        let begins = [vec![0xe6, 0xe7, 0], vec![hdlc::FLAG], vec![0x0f], vec![0xdb, 8]];
        let mut decoder = Dlms::new(None);
        decoder.hear(&Chunk::Bytes(begins[begin].clone()));
        decoder.hear(&Chunk::Bytes(part.repeat(5000)));
        let bare = decoder.bare.as_ref().map_or(0, Vec::len);
        prop_assert!(decoder.held.len() < 8192 && bare <= MAX_TELEGRAM + PIECE);
    }
}
