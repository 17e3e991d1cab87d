#![no_main]
//! Linky, both modes.

use drivers::plain::tic;

libfuzzer_sys::fuzz_target!(|data: &[u8]| drivers_fuzz::stream(data, || Box::new(tic::Decoder::default())));
