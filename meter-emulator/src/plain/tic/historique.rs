//! Groups of the historique output, contract by contract. It knows no export.

use super::{Dialect, Group};
use crate::plain::state::{State, fixed};

pub(super) fn groups(dialect: Dialect, state: &State) -> Vec<Group> {
    let [low, high] = state.import.rates;
    let wh = |value| fixed(value, 4, 9, 0);
    let day = state.rate > 0;
    let mut groups = vec![Group::new("ADCO", format!("0316{:08}", state.number))];
    match dialect {
        Dialect::Hours => {
            groups.push(Group::new("OPTARIF", "HC.."));
            groups.push(Group::new("ISOUSC", "45"));
            groups.push(Group::new("HCHC", wh(low)));
            groups.push(Group::new("HCHP", wh(high)));
            groups.push(Group::new("PTEC", if day { "HP.." } else { "HC.." }));
        }
        Dialect::Tempo => {
            groups.push(Group::new("OPTARIF", "BBR("));
            groups.push(Group::new("ISOUSC", "45"));
            // A contract that has seen blue days alone.
            groups.push(Group::new("BBRHCJB", wh(low)));
            groups.push(Group::new("BBRHPJB", wh(high)));
            for label in ["BBRHCJW", "BBRHPJW", "BBRHCJR", "BBRHPJR"] {
                groups.push(Group::new(label, wh(0)));
            }
            groups.push(Group::new("PTEC", if day { "HPJB" } else { "HCJB" }));
            groups.push(Group::new("DEMAIN", "----"));
        }
        Dialect::Base | Dialect::Standard => {
            groups.push(Group::new("OPTARIF", "BASE"));
            groups.push(Group::new("ISOUSC", "30"));
            groups.push(Group::new("BASE", wh(state.import.total())));
            groups.push(Group::new("PTEC", "TH.."));
        }
    }
    let amperes = fixed(if state.power_import > 0 { state.milliamperes() } else { 0 }, 3, 3, 0);
    groups.push(Group::new("IINST", amperes));
    groups.push(Group::new("IMAX", "090"));
    groups.push(Group::new("PAPP", fixed(state.power_import, 3, 5, 0)));
    groups.push(Group::new("HHPHC", "A"));
    groups.push(Group::new("MOTDETAT", "000000"));
    groups
}
