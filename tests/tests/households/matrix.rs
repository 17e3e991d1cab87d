//! The matrix: all settings worked through on all processors, every bill compared with the oracle's.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use protocol::inference::Reveals;
use protocol::tariff::SignedTariff;
use serde_json::Value;

use crate::household::{Household, Outcome, publish};
use crate::oracle::{Answer, ask};
use crate::plan::{Home, Setting};
use crate::terms::{Terms, code};

/// What came of one setting.
#[derive(Default)]
pub struct Tally {
    /// Meter and first day of each period that was billed.
    pub billed: BTreeSet<(String, String)>,
    /// Of each that was refused, because slots are missing or the meter does not cover it.
    pub refused: BTreeSet<(String, String)>,
    pub bills: usize,
    pub refusals: usize,
    /// What the bound on hostile tariffs refused.
    pub hostile: Vec<String>,
    pub mismatches: Vec<String>,
    /// Periods that a price file does not cover: tariff, first day, and why the desk refused it.
    pub unpriced: Vec<(String, String, String)>,
}

/// A tariff signed for a run of priced periods.
struct Published {
    terms: usize,
    tariff: SignedTariff,
    /// First and last of each period, as local dates.
    periods: Vec<(String, String)>,
}

/// A setting with the oracle's answers and the tariffs they need.
struct Prepared {
    answers: Vec<Answer>,
    published: Vec<Published>,
}

/// Works everything through. The order of tallies is that of settings.
pub fn run(homes: &[Home], settings: &[Setting]) -> Vec<Tally> {
    let tallies: Vec<Mutex<Tally>> = settings.iter().map(|_| Mutex::default()).collect();
    let prepared: Vec<Prepared> = in_parallel(settings.len(), |at| {
        let setting = &settings[at];
        prepare(&homes[setting.home], setting, &mut tallies[at].lock().unwrap())
    });
    let jobs: Vec<(usize, usize)> =
        settings.iter().enumerate().flat_map(|(at, s)| s.meters.iter().map(move |meter| (at, *meter))).collect();
    in_parallel(jobs.len(), |job| {
        let (at, meter) = jobs[job];
        let tally = meter_of(&homes[settings[at].home], &settings[at], &prepared[at], meter);
        tallies[at].lock().unwrap().add(tally);
    });
    tallies.into_iter().map(|tally| tally.into_inner().unwrap()).collect()
}

/// Runs `work` for every number below `count` on all processors; results are in order.
pub fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(count));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    let result = work(at);
                    done.lock().unwrap().push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn prepare(home: &Home, setting: &Setting, tally: &mut Tally) -> Prepared {
    let job: Value = setting.job(home);
    let answers = ask(&job);
    let mut published = Vec::new();
    for (place, terms) in setting.tariffs.iter().enumerate() {
        // Periods and prices are the same for all meters of a setting.
        let periods: Vec<&Answer> =
            answers.iter().filter(|a| a.meter == answers[0].meter && a.tariff == terms.id).collect();
        for run in periods.chunk_by(|a, b| a.until == b.from && (a.unpriced == 0) == (b.unpriced == 0)) {
            let (from, until) = (run[0].from.clone(), run[run.len() - 1].until.clone());
            if run[0].unpriced == 0 {
                match publish(terms, home.zone, &from, &until) {
                    Ok(tariff) => {
                        let periods = run.iter().map(|a| (a.from.clone(), a.until.clone())).collect();
                        published.push(Published { terms: place, tariff, periods });
                    }
                    Err(why) => tally.mismatches.push(format!("{}: {} is refused: {why}", home.name, terms.id)),
                }
                continue;
            }
            for answer in run {
                tally.unpriced(home, terms, answer);
            }
        }
    }
    Prepared { answers, published }
}

impl Tally {
    /// A period without all its prices must not become a tariff.
    fn unpriced(&mut self, home: &Home, terms: &Terms, answer: &Answer) {
        let period = answer.period();
        match publish(terms, home.zone, &answer.from, &answer.until) {
            Err(why) if terms.is_dynamic() && why.contains("is missing") => {
                self.unpriced.push((terms.id.clone(), answer.from.clone(), why));
            }
            Err(why) => self.mismatches.push(format!("{}, {} {period}: refused, but: {why}", home.name, terms.id)),
            Ok(_) => self.mismatches.push(format!(
                "{}, {} {period}: compiled, although {} slots have no price",
                home.name, terms.id, answer.unpriced
            )),
        }
    }

    fn add(&mut self, other: Self) {
        self.billed.extend(other.billed);
        self.refused.extend(other.refused);
        self.bills += other.bills;
        self.refusals += other.refusals;
        self.hostile.extend(other.hostile);
        self.mismatches.extend(other.mismatches);
    }
}

/// All bills of one meter.
fn meter_of(home: &Home, setting: &Setting, prepared: &Prepared, meter: usize) -> Tally {
    let (name, registers) = &home.meters[meter];
    let household = Household::new(&home.path, registers, setting.interval, setting.years);
    let mut tally = Tally::default();
    for published in &prepared.published {
        let terms = &setting.tariffs[published.terms];
        let within = |a: &&Answer| {
            let period = (a.from.clone(), a.until.clone());
            a.meter == *name && a.tariff == terms.id && published.periods.contains(&period)
        };
        for answer in prepared.answers.iter().filter(within) {
            let label = format!("{} {name}, {}, {}, {}", home.name, setting.title(), terms.id, answer.period());
            let outcome = household.bill(&published.tariff, answer.span);
            judge(&mut tally, terms, answer, &outcome, &label);
        }
    }
    tally
}

/// Compares an outcome with the oracle's answer.
fn judge(tally: &mut Tally, terms: &Terms, answer: &Answer, outcome: &Outcome, label: &str) {
    let key = (answer.meter.clone(), answer.from.clone());
    match (outcome, &answer.bill) {
        (Outcome::Billed(fee, lines, slots), Some((expected, expected_lines))) if answer.is_complete() => {
            tally.bills += 1;
            tally.billed.insert(key);
            if (fee, lines, *slots) != (expected, expected_lines, answer.slots) {
                tally.mismatches.push(format!(
                    "{label}: the bill says {fee} and {lines:?} over {slots} slots, the oracle {expected} and \
                     {expected_lines:?} over {}",
                    answer.slots
                ));
            }
        }
        (Outcome::Gap, _) if !answer.covered => {
            tally.refusals += 1;
            tally.refused.insert(key);
        }
        (Outcome::Incomplete(register, count), _) if answer.covered => {
            tally.refusals += 1;
            tally.refused.insert(key);
            let first = terms.registers().into_iter().find(|name| answer.missing[*name] > 0);
            let expected = first.map(|name| (code(name), answer.missing[name]));
            if expected != Some((register.as_str(), *count)) {
                tally.mismatches.push(format!("{label}: {count} slots of {register} missing, the oracle {expected:?}"));
            }
        }
        // An hour before the period was not measured, and this bill pays it, at a fallback price of many times its own.
        (Outcome::Hostile(Reveals::Few { at }), _) if *at < answer.span.from => {
            tally.refusals += 1;
            tally.refused.insert(key);
        }
        (Outcome::Hostile(hostile), _) => tally.hostile.push(format!("{label}: {hostile:?}")),
        (Outcome::Other(why), _) => tally.mismatches.push(format!("{label}: {why}")),
        _ => tally.mismatches.push(format!("{label}: {outcome:?}, but the oracle: {answer:?}")),
    }
}
