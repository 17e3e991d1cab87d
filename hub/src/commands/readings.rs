//! `readings`: the household's own view of what is stored.

use gateway_core::gaps;
use protocol::metrology::label::Status;
use protocol::show;
use protocol::time::Span;
use serde_json::json;

use super::{Answer, Outcome};
use crate::Failure;
use crate::dates::Calendar;
use crate::home::Home;

/// `wattseal readings --from A --to B`
///
/// # Errors
/// When the times are not times or the store fails.
pub fn readings(home: &Home, from: &str, to: &str, zone: &str, register: Option<&str>) -> Outcome {
    let calendar = Calendar::named(zone)?;
    let span = Span { from: calendar.moment(from)?, until: calendar.moment(to)? };
    if span.from >= span.until {
        return Err(Failure::refused("empty-period", "the end must come after the start"));
    }
    let store = home.open()?;
    let mut text = String::new();
    let mut list = Vec::new();
    for state in gaps::registers(&store)? {
        if register.is_some_and(|wanted| wanted != state.register.code) {
            continue;
        }
        let unit = &state.register.unit;
        let mut total = 0;
        let mut rows = Vec::new();
        for block in store.blocks(state.register.id, &span)? {
            let seconds = block.header.register.interval.seconds();
            let starts = (0u64..).map(|slot| block.header.span().from + slot * seconds);
            for (place, (start, value)) in starts.zip(block.readings.iter()).enumerate() {
                if start < span.from || start >= span.until {
                    continue;
                }
                let status = block.header.status_at(place);
                let name = show::status(status);
                let at = calendar.show(start);
                let note = if status == Status::Measured { String::new() } else { format!("  {name}") };
                text.push_str(&format!("{at}  {:<12} {value:>6} {unit}{note}\n", state.register.code));
                rows.push(json!({ "start": at, "seconds": seconds, "value": if status == Status::Missing { None } else { Some(*value) }, "status": name }));
                total += u64::from(*value);
            }
        }
        text.push_str(&format!(
            "{} intervals of {}, {} in all\n",
            rows.len(),
            state.register.code,
            show::energy(total, unit)
        ));
        list.push(json!({ "register": state.register.code, "unit": unit, "total": total, "readings": rows }));
    }
    Ok(Answer::done(text.trim_end().into(), json!({ "registers": list })))
}
