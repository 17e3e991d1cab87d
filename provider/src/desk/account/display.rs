//! The account as text.

use std::fmt;

use super::{Account, ChargeAccount, PricesAccount};

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({})", self.name, self.id)?;
        writeln!(f, "  set by      {}", self.provider)?;
        writeln!(f, "  fingerprint {}", self.fingerprint)?;
        writeln!(f, "  hash        {}", self.hash)?;
        let changes = match self.clock_changes {
            1 => "1 clock change".to_owned(),
            n => format!("{n} clock changes"),
        };
        writeln!(f, "  valid       {} until {}, {} ({changes})", self.valid_from, self.valid_until, self.zone)?;
        for code in &self.rounded_readings {
            writeln!(
                f,
                "  readings    of register {code} are rounded to tens, halves to even, before they are priced"
            )?;
        }
        for (title, list) in [("quantities", &self.quantities), ("carried over", &self.cells)] {
            if !list.is_empty() {
                writeln!(f, "  {title}")?;
            }
            list.iter().try_for_each(|value| writeln!(f, "    {}: {}", value.name, value.words))?;
        }
        writeln!(f, "  lines")?;
        for line in &self.lines {
            write!(f, "    {}: ", line.name)?;
            line.charge.show(f)?;
            if let Some(rounding) = &line.rounding {
                writeln!(f, "      rounded {rounding}")?;
            }
            if line.aside {
                writeln!(f, "      for other lines alone: it is no part of the amount due")?;
            }
            for season in &line.seasons {
                writeln!(f, "      in periods that begin {season}")?;
            }
        }
        write!(f, "  amount due  rounded {}", self.total_rounding)
    }
}

impl ChargeAccount {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standing { amount } => writeln!(f, "{amount}"),
            Self::Tax { rate, on } => writeln!(f, "{rate} on {}", on.join(", ")),
            Self::Form { of } => writeln!(f, "{of}"),
            Self::Excess { of } => writeln!(f, "{of}, or nothing when that is below zero"),
            Self::Greater { of, or } => writeln!(f, "the greater of {of} and {or}"),
            Self::Lesser { of, or } => writeln!(f, "the lesser of {of} and {or}"),
            Self::Steps { of, table } => {
                writeln!(f, "by a table on {of}")?;
                table.iter().try_for_each(|row| writeln!(f, "      {row}"))
            }
            Self::Energy { register, unit, meter_minutes, prices, fallback } => {
                let minutes = meter_minutes.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
                writeln!(f, "register {register} in {unit}, for meters with slots of {minutes} minutes")?;
                prices.show(f)?;
                writeln!(f, "      {fallback} for what cannot be placed in time")
            }
        }
    }
}

impl PricesAccount {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bands(bands) => {
                bands.iter().try_for_each(|b| writeln!(f, "      {} {}, {} of the time", b.name, b.price, b.share))
            }
            Self::Series { prices, lowest, highest, below_zero } => {
                writeln!(f, "      {prices} prices, {below_zero} of them below zero")?;
                writeln!(f, "      from {} (first {})", lowest.price, lowest.first_at)?;
                writeln!(f, "      to {} (first {})", highest.price, highest.first_at)
            }
        }
    }
}
