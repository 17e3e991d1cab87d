//! Frames against lines that every published frame has, and taken apart by the other way round.

use super::*;
use crate::plain::testing::{state, states};
use proptest::prelude::*;

/// The lines of a frame whose checksum is right, as label and the rest.
fn good_lines(frame: &[u8], separator: char, second_mode: bool) -> Vec<(String, Vec<String>)> {
    assert_eq!((frame.first(), frame.last()), (Some(&2), Some(&3)));
    let mut found = Vec::new();
    for line in frame[1..frame.len() - 1].split(|byte| *byte == b'\r') {
        let Some(line) = line.strip_prefix(b"\n") else { continue };
        let (text, sum) = line.split_at(line.len() - 1);
        let text = if second_mode { text } else { &text[..text.len() - 1] };
        // As the description has it: all added in more than a byte, then cut to six bits, then made printable.
        let total: u32 = text.iter().map(|byte| u32::from(*byte)).sum();
        if (total & 0x3f) + 0x20 == u32::from(sum[0]) && text.is_ascii() {
            let text = std::str::from_utf8(text).unwrap().trim_end_matches('\t');
            let mut fields = text.split(separator).map(str::to_owned);
            found.push((fields.next().unwrap(), fields.collect()));
        }
    }
    found
}

fn value(lines: &[(String, Vec<String>)], label: &str) -> Option<String> {
    lines.iter().find(|(name, _)| name == label).and_then(|(_, fields)| fields.last().cloned())
}

#[test]
fn lines_that_all_frames_of_the_historique_share() {
    let has = |dialect, line: &str| {
        let frame = encode(dialect, &state());
        let line = format!("\n{line}\r");
        assert!(frame.windows(line.len()).any(|window| window == line.as_bytes()), "{line}");
    };
    // Checksums as every meter with these values sends them.
    for line in ["OPTARIF BASE 0", "ISOUSC 30 9", "PTEC TH.. $", "HHPHC A ,", "MOTDETAT 000000 B"] {
        has(Dialect::Base, line);
    }
    for line in ["OPTARIF HC.. <", "ISOUSC 45 ?", "PTEC HP..  "] {
        has(Dialect::Hours, line);
    }
    has(Dialect::Tempo, "DEMAIN ---- \"");
}

#[test]
fn totals_are_whole_watt_hours() {
    let base = good_lines(&encode(Dialect::Base, &state()), ' ', false);
    assert_eq!(value(&base, "BASE").unwrap(), "003580246");
    assert_eq!(value(&base, "PAPP").unwrap(), "00597");
    assert_eq!(value(&base, "ADCO").unwrap(), "031612345678");
    let tempo = good_lines(&encode(Dialect::Tempo, &state()), ' ', false);
    assert_eq!(
        (value(&tempo, "BBRHCJB").unwrap(), value(&tempo, "BBRHPJR").unwrap()),
        ("001234567".into(), "000000000".into())
    );
    let standard = good_lines(&encode(Dialect::Standard, &state()), '\t', true);
    assert_eq!(value(&standard, "EAST").unwrap(), "003580246");
    assert_eq!(value(&standard, "EASF02").unwrap(), "002345678");
    assert_eq!(value(&standard, "EAIT").unwrap(), "000098766");
    assert_eq!(standard.iter().find(|(label, _)| label == "DATE").unwrap().1, ["E250601020000"]);
    assert_eq!(standard.iter().find(|(label, _)| label == "UMOY1").unwrap().1, ["E250601020000", "230"]);
}

#[test]
fn a_date_has_an_empty_field_after_it() {
    let frame = encode(Dialect::Standard, &state());
    let wanted = b"\nDATE\tE250601020000\t\t";
    assert!(frame.windows(wanted.len()).any(|window| window == wanted));
    let mut reset = state();
    (reset.clock.unix, reset.clock.offset, reset.clock.summer, reset.clock.doubtful) = (946_684_800, 3600, false, true);
    let frame = encode(Dialect::Standard, &reset);
    assert!(frame.windows(14).any(|window| window == b"h000101010000\t"));
}

#[test]
fn a_merged_line_costs_its_groups_alone() {
    let mut odd = state();
    odd.quirks = [Quirk::MergedLines].into_iter().collect();
    let whole = good_lines(&encode(Dialect::Base, &state()), ' ', false).len();
    let mut counts = Vec::new();
    for sequence in 0..64 {
        odd.sequence = sequence;
        counts.push(whole - good_lines(&encode(Dialect::Base, &odd), ' ', false).len());
    }
    assert!(counts.contains(&0) && counts.contains(&2) && counts.iter().all(|lost| matches!(lost, 0 | 2)));
    let mut odd = state();
    odd.quirks = [Quirk::NonAscii].into_iter().collect();
    assert_eq!(good_lines(&encode(Dialect::Base, &odd), ' ', false).len(), whole - 1);
}

proptest! {
    #[test]
    fn any_state_makes_a_frame_of_bounded_size(state in states(), place in 0usize..4) {
        let dialect = Dialect::ALL[place];
        let standard = dialect == Dialect::Standard;
        let frame = encode(dialect, &state);
        prop_assert!(frame.len() < 1200);
        let lines = good_lines(&frame, if standard { '\t' } else { ' ' }, standard);
        prop_assert_eq!(lines.len(), frame.iter().filter(|byte| **byte == b'\n').count());
        let label = match dialect { Dialect::Base => "BASE", Dialect::Hours => "HCHC", Dialect::Tempo => "BBRHPJB", Dialect::Standard => "EAST" };
        prop_assert_eq!(value(&lines, label).unwrap().len(), 9);
    }
}
