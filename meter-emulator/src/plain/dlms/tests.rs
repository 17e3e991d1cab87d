//! Pushes against published ones, and taken apart by a small reader of their own.

use super::*;
use crate::plain::state::{Clock, Register};
use crate::plain::testing::{state, states};
use proptest::prelude::*;

/// 2022-10-16 21:00:18, a Sunday, in a zone that is not said.
fn clock() -> Clock {
    Clock { unix: 1_665_954_018, offset: 0, summer: false, doubtful: false }
}

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace([' ', '\n'], "")).unwrap()
}

/// First list of a Kaifa MA304 and of an Aidon 6525, as the users of the Norwegian port publish them.
#[test]
fn first_lists_are_those_of_norwegian_meters() {
    let mut state = State { clock: clock(), power_import: 3_423_000, ..state() };
    let kaifa = "7EA027010201105A87E6E7000F40000000090C07E60A1007150012FF80000002010600000D5FA12E7E";
    assert_eq!(encode(Dialect::Kaifa, List::Power, &state, None), hex(kaifa));
    state.power_import = 512_000;
    let aidon = "7EA02A410883130413E6E7000F40000000000101020309060100010700FF060000020002020F00161BC12C7E";
    assert_eq!(encode(Dialect::Aidon, List::Power, &state, None), hex(aidon));
}

