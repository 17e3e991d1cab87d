//! The check can fail: one thing that must not cross is put into what did cross, and it is reported as what it is.

use hub::home::Home;
use minicbor::bytes::ByteVec;
use protocol::bill::{Package, Statement};
use protocol::linear::LinearProof;
use protocol::time::Span;
use protocol::wire;
use serde_json::{Value, json};

use crate::exchange::{Exchange, Message};
use crate::life::{Life, telling};

/// An honest exchange with another head and body; the length is right.
fn rewrite(bytes: &[u8], change: impl FnOnce(&mut String, &mut Vec<u8>)) -> Vec<u8> {
    let message = Message::read(bytes).unwrap();
    let (mut body, mut head) = (message.body.to_vec(), format!("{}\r\n", message.start));
    for (name, value) in message.headers.iter().filter(|(name, _)| *name != "content-length") {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let had = message.header("content-length").is_some();
    change(&mut head, &mut body);
    if had || !body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    [head.as_bytes(), b"\r\n", &body].concat()
}

fn asking(exchange: &Exchange, change: impl FnOnce(&mut String, &mut Vec<u8>)) -> Exchange {
    Exchange { request: rewrite(&exchange.request, change), ..exchange.clone() }
}

fn answering(exchange: &Exchange, change: impl FnOnce(&mut String, &mut Vec<u8>)) -> Exchange {
    Exchange { response: rewrite(&exchange.response, change), ..exchange.clone() }
}

fn with_json(body: &mut Vec<u8>, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(body).unwrap();
    change(&mut value);
    *body = serde_json::to_vec(&value).unwrap();
}

fn with_package(body: &mut Vec<u8>, change: impl FnOnce(&mut Package)) {
    let mut package = Package::read(body).unwrap();
    change(&mut package);
    *body = package.write();
}

fn with_statement(body: &mut Vec<u8>, change: impl FnOnce(&mut Statement)) {
    with_package(body, |package| {
        let mut statement: Statement = wire::decode(&package.statement, "statement").unwrap();
        change(&mut statement);
        package.statement = statement.encode().into();
    });
}

#[test]
fn whatever_should_not_cross_is_reported() {
    let life = Life::begin(telling).live();
    let (passed, check) = life.taken();
    let one = |method: &str, path: &str| passed.iter().find(|e| e.is(method, path)).unwrap().clone();
    let bill = one("POST", "/v1/bills");
    let (enrol, look, revoked) = (one("POST", "/v1/enrol"), one("GET", "/v1/commands"), one("GET", "/v1/revocations"));
    let tariff = passed.iter().find(|e| e.asked().1.starts_with("/v1/tariffs/")).unwrap().clone();
    for honest in [&bill, &enrol, &look, &revoked, &tariff] {
        assert_eq!(check.faults(honest), Vec::<String>::new());
    }

    let store = Home::new(&life.town.path("home"), None).open().unwrap();
    let register = store.registers().unwrap().into_iter().find(|r| r.code == "1-0:1.8.0").unwrap();
    let blocks = store.blocks(register.id, &Span { from: 0, until: 1 << 40 }).unwrap();
    let block = &blocks[5];
    let seed = *block.seed.expose();
    let opening = block.seed.slot_opening(&block.header.register, block.header.first_slot() + 3, block.header.block);
    let opening = opening.expose().to_bytes();
    let eight: Vec<u8> = block.readings[..8].iter().flat_map(|x| x.to_le_bytes()).collect();
    let total: i64 = telling_total();
    let number = "is a reading, a register or a total";

    let sheet = std::fs::read_to_string(life.town.path("home/recovery-sheet.txt")).unwrap();
    let recovery = gateway_core::custody::RecoveryKey::read(&sheet).unwrap();
    let recovery = recovery.groups().iter().map(|group| group.to_string()).collect::<Vec<_>>().join("-");
    let (_, access) = Home::new(&life.town.path("home"), None).access().unwrap();
    let home_id = *access.keys.as_ref().unwrap().home().as_bytes();
    let saying = |text: &str| {
        let error = json!({"format": 1, "error": {"code": "x", "message": text, "retry": false}});
        answering(&look, |_, body| *body = error.to_string().into_bytes())
    };
    let backwards: Vec<u8> = opening.iter().rev().copied().collect();

    let lies: Vec<(&str, Exchange, &str)> = vec![
        ("a pairing code", saying(&life.codes[0]), "a pairing code"),
        ("the recovery key", saying(&recovery), "the recovery key"),
        ("the database key", saying(&hex::encode_upper(access.key.expose())), "the database key"),
        ("the home's identity", saying(&hex::encode(home_id)), "the home's identity"),
        ("an opening backwards", saying(&format!("x{}", hex::encode(&backwards))), "an opening"),
        ("the machine's time zone", saying("it is noon in Antarctica/Troll"), "the machine's time zone"),
        ("a header", asking(&look, |head, _| head.push_str("user-agent: x\r\n")), "header user-agent"),
        ("a header twice", asking(&look, |head, _| head.push_str("host: provider.wattseal\r\n")), "header host"),
        (
            "a header of the answer",
            answering(&look, |head, _| head.push_str("set-cookie: id=1\r\n")),
            "header set-cookie",
        ),
        (
            "another host",
            asking(&look, |head, _| *head = head.replace("provider.wattseal", "home-17.example")),
            "header host",
        ),
        (
            "a query",
            asking(&look, |head, _| *head = head.replace("commands ", "commands?r=7 ")),
            "not a listed method and path",
        ),
        (
            "a path",
            asking(&look, |head, _| *head = head.replace("commands ", "readings ")),
            "not a listed method and path",
        ),
        ("a method", asking(&look, |head, _| *head = head.replace("GET", "PUT")), "not a listed method and path"),
        ("a body where there is none", asking(&look, |_, body| body.push(7)), "header content-length"),
        (
            "a second request",
            {
                let request = [look.request.clone(), look.request.clone()].concat();
                Exchange { request, ..look.clone() }
            },
            "request body: there is none",
        ),
        ("no certificate", Exchange { certificate: None, ..look.clone() }, "certificate"),
        (
            "a certificate where none is needed",
            { Exchange { certificate: look.certificate.clone(), ..tariff.clone() } },
            "certificate",
        ),
        (
            "a longer certificate",
            {
                let longer = [look.certificate.clone().unwrap(), vec![0; 40]].concat();
                Exchange { certificate: Some(longer), ..look.clone() }
            },
            "certificate: larger than stated",
        ),
        (
            "a field of JSON",
            asking(&enrol, |_, body| with_json(body, |v| v["device"] = json!("x"))),
            "body › device: not a listed field",
        ),
        (
            "a field of JSON in an answer",
            answering(&bill, |_, body| with_json(body, |v| v["verdict"]["peak"] = json!(1))),
            "verdict › peak: not a listed field",
        ),
        (
            "a field twice",
            asking(&enrol, |_, body| {
                body.pop();
                body.extend(b",\"format\":1}")
            }),
            "written otherwise",
        ),
        ("blanks in JSON", asking(&enrol, |_, body| body.insert(1, b' ')), "written otherwise"),
        (
            "a larger body",
            asking(&enrol, |_, body| {
                with_json(body, |v| {
                    let meter = v["meters"][0].clone();
                    v["meters"] = json!([meter, meter]);
                })
            }),
            "at most",
        ),
        (
            "a larger bill",
            asking(&bill, |_, body| {
                with_package(body, |p| {
                    let blocks = p.chains[0].blocks.clone();
                    p.chains[0].blocks.extend(blocks);
                })
            }),
            "at most",
        ),
        (
            "a reading in text",
            asking(&enrol, |_, body| with_json(body, |v| v["code"] = json!("40003"))),
            "the number 40003",
        ),
        (
            "a reading as a number",
            asking(&bill, |_, body| with_statement(body, |s| s.metered[0].estimated = 40_003)),
            "the number 40003",
        ),
        (
            "readings as a nonce",
            asking(&bill, |_, body| with_statement(body, |s| s.nonce.copy_from_slice(&eight))),
            "request: readings",
        ),
        (
            "a total that nobody asked for",
            asking(&bill, |_, body| with_statement(body, |s| s.totals = Some(vec![total]))),
            number,
        ),
        (
            "a register",
            answering(&bill, |_, body| with_json(body, |v| v["verdict"]["slots"] = json!(block.after))),
            number,
        ),
        (
            "an opening",
            asking(&bill, |_, body| {
                with_package(body, |p| {
                    let mut proof: LinearProof = wire::decode(&p.proof, "proof").unwrap();
                    proof.lines[0].response.copy_from_slice(&opening);
                    p.proof = wire::encode(&proof).into();
                })
            }),
            "request: an opening",
        ),
        (
            "an opening as a tariff's hash",
            asking(&tariff, |head, _| {
                let path = head.split(' ').nth(1).unwrap().to_owned();
                *head = head.replace(&path, &format!("/v1/tariffs/{}", hex::encode(opening)));
            }),
            "request: an opening",
        ),
        (
            "a seed in a message",
            answering(&revoked, |_, body| {
                let at = body.len() - 40;
                body[at..at + 32].copy_from_slice(&seed);
            }),
            "answer: a day's seed",
        ),
        (
            "a seed as one more certificate",
            asking(&bill, |_, body| with_package(body, |p| p.certificates.push(ByteVec::from(seed.to_vec())))),
            "certificates",
        ),
        (
            "a seed in Base64",
            asking(&enrol, |_, body| with_json(body, |v| v["code"] = json!(base64(&seed[..])))),
            "a day's seed",
        ),
        (
            "a seed in a certificate",
            {
                let mut der = look.certificate.clone().unwrap();
                let at = der.len() - 64;
                der[at..at + 32].copy_from_slice(&seed);
                Exchange { certificate: Some(der), ..look.clone() }
            },
            "certificate: a day's seed",
        ),
        (
            "a path of this machine",
            answering(&look, |_, body| {
                let place = life.town.path("home/store.db");
                *body = json!({"format": 1, "error": {"code": "x", "message": place, "retry": false}})
                    .to_string()
                    .into_bytes();
            }),
            "a path",
        ),
        ("the user's name", asking(&look, |head, _| head.push_str("from: quillfeather\r\n")), "the user's name"),
        ("a tariff of one household", answering(&tariff, |_, body| body[100] ^= 1), "not a published tariff"),
    ];
    for (name, lie, words) in lies {
        let faults = check.faults(&lie);
        assert!(faults.iter().any(|fault| fault.contains(words)), "{name}: {words:?} is not in {faults:?}");
    }
}

/// What came in in March, as the readings were made up.
fn telling_total() -> i64 {
    // The first half-hour of March in Amsterdam is 46 after the first of all.
    let sum: u64 = (46..46 + (31 * 24 - 1) * 2).map(|slot| telling(slot)[0]).sum();
    i64::try_from(sum).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let four = |three: &[u8]| {
        let bits = three.iter().fold(0usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
        let digits = (0..=three.len()).map(|place| char::from(DIGITS[bits >> (18 - 6 * place) & 63]));
        digits.collect::<String>()
    };
    bytes.chunks(3).map(four).collect()
}
