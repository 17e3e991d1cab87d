//! From an APDU to a telegram: what is ciphered is opened, and the notification inside is read.

#![deny(clippy::indexing_slicing)]

use super::assembly::length;
use super::{axdr, clock, list};
use crate::plain::cipher::{Head, Lock};
use crate::plain::{Fault, Moment, Telegram};

/// Data-notification.
const NOTIFICATION: u8 = 0x0f;
/// General ciphering with the global key, and with one for the association.
const GENERAL_GLOBAL: u8 = 0xdb;
const GENERAL_DEDICATED: u8 = 0xdc;

/// Whether what brought the bytes vouches for their end: a checksum, a tag.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// A frame with a checksum, or a tag: a list that is shorter than it says was sent so.
    Checked,
    /// Nothing: bytes that are missing or too many were lost or added.
    Unchecked,
}

/// Whether these may be the first bytes of an APDU, with the header of the link's upper layer or without.
pub(super) fn begins(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xe6]
            | [0xe6, 0xe6 | 0xe7]
            | [0xe6, 0xe6 | 0xe7, 0, ..]
            | [NOTIFICATION | GENERAL_GLOBAL | GENERAL_DEDICATED, ..]
    )
}

/// Reads an APDU.
///
/// # Errors
/// [`Fault::Encrypted`] when no key was given for what is ciphered, and why it cannot be read.
pub(super) fn read(apdu: &[u8], lock: &mut Lock, whole: Whole) -> Result<Telegram, Fault> {
    let [GENERAL_GLOBAL | GENERAL_DEDICATED, rest @ ..] = apdu else {
        let told = notification(apdu, whole)?;
        return lock.plain().map(|()| told);
    };
    let (title, rest) = match rest {
        [8, rest @ ..] => rest.split_first_chunk::<8>().ok_or(Fault::Cut)?,
        _ => return Err(Fault::Malformed),
    };
    let (length, rest) = length(rest).ok_or(Fault::Cut)?;
    let ciphered = rest.get(..length).ok_or(Fault::Cut)?;
    let [security, c0, c1, c2, c3, body @ ..] = ciphered else { return Err(Fault::Cut) };
    let counter = u32::from_be_bytes([*c0, *c1, *c2, *c3]);
    let opened = lock.open(Head { system_title: *title, security: *security, counter }, body)?;
    let told = if opened.verified {
        notification(&opened.plain, Whole::Checked)
    } else {
        // Only the structure shows that the key was right.
        notification(&opened.plain, Whole::Unchecked).map_err(|fault| match fault {
            Fault::Nothing => Fault::Nothing,
            _ => Fault::WrongKey,
        })
    };
    told.map(|mut telegram| {
        telegram.checked = opened.verified;
        telegram.maker = telegram.maker.or_else(|| list::maker(title).map(str::to_owned));
        telegram
    })
}

/// Reads a data-notification: invoke id, date-time, body.
fn notification(apdu: &[u8], whole: Whole) -> Result<Telegram, Fault> {
    let [NOTIFICATION, _, _, _, _, rest @ ..] = apdu else { return Err(Fault::Malformed) };
    let (date, body) = match rest {
        [0, body @ ..] => (&[][..], body),
        // Kaifa and Austrian meters with its firmware put the type before the length.
        [12, rest @ ..] | [9, 12, rest @ ..] => rest.split_at_checked(12).ok_or(Fault::Cut)?,
        [] => return Err(Fault::Cut),
        _ => return Err(Fault::Malformed),
    };
    let tree = axdr::read(body)?;
    if whole == Whole::Unchecked && (tree.cut || !tree.rest.is_empty()) {
        return Err(if tree.cut { Fault::Cut } else { Fault::Malformed });
    }
    let mut telegram = list::read(&tree.nodes)?;
    telegram.at = telegram.at.or_else(|| clock::stamp(date).map(Moment::Clock));
    Ok(telegram)
}
