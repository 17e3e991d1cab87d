#![no_main]
//! DLMS over HDLC, M-Bus and bare, in the open and encrypted.

use drivers::plain::{MeterKey, dlms};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    drivers_fuzz::stream(data, || Box::new(dlms::Dlms::default()));
    drivers_fuzz::stream(data, || Box::new(dlms::Dlms::new(Some(MeterKey::new([7; 16], None)))));
    drivers_fuzz::datagram(data, Box::new(dlms::Dlms::default()));
});
