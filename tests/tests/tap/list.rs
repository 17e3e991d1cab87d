//! The allow-list: which requests a household makes, and what may stand in each and in its answer.

use crate::bill::bill;
use crate::form::Form::{
    self, Digits, Flag, Format, Hex, Integer, List, Maybe, Message, Object, OneOf, Optional, Text,
};
use crate::messages;
use crate::shape::Shape;

/// What a body may be.
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON of this form.
    Json(Form),
    /// CBOR of one of these shapes.
    Cbor(Vec<Shape>),
    /// One of the tariffs that the provider has published, byte by byte.
    Tariff,
}

/// A kind of exchange.
pub struct Kind {
    pub name: &'static str,
    pub method: &'static str,
    /// The path; `{32}` stands for 32 bytes in hexadecimal, `{n}` for a number.
    pub path: &'static str,
    /// Whether the household's certificate is shown.
    pub key: bool,
    pub asks: Body,
    pub answers: Body,
    /// Most bytes of a request and of an answer, heads included.
    pub most: (usize, usize),
}

/// Room for a request line and the headers, and for the head of an answer.
const HEAD: usize = 220;

fn format(mut fields: Vec<(&'static str, Form)>) -> Form {
    fields.push(("format", Format));
    Object(fields)
}

/// Every exchange that there is; `bills` is the longest bill, `totals` whether what registers took may be in one.
pub fn kinds(bills: usize, totals: bool) -> Vec<Kind> {
    let list = |most, form| List(most, Box::new(form));
    let get = |name, path, key, answers, answer| Kind {
        name,
        method: "GET",
        path,
        key,
        asks: Body::Empty,
        answers,
        most: (HEAD, HEAD + answer),
    };
    let post = |name, path, asks, answers, request, answer| Kind {
        name,
        method: "POST",
        path,
        key: true,
        asks,
        answers,
        most: (HEAD + request, HEAD + answer),
    };
    let span = Object(vec![("from", Integer), ("until", Integer)]);
    let offer = Object(vec![("hash", Hex(32)), ("id", Text(64)), ("name", Text(120)), ("valid", span)]);
    let command = Object(vec![
        ("meter", Hex(32)),
        ("sequence", Integer),
        ("expires_at", Integer),
        ("command", Message(512, messages::commands())),
    ]);
    let mut shapes = vec![bill(false)];
    if totals {
        shapes.push(bill(true));
    }
    vec![
        get(
            "provider",
            "/v1/provider",
            false,
            Body::Json(format(vec![
                ("name", Text(120)),
                ("key", Hex(32)),
                ("fingerprint", Text(60)),
                ("successions", list(32, Message(512, vec![messages::succession()]))),
            ])),
            2048,
        ),
        get("tariffs", "/v1/tariffs", false, Body::Json(format(vec![("tariffs", list(16, offer))])), 2048),
        get("tariff", "/v1/tariffs/{32}", false, Body::Tariff, 16 << 10),
        get("revocations", "/v1/revocations", false, Body::Cbor(vec![messages::revocations()]), 1024),
        get("commands", "/v1/commands", true, Body::Json(format(vec![("commands", list(16, command))])), 1024),
        post(
            "enrol",
            "/v1/enrol",
            Body::Json(format(vec![
                ("code", Text(35)),
                ("meters", list(16, Message(2048, vec![messages::certificates()]))),
            ])),
            Body::Json(format(vec![("contract", Text(64)), ("state", OneOf(&["enrolled", "pending"]))])),
            512, // one meter of one epoch
            128,
        ),
        post(
            "key",
            "/v1/keys",
            Body::Json(format(vec![("next", Message(256, vec![messages::next_key()]))])),
            Body::Json(format(vec![("state", OneOf(&["next"]))])),
            512,
            64,
        ),
        post(
            "bill",
            "/v1/bills",
            Body::Cbor(shapes),
            Body::Json(format(vec![
                ("digest", Hex(32)),
                ("state", OneOf(&["accepted"])),
                ("verdict", verdict(totals)),
                ("receipt", Message(1024, messages::bill_receipts())),
            ])),
            bills,
            3072,
        ),
        post(
            "command's receipt",
            "/v1/commands/{n}/receipt",
            Body::Json(format(vec![("receipt", Message(512, vec![messages::command_receipt()]))])),
            Body::Json(format(vec![("state", OneOf(&["kept"]))])),
            512,
            64,
        ),
    ]
}

/// What the provider made of a bill that holds. Nothing in it is not in the bill or in the tariff.
fn verdict(totals: bool) -> Form {
    let words = || List(16, Box::new(Text(40)));
    let register = Object(vec![
        ("register", Text(24)),
        ("interval", Integer),
        ("missing", Integer),
        ("estimated", Integer),
        ("tamper", Integer),
        ("events", words()),
    ]);
    let line = Object(vec![("line", Text(120)), ("nano", Digits(24)), ("nano_denominator", Digits(24))]);
    let mut fields = vec![
        ("verdict", OneOf(&["valid"])),
        ("kind", OneOf(&["linear-bill"])),
        ("reason", Optional(Box::new(Text(0)))),
        ("fee_minor", Integer),
        ("currency", Text(3)),
        ("exponent", Integer),
        ("slots", Integer),
        ("period", Object(vec![("from", Text(40)), ("until", Text(40))])),
        ("digest", Hex(32)),
        ("tariff", Text(64)),
        ("provider", Text(120)),
        ("seal", Text(60)),
        ("complete", Flag),
        ("missing", Integer),
        ("estimated", Integer),
        ("tamper", Integer),
        ("events", words()),
        ("registers", List(4, Box::new(register))),
        ("lines", List(16, Box::new(line))),
        ("meters", List(4, Box::new(Hex(32)))),
        ("corrects", Optional(Box::new(Hex(32)))),
    ];
    if totals {
        let total = Object(vec![("register", Text(24)), ("unit", Text(8)), ("total", Integer)]);
        fields.push(("totals", Maybe(Box::new(List(4, Box::new(total))))));
    }
    Object(fields)
}

/// A refusal; on a bill it may come with a verdict.
pub fn refusal(verdict: bool) -> Form {
    let error = Object(vec![("code", Text(40)), ("message", Text(500)), ("retry", Flag)]);
    let mut fields = vec![("error", error)];
    if verdict {
        fields.push(("verdict", invalid()));
    }
    format(fields)
}

/// What the provider says of a bill that does not hold. Its numbers are null: nothing of such a bill counts.
fn invalid() -> Form {
    let none = || Optional(Box::new(OneOf(&[])));
    let digest = || Maybe(Box::new(Optional(Box::new(Hex(32)))));
    Object(vec![
        ("verdict", OneOf(&["invalid"])),
        ("reason", Text(40)),
        ("message", Text(500)),
        ("fee_minor", none()),
        ("currency", none()),
        ("exponent", none()),
        ("slots", none()),
        ("period", none()),
        ("bytes_left", Integer),
        ("booked", none()),
        ("digest", digest()),
        ("against", digest()),
    ])
}
