//! The rate structures of the PySAM oracle as tariff sources. Its calendar has no clock changes and no holidays.

/// The head of a source for 2007, in millionths, with an import register.
pub fn head(id: &str) -> String {
    format!(
        "format = 2\nid = \"{id}\"\nname = \"{id}\"\ncurrency = \"XTS\"\nexponent = 6\nzone = \"Etc/UTC\"\n\
         valid = {{ from = \"2007-01-01\", to = \"2008-01-01\" }}\n\
         [registers.import]\ncode = \"1-0:1.8.0\"\nunit = \"Wh\"\n"
    )
}

/// The export register.
const EXPORT: &str = "[registers.export]\ncode = \"1-0:2.8.0\"\nunit = \"Wh\"\n";

fn flat(price: &str) -> String {
    format!("[[line]]\nname = \"Energy\"\nkind = \"energy\"\nregister = \"import\"\nprice = \"{price} XTS/kWh\"\n")
}

fn fixed(amount: &str) -> String {
    format!("[[line]]\nname = \"Fixed\"\nkind = \"standing\"\namount = \"{amount} XTS/bill\"\n")
}

const WEEKDAYS: &str = "when = [{ from = \"07:00\", to = \"23:00\", days = \"mon-fri\" }]\n";

/// The eleventh structure has its hours on every day.
const EVERY_DAY: &str = "when = [{ from = \"07:00\", to = \"23:00\" }]\n";

fn tou(on: &str, off: &str, when: &str) -> String {
    format!(
        "[[line]]\nname = \"Energy\"\nkind = \"energy\"\nfallback = \"{on} XTS/kWh\"\n\
         [[line.band]]\nname = \"on\"\nprice = \"{on} XTS/kWh\"\n{when}\
         [[line.band]]\nname = \"off\"\nprice = \"{off} XTS/kWh\"\n"
    )
}

fn seasonal(prices: [&str; 4]) -> String {
    let band = |name: &str, price: &str, months: &str, peak: bool| {
        let hours = [
            "from = \"16:00\", to = \"21:00\"",
            "from = \"00:00\", to = \"16:00\"",
            "from = \"21:00\", to = \"24:00\"",
        ];
        let hours = if peak { &hours[..1] } else { &hours[1..] };
        let when: Vec<_> = hours.iter().map(|h| format!("{{ {h}, months = \"{months}\" }}")).collect();
        format!("[[line.band]]\nname = \"{name}\"\nprice = \"{price} XTS/kWh\"\nwhen = [{}]\n", when.join(", "))
    };
    let (summer, winter) = ("jun-sep", "oct-may");
    [
        "[[line]]\nname = \"Energy\"\nkind = \"energy\"\nfallback = \"0.5 XTS/kWh\"\n".to_owned(),
        band("summer peak", prices[0], summer, true),
        band("summer", prices[1], summer, false),
        band("winter peak", prices[2], winter, true),
        band("winter", prices[3], winter, false),
    ]
    .concat()
}

fn beyond(limit: &str) -> String {
    format!(
        "[[quantity]]\nname = \"Second tier\"\nkind = \"beyond\"\nlimit = \"{limit}\"\nweight = \"0.10 XTS/kWh\"\n\
         [[line]]\nname = \"Beyond\"\nkind = \"form\"\nof = {{ sum = [{{ of = \"Second tier\" }}] }}\n"
    )
}

const PEAK: &str = "[[quantity]]\nname = \"Peak\"\nkind = \"greatest\"\nregister = \"import\"\nwindow = 60\n";

/// Peaks within and without a window.
fn peaks(when: &str) -> String {
    let peak = |name: &str, on: u8| {
        format!(
            "[[quantity]]\nname = \"{name}\"\nkind = \"greatest\"\nwindow = 60\n\
             [[quantity.band]]\nname = \"in\"\nweight = \"{on}\"\n{when}\
             [[quantity.band]]\nname = \"out\"\nweight = \"{}\"\n",
            1 - on
        )
    };
    peak("On", 1) + &peak("Off", 0)
}

const EVENINGS: &str = "when = [{ from = \"16:00\", to = \"21:00\", days = \"mon-fri\" }]\n";

fn demand(name: &str, of: &str, price: &str) -> String {
    format!(
        "[[line]]\nname = \"{name}\"\nkind = \"form\"\nof = {{ sum = [{{ of = \"{of}\", times = \"{price} XTS/kW\" }}] }}\n"
    )
}

