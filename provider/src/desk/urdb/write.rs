//! The source of a record.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Terms;
use super::read::{Record, Structure, Tier};
use crate::desk::decimal::Decimal;
use crate::desk::error::Problem;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

pub(super) fn source(record: &Record, terms: &Terms<'_>) -> Result<String, Problem> {
    let mut text = format!(
        "# Written from a record of the US Utility Rate Database (OpenEI, CC0). Hours are local, holidays are weekdays.\n\
         format = 2\nid = {:?}\nname = {:?}\ncurrency = \"USD\"\nzone = {:?}\nvalid = {{ from = {:?}, to = {:?} }}\n\n\
         [registers.import]\ncode = {:?}\nunit = \"Wh\"\n",
        terms.id,
        record.name.chars().filter(|c| !c.is_control()).take(100).collect::<String>(),
        terms.zone,
        terms.from,
        terms.to,
        terms.register,
    );
    let mut lines = String::new();
    let mut charged = Vec::new();
    energy(record, &mut text, &mut lines, &mut charged)?;
    if let Some((tiers, months)) = &record.flat {
        for period in used(months.iter().copied()).into_iter().filter(|at| prices(tiers.get(*at))) {
            let which: Vec<usize> = (0..12).filter(|month| months.get(*month) == Some(&period)).collect();
            let name = format!("Demand {period}");
            load_line(&mut lines, &name, "Peak", tiers.get(period), Some(&which))?;
            charged.push(name);
        }
    }
    let loads = charged.iter().any(|name| name.starts_with("Demand")) || text.contains("hours of use");
    if loads {
        let _ = write!(text, "\n[[quantity]]\nname = \"Peak\"\nkind = \"greatest\"\nwindow = {}\n", record.window);
    }
    if let Some(demand) = &record.demand {
        for period in demand.periods().into_iter().filter(|at| prices(demand.tiers.get(*at))) {
            let (quantity, name) = (format!("Peak in period {period}"), format!("Demand in period {period}"));
            let _ =
                write!(text, "\n[[quantity]]\nname = {quantity:?}\nkind = \"greatest\"\nwindow = {}\n", record.window);
            for at in demand.periods() {
                let weight = u8::from(at == period);
                let _ = write!(
                    text,
                    "[[quantity.band]]\nname = \"period {at}\"\nweight = \"{weight}\"\nwhen = {}\n",
                    demand.windows(at)
                );
            }
            load_line(&mut lines, &name, &quantity, demand.tiers.get(period), None)?;
            charged.push(name);
        }
    }
    for (place, (amount, per)) in record.fixed.iter().enumerate() {
        let name = if place == 0 { "Fixed charge".to_owned() } else { format!("Fixed charge {place}") };
        let _ = write!(lines, "\n[[line]]\nname = {name:?}\nkind = \"standing\"\namount = \"{amount} USD/{per}\"\n");
        charged.push(name);
    }
    if let Some((amount, per)) = record.minimum {
        let less: Vec<_> = charged.iter().map(|name| format!("{{ of = {name:?}, times = \"-1\" }}")).collect();
        let _ = write!(
            lines,
            "\n[[line]]\nname = \"Up to the minimum\"\nkind = \"excess\"\nof = {{ sum = [{}], add = \"{amount} USD/{per}\" }}\n",
            less.join(", ")
        );
    }
    Ok(text + &lines)
}

