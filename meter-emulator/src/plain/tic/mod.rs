//! TIC: the customer's information output of Linky and of the meters before it (Enedis-NOI-CPT_54E).
//!
//! ```text
//! STX ( LF label sep [date sep] data sep checksum CR )* ETX
//! ```
//!
//! Historique: 1200 baud 7E1, spaces, checksum without the last separator (mode 1). Standard: 9600 baud 7E1, tabs,
//! checksum with it (mode 2).

mod historique;
mod standard;

use super::check;
use super::quirk::Quirk;
use super::state::State;

/// Which output, and in historique which contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Historique, one price.
    Base,
    /// Historique, full and off-peak hours.
    Hours,
    /// Historique, Tempo: blue, white and red days.
    Tempo,
    /// Standard.
    Standard,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Base, Self::Hours, Self::Tempo, Self::Standard];

    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Hours => "hchp",
            Self::Tempo => "tempo",
            Self::Standard => "standard",
        }
    }
}

/// A group: label, date if it has one, data.
struct Group {
    label: &'static str,
    date: Option<String>,
    data: String,
}

impl Group {
    fn new(label: &'static str, data: impl Into<String>) -> Self {
        Self { label, date: None, data: data.into() }
    }

    fn dated(label: &'static str, date: &str, data: impl Into<String>) -> Self {
        Self { label, date: Some(date.to_owned()), data: data.into() }
    }
}

/// One frame.
#[must_use]
pub fn encode(dialect: Dialect, state: &State) -> Vec<u8> {
    let (groups, separator) = match dialect {
        Dialect::Standard => (standard::groups(state), b'\t'),
        _ => (historique::groups(dialect, state), b' '),
    };
    let merged = state.quirks.has(Quirk::MergedLines).then(|| merged_at(state, groups.len())).flatten();
    let mut out = vec![0x02];
    for (place, group) in groups.iter().enumerate() {
        if merged.is_none_or(|merged| place != merged) {
            out.push(b'\n');
        }
        line(&mut out, group, separator, dialect == Dialect::Standard);
        if merged.is_none_or(|merged| place + 1 != merged) {
            out.push(b'\r');
        }
    }
    out.push(0x03);
    if state.quirks.has(Quirk::NonAscii)
        && let Some(byte) = out.get_mut(4)
    {
        // In the identity: the group's checksum fails, and with it nothing but the group.
        *byte = 0xff;
    }
    out
}

/// The group that runs into the one before it, in one frame of four.
fn merged_at(state: &State, groups: usize) -> Option<usize> {
    let place = usize::try_from(state.sequence / 4).ok()? % groups.max(1);
    (state.sequence.is_multiple_of(4) && place > 0).then_some(place)
}

fn line(out: &mut Vec<u8>, group: &Group, separator: u8, second_mode: bool) {
    let mut text = group.label.as_bytes().to_vec();
    text.push(separator);
    if let Some(date) = &group.date {
        text.extend(date.bytes());
        text.push(separator);
    }
    text.extend(group.data.bytes());
    let first_mode = check::sum(&text);
    text.push(separator);
    let sum = if second_mode { check::sum(&text) } else { first_mode };
    out.extend(text);
    out.push((sum & 0x3f) + 0x20);
}

#[cfg(test)]
mod tests;
