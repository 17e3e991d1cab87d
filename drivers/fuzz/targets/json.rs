#![no_main]
//! Publications of bridges, by each built-in map.

use std::sync::LazyLock;

use drivers::plain::json;
use drivers::profile::Profiles;

static MAPS: LazyLock<Vec<json::Map>> = LazyLock::new(|| Profiles::built_in().maps());

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let topic = String::from_utf8_lossy(data.split(|byte| *byte == 0).next().unwrap_or_default());
    for map in MAPS.iter() {
        drivers_fuzz::datagram(data, Box::new(json::Decoder::anywhere(map.clone(), &topic)));
    }
    drivers_fuzz::datagram(data, Box::new(json::Guess::new(MAPS.clone())));
});
