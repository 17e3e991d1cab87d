//! What each band of a bill's energy lines took and came to; for the household's eyes.

use protocol::bill::measure::{Metered, readings};
use protocol::bill::{BillError, Weights};
use protocol::tariff::Tariff;
use protocol::time::Span;
use zeroize::Zeroizing;

use super::BillRefused;

/// The household's own view of an energy line.
#[derive(Clone, Debug)]
pub struct LineBands {
    /// Place of the line in the tariff.
    pub line: usize,
    /// Name, amount in the register's unit, and money in 10⁻⁹ currency units.
    pub bands: Vec<(String, u64, i128)>,
}

/// Of each energy line, its bands. `metered` are the tariff's registers in its order, `weights` those of its energy lines.
pub(super) fn account(
    tariff: &Tariff,
    weights: &[Weights],
    metered: &[Metered<'_>],
    period: &Span,
) -> Result<Vec<LineBands>, BillRefused> {
    let mut account = Vec::new();
    for ((place, line), weights) in tariff.energy_lines().zip(weights) {
        let (Some(metered), Some(register)) = (metered.get(line.register), tariff.registers.get(line.register)) else {
            continue;
        };
        let priced = Zeroizing::new(readings(register, metered));
        let names = line.schedule.band_names();
        let chosen = line.schedule.bands(period.from, metered.interval, priced.len()).map_err(BillError::from)?;
        let mut bands: Vec<(String, u64, i128)> = names.into_iter().map(|name| (name, 0, 0)).collect();
        for (slot, (reading, price)) in priced.iter().zip(&weights.prices).enumerate() {
            let band = chosen.as_ref().and_then(|c| c.get(slot)).copied().unwrap_or(0);
            if let Some((_, amount, money)) = bands.get_mut(band) {
                *amount += u64::from(*reading);
                *money += i128::from(*reading) * i128::from(*price);
            }
        }
        let residual: u64 = metered.residuals.iter().map(|r| u64::from(*r)).sum();
        if residual > 0 {
            bands.push(("not measured by interval".into(), residual, i128::from(residual) * i128::from(line.fallback)));
        }
        account.push(LineBands { line: place, bands });
    }
    Ok(account)
}
