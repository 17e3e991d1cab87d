#![no_main]
//! SML.

use drivers::plain::sml;

libfuzzer_sys::fuzz_target!(|data: &[u8]| drivers_fuzz::stream(data, || Box::new(sml::Sml::default())));