/// The first tier by time of use, and what tiers above add: where the running total has passed a limit, or by hours of use.
fn energy(record: &Record, text: &mut String, lines: &mut String, charged: &mut Vec<String>) -> Result<(), Problem> {
    let energy = &record.energy;
    let periods = energy.periods();
    let tiers = |period: usize| energy.tiers.get(period).map_or(&[][..], Vec::as_slice);
    let first = |period: usize| tiers(period).first().map_or(Decimal::ZERO, |tier| tier.rate);
    let dearest = periods.first().map_or(Decimal::ZERO, |at| first(*at));
    let _ = write!(lines, "\n[[line]]\nname = \"Energy\"\nkind = \"energy\"\nfallback = \"{dearest} USD/kWh\"\n");
    for period in &periods {
        let (rate, when) = (first(*period), energy.windows(*period));
        let _ = write!(lines, "[[line.band]]\nname = \"period {period}\"\nprice = \"{rate} USD/kWh\"\nwhen = {when}\n");
    }
    charged.push("Energy".into());
    energy.same_limits_within_months()?;
    let mut limits: Vec<(Decimal, String)> = Vec::new();
    for tier in periods.iter().flat_map(|period| tiers(*period)) {
        match (tier.unit.as_str(), tier.max) {
            ("kWh" | "kWh daily" | "kWh/kW", Some(max)) if !limits.contains(&(max, tier.unit.clone())) => {
                limits.push((max, tier.unit.clone()));
            }
            ("kWh" | "kWh daily" | "kWh/kW", _) => {}
            (other, _) => return Err(Problem::new(format!("the field energyratestructure has tiers by {other}"))),
        }
    }
    for (limit, unit) in limits {
        let more = |period: usize| {
            let at = tiers(period).iter().position(|tier| tier.max == Some(limit) && tier.unit == unit);
            let pair = at.and_then(|at| Some((tiers(period).get(at)?.rate, tiers(period).get(at + 1)?.rate)));
            let minus =
                |(below, above): (Decimal, Decimal)| below.times(Decimal::MINUS_ONE).and_then(|b| above.plus(b));
            pair.map_or(Some(Decimal::ZERO), minus).ok_or_else(|| Problem::new("a rate has too many digits"))
        };
        if unit == "kWh/kW" {
            hours_of_use(record, limit, &periods, &more, text, lines, charged)?;
            continue;
        }
        let (per, daily) = if unit == "kWh daily" { ("/day", " a day") } else { ("", "") };
        let name = format!("Above {limit} kWh{daily}");
        let _ = write!(
            text,
            "\n[[quantity]]\nname = {:?}\nkind = \"beyond\"\nlimit = \"{limit} kWh{per}\"\n",
            format!("{name}, total")
        );
        for period in &periods {
            let (weight, when) = (more(*period)?, energy.windows(*period));
            let _ = write!(
                text,
                "[[quantity.band]]\nname = \"period {period}\"\nweight = \"{weight} USD/kWh\"\nwhen = {when}\n"
            );
        }
        let _ = write!(
            lines,
            "\n[[line]]\nname = {name:?}\nkind = \"form\"\nof = {{ sum = [{{ of = {:?} }}] }}\n",
            format!("{name}, total")
        );
        charged.push(name);
    }
    Ok(())
}

/// A limit in hours of the month's load: on the total, so there must be one price a month.
fn hours_of_use(
    record: &Record,
    hours: Decimal,
    periods: &[usize],
    more: &dyn Fn(usize) -> Result<Decimal, Problem>,
    text: &mut String,
    lines: &mut String,
    charged: &mut Vec<String>,
) -> Result<(), Problem> {
    let energy = &record.energy;
    if (0..12).any(|month| energy.in_month(month).len() != 1) {
        let problem = "the field energyratestructure has tiers by kWh/kW and several periods in one month: which hours are above the limit is not said";
        return Err(Problem::new(problem));
    }
    if !text.contains("name = \"Taken\"") {
        text.push_str("\n# For tiers by hours of use.\n[[quantity]]\nname = \"Taken\"\nkind = \"sum\"\n");
    }
    let above = format!("Above {hours} hours of use");
    let _ = write!(
        lines,
        "\n[[line]]\nname = {above:?}\nkind = \"excess\"\naside = true\n\
         of = {{ sum = [{{ of = \"Taken\" }}, {{ of = \"Peak\", times = \"-{hours} h\" }}] }}\n"
    );
    for period in periods {
        let name = format!("{above}, period {period}");
        let months: Vec<usize> = (0..12).filter(|month| energy.in_month(*month).contains(period)).collect();
        let _ = write!(
            lines,
            "\n[[line]]\nname = {name:?}\nkind = \"form\"\nof = {{ sum = [{{ of = {above:?}, times = \"{} USD/kWh\" }}] }}\n{}",
            more(*period)?,
            seasons(&months)
        );
        charged.push(name);
    }
    Ok(())
}

fn prices(tiers: Option<&Vec<Tier>>) -> bool {
    tiers.is_some_and(|tiers| tiers.iter().any(|tier| tier.rate != Decimal::ZERO))
}

