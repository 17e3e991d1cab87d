//! Where a P1 telegram begins and ends, in the open and encrypted. Knows no value.
//!
//! Every byte is looked at a bounded number of times: a start that comes to nothing is left for the *last* start within
//! it, so no byte lies in more than two windows.

use crate::plain::{Fault, MAX_TELEGRAM};

/// Tag of a general-glo-ciphering APDU, with which an encrypted telegram begins.
pub(super) const CIPHERED: u8 = 0xdb;

/// Longest encrypted telegram. The longest in use have about 2,500 bytes; a length that the line changed makes a reader wait
/// for so many, and a meter is silent for it meanwhile.
const MAX_CIPHERED: usize = 4096;

/// What the CRC behind a telegram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sum {
    /// Meters before DSMR 4 send none.
    Absent,
    /// One to four digits: some meters leave out leading zeros.
    Is(u16),
    /// Something else.
    Broken,
}

/// The end of a telegram in the open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Where the exclamation mark stands.
    pub(super) mark: usize,
    /// Bytes of the telegram with its CRC.
    pub(super) length: usize,
    pub(super) sum: Sum,
}

/// The head of an encrypted telegram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) system_title: [u8; 8],
    pub(super) security: u8,
    pub(super) counter: u32,
    /// Where the body begins.
    pub(super) body: usize,
    /// Bytes of head and body.
    pub(super) length: usize,
}

/// What stands at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many bytes that begin nothing.
    Noise(usize),
    /// A telegram in the open.
    Text(End),
    /// An encrypted one.
    Ciphered(Head),
    /// So many bytes that began a telegram which does not end.
    Unended(usize, Fault),
    /// More must come; the search for an end goes on from here.
    More(usize),
}

/// Looks at the front. `searched` is what [`Step::More`] told before; nothing comes after what is `last`.
pub(super) fn step(bytes: &[u8], searched: usize, last: bool) -> Step {
    match bytes.first() {
        None => Step::More(0),
        Some(b'/') => text(bytes, searched, last),
        Some(&CIPHERED) => ciphered(bytes, last),
        Some(_) => Step::Noise(bytes.iter().position(|byte| matches!(*byte, b'/' | CIPHERED)).unwrap_or(bytes.len())),
    }
}

fn text(bytes: &[u8], searched: usize, last: bool) -> Step {
    let window = bytes.get(..MAX_TELEGRAM).unwrap_or(bytes);
    // A slash within ciphertext begins no telegram: no text holds the control characters that soon follow there. One meter's
    // identification does hold one.
    let ident =
        if is_ident(window) { window.iter().position(|byte| *byte == b'\n').unwrap_or(window.len()) } else { 0 };
    let from = searched.max(ident);
    let control = |byte: &u8| byte.is_ascii_control() && !matches!(*byte, b'\t' | b'\r' | b'\n');
    if let Some(stop) = window.iter().skip(from).position(control) {
        let window = window.get(..from + stop).unwrap_or_default();
        return end(window, searched, true)
            .map_or_else(|_| Step::Unended(restart(window).unwrap_or(window.len()), Fault::Cut), Step::Text);
    }
    let full = window.len() == MAX_TELEGRAM;
    match end(window, searched, last || full) {
        Ok(end) => Step::Text(end),
        Err(_) if full => Step::Unended(restart(window).unwrap_or(window.len()), Fault::TooLong),
        Err(_) if last => Step::Unended(restart(window).unwrap_or(window.len()), Fault::Cut),
        Err(searched) => Step::More(searched),
    }
}

