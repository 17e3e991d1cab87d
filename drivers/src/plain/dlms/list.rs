//! What a pushed list says. Makers lay the same registers out in four ways:
//!
//! ```text
//! coded      code, value and, if the maker tells them, scaler and unit, in whatever structures (Aidon, Kamstrup, Kaifa)
//! described  an array of (class, code, attribute, index) first, then one value for each (Landis+Gyr, Iskraemeco)
//! by place   values alone: the market's paper says which stands where (see `places`)
//! ```

#![deny(clippy::indexing_slicing)]

use super::axdr::Node;
use super::{clock, places};
use crate::plain::registers::{Obis, Registers};
use crate::plain::{Decimal, Fault, Moment, Stamp, Telegram};

/// What has been understood of a list.
#[derive(Default)]
pub(super) struct Said<'a> {
    registers: Registers,
    at: Option<Stamp>,
    /// The meter's number and how good it is: less is better.
    meter: Option<(u8, &'a [u8])>,
    maker: Option<&'static str>,
    /// Power of ten by which this maker's energies are to be shifted where no scaler is told.
    energy: i8,
}

/// Reads the nodes of a notification's body.
///
/// # Errors
/// [`Fault::Nothing`] when nothing that a telegram holds stands there, [`Fault::OutOfRange`] for a register beyond any.
pub(super) fn read(nodes: &[Node<'_>]) -> Result<Telegram, Fault> {
    let mut said = Said::default();
    if !described(nodes, &mut said)? && !coded(nodes, &mut said)? {
        places::read(nodes, &mut said)?;
    }
    let mut telegram = Telegram {
        meter: said.meter.map(|(_, number)| written(number)),
        maker: said.maker.map(str::to_owned),
        at: said.at.map(Moment::Clock),
        ..Telegram::default()
    };
    if said.registers.finish(&mut telegram)? { Ok(telegram) } else { Err(Fault::Nothing) }
}

impl<'a> Said<'a> {
    /// Takes the value of a code.
    pub(super) fn take(&mut self, code: Obis, value: Node<'a>, scale: Option<(i8, u8)>) -> Result<(), Fault> {
        match value {
            Node::Number(mantissa) => {
                let energy = matches!(code.0, [_, _, _, 8, ..]);
                let exponent = scale.map_or(if energy { self.energy } else { 0 }, |(exponent, _)| exponent);
                self.registers.take(code, Some(Decimal { mantissa, exponent }), scale.map(|(_, unit)| unit))?;
            }
            Node::NoNumber => {
                self.registers.take(code, None, scale.map(|(_, unit)| unit))?;
            }
            Node::Octets(bytes) | Node::Text(bytes) => {
                let rank = match code.0 {
                    [0, _, 1, 0, 0, _] => {
                        self.clock(bytes);
                        return Ok(());
                    }
                    // The list's own name.
                    [1, _, 0, 2, 129, _] => {
                        self.name(bytes);
                        return Ok(());
                    }
                    [0, 0, 96, 1, 0, _] | [1, 1, 0, 0, 5, _] => 0,
                    [0 | 1, 0, 0, 0, 0, _] => 1,
                    // The logical device's name: three letters of the maker and the number of the device.
                    [0, 0, 42, 0, 0, _] => 2,
                    [0, 0, 96, 1, 1, _] => 3,
                    _ => return Ok(()),
                };
                self.number(rank, bytes);
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes a clock; true when it was one.
    pub(super) fn clock(&mut self, bytes: &[u8]) -> bool {
        let stamp = clock::stamp(bytes);
        self.at = self.at.or(stamp);
        stamp.is_some()
    }

    pub(super) fn stamp(&mut self, stamp: Stamp) {
        self.at = self.at.or(Some(stamp));
    }

    /// Takes a number of the meter.
    pub(super) fn number(&mut self, rank: u8, bytes: &'a [u8]) {
        self.name(bytes);
        if !bytes.is_empty() && self.meter.is_none_or(|(known, _)| rank < known) {
            self.meter = Some((rank, bytes));
        }
    }

    /// Takes a name in which the maker may stand.
    pub(super) fn name(&mut self, bytes: &[u8]) {
        if self.maker.is_none() {
            self.maker = maker(bytes);
            // Kamstrup's HAN lists count in units of 10 Wh and tell no scaler.
            self.energy = i8::from(bytes.starts_with(b"Kamstrup_V"));
        }
    }
}

/// The maker that a list's name, a logical device's name or a system title begins with.
pub(super) fn maker(name: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 10] = [
        (b"AIDON", "Aidon"),
        (b"ADN", "Aidon"),
        (b"Kamstrup", "Kamstrup"),
        (b"KAM", "Kamstrup"),
        (b"KFM", "Kaifa"),
        (b"LGZ", "Landis+Gyr"),
        (b"LGF", "Landis+Gyr"),
        (b"ISK", "Iskraemeco"),
        (b"SAG", "Sagemcom"),
        (b"ELS", "Elster"),
    ];
    known.iter().find(|(begins, _)| name.starts_with(begins)).map(|(_, maker)| *maker)
}

/// Text as it is; other octets in hexadecimal digits.
fn written(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        bytes.iter().copied().map(char::from).collect::<String>().trim().to_owned()
    } else {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A list that describes itself first.
fn described<'a>(nodes: &[Node<'a>], said: &mut Said<'a>) -> Result<bool, Fault> {
    let [Node::Holds(values), Node::Holds(described), rest @ ..] = nodes else { return Ok(false) };
    let (codes, _) = rest.as_chunks::<5>();
    let codes = codes.iter().take(*described).map_while(|one| match one {
        [Node::Holds(4), Node::Number(_), Node::Octets(code), Node::Number(attribute), Node::Number(_)] => {
            Some((Obis::of(code), *attribute))
        }
        _ => None,
    });
    let codes: Vec<_> = codes.collect();
    if codes.len() != *described || *described == 0 || values < described {
        return Ok(false);
    }
    // The description is the value of the first code; each of the others has a value in its turn.
    let mut at = codes.len() * 5;
    for (code, attribute) in codes.iter().skip(1) {
        let Some(value) = rest.get(at) else { break };
        if let (Some(code), 2) = (code, attribute) {
            said.take(*code, *value, None)?;
        }
        at += extent(rest.get(at..).unwrap_or_default());
    }
    Ok(true)
}

/// How many nodes a value takes with all that it holds.
pub(super) fn extent(nodes: &[Node<'_>]) -> usize {
    let mut open = 1_usize;
    for (at, node) in nodes.iter().enumerate() {
        open -= 1;
        if let Node::Holds(count) = node {
            open = open.saturating_add(*count);
        }
        if open == 0 {
            return at + 1;
        }
    }
    nodes.len()
}

/// A list in which each value follows its code.
fn coded<'a>(nodes: &[Node<'a>], said: &mut Said<'a>) -> Result<bool, Fault> {
    let mut any = false;
    let mut last = None;
    let mut rest = nodes;
    while let [node, after @ ..] = rest {
        rest = after;
        match node {
            Node::Octets(bytes) => match Obis::of(bytes) {
                Some(code) => {
                    let within = without_heads(rest);
                    let Some((value, after)) = within.split_first() else { break };
                    // A code with another right behind it has no value.
                    if !matches!(value, Node::Octets(bytes) if Obis::of(bytes).is_some()) {
                        let (scale, after) = scale(after);
                        said.take(code, *value, scale)?;
                        any |= matches!(code.0, [1, ..] | [0, _, 1, 0, 0, _] | [0, 0, 96, ..]);
                        rest = after;
                    }
                    last = None;
                }
                None => last = Some(*bytes).filter(|bytes| !said.clock(bytes)),
            },
            Node::Text(bytes) => {
                said.name(bytes);
                last = Some(*bytes);
            }
            _ => {}
        }
    }
    // Austrian lists end in the meter's number, without a code.
    if let Some(number) = last.filter(|number| any && number.len() >= 8) {
        said.number(4, number);
    }
    Ok(any)
}

/// What follows the heads of structures.
fn without_heads<'n, 'a>(mut nodes: &'n [Node<'a>]) -> &'n [Node<'a>] {
    while let [Node::Holds(_), rest @ ..] = nodes {
        nodes = rest;
    }
    nodes
}

/// Scaler and unit, where they follow.
fn scale<'n, 'a>(nodes: &'n [Node<'a>]) -> (Option<(i8, u8)>, &'n [Node<'a>]) {
    let within = if let [Node::Holds(2), rest @ ..] = nodes { rest } else { nodes };
    match within {
        [Node::Number(scaler), Node::Enum(unit), rest @ ..] => {
            (i8::try_from(*scaler).ok().map(|scaler| (scaler, *unit)), rest)
        }
        _ => (None, nodes),
    }
}
