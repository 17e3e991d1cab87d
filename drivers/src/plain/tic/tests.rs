use proptest::prelude::*;

use super::super::{Energy, Moment};
use super::*;

fn check(bytes: &[u8]) -> char {
    char::from((bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) & 0x3f) + 0x20)
}

/// A group of historique: the last blank is not in the sum.
fn old(text: &str) -> String {
    format!("\n{text} {}\r", check(text.as_bytes()))
}

/// A group of standard: the last tab is.
fn new(text: &str) -> String {
    format!("\n{text}\t{}\r", check(format!("{text}\t").as_bytes()))
}

const OLD: [&str; 7] =
    ["ADCO 012345678901", "OPTARIF HC..", "ISOUSC 30", "HCHC 001000500", "HCHP 002000250", "PTEC HP..", "PAPP 00770"];
const NEW: [&str; 9] = [
    "ADSC\t098765432109",
    "VTIC\t02",
    "DATE\tE260801120000\t",
    "NGTF\t      BASE      ",
    "EAST\t012345678",
    "EASF01\t012345600",
    "EASF02\t000000078",
    "EAIT\t000000009",
    "SINSTS\t01234",
];

fn frame(groups: &[&str], group: fn(&str) -> String) -> String {
    format!("\x02{}\x03", groups.iter().map(|text| group(text)).collect::<String>())
}

fn decoded(text: &str) -> (Vec<Found<Telegram>>, Groups) {
    let mut decoder = Decoder::default();
    let mut found = decoder.hear(&Chunk::Bytes(text.as_bytes().to_vec()));
    found.extend(decoder.end());
    (found, decoder.groups())
}

fn one(text: &str) -> Telegram {
    match decoded(text).0.as_slice() {
        [Found::Message(telegram)] => telegram.clone(),
        other => panic!("{other:?}"),
    }
}

fn wh(watt_hours: i64) -> Option<Energy> {
    Some(Energy(watt_hours * 10_000))
}

#[test]
fn historique() {
    let telegram = one(&frame(&OLD, old));
    assert_eq!((telegram.import, telegram.export), (wh(3_000_750), None));
    assert_eq!((telegram.apparent, telegram.power, telegram.at), (Some(770), None, None));
    assert_eq!(telegram.meter.as_deref(), Some("012345678901"));
    let rates: Vec<_> = telegram.rates.iter().map(|rate| (rate.number, Some(rate.total))).collect();
    assert_eq!(rates, [(1, wh(1_000_500)), (2, wh(2_000_250))]);
    assert_eq!(decoded(&frame(&OLD, old)).1, Groups { good: 7, bad: 0 });
    assert_eq!(one(&frame(&["BASE 000000007"], old)).import, wh(7));
    assert_eq!(one(&frame(&["ADCO 0123456789O1", "BASE 000000007"], old)).meter, None);
    let unnumbered = one(&frame(&["ADCO 000000000000", "BASE 000000007"], old));
    assert_eq!((unnumbered.meter, unnumbered.damaged_groups), (None, 0));
}

#[test]
fn standard() {
    let telegram = one(&frame(&NEW, new));
    assert_eq!((telegram.import, telegram.export), (wh(12_345_678), wh(9)));
    assert_eq!((telegram.apparent, telegram.rates.len()), (Some(1234), 2));
    assert_eq!(telegram.meter.as_deref(), Some("098765432109"));
    let shown = |date: &str| {
        let telegram = one(&frame(&[&format!("DATE\t{date}\t"), "EAST\t000000001"], new));
        telegram.at.map(|at| if let Moment::Clock(stamp) = at { stamp.to_string() } else { panic!() })
    };
    assert_eq!(shown("E260801120000").as_deref(), Some("2026-08-01T12:00:00+02:00"));
    assert_eq!(shown("h261225235959").as_deref(), Some("2026-12-25T23:59:59+01:00"));
    assert_eq!(shown(" 260801120000").as_deref(), Some("2026-08-01T12:00:00"));
    assert_eq!(shown("H000000000000"), None);
}

