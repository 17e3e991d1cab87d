//! Secrets that people read aloud, print and type: pairing codes and recovery sheets.
//!
//! Crockford's base 32 without the letters that look like digits (I, L, O) or like V (U), in groups, with four check
//! symbols at the end: 20 bits of a hash over purpose and secret. A mistyped symbol is noticed with probability
//! 1 − 2⁻²⁰, and a code of one kind is never taken for another.

use metrology::keys::hash;
use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Check symbols at the end of a code.
pub const CHECK: usize = 4;
/// Groups in which a code is written.
pub const GROUPS: usize = 6;

/// What a code is for. A code of another kind does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The 128-bit code that a meter shows when it is paired: six groups of five.
    Pairing,
    /// The 160-bit recovery key of a home: six groups of six.
    Recovery,
    /// The 128-bit code with which a household enrols with its provider: six groups of five.
    Enrolment,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Pairing => b"pairing",
            Self::Recovery => b"recovery",
            Self::Enrolment => b"enrolment",
        }
    }
}

/// Why a typed code is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Too few or too many symbols.
    #[error(
        "the code has {found} letters and digits, it should have {wanted}; compare it with what is printed or shown"
    )]
    Length {
        /// Symbols that were typed.
        found: usize,
        /// Symbols of a whole code.
        wanted: usize,
    },
    /// A symbol that no code has.
    #[error("{0:?} does not occur in a code: it has the digits 0 to 9 and letters without I, L, O and U")]
    Symbol(char),
    /// The check symbols do not fit.
    #[error("the code has a typing mistake, or it is a code for something else; compare it group by group")]
    Check,
}

/// Symbols of a code over `N` bytes, check symbols included.
#[must_use]
pub const fn symbols(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5) + CHECK
}

/// Writes a secret as a code, in groups joined by hyphens.
#[must_use]
pub fn write(purpose: Purpose, secret: &[u8]) -> Zeroizing<String> {
    let mut digits = Zeroizing::new(Vec::with_capacity(symbols(secret.len())));
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in secret {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            digits.push((bits >> held) & 31);
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        digits.push((bits << (5 - held)) & 31);
    }
    digits.extend(check(purpose, secret));
    let size = digits.len().div_ceil(GROUPS);
    let mut text = Zeroizing::new(String::with_capacity(digits.len() + GROUPS));
    for (place, digit) in digits.iter().enumerate() {
        if place > 0 && place % size == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET.get(*digit as usize).copied().unwrap_or(b'?')));
    }
    text
}

/// Reads a typed code: capitals or not, with or without hyphens and spaces; O is read as 0, I and L as 1.
///
/// # Errors
/// See [`CodeError`].
pub fn read<const N: usize>(purpose: Purpose, text: &str) -> Result<Zeroizing<[u8; N]>, CodeError> {
    let typed = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
    let digits: Zeroizing<Vec<u32>> = Zeroizing::new(typed.map(digit).collect::<Result<_, _>>()?);
    let wanted = symbols(N);
    if digits.len() != wanted {
        return Err(CodeError::Length { found: digits.len(), wanted });
    }
    let (body, tail) = digits.split_at(wanted - CHECK);
    let mut secret = Zeroizing::new([0; N]);
    let (mut bits, mut held, mut place) = (0u32, 0u32, 0usize);
    for value in body {
        bits = (bits << 5) | value;
        held += 5;
        if held >= 8 {
            held -= 8;
            if let Some(byte) = secret.get_mut(place) {
                *byte = ((bits >> held) & 0xff) as u8;
            }
            place += 1;
        }
        bits &= (1 << held) - 1;
    }
    // Spare bits are zero, so that a secret has one code.
    if bits != 0 || tail != check(purpose, secret.as_slice()) {
        return Err(CodeError::Check);
    }
    Ok(secret)
}

fn check(purpose: Purpose, secret: &[u8]) -> [u32; CHECK] {
    let digest = hash("wattseal/v1/code", &[purpose.label(), b":", secret]);
    let [a, b, c, ..] = digest;
    let bits = u32::from_be_bytes([0, a, b, c]);
    [(bits >> 19) & 31, (bits >> 14) & 31, (bits >> 9) & 31, (bits >> 4) & 31]
}

fn digit(symbol: char) -> Result<u32, CodeError> {
    let upper = match symbol.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = ALPHABET.iter().position(|known| char::from(*known) == upper);
    place.and_then(|place| u32::try_from(place).ok()).ok_or(CodeError::Symbol(symbol))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn codes_come_back(secret: [u8; 16], longer: [u8; 20]) {
            let code = write(Purpose::Pairing, &secret);
            prop_assert_eq!(*read::<16>(Purpose::Pairing, &code).unwrap(), secret);
            let sheet = write(Purpose::Recovery, &longer);
            let sloppy = sheet.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            prop_assert_eq!(*read::<20>(Purpose::Recovery, &sloppy).unwrap(), longer);
        }
    }

    #[test]
    fn one_wrong_symbol_is_noticed() {
        let code: Vec<char> = write(Purpose::Recovery, &[0x5a; 20]).chars().filter(|c| *c != '-').collect();
        for at in 0..code.len() {
            for other in ALPHABET.iter().map(|b| char::from(*b)).filter(|c| *c != code[at]) {
                let mut bad = code.clone();
                bad[at] = other;
                let read = read::<20>(Purpose::Recovery, &bad.into_iter().collect::<String>());
                assert_eq!(read, Err(CodeError::Check), "symbol {at} as {other}");
            }
        }
    }

    #[test]
    fn groups_and_errors() {
        assert_eq!(write(Purpose::Pairing, &[0; 16]).split('-').map(str::len).collect::<Vec<_>>(), [5; 6]);
        assert_eq!(write(Purpose::Recovery, &[255; 20]).split('-').map(str::len).collect::<Vec<_>>(), [6; 6]);
        let code = write(Purpose::Pairing, &[7; 16]);
        assert_eq!(read::<16>(Purpose::Enrolment, &code), Err(CodeError::Check), "a code of another kind");
        assert_eq!(read::<16>(Purpose::Pairing, &code[..11]), Err(CodeError::Length { found: 10, wanted: 30 }));
        assert_eq!(read::<16>(Purpose::Pairing, "ABCDU"), Err(CodeError::Symbol('U')));
        assert_eq!(read::<20>(Purpose::Recovery, &code), Err(CodeError::Length { found: 30, wanted: 36 }));
    }
}
