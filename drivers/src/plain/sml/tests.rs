//! SML from end to end, with files that a small encoder here writes.

use crc::{CRC_16_IBM_SDLC, CRC_16_KERMIT, Crc};
use jiff::civil::date;
use proptest::prelude::*;

use super::transport::tests::packed;
use super::*;
use crate::plain::{Energy, Moment, Power, Stamp};

const KERMIT: Crc<u16> = Crc::<u16>::new(&CRC_16_KERMIT);
const X25: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_SDLC);

fn octets(bytes: &[u8]) -> Vec<u8> {
    let mut field = match bytes.len() {
        0..=14 => vec![u8::try_from(bytes.len() + 1).unwrap()],
        length => vec![0x80 | u8::try_from((length + 2) >> 4).unwrap(), u8::try_from((length + 2) & 15).unwrap()],
    };
    field.extend(bytes);
    field
}

fn list(fields: &[Vec<u8>]) -> Vec<u8> {
    let length = u8::try_from(fields.len()).unwrap();
    let mut list = if length < 16 { vec![0x70 | length] } else { vec![0xf0 | length >> 4, length & 15] };
    list.extend(fields.concat());
    list
}

fn u8_field(value: u8) -> Vec<u8> {
    vec![0x62, value]
}

fn signed(value: i64, width: usize) -> Vec<u8> {
    let mut field = vec![0x50 | u8::try_from(width + 1).unwrap()];
    field.extend(&value.to_be_bytes()[8 - width..]);
    field
}

fn seconds(value: u32) -> Vec<u8> {
    [vec![0x65], value.to_be_bytes().to_vec()].concat()
}

fn index(value: u32) -> Vec<u8> {
    list(&[u8_field(1), seconds(value)])
}

fn entry(code: [u8; 6], unit: u8, scaler: i8, value: Vec<u8>) -> Vec<u8> {
    list(&[octets(&code), vec![1], vec![1], u8_field(unit), signed(scaler.into(), 1), value, vec![1]])
}

fn message(kind: u16, body: Vec<u8>, kermit: bool) -> Vec<u8> {
    let tag = [vec![0x63], kind.to_be_bytes().to_vec()].concat();
    let mut message = vec![0x76];
    message.extend([octets(&[1, 2, 3, 4]), u8_field(0), u8_field(0), list(&[tag, body])].concat());
    let sum = if kermit { KERMIT.checksum(&message) } else { X25.checksum(&message).swap_bytes() };
    message.push(0x63);
    message.extend(sum.to_be_bytes());
    message.push(0);
    message
}

fn response(server: &[u8], at: Vec<u8>, entries: &[Vec<u8>]) -> Vec<u8> {
    list(&[vec![1], octets(server), vec![1], at, list(entries), vec![1], vec![1]])
}

/// A whole file: opening, list, closing.
fn file(server: &[u8], at: Vec<u8>, entries: &[Vec<u8>], kermit: bool) -> Vec<u8> {
    let open = list(&[vec![1], vec![1], octets(&[9, 9]), octets(server), vec![1], vec![1]]);
    let close = list(&[vec![1]]);
    [
        message(0x0101, open, kermit),
        message(0x0701, response(server, at, entries), kermit),
        message(0x0201, close, kermit),
    ]
    .concat()
}

const SERVER: [u8; 10] = [0x0a, 1, b'L', b'G', b'Z', 0, 0x03, 0x40, 0x3b, 0x49];

fn usual() -> Vec<u8> {
    let entries = [
        entry([1, 0, 1, 8, 0, 255], 30, -1, signed(123_456_789_012, 8)),
        entry([1, 0, 2, 8, 0, 255], 30, 3, signed(17, 2)),
        entry([1, 0, 16, 7, 0, 255], 27, -2, signed(-56_789, 3)),
    ];
    file(&SERVER, index(86_400), &entries, false)
}

fn heard(stream: &[u8], cut: usize) -> (Vec<Telegram>, u64, u64) {
    let mut decoder = Sml::default();
    let mut found: Vec<_> = stream.chunks(cut).flat_map(|piece| decoder.hear(&Chunk::Bytes(piece.to_vec()))).collect();
    found.extend(decoder.end());
    let (mut telegrams, mut damaged, mut noise) = (Vec::new(), 0, 0);
    for one in found {
        match one {
            Found::Message(telegram) => telegrams.push(telegram),
            Found::Damaged(_) => damaged += 1,
            Found::Noise(bytes) => noise += bytes,
        }
    }
    (telegrams, damaged, noise)
}

