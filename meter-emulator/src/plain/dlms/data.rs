//! Data of COSEM in A-XDR (IEC 62056-6-2, 4.1.5; IEC 62056-5-3): a byte of type, then the value.

use crate::plain::state::Clock;

/// A register's name.
pub(super) type Obis = [u8; 6];

/// Codes of IEC 62056-6-2 for units.
pub(super) mod unit {
    pub(crate) const WATT: u8 = 27;
    pub(crate) const VAR: u8 = 29;
    pub(crate) const WATT_HOUR: u8 = 30;
    pub(crate) const VAR_HOUR: u8 = 32;
    pub(crate) const AMPERE: u8 = 33;
    pub(crate) const VOLT: u8 = 35;
    pub(crate) const NONE: u8 = 255;
}

/// What stands behind a date: hundredths, deviation from UTC, status.
#[derive(Clone, Copy)]
pub(super) enum Deviation {
    /// Not said, or zero where nothing is meant by it.
    Bytes([u8; 4]),
    /// Minutes from local time to UTC, and whether it is summer.
    Stated,
}

/// Appends values to bytes.
#[derive(Default)]
pub(super) struct Data(pub(super) Vec<u8>);

impl Data {
    /// A data-notification up to its date.
    pub(super) fn notification(invoke: u32) -> Self {
        let mut data = Self::default();
        data.0.push(0x0f);
        data.0.extend(invoke.to_be_bytes());
        data
    }

    pub(super) fn array(&mut self, elements: u8) -> &mut Self {
        self.put(&[0x01, elements])
    }

    pub(super) fn structure(&mut self, elements: u8) -> &mut Self {
        self.put(&[0x02, elements])
    }

    /// Bytes of at most 127.
    pub(super) fn octets(&mut self, bytes: &[u8]) -> &mut Self {
        self.put(&[0x09, u8::try_from(bytes.len()).unwrap_or(0)]).put(bytes)
    }

    /// Text of at most 127 characters.
    pub(super) fn visible(&mut self, text: &str) -> &mut Self {
        self.put(&[0x0a, u8::try_from(text.len()).unwrap_or(0)]).put(text.as_bytes())
    }

    pub(super) fn obis(&mut self, code: Obis) -> &mut Self {
        self.octets(&code)
    }

    /// Double-long-unsigned; it rolls over as the register does.
    pub(super) fn double(&mut self, value: u64) -> &mut Self {
        let [_, _, _, _, a, b, c, d] = value.to_be_bytes();
        self.put(&[0x06, a, b, c, d])
    }

    /// Long-unsigned.
    pub(super) fn long(&mut self, value: u16) -> &mut Self {
        let [high, low] = value.to_be_bytes();
        self.put(&[0x12, high, low])
    }

    /// Long.
    pub(super) fn long_signed(&mut self, value: i16) -> &mut Self {
        let [high, low] = value.to_be_bytes();
        self.put(&[0x10, high, low])
    }

    /// Integer.
    pub(super) fn integer(&mut self, value: i8) -> &mut Self {
        let [value] = value.to_be_bytes();
        self.put(&[0x0f, value])
    }

    /// Scaler and unit.
    pub(super) fn scaled(&mut self, scaler: i8, unit: u8) -> &mut Self {
        self.structure(2).integer(scaler).put(&[0x16, unit])
    }

    /// Twelve bytes of date and time, without a type.
    pub(super) fn date(&mut self, clock: &Clock, deviation: Deviation) -> &mut Self {
        let local = clock.local();
        let byte = |value: i8| u8::try_from(value).unwrap_or(0);
        let year = u16::try_from(local.year()).unwrap_or(0).to_be_bytes();
        let weekday = byte(local.date().weekday().to_monday_one_offset());
        self.put(&year).put(&[byte(local.month()), byte(local.day()), weekday]);
        self.put(&[byte(local.hour()), byte(local.minute()), byte(local.second())]);
        match deviation {
            Deviation::Bytes(bytes) => self.put(&bytes),
            Deviation::Stated => {
                let [high, low] = i16::try_from(-clock.offset / 60).unwrap_or(0).to_be_bytes();
                self.put(&[0, high, low, if clock.summer { 0x80 } else { 0 }])
            }
        }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend(bytes);
        self
    }
}
