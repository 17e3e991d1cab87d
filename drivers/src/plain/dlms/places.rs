//! Lists that hold values alone. Which stands where is written in the papers of their markets:
//!
//! ```text
//! Norway, Kaifa       P+
//!                     list, number, type, P+ P- Q+ Q-, currents, voltages
//!                     … the same, and the hour: clock, A+ A- R+ R-
//! Austria, AM550      0-6:25.9.0, number, time, date, A+ A- R+ R-, P+ P- Q+ Q-
//! Slovenia            device, number, P+ P- Q+ Q-, voltages, currents, …                       (18 values)
//!                     device, -, -, rate, A+ A+1 A+2 A- A-1 A-2 R+ R-                         (12 values)
//! ```

#![deny(clippy::indexing_slicing)]

use super::axdr::Node;
use super::clock;
use super::list::Said;
use crate::plain::registers::Obis;
use crate::plain::{Fault, Stamp};

const POWER: [Obis; 2] = [Obis([1, 0, 1, 7, 0, 255]), Obis([1, 0, 2, 7, 0, 255])];
const TOTALS: [Obis; 2] = [Obis([1, 0, 1, 8, 0, 255]), Obis([1, 0, 2, 8, 0, 255])];
/// The push object of the Austrian list.
const PUSH: [u8; 6] = [0, 6, 25, 9, 0, 255];

/// Reads a list by its places. A list of no known kind says nothing.
///
/// # Errors
/// [`Fault::OutOfRange`] for a register beyond any.
pub(super) fn read<'a>(nodes: &[Node<'a>], said: &mut Said<'a>) -> Result<(), Fault> {
    let [Node::Holds(count), values @ ..] = nodes else { return Ok(()) };
    match (count, values) {
        (1, [power @ Node::Number(_)]) => {
            said.name(b"KFM");
            take(said, &POWER, &[*power])
        }
        (_, [Node::Octets(push), Node::Octets(number) | Node::Text(number), time, date, rest @ ..])
            if **push == PUSH =>
        {
            said.number(0, number);
            if let Some(stamp) = stamp(*date, *time) {
                said.stamp(stamp);
            }
            take(said, &TOTALS, rest)?;
            take(said, &POWER, rest.get(4..).unwrap_or_default())
        }
        (18, [Node::Octets(device), Node::Octets(_) | Node::Text(_), rest @ ..])
            if rest.len() == 16 && numbers(rest, 16) =>
        {
            said.number(0, device);
            take(said, &POWER, rest)
        }
        (12, [Node::Octets(device), _, _, Node::Octets(_), rest @ ..]) if rest.len() == 8 && numbers(rest, 8) => {
            said.number(0, device);
            let rate = |quantity, rate| Obis([1, 0, quantity, 8, rate, 255]);
            let codes = [rate(1, 0), rate(1, 1), rate(1, 2), rate(2, 0), rate(2, 1), rate(2, 2)];
            take(said, &codes, rest)
        }
        (9.., [list, number, _, rest @ ..]) if numbers(rest, 6) => {
            if let (Node::Octets(list) | Node::Text(list), Node::Octets(number) | Node::Text(number)) = (list, number) {
                said.name(list);
                said.number(0, number);
                take(said, &POWER, rest)?;
                let hour = rest.iter().position(|value| matches!(value, Node::Octets(clock) if said.clock(clock)));
                take(said, &TOTALS, hour.and_then(|hour| rest.get(hour + 1..)).unwrap_or_default())?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn take<'a>(said: &mut Said<'a>, codes: &[Obis], values: &[Node<'a>]) -> Result<(), Fault> {
    codes.iter().zip(values).try_for_each(|(code, value)| said.take(*code, *value, None))
}

/// Whether the values begin with so many numbers.
fn numbers(values: &[Node<'_>], count: usize) -> bool {
    values
        .get(..count)
        .is_some_and(|values| values.iter().all(|value| matches!(value, Node::Number(_) | Node::NoNumber)))
}

/// Date and time, each in its own octets.
fn stamp(date: Node<'_>, time: Node<'_>) -> Option<Stamp> {
    let (Node::Octets(date), Node::Octets(time)) = (date, time) else { return None };
    let shown = clock::shown(*date.first_chunk()?, *time.first_chunk()?)?;
    Some(Stamp { shown, ahead: None })
}
