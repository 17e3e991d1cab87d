//! SML's binary encoding (BSI TR-03109-1, annex IV; SML 1.04, chapter 6): lists of lists of octets and numbers.
//! A cursor goes through it without recursion and without taking the word of a length for anything.

#![deny(clippy::indexing_slicing)]

use crc::{CRC_16_IBM_SDLC, CRC_16_KERMIT, Crc, Table};

use crate::plain::Fault;

/// What a field with no content stands for.
const LEFT_OUT: u8 = 0x01;

const X25: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_IBM_SDLC);
const KERMIT: Crc<u16> = Crc::<u16>::new(&CRC_16_KERMIT);

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    /// Left out.
    Absent,
    Octets(&'a [u8]),
    Truth,
    /// A number and how many bytes it took.
    Signed(i64, usize),
    Unsigned(u64, usize),
    /// A list of so many fields, which follow.
    List(usize),
}

impl<'a> Field<'a> {
    /// The octets, when it holds some.
    pub(super) fn octets(self) -> Option<&'a [u8]> {
        if let Field::Octets(octets) = self { Some(octets) } else { None }
    }

    /// The number, when it is one that fits. All bits of a wide one, or all but the sign, stand for none.
    pub(super) fn number(self) -> Option<i64> {
        match self {
            Field::Signed(i64::MAX | i64::MIN, _) | Field::Unsigned(0xffff_ffff, 4) => None,
            Field::Unsigned(number, _) if number >= i64::MAX.cast_unsigned() => None,
            Field::Signed(number, _) => Some(number),
            Field::Unsigned(number, _) => i64::try_from(number).ok(),
            _ => None,
        }
    }
}

/// A place in an SML file.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Result<u8, Fault> {
        let (first, rest) = self.0.split_first().ok_or(Fault::Cut)?;
        self.0 = rest;
        Ok(*first)
    }

    /// The next field. Of a list its head alone is taken.
    pub(super) fn field(&mut self) -> Result<Field<'a>, Fault> {
        let first = self.byte()?;
        if first == LEFT_OUT {
            return Ok(Field::Absent);
        }
        let (mut length, mut head, mut more) = (usize::from(first & 0x0f), 1_usize, first & 0x80 != 0);
        while more {
            let next = self.byte()?;
            more = next & 0x80 != 0;
            if next & 0x70 != 0 || head == 4 {
                return Err(Fault::Malformed);
            }
            length = length << 4 | usize::from(next & 0x0f);
            head += 1;
        }
        let kind = first >> 4 & 7;
        if kind == 7 {
            return Ok(Field::List(length));
        }
        let content = length.checked_sub(head).ok_or(Fault::Malformed)?;
        let (content, rest) = self.0.split_at_checked(content).ok_or(Fault::Cut)?;
        self.0 = rest;
        match (kind, content) {
            (0, octets) => Ok(Field::Octets(octets)),
            (4, [_]) => Ok(Field::Truth),
            (5, [first, ..]) if content.len() <= 8 => {
                let begin = if first & 0x80 == 0 { 0 } else { -1 };
                let number = content.iter().fold(begin, |number: i64, byte| number << 8 | i64::from(*byte));
                Ok(Field::Signed(number, content.len()))
            }
            (6, [_, ..]) if content.len() <= 8 => {
                let number = content.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
                Ok(Field::Unsigned(number, content.len()))
            }
            _ => Err(Fault::Malformed),
        }
    }

    /// The head of a list of just so many fields.
    pub(super) fn list_of(&mut self, fields: usize) -> Result<(), Fault> {
        if self.field()? == Field::List(fields) { Ok(()) } else { Err(Fault::Malformed) }
    }

    /// Passes over what belongs to a field whose head was taken.
    pub(super) fn pass(&mut self, field: Field<'_>) -> Result<(), Fault> {
        let Field::List(mut open) = field else { return Ok(()) };
        while open > 0 {
            open -= 1;
            if let Field::List(more) = self.field()? {
                // Each field is a byte at least: more than there are bytes cannot follow.
                open = open.checked_add(more).filter(|open| *open <= self.0.len()).ok_or(Fault::Cut)?;
            }
        }
        Ok(())
    }

    /// Passes over the next field and what belongs to it.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        let field = self.field()?;
        self.pass(field)
    }
}