fn load_line(
    lines: &mut String,
    name: &str,
    quantity: &str,
    tiers: Option<&Vec<Tier>>,
    months: Option<&[usize]>,
) -> Result<(), Problem> {
    let tiers = tiers.map_or(&[][..], Vec::as_slice);
    let _ = write!(lines, "\n[[line]]\nname = {name:?}\n");
    let _ = match tiers {
        [one] => {
            write!(
                lines,
                "kind = \"form\"\nof = {{ sum = [{{ of = {quantity:?}, times = \"{} USD/kW\" }}] }}\n",
                one.rate
            )
        }
        _ => {
            let tier = |tier: &Tier| {
                let upto = tier.max.map_or_else(String::new, |max| format!("upto = \"{max} kW\", "));
                format!("{{ {upto}price = \"{} USD/kW\" }}", tier.rate)
            };
            let list: Vec<_> = tiers.iter().map(tier).collect();
            write!(
                lines,
                "kind = \"blocks\"\nof = {{ sum = [{{ of = {quantity:?} }}] }}\ntier = [{}]\n",
                list.join(", ")
            )
        }
    };
    if let Some(other) = tiers.iter().find(|tier| tier.unit != "kW") {
        return Err(Problem::new(format!("a demand structure has tiers by {}", other.unit)));
    }
    if let Some(months) = months {
        lines.push_str(&seasons(months));
    }
    Ok(())
}

fn months(list: &[usize]) -> String {
    list.iter().filter_map(|month| MONTHS.get(*month)).copied().collect::<Vec<_>>().join(",")
}

fn seasons(list: &[usize]) -> String {
    if list.len() == 12 { String::new() } else { format!("seasons = [{{ months = {:?} }}]\n", months(list)) }
}

fn used(list: impl Iterator<Item = usize>) -> Vec<usize> {
    list.collect::<BTreeSet<_>>().into_iter().collect()
}

impl Structure {
    /// The periods that hours have.
    fn periods(&self) -> Vec<usize> {
        used(self.weekday.iter().chain(&self.weekend).flatten().copied())
    }

    fn in_month(&self, month: usize) -> Vec<usize> {
        let rows = [&self.weekday, &self.weekend].into_iter().filter_map(|table| table.get(month));
        used(rows.flatten().copied())
    }

    /// The windows of a period: runs of hours, for months that have the same ones.
    fn windows(&self, period: usize) -> String {
        let mut windows = Vec::new();
        for (days, table) in [("mon-fri", &self.weekday), ("sat,sun", &self.weekend)] {
            let mut left: BTreeSet<usize> = (0..12).collect();
            while let Some(month) = left.pop_first() {
                let row = table.get(month);
                let same: Vec<usize> = std::iter::once(month)
                    .chain(left.iter().copied().filter(|other| table.get(*other) == row))
                    .collect();
                left.retain(|other| !same.contains(other));
                for (from, to) in runs(row.map_or(&[][..], Vec::as_slice), period) {
                    windows.push(format!(
                        "{{ from = \"{from:02}:00\", to = \"{to:02}:00\", days = \"{days}\", months = {:?} }}",
                        months(&same)
                    ));
                }
            }
        }
        format!("[{}]", windows.join(", "))
    }

    /// A running total has one list of limits in a month: two would need the total of each period.
    fn same_limits_within_months(&self) -> Result<(), Problem> {
        let limits = |period: &usize| -> Vec<(Option<Decimal>, &str)> {
            self.tiers
                .get(*period)
                .map_or(&[][..], Vec::as_slice)
                .iter()
                .map(|tier| (tier.max, tier.unit.as_str()))
                .collect()
        };
        for month in 0..12 {
            let periods = self.in_month(month);
            let differ = periods.windows(2).find(|pair| matches!(pair, [a, b] if limits(a) != limits(b)));
            if let Some([a, b]) = differ {
                let month = MONTHS.get(month).copied().unwrap_or_default();
                let problem = format!(
                    "the field energyratestructure has other limits in period {a} than in period {b}, and both hold in {month}: how one total passes both is not said"
                );
                return Err(Problem::new(problem));
            }
        }
        Ok(())
    }
}

/// Runs of hours of a period.
fn runs(row: &[usize], period: usize) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for hour in (0..row.len()).filter(|hour| row.get(*hour) == Some(&period)) {
        match runs.last_mut() {
            Some((_, to)) if *to == hour => *to = hour + 1,
            _ => runs.push((hour, hour + 1)),
        }
    }
    runs
}