fn one(file: &[u8]) -> Telegram {
    let (mut telegrams, damaged, noise) = heard(&packed(file), 1000);
    assert_eq!((telegrams.len(), damaged, noise), (1, 0, 0));
    telegrams.remove(0)
}

fn fault(file: &[u8]) -> Fault {
    telegrams(file).unwrap_err()
}

#[test]
fn a_usual_file_is_read_exactly() {
    let telegram = one(&usual());
    assert_eq!(telegram.meter.as_deref(), Some("0a014c475a0003403b49"));
    assert_eq!(telegram.maker.as_deref(), Some("LGZ"));
    assert_eq!(telegram.at, Some(Moment::Seconds(86_400)));
    assert_eq!(telegram.import, Some(Energy(123_456_789_012_000)));
    assert_eq!(telegram.export, Some(Energy(170_000_000)));
    assert_eq!(telegram.power, Some(Power(-5_678_900)));
}

#[test]
fn times_come_in_four_forms() {
    let import = [entry([1, 0, 1, 8, 0, 255], 30, 0, signed(1, 1))];
    let at = |field| one(&file(&SERVER, field, &import, false)).at;
    assert_eq!(at(seconds(7)), Some(Moment::Seconds(7)));
    assert_eq!(at(vec![1]), None);
    let utc = Stamp { shown: date(2023, 11, 14).at(22, 13, 20, 0), ahead: Some(0) };
    assert_eq!(at(list(&[u8_field(2), seconds(1_700_000_000)])), Some(Moment::Clock(utc)));
    let local = list(&[seconds(1_700_000_000), signed(60, 2), signed(60, 2)]);
    let shown = Stamp { shown: date(2023, 11, 15).at(0, 13, 20, 0), ahead: Some(120) };
    assert_eq!(at(list(&[u8_field(3), local])), Some(Moment::Clock(shown)));
}

#[test]
fn a_time_beside_a_value_stands_in_for_the_lists() {
    let value =
        list(&[octets(&[1, 0, 1, 8, 0, 255]), vec![1], index(55), u8_field(30), signed(-1, 1), signed(10, 2), vec![1]]);
    assert_eq!(one(&file(&SERVER, vec![1], &[value], false)).at, Some(Moment::Seconds(55)));
}

#[test]
fn holleys_checksum_is_taken() {
    let import = [entry([1, 0, 1, 8, 0, 255], 30, -1, signed(30, 5))];
    assert_eq!(one(&file(&SERVER, seconds(9), &import, true)).import, Some(Energy(30_000)));
}

#[test]
fn messages_without_a_checksum_are_taken_as_the_transport_vouches_for_them() {
    let whole = usual();
    let begin = whole.len() - message(0x0201, list(&[vec![1]]), false).len();
    let (before, closing) = whole.split_at(begin);
    let body = &closing[..closing.len() - 4];
    for none in [&[0x01, 0x00][..], &[0x63, 0, 0, 0], &[0x62, 0, 0]] {
        assert_eq!(one(&[before, body, none].concat()), one(&whole));
    }
}

#[test]
fn a_meter_that_shows_no_power_shows_none() {
    let locked = [entry([1, 0, 1, 8, 0, 255], 30, 3, signed(4_321, 4))];
    let telegram = one(&file(&SERVER, index(1), &locked, false));
    assert_eq!((telegram.import, telegram.power), (Some(Energy(43_210_000_000)), None));
}

#[test]
fn the_number_in_the_list_stands_in_for_an_empty_address() {
    let entries = [
        list(&[octets(&[1, 0, 96, 1, 0, 255]), vec![1], vec![1], vec![1], vec![1], octets(&SERVER), vec![1]]),
        list(&[octets(&[1, 0, 96, 50, 1, 255]), vec![1], vec![1], vec![1], vec![1], octets(b"EBZ"), vec![1]]),
        entry([1, 0, 1, 8, 0, 255], 30, 0, signed(1, 1)),
    ];
    let telegram = one(&file(&[], index(1), &entries, false));
    assert_eq!(telegram.meter.as_deref(), Some("0a014c475a0003403b49"));
    assert_eq!(telegram.maker.as_deref(), Some("EBZ"));
}

