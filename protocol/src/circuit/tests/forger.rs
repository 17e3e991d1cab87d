//! A prover who cheats: he sets some of what a circuit leaves to him, has everything else follow, and sees what holds.
//!
//! Rows are read in order. A variable that is alone new on side C of a row, and newer than its factors, follows from it. Bits of a range check
//! follow from the number that they are of, a mark of zero and a sign from theirs, a quotient and its ends from numerator and
//! divisor. A column that a cheat sets follows from nothing. What is left are the prover's own choices: readings, blindings,
//! which loads are taken, where a limit is passed.

use std::collections::{BTreeSet, HashMap};

use ethnum::I256;
use ff::Field;

use super::*;

/// Columns of the output and of the state after: what a cheat is about.
const GOALS: [usize; 2] = [2, 4];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Row {
    /// A column follows from it.
    Defines(usize),
    /// The bits of a number from this column on, so many.
    Range(usize, u32),
    /// A number times its sign, a bit.
    Sign(usize, usize),
    /// A quotient, of the numerator that this row's side A has after this product and divisor.
    Divides {
        quotient: usize,
        whole: usize,
        divisor: usize,
    },
    /// The lowest bit, the middle and the highest bit of side C.
    Ends([usize; 3]),
    /// A number times an inverse is one less the mark of zero: both columns.
    Zero(usize, usize),
    Check,
    /// Where the output or the state after is compared with the public one.
    Goal,
}

/// What came of a cheat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A constraint does not hold.
    Caught,
    /// All hold, with the same output and state.
    Harmless,
    /// All but those that compare the output or the state after with the public ones: another bill would be accepted.
    Another,
}

pub(super) struct Forger<'a> {
    system: &'a System,
    pub values: Vec<Scalar>,
    rows: Vec<Row>,
    rows_of: Vec<Vec<u32>>,
    /// The prover's own choices.
    pub choices: Vec<usize>,
    /// Does not look at range checks: for trying out the hunt itself.
    pub blind: bool,
}

impl<'a> Forger<'a> {
    pub fn new(system: &'a System, values: Vec<Scalar>) -> Self {
        let inputs = system.inputs();
        let mut rows_of = vec![Vec::new(); values.len()];
        let mut rows = Vec::with_capacity(system.constraints());
        let mut known = vec![false; values.len()];
        known[..inputs].fill(true);
        // Bits of range checks come before the row that closes them: find these rows first.
        for row in 0..system.constraints() {
            let mut columns: Vec<usize> = (0..SIDES).flat_map(|side| system.row(side, row).map(|(c, _)| c)).collect();
            columns.sort_unstable();
            columns.dedup();
            for column in &columns {
                rows_of[*column].push(row as u32);
            }
            let goal = columns.iter().any(|column| GOALS.contains(column));
            rows.push(match range(system, row) {
                _ if zero(system, row).is_some() => {
                    let (inverse, mark) = zero(system, row).unwrap();
                    known[inverse] = true;
                    known[mark] = true;
                    Row::Zero(inverse, mark)
                }
                Some((first, bits)) => {
                    known[first..first + bits as usize].fill(true);
                    Row::Range(first, bits)
                }
                None if goal => Row::Goal,
                None => Row::Check,
            });
        }
        let mut choices = Vec::new();
        for (row, kind) in rows.iter_mut().enumerate() {
            let columns = |side| system.row(side, row).map(|(column, _)| column).filter(|column| !known[*column]);
            let factors: BTreeSet<usize> = (0..2).flat_map(columns).collect();
            let products: BTreeSet<usize> = columns(2).collect();
            // A product comes after what is multiplied: unknown factors are choices, and it follows.
            let product = products.last().filter(|last| products.len() == 1 && factors.iter().all(|f| f < last));
            match (product, *kind) {
                (Some(column), Row::Check) => {
                    *kind = Row::Defines(*column);
                    choices.extend(&factors);
                }
                _ => choices.extend(factors.union(&products)),
            }
            factors.union(&products).for_each(|column| known[*column] = true);
        }
        assert!(known.iter().all(|known| *known));
        choices.sort_unstable();
        find_macros(system, &mut rows);
        Self { system, values, rows, rows_of, choices, blind: false }
    }

    pub fn rows_of(&self, column: usize) -> impl Iterator<Item = usize> {
        self.rows_of[column].iter().map(|row| *row as usize)
    }

    pub fn ranges(&self) -> impl Iterator<Item = (usize, usize, u32)> {
        self.rows.iter().enumerate().filter_map(|(row, kind)| match kind {
            Row::Range(first, bits) => Some((row, *first, *bits)),
            _ => None,
        })
    }

