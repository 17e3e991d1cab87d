//! What a release says of each register: the weights through which its numbers see slots, and how many bits they can carry.
//!
//! ```text
//! linear bill   one exact number a line    row = prices              bits in V = log₂(1 + Σ_V |wᵢ|/g · x_max)
//! proved bill   one rounded number in all  rows = all it measures    bits in V = log₂(1 + width_V/ρ)
//! ```
//!
//! width_V is how far the number can move when the readings of V change and nothing else does. For a rounded sum that is
//! Σ_V |wᵢ|·x_max; for a maximum, a count or a table of steps it is what bounds them. So many values, and no more, can a
//! person see who knows everything else.

use super::row::{Row, Slots};
use super::vector::EXCESS;
use super::window::{Bits, Days};
use super::{MAX_READING, TYPICAL_HALF_HOUR};
use crate::bill::{BillError, Weights, slots_in, weights};
use crate::tariff::{Charge, Form, Measure, Quantity, Ref, Schedule, Tariff};
use crate::time::{Span, Zone};

/// A number that leaves, as one register's readings shape it.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The weights through which it sees the register.
    pub rows: Vec<Row>,
    /// What kind of number it is.
    pub kind: Kind,
    /// Bits that it can carry of each window.
    pub bits: Bits,
}

/// What a number tells of its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The exact sum of its one row.
    Exact,
    /// A sum of its rows, rounded.
    #[default]
    Rounded,
    /// Something else that depends on the slots of its rows: a maximum, a count, tiers.
    Function,
}

/// The numbers of a release, a list for each register.
pub type Release = Vec<Vec<Output>>;

/// A linear proof: every line's exact sum leaves. `lines` are those of the tariff and totals that were asked for.
#[must_use]
pub fn linear(lines: &[Weights], period: &Span, registers: &[Slots], days: &Zone) -> Release {
    let output = |line: &Weights, slots: &Slots| {
        let row = Row::of(line, period, slots);
        let unit = row.divisor() as f64;
        let reach = |(place, weight): (u64, i64)| (place & !EXCESS, weight.unsigned_abs() as f64 / unit * MOST);
        let bits = (Days { zone: days, interval: slots.interval }).windows(row.entries().map(reach));
        Output { rows: vec![row], kind: Kind::Exact, bits: of_widths(bits, 1.0) }
    };
    let of_register = |(place, slots): (usize, &Slots)| {
        lines.iter().filter(|line| line.register == place).map(|line| output(line, slots)).collect()
    };
    registers.iter().enumerate().map(of_register).collect()
}

/// A proof in a circuit: the amount due leaves, rounded, and nothing else.
///
/// # Errors
/// When the tariff cannot bill the period.
pub fn proved(tariff: &Tariff, period: &Span, registers: &[Slots], days: &Zone) -> Result<Release, BillError> {
    let views = Views::of(tariff, period, registers)?;
    let minor = tariff.currency.minor().unwrap_or(1).max(1);
    let step = (minor as f64).max(tariff.total.step as f64);
    Ok((0..registers.len()).map(|register| vec![views.output(tariff, register, registers, days, step)]).collect())
}

const MOST: f64 = MAX_READING as f64;

fn of_widths(widths: Bits, step: f64) -> Bits {
    let bits = widths.into_iter().map(|(window, width)| (window, (1.0 + width / step).log2()));
    bits.filter(|(_, bits)| *bits > 0.0).collect()
}

/// What a tariff measures, and how.
struct Views {
    lines: Vec<View>,
    quantities: Vec<View>,
}

/// One sum or quantity.
struct View {
    register: usize,
    rows: Vec<Row>,
    /// How far it moves with each slot.
    reach: Vec<(u64, f64)>,
    /// How far it moves at all.
    most: f64,
}

impl Views {
    fn of(tariff: &Tariff, period: &Span, registers: &[Slots]) -> Result<Self, BillError> {
        let intervals: Vec<u64> = registers.iter().map(|slots| slots.interval).collect();
        let slots_of = |register: usize| registers.get(register).ok_or(BillError::NotOnGrid);
        let lines = weights(tariff, period, &intervals)?;
        let lines = lines.iter().map(|line| Ok(View::sum(line, period, slots_of(line.register)?)));
        let lines = lines.collect::<Result<_, BillError>>()?;
        let quantities = tariff.quantities().iter();
        let quantities = quantities.map(|quantity| View::of(quantity, period, slots_of(quantity.register.into())?));
        Ok(Self { lines, quantities: quantities.collect::<Result<_, _>>()? })
    }

