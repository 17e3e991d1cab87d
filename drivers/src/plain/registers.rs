//! From OBIS codes to what a telegram says: the one place that knows which register is the total, a rate or the power.
//! SML and DLMS number their registers alike (IEC 62056-61) and meet here.

#![deny(clippy::indexing_slicing)]

use super::{Decimal, Energy, Fault, Power, Rate, Telegram};

/// Rates that one telegram may hold; the standard numbers them 1 to 63, no market has more than 8.
const RATES: usize = 16;

/// No register of a home shows a thousand million kilowatt-hours (10⁻⁴ Wh).
const MOST: i64 = 1_000_000_000 * 1000 * 10_000;

/// An OBIS code: medium, channel, quantity, kind, rate, history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Obis(pub(crate) [u8; 6]);

impl Obis {
    /// The code in these bytes. Codes of the present end in 255: what else stands there is history.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self).filter(|code| matches!(code.0, [_, _, _, _, _, 255]))
    }
}

/// Units of DLMS and SML that matter here (IEC 62056-62, table of units).
mod unit {
    pub(super) const WATT: u8 = 27;
    pub(super) const VOLT_AMPERE: u8 = 28;
    pub(super) const WATT_HOUR: u8 = 30;
}

/// What one telegram says of electricity, register by register. The first word on a register holds.
#[derive(Default)]
pub(crate) struct Registers {
    import: Direction,
    export: Direction,
    net: Option<Power>,
    taken: Option<Power>,
    given: Option<Power>,
    absolute: Option<Power>,
    apparent: Option<u32>,
}

#[derive(Default)]
struct Direction {
    total: Option<Energy>,
    rates: Vec<(u8, Energy)>,
    /// A rate is not told, so that the others have no sum.
    partial: bool,
}

