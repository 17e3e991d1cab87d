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
    ("energy-60", pin(6479, 41438, 41498, b"514c9f641019296e223378c372e37b4a6ec723bebc5d3d131b2be2f1446ba989")),
    ("demand-60", pin(10230, 105208, 108190, b"a982ec67d37ffe3d159e387650c4b969880e30fc2781e60671c1e0221550ea8e")),
    ("tiers-60", pin(10979, 77449, 78496, b"5bd7dd62d1dee4d489007c06f80bf173ec42422b6ba163cccd67523883110e30")),
    ("query-60", pin(4973, 52943, 53837, b"94cafdf02e1a4f6b2f2c527d8f09a4b39a497a77686405ec3508433e575783de")),
    ("two-way-60", pin(9181, 73047, 73107, b"111d1ae9e90ed02011e41c3c1ae56477204612b537eb626bee8b3109e76346a6")),
    ("maxima-60", pin(10983, 113876, 117400, b"068e9a43f1cc852effa4366c3bebcde985611249d74b262632245df685105e27")),
    ("energy-30", pin(9815, 53850, 53910, b"35b9726485cdbe53244041ebf3e97c21cce5979a3fa84ee82792de00bc0344e2")),
    ("rounded-30", pin(5009, 78225, 81357, b"79a9ba6fce50684c7e22fac901aef46ebef89f405dfd37547a81439c390f8c93")),
    ("query-30", pin(8325, 77467, 79033, b"0c0a203325e543fbe9bdb55fb94ea1214176fb6d0d6cc22da171ed010068bc4e")),
    ("demand-30", pin(9816, 88532, 90226, b"5067d02ee210dd0c125ae8e40307308ee3206192dba5566a65473619f3b2209e")),
    ("tiers-30", pin(12892, 105622, 107325, b"59b8f2b56bee6f8250630abd91c718bcb0cf9f9c9930a980c5b8b67a24085e01")),
    ("mixed-60", pin(11059, 110465, 113452, b"9e589fb1f73e600ff0b9c4b408eb2c7c15fef19f723bb5957c9f7f9faa4e16a1")),
    ("mixed-30", pin(17731, 173601, 178568, b"349be0639f0b247ccf3dad22a0d2e8f24ed99a87174a82ba2699bbf8df7aabe3")),
    ("back-off-30", pin(11211, 115907, 119135, b"92585feeae9c10a025acc44e14ac22a7b2eb7de6c790b4f5b29d738803dc65cd")),
    ("two-way-30", pin(14517, 96535, 96595, b"3a98e18be46c70527a3378a2bc3d519f864369053dc17c3efa80648e4a7fb0d1")),
    ("energy-15", pin(19439, 95870, 95930, b"583bcb760901dbe773e9e7062d870fe99729c16352a565d0f9403a793daaeb6a")),
    ("demand-15", pin(19444, 172904, 176530, b"bd5de8325bbaf851f5ce1fd2bce017f0b43d498ba6026b253d24ff718d5899bd")),
    ("tiers-15", pin(26356, 211110, 214745, b"d3c365e80df11b400c8ff94e8c8ebbc89646473ced1c9914570d481ecdddb321")),
    ("back-off-15", pin(22173, 228527, 235412, b"0918cc0cf5f56af7ba8805913ecbeccbf26a136f1684f81d11d04e9179af8e2d")),
    ("two-way-15", pin(29917, 176727, 176787, b"6b9f3b3b0d9fef20cc3637659ecc600f98f21058c76d708f6de916c01aacfa04")),
    ("query-15", pin(17933, 154031, 157517, b"16855b2bdba75f0f7b478d6b1d0f35324a6d0a6b059c404a05e54715988df10a")),
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