    /// Rows that tell zeros: the number is their side A.
    pub fn zeros(&self) -> Vec<(usize, usize, usize)> {
        let zero = |(row, kind): (usize, &Row)| match kind {
            Row::Zero(inverse, mark) => Some((row, *inverse, *mark)),
            _ => None,
        };
        self.rows.iter().enumerate().filter_map(zero).collect()
    }

    /// Sets columns, has everything follow, and puts it back.
    pub fn attempt(&mut self, set: &[(usize, Scalar)]) -> End {
        let mut before: HashMap<usize, Scalar> = HashMap::new();
        let mut todo: BTreeSet<u32> = BTreeSet::new();
        for (column, value) in set {
            self.put(*column, *value, &mut before, &mut todo);
        }
        let mut end = End::Harmless;
        let is_set = |column: usize| set.iter().any(|(other, _)| *other == column);
        while let Some(row) = todo.pop_first() {
            let row = row as usize;
            let [a, b, c] = [0, 1, 2].map(|side| self.system.evaluate(side, row, &self.values));
            let mut follow = Vec::new();
            match self.rows[row] {
                Row::Defines(column) => {
                    let (_, coefficient) = self.system.row(2, row).find(|(c, _)| *c == column).unwrap();
                    follow.push((column, self.values[column] + (a * b - c) * coefficient.invert().unwrap()));
                }
                Row::Range(first, bits) => {
                    let number = b + self.bits(first, bits).double();
                    let bytes = number.to_bytes_le();
                    let bit = |bit: usize| Scalar::from(u64::from(bytes[bit / 8] >> (bit % 8) & 1));
                    follow.extend((0..bits as usize).map(|place| (first + place, bit(place + 1))));
                }
                Row::Sign(bit, height) => {
                    let not_negative = signed(&a) >= I256::ZERO;
                    let of = |bit: usize| set.iter().find(|(column, _)| *column == bit).map(|(_, value)| *value);
                    let bit_is = of(bit).unwrap_or(Scalar::from(u64::from(not_negative)));
                    follow.extend([(bit, bit_is), (height, a * bit_is)]);
                }
                Row::Divides { quotient, whole, divisor } => {
                    let numerator = signed(&(a + self.values[whole]));
                    let divisor = signed(&self.values[divisor]);
                    let rest = self.system.row(2, row).next().unwrap().0;
                    if numerator.abs() < I256::ONE << 250 && !is_set(quotient) && divisor > I256::ZERO {
                        let floor = numerator.div_euclid(divisor);
                        follow.extend([(quotient, field(floor)), (whole, field(floor * divisor))]);
                        follow.push((rest, field(numerator - floor * divisor)));
                    } else {
                        follow.push((rest, a));
                    }
                }
                Row::Ends([odd, middle, high]) => {
                    let number = signed(&c);
                    let top = I256::ONE << 78;
                    let (above, below) = (u64::from(number & top != I256::ZERO), number & (top - I256::ONE));
                    follow.extend([(odd, field(below & I256::ONE)), (middle, field(below >> 1))]);
                    follow.push((high, Scalar::from(above)));
                }
                Row::Zero(inverse, mark) => match Option::from(a.invert()) {
                    Some(other) => follow.extend([(inverse, other), (mark, Scalar::ZERO)]),
                    None => follow.push((mark, Scalar::ONE)),
                },
                Row::Check | Row::Goal => {}
            }
            for (column, value) in follow.into_iter().filter(|(column, _)| !is_set(*column)) {
                self.put(column, value, &mut before, &mut todo);
            }
            if !self.system.holds(row, &self.values) {
                match self.rows[row] {
                    Row::Goal => end = End::Another,
                    Row::Range(..) if self.blind => {}
                    _ => end = End::Caught,
                }
            }
            if end == End::Caught {
                break;
            }
        }
        for (column, value) in before {
            self.values[column] = value;
        }
        end
    }

    /// The number of which these are the bits.
    pub fn bits(&self, first: usize, bits: u32) -> Scalar {
        self.values[first..first + bits as usize].iter().rev().fold(Scalar::ZERO, |sum, bit| sum.double() + bit)
    }

    fn put(&mut self, column: usize, value: Scalar, before: &mut HashMap<usize, Scalar>, todo: &mut BTreeSet<u32>) {
        let old = core::mem::replace(&mut self.values[column], value);
        if old != value {
            before.entry(column).or_insert(old);
            todo.extend(&self.rows_of[column]);
        }
    }
}

