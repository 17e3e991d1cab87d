//! Frames around a push: HDLC (IEC 62056-46), M-Bus (EN 13757-2 and -3), general block transfer (IEC 62056-5-3).

use crate::plain::check;

const FLAG: u8 = 0x7e;
/// LLC header of a response: destination, source, quality.
const LLC: [u8; 3] = [0xe6, 0xe7, 0x00];
/// Bytes that a block carries at most.
const BLOCK: usize = 112;
/// Bytes that an M-Bus frame carries at most, behind its five bytes of header.
const SEGMENT: usize = 245;

/// One frame of format type 3, without segmentation.
pub(super) fn hdlc(addresses: &[u8], control: u8, llc: bool, content: &[u8]) -> Vec<u8> {
    let header: &[u8] = if llc { &LLC } else { &[] };
    // Format, addresses, control, two checksums.
    let length = 2 + addresses.len() + 1 + 2 + header.len() + content.len() + 2;
    // Eleven bits: no list is longer.
    let [high, low] = u16::try_from(length & 0x7ff).unwrap_or(0).to_be_bytes();
    let mut out = vec![0xa0 | high, low];
    out.extend(addresses);
    out.push(control);
    let sum = check::x25(&out);
    out.extend(sum);
    out.extend(header);
    out.extend(content);
    let sum = check::x25(&out);
    out.extend(sum);
    out.insert(0, FLAG);
    out.push(FLAG);
    out
}

/// Blocks, each in a frame of its own; the first has the LLC header.
pub(super) fn blocks(addresses: &[u8], control: u8, content: &[u8]) -> Vec<u8> {
    let count = content.len().div_ceil(BLOCK);
    let mut out = Vec::new();
    for (place, part) in content.chunks(BLOCK).enumerate() {
        let number = u16::try_from(place + 1).unwrap_or(u16::MAX);
        // Streaming; the last says so.
        let flags = if place + 1 == count { 0xc0 } else { 0x40 };
        let [high, low] = number.to_be_bytes();
        let mut block = vec![0xe0, flags, high, low, 0, 0, u8::try_from(part.len()).unwrap_or(0)];
        block.extend(part);
        out.extend(hdlc(addresses, control, place == 0, &block));
    }
    out
}

/// Long frames to the broadcast address, segments numbered from zero, the last marked.
pub(super) fn mbus(content: &[u8]) -> Vec<u8> {
    let count = content.len().div_ceil(SEGMENT);
    let mut out = Vec::new();
    for (place, part) in content.chunks(SEGMENT).enumerate() {
        let last = if place + 1 == count { 0x10 } else { 0 };
        let information = last | u8::try_from(place & 0x0f).unwrap_or(0);
        // Send user data, broadcast, transport layer from the meter's service 1 to the port's 103.
        let mut body = vec![0x53, 0xff, information, 0x01, 0x67];
        body.extend(part);
        let length = u8::try_from(body.len()).unwrap_or(0);
        out.extend([0x68, length, length, 0x68]);
        out.extend(&body);
        out.extend([check::sum(&body), 0x16]);
    }
    out
}