#[test]
fn what_cannot_be_used_says_why() {
    assert_eq!(fault(&[]), Fault::Nothing);
    assert_eq!(fault(&[0x75, 1]), Fault::Malformed);
    let reactive = [entry([1, 0, 3, 8, 0, 255], 32, 0, signed(1, 1))];
    assert_eq!(fault(&file(&SERVER, index(1), &reactive, false)), Fault::Nothing);
    let huge = [entry([1, 0, 1, 8, 0, 255], 30, 9, signed(i64::MAX, 8))];
    assert_eq!(fault(&file(&SERVER, index(1), &huge, false)), Fault::OutOfRange);
    for none in [signed(i64::MAX, 8), [vec![0x69], vec![0xff; 8]].concat(), [vec![0x65], vec![0xff; 4]].concat()] {
        for scaler in [-8, -4, 0] {
            let file = file(&SERVER, index(1), &[entry([1, 0, 1, 8, 0, 255], 30, scaler, none.clone())], false);
            assert_eq!(fault(&file), Fault::OutOfRange);
        }
        let power = entry([1, 0, 16, 7, 0, 255], 27, -8, none);
        let import = entry([1, 0, 1, 8, 0, 255], 30, 0, signed(1, 1));
        let telegram = one(&file(&SERVER, index(1), &[power, import], false));
        assert_eq!((telegram.import, telegram.power), (Some(Energy(10_000)), None));
    }
    let mut changed = usual();
    let last = changed.len() - 2;
    changed[last] ^= 1;
    assert_eq!(fault(&changed), Fault::Checksum);
}

#[test]
fn a_scaler_that_is_none_costs_its_entry_or_the_register_it_stands_for() {
    let strange = |code: [u8; 6], unit| {
        list(&[octets(&code), vec![1], vec![1], u8_field(unit), signed(1000, 2), signed(5, 1), vec![1]])
    };
    let import = entry([1, 0, 1, 8, 0, 255], 30, 0, signed(7, 1));
    for (code, unit) in [([1, 0, 32, 7, 0, 255], 35), ([1, 0, 16, 7, 0, 255], 27)] {
        let telegram = one(&file(&SERVER, index(1), &[strange(code, unit), import.clone()], false));
        assert_eq!((telegram.import, telegram.power), (Some(Energy(70_000)), None));
    }
    let export = strange([1, 0, 2, 8, 0, 255], 30);
    assert_eq!(fault(&file(&SERVER, index(1), &[export, import], false)), Fault::OutOfRange);
}

/// What the reference reads: each value with its code, as integers.
fn reference(file: &[u8]) -> Option<Vec<(Vec<u8>, i64)>> {
    use sml_rs::parser::common::Value;
    use sml_rs::parser::streaming::{ParseEvent, Parser};
    let mut values = Vec::new();
    for event in Parser::new(file) {
        if let ParseEvent::ListEntry(entry) = event.ok()? {
            let number = match entry.value {
                Value::I8(n) => n.into(),
                Value::I16(n) => n.into(),
                Value::I32(n) => n.into(),
                Value::I64(n) => n,
                _ => continue,
            };
            values.push((entry.obj_name.to_vec(), number));
        }
    }
    Some(values)
}

proptest! {
    #[test]
    fn the_reference_reads_the_same(import in 0..1_i64 << 39, export in 0..1_i64 << 39, power in -50_000..50_000_i64, at: u32) {
        let entries = [
            entry([1, 0, 1, 8, 0, 255], 30, 0, signed(import, 8)),
            entry([1, 0, 2, 8, 0, 255], 30, 0, signed(export, 6)),
            entry([1, 0, 16, 7, 0, 255], 27, 0, signed(power, 4)),
        ];
        let file = file(&SERVER, index(at), &entries, false);
        let telegram = one(&file);
        let ours = [telegram.import.unwrap().0 / 10_000, telegram.export.unwrap().0 / 10_000, telegram.power.unwrap().0 / 10_000];
        let theirs: Vec<_> = reference(&file).unwrap().into_iter().map(|(_, number)| number).collect();
        prop_assert_eq!(ours.to_vec(), theirs);
        prop_assert_eq!(sml_rs::transport::decode(packed(&file)), [Ok(file)]);
    }

    #[test]
    fn any_bytes_in_any_cuts_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..2000), cut in 1usize..300) {
        let whole = heard(&bytes, bytes.len().max(1));
        prop_assert_eq!(heard(&bytes, cut), whole);
    }

    #[test]
    fn the_next_telegram_is_heard_whatever_came_before(noise in prop::collection::vec(any::<u8>(), 0..200), cut in 1usize..99) {
        let stream = [noise, packed(&usual())].concat();
        let (telegrams, _, _) = heard(&stream, cut);
        prop_assert_eq!(telegrams, [one(&usual())]);
    }

    #[test]
    fn a_changed_byte_never_gives_another_telegram(at: prop::sample::Index, change in 1u8..) {
        let mut stream = packed(&usual());
        let at = at.index(stream.len());
        stream[at] ^= change;
        let (telegrams, _, _) = heard(&stream, 64);
        prop_assert!(telegrams.iter().all(|telegram| *telegram == one(&usual())));
    }
}
