//! The units of a program: a tariff's weights by block and place.

use super::CompileError;
use super::layout::Layout;
use crate::bill::measure::{stretches, whole_limit};
use crate::bill::{BillError, slots_in};
use crate::machine::{Program, Sum, TOTAL_BITS, Threshold};
use crate::tariff::{Charge, Measure, Schedule, TENS, Tariff};
use crate::time::Span;

/// Where the values of a tariff stand.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Of each energy line.
    pub energy: Vec<usize>,
    /// Of each quantity.
    pub quantities: Vec<usize>,
}

struct Placing<'a> {
    period: &'a Span,
    layout: &'a Layout,
    program: &'a mut Program,
    sums: usize,
    tiers: usize,
    demands: usize,
    hinges: usize,
    /// Register and places of the running total, once a quantity has asked for it.
    counts: Option<(usize, Vec<bool>)>,
}

/// Fills the units of a program.
pub(super) fn place(
    tariff: &Tariff,
    period: &Span,
    layout: &Layout,
    program: &mut Program,
) -> Result<Places, CompileError> {
    let rounded = tariff.registers.iter().filter(|register| register.rounding == Some(TENS)).count();
    let rounds = if program.shape.rounded { tariff.registers.len() } else { 0 };
    if rounded != rounds {
        return Err(CompileError::Shape("readings rounded differently"));
    }
    let mut placing = Placing { period, layout, program, sums: 0, tiers: 0, demands: 0, hinges: 0, counts: None };
    let mut places = Places::default();
    for line in &tariff.lines {
        if let Charge::Energy { register, schedule, fallback } = &line.charge {
            places.energy.push(placing.sum(usize::from(*register), schedule, *fallback)?);
        }
    }
    for quantity in tariff.quantities() {
        let register = usize::from(quantity.register);
        places.quantities.push(match &quantity.measure {
            Measure::Sum { weights, fallback } => placing.sum(register, weights, *fallback)?,
            Measure::Beyond { counts, limit, weights } => {
                let at = whole_limit(tariff, limit, period)?;
                placing.beyond(register, counts, at, weights)?
            }
            Measure::Greatest { weights, window, within, picks, best } => {
                if u64::from(*window) != layout.interval() {
                    return Err(BillError::OtherWindow.into());
                }
                let slots = slots_in(period, layout.interval())?;
                let stretches = stretches(tariff, period, layout.interval(), slots, *within)?;
                placing.greatest(register, weights, &stretches, *picks, *best)?
            }
            Measure::Over { thresholds, linear, square, count } => {
                placing.over(register, thresholds, linear, square.as_ref(), count.as_ref())?
            }
        });
    }
    Ok(places)
}