/// The end of the telegram, or from where to search on.
pub(super) fn end(bytes: &[u8], mut searched: usize, last: bool) -> Result<End, usize> {
    while let Some(found) = bytes.get(searched..).and_then(|rest| rest.iter().position(|byte| *byte == b'!')) {
        let mark = searched + found;
        let before = mark.checked_sub(1).and_then(|at| bytes.get(at));
        if !matches!(before, Some(b'\r' | b'\n')) {
            searched = mark + 1;
            continue;
        }
        let behind = bytes.get(mark + 1..).unwrap_or_default();
        let digits = behind.iter().take(4).take_while(|byte| byte.is_ascii_hexdigit());
        let (count, sum) = digits.fold((0, 0), |(count, sum), digit| (count + 1, sum << 4 | hex(*digit)));
        let sum = match (count, behind.get(count)) {
            (0..=3, None) if !last => return Err(mark),
            (0, None | Some(b'\r' | b'\n' | b' ' | b'/')) => Sum::Absent,
            (4, _) | (_, None | Some(b'\r' | b'\n' | b' ' | b'/')) => Sum::Is(sum),
            _ => Sum::Broken,
        };
        return Ok(End { mark, length: mark + 1 + count, sum });
    }
    Err(bytes.len())
}

fn hex(digit: u8) -> u16 {
    u16::from(match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10),
    })
}

/// Where another telegram begins in the bytes of one: the one before was cut off. At the end of the bytes it may be a
/// beginning of which more must come.
pub(super) fn restart(bytes: &[u8]) -> Option<usize> {
    let begins = |from: &[u8]| from.first() == Some(&b'/') && from.iter().skip(1).take(3).all(u8::is_ascii_alphabetic);
    (1..bytes.len()).rev().find(|at| bytes.get(*at..).is_some_and(begins))
}

/// True for bytes that begin as a telegram does: a slash and the three letters of the maker.
pub(super) fn is_ident(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'/') && bytes.get(1..4).is_some_and(|maker| maker.iter().all(u8::is_ascii_alphabetic))
}

fn ciphered(bytes: &[u8], last: bool) -> Step {
    match head(bytes) {
        Some(Ok(head)) if bytes.len() >= head.length => Step::Ciphered(head),
        Some(Ok(head)) if last => {
            Step::Unended(inner_head(bytes, &head.system_title).unwrap_or(bytes.len()), Fault::Cut)
        }
        Some(Err(())) => Step::Noise(1),
        None if last => Step::Noise(bytes.len().min(1)),
        Some(Ok(_)) | None => Step::More(0),
    }
}

/// Where to go on when the bytes of a telegram do not open: at the next head of the meter that is known; where there is none,
/// at the last head of any, or what may become one.
pub(super) fn inner_head(bytes: &[u8], known: &[u8; 8]) -> Option<usize> {
    let known = |from: &[u8]| from.first_chunk::<2>() == Some(&[CIPHERED, 8]) && from.get(2..10) == Some(known);
    if let Some(at) = (1..bytes.len()).find(|at| bytes.get(*at..).is_some_and(known)) {
        return Some(at);
    }
    let last = |fits: fn(Option<Result<Head, ()>>) -> bool| {
        let at = bytes.iter().rposition(|byte| *byte == CIPHERED);
        (1..=at?).rev().find(|at| bytes.get(*at..).is_some_and(|from| fits(head(from))))
    };
    last(|head| matches!(head, Some(Ok(_)))).or_else(|| last(|head| head.is_none()))
}

/// Reads the head; `None` when it is not whole yet.
fn head(bytes: &[u8]) -> Option<Result<Head, ()>> {
    let (start, rest) = bytes.split_at_checked(2.min(bytes.len()))?;
    if !start.iter().zip([CIPHERED, 8]).all(|(byte, expected)| *byte == expected) {
        return Some(Err(()));
    }
    let (system_title, rest) = rest.split_first_chunk::<8>()?;
    let (first, rest) = rest.split_first()?;
    let (length, more, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), 0, rest),
        0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), 1, rest))?,
        0x82 => {
            rest.split_first_chunk::<2>().map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), 2, rest))?
        }
        _ => return Some(Err(())),
    };
    let (security, rest) = rest.split_first()?;
    let (counter, _) = rest.split_first_chunk::<4>()?;
    let head = Head {
        system_title: *system_title,
        security: *security,
        counter: u32::from_be_bytes(*counter),
        body: 2 + 8 + 1 + more + 5,
        length: 2 + 8 + 1 + more + length,
    };
    let whole = head.length > head.body && head.length <= MAX_CIPHERED && matches!(head.security & 0xaf, 0x20 | 0x21);
    Some(if whole { Ok(head) } else { Err(()) })
}
