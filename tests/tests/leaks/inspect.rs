//! A bill held against the allow-list of its fields, and the search for secrets in it.

use std::collections::HashSet;

use crate::bill::bill;
use crate::shape::check;

/// What must not leave.
pub struct Secrets {
    /// Readings, block by block.
    pub readings: Vec<Vec<u16>>,
    /// Keys, seeds, codes, openings.
    pub keys: Vec<Vec<u8>>,
}

/// What is in a bill that should not be; empty when nothing is.
pub fn leaks(bytes: &[u8], secrets: &Secrets) -> Vec<String> {
    let mut found = Vec::new();
    if let Err(problem) = check(bytes, &bill(false), "bill") {
        found.push(problem);
    }
    found.extend(search(bytes, secrets));
    found
}

/// Keys as bytes (either order), hexadecimal or Base64; four readings in a row as bytes or as text.
fn search(bytes: &[u8], secrets: &Secrets) -> Vec<String> {
    let mut found = Vec::new();
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for length in [16, 32] {
        let keys: HashSet<&[u8]> = secrets.keys.iter().filter(|k| k.len() == length).map(Vec::as_slice).collect();
        let reversed: HashSet<Vec<u8>> = keys.iter().map(|k| k.iter().rev().copied().collect()).collect();
        if bytes.windows(length).any(|w| keys.contains(w) || reversed.contains(w)) {
            found.push("a key or opening".into());
        }
        if keys.iter().any(|k| text.contains(&hex::encode(k))) {
            found.push("a key or opening in hexadecimal".into());
        }
    }
    // Runs of small numbers occur by chance; four readings above 50 in a row do not.
    for run in secrets.readings.iter().flat_map(|day| day.windows(4)).filter(|run| run.iter().all(|x| *x > 50)) {
        let little: Vec<u8> = run.iter().flat_map(|x| x.to_le_bytes()).collect();
        let big: Vec<u8> = run.iter().flat_map(|x| x.to_be_bytes()).collect();
        let digits: Vec<String> = run.iter().map(u16::to_string).collect();
        let as_text = [",", ", ", " ", "\n"].iter().any(|gap| text.contains(&digits.join(gap)));
        if as_text || contains(bytes, &little) || contains(bytes, &big) {
            found.push("readings".into());
            break;
        }
    }
    found
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let Some((first, rest)) = part.split_first() else { return false };
    bytes.iter().enumerate().any(|(at, byte)| byte == first && bytes[at + 1..].starts_with(rest))
}