/// Finds rows of signs and of divisions among those that define a column, and those of ends.
fn find_macros(system: &System, rows: &mut [Row]) {
    let side = |side, row| system.row(side, row).map(|(column, factor)| (column, *factor)).collect::<Vec<_>>();
    let private = |column: usize| column >= system.inputs();
    let bit = |column: usize| private(column) && system.widths()[column - system.inputs()] == Width::Bit;
    let mut products: HashMap<usize, usize> = HashMap::new();
    for row in 0..rows.len() {
        match (rows[row], &side(0, row)[..], &side(1, row)[..], &side(2, row)[..]) {
            (Row::Check, [(odd, _), (middle, _), (high, weight)], [(0, _)], _)
                if *weight == Scalar::from(1 << 39).square() && bit(*odd) && bit(*high) =>
            {
                rows[row] = Row::Ends([*odd, *middle, *high]);
            }
            // 2·height − x − 1 + sign in a range: the row before says height = x · sign.
            (Row::Range(first, _), _, terms, _) => {
                let before = |(column, factor): &(usize, Scalar)| (*column < first).then_some((*column, *factor));
                let found = terms.iter().filter_map(before).find(|(column, factor)| {
                    *factor == Scalar::from(2)
                        && products.get(column).is_some_and(|row| matches!(side(1, *row)[..], [(sign, _)] if bit(sign)))
                });
                if let Some((height, _)) = found {
                    let product = products[&height];
                    rows[product] = Row::Sign(side(1, product)[0].0, height);
                }
            }
            // A rest: what is left of a numerator less quotient · divisor, a public number.
            (Row::Defines(column), terms, [(0, _)], _) => {
                let whole = terms.iter().filter(|(_, factor)| *factor == -Scalar::ONE).find_map(|(whole, _)| {
                    let row = products.get(whole)?;
                    let ([(quotient, _)], [(divisor, _)]) = (&side(0, *row)[..], &side(1, *row)[..]) else {
                        return None;
                    };
                    let fits = private(*quotient) && !private(*divisor) && *divisor > 0 && whole + 1 == column;
                    (fits && quotient + 1 == *whole).then_some((*quotient, *whole, *divisor))
                });
                if let Some((quotient, whole, divisor)) = whole {
                    rows[row] = Row::Divides { quotient, whole, divisor };
                }
            }
            (Row::Defines(column), ..) => {
                products.insert(column, row);
            }
            _ => {}
        }
    }
}

/// The integer next to zero that a field element stands for.
fn signed(value: &Scalar) -> I256 {
    let order = I256::from_le_bytes((-Scalar::ONE).to_bytes_le()) + I256::ONE;
    let whole = I256::from_le_bytes(value.to_bytes_le());
    if whole > order >> 1 { whole - order } else { whole }
}

/// Whether a row is x · inverse = 1 − mark: the two columns.
fn zero(system: &System, row: usize) -> Option<(usize, usize)> {
    let side = |side| system.row(side, row).map(|(column, factor)| (column, *factor)).collect::<Vec<_>>();
    let ([(inverse, _)], [(0, _), (mark, minus)]) = (&side(1)[..], &side(2)[..]) else { return None };
    let private = |column: &usize| *column >= system.inputs();
    let fits = private(inverse) && private(mark) && *minus == -Scalar::ONE && *mark == inverse + 1;
    fits.then_some((*inverse, *mark))
}

/// Whether a row is (1 − X)·X = 0 with X a number less twice the bits that were allocated last: where they begin, and how
/// many they are.
fn range(system: &System, row: usize) -> Option<(usize, u32)> {
    if system.row(2, row).next().is_some() {
        return None;
    }
    let mut terms: Vec<(usize, Scalar)> = system.row(1, row).map(|(column, factor)| (column, *factor)).collect();
    terms.sort_unstable_by_key(|(column, _)| *column);
    let last = terms.last()?.0;
    let bit = |column: usize| column >= system.inputs() && system.widths()[column - system.inputs()] == Width::Bit;
    let run = terms.iter().rev().zip(0..).take_while(|((column, _), back)| column + back == last && bit(*column));
    let mut first = run.map(|((column, _), _)| *column).last()?;
    // The run may begin with bits of the number itself: those of the check have weights −2, −4, …
    let factor = |column: usize| terms.iter().find(|(c, _)| *c == column).map(|(_, factor)| *factor);
    while first <= last && factor(first) != Some(-Scalar::from(2)) {
        first += 1;
    }
    let bits = (last + 1).checked_sub(first).filter(|bits| *bits > 0)?;
    Some((first, bits as u32))
}
