//! Shapes of CBOR: a table of what a message may hold, and the walk that holds bytes against it. It shares no decoder with
//! the product, so a field that the product's own types would swallow shows up here.

use minicbor::Decoder;
use minicbor::data::Type;

/// What a field may be.
#[derive(Clone, Debug)]
pub enum Shape {
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

/// Holds all of `bytes` against a shape; gives every integer that they hold.
pub fn check(bytes: &[u8], shape: &Shape, path: &str) -> Result<Vec<i128>, String> {
    let (mut decoder, mut integers) = (Decoder::new(bytes), Vec::new());
    walk(&mut decoder, shape, path, &mut integers)?;
    if decoder.position() == bytes.len() { Ok(integers) } else { Err(format!("bytes after the {path}")) }
}

fn walk(d: &mut Decoder<'_>, shape: &Shape, path: &str, integers: &mut Vec<i128>) -> Result<(), String> {
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
        Integer => {
            integers.push(d.int().map_err(wrong)?.into());
            Ok(())
        }
        Bytes(length) => exact(d.bytes().map_err(wrong)?.len() == *length, bad),
        Upto(length) => exact(d.bytes().map_err(wrong)?.len() <= *length, bad),
        Points => exact(d.bytes().map_err(wrong)?.len() % 64 == 0, bad),
        Fields(fields) => {
            exact(d.array().map_err(wrong)? == Some(fields.len() as u64), bad)?;
            fields.iter().try_for_each(|(name, shape)| walk(d, shape, &format!("{path} › {name}"), integers))
        }
        List(shape) => {
            let length = d.array().map_err(wrong)?.ok_or_else(|| bad("a list without a length"))?;
            (0..length).try_for_each(|_| walk(d, shape, path, integers))
        }
        Wrapped(shape) => {
            let inner = d.bytes().map_err(wrong)?;
            let mut decoder = Decoder::new(inner);
            walk(&mut decoder, shape, path, integers)?;
            exact(decoder.position() == inner.len(), bad)
        }
        Cose(shape) => {
            exact(d.tag().map_err(wrong)?.as_u64() == 18 && d.array().map_err(wrong)? == Some(4), bad)?;
            exact(d.bytes().map_err(wrong)? == [0xa1, 1, 0x32] && d.map().map_err(wrong)? == Some(0), bad)?;
            walk(d, &Wrapped(shape.clone()), path, integers)?;
            exact(d.bytes().map_err(wrong)?.len() == 64, bad)
        }
        Optional(shape) => {
            if d.datatype().map_err(wrong)? == Type::Null {
                d.null().map_err(wrong)
            } else {
                walk(d, shape, path, integers)
            }
        }
    }
}

fn exact(holds: bool, bad: impl Fn(&str) -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(bad("not of the listed length or form")) }
}
