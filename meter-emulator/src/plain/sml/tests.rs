//! Frames taken apart by a small reader of their own, and a frame made by hand.

use super::*;
use crate::plain::testing::{state, states};
use proptest::prelude::*;

/// A value as the wire has it.
#[derive(Debug, PartialEq)]
enum Node {
    Bytes(Vec<u8>),
    Signed(i64),
    Unsigned(u64),
    List(Vec<Node>),
    End,
}

/// Reads one value; panics on anything that is not SML.
fn read(bytes: &mut &[u8]) -> Node {
    let mut take = |n: usize| {
        let (head, rest) = bytes.split_at(n);
        *bytes = rest;
        head.to_vec()
    };
    let head = take(1)[0];
    let (mut length, mut header) = (usize::from(head & 0x0f), 1);
    if head & 0x80 != 0 {
        length = length << 4 | usize::from(take(1)[0] & 0x0f);
        header = 2;
    }
    if head == 0 {
        return Node::End;
    }
    if head & 0x70 == 0x70 {
        return Node::List((0..length).map(|_| read(bytes)).collect());
    }
    let content = take(length - header);
    let number = content.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    match head & 0x70 {
        0x00 => Node::Bytes(content),
        0x60 => Node::Unsigned(number),
        0x50 => {
            let shift = 64 - 8 * content.len();
            Node::Signed((number << shift) as i64 >> shift)
        }
        _ => panic!("type {head:02x}"),
    }
}

/// CRC-16/X-25 bit by bit: x¹⁶ + x¹² + x⁵ + 1, least bit first, complemented at both ends.
fn crc_by_hand(bytes: &[u8]) -> [u8; 2] {
    let sum = bytes.iter().fold(0xffffu16, |mut sum, byte| {
        sum ^= u16::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0x8408 } else { sum >> 1 };
        }
        sum
    });
    (!sum).to_le_bytes()
}

/// The file in a frame.
fn unframe(frame: &[u8]) -> Vec<u8> {
    assert_eq!((frame[..8].to_vec(), frame.len() % 4), (vec![0x1b, 0x1b, 0x1b, 0x1b, 1, 1, 1, 1], 0));
    let end = frame.len() - 8;
    assert_eq!(frame[end..end + 5], [0x1b, 0x1b, 0x1b, 0x1b, 0x1a]);
    assert_eq!(frame[end + 6..], crc_by_hand(&frame[..end + 6]));
    let padding = usize::from(frame[end + 5]);
    let mut file = Vec::new();
    let mut rest = &frame[8..end - padding];
    while let Some((byte, more)) = rest.split_first() {
        if rest.starts_with(&[0x1b; 4]) {
            assert_eq!(rest[4..8], [0x1b; 4], "an escape inside is said twice");
            file.extend([0x1b; 4]);
            rest = &rest[8..];
        } else {
            file.push(*byte);
            rest = more;
        }
    }
    file
}

/// The values of the middle message: unit, scaler, value by code.
fn values_of(frame: &[u8]) -> Vec<(Vec<u8>, Node, Node, Node)> {
    let file = unframe(frame);
    let mut rest = file.as_slice();
    let mut kinds = Vec::new();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let before = rest;
        let Node::List(mut message) = read(&mut rest) else { panic!() };
        let length = before.len() - rest.len();
        // The checksum stands in the last four bytes, before the end mark.
        assert_eq!(before[length - 3..length - 1], crc_by_hand(&before[..length - 4]));
        assert_eq!((message.len(), message.pop()), (6, Some(Node::End)));
        let Node::List(body) = &mut message[3] else { panic!() };
        let (Some(Node::List(content)), Some(Node::Unsigned(kind))) = (body.pop(), body.pop()) else { panic!() };
        kinds.push(kind);
        if kind == 0x0701 {
            assert_eq!(content[3], Node::List(vec![Node::Unsigned(1), Node::Unsigned(1_000_000)]));
            let Some(Node::List(entries)) = content.into_iter().nth(4) else { panic!() };
            for entry in entries {
                let Node::List(entry) = entry else { panic!() };
                assert_eq!(entry.len(), 7);
                let mut fields = entry.into_iter();
                let Some(Node::Bytes(name)) = fields.next() else { panic!() };
                let mut fields = fields.skip(2);
                found.push((name, fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap()));
            }
        }
    }
    assert_eq!(kinds, [0x0101, 0x0701, 0x0201]);
    found
}

fn value(frame: &[u8], code: [u8; 6]) -> Option<(Node, Node, Node)> {
    values_of(frame).into_iter().find(|(name, ..)| *name == code).map(|(_, unit, scaler, value)| (unit, scaler, value))
}

