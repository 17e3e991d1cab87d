//! What of a meter's current readings can be published, and in which unit: anything that is not named here never leaves.

use protocol::metrology::keys::hash;

use crate::api::What;

/// Longest code of a register that is published.
const LONGEST_CODE: usize = 32;
/// Digits behind the point of what the gateway shows.
const DIGITS: u32 = 4;

/// A value of a meter that can be published, by what names it. This is the one key of it: topics, its unique name, what is
/// believed of it and what the list says all follow from it, and it stays while the register has its code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entity {
    /// Its kind.
    pub what: What,
    /// The register's code; none for power.
    pub code: Option<String>,
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
    /// Watts.
    pub(crate) const POWER: Self = Self { unit: "W", shift: 0 };

    /// For what is told in this unit; none when it is not one for its kind.
    fn of(what: What, unit: &str) -> Option<Self> {
        let scale = |unit, shift| Some(Self { unit, shift });
        match (what, unit) {
            (What::Import | What::Export | What::Heat, "Wh") => scale("kWh", 3),
            (What::Import | What::Export | What::Heat, "kWh") => scale("kWh", 0),
            (What::Heat, "GJ") => scale("GJ", 0),
            (What::Heat, "MJ") => scale("MJ", 0),
            (What::Gas | What::Water, "m3") => scale("m³", 0),
            (What::Gas | What::Water, "L" | "dm3") => scale("m³", 3),
            _ => None,
        }
    }

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
    pub(crate) const POWER: Self = Self { what: What::Power, code: None };

    /// What a register is published as, and in which unit; none when nobody could say what it counts, or the unit is not
    /// one for its kind. `device` is what it counts, as an M-Bus device type.
    pub(crate) fn of(code: &str, unit: &str, device: Option<u8>) -> Option<(Self, Scale)> {
        let plain = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":.-*".contains(&byte));
        if code.len() > LONGEST_CODE || !plain {
            return None;
        }
        let what = what(code, device)?;
        Some((Self { what, code: Some(code.to_owned()) }, Scale::of(what, unit)?))
    }

    /// Its part of topics and of its unique name, each value's own: a code as it is usually written, `A-B:C.D.E` or
    /// `A-B:C.D.E*F`, can be read back from it, and another one has a hash that tells it apart.
    pub(crate) fn slug(&self) -> String {
        let Some(code) = &self.code else { return self.what.name().to_owned() };
        let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        let slug = format!("{}_{}", self.what.name(), code.chars().map(safe).collect::<String>());
        let separators: String = code.chars().filter(|c| ":.*".contains(*c)).collect();
        if separators == ":.." || separators == ":..*" {
            return slug;
        }
        format!("{slug}__{}", hex::encode(&hash("wattseal/v1/published-register", &[code.as_bytes()])[..4]))
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
        match self.code.as_deref().and_then(fields) {
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
        let (entity, scale) = Entity::of(code, unit, device)?;
        Some((entity.what, scale.unit, entity.slug()))
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
        assert!(Entity::of(&format!("1-0:1.8.{}", "0".repeat(40)), "Wh", None).is_none());
        let (tariff, _) = Entity::of("1-0:1.8.2", "Wh", None).unwrap();
        assert_eq!(tariff.title(), "Energy imported, tariff 2");
    }

    #[test]
    fn each_code_has_a_name_of_its_own_and_a_register_one_name() {
        let slug = |code: &str| Entity::of(code, "Wh", None).unwrap().0.slug();
        // Frozen: what Home Assistant has stored refers to it.
        for (code, frozen) in [
            ("1-0:1.8.0", "import_1-0_1_8_0"),
            ("1-0:1.8.0*255", "import_1-0_1_8_0_255"),
            ("1-0:1.8*0", "import_1-0_1_8_0__358d220f"),
        ] {
            assert_eq!(slug(code), frozen);
        }
        let codes = ["1-0:1.8.0", "1-0:1.8*0", "1-0:1*8.0", "1-0:1.8.0*255", "1-0:1.8.0.255", "1-.0:1.8.0"];
        let slugs: std::collections::BTreeSet<String> = codes.into_iter().map(slug).collect();
        assert_eq!(slugs.len(), codes.len(), "{slugs:?}");
        // A register that tells its device or its unit later, or otherwise, is the same one.
        let entity = |unit, device| Entity::of("0-1:24.2.1", unit, device).unwrap().0;
        assert_eq!(entity("m3", None), entity("L", Some(3)));
        assert_ne!(entity("m3", None), entity("m3", Some(7)), "water is no gas");
    }

    #[test]
    fn numbers_are_exact() {
        let scale = |code: &str, unit: &str| Entity::of(code, unit, None).unwrap().1;
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
