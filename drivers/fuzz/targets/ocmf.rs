#![no_main]
//! Signed records, without a key and with one: that of the record in seeds, and points of other curves.

use std::sync::LazyLock;

use drivers::plain::ocmf::{self, PublicKey};

/// P-256: the key of RFC 6979, A.2.5. The others are the generators of their curves.
const KEYS: [&str; 4] = [
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177\
     a3c294d4462299",
    "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    "03188da80eb03090f67cbf20eb43a18800f4ff0afd82ff1012",
    "03aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
];

static PARSED: LazyLock<Vec<PublicKey>> =
    LazyLock::new(|| KEYS.iter().map(|key| PublicKey::from_text(key).expect("a point")).collect());

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    drivers_fuzz::stream(data, || Box::new(ocmf::Ocmf::default()));
    let key = &PARSED[usize::from(data.first().copied().unwrap_or(0)) % PARSED.len()];
    drivers_fuzz::stream(data, || Box::new(ocmf::Ocmf::new(Some(key.clone()))));
    // A key in text is what a householder types.
    let _ = PublicKey::from_text(&String::from_utf8_lossy(data));
});
