//! The constraint systems of the catalogue, pinned: a change of any row is a new circuit, which needs a new set-up.

/// What a circuit's constraint system is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pin {
    /// Public inputs, with the one.
    pub inputs: usize,
    /// Private variables.
    pub private: usize,
    /// Constraints.
    pub constraints: usize,
    /// [`super::System::hash`].
    pub hash: [u8; 32],
}

const fn pin(inputs: usize, private: usize, constraints: usize, hash: &[u8; 64]) -> Pin {
    let mut bytes = [0; 32];
    let mut place = 0;
    while place < bytes.len() {
        bytes[place] = digit(hash[2 * place]) << 4 | digit(hash[2 * place + 1]);
        place += 1;
    }
    Pin { inputs, private, constraints, hash: bytes }
}

const fn digit(text: u8) -> u8 {
    if text.is_ascii_digit() { text - b'0' } else { text - b'a' + 10 }
}

/// By name. `cargo test -p protocol --lib pins` prints what they are when they are not this.
pub(super) const PINS: &[(&str, Pin)] = &[
    ("energy-60", pin(5975, 37722, 37782, b"49e7eb75a854c247998077d07041eb6542f57d235f83e1bfa3766d4ba6bfb174")),
    ("demand-60", pin(10983, 113876, 117400, b"068e9a43f1cc852effa4366c3bebcde985611249d74b262632245df685105e27")),
    ("tiers-60", pin(9987, 69777, 70716, b"49ff80f3963807d541737f60d4d21163db413203bbba25d5ae748f29d2e8bc92")),
    ("query-60", pin(4485, 47515, 48313, b"a778efd5e107b3239c953d006380fe51acf7c2211fd7e9a2d957c50f634fed4d")),
    ("two-way-60", pin(8373, 65815, 65875, b"d04112c3ad920a4265ee30e469e790719a71171f10f2414e367c925344f9d5d3")),
    ("energy-30", pin(9815, 53850, 53910, b"35b9726485cdbe53244041ebf3e97c21cce5979a3fa84ee82792de00bc0344e2")),
    ("rounded-30", pin(5009, 78225, 81357, b"79a9ba6fce50684c7e22fac901aef46ebef89f405dfd37547a81439c390f8c93")),
    ("query-30", pin(8325, 77467, 79033, b"0c0a203325e543fbe9bdb55fb94ea1214176fb6d0d6cc22da171ed010068bc4e")),
    ("demand-30", pin(9816, 88532, 90226, b"5067d02ee210dd0c125ae8e40307308ee3206192dba5566a65473619f3b2209e")),
    ("tiers-30", pin(12892, 105622, 107325, b"59b8f2b56bee6f8250630abd91c718bcb0cf9f9c9930a980c5b8b67a24085e01")),
    ("mixed-60", pin(11059, 110465, 113452, b"9e589fb1f73e600ff0b9c4b408eb2c7c15fef19f723bb5957c9f7f9faa4e16a1")),
    ("mixed-30", pin(17731, 173601, 178568, b"349be0639f0b247ccf3dad22a0d2e8f24ed99a87174a82ba2699bbf8df7aabe3")),
    ("back-off-30", pin(11211, 115907, 119135, b"92585feeae9c10a025acc44e14ac22a7b2eb7de6c790b4f5b29d738803dc65cd")),
    ("two-way-30", pin(14517, 96535, 96595, b"3a98e18be46c70527a3378a2bc3d519f864369053dc17c3efa80648e4a7fb0d1")),
    ("energy-15", pin(17495, 86106, 86166, b"f000ebfe26001f057906a2992189f1264cfa638887d46f8eb99a61129fe88f73")),
    ("demand-15", pin(17496, 154580, 157810, b"e89f5eb4eb2b03dc3020622de65e00c59dc9fc6ba13a88472786dcb4fddc02a7")),
    ("tiers-15", pin(23644, 188566, 191805, b"6d64a72d7af9049df9ae23b54eb16ed0cd9f0f2b46723860b271fc759d4902a2")),
    ("back-off-15", pin(20427, 209603, 215903, b"5ea5072a7a7eb0d3f52e0e13a1852053283f07b36bc14cfa0ccfb63b0df77a8c")),
    ("two-way-15", pin(26805, 157975, 158035, b"aa4d33aded6ac9fcf96b1424509d55330c6f54c550d193d2ac35c9bd0e468d20")),
    ("query-15", pin(16005, 137371, 140473, b"8a1c943d1d37eee8705758470b90d5b7110e6149abe42d1e3a157b8d748e32e1")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::CATALOGUE;

    #[test]
    fn every_circuit_is_what_it_is_pinned_to() {
        let mut other = 0;
        for profile in CATALOGUE {
            let system = profile.system().unwrap();
            let is = Pin {
                inputs: system.inputs(),
                private: system.private(),
                constraints: system.constraints(),
                hash: system.hash(),
            };
            if profile.pin() != is {
                let Pin { inputs, private, constraints, hash } = is;
                let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                println!("    (\"{}\", pin({inputs}, {private}, {constraints}, b\"{hash}\")),", profile.name);
                other += 1;
            }
        }
        assert_eq!((other, PINS.len()), (0, CATALOGUE.len()));
    }
}