/// Second list of a Kamstrup 684113, as published: all but its values is the same.
#[test]
fn the_second_list_has_the_layout_of_a_kamstrup() {
    let published =
        hex("7EA0E22B2113239AE6E7000F000000000C07E6011801123A32FF80000002190A0E4B616D73747275705F56303030310906010100
        0005FF0A103537303635363733323635393034303709060101600101FF0A1236383431313338424E323435313031303930090601
        01010700FF060000033A09060101020700FF060000000009060101030700FF060000006809060101040700FF06000000B0090601
        011F0700FF06000000ED09060101330700FF060000005909060101470700FF060000004B09060101200700FF1200E80906010134
        0700FF1200E909060101480700FF1200EC84467E");
    let made = encode(Dialect::Kamstrup, List::Values, &state(), None);
    assert_eq!((made.len(), &made[..17]), (published.len(), &published[..17]));
    assert_eq!(shape(&made[29..made.len() - 3]), shape(&published[29..published.len() - 3]));
    assert_eq!(published[published.len() - 3..][..2], crate::plain::check::x25(&published[1..published.len() - 3]));
}

/// The example of Netz NÖ's description of the customer port, with its key: every byte of both segments.
#[test]
fn the_austrian_example_comes_out_whole() {
    let key: [u8; 16] = hex("36C66639E48A8CA4D6BC8B282A793BBB").try_into().unwrap();
    let state = State {
        number: 20_000_009,
        // 2021-09-27 09:47:15 in summer.
        clock: Clock { unix: 1_632_728_835, offset: 7200, summer: true, doubtful: false },
        uptime: 0x0006_870e,
        import: Register { rates: [129_370_000, 5] },
        export: Register::default(),
        power_import: 0,
        power_export: 0,
        ..state()
    };
    let content = notification(Dialect::Austria, List::Totals, &state);
    let sealed = Keys::new(key, None).seal(*b"KFMgP\0\0\x09", 0x23, &content);
    let published =
        hex("68FAFA6853FF000167DB084B464D675000000981F8200000002388D5AB4F97515AAFC6B88D2F85DAA7A0E3C0C40D004535C397C9
        D037AB7DBDA329107615444894A1A0DD7E85F02D496CECD3FF46AF5FB3C9229CFE8F3EE4606AB2E1F409F36AAD2E50900A4396FC
        6C2E083F373233A69616950758BFC7D63A9E9B6E99E21B2CBC2B934772CA51FD4D69830711CAB1F8CFF25F0A329337CBA51904F0
        CAED88D61968743C8454BA922EB00038182C22FE316D16F2A9F544D6F75D51A4E92A1C4EF8AB19A2B7FEAA32D0726C0ED80229AE
        6C0F7621A4209251ACE2B2BC66FF0327A653BB686C756BE033C7A281F1D2A7E1FA31C3983E15F8FD16CC5787E6F517166814146853FF
        110167419A3CFDA44BE438C96F0E38BF83D98316");
    assert_eq!(frame::mbus(&sealed), published);
}

/// Types and codes of data, without values.
fn shape(mut data: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    while !data.is_empty() {
        let (tag, rest) = data.split_at(1);
        let (header, content) = match tag[0] {
            0x01 | 0x02 => (1, 0),
            0x06 => (0, 4),
            0x09 | 0x0a => (1, usize::from(rest[0])),
            0x0f | 0x16 => (0, 1),
            0x10 | 0x12 => (0, 2),
            other => panic!("type {other:02x}"),
        };
        let mut kept = data[..1 + header].to_vec();
        if tag[0] == 0x09 && content == 6 {
            kept.extend(&rest[1..7]);
        }
        out.push(kept);
        data = &rest[header + content..];
    }
    out
}

/// The contents of HDLC frames in a row, each checked.
fn unframe(mut bytes: &[u8], addresses: usize) -> Vec<Vec<u8>> {
    let x25 = |bytes: &[u8]| {
        let sum = bytes.iter().fold(0xffffu16, |mut sum, byte| {
            sum ^= u16::from(*byte);
            for _ in 0..8 {
                sum = if sum & 1 == 1 { sum >> 1 ^ 0x8408 } else { sum >> 1 };
            }
            sum
        });
        (!sum).to_le_bytes()
    };
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let length = usize::from(u16::from_be_bytes([bytes[1] & 0x07, bytes[2]]));
        let frame = &bytes[1..=length];
        assert_eq!((bytes[0], bytes[length + 1], frame[0] & 0xf8), (0x7e, 0x7e, 0xa0));
        let header = 2 + addresses + 1;
        assert_eq!(frame[header..header + 2], x25(&frame[..header]));
        assert_eq!(frame[length - 2..], x25(&frame[..length - 2]));
        found.push(frame[header + 2..length - 2].to_vec());
        bytes = &bytes[length + 2..];
    }
    found
}

/// The number behind a code.
fn double(data: &[u8], code: [u8; 6]) -> Option<u32> {
    let at = data.windows(8).position(|window| window[..2] == [9, 6] && window[2..] == code)? + 8;
    (data[at] == 6).then(|| u32::from_be_bytes(data[at + 1..at + 5].try_into().unwrap()))
}

#[test]
fn hourly_totals_come_in_ten_watt_hours_and_in_watt_hours() {
    let list = |dialect, addresses| unframe(&encode(dialect, List::Totals, &state(), None), addresses).concat();
    let aidon = list(Dialect::Aidon, 3);
    assert_eq!(double(&aidon, [1, 0, 1, 8, 0, 255]), Some(358_024));
    assert!(aidon.windows(14).any(|w| w == hex("090C 07E9 06 01 07 02 00 00 FF 0000 00")), "the hour itself");
    let kamstrup = list(Dialect::Kamstrup, 2);
    assert_eq!(double(&kamstrup, [1, 1, 1, 8, 0, 255]), Some(358_024));
    assert!(kamstrup.windows(14).any(|w| w == hex("090C 07E9 06 01 07 02 00 05 FF 8000 00")), "five seconds later");
    let kaifa = list(Dialect::Kaifa, 3);
    assert_eq!(kaifa[kaifa.len() - 20..kaifa.len() - 15], hex("06 0036A156"));
    assert_eq!(kaifa.windows(12).filter(|w| *w == hex("07E9 06 01 07 02 00 0A FF 8000 00")).count(), 2);
}

#[test]
fn blocks_are_numbered_and_the_last_says_so() {
    let bytes = encode(Dialect::Landis, List::Totals, &state(), None);
    // Header of the first block of an E450, as published: addresses, control, checksum, LLC, block 1 of 112 bytes.
    assert_eq!(bytes[..19], hex("7EA084CEFF0313128BE6E700E0400001000070 0F")[..19]);
    let frames = unframe(&bytes, 3);
    let mut content = Vec::new();
    for (place, frame) in frames.iter().enumerate() {
        let block = frame.strip_prefix(&[0xe6, 0xe7, 0x00][..]).unwrap_or(frame);
        assert_eq!(block.len() < frame.len(), place == 0);
        let last = place + 1 == frames.len();
        assert_eq!(block[..6], [0xe0, if last { 0xc0 } else { 0x40 }, 0, place as u8 + 1, 0, 0]);
        assert_eq!(usize::from(block[6]), block.len() - 7);
        content.extend(&block[7..]);
    }
    assert!(frames.len() > 2);
    assert_eq!(content, notification(Dialect::Landis, List::Totals, &state()));
    assert!(shape(&content[18..]).len() > 40);
}

#[test]
fn any_push_can_be_encrypted() {
    let keys = Keys::new([9; 16], Some([8; 16]));
    for dialect in [Dialect::Kamstrup, Dialect::Swiss] {
        let addresses = if dialect == Dialect::Kamstrup { 2 } else { 3 };
        let content = unframe(&encode(dialect, List::Totals, &state(), Some(&keys)), addresses).concat();
        assert_eq!(content[3..5], [0xdb, 8]);
        assert!(double(&content, [1, 1, 1, 8, 0, 255]).is_none());
    }
}

proptest! {
    #[test]
    fn any_state_makes_frames_of_bounded_size(state in states(), place in 0usize..7, list in 0usize..3) {
        let (dialect, list) = (Dialect::ALL[place], [List::Power, List::Values, List::Totals][list]);
        let bytes = encode(dialect, list, &state, None);
        prop_assert!(bytes.len() < 640);
        match dialect {
            Dialect::Austria | Dialect::Sagemcom => {
                let (first, rest) = bytes.split_at(usize::from(bytes[1]) + 6);
                for frame in [first, rest].into_iter().filter(|frame| !frame.is_empty()) {
                    let body = &frame[4..frame.len() - 2];
                    prop_assert_eq!((frame[0], usize::from(frame[2]), frame[3]), (0x68, body.len(), 0x68));
                    let sum: usize = body.iter().map(|byte| usize::from(*byte)).sum();
                    prop_assert_eq!(&frame[frame.len() - 2..], &[(sum % 256) as u8, 0x16]);
                }
            }
            Dialect::Kamstrup => { unframe(&bytes, 2); }
            _ => { unframe(&bytes, 3); }
        }
        let content = notification(dialect, list, &state);
        let date = match dialect { Dialect::Aidon => 6, Dialect::Kaifa => 19, _ => 18 };
        let elements = shape(&content[date..]);
        prop_assert!(!elements.is_empty());
    }
}