/// The highest of eleven months before, one cell each.
fn ratchet() -> String {
    use std::fmt::Write as _;
    let mut text = String::from(PEAK);
    for month in 1..=11 {
        let next = if month == 1 { "This month".to_owned() } else { format!("Peak {} before", month - 1) };
        let _ = writeln!(text, "[[cell]]\nname = \"Peak {month} before\"\nnext = \"{next}\"");
    }
    text += &flat("0.08");
    text += "[[line]]\nname = \"This month\"\nkind = \"form\"\naside = true\nrounding = { to = \"1 Wh\" }\nof = { sum = [{ of = \"Peak\" }] }\n";
    for month in 2..=11 {
        let first = if month == 2 { "Peak 1 before".to_owned() } else { format!("Highest of {}", month - 1) };
        let _ = writeln!(
            text,
            "[[line]]\nname = \"Highest of {month}\"\nkind = \"greater\"\naside = true\n\
             of = {{ sum = [{{ of = \"{first}\" }}] }}\nor = {{ sum = [{{ of = \"Peak {month} before\" }}] }}"
        );
    }
    text + "[[line]]\nname = \"Billed demand\"\nkind = \"greater\"\naside = true\nof = { sum = [{ of = \"Peak\" }] }\n\
            or = { sum = [{ of = \"Highest of 11\", times = \"80 %\" }] }\n\
            [[line]]\nname = \"Demand\"\nkind = \"form\"\nof = { sum = [{ of = \"Billed demand\", times = \"10 XTS/kW\" }] }\n"
}

/// What a register takes in all, in its units.
fn total(name: &str, register: &str) -> String {
    format!("[[quantity]]\nname = \"{name}\"\nkind = \"sum\"\nregister = \"{register}\"\n")
}

fn sold(price: &str) -> String {
    format!(
        "[[line]]\nname = \"Sold\"\nkind = \"energy\"\nregister = \"export\"\ncredit = true\nprice = \"{price} XTS/kWh\"\n"
    )
}

