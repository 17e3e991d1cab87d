//! Swiss pushes: Landis+Gyr's list of attributes with their values behind it, and the self-describing form of others.

use super::data::{Data, Deviation, Obis, unit};
use crate::plain::state::State;

/// Push set-up of the port, and its class.
const PUSH: Obis = [0, 8, 25, 9, 0, 255];
const PUSH_CLASS: u16 = 40;
const UNSAID: Deviation = Deviation::Bytes([0xff, 0x80, 0x00, 0x00]);

fn number(state: &State) -> String {
    format!("{:08}", state.number)
}

/// E450: first which attributes, each as class, code, attribute and index, then their values without units: Wh and W.
pub(super) fn attributes(state: &State) -> Vec<u8> {
    let code = |c: u8| -> Obis { [1, 1, c, 8, 0, 255] };
    let mut data = Data::notification(state.sequence & 0x00ff_ffff);
    data.put(&[12]).date(&state.clock, UNSAID);
    data.structure(14).array(14);
    let mut attribute = |class: u16, code: Obis, attribute: i8| {
        data.structure(4).long(class).obis(code).integer(attribute).long(0);
    };
    attribute(PUSH_CLASS, PUSH, 2);
    attribute(PUSH_CLASS, PUSH, 1);
    attribute(1, [0, 0, 96, 1, 0, 255], 2);
    attribute(3, [1, 0, 1, 7, 0, 255], 2);
    attribute(3, [1, 0, 2, 7, 0, 255], 2);
    for c in [1, 2, 5, 6, 7, 8] {
        attribute(3, code(c), 2);
    }
    for c in [31, 51, 71] {
        attribute(3, [1, 0, c, 7, 0, 255], 2);
    }
    // The list stands for its own value; the rest follows.
    data.obis(PUSH).octets(number(state).as_bytes());
    data.double(state.power_import / 1000).double(state.power_export / 1000);
    data.double(state.import.total() / 10_000).double(state.export.total() / 10_000);
    data.double(1202).double(0).double(0).double(9310);
    let amperes = u16::try_from(state.milliamperes() / 10).unwrap_or(u16::MAX);
    data.long(amperes).long(0).long(0);
    data.0
}

/// Number and date, then code, value and unit in turn. Totals with their rates.
pub(super) fn units(state: &State) -> Vec<u8> {
    let mut data = Data::notification(state.sequence & 0x00ff_ffff);
    data.put(&[12]).date(&state.clock, Deviation::Stated);
    data.structure(2 + 3 * 7);
    data.obis([0, 0, 96, 1, 0, 255]).octets(number(state).as_bytes());
    let mut measured = |c: u8, d: u8, e: u8, value: u64, unit: u8| {
        data.obis([1, 0, c, d, e, 255]).double(value).scaled(0, unit);
    };
    measured(1, 7, 0, state.power_import / 1000, unit::WATT);
    measured(2, 7, 0, state.power_export / 1000, unit::WATT);
    measured(1, 8, 0, state.import.total() / 10_000, unit::WATT_HOUR);
    let [low, high] = state.import.rates;
    measured(1, 8, 1, low / 10_000, unit::WATT_HOUR);
    measured(1, 8, 2, high / 10_000, unit::WATT_HOUR);
    measured(2, 8, 0, state.export.total() / 10_000, unit::WATT_HOUR);
    measured(3, 8, 0, 1202, unit::VAR_HOUR);
    data.0
}
