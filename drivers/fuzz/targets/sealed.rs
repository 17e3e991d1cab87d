#![no_main]
//! The dialect of a sealing meter, cut as the first byte says.

use drivers::{Chunk, sealed};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((cut, bytes)) = data.split_first() else { return };
    let mut decoder = sealed::Decoder::default();
    for part in bytes.chunks(usize::from(*cut).max(1)) {
        decoder.hear(&Chunk::Bytes(part.to_vec()));
    }
    decoder.hear(&Chunk::Datagram { topic: String::new(), payload: bytes.to_vec() });
});
