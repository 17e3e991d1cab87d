//! Lists of the Norwegian HAN port. Power in watts, totals of Aidon and Kamstrup in 10 Wh, of Kaifa in Wh.

use super::data::{Data, Deviation, Obis, unit};
use super::{Dialect, List};
use crate::plain::state::{Clock, State};

/// Nothing is said about UTC.
const UNSAID: Deviation = Deviation::Bytes([0xff, 0x80, 0x00, 0x00]);
/// Aidon writes zeros.
const ZERO: Deviation = Deviation::Bytes([0xff, 0x00, 0x00, 0x00]);
/// Wh and 10 Wh in 10⁻⁴ Wh.
const WH: u64 = 10_000;
const TEN_WH: u64 = 100_000;
/// mW in a watt.
const WATT: u64 = 1000;

fn power(direction: u8) -> Obis {
    [1, 0, direction, 7, 0, 255]
}

/// The time at which a list is sent: totals of the hour a little later.
fn sent(dialect: Dialect, list: List, state: &State) -> Clock {
    let late = if list == List::Totals { dialect.lag() } else { 0 };
    Clock { unix: state.clock.unix.saturating_add(late), ..state.clock }
}

/// The sixteen digits on the meter, of which the first are its maker's.
fn gsin(maker: &str, state: &State) -> String {
    format!("{maker}{:08}", state.number)
}

/// An array of structures: code, value, and for numbers scaler and unit. Without a date in the header.
pub(super) fn aidon(list: List, state: &State) -> Vec<u8> {
    let mut data = Data::notification(0x4000_0000);
    data.put(&[0]);
    let measured = |data: &mut Data, code: Obis, value: u64, scaler: i8, unit: u8| {
        data.structure(3).obis(code).double(value).scaled(scaler, unit);
    };
    if list == List::Power {
        data.array(1);
        measured(&mut data, power(1), state.power_import / WATT, 0, unit::WATT);
        return data.0;
    }
    data.array(if list == List::Totals { 14 } else { 9 });
    data.structure(2).obis([1, 1, 0, 2, 129, 255]).visible("AIDON_V0001");
    data.structure(2).obis([0, 0, 96, 1, 0, 255]).visible(&gsin("73599928", state));
    data.structure(2).obis([0, 0, 96, 1, 7, 255]).visible("6515");
    measured(&mut data, power(1), state.power_import / WATT, 0, unit::WATT);
    measured(&mut data, power(2), state.power_export / WATT, 0, unit::WATT);
    measured(&mut data, power(3), 0, 0, unit::VAR);
    measured(&mut data, power(4), 226, 0, unit::VAR);
    let amperes = i16::try_from(state.milliamperes() / 100).unwrap_or(i16::MAX);
    data.structure(3).obis([1, 0, 31, 7, 0, 255]).long_signed(amperes).scaled(-1, unit::AMPERE);
    data.structure(3).obis([1, 0, 32, 7, 0, 255]).long(2301).scaled(-1, unit::VOLT);
    if list == List::Totals {
        let mut date = Data::default();
        // The hour itself, though it is sent later.
        date.date(&state.clock, ZERO);
        data.structure(2).obis([0, 0, 1, 0, 0, 255]).octets(&date.0);
        measured(&mut data, [1, 0, 1, 8, 0, 255], state.import.total() / TEN_WH, 1, unit::WATT_HOUR);
        measured(&mut data, [1, 0, 2, 8, 0, 255], state.export.total() / TEN_WH, 1, unit::WATT_HOUR);
        measured(&mut data, [1, 0, 3, 8, 0, 255], 14, 1, unit::VAR_HOUR);
        measured(&mut data, [1, 0, 4, 8, 0, 255], 3150, 1, unit::VAR_HOUR);
    }
    data.0
}

/// Values in a fixed order, without codes; the date in the header has a type.
pub(super) fn kaifa(list: List, state: &State) -> Vec<u8> {
    let clock = sent(Dialect::Kaifa, list, state);
    let mut data = Data::notification(0x4000_0000);
    data.put(&[0x09, 12]).date(&clock, UNSAID);
    if list == List::Power {
        data.structure(1).double(state.power_import / WATT);
        return data.0;
    }
    data.structure(if list == List::Totals { 18 } else { 13 });
    data.octets(b"KFM_001").octets(gsin("69706314", state).as_bytes()).octets(b"MA304H3E");
    data.double(state.power_import / WATT).double(state.power_export / WATT).double(0).double(51);
    data.double(state.milliamperes()).double(0).double(0);
    data.double(2325).double(0).double(2345);
    if list == List::Totals {
        let mut date = Data::default();
        date.date(&clock, UNSAID);
        data.octets(&date.0);
        data.double(state.import.total() / WH).double(state.export.total() / WH).double(2163).double(7845);
    }
    data.0
}

/// Codes and values in turn; codes say 1.1 where others say 1.0. The date in the header has no type.
pub(super) fn kamstrup(list: List, state: &State) -> Vec<u8> {
    let clock = sent(Dialect::Kamstrup, list, state);
    let mut data = Data::notification(0);
    data.put(&[12]).date(&clock, UNSAID);
    data.structure(if list == List::Totals { 35 } else { 25 });
    let code = |c: u8, d: u8| [1, 1, c, d, 0, 255];
    data.visible("Kamstrup_V0001");
    data.obis([1, 1, 0, 0, 5, 255]).visible(&format!("57065672{:08}", state.number));
    data.obis([1, 1, 96, 1, 1, 255]).visible("684113BN2451010909");
    data.obis(code(1, 7)).double(state.power_import / WATT).obis(code(2, 7)).double(state.power_export / WATT);
    data.obis(code(3, 7)).double(104).obis(code(4, 7)).double(0);
    data.obis(code(31, 7)).double(state.milliamperes() / 10).obis(code(51, 7)).double(0).obis(code(71, 7)).double(0);
    data.obis(code(32, 7)).long(232).obis(code(52, 7)).long(233).obis(code(72, 7)).long(236);
    if list == List::Totals {
        let mut date = Data::default();
        date.date(&clock, UNSAID);
        data.obis([0, 1, 1, 0, 0, 255]).octets(&date.0);
        data.obis(code(1, 8)).double(state.import.total() / TEN_WH);
        data.obis(code(2, 8)).double(state.export.total() / TEN_WH);
        data.obis(code(3, 8)).double(15).obis(code(4, 8)).double(6081);
    }
    data.0
}
