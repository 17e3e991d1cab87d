//! The allow-list of a bill and the search for secrets in it. It reads plain CBOR and shares no decoder with the
//! product, so a field that the product's own types would swallow shows up here.

use std::collections::HashSet;

use minicbor::Decoder;
use minicbor::data::Type;

/// What must not leave.
pub struct Secrets {
    /// Readings, block by block.
    pub readings: Vec<Vec<u16>>,
    /// Keys, seeds, codes, openings.
    pub keys: Vec<Vec<u8>>,
}

/// What a field may be.
enum Shape {
    /// A text, one of these.
    Text(&'static [&'static str]),
    /// A text such as a register code: at most so many bytes.
    Name(usize),
    /// An integer.
    Integer,
    /// Bytes of exactly this length.
    Bytes(usize),
    /// Bytes of at most this length.
    Upto(usize),
    /// Whole 64-byte points.
    Points,
    /// An array of exactly these fields.
    Fields(Vec<(&'static str, Shape)>),
    /// An array of any number of one shape.
    List(Box<Shape>),
    /// A byte string that holds CBOR of this shape.
    Wrapped(Box<Shape>),
    /// A COSE_Sign1 with a payload of this shape.
    Cose(Box<Shape>),
    /// Null, or this.
    Optional(Box<Shape>),
}

use Shape::{Bytes, Cose, Fields, Integer, List, Name, Optional, Points, Text, Upto, Wrapped};

/// The allow-list: every field that a bill may have.
fn bill() -> Shape {
    let list = |shape| List(Box::new(shape));
    let wrapped = |shape| Wrapped(Box::new(shape));
    let segment =
        Fields(vec![("certificate", Bytes(32)), ("first block", Integer), ("blocks", Integer), ("head", Bytes(32))]);
    let metered = Fields(vec![
        ("register", Name(24)),
        ("interval", Integer),
        ("segments", list(segment)),
        ("missing", Integer),
        ("estimated", Integer),
        ("tamper", Integer),
        ("events", Integer),
    ]);
    let statement = Fields(vec![
        ("kind", Text(&["linear-bill"])),
        ("version", Integer),
        ("suite", Integer),
        ("recipient", Bytes(32)),
        ("purpose", Text(&["billing"])),
        ("nonce", Bytes(16)),
        ("tariff", Bytes(32)),
        ("period", Fields(vec![("from", Integer), ("until", Integer)])),
        ("metered", list(metered)),
        ("sums of energy lines", list(Integer)),
        ("corrects", Optional(Box::new(Bytes(32)))),
        ("fee", Integer),
    ]);
    let proof = Fields(vec![("lines", list(Fields(vec![("commitment", Bytes(64)), ("response", Bytes(32))])))]);
    let certificate = Fields(vec![
        ("version", Integer),
        ("suite", Integer),
        ("meter", Name(32)),
        ("class", Integer),
        ("identity key", Bytes(32)),
        ("epoch", Integer),
        ("signing key", Bytes(32)),
        ("agreement key", Bytes(32)),
        ("first second", Integer),
        ("previous", Optional(Box::new(Bytes(32)))),
        ("heads", list(Fields(vec![("register", Name(24)), ("head", Bytes(32))]))),
    ]);
    let header = Fields(vec![
        ("version", Integer),
        ("suite", Integer),
        ("certificate", Bytes(32)),
        ("epoch", Integer),
        ("register", Name(24)),
        ("unit", Name(8)),
        ("kind", Integer),
        ("interval", Integer),
        ("day", Integer),
        ("first", Integer),
        ("count", Integer),
        ("status map", Upto(24)),
        ("clock quality", Integer),
        ("events", Integer),
        ("block", Integer),
        ("pairing", Integer),
        ("household fingerprint", Bytes(32)),
        ("previous", Bytes(32)),
        ("list", Bytes(32)),
        ("day commitment", Bytes(32)),
        ("residual commitment", Bytes(64)),
    ]);
    let block = Fields(vec![("header", wrapped(header)), ("commitments", Points)]);
    Fields(vec![
        ("kind", Text(&["wattseal/bill"])),
        ("version", Integer),
        ("statement", wrapped(statement)),
        ("proof", wrapped(proof)),
        ("certificates", list(wrapped(Cose(Box::new(certificate))))),
        (
            "chains",
            list(Fields(vec![("register", Name(24)), ("blocks", list(block)), ("signatures", list(Bytes(64)))])),
        ),
    ])
}

/// What is in a bill that should not be; empty when nothing is.
pub fn leaks(bytes: &[u8], secrets: &Secrets) -> Vec<String> {
    let mut found = Vec::new();
    let mut decoder = Decoder::new(bytes);
    if let Err(problem) = walk(&mut decoder, &bill(), "bill") {
        found.push(problem);
    } else if decoder.position() != bytes.len() {
        found.push("bytes after the bill".into());
    }
    found.extend(search(bytes, secrets));
    found
}

fn walk(d: &mut Decoder<'_>, shape: &Shape, path: &str) -> Result<(), String> {
    let bad = |what: &str| format!("{path}: {what}");
    let wrong = |_| bad("not of the listed type");
    match shape {
        Text(known) => {
            let text = d.str().map_err(wrong)?;
            if known.contains(&text) { Ok(()) } else { Err(bad("a text that is not listed")) }
        }
        Name(longest) => {
            if d.str().map_err(wrong)?.len() <= *longest {
                Ok(())
            } else {
                Err(bad("a name too long"))
            }
        }
        Integer => d.int().map(|_| ()).map_err(wrong),
        Bytes(length) => exact(d.bytes().map_err(wrong)?.len() == *length, bad),
        Upto(length) => exact(d.bytes().map_err(wrong)?.len() <= *length, bad),
        Points => exact(d.bytes().map_err(wrong)?.len() % 64 == 0, bad),
        Fields(fields) => {
            exact(d.array().map_err(wrong)? == Some(fields.len() as u64), bad)?;
            fields.iter().try_for_each(|(name, shape)| walk(d, shape, &format!("{path} › {name}")))
        }
        List(shape) => {
            let length = d.array().map_err(wrong)?.ok_or_else(|| bad("a list without a length"))?;
            (0..length).try_for_each(|_| walk(d, shape, path))
        }
        Wrapped(shape) => {
            let inner = d.bytes().map_err(wrong)?;
            let mut decoder = Decoder::new(inner);
            walk(&mut decoder, shape, path)?;
            exact(decoder.position() == inner.len(), bad)
        }
        Cose(shape) => {
            exact(d.tag().map_err(wrong)?.as_u64() == 18 && d.array().map_err(wrong)? == Some(4), bad)?;
            exact(d.bytes().map_err(wrong)? == [0xa1, 1, 0x32] && d.map().map_err(wrong)? == Some(0), bad)?;
            walk(d, &Wrapped(Box::new(clone(shape))), path)?;
            exact(d.bytes().map_err(wrong)?.len() == 64, bad)
        }
        Optional(shape) => {
            if d.datatype().map_err(wrong)? == Type::Null {
                d.null().map_err(wrong)
            } else {
                walk(d, shape, path)
            }
        }
    }
}

fn exact(holds: bool, bad: impl Fn(&str) -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(bad("not of the listed length or form")) }
}

/// Shapes of certificates hold no references to share; copying one by hand keeps `Shape` a plain table.
fn clone(shape: &Shape) -> Shape {
    match shape {
        Text(known) => Text(known),
        Name(n) => Name(*n),
        Integer => Integer,
        Bytes(n) => Bytes(*n),
        Upto(n) => Upto(*n),
        Points => Points,
        Fields(fields) => Fields(fields.iter().map(|(name, shape)| (*name, clone(shape))).collect()),
        List(shape) => List(Box::new(clone(shape))),
        Wrapped(shape) => Wrapped(Box::new(clone(shape))),
        Cose(shape) => Cose(Box::new(clone(shape))),
        Optional(shape) => Optional(Box::new(clone(shape))),
    }
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
