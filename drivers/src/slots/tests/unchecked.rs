//! Readings that no checksum stands behind.

use super::*;

#[test]
fn a_reading_waits_for_the_next() {
    let mut register = register();
    // The first only bears witness, the last waits.
    assert_eq!(read_as(&mut register, false, &[(0, 100), (5, 101), (900, 190), (1800, 300)]), [(0, 89, How::Measured)]);
    assert_eq!(read_as(&mut register, false, &[(1810, 301)]), [(1, 110, How::Measured)]);
    // A checksum needs no witness, and is one.
    assert_eq!(read(&mut register, &[(2700, 350)]), [(2, 50, How::Measured)]);
}

/// One digit of one reading is another, wherever that stands: no slot is other than without that reading.
#[test]
fn a_changed_digit_is_never_energy() {
    let truth: Vec<(u64, i64)> = (0..60_u64).map(|n| (n * 60, 123_400 + 7 * i64::try_from(n).unwrap())).collect();
    for at in 0..truth.len() - 3 {
        for digit in [1, 10, 100, 1000, 10_000, 100_000, 1_000_000] {
            for change in [-3, 1, 5] {
                let mut heard = truth.clone();
                heard[at].1 += change * digit;
                let told = read_as(&mut register(), false, &heard);
                for (slot, wh, how) in &told {
                    // Seven watt-hours a minute: an edge without its reading lies between its neighbours.
                    let room = if digit == 1 { 7 } else { 0 };
                    let good = *how != How::Missing && (105 - room..=105 + room).contains(wh);
                    assert!(good, "slot {slot}: {wh} {how:?}, reading {at} changed by {}", change * digit);
                }
                assert_eq!(told.len(), 2, "reading {at} changed by {}", change * digit);
            }
        }
    }
}

#[test]
fn a_reset_goes_on_from_its_second_word() {
    // The first word after the reset is too low by a digit.
    let mut register = register();
    let readings = [(0, 5000), (1, 5000), (900, 5100), (901, 5100), (1000, 210), (1030, 1211), (1050, 1212)];
    assert_eq!(read_as(&mut register, false, &readings), [(0, 100, How::Measured)]);
    let told = read_as(&mut register, false, &[(1065, 1213), (1800, 1300), (1801, 1300), (2700, 1400), (2701, 1400)]);
    assert_eq!(told, [(1, 89, How::Missing), (2, 100, How::Measured)]);
}

#[test]
fn what_stood_under_a_wrong_code_finds_no_witness_weeks_later() {
    let mut slots = Slots::new(terms());
    let mut told = Vec::new();
    for n in 0..4000_u64 {
        let wh = Some(Energy(i64::try_from(1_000_000 + n).unwrap() * 10_000));
        // Every thousandth telegram, the line makes import look like export.
        let telegram = if n % 1000 == 999 {
            Telegram { export: wh, ..Telegram::default() }
        } else {
            Telegram { import: wh, ..Telegram::default() }
        };
        told.extend(slots.hear((START + 10 * n) * 1000, &telegram));
    }
    assert!(told.len() > 40 && told.iter().all(|(way, slot)| *way == Way::Import && slot.how == How::Measured));
}

proptest! {
    /// One in ten readings is anything: sums stay within what the register counted, and no slot is more than it counted
    /// in the slot and the readings next to it.
    #[test]
    fn lies_among_them_are_never_energy(
        loads in proptest::collection::vec(0_i64..140_000, 400),
        lies in proptest::collection::vec((0_u8..10, any::<i32>(), 0_u32..14), 400),
    ) {
        let mut register = register();
        let (mut total, mut truth, mut told, mut lied) = (5_000_000_000_000_i64, Vec::new(), Vec::new(), 0);
        for (n, (load, (lie, by, scale))) in loads.iter().zip(lies).enumerate() {
            total += load * 10;
            truth.push(total);
            // Lies come one at a time; two that agree within a minute are the line's word against nobody's.
            lied = if lie == 0 && lied == 0 { 3 } else { lied.max(1) - 1 };
            let shown = if lied == 3 { total.saturating_add(i64::from(by) * 10_i64.pow(scale % 10)) } else { total };
            told.extend(register.read((START + 10 * n as u64) * 1000, shown, false));
        }
        let at = |second: u64| truth[usize::try_from(second / 10).unwrap().min(truth.len() - 1)];
        for slot in told {
            let from = (slot.number * QUARTER).saturating_sub(START);
            // Two readings may be lost at each edge.
            let most = at(from + QUARTER + 40) - at(from.saturating_sub(40));
            prop_assert!(i64::from(slot.advance) <= most, "{} > {}", slot.advance, most);
        }
    }
}
