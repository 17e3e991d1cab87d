//! `%XX` in addresses (RFC 3986, section 2.1).

use std::fmt;

/// A text with everything that could be mistaken written as `%XX`.
pub(super) struct Encoded<'a> {
    text: &'a str,
    plain: &'static [u8],
}

impl<'a> Encoded<'a> {
    /// A path or topic: slashes and colons stay.
    pub(super) fn path(text: &'a str) -> Self {
        Self { text, plain: b"-._~/:+,=" }
    }

    /// A part between marks.
    pub(super) fn part(text: &'a str) -> Self {
        Self { text, plain: b"-._~" }
    }
}

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.text.bytes() {
            if byte.is_ascii_alphanumeric() || self.plain.contains(&byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// The text; `None` when a `%` is not followed by two hexadecimal digits, or the bytes are no UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let (code, rest) = (part.get(..2)?, part.get(2..)?);
        if !code.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).ok()
}
