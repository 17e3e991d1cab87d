//! Values of SML: a byte of type and length, which counts itself, then the content.

/// Begins a list of elements.
pub(super) fn list(elements: usize) -> Vec<u8> {
    let mut out = Vec::new();
    match u8::try_from(elements) {
        Ok(few) if few < 16 => out.push(0x70 | few),
        Ok(more) => out.extend([0xf0 | more >> 4, more & 0x0f]),
        Err(_) => out.push(0x70),
    }
    out
}

/// An element that is left out.
pub(super) fn optional(out: &mut Vec<u8>) {
    out.push(0x01);
}

/// Bytes.
pub(super) fn octets(out: &mut Vec<u8>, bytes: &[u8]) {
    let long = u8::try_from(bytes.len() + 2).unwrap_or(u8::MAX);
    match long - 1 {
        // The length counts the bytes that say it.
        short @ 0..16 => out.push(short),
        _ => out.extend([0x80 | long >> 4, long & 0x0f]),
    }
    out.extend(bytes);
}

/// A whole number in so many bytes.
pub(super) fn unsigned(out: &mut Vec<u8>, value: u64, bytes: usize) {
    raw(out, 0x60, value, bytes);
}

/// A number with a sign in so many bytes.
pub(super) fn signed(out: &mut Vec<u8>, value: i64, bytes: usize) {
    raw(out, 0x50, u64::from_be_bytes(value.to_be_bytes()), bytes);
}

/// The last bytes of a number under a type.
pub(super) fn raw(out: &mut Vec<u8>, kind: u8, value: u64, bytes: usize) {
    let bytes = bytes.clamp(1, 8);
    out.push(kind | u8::try_from(bytes + 1).unwrap_or(0));
    let all = value.to_be_bytes();
    out.extend(all.get(8 - bytes..).unwrap_or(&all));
}

/// How many bytes a whole number needs.
pub(super) fn bytes_of(value: u64) -> usize {
    let zeros = usize::try_from(value.leading_zeros() / 8).unwrap_or(0);
    (8 - zeros).max(1)
}
