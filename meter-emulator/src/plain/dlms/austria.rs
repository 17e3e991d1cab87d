//! The list of Austria's customer port, as Netz NÖ describes it: code, value, and scaler with unit, in turn.

use super::data::{Data, Deviation, Obis, unit};
use crate::plain::state::State;

/// The meter hangs on one phase.
const TENTHS_OF_VOLTS: u16 = 2337;

pub(super) fn list(state: &State) -> Vec<u8> {
    let mut data = Data::notification(0x8000_0000 | state.uptime & 0x00ff_ffff);
    data.put(&[12]).date(&state.clock, Deviation::Stated);
    data.structure(35);
    let mut date = Data::default();
    date.date(&state.clock, Deviation::Stated);
    data.octets(&date.0);
    let code = |c: u8, d: u8| -> Obis { [1, 0, c, d, 0, 255] };
    data.obis(code(1, 8)).double(state.import.total() / 10_000).scaled(0, unit::WATT_HOUR);
    data.obis(code(2, 8)).double(state.export.total() / 10_000).scaled(0, unit::WATT_HOUR);
    data.obis(code(1, 7)).double(state.power_import / 1000).scaled(0, unit::WATT);
    data.obis(code(2, 7)).double(state.power_export / 1000).scaled(0, unit::WATT);
    for (phase, volts) in [(32, TENTHS_OF_VOLTS), (52, 0), (72, 0)] {
        data.obis(code(phase, 7)).long(volts).scaled(-1, unit::VOLT);
    }
    let amperes = u16::try_from(state.milliamperes() / 10).unwrap_or(u16::MAX);
    for (phase, amperes) in [(31, amperes), (51, 0), (71, 0)] {
        data.obis(code(phase, 7)).long(amperes).scaled(-2, unit::AMPERE);
    }
    data.obis(code(13, 7)).long(1000).scaled(-3, unit::NONE);
    data.octets(format!("1812{:08}", state.number).as_bytes());
    data.0
}
