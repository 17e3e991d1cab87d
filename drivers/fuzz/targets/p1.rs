#![no_main]
//! P1 telegrams, in the open and encrypted.

use drivers::plain::{MeterKey, p1};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    drivers_fuzz::stream(data, || Box::new(p1::Decoder::default()));
    drivers_fuzz::stream(data, || Box::new(p1::Decoder::new(Some(MeterKey::new([7; 16], Some([8; 16]))))));
});
