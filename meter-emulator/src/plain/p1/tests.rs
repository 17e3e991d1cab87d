//! Telegrams taken apart by other means than they were made.

use super::*;
use crate::plain::testing::{state, states};
use proptest::prelude::*;

/// CRC-16/ARC bit by bit, from the polynomial in the companion standard: x¹⁶ + x¹⁵ + x² + 1, least bit first.
fn crc_by_hand(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |mut sum: u16, byte| {
        sum ^= u16::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xa001 } else { sum >> 1 };
        }
        sum
    })
}

fn text(dialect: Dialect, state: &State) -> String {
    String::from_utf8(encode(dialect, state, None)).unwrap()
}

fn value(telegram: &str, code: &str) -> Option<String> {
    let line = telegram.lines().find(|line| line.starts_with(&format!("{code}(")))?;
    Some(line.rsplit_once('(')?.1.trim_end_matches(')').to_owned())
}

#[test]
fn a_dutch_telegram_as_the_companion_standard_lays_it_out() {
    let text = text(Dialect::Dsmr5, &state());
    let lines: Vec<_> = text.split("\r\n").collect();
    assert_eq!(lines[..4], [r"/ISK5\2M550T-1013", "", "1-3:0.2.8(50)", "0-0:1.0.0(250601020000S)"]);
    assert_eq!(value(&text, "1-0:1.8.1").unwrap(), "001234.567*kWh");
    assert_eq!(value(&text, "1-0:1.8.2").unwrap(), "002345.678*kWh");
    assert_eq!(value(&text, "1-0:2.8.1").unwrap(), "000000.001*kWh");
    assert_eq!(value(&text, "1-0:1.7.0").unwrap(), "00.597*kW");
    assert_eq!(value(&text, "0-1:24.2.1").unwrap(), "00812.345*m3");
    assert!(text.contains("\r\n0-1:24.2.1(250601000000S)("));
    assert!(text.lines().all(|line| line.len() <= 1024) && text.ends_with("\r\n"));
}

#[test]
fn checksums_end_all_but_the_oldest() {
    for dialect in Dialect::ALL {
        let bytes = encode(dialect, &state(), None);
        let end = bytes.iter().position(|byte| *byte == b'!').unwrap();
        let printed = std::str::from_utf8(&bytes[end + 1..]).unwrap();
        if dialect == Dialect::Dsmr2 {
            assert_eq!(printed, "\r\n");
        } else {
            assert_eq!(printed, format!("{:04X}\r\n", crc_by_hand(&bytes[..=end])));
        }
    }
}

#[test]
fn dialects_differ_where_their_countries_do() {
    let belgian = text(Dialect::Fluvius, &state());
    assert_eq!(value(&belgian, "1-0:1.8.1").unwrap(), "002345.678*kWh", "rate 1 is the day's");
    assert_eq!(value(&belgian, "0-0:96.14.0").unwrap(), "0001");
    assert_eq!(value(&belgian, "0-1:24.2.3").unwrap(), "00812.345*m3");
    let old = text(Dialect::Dsmr2, &state());
    assert!(old.contains("0-1:24.3.0(250601000000)(00)(60)(1)(0-1:24.2.1)(m3)\r\n(00812.345)\r\n"));
    assert_eq!(value(&old, "1-0:1.7.0").unwrap(), "0000.59*kW");
    assert_eq!(value(&old, "1-0:1.8.1").unwrap(), "01234.567*kWh");
    let swedish = text(Dialect::Sweden, &state());
    assert_eq!(value(&swedish, "1-0:1.8.0").unwrap(), "00003580.246*kWh");
    assert_eq!(value(&swedish, "1-0:1.7.0").unwrap(), "0000.597*kW");
}

#[test]
fn quirks_show() {
    let mut odd = state();
    odd.quirks = [Quirk::NonAscii, Quirk::ShortCrc].into_iter().collect();
    // Some frame of sixteen or so has a checksum that begins with zero.
    let short = (0..200u32).find_map(|number| {
        odd.number = number;
        let bytes = encode(Dialect::Dsmr5, &odd, None);
        let end = bytes.iter().position(|byte| *byte == b'!').unwrap();
        (bytes.len() - end < 7).then_some((bytes, end))
    });
    let (bytes, end) = short.unwrap();
    let printed = std::str::from_utf8(&bytes[end + 1..]).unwrap().trim_end();
    assert_eq!(u16::from_str_radix(printed, 16).unwrap(), crc_by_hand(&bytes[..=end]));
    assert_eq!(bytes.iter().filter(|byte| !byte.is_ascii()).count(), 1);
}

#[test]
fn encrypted_telegrams_are_framed_as_the_operators_describe() {
    let keys = Keys::new([7; 16], None);
    let plain = encode(Dialect::Luxembourg, &state(), None);
    let frame = encode(Dialect::Luxembourg, &state(), Some(&keys));
    assert_eq!((frame[..2].to_vec(), frame[10]), (vec![0xdb, 8], 0x82));
    assert_eq!(usize::from(u16::from_be_bytes([frame[11], frame[12]])), frame.len() - 13);
    assert_eq!((frame[13], &frame[14..18]), (0x30, &state().sequence.to_be_bytes()[..]));
    assert_eq!(frame.len(), 18 + plain.len() + 12);
}

proptest! {
    #[test]
    fn any_state_makes_a_telegram_of_bounded_size(state in states(), place in 0usize..7) {
        let text = text(Dialect::ALL[place], &state);
        prop_assert!(text.len() < 2048 && text.is_ascii());
        prop_assert_eq!(text.matches('!').count(), 1);
        for line in text.lines().skip(2).take_while(|line| !line.starts_with('!')) {
            prop_assert!(line.ends_with(')') && line.matches('(').count() == line.matches(')').count());
        }
        let width = |code: &str| value(&text, code).map(|value| value.len());
        for code in ["1-0:1.8.0", "1-0:1.8.1", "1-0:1.8.2", "1-0:2.8.1"] {
            prop_assert!(width(code).is_none_or(|width| (13..=16).contains(&width)));
        }
    }
}
