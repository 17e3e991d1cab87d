//! The protocols by name, and what they have in common: a line's settings, a cadence, digits, possible quirks.

use super::quirk::{Quirk, Quirks};
use super::state::Register;
use super::{Keys, d0, dlms, json, ocmf, p1, sml, tic};

/// A protocol in one of its dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Text of the Dutch customer port.
    P1(p1::Dialect),
    /// Smart Message Language.
    Sml(sml::Dialect),
    /// DLMS/COSEM push.
    Dlms(dlms::Dialect),
    /// Linky.
    Tic(tic::Dialect),
    /// IEC 62056-21.
    D0(d0::Dialect),
    /// Signed records of charging stations.
    Ocmf(ocmf::Dialect),
    /// Bridges to a broker.
    Json(json::Dialect),
}

/// A name that no protocol or dialect has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} {name}; there are: {known}")]
pub struct UnknownProtocol {
    what: &'static str,
    name: String,
    known: String,
}

/// Bits of a byte on a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Eight, no parity.
    EightNone,
    /// Eight, even parity.
    EightEven,
    /// Seven, even parity.
    SevenEven,
}

/// Energy that a register's last digit stands for, in 10⁻⁴ Wh, and what is printed.
enum Digits {
    /// Each rate by itself: a reader adds what was cut already.
    Rates(u64),
    /// The total.
    Total(u64),
}

const WH: u64 = 10_000;

impl Protocol {
    /// All of them, in all dialects; the first of each protocol is its usual one.
    #[must_use]
    pub fn all() -> Vec<Self> {
        use p1::Dialect::{Austria, Dsmr2, Dsmr4, Dsmr5, Fluvius, Luxembourg, Sweden};
        let mut all: Vec<_> = [Dsmr5, Dsmr4, Dsmr2, Fluvius, Sweden, Luxembourg, Austria].map(Self::P1).to_vec();
        all.extend(sml::Dialect::ALL.map(Self::Sml));
        all.extend(dlms::Dialect::ALL.map(Self::Dlms));
        all.extend(tic::Dialect::ALL.map(Self::Tic));
        all.extend(d0::Dialect::ALL.map(Self::D0));
        all.extend(ocmf::Dialect::ALL.map(Self::Ocmf));
        all.extend(json::Dialect::ALL.map(Self::Json));
        all
    }

    /// A protocol by its name, in a dialect or its usual one.
    ///
    /// # Errors
    /// When there is none of that name; says which there are.
    pub fn named(name: &str, dialect: Option<&str>) -> Result<Self, UnknownProtocol> {
        let all = Self::all();
        let known = |mut names: Vec<&str>| {
            names.dedup();
            names.join(", ")
        };
        let unknown = |what, name: &str, known| UnknownProtocol { what, name: name.to_owned(), known };
        let of: Vec<_> = all.iter().filter(|protocol| protocol.name() == name).copied().collect();
        let Some(first) = of.first() else {
            return Err(unknown("protocol", name, known(all.iter().map(|one| one.name()).collect())));
        };
        let Some(dialect) = dialect else { return Ok(*first) };
        let found = of.iter().find(|protocol| protocol.dialect() == dialect).copied();
        found.ok_or_else(|| unknown("dialect", dialect, known(of.iter().map(|one| one.dialect()).collect())))
    }

