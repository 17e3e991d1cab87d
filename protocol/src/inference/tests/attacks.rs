//! Each stopped, and for which reason.

use super::*;

fn few(result: Result<(), (usize, Reveals)>) -> usize {
    match result {
        Err((number, Reveals::Few { .. })) => number,
        other => panic!("{other:?}"),
    }
}

fn bits(result: Result<(), (usize, Reveals)>) -> usize {
    match result {
        Err((number, Reveals::Bits { .. })) => number,
        other => panic!("{other:?}"),
    }
}

#[test]
fn superincreasing_prices() {
    let prices = (0..SLOTS).map(|slot| 1i64 << (slot % 40));
    assert_eq!(few(all(&mut lane(), [exact(row(MONDAY, prices))])), 0);
}

#[test]
fn one_heavy_slot_among_ones_exact_or_rounded_to_cents() {
    let heavy = || row(MONDAY, (0..31 * SLOTS).map(|slot| if slot == 700 { 1 << 20 } else { 1 }));
    assert_eq!(few(all(&mut lane(), [exact(heavy())])), 0);
    assert_eq!(few(all(&mut lane(), [rounded(heavy(), 10_000)])), 0);
}

#[test]
fn two_sets_that_differ_in_five_slots() {
    let month = 31 * SLOTS;
    let without = those(MONDAY, month, |slot| !(100..105).contains(&slot));
    assert_eq!(few(all(&mut lane(), [exact(those(MONDAY, month, |_| true)), exact(without)])), 1);
    let without_eight = those(MONDAY, month, |slot| !(100..108).contains(&slot));
    all(&mut lane(), [exact(those(MONDAY, month, |_| true)), exact(without_eight)]).unwrap();
}

#[test]
fn two_tariffs_that_differ_in_one_slot() {
    let month = 31 * SLOTS;
    for difference in [1, 2, 100, 100_000] {
        let prices = |at: Option<u64>| {
            row(MONDAY, (0..month).map(move |slot| 243_700_000 + if Some(slot) == at { difference } else { 0 }))
        };
        assert_eq!(few(all(&mut lane(), [rounded(prices(None), 10_000_000), exact(prices(Some(5)))])), 1);
    }
}

/// Cross products of prices that are a prime known beforehand look dependent modulo that prime.
#[test]
fn two_tariffs_that_differ_in_one_slot_by_a_chosen_prime() {
    let (a, c) = ((1i128 << 40) - 87, (1i128 << 40) - 89);
    for prime in [(1i128 << 61) - 1, (1 << 62) - 57, (1 << 61) - 31] {
        // a·d − b·c = prime, with d below c.
        let (mut r, mut next, mut s, mut after) = (a, c, 1i128, 0i128);
        while next != 0 {
            let quotient = r / next;
            (r, next) = (next, r - quotient * next);
            (s, after) = (after, s - quotient * after);
        }
        assert_eq!(r, 1, "coprime");
        let d = (s * prime).rem_euclid(c);
        let b = (a * d - prime) / c;
        assert_eq!(a * d - b * c, prime);
        let [a, b, c, d] = [a, b, c, d].map(|x| i64::try_from(x).unwrap());
        let prices =
            |all: i64, one: i64| row(MONDAY, (0..31 * SLOTS).map(move |slot| if slot == 700 { one } else { all }));
        assert!(all(&mut lane(), [exact(prices(a, b)), exact(prices(c, d))]).is_err(), "{prime}");
    }
}

#[test]
fn shifting_windows() {
    let day = |shift: u64| exact(those(MONDAY + shift, SLOTS, |_| true));
    assert_eq!(few(all(&mut lane(), (0..8).map(day))), 1);
    // By four hours each time: every difference has sixteen slots, and yet they come to an end.
    let all_day = |shift: u64| exact(those(MONDAY + 8 * shift, SLOTS, |_| true));
    assert!(all(&mut lane(), (0..40).map(all_day)).is_err());
}

/// The account is one for all recipients: that each alone asks harmless things does not help.
#[test]
fn two_recipients_who_pool() {
    let adviser = those(MONDAY, SLOTS, |slot| slot < 24);
    let landlord = those(MONDAY, SLOTS, |slot| slot < 20);
    all(&mut lane(), [exact(adviser.clone())]).unwrap();
    all(&mut lane(), [exact(landlord.clone())]).unwrap();
    assert_eq!(few(all(&mut lane(), [exact(adviser), exact(landlord)])), 1);
}

/// Of so many bits, the highest of them set; odd.
fn price(seed: u64, slot: u64, bits: u32) -> i64 {
    (random(seed, slot) >> (65 - bits)) as i64 | 1 << (bits - 1) | 1
}

/// Lattice reduction gives back a day of small readings from far fewer sums than it has slots.
#[test]
fn random_prices_over_one_day() {
    for (price_bits, most) in [(16u32, 2usize), (24, 2), (32, 1), (40, 1)] {
        for start in 0..20 {
            let bill =
                |seed: u64| exact(row(MONDAY, (0..SLOTS).map(move |slot| price(20 * start + seed, slot, price_bits))));
            // A slot may stand out before the bits are spent.
            let (allowed, _) = all(&mut lane(), (1..20).map(bill)).unwrap_err();
            assert!(allowed <= most, "{price_bits} bits: {allowed}");
        }
    }
    // Nearly even prices, rounded to cents.
    let even =
        |seed: u64| rounded(row(MONDAY, (0..SLOTS).map(move |slot| (1 << 20) + price(seed, slot, 16))), 10_000_000);
    assert!(all(&mut lane(), (1..20).map(even)).unwrap_err().0 <= 5);
}

#[test]
fn random_prices_over_a_quiet_night() {
    let bill = |seed: u64| exact(row(MONDAY, (0..16).map(move |slot| (1 << 16) + price(seed, slot, 16))));
    let refused = all(&mut lane(), (1..20).map(bill)).unwrap_err();
    assert!(matches!(refused, (0, Reveals::Fine { slots: 16, .. })), "{refused:?}");
    // In parts that are harmless one by one.
    let flags = |seed: u64| {
        rounded(row(MONDAY, (0..16).map(move |slot| 1 + i64::from(random(seed, slot).is_multiple_of(3)))), 65_535)
    };
    assert!(all(&mut lane(), (1..40).map(flags)).is_err());
}

#[test]
fn maxima_over_sets_with_little_in_common() {
    let peak = |row: Row| {
        vec![Output { rows: vec![row], kind: Kind::Function, bits: Bits::from([(Window::Day(20_458), 16.0)]) }]
    };
    let (left, right) = (those(MONDAY, SLOTS, |slot| slot < 26), those(MONDAY, SLOTS, |slot| slot > 22));
    all(&mut lane(), [exact(left.clone()), exact(right.clone())]).unwrap();
    assert_eq!(few(all(&mut lane(), [peak(left.clone()), peak(right)])), 1, "three slots in common");
    let apart = those(MONDAY, SLOTS, |slot| slot > 25);
    all(&mut lane(), [peak(left.clone()), peak(left), peak(apart)]).unwrap();
}

/// Thousands of thresholds would tell every reading of a day.
#[test]
fn thresholds_without_end() {
    let count = |_| {
        let bits = Window::of_day(20_458).map(|window| (window, 49f64.log2()));
        vec![Output { rows: vec![those(MONDAY, SLOTS, |_| true)], kind: Kind::Function, bits: bits.into() }]
    };
    assert_eq!(bits(all(&mut lane(), (0..100).map(count))), 17);
}