/// The messages of a file: the kind of each and a cursor at its body. Their checksums are checked.
pub(super) fn messages(file: &[u8]) -> Result<Vec<(u32, Cursor<'_>)>, Fault> {
    let mut cursor = Cursor(file);
    let mut messages = Vec::new();
    loop {
        // Some meters fill up between messages.
        while let [0, rest @ ..] = cursor.0 {
            cursor.0 = rest;
        }
        if cursor.0.is_empty() {
            return Ok(messages);
        }
        let begun = cursor.0;
        cursor.list_of(6)?;
        cursor.skip()?; // transaction
        cursor.skip()?; // group
        cursor.skip()?; // what to do upon an error
        cursor.list_of(2)?;
        let kind = cursor.field()?.number().and_then(|kind| u32::try_from(kind).ok()).ok_or(Fault::Malformed)?;
        let body = cursor;
        cursor.skip()?;
        let checked = begun.get(..begun.len() - cursor.0.len()).unwrap_or_default();
        let sum = match cursor.field()? {
            Field::Unsigned(sum, 1 | 2) => sum,
            Field::Absent => 0,
            _ => return Err(Fault::Malformed),
        };
        // The transport's checksum covers these bytes too, so what meters make of this one may be allowed: Holley's
        // DTZ541 takes CRC-16/Kermit, and others send none or zero.
        let kermit = KERMIT.checksum(checked);
        if ![0, X25.checksum(checked).swap_bytes(), kermit, kermit.swap_bytes()].map(u64::from).contains(&sum) {
            return Err(Fault::Checksum);
        }
        if cursor.byte()? != 0 {
            return Err(Fault::Malformed);
        }
        messages.push((kind, body));
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(bytes: &[u8]) -> Vec<Result<Field<'_>, Fault>> {
        let mut cursor = Cursor(bytes);
        let mut fields = Vec::new();
        while !cursor.0.is_empty() {
            let field = cursor.field();
            let failed = field.is_err();
            fields.push(field);
            if failed {
                break;
            }
        }
        fields
    }

    #[test]
    fn fields_are_read_as_the_standard_writes_them() {
        assert_eq!(fields(&[0x01]), [Ok(Field::Absent)]);
        assert_eq!(fields(&[0x04, 1, 2, 3]), [Ok(Field::Octets(&[1, 2, 3]))]);
        assert_eq!(fields(&[0x42, 1]), [Ok(Field::Truth)]);
        assert_eq!(fields(&[0x52, 0xff]), [Ok(Field::Signed(-1, 1))]);
        assert_eq!(fields(&[0x54, 0x80, 0, 0]), [Ok(Field::Signed(-0x80_0000, 3))]);
        assert_eq!(fields(&[0x56, 0, 0, 0, 1, 0]), [Ok(Field::Signed(256, 5))]);
        assert_eq!(fields(&[0x69, 255, 255, 255, 255, 255, 255, 255, 255]), [Ok(Field::Unsigned(u64::MAX, 8))]);
        for (none, width) in [(u64::MAX, 8), (i64::MAX.cast_unsigned(), 8), (0xffff_ffff, 4)] {
            assert_eq!(Field::Unsigned(none, width).number(), None);
        }
        assert_eq!((Field::Signed(i64::MAX, 8).number(), Field::Signed(i64::MIN, 8).number()), (None, None));
        assert_eq!(Field::Unsigned(0xffff_ffff, 5).number(), Some(0xffff_ffff));
        assert_eq!(fields(&[0x76]), [Ok(Field::List(6))]);
        assert_eq!(fields(&[0xf1, 0x02]), [Ok(Field::List(18))]);
        let mut long = vec![0x81, 0x02];
        long.extend([7; 16]);
        assert_eq!(fields(&long), [Ok(Field::Octets(&[7; 16]))]);
    }

    #[test]
    fn lengths_are_not_believed() {
        assert_eq!(fields(&[0x05, 1]), [Err(Fault::Cut)]);
        assert_eq!(fields(&[0x00]), [Err(Fault::Malformed)]);
        assert_eq!(fields(&[0x8f, 0x8f, 0x8f, 0x8f, 0x0f]), [Err(Fault::Malformed)]);
        let mut lists = Cursor(&[0xff, 0x8f, 0x8f, 0x0f, 0xff, 0x8f, 0x8f, 0x0f]);
        assert_eq!(lists.skip(), Err(Fault::Cut));
    }

    proptest! {
        #[test]
        fn any_file_is_safe(file in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = messages(&file);
            let _ = Cursor(&file).skip();
        }
    }
}