impl Placing<'_> {
    /// A schedule's values by block and place; zero where a register's blocks do not cover the period.
    fn spread(&self, register: usize, schedule: &Schedule) -> Result<Vec<i64>, CompileError> {
        let interval = self.layout.interval();
        let count = slots_in(self.period, interval)?;
        let values = schedule.slots(self.period.from, interval, count).map_err(BillError::from)?;
        let mut spread = vec![0; self.program.shape.readings()];
        for (number, block) in self.layout.blocks.iter().enumerate().filter(|(_, block)| block.register == register) {
            for (place, slot) in self.layout.slots_of(block, self.period) {
                let from = values.get(slot).copied().unwrap_or(0);
                if let Some(to) = spread.get_mut(number * self.layout.slots + place) {
                    *to = from;
                }
            }
        }
        Ok(spread)
    }

    fn sum(&mut self, register: usize, schedule: &Schedule, fallback: i64) -> Result<usize, CompileError> {
        let weights = self.spread(register, schedule)?;
        let mut residuals = vec![0; self.program.shape.blocks];
        for (block, weight) in self.layout.blocks.iter().zip(&mut residuals) {
            if block.register == register && block.residual {
                *weight = fallback;
            }
        }
        let place = self.program.shape.first_sum() + self.sums;
        let slot = self.program.sums.get_mut(self.sums).ok_or(CompileError::Shape("more sums"))?;
        *slot = Sum { weights, residuals };
        self.sums += 1;
        Ok(place)
    }

    fn beyond(
        &mut self,
        register: usize,
        counts: &Schedule,
        at: i128,
        weights: &Schedule,
    ) -> Result<usize, CompileError> {
        let weights = self.spread(register, weights)?;
        let counts: Vec<bool> = self.spread(register, counts)?.into_iter().map(|count| count == 1).collect();
        let first = self.counts.get_or_insert_with(|| (register, counts.clone()));
        if *first != (register, counts) {
            return Err(CompileError::Shape("a second running total, more"));
        }
        let tiers = self.program.tiers.as_mut().ok_or(CompileError::Shape("running totals, more"))?;
        tiers.counts.clone_from(&first.1);
        // A limit beyond every total is never passed: the greatest that fits does as well.
        let at = u32::try_from(at).unwrap_or(u32::MAX).min(1 << (TOTAL_BITS - 1));
        let slot = tiers.thresholds.get_mut(self.tiers).ok_or(CompileError::Shape("more limits of running totals"))?;
        *slot = Threshold { at, weights };
        self.tiers += 1;
        Ok(self.program.shape.first_tier() + self.tiers - 1)
    }

    fn over(
        &mut self,
        register: usize,
        thresholds: &Schedule,
        linear: &Schedule,
        square: Option<&Schedule>,
        count: Option<&Schedule>,
    ) -> Result<usize, CompileError> {
        let powers = self.program.shape.powers;
        if (square.is_some() || count.is_some()) && !powers {
            return Err(CompileError::Shape("squares or counts, more"));
        }
        let spread = |schedule: Option<&Schedule>| match schedule {
            Some(schedule) => self.spread(register, schedule),
            None if powers => Ok(vec![0; self.program.shape.readings()]),
            None => Ok(Vec::new()),
        };
        let (square, count) = (spread(square)?, spread(count)?);
        let linear = self.spread(register, linear)?;
        let thresholds = self.spread(register, thresholds)?;
        let slot =
            self.program.hinges.get_mut(self.hinges).ok_or(CompileError::Shape("more thresholds for each slot"))?;
        slot.thresholds = thresholds.into_iter().map(|at| u32::try_from(at).unwrap_or(0)).collect();
        (slot.linear, slot.square, slot.count) = (linear, square, count);
        self.hinges += 1;
        Ok(self.program.shape.first_hinge() + self.hinges - 1)
    }

    fn greatest(
        &mut self,
        register: usize,
        weights: &Schedule,
        stretches: &[core::ops::Range<usize>],
        picks: u8,
        best: u8,
    ) -> Result<usize, CompileError> {
        let weights = self.spread(register, weights)?;
        let groups = self.groups(register, stretches)?;
        let shape = self.program.shape;
        let demand = self.program.demands.get_mut(self.demands).ok_or(CompileError::Shape("more demands"))?;
        demand.weights = weights.into_iter().map(|weight| u8::try_from(weight).unwrap_or(0)).collect();
        demand.later = groups.later;
        let mut ending = 0;
        for (group, stretch) in groups.stretch.iter().enumerate() {
            let Some(stretch) = stretch else { continue };
            let next = groups.stretch.iter().enumerate().skip(group + 1).find(|(_, other)| other.is_some());
            match next {
                Some((next, Some(other))) if other == stretch => {
                    demand.joined.iter_mut().take(next).skip(group).for_each(|joined| *joined = true);
                }
                _ => {
                    let length = stretches.get(*stretch).map_or(0, ExactSizeIterator::len);
                    let slot = demand.picks.get_mut(group).ok_or(CompileError::Shape("more groups"))?;
                    *slot = picks.min(u8::try_from(length).unwrap_or(u8::MAX));
                    ending += 1;
                }
            }
        }
        demand.best = best.min(u8::try_from(ending).unwrap_or(u8::MAX));
        self.demands += 1;
        Ok(shape.first_demand() + self.demands - 1)
    }

    /// Which group each place belongs to: that of its block's number or the next, as the local day does.
    fn groups(&self, register: usize, stretches: &[core::ops::Range<usize>]) -> Result<Groups, CompileError> {
        let shape = self.program.shape;
        let mut groups = Groups { later: vec![false; shape.readings()], stretch: vec![None; shape.blocks + 1] };
        let mine = || self.layout.blocks.iter().enumerate().filter(|(_, block)| block.register == register);
        let stretch_of = |slot: usize| stretches.iter().position(|stretch| stretch.contains(&slot));
        // Where a block holds two stretches, the second belongs to the group after. A block with one has it in the group
        // where the block before left that stretch, or in its own.
        for (number, block) in mine() {
            let mut first = groups.stretch.get(number).copied().flatten();
            for (place, slot) in self.layout.slots_of(block, self.period) {
                let Some(stretch) = stretch_of(slot) else { continue };
                let here = *first.get_or_insert(stretch) == stretch;
                let group = if here { number } else { number + 1 };
                let entry = groups.stretch.get_mut(group).ok_or(CompileError::Shape("more groups"))?;
                if *entry.get_or_insert(stretch) != stretch {
                    return Err(CompileError::Shape("three stretches of time in one day, more"));
                }
                if let Some(later) = groups.later.get_mut(number * self.layout.slots + place) {
                    *later = !here;
                }
            }
        }
        Ok(groups)
    }
}

/// The group of each place, and the stretch of time that each group holds.
struct Groups {
    later: Vec<bool>,
    stretch: Vec<Option<usize>>,
}
