//! Norwegian network tariffs of kraftsystemet/fri-nettleie (YAML, CC BY 4.0) as tariff sources.
//!
//! What the files cannot say (the price area's taxes, public holidays, who the household is) is not in the source, or asked
//! for. A method other than the mean of three days' peaks is refused by its name.

use std::fmt::Write as _;

use serde::Deserialize;

use super::error::{DeskError, Problem};

const MONTHS: [(&str, &str); 12] = [
    ("januar", "jan"),
    ("februar", "feb"),
    ("mars", "mar"),
    ("april", "apr"),
    ("mai", "may"),
    ("juni", "jun"),
    ("juli", "jul"),
    ("august", "aug"),
    ("september", "sep"),
    ("oktober", "oct"),
    ("november", "nov"),
    ("desember", "dec"),
];
const DAYS: [(&str, &str); 7] = [
    ("mandag", "mon"),
    ("tirsdag", "tue"),
    ("onsdag", "wed"),
    ("torsdag", "thu"),
    ("fredag", "fri"),
    ("lørdag", "sat"),
    ("søndag", "sun"),
];

/// What a file does not say.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The tariff's id.
    pub id: &'a str,
    /// First local day; it chooses the version of the tariff.
    pub from: &'a str,
    /// First local day after.
    pub to: &'a str,
    /// The group of customers, such as `husholdning`.
    pub group: &'a str,
    /// The import register.
    pub register: &'a str,
    /// Public holidays within the validity; needed where prices are by working days.
    pub holidays: Option<&'a [&'a str]>,
}

#[derive(Deserialize)]
struct File {
    netteier: String,
    tariffer: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    kundegrupper: Vec<String>,
    fastledd: Capacity,
    energiledd: Energy,
    gyldig_fra: String,
    gyldig_til: Option<String>,
}

#[derive(Deserialize)]
struct Capacity {
    metode: String,
    terskel_inkludert: bool,
    terskler: Vec<Threshold>,
}

#[derive(Deserialize)]
struct Threshold {
    terskel: String,
    pris: String,
}

#[derive(Deserialize)]
struct Energy {
    grunnpris: String,
    #[serde(default)]
    unntak: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    navn: String,
    timer: Option<String>,
    dager: Option<Vec<String>>,
    #[serde(rename = "måneder")]
    months: Option<Vec<String>>,
    pris: String,
}

/// Writes the source of the version that holds from a day on.
///
/// # Errors
/// When the file is malformed, no version or several fit, or one asks for what would have to be guessed.
pub fn source(file: &str, text: &str, terms: &Terms<'_>) -> Result<String, DeskError> {
    written(text, terms).map_err(|problem| DeskError::File { file: file.to_owned(), problem })
}

fn written(text: &str, terms: &Terms<'_>) -> Result<String, Problem> {
    let file: File = serde_saphyr::from_str(text)
        .map_err(|cause| Problem::new(format!("this is not a file of network tariffs: {cause}")))?;
    // Dates as texts of one form compare as dates do.
    let holds = |version: &&Version| {
        let until = version.gyldig_til.as_deref();
        version.kundegrupper.iter().any(|group| group == terms.group)
            && version.gyldig_fra.as_str() <= terms.from
            && until.is_none_or(|until| terms.to <= until)
    };
    let mut found = file.tariffer.iter().filter(holds);
    let (Some(version), None) = (found.next(), found.next()) else {
        return Err(Problem::new(format!(
            "no version, or more than one, is for {} throughout {} until {}",
            terms.group, terms.from, terms.to
        )));
    };
    let capacity = &version.fastledd;
    if capacity.metode != "TRE_DØGNMAX_MND" {
        let problem =
            format!("the field metode is {}, whose rule the file does not give; write a source", capacity.metode);
        return Err(Problem::new(problem));
    }
    let mut out = format!(
        "# Written from kraftsystemet/fri-nettleie (CC BY 4.0), {}; without taxes on consumption and VAT.\n\
         format = 2\nid = {:?}\nname = {:?}\ncurrency = \"NOK\"\nzone = \"Europe/Oslo\"\n\
         valid = {{ from = {:?}, to = {:?} }}\n",
        file.netteier,
        terms.id,
        format!("Nettleie {}", file.netteier),
        terms.from,
        terms.to
    );
    if let Some(holidays) = terms.holidays {
        let _ = writeln!(out, "holidays = {holidays:?}");
    }
    let _ = write!(out, "\n[registers.import]\ncode = {:?}\nunit = \"Wh\"\n", terms.register);
    write_capacity(&mut out, capacity)?;
    write_energy(&mut out, &version.energiledd, terms)?;
    Ok(out)
}

