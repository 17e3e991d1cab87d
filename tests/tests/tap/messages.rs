//! Shapes of the signed messages between household and provider, as docs/provider-service.md lists them.

use crate::bill::certificate;
use crate::shape::Shape::{self, Bytes, Cose, Fields, Integer, List, Name, Optional, Text, Wrapped};

fn signed(fields: Vec<(&'static str, Shape)>) -> Shape {
    Cose(Box::new(Fields(fields)))
}

/// A file of a meter's certificates.
pub fn certificates() -> Shape {
    Fields(vec![
        ("kind", Text(&["wattseal/meter"])),
        ("version", Integer),
        ("certificates", List(Box::new(Wrapped(Box::new(certificate()))))),
    ])
}

/// A household's next key.
pub fn next_key() -> Shape {
    signed(vec![("version", Integer), ("provider", Bytes(32)), ("present key", Bytes(32)), ("next key", Bytes(32))])
}

/// A provider's command to a meter: a credit, or one that has no parameters.
pub fn commands() -> Vec<Shape> {
    let currency = Fields(vec![("code", Name(3)), ("exponent", Integer)]);
    let credit = Fields(vec![("amount", Integer), ("currency", currency)]);
    [credit, Fields(Vec::new())]
        .map(|parameters| {
            signed(vec![
                ("version", Integer),
                ("meter", Bytes(32)),
                ("sequence", Integer),
                ("issued", Integer),
                ("expires", Integer),
                ("action", Fields(vec![("kind", Integer), ("parameters", parameters)])),
            ])
        })
        .to_vec()
}

/// A meter's receipt for a command: there is no room in it for anything that depends on consumption.
pub fn command_receipt() -> Shape {
    signed(vec![
        ("version", Integer),
        ("meter", Bytes(32)),
        ("sequence", Integer),
        ("command", Bytes(32)),
        ("outcome", Integer),
        ("at", Integer),
    ])
}

/// A provider's receipt for a bill: what corrects or is corrected stands at its end, and what is not there is left out.
pub fn bill_receipts() -> Vec<Shape> {
    let digest = || Optional(Box::new(Bytes(32)));
    let all = [
        ("version", Integer),
        ("provider", Bytes(32)),
        ("digest", Bytes(32)),
        ("contract", Name(64)),
        ("booked at", Integer),
        ("verdict", Text(&["valid"])),
        ("corrects", digest()),
        ("corrected by", digest()),
    ];
    (6..=all.len()).map(|length| signed(all[..length].to_vec())).collect()
}

/// A provider's list of revocations.
pub fn revocations() -> Shape {
    let epoch = Fields(vec![("certificate", Bytes(32)), ("since", Integer), ("reason", Name(200))]);
    let leaf = Fields(vec![("certificate", Bytes(32)), ("since", Integer)]);
    signed(vec![
        ("version", Integer),
        ("provider", Bytes(32)),
        ("number", Integer),
        ("issued", Integer),
        ("next", Integer),
        ("epochs", List(Box::new(epoch))),
        ("leaves", List(Box::new(leaf))),
    ])
}

/// A hand-over from one key of a provider to the next.
pub fn succession() -> Shape {
    let handed = signed(vec![
        ("version", Integer),
        ("old", Bytes(32)),
        ("new", Bytes(32)),
        ("from", Integer),
        ("old until", Integer),
    ]);
    Fields(vec![
        ("kind", Text(&["wattseal/succession"])),
        ("version", Integer),
        ("signed", Wrapped(Box::new(handed))),
        ("accepted", Bytes(64)),
    ])
}
