//! Amounts that are shared out by local days.

use jiff::civil::Date;

use super::BillError;
use crate::money::{Amount, OutOfRange};
use crate::tariff::{Per, Tariff};
use crate::time::Span;

/// An amount for one day, month, year or bill, over a period: an exact fraction.
pub(crate) fn share(tariff: &Tariff, amount: i64, per: Per, period: &Span) -> Result<Amount, BillError> {
    if per == Per::Bill {
        return Ok(Amount::from_nano(i128::from(amount)));
    }
    let days = tariff.zone.days(period).ok_or(BillError::NotLocalDays)?;
    Ok(over_days(amount, per, &days)?)
}

fn over_days(amount: i64, per: Per, days: &[Date]) -> Result<Amount, OutOfRange> {
    let rate = Amount::from_nano(i128::from(amount));
    let length = |date: &Date| match per {
        Per::Month => i128::from(date.days_in_month()),
        Per::Year => i128::from(date.days_in_year()),
        Per::Day | Per::Bill => 1,
    };
    // Days of the same month (or year) share a denominator: add them up first, so that numbers stay small.
    let mut total = Amount::ZERO;
    for group in days.chunk_by(|a, b| length(a) == length(b)) {
        let count = i128::try_from(group.len()).map_err(|_| OutOfRange)?;
        total = total.plus(rate.times(count, group.first().map_or(1, length))?)?;
    }
    Ok(total)
}
