//! Real captures of meters that speak in bytes, and signed records. The files are not part of the project: they are read
//! where `WATTSEAL_DATA` names them, or beside the repository; without them these tests say that they skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod dlms;
mod ocmf;
mod sml;

use std::path::{Path, PathBuf};

use drivers::plain::file::bytes_of;
use drivers::plain::{Decode, Fault, Moment, Telegram};
use drivers::{Chunk, Damage, Found};
use serde_json::{Map, Value};

/// The captures of a protocol: each file's name, what is expected of it, and its bytes.
fn captures(protocol: &str) -> Option<Vec<(String, Value, Vec<u8>)>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("WATTSEAL_DATA").map_or(beside, PathBuf::from).join("captures").join(protocol);
    let Ok(expected) = std::fs::read_to_string(folder.join("expected.json")) else {
        println!("SKIPPED: there is no {}; set WATTSEAL_DATA", folder.display());
        return None;
    };
    let expected: Map<String, Value> = serde_json::from_str(&expected).unwrap();
    let read = |name: &String| std::fs::read(folder.join(name)).unwrap();
    Some(expected.into_iter().map(|(name, what)| (name.clone(), what, read(&name))).collect())
}

/// What a decoder found.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    telegrams: Vec<Telegram>,
    faults: Vec<Fault>,
    noise: u64,
}

/// All that a file says, heard in pieces of a length.
fn heard(decoder: &mut dyn Decode, file: &[u8], piece: usize) -> Heard {
    let mut heard = Heard::default();
    let bytes = bytes_of(file);
    let mut found: Vec<_> = bytes.chunks(piece).flat_map(|part| decoder.hear(&Chunk::Bytes(part.to_vec()))).collect();
    found.extend(decoder.end());
    for one in found {
        match one {
            Found::Message(telegram) => heard.telegrams.push(telegram),
            Found::Damaged(Damage::Plain(fault)) => heard.faults.push(fault),
            Found::Damaged(other) => panic!("{other}"),
            Found::Noise(bytes) => heard.noise += bytes,
        }
    }
    heard
}

/// A number as it is written down, without superfluous digits; `None` for null and for what is not there.
fn number(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    Some(text.strip_suffix(".0").unwrap_or(&text).to_owned())
}

/// The local time as it is written down.
fn shown(telegram: &Telegram) -> Option<String> {
    match telegram.at {
        Some(Moment::Clock(stamp)) => Some(stamp.shown.strftime("%Y-%m-%d %H:%M:%S").to_string()),
        _ => None,
    }
}
