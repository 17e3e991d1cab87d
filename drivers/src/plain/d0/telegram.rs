//! What the lines of a D0 telegram say, by the codes of IEC 62056-6-1.

use super::super::Fault;
use super::super::telegram::{Moment, Stamp, Telegram};
use super::super::text::{self, Code, Registers, Sets, lines};

#[derive(Default)]
struct Said {
    registers: Registers,
    date: Option<Vec<u8>>,
    time: Option<Vec<u8>>,
    at: Option<Stamp>,
    /// The numbers by how well they name the meter, best first.
    names: [Option<String>; 4],
}

/// Reads a telegram to before its end: an identification at its front, where there is one, and the data lines from
/// `block` on. `whole` when a check character showed it to be as it was sent; otherwise it must begin as telegrams do,
/// since a slash may be a changed byte in the middle of one, and a line that cannot be read forbids a sum of rates, as
/// one of them may be missing.
///
/// # Errors
/// [`Fault`] when it cannot be used.
pub(super) fn read(held: &[u8], block: usize, whole: bool) -> Result<Telegram, Fault> {
    if !whole && text::maker(held).is_none() {
        return Err(Fault::Malformed);
    }
    let (head, data) = held.split_at_checked(block).unwrap_or((held, &[]));
    // Behind the mark that ends a block nothing stands; without the mark it is no readout.
    let data = match data.iter().rposition(|byte| *byte == b'!') {
        Some(mark) if whole => data.get(..mark).unwrap_or_default(),
        None if whole => return Err(Fault::Malformed),
        _ => data,
    };
    let mut said = Said::default();
    for line in lines(data).filter(|line| line.first() != Some(&b'/')) {
        for set in Sets::new(line) {
            let code = set.map(|(code, values)| (Code::read(code), code.is_empty(), values));
            match code {
                Some((Some(code), _, mut values)) => said.take(&code, values.next().unwrap_or_default())?,
                // A table goes on, such as a load profile.
                Some((None, true, _)) => {}
                Some((None, false, _)) | None => {
                    said.registers.doubtful |= !whole;
                    break;
                }
            }
        }
    }
    let ident = if head.is_empty() { held } else { head };
    said.fill(ident, whole)
}

impl Said {
    fn take(&mut self, code: &Code, value: &[u8]) -> Result<(), Fault> {
        if !code.is_current() {
            return Ok(());
        }
        match code.cde() {
            (0, 9, 1) => self.time = digits(value),
            (0, 9, 2) => self.date = digits(value),
            (0, 9, 4) | (1, 0, 0) => self.at = digits(value).and_then(|digits| text::stamp(&digits)),
            (0, 0, 0) => self.name(0, value),
            (96, 1, 0) => self.name(1, value),
            (96, 1, 255) => self.name(2, value),
            (0, 0, 9) => self.name(3, value),
            _ => self.registers.take(code, value)?,
        }
        Ok(())
    }

    fn name(&mut self, rank: usize, value: &[u8]) {
        if let Some(slot @ None) = self.names.get_mut(rank) {
            *slot = text::plain_name(value);
        }
    }

    /// The clock. Date and time may stand on lines of their own, each with a digit for the season before it.
    fn clock(&self) -> Option<Stamp> {
        let date = match self.date.as_deref()? {
            date @ [_, _, _, _, _, _] | [_, date @ ..] if date.len() == 6 => date,
            [b'2', b'0', date @ ..] if date.len() == 6 => date,
            _ => return None,
        };
        let time = match self.time.as_deref()? {
            time @ ([_, _, _, _] | [_, _, _, _, _, _]) => time,
            [_, time @ ..] if time.len() == 6 => time,
            _ => return None,
        };
        text::stamp(&[date, time].concat())
    }

    fn fill(self, ident: &[u8], whole: bool) -> Result<Telegram, Fault> {
        let at = self.at.or_else(|| self.clock());
        let mut telegram = Telegram {
            maker: text::maker(ident).filter(|_| ident.first() == Some(&b'/')),
            at: at.map(Moment::Clock),
            meter: self.names.into_iter().flatten().next(),
            ..Telegram::default()
        };
        self.registers.fill(&mut telegram, whole)?;
        Ok(telegram)
    }
}

/// A date or time without its separators, which the standard writes with the year first.
fn digits(value: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = value.iter().copied().filter(|byte| !matches!(byte, b'-' | b':' | b' ' | b',')).collect();
    (digits.len() <= 16).then_some(digits)
}
