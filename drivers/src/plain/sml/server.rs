//! The address by which an SML meter names itself, the number that is printed on it, and what is known of its make.

#![deny(clippy::indexing_slicing)]

use std::fmt;
use std::ops::RangeInclusive;

/// DZG's meters of these numbers send a positive power in too few bytes, so that it reads as a negative one: the
/// DVS-7412 and DVS-7420 of their first years. Numbers from 60000000 on are free of it. (Found by the makers of libSML.)
const DZG_SHORT_POWER: [RangeInclusive<u32>; 2] = [42_000_000..=48_999_999, 55_000_000..=58_999_999];

/// The address of a meter, a "server" in the terms of SML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Server<'a>(pub(super) &'a [u8]);

impl Server<'_> {
    /// Three letters of the maker, where the address holds them.
    pub(super) fn maker(self) -> Option<String> {
        match self.0 {
            [0x06, a, b, c, ..] | [0x09 | 0x0a, _, a, b, c, ..] => letters(&[*a, *b, *c]),
            _ => None,
        }
    }

    /// Net power as the meter meant it, from the number and the bytes it took. These meters send negative power in four
    /// bytes always.
    pub(super) fn power(self, value: i64, bytes: usize) -> Option<i64> {
        let short = bytes <= 3 && value < 0 && self.number_of(*b"DZG").is_some_and(short_power);
        if !short {
            return Some(value);
        }
        let wrap = 1_i64.checked_shl(u32::try_from(bytes).ok()?.checked_mul(8)?)?;
        value.checked_add(wrap)
    }

    /// The number of a meter of this maker, by DIN 43863-5.
    fn number_of(self, maker: [u8; 3]) -> Option<u32> {
        match self.0 {
            [0x09 | 0x0a, _, a, b, c, _, n @ ..] if [*a, *b, *c] == maker => n.try_into().ok().map(u32::from_be_bytes),
            _ => None,
        }
    }
}

fn short_power(number: u32) -> bool {
    DZG_SHORT_POWER.iter().any(|range| range.contains(&number))
}

impl fmt::Display for Server<'_> {
    /// In hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Capital letters as text, where they are nothing else.
pub(super) fn letters(octets: &[u8]) -> Option<String> {
    let good = octets.len() == 3 && octets.iter().all(u8::is_ascii_uppercase);
    good.then(|| octets.iter().copied().map(char::from).collect())
}

/// The number that is printed on a meter, from the address that it sends: `0a014c475a0003403b49` is `1LGZ0054541129`
/// (DIN 43863-5). `None` for addresses of other kinds.
#[must_use]
pub fn printed(address: &str) -> Option<String> {
    if address.len() != 20 || !address.is_ascii() {
        return None;
    }
    let bytes: Vec<u8> = address
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect::<Option<_>>()?;
    let [0x09 | 0x0a, medium, a, b, c, block, number @ ..] = bytes.as_slice() else { return None };
    let maker = letters(&[*a, *b, *c])?;
    let number = u32::from_be_bytes(number.try_into().ok()?);
    (*medium < 16 && *block < 100 && number < 100_000_000).then(|| format!("{medium:X}{maker}{block:02}{number:08}"))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_printed_number_is_told_where_the_address_holds_one() {
        assert_eq!(printed("0a014c475a0003403b49").as_deref(), Some("1LGZ0054541129"));
        assert_eq!(printed("0901445a470000000007").as_deref(), Some("1DZG0000000007"));
        for other in [
            "",
            "06454d4801020304050607",
            "0a014c475a00ffffffff",
            "0a01ééééé",
            "0a01zzzzzzzzzzzzzzzz",
            "01a815112233440102",
        ] {
            assert_eq!(printed(other), None, "{other}");
        }
    }

    #[test]
    fn makers_are_told_by_their_letters() {
        assert_eq!(Server(&[0x0a, 1, b'L', b'G', b'Z', 0, 1, 2, 3, 4]).maker().as_deref(), Some("LGZ"));
        assert_eq!(Server(&[0x06, b'E', b'M', b'H', 1, 2, 3, 4, 5, 6]).maker().as_deref(), Some("EMH"));
        assert_eq!(Server(&[1, 0xa8, 0x15, 1, 2]).maker(), None);
        assert_eq!(Server(&[0x0a, 1, 0, 1, 2, 0]).maker(), None);
    }

    #[test]
    fn power_of_the_meters_with_the_wrong_sign_is_put_right() {
        let server = |number: u32| [&[0x0a, 1, b'D', b'Z', b'G', 0], &number.to_be_bytes()[..]].concat();
        let broken = server(42_123_456);
        // 328.05 W in two bytes, and -1260.61 W in four: the figures that libSML's authors give.
        assert_eq!(Server(&broken).power(-32_731, 2), Some(32_805));
        assert_eq!(Server(&broken).power(-126_061, 4), Some(-126_061));
        assert_eq!(Server(&broken).power(-1, 1), Some(255));
        assert_eq!(Server(&broken).power(100, 2), Some(100));
        for fixed in [41_999_999, 49_000_000, 54_999_999, 60_000_000] {
            assert_eq!(Server(&server(fixed)).power(-32_731, 2), Some(-32_731), "{fixed}");
        }
    }

    proptest! {
        #[test]
        fn any_address_is_safe(address: Vec<u8>, text: String, value: i64, bytes in 0usize..9) {
            let _ = Server(&address).power(value, bytes);
            let _ = (Server(&address).maker(), Server(&address).to_string(), printed(&text));
        }
    }
}
