//! The electricity registers that the data sets of one telegram fill: totals, rates, and what flows just now.
//!
//! What is said twice stands as it was said first, where a checksum says that the meter did so. Where none does, one of two
//! lines that contradict each other is another line whose code was changed, and nobody knows which.

use super::super::Fault;
use super::super::number::{Energy, Power};
use super::super::telegram::{Rate, Telegram};
use super::{Code, energy, power};

/// The electricity registers of one telegram.
#[derive(Default)]
pub(in crate::plain) struct Registers {
    /// The channel B whose registers these are: the first that came.
    channel: Option<u8>,
    import: Option<Energy>,
    export: Option<Energy>,
    rates: Vec<Rate>,
    taken: Option<Power>,
    given: Option<Power>,
    net: Option<Power>,
    absolute: Option<Power>,
    phases: Option<Power>,
    /// A line could not be read, so a rate may be missing.
    pub(in crate::plain) doubtful: bool,
    /// A counter was said twice, and not alike.
    contradicted: bool,
}

impl Registers {
    /// Takes a value if its code is one of electricity's.
    ///
    /// # Errors
    /// [`Fault::Malformed`] when a counter's value is no energy: then no sum of rates can be told either.
    pub(in crate::plain) fn take(&mut self, code: &Code, value: &[u8]) -> Result<(), Fault> {
        let (c, d, e) = code.cde();
        if !matches!(d, 7 | 8) || code.a.unwrap_or(1) != 1 || !code.is_current() || value.trim_ascii().is_empty() {
            return Ok(());
        }
        let channel = code.b.unwrap_or(0);
        match (c, d, e) {
            (1 | 2, 8, 0..=63 | 255) if *self.channel.get_or_insert(channel) == channel => {
                let total = energy(value).filter(|energy| energy.0 >= 0).ok_or(Fault::Malformed)?;
                // An E of 255 means no rate in particular (IEC 62056-6-1), as does a 0.
                self.count(c == 2, if e == 255 { 0 } else { e }, total);
            }
            (_, 7, 0 | 255) if channel == self.channel.unwrap_or(channel) => {
                if let Some(power) = power(value) {
                    self.now(c, power);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, export: bool, rate: u8, total: Energy) {
        let first = if rate == 0 {
            *(if export { &mut self.export } else { &mut self.import }).get_or_insert(total)
        } else if let Some(known) = self.rates.iter().find(|known| known.number == rate && known.export == export) {
            known.total
        } else {
            self.rates.push(Rate { number: rate, export, total });
            total
        };
        self.contradicted |= first != total;
    }

    fn now(&mut self, quantity: u8, power: Power) {
        let back = Power(power.0.saturating_neg());
        let slot = match quantity {
            1 => &mut self.taken,
            2 => &mut self.given,
            15 => &mut self.absolute,
            16 => &mut self.net,
            21 | 41 | 61 | 36 | 56 | 76 => return self.phases = self.phases.unwrap_or_default().plus(power),
            22 | 42 | 62 => return self.phases = self.phases.unwrap_or_default().plus(back),
            _ => return,
        };
        slot.get_or_insert(power);
    }

    fn total(&self, export: bool) -> Result<Option<Energy>, Fault> {
        let whole = if export { self.export } else { self.import };
        let mut rates = self.rates.iter().filter(|rate| rate.export == export).peekable();
        if whole.is_some() || rates.peek().is_none() {
            return Ok(whole);
        }
        if self.doubtful {
            return Err(Fault::Malformed);
        }
        let mut sum = Energy::default();
        for rate in rates {
            sum = sum.plus(rate.total).ok_or(Fault::OutOfRange)?;
        }
        Ok(Some(sum))
    }

    /// What is taken less what is given; the sum of both ways is that where nothing can be given.
    fn power(&self) -> Option<Power> {
        match (self.taken, self.given) {
            (None, None) => self.net.or(self.absolute.filter(|_| self.export.is_none())).or(self.phases),
            (taken, given) => taken.unwrap_or_default().plus(Power(given.unwrap_or_default().0.saturating_neg())),
        }
    }

    /// Fills the telegram; `whole` when a check showed it to be as it was sent.
    ///
    /// # Errors
    /// [`Fault::Malformed`] when a total would be a sum of rates and a line was unreadable, or when a telegram without a
    /// check contradicts itself, [`Fault::OutOfRange`] when a sum is larger than any energy, [`Fault::Nothing`] when the
    /// telegram holds no reading.
    pub(in crate::plain) fn fill(self, telegram: &mut Telegram, whole: bool) -> Result<(), Fault> {
        if self.contradicted && !whole {
            return Err(Fault::Malformed);
        }
        telegram.import = self.total(false)?;
        telegram.export = self.total(true)?;
        telegram.power = self.power();
        telegram.rates = self.rates;
        let says = telegram.import.is_some() || telegram.export.is_some() || telegram.power.is_some();
        if says || !telegram.channels.is_empty() { Ok(()) } else { Err(Fault::Nothing) }
    }
}