/// The source of a structure; all eighteen have one.
pub fn source(name: &str) -> Option<String> {
    let body = match &name[..2] {
        "01" => flat("0.20") + &fixed("8"),
        "02" => tou("0.27", "0.16", WEEKDAYS) + &fixed("10"),
        "03" => seasonal(["0.45", "0.37", "0.36", "0.34"]),
        "04" => {
            "[[line]]\nname = \"Energy\"\nkind = \"blocks\"\ntier = [{ upto = \"400 kWh\", price = \"0.12 XTS/kWh\" }, \
             { upto = \"800 kWh\", price = \"0.18 XTS/kWh\" }, { price = \"0.26 XTS/kWh\" }]\n"
                .to_owned()
                + &fixed("5")
        }
        "05" => seasonal(["0.51", "0.43", "0.40", "0.37"]) + &beyond("350 kWh"),
        "06" => seasonal(["0.51", "0.43", "0.40", "0.37"]) + &beyond("12 kWh/day"),
        "07" => {
            let season = |months| format!("seasons = [{{ months = \"{months}\" }}]\n");
            [PEAK, &flat("0.08"), &fixed("15")].concat()
                + &demand("Summer demand", "Peak", "14")
                + &season("jun-sep")
                + &demand("Winter demand", "Peak", "6.5")
                + &season("oct-may")
        }
        "08" => {
            [PEAK, &flat("0.08")].concat()
                + "[[line]]\nname = \"Demand\"\nkind = \"blocks\"\nof = { sum = [{ of = \"Peak\" }] }\n\
                   tier = [{ upto = \"3 kW\", price = \"4 XTS/kW\" }, { price = \"9 XTS/kW\" }]\n"
        }
        "09" => peaks(EVENINGS) + &flat("0.10") + &demand("On-peak", "On", "18") + &demand("Off-peak", "Off", "3"),
        // The period of the month's one peak pays alone: an excess that a table of 0 and 1 switches off.
        "10" => {
            peaks(EVENINGS)
                + &flat("0.10")
                + "[[line]]\nname = \"Peak is on\"\nkind = \"steps\"\naside = true\n\
                   of = { sum = [{ of = \"On\" }, { of = \"Off\", times = \"-1\" }] }\nstep = [{ at = \"0\", amount = \"1\" }]\n\
                   [[line]]\nname = \"On if it is\"\nkind = \"excess\"\naside = true\n\
                   of = { sum = [{ of = \"On\" }, { of = \"Peak is on\", times = \"65535\" }], add = \"-65535\" }\n\
                   [[line]]\nname = \"Off if not\"\nkind = \"excess\"\naside = true\n\
                   of = { sum = [{ of = \"Off\" }, { of = \"Peak is on\", times = \"-65535\" }] }\n"
                + &demand("On-peak", "On if it is", "18")
                + &demand("Off-peak", "Off if not", "3")
        }
        "11" => {
            let beyond = format!(
                "[[quantity]]\nname = \"Second tier\"\nkind = \"beyond\"\nlimit = \"300 kWh\"\n\
                 [[quantity.band]]\nname = \"on\"\nweight = \"0.08 XTS/kWh\"\n{EVERY_DAY}\
                 [[quantity.band]]\nname = \"off\"\nweight = \"0.06 XTS/kWh\"\n"
            );
            [PEAK, &peaks(EVERY_DAY), &beyond, &tou("0.20", "0.11", EVERY_DAY), &fixed("12")].concat()
                + "[[line]]\nname = \"Beyond\"\nkind = \"form\"\nof = { sum = [{ of = \"Second tier\" }] }\n"
                + &demand("Demand", "Peak", "5")
                + &demand("On-peak", "On", "7")
                + &demand("Off-peak", "Off", "1")
        }
        "12" => {
            flat("0.05")
                + &fixed("2")
                + "[[line]]\nname = \"Up to the minimum\"\nkind = \"excess\"\n\
                   of = { sum = [{ of = \"Energy\", times = \"-1\" }, { of = \"Fixed\", times = \"-1\" }], add = \"60 XTS\" }\n"
        }
        "13" => {
            "[[cell]]\nname = \"Year before\"\nnext = \"Year so far\"\n".to_owned()
                + &flat("0.01")
                + "[[line]]\nname = \"Year so far\"\nkind = \"form\"\naside = true\nrounding = { to = \"0.000001\" }\n\
                   of = { sum = [{ of = \"Year before\" }, { of = \"Energy\" }] }\n\
                   [[line]]\nname = \"Up to the year's minimum\"\nkind = \"excess\"\nseasons = [{ months = \"dec\" }]\n\
                   of = { sum = [{ of = \"Year so far\", times = \"-1\" }], add = \"200 XTS\" }\n"
        }
        "14" => {
            "[[line]]\nname = \"Energy\"\nkind = \"energy\"\nfallback = \"0 XTS/kWh\"\n\
             series = { file = \"prices.csv\", column = \"price\", unit = \"c/kWh\" }\n"
                .to_owned()
                .replace("c/kWh", "XTS/kWh\", factor = \"0.01")
                + &fixed("5")
        }
        "15" => {
            [EXPORT, &total("Taken", "import"), &total("Given", "export")].concat()
                + "[[cell]]\nname = \"Bank\"\nnext = \"Bank after\"\n\
                   [[line]]\nname = \"Net\"\nkind = \"excess\"\naside = true\n\
                   of = { sum = [{ of = \"Taken\" }, { of = \"Given\", times = \"-1\" }, { of = \"Bank\", times = \"-1\" }] }\n\
                   [[line]]\nname = \"Bank after\"\nkind = \"excess\"\naside = true\nrounding = { to = \"1 Wh\" }\n\
                   of = { sum = [{ of = \"Given\" }, { of = \"Bank\" }, { of = \"Taken\", times = \"-1\" }] }\n\
                   [[line]]\nname = \"Energy\"\nkind = \"form\"\nof = { sum = [{ of = \"Net\", times = \"0.20 XTS/kWh\" }] }\n"
                + &fixed("8")
        }
        "16" => EXPORT.to_owned() + &flat("0.20") + &sold("0.07") + &fixed("8"),
        // A credit counts in the month after; the engine's first month takes its own and leaves none.
        "17" => {
            [EXPORT, &total("Given", "export")].concat()
                + "[[cell]]\nname = \"Credit before\"\nnext = \"Credit after\"\n\
                   [[cell]]\nname = \"First month\"\nfirst = \"1\"\nnext = \"No month\"\n\
                   [[line]]\nname = \"No month\"\nkind = \"form\"\naside = true\nrounding = { to = \"1\" }\nof = { add = \"0\" }\n\
                   [[line]]\nname = \"Credit\"\nkind = \"form\"\naside = true\nof = { sum = [{ of = \"Given\", times = \"0.07 XTS/kWh\" }] }\n\
                   [[line]]\nname = \"Credit now\"\nkind = \"excess\"\naside = true\n\
                   of = { sum = [{ of = \"Credit\" }, { of = \"First month\", times = \"1000000000000\" }], add = \"-1000 XTS\" }\n\
                   [[line]]\nname = \"Credit after\"\nkind = \"excess\"\naside = true\nrounding = { to = \"0.000001\" }\n\
                   of = { sum = [{ of = \"Credit\" }, { of = \"Credit now\", times = \"-1\" }] }\n"
                + &flat("0.20")
                + "[[line]]\nname = \"Credited\"\nkind = \"form\"\n\
                   of = { sum = [{ of = \"Credit now\", times = \"-1\" }, { of = \"Credit before\", times = \"-1\" }] }\n"
                + &fixed("8")
        }
        "18" => ratchet(),
        _ => return None,
    };
    Some(head(name) + &body)
}
