//! The two DER structures of a signed record, and the texts that carry them. Read as leniently as the official
//! transparency software does: stations are in use that leave out the sign byte of a number.

#![deny(clippy::indexing_slicing)]

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// `id-ecPublicKey`.
const EC_PUBLIC_KEY: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// The content of the next element, if it has this tag, and what follows it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 | 0x82 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    (*found == tag).then(|| rest.split_at_checked(length)).flatten()
}

/// The two numbers of an ECDSA signature, without leading zeros.
pub(super) fn signature(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (body, _) = element(SEQUENCE, bytes)?;
    let (r, rest) = element(INTEGER, body)?;
    let (s, _) = element(INTEGER, rest)?;
    Some((magnitude(r), magnitude(s)))
}

/// A number without leading zeros.
pub(super) fn magnitude(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The curve's name and the point of a SubjectPublicKeyInfo.
pub(super) fn public_key(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (body, _) = element(SEQUENCE, bytes)?;
    let (algorithm, rest) = element(SEQUENCE, body)?;
    let (kind, curve) = element(OBJECT, algorithm)?;
    let (curve, _) = element(OBJECT, curve)?;
    let (key, _) = element(BIT_STRING, rest)?;
    let (unused, point) = key.split_first()?;
    (kind == EC_PUBLIC_KEY && *unused == 0).then_some((curve, point))
}

/// Bytes written in hexadecimal digits or, where they are not, in base64.
pub(super) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    hexadecimal(&text).or_else(|| base64(&text))
}

fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, odd) = text.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Base64 in either alphabet, with filling or without.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u8, 0_u32);
    for &letter in text {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff).try_into().ok()?);
            held &= (1 << bits) - 1;
        }
    }
    (bits < 6 && held == 0).then_some(bytes)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_with_and_without_their_sign_byte() {
        let strict = [0x30, 8, 2, 2, 0, 0x80, 2, 2, 0, 0x81];
        let lenient = [0x30, 6, 2, 1, 0x80, 2, 1, 0x81];
        assert_eq!(signature(&strict), Some((&[0x80][..], &[0x81][..])));
        assert_eq!(signature(&lenient), signature(&strict));
        assert_eq!(signature(&[0x30, 0x81, 6, 2, 1, 0x80, 2, 1, 0x81]), signature(&strict));
        for cut in 0..lenient.len() {
            assert_eq!(signature(&lenient[..cut]), None);
        }
        assert_eq!(signature(&[0x31, 6, 2, 1, 1, 2, 1, 1]), None);
    }

    #[test]
    fn texts_are_hexadecimal_or_base64() {
        assert_eq!(bytes_of("0aFF 10\n").as_deref(), Some(&[0x0a, 0xff, 0x10][..]));
        // RFC 4648, chapter 10.
        for (text, bytes) in
            [("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob"), ("Zm9vYmFy", "foobar")]
        {
            assert_eq!(base64(text.as_bytes()).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        for wrong in ["Z", "Zh==", "Zm9v!", "${jndi:ldap://x/a}00"] {
            assert_eq!(bytes_of(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe(bytes: Vec<u8>, text: String) {
            let _ = (signature(&bytes), public_key(&bytes), bytes_of(&text), base64(&bytes));
        }
    }
}
