//! The files of the oracles, where they are at hand.

use std::path::PathBuf;

use protocol::tariff::{Provider, SignedTariff};
use provider::desk;

/// A file, or `None` with a word about it.
pub fn read(name: &str) -> Option<Vec<u8>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("WATTSEAL_DATA").map_or(beside, PathBuf::from);
    let bytes = std::fs::read(folder.join(name)).ok();
    if bytes.is_none() {
        println!("SKIPPED: {name} is not in {}; set WATTSEAL_DATA", folder.display());
    }
    bytes
}

/// A JSON file.
pub fn json(name: &str) -> Option<serde_json::Value> {
    read(name).map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

/// A column of a CSV file after its time; what is empty is 0.
pub fn column(name: &str) -> Option<Vec<String>> {
    let text = String::from_utf8(read(name)?).unwrap();
    Some(text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().to_owned()).collect())
}

/// Watt-hours.
pub fn load(name: &str) -> Option<Vec<u16>> {
    Some(column(name)?.iter().map(|field| if field.is_empty() { 0 } else { field.parse().unwrap() }).collect())
}

/// Compiles a source, signs it, and reads it as anybody will.
pub fn tariff(source: &str, file: &[u8]) -> SignedTariff {
    let key = ed25519_dalek::SigningKey::from_bytes(&[42; 32]);
    let provider = Provider { name: "Oracle".into(), key: key.verifying_key().to_bytes() };
    let compiled = desk::compile(source, &mut |_| Ok(file.to_vec()), &provider);
    let compiled = compiled.unwrap_or_else(|error| panic!("{error}\n{source}"));
    let signed = SignedTariff::read(&compiled.sign(&key).unwrap()).unwrap();
    let _ = desk::Account::of(&signed).to_string();
    signed
}

/// Twelve numbers of an oracle.
pub fn twelve(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}
