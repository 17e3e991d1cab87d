#![no_main]
//! IEC 62056-21.

use drivers::plain::d0;

libfuzzer_sys::fuzz_target!(|data: &[u8]| drivers_fuzz::stream(data, || Box::new(d0::Decoder::default())));