#[test]
fn a_bad_group_is_dropped_alone_and_no_sum_is_told_without_it() {
    let whole = frame(&OLD, old);
    let telegram = one(&whole.replace("HCHC 0010", "HCHC 0011"));
    assert_eq!((telegram.import, telegram.apparent, telegram.damaged_groups), (None, Some(770), 1));
    assert_eq!(telegram.rates.len(), 1);

    // The line end between two groups is lost.
    let merged = whole.replace("\r\nISOUSC", "ISOUSC");
    let (found, groups) = decoded(&merged);
    assert_eq!(groups, Groups { good: 5, bad: 1 });
    let [Found::Message(telegram)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((telegram.import, telegram.damaged_groups), (wh(3_000_750), 1));

    // A check that fits a value which is none.
    assert_eq!(one(&whole.replace(&old("PAPP 00770"), &old("PAPP 0O770"))).damaged_groups, 1);
    let standard = one(&frame(&NEW, new).replace("EAST\t0123", "EAST\t0124"));
    assert_eq!((standard.import, standard.damaged_groups), (None, 1), "two rates of ten are no total");
}

#[test]
fn frames_that_were_cut_and_lines_that_were_joined() {
    let whole = frame(&OLD, old);
    let telegram = Found::Message(one(&whole));
    let tail = &whole[whole.find("PTEC").unwrap()..whole.find("\nPAPP").unwrap()];
    // Joined late: what is left of a frame without a reading is no damage.
    assert_eq!(decoded(&format!("{tail}\x03{whole}")).0, [telegram.clone()]);
    assert_eq!(decoded(&format!("OUSC 30 9\r{whole}")).0, [Found::Noise(9), telegram.clone()]);
    // Cut late: all that makes the total came.
    let cut = &whole[..whole.find("\nPTEC").unwrap()];
    assert_eq!(one(cut).import, wh(3_000_750));
    assert_eq!(one(&format!("{cut}\x04")).apparent, None);
    // Cut early: nothing is told.
    let early = &whole[..whole.find("\nHCHP").unwrap()];
    assert_eq!(decoded(&format!("{early}{whole}")).0, [telegram.clone()]);
    // Without its marks.
    let bare = whole.replace(['\x02', '\x03'], "");
    assert_eq!(decoded(&bare.repeat(3)).0, vec![telegram.clone(); 3]);
    assert_eq!(decoded(&bare.replace('\r', "\r\n")).0, [telegram.clone()]);

    let nothing = Found::Damaged(Damage::Plain(Fault::Nothing));
    assert_eq!(decoded(&frame(&["ADCO 012345678901", "IINST1 010"], old)).0, [nothing]);
    let damaged = Found::Damaged(Damage::Plain(Fault::Checksum));
    assert_eq!(decoded("\x02\nPAPP 00770 !\r\x03").0, [damaged]);
    assert_eq!(decoded("\x02\x03\x02\x03").0, []);

    let mut decoder = Decoder::default();
    assert_eq!(decoder.hear(&Chunk::Bytes(early.into())), []);
    decoder.begin();
    assert_eq!(decoder.hear(&Chunk::Bytes(whole.clone().into())), [telegram.clone()]);
    assert_eq!(decoder.hear(&Chunk::Datagram { topic: "tic".into(), payload: whole.into() }), [telegram]);
}

#[test]
fn it_holds_little_whatever_comes() {
    let mut decoder = Decoder::default();
    let found = decoder.hear(&Chunk::Bytes(vec![b'x'; 1_000_000]));
    assert_eq!(found, []);
    assert_eq!(decoder.end(), [Found::Noise(1_000_000)]);
    assert!(decoder.held.capacity() <= 4 * MAX_GROUP);
    // A line of groups without end is told all the same.
    let endless = old("PAPP 00770").repeat(1000);
    assert_eq!(decoded(&endless).0.len(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_cut_of_chunks_changes_nothing(
        parts in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            prop::collection::vec(prop::sample::select(&b"\x02\x03\r\n\t PAPP0123"[..]), 0..60),
            Just(frame(&OLD, old).into_bytes()),
            Just(frame(&NEW, new).into_bytes()),
            (0..frame(&NEW, new).len()).prop_map(|at| frame(&NEW, new).as_bytes()[..at].to_vec()),
        ], 0..8),
        cut in 1_usize..200,
    ) {
        let bytes = parts.concat();
        let decoded = |cut: usize| {
            let mut decoder = Decoder::default();
            let parts = bytes.chunks(cut).map(|part| Chunk::Bytes(part.to_vec()));
            let mut found: Vec<_> = parts.flat_map(|part| decoder.hear(&part)).collect();
            found.extend(decoder.end());
            let noise: u64 = found.iter().map(|one| if let Found::Noise(bytes) = one { *bytes } else { 0 }).sum();
            found.retain(|one| !matches!(one, Found::Noise(_)));
            (found, noise, decoder.groups())
        };
        prop_assert_eq!(decoded(cut), decoded(usize::MAX));
    }

    /// The check has six bits: it sees every change of one bit, save of the two that no digit has.
    #[test]
    fn a_changed_bit_never_gives_another_value(at: prop::sample::Index, bit in 0_u8..8) {
        let good = frame(&OLD, old);
        let expected = one(&good);
        let mut bytes = good.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let mut decoder = Decoder::default();
        let mut found = decoder.hear(&Chunk::Bytes(bytes));
        found.extend(decoder.end());
        for found in found {
            if let Found::Message(telegram) = found {
                prop_assert!(telegram.import.is_none_or(|import| Some(import) == expected.import));
                prop_assert!(telegram.apparent.is_none_or(|apparent| Some(apparent) == expected.apparent));
                prop_assert!(telegram.rates.iter().all(|rate| expected.rates.contains(rate)));
            }
        }
    }
}
