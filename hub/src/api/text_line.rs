//! Lines to meters, as a person reads them.

use super::Lines;

pub(super) fn lines(lines: &Lines) -> String {
    if lines.lines.is_empty() {
        return "No line to a meter yet. Add one with: wattseal line add serial:/dev/serial/by-id/…".into();
    }
    let mut text = String::new();
    for line in &lines.lines {
        let state = &line.state;
        let word = match (&state.why, state.up) {
            (_, true) => "open".to_owned(),
            (Some(why), false) => format!("closed: {why}"),
            (None, false) if state.running => "being opened".to_owned(),
            (None, false) => "no gateway is running".to_owned(),
        };
        text.push_str(&format!("line {}  {}  {word}\n", line.line, line.address));
        if let Some(meter) = &state.meter {
            let whose = if line.profile.is_some() {
                "a plain meter, sealed by this gateway: for your own audit, never certified"
            } else if state.paired {
                "paired with this home"
            } else if state.paired_elsewhere {
                "paired with another household since"
            } else {
                "not paired with this home"
            };
            text.push_str(&format!("  meter {meter}: {whose}\n"));
        }
        if state.pairing_open && !state.paired {
            text.push_str(&format!("  it waits for a pairing: wattseal pair --line {}\n", line.line));
        }
        if state.behind > 0 {
            text.push_str(&format!("  fetching its history: {} blocks to go\n", state.behind));
        }
        if let Some(ahead) = state.clock_ahead.filter(|ahead| ahead.abs() > 60) {
            text.push_str(&format!("  its clock is {ahead} seconds ahead of this machine's\n"));
        }
        if state.damaged + state.noise > 0 {
            text.push_str(&format!("  {} damaged frames and {} bytes of noise so far\n", state.damaged, state.noise));
        }
    }
    text
}
