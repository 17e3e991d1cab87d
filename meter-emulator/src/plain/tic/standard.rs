//! Groups of the standard output, with dates where they have one.

use super::Group;
use crate::plain::state::{Clock, State, fixed};

/// `SAAMMJJhhmmss`: the season in small letters when the meter doubts its clock.
fn date(clock: &Clock) -> String {
    let season = match (clock.summer, clock.doubtful) {
        (true, false) => 'E',
        (true, true) => 'e',
        (false, false) => 'H',
        (false, true) => 'h',
    };
    format!("{season}{}", clock.local().strftime("%y%m%d%H%M%S"))
}

pub(super) fn groups(state: &State) -> Vec<Group> {
    let [low, high] = state.import.rates;
    let wh = |value| fixed(value, 4, 9, 0);
    let now = date(&state.clock);
    let mut groups = vec![
        Group::new("ADSC", format!("0316{:08}", state.number)),
        Group::new("VTIC", "02"),
        Group::dated("DATE", &now, ""),
        Group::new("NGTF", " H PLEINE/CREUSE "),
        Group::new("LTARF", if state.rate > 0 { "  HEURE  PLEINE " } else { "  HEURE  CREUSE " }),
        Group::new("EAST", wh(state.import.total())),
        Group::new("EASF01", wh(low)),
        Group::new("EASF02", wh(high)),
    ];
    for label in ["EASF03", "EASF04", "EASF05", "EASF06", "EASF07", "EASF08", "EASF09", "EASF10"] {
        groups.push(Group::new(label, wh(0)));
    }
    groups.push(Group::new("EASD01", wh(low)));
    groups.push(Group::new("EASD02", wh(high)));
    for label in ["EASD03", "EASD04"] {
        groups.push(Group::new(label, wh(0)));
    }
    groups.push(Group::new("EAIT", wh(state.export.total())));
    for (label, data) in [("ERQ1", "000031453"), ("ERQ2", "000000002"), ("ERQ3", "000000001"), ("ERQ4", "000120932")] {
        groups.push(Group::new(label, data));
    }
    groups.push(Group::new("IRMS1", fixed(state.milliamperes(), 3, 3, 0)));
    groups.push(Group::new("URMS1", "230"));
    groups.push(Group::new("PREF", "09"));
    groups.push(Group::new("PCOUP", "09"));
    groups.push(Group::new("SINSTS", fixed(state.power_import, 3, 5, 0)));
    groups.push(Group::dated("SMAXSN", &now, "04000"));
    groups.push(Group::dated("SMAXSN-1", &now, "03980"));
    groups.push(Group::new("SINSTI", fixed(state.power_export, 3, 5, 0)));
    groups.push(Group::dated("SMAXIN", &now, "02100"));
    groups.push(Group::dated("CCASN", &now, fixed(state.power_import, 3, 5, 0)));
    groups.push(Group::dated("CCAIN", &now, fixed(state.power_export, 3, 5, 0)));
    groups.push(Group::dated("UMOY1", &now, "230"));
    groups.push(Group::new("STGE", "003A0101"));
    groups.push(Group::new("MSG1", "PAS DE          MESSAGE         "));
    groups.push(Group::new("PRM", format!("{:014}", state.number)));
    groups.push(Group::new("RELAIS", "000"));
    groups.push(Group::new("NTARF", if state.rate > 0 { "02" } else { "01" }));
    groups.push(Group::new("NJOURF", "00"));
    groups.push(Group::new("NJOURF+1", "00"));
    groups
}