impl Registers {
    /// Takes what stands under a code; true when it is one that a telegram holds. The unit is asked only where the
    /// meter tells it. No number stands for one that the meter did not have, or that is beyond any: a counter without a
    /// number spoils what counts with it, a power without one is merely not told.
    ///
    /// # Errors
    /// [`Fault::OutOfRange`] when a register's number fits no register.
    pub(crate) fn take(&mut self, code: Obis, number: Option<Decimal>, told: Option<u8>) -> Result<bool, Fault> {
        let Obis([1, 0 | 1, quantity, kind, rate, 255]) = code else { return Ok(false) };
        let means = |unit| told.is_none_or(|told| told == unit);
        match (quantity, kind) {
            (1 | 2, 8) if means(unit::WATT_HOUR) => {
                let direction = if quantity == 1 { &mut self.import } else { &mut self.export };
                // No register counts below zero.
                let total = number.and_then(Energy::new).filter(|total| (0..=MOST).contains(&total.0));
                direction.take(rate, total.ok_or(Fault::OutOfRange)?);
            }
            // Power of all phases; EMH numbers it 1.7.1 on some models.
            (1 | 2 | 15 | 16, 7) if rate <= 1 && means(unit::WATT) => {
                let Some(number) = number else { return Ok(true) };
                let power = Power::new(number).ok_or(Fault::OutOfRange)?;
                let slot = match quantity {
                    1 => &mut self.taken,
                    2 => &mut self.given,
                    15 => &mut self.absolute,
                    _ => &mut self.net,
                };
                slot.get_or_insert(power);
            }
            (9, 7) if rate == 0 && means(unit::VOLT_AMPERE) => {
                let Some(number) = number else { return Ok(true) };
                let apparent = number.in_units_of(0).and_then(|number| u32::try_from(number).ok());
                self.apparent.get_or_insert(apparent.ok_or(Fault::OutOfRange)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The meter does not vouch for what stands under a code: where it is a rate, the others are no total.
    pub(crate) fn leave_out(&mut self, code: Obis) {
        match code {
            Obis([1, 0 | 1, 1, 8, rate, 255]) if rate > 0 => self.import.partial = true,
            Obis([1, 0 | 1, 2, 8, rate, 255]) if rate > 0 => self.export.partial = true,
            _ => {}
        }
    }

    /// Writes into the telegram what was taken; true when there was anything.
    ///
    /// # Errors
    /// [`Fault::OutOfRange`] when the rates have no sum.
    pub(crate) fn finish(self, telegram: &mut Telegram) -> Result<bool, Fault> {
        telegram.import = self.import.stands_at()?;
        telegram.export = self.export.stands_at()?;
        for (direction, export) in [(&self.import, false), (&self.export, true)] {
            let rates = direction.rates.iter().map(|&(number, total)| Rate { number, export, total });
            telegram.rates.extend(rates);
        }
        let balance = match (self.taken, self.given) {
            (Some(taken), Some(given)) => Some(Power(taken.0.checked_sub(given.0).ok_or(Fault::OutOfRange)?)),
            (Some(taken), None) => Some(taken),
            (None, Some(given)) => Some(Power(given.0.checked_neg().ok_or(Fault::OutOfRange)?)),
            (None, None) => None,
        };
        // Power without a direction is import where nothing can be given; none has no direction.
        let absolute = self.absolute.filter(|power| telegram.export.is_none() || power.0 == 0);
        telegram.power = self.net.or(balance).or(absolute);
        telegram.apparent = self.apparent.filter(|_| telegram.power.is_none());
        Ok(telegram.import.is_some()
            || telegram.export.is_some()
            || telegram.power.is_some()
            || telegram.apparent.is_some())
    }
}

impl Direction {
    fn take(&mut self, rate: u8, total: Energy) {
        if rate == 0 {
            self.total.get_or_insert(total);
        } else if rate <= 63 && self.rates.len() < RATES && self.rates.iter().all(|(known, _)| *known != rate) {
            self.rates.push((rate, total));
        }
    }

    fn stands_at(&self) -> Result<Option<Energy>, Fault> {
        let sum = || {
            let (first, rest) = self.rates.split_first().filter(|_| !self.partial)?;
            let sum = rest.iter().try_fold(first.1, |sum, (_, total)| sum.plus(*total));
            Some(sum.filter(|sum| sum.0 <= MOST).ok_or(Fault::OutOfRange))
        };
        self.total.map(Ok).or_else(sum).transpose()
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn told(registers: &[([u8; 6], i64, Option<u8>)]) -> Result<(Telegram, bool), Fault> {
        let mut taken = Registers::default();
        for (code, number, unit) in registers {
            taken.take(Obis(*code), Some(Decimal::whole(*number)), *unit)?;
        }
        let mut telegram = Telegram::default();
        let any = taken.finish(&mut telegram)?;
        Ok((telegram, any))
    }

    #[test]
    fn the_total_goes_before_the_sum_of_the_rates() {
        let rates = [([1, 0, 1, 8, 1, 255], 3, Some(30)), ([1, 0, 1, 8, 2, 255], 4, None)];
        let (telegram, any) = told(&rates).unwrap();
        assert!(any);
        assert_eq!(telegram.import, Some(Energy(70_000)));
        assert_eq!(telegram.rates.len(), 2);
        let (telegram, _) = told(&[rates[0], rates[1], ([1, 1, 1, 8, 0, 255], 9, None)]).unwrap();
        assert_eq!((telegram.import, telegram.rates.len()), (Some(Energy(90_000)), 2));
    }

    #[test]
    fn power_is_import_less_export() {
        let taken = ([1, 0, 1, 7, 0, 255], 5, Some(27));
        let given = ([1, 0, 2, 7, 0, 255], 7, Some(27));
        let power = |registers: &[_]| told(registers).unwrap().0.power;
        assert_eq!(power(&[taken]), Some(Power(50_000)));
        assert_eq!(power(&[given]), Some(Power(-70_000)));
        assert_eq!(power(&[taken, given]), Some(Power(-20_000)));
        assert_eq!(power(&[taken, given, ([1, 0, 16, 7, 0, 255], 1, None)]), Some(Power(10_000)));
        let absolute = ([1, 0, 15, 7, 0, 255], 8, None);
        assert_eq!(power(&[absolute]), Some(Power(80_000)));
        let export = ([1, 0, 2, 8, 0, 255], 1, None);
        assert_eq!(power(&[absolute, export]), None, "it may be given or taken");
        assert_eq!(power(&[([1, 0, 15, 7, 0, 255], 0, None), export]), Some(Power(0)));
    }

    #[test]
    fn history_other_media_and_other_units_are_left_out() {
        assert_eq!(Obis::of(&[1, 0, 1, 8, 0, 12]), None);
        assert_eq!(Obis::of(&[1, 0, 1, 8, 0]), None);
        for (code, unit) in
            [([7, 0, 1, 8, 0, 255], None), ([1, 0, 1, 8, 0, 255], Some(32)), ([1, 0, 9, 7, 0, 255], Some(29))]
        {
            assert!(!told(&[(code, 1, unit)]).unwrap().1, "{code:?}");
        }
    }

    #[test]
    fn numbers_that_fit_no_register_are_refused() {
        assert_eq!(told(&[([1, 0, 1, 8, 0, 255], i64::MAX, None)]).unwrap_err(), Fault::OutOfRange);
        assert_eq!(told(&[([1, 0, 1, 8, 0, 255], 1_000_000_000_001, None)]).unwrap_err(), Fault::OutOfRange);
        // A counter without a number is refused, a power is not told.
        let mut registers = Registers::default();
        assert_eq!(registers.take(Obis([1, 0, 2, 8, 0, 255]), None, None), Err(Fault::OutOfRange));
        assert_eq!(registers.take(Obis([1, 0, 16, 7, 0, 255]), None, None), Ok(true));
        assert_eq!(registers.take(Obis([1, 0, 3, 8, 0, 255]), None, None), Ok(false));
        let most = 999_999_999_999;
        let rates: Vec<_> = (1..=2).map(|rate| ([1, 0, 1, 8, rate, 255], most, None)).collect();
        assert_eq!(told(&rates).unwrap_err(), Fault::OutOfRange);
    }
}
