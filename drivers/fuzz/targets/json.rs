#![no_main]
//! Publications of bridges, by each built-in map.

use std::sync::LazyLock;

use drivers::plain::json;

static MAPS: LazyLock<Vec<json::Map>> =
    LazyLock::new(|| json::BUILT_IN.iter().filter_map(|(_, text)| json::Map::parse(text).ok()).collect());

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for map in MAPS.iter() {
        drivers_fuzz::datagram(data, Box::new(json::Decoder::new(map.clone())));
    }
});
