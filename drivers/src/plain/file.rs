//! What a file holds: a telegram in text, a telegram written down in hexadecimal digits, or bytes as they came.

#![deny(clippy::indexing_slicing)]

/// The bytes that a file stands for. Digits in pairs, with whatever blanks, line ends, commas, colons, dashes or `0x`
/// between them, are the bytes that they write; all else is taken as it is.
#[must_use]
pub fn bytes_of(file: &[u8]) -> Vec<u8> {
    // A byte order mark is what an editor left, not what a meter sent.
    let text = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    digits(text).unwrap_or_else(|| file.to_vec())
}

fn digits(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for word in text.split(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b';' | b':' | b'-')) {
        let word = word.strip_prefix(b"0x").or_else(|| word.strip_prefix(b"0X")).unwrap_or(word);
        let (pairs, odd) = word.as_chunks::<2>();
        if !odd.is_empty() {
            return None;
        }
        for [high, low] in pairs {
            bytes.push(value(*high)? << 4 | value(*low)?);
        }
    }
    // A few letters that happen to be digits are a word, not a dump.
    (bytes.len() >= 8).then_some(bytes)
}

fn value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_read_however_they_are_set() {
        let bytes = [0x7e, 0xa0, 0x10, 0, 0xff, 1, 2, 3, 0x7e];
        for text in [
            "7ea01000ff0102037e",
            "7E A0 10 00 FF 01 02 03 7E\r\n",
            "\u{feff}7ea010\n00FF01\n02037e\n",
            "0x7e,0xa0, 0x10,0x00,0xff,0x01,0x02,0x03,0x7e",
            "7e:a0:10:00:ff:01:02:03:7e",
        ] {
            assert_eq!(bytes_of(text.as_bytes()), bytes, "{text:?}");
        }
    }

    #[test]
    fn text_and_bytes_stay_as_they_are() {
        for file in [
            &b"/ISK5\\2M550\r\n1-0:1.8.0(1*kWh)\r\n!ABCD"[..],
            b"OCMF|{}|{}",
            b"\x7e\xa0\x27",
            b"",
            b"DEAD BEE",
            b"ADCO",
        ] {
            assert_eq!(bytes_of(file), file);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_down_is_read(bytes in prop::collection::vec(any::<u8>(), 8..200), upper: bool, width in 1usize..40) {
            let lines = bytes.chunks(width).map(|line| {
                line.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect::<String>()
            });
            prop_assert_eq!(bytes_of(lines.collect::<Vec<_>>().join("\n").as_bytes()), bytes);
        }
    }
}
