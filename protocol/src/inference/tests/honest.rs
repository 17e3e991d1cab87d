//! What people ask for goes through, over years.

use super::*;

/// Prices of half-hours, in 10⁻⁹ currency units a watt-hour, as wholesale prices are.
fn agile(seed: u64, slot: u64) -> i64 {
    let evening = if (32..40).contains(&(slot % SLOTS)) { 150_000 } else { 0 };
    100_000 + evening + 100 * (random(seed, slot) % 1_200) as i64
}

const CENT: u64 = 10_000_000;

#[test]
fn a_year_of_bills_comparisons_and_totals() {
    let mut lane = lane();
    let first = 20_454; // 2026-01-01
    let mut refused = Vec::new();
    let mut ask = |what: String, release: Vec<Output>, bill: bool| match lane.consider(&release, bill) {
        Ok(fits) => lane.book(fits),
        Err(reason) => refused.push(format!("{what}: {reason}")),
    };
    for month in 0..12u64 {
        let window = Window::Month(2026 * 12 + month as i64);
        let (start, days) = (window.first_day() as u64, window.days() as u64);
        let (from, slots) = (start * SLOTS, days * SLOTS);
        for day in start..start + days {
            ask(format!("the total of day {day}"), exact(those(day * SLOTS, SLOTS, |_| true)), false);
            if (day - first) % 2 == 0 {
                let evening = exact(those(day * SLOTS, SLOTS, |slot| (32..44).contains(&slot)));
                ask(format!("the evening of day {day}"), evening, false);
            }
        }
        let bill = row(from, (from..from + slots).map(|slot| agile(1, slot)));
        ask(format!("the bill of month {month}"), rounded(bill, CENT), true);
        for other in 2..6 {
            // Both tariffs move with the market.
            let differs = row(from, (from..from + slots).map(|slot| agile(1, slot) - agile(other, slot)));
            ask(format!("comparison {other} of month {month}"), rounded(differs, 100 * CENT), false);
        }
        ask(format!("the total of month {month}"), exact(those(from, slots, |_| true)), false);
    }
    ask("the year".into(), exact(those(first * SLOTS, 365 * SLOTS, |_| true)), false);
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(lane.leverage() < 1.0 / 8.0, "{}", lane.leverage());
}

#[test]
fn what_is_known_already_costs_nothing() {
    let mut lane = lane();
    let days = (0..7).map(|day| exact(those(MONDAY + day * SLOTS, SLOTS, |_| true)));
    all(&mut lane, days).unwrap();
    let before = lane.all_spent().clone();
    all(&mut lane, [exact(those(MONDAY, 7 * SLOTS, |_| true))]).unwrap();
    assert_eq!(*lane.all_spent(), before);
    // Twice the prices tell no more.
    all(&mut lane, [exact(row(MONDAY, vec![2; 48]))]).unwrap();
    assert_eq!(*lane.all_spent(), before);
}

/// A rounded sum leaves open what an exact one then tells.
#[test]
fn an_exact_sum_after_a_rounded_one_costs_its_bits() {
    let mut lane = lane();
    all(&mut lane, [rounded(those(MONDAY, SLOTS, |_| true), 1000)]).unwrap();
    let before = lane.spent(Window::Day(20_458));
    all(&mut lane, [exact(those(MONDAY, SLOTS, |_| true))]).unwrap();
    assert!(lane.spent(Window::Day(20_458)) > before + 20.0);
}

#[test]
fn a_refusal_changes_nothing() {
    let mut lane = lane();
    all(&mut lane, [exact(those(MONDAY, SLOTS, |_| true))]).unwrap();
    let (spent, leverage) = (lane.all_spent().clone(), lane.leverage());
    assert!(lane.consider(&exact(those(MONDAY, SLOTS, |slot| slot != 5)), true).is_err());
    assert_eq!((lane.all_spent().clone(), lane.leverage()), (spent, leverage));
}
