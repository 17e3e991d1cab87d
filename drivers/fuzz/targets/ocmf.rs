#![no_main]
//! Signed records.

use drivers::plain::ocmf;

libfuzzer_sys::fuzz_target!(|data: &[u8]| drivers_fuzz::stream(data, || Box::new(ocmf::Ocmf::default())));