const IMPORT: [u8; 6] = [1, 0, 1, 8, 0, 255];
const POWER: [u8; 6] = [1, 0, 16, 7, 0, 255];

#[test]
fn totals_are_tenths_of_a_watt_hour() {
    let unit = |unit, scaler, value| Some((Node::Unsigned(unit), Node::Signed(scaler), value));
    for dialect in Dialect::ALL {
        let frame = encode(dialect, &state());
        assert_eq!(value(&frame, IMPORT), unit(30, -1, Node::Unsigned(35_802_467)), "{dialect:?}");
        assert_eq!(value(&frame, [1, 0, 1, 8, 2, 255]), unit(30, -1, Node::Unsigned(23_456_789)));
        assert_eq!(value(&frame, [1, 0, 2, 8, 0, 255]), unit(30, -1, Node::Unsigned(987_666)));
    }
    assert_eq!(value(&encode(Dialect::Emh, &state()), POWER), unit(27, 0, Node::Signed(597)));
    let mut feeding = state();
    (feeding.power_import, feeding.power_export) = (0, 1_260_610);
    assert_eq!(value(&encode(Dialect::Dzg, &feeding), POWER), unit(27, -2, Node::Signed(-126_061)));
}

#[test]
fn identity_is_that_of_din_43863_5() {
    let frame = encode(Dialect::Emh, &state());
    let (_, _, id) = value(&frame, [1, 0, 96, 1, 0, 255]).unwrap();
    assert_eq!(id, Node::Bytes(b"\x0a\x01ISK\x00\x00\xbc\x61\x4e".to_vec()));
}

#[test]
fn power_without_a_sign_reads_wrong_as_it_does_from_a_dvs74() {
    // The comment in libsml that describes the mistake: 328.05 W come as 53 80 25, negative power as 55 ff fe 13 93.
    let mut odd = state();
    odd.quirks = [Quirk::UnsignedPower].into_iter().collect();
    odd.power_import = 328_050;
    let frame = encode(Dialect::Dzg, &odd);
    assert!(frame.windows(3).any(|bytes| bytes == [0x53, 0x80, 0x25]));
    assert_eq!(value(&frame, POWER).unwrap().2, Node::Signed(-32_731));
    (odd.power_import, odd.power_export) = (0, 1_260_610);
    assert!(encode(Dialect::Dzg, &odd).windows(5).any(|bytes| bytes == [0x55, 0xff, 0xfe, 0x13, 0x93]));
}

#[test]
fn a_locked_meter_shows_whole_kilowatt_hours_and_no_power() {
    let mut locked = state();
    locked.quirks = [Quirk::PinLocked].into_iter().collect();
    let frame = encode(Dialect::Emh, &locked);
    assert_eq!(value(&frame, IMPORT), Some((Node::Unsigned(30), Node::Signed(3), Node::Unsigned(3580))));
    assert_eq!(value(&frame, POWER), None);
}

#[test]
fn an_escape_in_the_content_is_said_twice() {
    let mut state = state();
    state.number = 0x1b1b_1b1b;
    let frame = encode(Dialect::Emh, &state);
    assert!(frame.windows(8).filter(|bytes| *bytes == [0x1b; 8]).count() >= 3);
    let (_, _, id) = value(&frame, [1, 0, 96, 1, 0, 255]).unwrap();
    assert_eq!(id, Node::Bytes(b"\x0a\x01ISK\x00\x1b\x1b\x1b\x1b".to_vec()));
}

#[test]
fn lengths_beyond_fifteen_take_two_bytes() {
    let mut out = Vec::new();
    octets(&mut out, &[7; 20]);
    assert_eq!((out[..2].to_vec(), read(&mut out.as_slice())), (vec![0x81, 0x06], Node::Bytes(vec![7; 20])));
    octets(&mut Vec::new(), &[]);
    let mut many = list(17);
    assert_eq!(many, [0xf1, 0x01]);
    many.extend([0x01; 17]);
    assert!(matches!(read(&mut many.as_slice()), Node::List(nodes) if nodes.len() == 17));
}

proptest! {
    #[test]
    fn any_state_makes_a_frame_of_bounded_size(state in states(), dzg: bool, odd: bool) {
        let mut state = State { uptime: 1_000_000, ..state };
        if odd {
            state.quirks = [Quirk::UnsignedPower].into_iter().collect();
        }
        let frame = encode(if dzg { Dialect::Dzg } else { Dialect::Emh }, &state);
        prop_assert!(frame.len() < 512);
        prop_assert_eq!(value(&frame, IMPORT).unwrap().2, Node::Unsigned(state.import.total() / 1000));
    }
}
