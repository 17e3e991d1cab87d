//! General global ciphering of DLMS (IEC 62056-5-3, green book 9.2.7): AES-128-GCM around a frame's content.

use std::fmt;

use aes_gcm::aead::AeadInPlace;
use aes_gcm::aead::consts::U12;
use aes_gcm::aes::Aes128;
use aes_gcm::{AesGcm, KeyInit};
use zeroize::Zeroizing;

use super::state::State;

/// With the twelve bytes of tag that DLMS keeps.
type Gcm = AesGcm<Aes128, U12, U12>;

/// Keys that a grid operator hands out for one meter.
#[derive(Clone)]
pub struct Keys {
    encryption: Zeroizing<[u8; 16]>,
    authentication: Option<Zeroizing<[u8; 16]>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// The authentication key that Luxembourg's and some of Austria's operators print in their descriptions: it is the
    /// same for all meters.
    pub const PUBLISHED: [u8; 16] =
        [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];

    /// An encryption key for whoever plays a meter and reads it too.
    pub const EXAMPLE: [u8; 16] = [7; 16];

    /// Without an authentication key frames are only encrypted, and carry no tag.
    #[must_use]
    pub fn new(encryption: [u8; 16], authentication: Option<[u8; 16]>) -> Self {
        Self { encryption: Zeroizing::new(encryption), authentication: authentication.map(Zeroizing::new) }
    }

    /// The same, with an authentication key in any case.
    #[must_use]
    pub fn authenticated(&self) -> Self {
        let authentication = self.authentication.clone().unwrap_or(Zeroizing::new(Self::PUBLISHED));
        Self { encryption: self.encryption.clone(), authentication: Some(authentication) }
    }

    /// Encrypts: system title, length, security control, invocation counter, ciphertext, tag.
    #[must_use]
    pub fn seal(&self, title: [u8; 8], counter: u32, plain: &[u8]) -> Vec<u8> {
        let control = if self.authentication.is_some() { 0x30 } else { 0x20 };
        let mut nonce = [0; 12];
        let (head, tail) = nonce.split_at_mut(8);
        head.copy_from_slice(&title);
        tail.copy_from_slice(&counter.to_be_bytes());
        let mut associated = Zeroizing::new(Vec::new());
        if let Some(key) = &self.authentication {
            associated.push(control);
            associated.extend(key.iter());
        }
        let mut text = plain.to_vec();
        let cipher = Gcm::new((&*self.encryption).into());
        let tag = cipher.encrypt_in_place_detached(&nonce.into(), &associated, &mut text).unwrap_or_else(|_| {
            // Beyond 2³⁶ bytes alone, and a frame has less than 2¹⁶; nothing leaves in the clear.
            text.clear();
            Default::default()
        });
        let tag: &[u8] = if self.authentication.is_some() { &tag } else { &[] };

        let mut frame = vec![0xdb, 8];
        frame.extend(title);
        length(&mut frame, 5 + text.len() + tag.len());
        frame.push(control);
        frame.extend(counter.to_be_bytes());
        frame.extend(text);
        frame.extend(tag);
        frame
    }
}

/// The system title of a meter: its maker and its number.
#[must_use]
pub fn title(state: &State) -> [u8; 8] {
    let [a, b, c] = state.maker;
    let [d, e, f, g] = state.number.to_be_bytes();
    [a, b, c, 0, d, e, f, g]
}

/// Appends a length as BER writes it.
pub(super) fn length(out: &mut Vec<u8>, length: usize) {
    let bytes = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    match bytes {
        [0, 0, 0, short] if short < 0x80 => out.push(short),
        [0, 0, 0, one] => out.extend([0x81, one]),
        [0, 0, high, low] => out.extend([0x82, high, low]),
        [a, b, c, d] => out.extend([0x84, a, b, c, d]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let of = |n| {
            let mut out = Vec::new();
            length(&mut out, n);
            out
        };
        assert_eq!(of(127), [127]);
        assert_eq!(of(248), [0x81, 0xf8]);
        assert_eq!(of(498), [0x82, 0x01, 0xf2]);
    }

    #[test]
    fn frames_open_with_their_keys_alone() {
        let title = *b"SAG\0\0\0\0\x07";
        let frame = Keys::new([1; 16], None).authenticated().seal(title, 9, b"hello");
        assert_eq!(frame[..11], *b"\xdb\x08SAG\0\0\0\0\x07\x16");
        assert_eq!(frame[11..16], [0x30, 0, 0, 0, 9]);
        let mut nonce = title.to_vec();
        nonce.extend(&frame[12..16]);
        let mut associated = vec![0x30];
        associated.extend(Keys::PUBLISHED);
        let open = |key: [u8; 16], aad: &[u8]| {
            let mut text = frame[16..21].to_vec();
            let tag = aes_gcm::aead::generic_array::GenericArray::from_slice(&frame[21..]);
            let cipher = Gcm::new(&key.into());
            cipher.decrypt_in_place_detached(nonce.as_slice().into(), aad, &mut text, tag).ok().map(|()| text)
        };
        assert_eq!(open([1; 16], &associated).unwrap(), b"hello");
        assert_eq!(open([1; 16], &[]), None);
        assert_eq!(open([2; 16], &associated), None);
        // Encryption alone is the same stream of bytes without a tag.
        let bare = Keys::new([1; 16], None).seal(title, 9, b"hello");
        assert_eq!((bare[10], bare[11], &bare[16..]), (10, 0x20, &frame[16..21]));
        assert!(!format!("{:?}", Keys::new([0x5a; 16], None)).contains("5a"));
    }
}
