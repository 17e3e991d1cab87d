//! What of a meter's current readings can be published, and in which unit: anything that is not named here never leaves.

use protocol::metrology::keys::hash;

use crate::api::{NowRegister, What};

/// Longest code of a register that is published.
const LONGEST_CODE: usize = 32;
/// Digits behind the point of what the gateway shows.
const DIGITS: u32 = 4;

/// A value of a meter that can be published.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entity {
    /// Its kind.
    pub what: What,
    /// The register; none for power.
    pub register: Option<Register>,
}

/// The register behind an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Register {
    /// Its code.
    pub code: String,
    /// Unit of the meter.
    pub unit: String,
    /// What it counts, as an M-Bus device type.
    pub device: Option<u8>,
}

/// How a unit of meters is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    /// The unit in Home Assistant.
    pub unit: &'static str,
    /// Digits behind the point that the conversion adds.
    shift: u32,
}

impl Scale {
    /// 10⁻⁴ units of the meter in one published unit.
    pub(crate) fn parts(self) -> u64 {
        10_u64.pow(DIGITS + self.shift)
    }

    /// A total as an exact decimal number.
    pub(crate) fn decimal(self, total: u64) -> String {
        let parts = self.parts();
        let width = usize::try_from(DIGITS + self.shift).unwrap_or_default();
        let text = format!("{}.{:0width$}", total / parts, total % parts);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

impl Entity {
    /// Power.
    pub(crate) const POWER: Self = Self { what: What::Power, register: None };

    /// What a register is published as; none when nobody could say what it counts.
    pub(crate) fn of(register: &NowRegister) -> Option<Self> {
        Self::new(register.code.clone(), register.unit.clone(), register.device)
    }

    /// As [`Entity::of`].
    pub(crate) fn new(code: String, unit: String, device: Option<u8>) -> Option<Self> {
        let plain = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":.-*".contains(&byte));
        if code.len() > LONGEST_CODE || !plain {
            return None;
        }
        let what = what(&code, device)?;
        let entity = Self { what, register: Some(Register { code, unit, device }) };
        entity.scale().map(|_| entity)
    }

    /// The unit that it is published in; none when the meter's is not one for its kind.
    pub(crate) fn scale(&self) -> Option<Scale> {
        let scale = |unit, shift| Some(Scale { unit, shift });
        let unit = self.register.as_ref().map_or("W", |register| register.unit.as_str());
        match (self.what, unit) {
            (What::Power, "W") => scale("W", 0),
            (What::Import | What::Export | What::Heat, "Wh") => scale("kWh", 3),
            (What::Import | What::Export | What::Heat, "kWh") => scale("kWh", 0),
            (What::Heat, "GJ") => scale("GJ", 0),
            (What::Heat, "MJ") => scale("MJ", 0),
            (What::Gas | What::Water, "m3") => scale("m³", 0),
            (What::Gas | What::Water, "L" | "dm3") => scale("m³", 3),
            _ => None,
        }
    }

    /// Its part of topics and of its unique name: the same for as long as the register has its code.
    pub(crate) fn slug(&self) -> String {
        let Some(register) = &self.register else { return self.what.name().to_owned() };
        let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        format!("{}_{}", self.what.name(), register.code.chars().map(safe).collect::<String>())
    }

    /// What people read.
    pub(crate) fn title(&self) -> String {
        let title = match self.what {
            What::Power => "Power",
            What::Import => "Energy imported",
            What::Export => "Energy exported",
            What::Gas => "Gas",
            What::Water => "Water",
            What::Heat => "Heat",
        };
        match self.register.as_ref().and_then(|register| fields(&register.code)) {
            Some(Fields { medium: 1, tariff, .. }) if tariff > 0 => format!("{title}, tariff {tariff}"),
            _ => title.to_owned(),
        }
    }
}

/// What a meter is called in topics and unique names: it follows from the meter's key alone, not from its line, and does
/// not tell what is printed on the meter.
pub(crate) fn meter_name(identity: &[u8; 32]) -> String {
    hex::encode(&hash("wattseal/v1/published-meter", &[identity])[..6])
}

/// Value groups of an OBIS code.
struct Fields {
    medium: u32,
    quantity: u32,
    kind: u32,
    tariff: u32,
}

/// Reads `A-B:C.D.E`.
fn fields(code: &str) -> Option<Fields> {
    let (medium, rest) = code.split_once('-')?;
    let (_, rest) = rest.split_once(':')?;
    let mut parts = rest.split(['.', '*']);
    let mut number = || parts.next()?.parse().ok();
    Some(Fields { medium: medium.parse().ok()?, quantity: number()?, kind: number()?, tariff: number()? })
}

fn what(code: &str, device: Option<u8>) -> Option<What> {
    let fields = fields(code)?;
    match (fields.medium, fields.quantity, fields.kind) {
        (1, 1, 8) => Some(What::Import),
        (1, 2, 8) => Some(What::Export),
        (7, 3, 0 | 1) => Some(What::Gas),
        (8 | 9, 1, 0) => Some(What::Water),
        (6, 1, 0 | 8) => Some(What::Heat),
        // Meters that speak through an electricity meter. Those that do not tell what they count count gas.
        (0, 24, 2) => match device {
            Some(3) | None => Some(What::Gas),
            Some(6 | 7) => Some(What::Water),
            Some(4 | 12) => Some(What::Heat),
            Some(_) => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(code: &str, unit: &str, device: Option<u8>) -> Option<(What, &'static str, String)> {
        let entity = Entity::new(code.into(), unit.into(), device)?;
        Some((entity.what, entity.scale()?.unit, entity.slug()))
    }

    #[test]
    fn registers_by_code_and_device() {
        let of = |what, unit, slug: &str| Some((what, unit, slug.to_owned()));
        assert_eq!(entity("1-0:1.8.0", "Wh", None), of(What::Import, "kWh", "import_1-0_1_8_0"));
        assert_eq!(entity("1-0:2.8.2", "Wh", None), of(What::Export, "kWh", "export_1-0_2_8_2"));
        assert_eq!(entity("7-0:3.0.0", "L", None), of(What::Gas, "m³", "gas_7-0_3_0_0"));
        assert_eq!(entity("0-1:24.2.1", "m3", Some(3)), of(What::Gas, "m³", "gas_0-1_24_2_1"));
        assert_eq!(entity("0-2:24.2.1", "m3", Some(7)), of(What::Water, "m³", "water_0-2_24_2_1"));
        assert_eq!(entity("0-4:24.2.1", "GJ", Some(4)), of(What::Heat, "GJ", "heat_0-4_24_2_1"));
        for (code, unit, device) in [
            ("1-0:1.8.0", "m3", None),
            ("1-0:3.8.0", "Wh", None),
            ("0-1:24.2.1", "m3", Some(2)),
            ("0-1:24.2.1", "GJ", Some(3)),
            ("a secret/topic/#", "Wh", None),
            ("1-0:1.8.0/+", "Wh", None),
            ("", "", None),
        ] {
            assert_eq!(entity(code, unit, device), None, "{code} {unit}");
        }
        assert!(Entity::new(format!("1-0:1.8.{}", "0".repeat(40)), "Wh".into(), None).is_none());
        let tariff = Entity::new("1-0:1.8.2".into(), "Wh".into(), None).unwrap();
        assert_eq!(tariff.title(), "Energy imported, tariff 2");
    }

    #[test]
    fn numbers_are_exact() {
        let scale = |code: &str, unit: &str| Entity::new(code.into(), unit.into(), None).unwrap().scale().unwrap();
        let (kwh, gas) = (scale("1-0:1.8.0", "Wh"), scale("0-1:24.2.1", "m3"));
        for (total, decimal) in [
            (0, "0"),
            (1, "0.0000001"),
            (10_000_000, "1"),
            (12_345_678_901, "1234.5678901"),
            (u64::MAX, "1844674407370.9551615"),
        ] {
            assert_eq!(kwh.decimal(total), decimal);
        }
        assert_eq!(gas.decimal(12_345_670), "1234.567");
        assert_eq!(gas.decimal(100_000_000), "10000");
    }

    #[test]
    fn a_meter_is_called_by_its_key() {
        assert_eq!(meter_name(&[7; 32]), meter_name(&[7; 32]));
        assert_ne!(meter_name(&[7; 32]), meter_name(&[8; 32]));
        assert_eq!(meter_name(&[7; 32]).len(), 12);
    }
}
