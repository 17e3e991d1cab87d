//! Key-encryption keys and the recovery key of the sheet.

use std::fmt;

use hkdf::Hkdf;
use protocol::code::{self, GROUPS, Purpose};
use rand_core::{CryptoRng, RngCore};
use sha2::Sha512;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::CustodyError;

/// Separates the recovery KEK from every other use of HKDF.
const RECOVERY: &[u8] = b"wattseal/v1/recovery-kek";

/// Symbols of a group on the sheet.
pub(super) const GROUP: usize = code::symbols(RecoveryKey::BYTES) / GROUPS;

/// A key that wraps the database key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Kek([u8; 32]);

impl Kek {
    /// Takes over bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh one.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The bytes, for the place that keeps them.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kek(…)")
    }
}

/// The 160 random bits that are printed on the recovery sheet.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RecoveryKey([u8; Self::BYTES]);

impl RecoveryKey {
    /// Its length.
    pub const BYTES: usize = 20;

    /// A fresh one.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; Self::BYTES];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Finds the recovery key in what a person typed, or in the text of a whole sheet: either the text is the code
    /// itself, in any grouping, or it has six lines that begin with the numbers 1 to 6, each followed by a group.
    ///
    /// # Errors
    /// When there is none or it has a typing mistake.
    pub fn read(text: &str) -> Result<Self, CustodyError> {
        let numbered = numbered_groups(text);
        let code = numbered.as_ref().map_or(text, |code| code.as_str());
        if code.trim().is_empty() {
            return Err(CustodyError::NoCode);
        }
        Ok(Self(*code::read(Purpose::Recovery, code)?))
    }

    /// The six groups, as printed.
    #[must_use]
    pub fn groups(&self) -> Vec<Zeroizing<String>> {
        let code = code::write(Purpose::Recovery, &self.0);
        code.split('-').map(|group| Zeroizing::new(group.to_owned())).collect()
    }

    /// The key that wraps the database key in the recovery slot.
    #[must_use]
    pub fn kek(&self) -> Kek {
        let mut bytes = [0; 32];
        let expanded = Hkdf::<Sha512>::new(None, &self.0).expand(RECOVERY, &mut bytes);
        // 32 bytes are far below HKDF's limit.
        debug_assert!(expanded.is_ok());
        Kek(bytes)
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(…)")
    }
}

/// The groups of a printed sheet, joined; `None` when the text is no sheet.
fn numbered_groups(text: &str) -> Option<Zeroizing<String>> {
    // Room for all of it, in any letters: a text that grows leaves copies behind.
    let mut code = Zeroizing::new(String::with_capacity(GROUPS * GROUP * 4));
    let mut next = 1;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let number = words.next().and_then(|word| word.trim_end_matches(['.', ':']).parse::<usize>().ok());
        if let (Some(number), Some(group), None) = (number, words.next(), words.next())
            && number == next
            && group.chars().count() == GROUP
        {
            code.push_str(group);
            next += 1;
        }
    }
    (next == GROUPS + 1).then_some(code)
}

/// Whether a typed group is the printed one.
#[must_use]
pub fn same_group(printed: &str, typed: &str) -> bool {
    normal_group(printed).as_bytes().ct_eq(normal_group(typed).as_bytes()).into()
}

/// A typed group as it is compared: capitals, and the letters that are read as digits.
pub(super) fn normal_group(typed: &str) -> Zeroizing<String> {
    let mut group = Zeroizing::new(String::with_capacity(typed.len()));
    for symbol in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        group.push(match symbol.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        });
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::OsRng;

    #[test]
    fn a_sheet_and_a_typed_code_are_read_alike() {
        let key = RecoveryKey::generate(&mut OsRng);
        let groups: Vec<String> = key.groups().iter().map(|g| g.to_string()).collect();
        assert_eq!(groups.iter().map(String::len).collect::<Vec<_>>(), [6; 6]);
        let typed = groups.join(" ").to_lowercase();
        let lines = groups.iter().enumerate().map(|(at, group)| format!("  {}.  {group}\n", at + 1));
        let sheet = format!("A sheet of 2026\nhome 12 34\n\n{}\n1. Keep it.\n", lines.collect::<String>());
        let one_a_line = groups.join("\n");
        for text in [typed.as_str(), sheet.as_str(), one_a_line.as_str()] {
            assert_eq!(RecoveryKey::read(text).unwrap().0, key.0, "{text}");
        }
        for bad in ["", "\n \n", "1 AAAAAA", "no key here", &typed[1..], &sheet.replacen("3.  ", "3.  U", 1)] {
            assert!(RecoveryKey::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_kek_has_a_label_of_its_own() {
        let key = RecoveryKey([7; 20]);
        assert_eq!(key.kek().expose(), RecoveryKey([7; 20]).kek().expose());
        assert_ne!(key.kek().expose(), RecoveryKey([8; 20]).kek().expose());
        let mut other = [0; 32];
        Hkdf::<Sha512>::new(None, &[7; 20]).expand(b"wattseal/v1/another", &mut other).unwrap();
        assert_ne!(*key.kek().expose(), other);
        assert_eq!(format!("{key:?} {:?}", key.kek()), "RecoveryKey(…) Kek(…)");
    }
}