    /// The protocol's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::P1(_) => "p1",
            Self::Sml(_) => "sml",
            Self::Dlms(_) => "dlms",
            Self::Tic(_) => "tic",
            Self::D0(_) => "d0",
            Self::Ocmf(_) => "ocmf",
            Self::Json(_) => "json",
        }
    }

    /// The protocol's name where meters are read: in profiles, and for `wattseal decode`.
    #[must_use]
    pub fn read_as(self) -> &'static str {
        match self {
            Self::P1(_) => "dsmr-p1",
            Self::Sml(_) => "sml",
            Self::Dlms(_) => "dlms-han",
            Self::Tic(_) => "teleinfo",
            Self::D0(_) => "d0",
            Self::Ocmf(_) => "ocmf",
            Self::Json(_) => "mqtt",
        }
    }

    /// The dialect's name.
    #[must_use]
    pub fn dialect(self) -> &'static str {
        match self {
            Self::P1(dialect) => dialect.name(),
            Self::Sml(dialect) => dialect.name(),
            Self::Dlms(dialect) => dialect.name(),
            Self::Tic(dialect) => dialect.name(),
            Self::D0(dialect) => dialect.name(),
            Self::Ocmf(dialect) => dialect.name(),
            Self::Json(dialect) => dialect.name(),
        }
    }

    /// Whether it cannot do without a key.
    #[must_use]
    pub fn is_encrypted(self) -> bool {
        match self {
            Self::P1(dialect) => dialect.is_encrypted(),
            Self::Dlms(dialect) => dialect.is_encrypted(),
            _ => false,
        }
    }

    /// [`Keys::EXAMPLE`] and [`Keys::PUBLISHED`], where it cannot do without.
    #[must_use]
    pub fn example_keys(self) -> Option<Keys> {
        self.is_encrypted().then(|| Keys::new(Keys::EXAMPLE, Some(Keys::PUBLISHED)))
    }

    /// Whether it can be encrypted.
    #[must_use]
    pub fn can_encrypt(self) -> bool {
        self.is_encrypted() || matches!(self, Self::Dlms(_))
    }

    /// Bits a second and format of its serial line.
    #[must_use]
    pub fn line(self) -> (u32, Format) {
        match self {
            Self::P1(p1::Dialect::Dsmr2) => (9600, Format::SevenEven),
            Self::P1(_) => (115_200, Format::EightNone),
            Self::Dlms(dlms::Dialect::Aidon | dlms::Dialect::Kamstrup) => (2400, Format::EightNone),
            Self::Dlms(_) => (2400, Format::EightEven),
            Self::Tic(tic::Dialect::Standard) => (9600, Format::SevenEven),
            Self::Tic(_) => (1200, Format::SevenEven),
            Self::D0(d0::Dialect::ModeC) => (d0::FIRST_BAUD, Format::SevenEven),
            Self::D0(d0::Dialect::ModeD) => (9600, Format::SevenEven),
            Self::Sml(_) | Self::Ocmf(_) | Self::Json(_) => (9600, Format::EightNone),
        }
    }

    /// Seconds between its frames. Meters with hourly lists send shorter ones in between.
    #[must_use]
    pub fn cadence(self) -> u32 {
        match self {
            Self::P1(p1::Dialect::Dsmr5 | p1::Dialect::Fluvius) | Self::Tic(tic::Dialect::Standard) => 1,
            Self::Sml(_) | Self::Tic(_) | Self::D0(d0::Dialect::ModeD) => 2,
            Self::Dlms(dialect) if !dialect.is_hourly() => 5,
            Self::P1(_) | Self::Dlms(_) | Self::Json(_) => 10,
            Self::D0(d0::Dialect::ModeC) => 60,
            Self::Ocmf(_) => 900,
        }
    }

    /// The maker whose meter is played.
    #[must_use]
    pub fn maker(self) -> [u8; 3] {
        match self {
            Self::P1(p1::Dialect::Fluvius) => *b"FLU",
            Self::P1(p1::Dialect::Sweden) => *b"ELL",
            Self::P1(p1::Dialect::Luxembourg) => *b"Lux",
            Self::P1(p1::Dialect::Austria) => *b"EST",
            Self::P1(_) => *b"ISK",
            Self::Sml(sml::Dialect::Dzg) => *b"DZG",
            Self::Sml(sml::Dialect::Emh) => *b"EMH",
            Self::Dlms(dlms::Dialect::Aidon) => *b"AID",
            Self::Dlms(dlms::Dialect::Kaifa | dlms::Dialect::Austria) => *b"KFM",
            Self::Dlms(dlms::Dialect::Kamstrup) => *b"KAM",
            Self::Dlms(dlms::Dialect::Sagemcom) | Self::Tic(_) => *b"SAG",
            Self::Dlms(dlms::Dialect::Landis | dlms::Dialect::Swiss) | Self::D0(d0::Dialect::ModeC) => *b"LGZ",
            Self::D0(d0::Dialect::ModeD) => *b"ESY",
            Self::Ocmf(_) => *b"CGE",
            Self::Json(_) => *b"ISK",
        }
    }

    /// What its registers show of import and export: cut as printed. No export where the protocol has none.
    #[must_use]
    pub fn shown(self, quirks: Quirks, import: &Register, export: &Register) -> (u64, Option<u64>) {
        let digits = match self {
            Self::P1(dialect) if dialect.by_rate() => Digits::Rates(WH),
            Self::Sml(_) if quirks.has(Quirk::PinLocked) => Digits::Total(1000 * WH),
            Self::Sml(_) | Self::Json(json::Dialect::Tasmota) => Digits::Total(WH / 10),
            Self::Dlms(dlms::Dialect::Aidon | dlms::Dialect::Kamstrup) => Digits::Total(10 * WH),
            Self::Json(json::Dialect::Zigbee2Mqtt) => Digits::Total(10 * WH),
            Self::Json(json::Dialect::Shelly) => Digits::Total(WH / 100),
            Self::Json(json::Dialect::DsmrReader | json::Dialect::EspHome) => Digits::Rates(WH),
            Self::Tic(tic::Dialect::Hours | tic::Dialect::Tempo) => Digits::Rates(WH),
            Self::D0(d0::Dialect::ModeD) => Digits::Total(1),
            Self::Ocmf(_) => Digits::Total(WH / 10),
            _ => Digits::Total(WH),
        };
        let cut = |register: &Register| match digits {
            Digits::Rates(step) => register.rates.iter().map(|rate| rate / step * step).sum(),
            Digits::Total(step) => register.total() / step * step,
        };
        let exports =
            !matches!(self, Self::Tic(tic::Dialect::Base | tic::Dialect::Hours | tic::Dialect::Tempo) | Self::Ocmf(_));
        (cut(import), exports.then(|| cut(export)))
    }

    /// Whether a meter of this kind can have a quirk.
    #[must_use]
    pub fn can(self, quirk: Quirk) -> bool {
        let hourly = matches!(self, Self::Dlms(dialect) if dialect.is_hourly());
        let seven = self.line().1 == Format::SevenEven;
        match quirk {
            Quirk::ClockReset => self.has_clock(),
            Quirk::MomentaryZero => !matches!(self, Self::Ocmf(_)),
            Quirk::HourlyTotals => !hourly && !matches!(self, Self::Ocmf(_)),
            Quirk::StaleRepeat => hourly,
            Quirk::NonAscii => matches!(self, Self::P1(_) | Self::Tic(_) | Self::D0(_)),
            Quirk::UnsignedPower => matches!(self, Self::Sml(sml::Dialect::Dzg)),
            Quirk::PinLocked => matches!(self, Self::Sml(_)),
            Quirk::ShortCrc => matches!(self, Self::P1(dialect) if dialect != p1::Dialect::Dsmr2),
            Quirk::MergedLines => matches!(self, Self::Tic(_)),
            Quirk::ParityBits => seven,
        }
    }

    fn has_clock(self) -> bool {
        match self {
            Self::P1(dialect) => dialect != p1::Dialect::Dsmr2,
            Self::Tic(dialect) => dialect == tic::Dialect::Standard,
            Self::D0(dialect) => dialect == d0::Dialect::ModeC,
            Self::Json(dialect) => !matches!(dialect, json::Dialect::Shelly | json::Dialect::EspHome),
            Self::Sml(_) => false,
            Self::Dlms(_) | Self::Ocmf(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for protocol in Protocol::all() {
            assert_eq!(Protocol::named(protocol.name(), Some(protocol.dialect())), Ok(protocol));
        }
        assert_eq!(Protocol::named("p1", None), Ok(Protocol::P1(p1::Dialect::Dsmr5)));
        let message = Protocol::named("modbus", None).unwrap_err().to_string();
        assert_eq!(message, "there is no protocol modbus; there are: p1, sml, dlms, tic, d0, ocmf, json");
        assert!(Protocol::named("sml", Some("iskra")).unwrap_err().to_string().ends_with("there are: emh, dzg"));
    }

    #[test]
    fn registers_show_what_is_printed() {
        let (import, export) = (Register { rates: [19_999, 29_999] }, Register { rates: [0, 12_345] });
        let shown =
            |name, dialect| Protocol::named(name, Some(dialect)).unwrap().shown(Quirks::default(), &import, &export);
        assert_eq!(shown("p1", "dsmr5"), (30_000, Some(10_000)));
        assert_eq!(shown("p1", "sweden"), (40_000, Some(10_000)));
        assert_eq!(shown("sml", "emh"), (49_000, Some(12_000)));
        assert_eq!(shown("tic", "base"), (40_000, None));
        assert_eq!(shown("d0", "mode-d"), (49_998, Some(12_345)));
    }
}
