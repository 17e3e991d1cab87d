//! The household's own view of what is stored.

use gateway_core::{Store, gaps};
use protocol::metrology::label::Status;
use protocol::show;
use protocol::time::Span;

use crate::Failure;
use crate::api::{ReadingRow, Readings, ReadingsAsk, RegisterReadings};
use crate::dates::Calendar;

/// Stored readings.
///
/// # Errors
/// When the times are not times or the store fails.
pub fn readings(store: &Store, ask: &ReadingsAsk) -> Result<Readings, Failure> {
    let calendar = Calendar::named(&ask.zone)?;
    let span = Span { from: calendar.moment(&ask.from)?, until: calendar.moment(&ask.to)? };
    if span.from >= span.until {
        return Err(Failure::refused("empty-period", "the end must come after the start"));
    }
    let mut registers = Vec::new();
    for state in gaps::registers(store)? {
        if ask.register.as_ref().is_some_and(|wanted| *wanted != state.register.code) {
            continue;
        }
        let (mut total, mut rows) = (0, Vec::new());
        for block in store.blocks(state.register.id, &span)? {
            let seconds = block.header.register.interval.seconds();
            let starts = (0u64..).map(|slot| block.header.span().from + slot * seconds);
            for (place, (start, value)) in starts.zip(block.readings.iter()).enumerate() {
                if start < span.from || start >= span.until {
                    continue;
                }
                let status = block.header.status_at(place);
                rows.push(ReadingRow {
                    start: calendar.show(start),
                    seconds,
                    value: (status != Status::Missing).then_some(*value),
                    status: show::status(status).to_owned(),
                });
                total += u64::from(*value);
            }
        }
        registers.push(RegisterReadings {
            register: state.register.code,
            unit: state.register.unit,
            total,
            readings: rows,
        });
    }
    Ok(Readings { registers })
}