    fn output(&self, tariff: &Tariff, register: usize, registers: &[Slots], days: &Zone, step: f64) -> Output {
        let interval = registers.get(register).map_or(1, |slots| slots.interval);
        let own = |view: &&View| view.register == register;
        let rows: Vec<Row> =
            self.lines.iter().chain(&self.quantities).filter(own).flat_map(|view| view.rows.clone()).collect();
        let days = Days { zone: days, interval };
        let widths = |views: &[View]| -> Vec<Bits> {
            let width = |view: &View| {
                let mut widths = Bits::new();
                if view.register == register {
                    widths = days.windows(view.reach.iter().copied());
                    widths.values_mut().for_each(|width| *width = width.min(view.most));
                }
                widths
            };
            views.iter().map(width).collect()
        };
        let (lines, quantities) = (widths(&self.lines), widths(&self.quantities));
        let mut all = Bits::new();
        for window in lines.iter().chain(&quantities).flat_map(|widths| widths.keys()) {
            all.entry(*window).or_insert_with(|| {
                let at = |widths: &[Bits]| widths.iter().map(|of| of.get(window).copied().unwrap_or(0.0)).collect();
                Widths { tariff, energy: at(&lines), quantities: at(&quantities), lines: Vec::new() }.total()
            });
        }
        Output { rows, kind: kind(tariff), bits: of_widths(all, step) }
    }
}

fn kind(tariff: &Tariff) -> Kind {
    let sums = tariff.quantities().iter().all(|quantity| matches!(quantity.measure, Measure::Sum { .. }));
    let affine = |charge: &Charge| {
        matches!(charge, Charge::Energy { .. } | Charge::Standing { .. } | Charge::Tax { .. } | Charge::Form(_))
    };
    if sums && tariff.lines.iter().all(|line| affine(&line.charge)) { Kind::Rounded } else { Kind::Function }
}

impl View {
    fn sum(line: &Weights, period: &Span, slots: &Slots) -> Self {
        let row = Row::of(line, period, slots);
        let reach: Vec<(u64, f64)> =
            row.entries().map(|(place, weight)| (place & !EXCESS, weight.unsigned_abs() as f64 * MOST)).collect();
        Self { register: line.register, rows: vec![row], reach, most: f64::INFINITY }
    }

    fn of(quantity: &Quantity, period: &Span, slots: &Slots) -> Result<Self, BillError> {
        let register = usize::from(quantity.register);
        let count = slots_in(period, slots.interval.max(1))?;
        let of = |schedule: &Schedule| -> Result<Vec<i64>, BillError> {
            Ok(schedule.slots(period.from, slots.interval, count)?)
        };
        let row = |prices: Vec<i64>| Row::of(&Weights { register, prices, fallback: 0 }, period, slots);
        let first = period.from / slots.interval.max(1);
        let reach = |of: &dyn Fn(usize) -> f64| (first..).zip((0..count).map(of)).filter(|(_, r)| *r > 0.0).collect();
        let magnitude = |weights: &[i64], place: usize| weights.get(place).map_or(0.0, |w| w.unsigned_abs() as f64);
        Ok(match &quantity.measure {
            Measure::Sum { weights, fallback } => {
                Self::sum(&Weights { register, prices: of(weights)?, fallback: *fallback }, period, slots)
            }
            Measure::Greatest { weights, picks, best, .. } => {
                let weights = of(weights)?;
                let most = weights.iter().map(|w| w.unsigned_abs()).max().unwrap_or(0) as f64 * MOST;
                let reach = reach(&|place| magnitude(&weights, place) * MOST);
                Self { register, rows: vec![row(weights)], reach, most: most * f64::from(*picks) * f64::from(*best) }
            }
            Measure::Beyond { counts, weights, .. } => {
                let (counts, weights) = (of(counts)?, of(weights)?);
                // What does not count takes nothing.
                let takes: Vec<i64> = weights.iter().zip(&counts).map(|(weight, counts)| weight * counts).collect();
                let dearest = takes.iter().map(|w| w.unsigned_abs()).max().unwrap_or(0) as f64;
                // A slot takes its own, and moves the point from which others take.
                let reach = reach(&|place| magnitude(&counts, place) * 2.0 * dearest * MOST);
                Self { register, rows: vec![row(takes), row(counts)], reach, most: f64::INFINITY }
            }
            Measure::Over { thresholds, linear, square, count: counted } => {
                let thresholds = of(thresholds)?;
                let [linear, square, counted] = [Some(linear), square.as_ref(), counted.as_ref()]
                    .map(|schedule| schedule.map_or(Ok(vec![0; count]), of));
                let (linear, square, counted) = (linear?, square?, counted?);
                let reach = reach(&|place| {
                    let above = thresholds.get(place).map_or(0.0, |at| (MOST - *at as f64).max(0.0));
                    let reached = thresholds.get(place).and_then(|at| u64::try_from(*at).ok());
                    let reached = reached.is_some_and(|at| (1..=MAX_READING).contains(&at));
                    let counts = if reached { magnitude(&counted, place) } else { 0.0 };
                    magnitude(&linear, place) * above + magnitude(&square, place) * above * above + counts
                });
                let rows = seen_over(&thresholds, &[linear, square, counted], slots.interval);
                Self { register, rows: rows.into_iter().map(row).collect(), reach, most: f64::INFINITY }
            }
        })
    }
}

