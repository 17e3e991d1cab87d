//! The allow-list of a bill: every field that it may have.

use crate::shape::Shape::{self, Bytes, Cose, Fields, Integer, List, Name, Optional, Points, Text, Upto, Wrapped};

/// A bill; with `totals`, when what each register took was asked for.
pub fn bill(totals: bool) -> Shape {
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
    let mut statement = vec![
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
    ];
    if totals {
        statement.push(("totals", list(Integer)));
    }
    let proof = Fields(vec![("lines", list(Fields(vec![("commitment", Bytes(64)), ("response", Bytes(32))])))]);
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
        ("statement", wrapped(Fields(statement))),
        ("proof", wrapped(proof)),
        ("certificates", list(wrapped(certificate()))),
        (
            "chains",
            list(Fields(vec![("register", Name(24)), ("blocks", list(block)), ("signatures", list(Bytes(64)))])),
        ),
    ])
}

/// A meter's certificate of one epoch.
pub fn certificate() -> Shape {
    let heads = Fields(vec![("register", Name(24)), ("head", Bytes(32))]);
    Cose(Box::new(Fields(vec![
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
        ("heads", List(Box::new(heads))),
    ])))
}