fn write_capacity(out: &mut String, capacity: &Capacity) -> Result<(), Problem> {
    let [base, steps @ ..] = capacity.terskler.as_slice() else {
        return Err(Problem::new("the field terskler is empty"));
    };
    if base.terskel.trim() != "0" {
        return Err(Problem::new(format!("the field terskler begins at {}, not at 0", base.terskel)));
    }
    out.push_str(
        "\n[[quantity]]\nname = \"Three days' peaks\"\nkind = \"greatest\"\nwindow = 60\nwithin = \"day\"\nbest = 3\n",
    );
    if steps.is_empty() {
        return Err(Problem::new("the field terskler has one step, which is a fixed amount; write a source"));
    }
    let _ = write!(
        out,
        "\n[[line]]\nname = \"Step of the year\"\nkind = \"steps\"\naside = true\nrounding = {{ to = \"0.01\" }}\nbase = \"{} NOK\"\n\
         of = {{ sum = [{{ of = \"Three days' peaks\" }}], divisor = 3 }}\nstep = [\n",
        base.pris
    );
    for step in steps {
        let (at, price, inclusive) = (&step.terskel, &step.pris, capacity.terskel_inkludert);
        let _ = writeln!(out, "    {{ at = \"{at} kW\", amount = \"{price} NOK\", inclusive = {inclusive} }},");
    }
    out.push_str("]\n\n[[line]]\nname = \"Capacity\"\nkind = \"form\"\nof = { sum = [{ of = \"Step of the year\" }], divisor = 12 }\n");
    Ok(())
}

fn write_energy(out: &mut String, energy: &Energy, terms: &Terms<'_>) -> Result<(), Problem> {
    let rest = &energy.grunnpris;
    let _ = write!(out, "\n[[line]]\nname = \"Energy\"\nkind = \"energy\"\n");
    if energy.unntak.is_empty() {
        let _ = writeln!(out, "price = \"{rest} øre/kWh\"");
        return Ok(());
    }
    let _ = writeln!(out, "fallback = \"{rest} øre/kWh\"");
    for exception in &energy.unntak {
        let windows = windows(exception, terms)?;
        let _ = write!(
            out,
            "\n[[line.band]]\nname = {:?}\nprice = \"{} øre/kWh\"\nwhen = [{windows}]\n",
            exception.navn, exception.pris
        );
    }
    let _ = write!(out, "\n[[line.band]]\nname = \"else\"\nprice = \"{rest} øre/kWh\"\n");
    Ok(())
}

/// The hours of an exception; both ends of `6-21` are whole hours that belong to it.
fn windows(exception: &Exception, terms: &Terms<'_>) -> Result<String, Problem> {
    let mut parts: Vec<String> = Vec::new();
    let mut days = Vec::new();
    for day in exception.dager.iter().flatten() {
        match day.as_str() {
            "alle" => days.clear(),
            "ukedag" => days.push("mon-fri"),
            "virkedag" => {
                if terms.holidays.is_none() {
                    let problem = "the field dager says virkedag: say which public holidays there are";
                    return Err(Problem::new(problem));
                }
                days.push("mon-fri");
                parts.push("holidays = false".into());
            }
            other => days.push(named(other, &DAYS, "dager")?),
        }
    }
    if !days.is_empty() {
        parts.push(format!("days = \"{}\"", days.join(",")));
    }
    if let Some(list) = &exception.months {
        let months = list.iter().map(|month| named(month, &MONTHS, "måneder")).collect::<Result<Vec<_>, _>>()?;
        parts.push(format!("months = \"{}\"", months.join(",")));
    }
    let hours = exception.timer.as_deref().unwrap_or("0-23");
    let wrong = || Problem::new(format!("the field timer is {hours}, not hours such as 6-21"));
    let hour = |text: &str| text.trim().parse::<u32>().ok().filter(|hour| *hour < 24).ok_or_else(wrong);
    let (from, to) = hours.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (hour(from)?, hour(to)? + 1);
    let spans = if from < to { vec![(from, to)] } else { vec![(from, 24), (0, to)] };
    let window = |(from, to): &(u32, u32)| {
        let hours = format!("from = \"{from:02}:00\", to = \"{to:02}:00\"");
        format!("{{ {} }}", [&[hours][..], &parts].concat().join(", "))
    };
    Ok(spans.iter().map(window).collect::<Vec<_>>().join(", "))
}

fn named<'n>(word: &str, names: &[(&str, &'n str)], field: &str) -> Result<&'n str, Problem> {
    let found = names.iter().find(|(known, _)| *known == word).map(|(_, name)| *name);
    found.ok_or_else(|| Problem::new(format!("the field {field} has \"{word}\"")))
}
