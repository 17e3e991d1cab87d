//! From OBIS codes to what a telegram says: the one place that knows which register is the total, a rate or the power.
//! SML and DLMS number their registers alike (IEC 62056-61) and meet here.

#![deny(clippy::indexing_slicing)]

use super::{Decimal, Energy, Fault, Power, Rate, Telegram};

/// Rates that one telegram may hold; the standard numbers them 1 to 63, no market has more than 8.
const RATES: usize = 16;

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
}

impl Registers {
    /// Takes what stands under a code; true when it is one that a telegram holds. The unit is asked only where the
    /// meter tells it.
    ///
    /// # Errors
    /// [`Fault::OutOfRange`] when a register's number fits no register.
    pub(crate) fn take(&mut self, code: Obis, number: Decimal, told: Option<u8>) -> Result<bool, Fault> {
        let Obis([1, 0 | 1, quantity, kind, rate, 255]) = code else { return Ok(false) };
        let means = |unit| told.is_none_or(|told| told == unit);
        match (quantity, kind) {
            (1 | 2, 8) if means(unit::WATT_HOUR) => {
                let direction = if quantity == 1 { &mut self.import } else { &mut self.export };
                // No register counts below zero.
                let total = Energy::new(number).filter(|total| total.0 >= 0);
                direction.take(rate, total.ok_or(Fault::OutOfRange)?);
            }
            // Power of all phases; EMH numbers it 1.7.1 on some models.
            (1 | 2 | 15 | 16, 7) if rate <= 1 && means(unit::WATT) => {
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
                let apparent = number.in_units_of(0).and_then(|number| u32::try_from(number).ok());
                self.apparent.get_or_insert(apparent.ok_or(Fault::OutOfRange)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
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
        telegram.power = self.net.or(balance).or(self.absolute);
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
            let (first, rest) = self.rates.split_first()?;
            Some(rest.iter().try_fold(first.1, |sum, (_, total)| sum.plus(*total)).ok_or(Fault::OutOfRange))
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
            taken.take(Obis(*code), Decimal::whole(*number), *unit)?;
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
        assert_eq!(power(&[([1, 0, 15, 7, 0, 255], 8, None)]), Some(Power(80_000)));
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
        let most = i64::MAX / 10_000;
        let rates = [([1, 0, 1, 8, 1, 255], most, None), ([1, 0, 1, 8, 2, 255], most, None)];
        assert_eq!(told(&rates).unwrap_err(), Fault::OutOfRange);
    }
}
