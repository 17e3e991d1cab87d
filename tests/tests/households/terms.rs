//! Tariffs of the matrix. Each is described once and written out twice: as the desk's TOML and as the oracle's JSON.

use std::path::PathBuf;

use serde_json::{Value, json};

/// Step and mode of a rounding, by the names that both sides know.
pub type Rounding = (&'static str, &'static str);

/// Registers by the names that lines use.
pub const REGISTERS: [(&str, &str); 2] = [("import", "1-0:1.8.0"), ("export", "1-0:2.8.0")];

/// A tariff.
#[derive(Clone)]
pub struct Terms {
    pub id: String,
    pub currency: &'static str,
    pub lines: Vec<Line>,
    /// None is the minor unit, halves away from zero.
    pub total: Option<Rounding>,
}

#[derive(Clone)]
pub struct Line {
    pub name: &'static str,
    pub charge: Charge,
    pub rounding: Option<Rounding>,
}

#[derive(Clone)]
pub enum Charge {
    Energy { register: &'static str, prices: Prices, credit: bool, fallback: &'static str },
    Standing { amount: &'static str, per: &'static str },
    Tax { rate: &'static str, on: Vec<&'static str> },
}

#[derive(Clone)]
pub enum Prices {
    Flat(&'static str),
    Bands { named: &'static str, window: Window, rest: &'static str },
    Series { file: PathBuf, column: &'static str, unit: &'static str, turned: Option<Turned> },
}

/// When a band holds, by the clock on the wall.
#[derive(Clone, Copy)]
pub struct Window {
    pub from: &'static str,
    pub to: &'static str,
    pub weekdays_only: bool,
}

/// What is done to a published price before it is charged: factor, addition, rounding.
#[derive(Clone, Copy)]
pub struct Turned {
    pub factor: &'static str,
    pub add: &'static str,
    pub mode: &'static str,
}

impl Line {
    pub fn new(name: &'static str, charge: Charge, rounding: Option<Rounding>) -> Self {
        Self { name, charge, rounding }
    }
}

impl Terms {
    /// Whether its prices come from a file, which may not cover all of the load.
    pub fn is_dynamic(&self) -> bool {
        let series = |line: &Line| matches!(&line.charge, Charge::Energy { prices: Prices::Series { .. }, .. });
        self.lines.iter().any(series)
    }

    /// Names of the registers it bills, in the order of their lines.
    pub fn registers(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        for line in &self.lines {
            if let Charge::Energy { register, .. } = line.charge
                && !found.contains(&register)
            {
                found.push(register);
            }
        }
        found
    }

    /// As a source for the desk, valid from one local date to another.
    pub fn toml(&self, zone: &str, from: &str, until: &str) -> String {
        let (id, currency) = (&self.id, self.currency);
        let mut text = format!(
            "format = 1\nid = \"{id}\"\nname = \"{id}\"\ncurrency = \"{currency}\"\nzone = \"{zone}\"\n\
             valid = {{ from = \"{from}\", to = \"{until}\" }}\n"
        );
        for name in self.registers() {
            text += &format!("[registers.{name}]\ncode = \"{}\"\nunit = \"Wh\"\n", code(name));
        }
        for line in &self.lines {
            text += &line.toml();
        }
        if let Some((to, mode)) = self.total {
            text += &format!("[total]\nrounding = {{ to = \"{to}\", mode = \"{mode}\" }}\n");
        }
        text
    }

    /// As the oracle reads it.
    pub fn json(&self) -> Value {
        let mut value = json!({ "id": self.id, "lines": self.lines.iter().map(Line::json).collect::<Vec<_>>() });
        if let Some((to, mode)) = self.total {
            value["total"] = json!({ "to": to, "mode": mode });
        }
        value
    }
}

/// The meter's code of a register.
pub fn code(name: &str) -> &'static str {
    REGISTERS.iter().find(|(known, _)| *known == name).map(|(_, code)| *code).unwrap()
}

impl Line {
    fn toml(&self) -> String {
        let mut text = format!("[[line]]\nname = \"{}\"\n", self.name);
        if let Some((to, mode)) = self.rounding {
            text += &format!("rounding = {{ to = \"{to}\", mode = \"{mode}\" }}\n");
        }
        match &self.charge {
            Charge::Energy { register, prices, credit, fallback } => {
                text += &format!(
                    "kind = \"energy\"\nregister = \"{register}\"\ncredit = {credit}\nfallback = \"{fallback}\"\n"
                );
                text += &prices.toml();
            }
            Charge::Standing { amount, per } => {
                text += &format!("kind = \"standing\"\namount = \"{amount}/{per}\"\n");
            }
            Charge::Tax { rate, on } => text += &format!("kind = \"tax\"\nrate = \"{rate} %\"\non = {on:?}\n"),
        }
        text
    }

    fn json(&self) -> Value {
        let mut value = match &self.charge {
            Charge::Energy { register, prices, credit, .. } => {
                let mut value = prices.json();
                value["kind"] = "energy".into();
                value["register"] = (*register).into();
                value["credit"] = (*credit).into();
                value
            }
            Charge::Standing { amount, per } => json!({ "kind": "standing", "amount": amount, "per": per }),
            Charge::Tax { rate, on } => json!({ "kind": "tax", "rate": rate, "on": on }),
        };
        value["name"] = self.name.into();
        if let Some((to, mode)) = self.rounding {
            value["rounding"] = json!({ "to": to, "mode": mode });
        }
        value
    }
}

impl Prices {
    fn toml(&self) -> String {
        match self {
            Self::Flat(price) => format!("price = \"{price}\"\n"),
            Self::Bands { named, window: Window { from, to, weekdays_only }, rest } => {
                let days = if *weekdays_only { ", days = \"mon-fri\"" } else { "" };
                format!(
                    "[[line.band]]\nname = \"window\"\nprice = \"{named}\"\n\
                     when = [{{ from = \"{from}\", to = \"{to}\"{days} }}]\n\
                     [[line.band]]\nname = \"rest\"\nprice = \"{rest}\"\n"
                )
            }
            Self::Series { file, column, unit, turned } => {
                let file = file.display();
                let (more, mode) = turned.map_or_else(Default::default, |Turned { factor, add, mode }| {
                    (format!(", factor = \"{factor}\", add = \"{add}\""), format!("price_rounding = \"{mode}\"\n"))
                });
                format!("{mode}series = {{ file = '{file}', column = \"{column}\", unit = \"{unit}\"{more} }}\n")
            }
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Flat(price) => json!({ "price": price }),
            Self::Bands { named, window: Window { from, to, weekdays_only }, rest } => {
                let mut window = json!({ "from": from, "to": to });
                if *weekdays_only {
                    window["days"] = json!([0, 1, 2, 3, 4]);
                }
                json!({ "bands": [{ "price": named, "windows": [window] }, { "price": rest }] })
            }
            Self::Series { file, column, unit, turned } => {
                let mut series = json!({ "csv": file, "column": column, "unit": unit });
                if let Some(Turned { factor, add, mode }) = turned {
                    series["factor"] = (*factor).into();
                    series["add"] = (*add).into();
                    series["rounding"] = (*mode).into();
                }
                json!({ "series": series })
            }
        }
    }
}