/// A slot whose threshold no reading reaches is not seen; one whose threshold is far above others', hardly.
fn seen_over(thresholds: &[i64], kinds: &[Vec<i64>], interval: u64) -> Vec<Vec<i64>> {
    let typical = i64::try_from(TYPICAL_HALF_HOUR * interval / 1800).unwrap_or(i64::MAX);
    let low = thresholds.iter().min().map_or(0, |least| least.saturating_mul(2)).max(4 * typical);
    let most = i64::try_from(MAX_READING).unwrap_or(i64::MAX);
    let mut rows = Vec::new();
    for weights in kinds {
        for reach in [most, low] {
            let seen = weights.iter().zip(thresholds).map(|(w, at)| if *at > reach { 0 } else { *w });
            rows.push(seen.collect());
        }
    }
    rows
}

/// How far lines and the amount due move, from how far sums and quantities do.
struct Widths<'a> {
    tariff: &'a Tariff,
    energy: Vec<f64>,
    quantities: Vec<f64>,
    lines: Vec<f64>,
}

impl Widths<'_> {
    /// In 10⁻⁹ currency units.
    fn total(mut self) -> f64 {
        let mut energy = std::mem::take(&mut self.energy).into_iter();
        for line in &self.tariff.lines {
            let width = match &line.charge {
                Charge::Energy { .. } => energy.next().unwrap_or(0.0),
                Charge::Standing { .. } => 0.0,
                Charge::Tax { numerator, denominator, base } => {
                    let base: f64 = base.iter().filter_map(|place| self.lines.get(usize::from(*place))).sum();
                    base * *numerator as f64 / (*denominator).max(1) as f64
                }
                Charge::Form(form) | Charge::Excess(form) => self.form(form),
                Charge::Greater(a, b) | Charge::Lesser(a, b) => self.form(a).max(self.form(b)),
                Charge::Steps { of, steps, .. } => {
                    let moves = self.form(of) > 0.0;
                    let all: f64 = steps.iter().map(|step| step.amount.unsigned_abs() as f64).sum();
                    if moves { all } else { 0.0 }
                }
            };
            // A rounding may move it by as much as one step more.
            let rounding = line.rounding.map_or(0.0, |rounding| if width > 0.0 { rounding.step as f64 } else { 0.0 });
            self.lines.push(width + rounding);
        }
        let charged = self.tariff.lines.iter().zip(&self.lines).filter(|(line, _)| line.is_charged());
        charged.map(|(_, width)| width).sum()
    }

    fn form(&self, form: &Form) -> f64 {
        let width = |of: Ref| match of {
            Ref::Quantity(place) => self.quantities.get(usize::from(place)).copied().unwrap_or(0.0),
            Ref::Line(place) => self.lines.get(usize::from(place)).copied().unwrap_or(0.0),
            // What an earlier period left is no reading of this one.
            Ref::Cell(_) => 0.0,
        };
        let sum: f64 = form.terms.iter().map(|term| term.factor.unsigned_abs() as f64 * width(term.of)).sum();
        sum / form.divisor.max(1) as f64
    }
}
