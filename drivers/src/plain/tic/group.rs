//! One group of a TIC frame, and its check.

/// What one group says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group<'a> {
    pub(super) label: &'a [u8],
    /// When that was, for some groups of the standard mode.
    pub(super) date: Option<&'a [u8]>,
    pub(super) value: &'a [u8],
}

impl<'a> Group<'a> {
    /// Reads a group from behind its LF to before its CR; `None` when its check does not fit.
    ///
    /// The separator before the check tells the mode: a blank in historique, where the sum ends before it, a tab in
    /// standard, where it is part of the sum.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let [content @ .., separator @ (b' ' | b'\t'), check] = bytes else { return None };
        let separator = *separator;
        let counted = if separator == b'\t' { separator } else { 0 };
        let sum = content.iter().fold(counted, |sum, byte| sum.wrapping_add(*byte));
        let shows = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
        if *check != (sum & 0x3f) + 0x20 || !content.iter().all(shows) {
            return None;
        }
        let mut fields = content.splitn(if separator == b'\t' { 3 } else { 2 }, |byte| *byte == separator);
        let (label, second, third) = (fields.next()?, fields.next()?, fields.next());
        let (date, value) = third.map_or((None, second), |value| (Some(second), value));
        (!label.is_empty()).then_some(Self { label, date, value })
    }

    /// True for the meter's number, which stands first in every frame.
    pub(super) fn begins_frame(&self) -> bool {
        matches!(self.label, b"ADCO" | b"ADSC")
    }
}
