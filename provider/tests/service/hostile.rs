//! Clients that mean no good: old TLS, no key, oversized bodies, slow heads.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::wire::*;
use crate::world::*;

fn ask(service: &Service, pem: &[u8], request: &[u8]) -> String {
    let mut stream = raw(service, pem, None);
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(request).and_then(|()| stream.flush());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn what_is_out_of_bounds_is_refused_before_it_is_read() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    assert_eq!(desk.json(&["tls", "root", "--out", "root.pem"]).0, 0);
    let pem = desk.read("root.pem");
    let ask = |request: &str| ask(&service, &pem, request.as_bytes());
    let head = "Host: provider.wattseal\r\n";
    assert!(ask(&format!("GET /v1/provider HTTP/1.1\r\n{head}\r\n")).contains("\"name\":\"Fern Energy\""));
    for (request, status, code) in [
        ("GET /v1/commands HTTP/1.1", "401", "no-key"),
        ("GET /v2/provider HTTP/1.1", "404", "not-found"),
        ("DELETE /v1/tariffs HTTP/1.1", "404", "not-found"),
        ("GET /v1/tariffs/../../etc/passwd HTTP/1.1", "404", "not-found"),
        ("GET /v1/tariffs/zz HTTP/1.1", "400", "bad-request"),
        ("POST /v1/bills HTTP/1.1\r\nContent-Length: 1", "401", "no-key"),
    ] {
        let answer = ask(&format!("{request}\r\n{head}\r\nx"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
        assert!(answer.contains(&format!("\"code\":\"{code}\"")) && answer.contains("\"retry\":false"), "{answer}");
    }
    let long = format!("GET /v1/provider HTTP/1.1\r\n{head}X: {}\r\n\r\n", "x".repeat(1 << 20));
    // The connection may be reset before the answer is read, as the rest of the head was not.
    let answer = ask(&long);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");

    // A length that is out of bounds is refused by its announcement.
    let args = ["req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-subj", "/CN=x"];
    assert!(Command::new("openssl").args(args).current_dir(desk.path(".")).output().unwrap().status.success());
    let mut openssl = Command::new("openssl")
        .args(["s_client", "-connect", &service.address.to_string(), "-cert", "c.pem", "-key", "k.pem", "-quiet"])
        .current_dir(desk.path("."))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let request = format!("POST /v1/enrol HTTP/1.1\r\n{head}Content-Length: 999999999\r\n\r\n");
    openssl.stdin.as_mut().unwrap().write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = openssl.stdout.as_mut().unwrap().read_to_string(&mut answer);
    let _ = openssl.kill();
    openssl.wait().unwrap();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("too-large"), "{answer}");

    // A household's own oversized or false bodies.
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);
    let big = vec![house.meters[0].certificate_file(); 2000];
    let refused = run(client.enrol("x", &big)).unwrap_err();
    assert_eq!(refused.code(), "too-large", "{refused}");
    let mut bill = house.bill(&desk, days(2, 9));
    let mut stream = raw(&service, &pem, Some(1));
    let answer = begin(&mut stream, "/v1/bills", (8 << 20) + 1);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let last = bill.len() - 1;
    bill[last] ^= 1;
    assert!(run(client.submit(&bill)).is_err());
    run(client.submit(&house.bill(&desk, days(2, 9)))).unwrap();
}

#[test]
fn old_tls_is_not_spoken() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let openssl = |version: &str| {
        Command::new("openssl")
            .args(["s_client", "-connect", &service.address.to_string(), version])
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let old = openssl("-tls1_2");
    let text = String::from_utf8_lossy(&old.stderr).into_owned() + &String::from_utf8_lossy(&old.stdout);
    assert!(!old.status.success() && text.to_lowercase().contains("protocol version"), "{text}");
    let new = openssl("-tls1_3");
    assert!(String::from_utf8_lossy(&new.stdout).contains("TLSv1.3"));
}

#[test]
fn slow_clients_are_shown_out_and_hold_nobody_up() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    assert_eq!(desk.json(&["tls", "root", "--out", "root.pem"]).0, 0);
    let pem = desk.read("root.pem");
    // Some never begin the handshake, some drip their head.
    let mut idle: Vec<_> = (0..40).map(|_| TcpStream::connect(service.address).unwrap()).collect();
    let mut drips: Vec<_> = (0..10).map(|_| raw(&service, &pem, None)).collect();
    for drip in &mut drips {
        drip.write_all(b"GET /v1/provider HTTP/1.1\r\nX: ").unwrap();
        drip.flush().unwrap();
    }
    assert_eq!(run(service.client(1).tariffs()).unwrap().len(), 1, "others are served meanwhile");
    let begun = Instant::now();
    for drip in &mut drips {
        let mut answer = Vec::new();
        let _ = drip.read_to_end(&mut answer);
    }
    for stream in &mut idle {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    }
    assert!(begun.elapsed() < PATIENCE.min(Duration::from_secs(60)), "they were left hanging");
}

#[test]
fn one_address_does_not_take_all_places() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let mut held: Vec<_> = (0..128).map(|_| TcpStream::connect(service.address).unwrap()).collect();
    let mut more = TcpStream::connect(service.address).unwrap();
    more.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(!more.read(&mut [0]).is_ok_and(|read| read > 0), "it is shown out");
    // Not by its deadline: the one that came just before is still there.
    let last = held.last_mut().unwrap();
    last.set_nonblocking(true).unwrap();
    assert_eq!(last.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop(held);
    until("a free place", || run(service.client(1).tariffs()).ok());
}

#[test]
fn what_is_announced_and_does_not_come_holds_nothing() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    assert_eq!(desk.json(&["tls", "root", "--out", "root.pem"]).0, 0);
    let pem = desk.read("root.pem");
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);
    // Sixteen bills of 8 MiB are announced: more than all that may be in memory, were it taken at its word.
    let mut announced: Vec<_> = (0..16).map(|_| raw(&service, &pem, Some(1))).collect();
    for stream in &mut announced {
        let request = begin(stream, "/v1/bills", 8 << 20);
        assert!(request.starts_with("HTTP/1.1 100"), "{request}");
    }
    run(client.submit(&house.bill(&desk, days(2, 9)))).unwrap();
}

#[test]
fn a_request_that_was_held_back_outlives_no_revocation() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    assert_eq!(desk.json(&["tls", "root", "--out", "root.pem"]).0, 0);
    let pem = desk.read("root.pem");
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);
    let bill = house.bill(&desk, days(2, 9));
    let thief = ed25519_dalek::SigningKey::from_bytes(&[66; 32]);
    let next = protocol::service::key::NextKey::sign(service.key, client.public_key().unwrap(), &thief);
    let next = format!("{{\"format\":1,\"next\":\"{}\"}}", hex::encode(next));

    // Who has the key begins both requests while it is good, and keeps their bodies back.
    let held: Vec<_> = [("/v1/keys", next.into_bytes()), ("/v1/bills", bill)]
        .into_iter()
        .map(|(path, body)| {
            let mut stream = raw(&service, &pem, Some(1));
            let answer = begin(&mut stream, path, body.len());
            assert!(answer.starts_with("HTTP/1.1 100"), "{answer}");
            (stream, body)
        })
        .collect();
    assert_eq!(desk.json(&["contract", "revoke", "4711"]).0, 0);
    let honest = service.client(2);
    enrol(&desk, &honest, "4711", &house);
    for (mut stream, body) in held {
        stream.write_all(&body).and_then(|()| stream.flush()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("not-enrolled"), "{answer}");
    }
    assert_eq!(run(service.client(66).commands()).unwrap_err().code(), "not-enrolled", "no successor was named");
    assert_eq!(run(honest.commands()).unwrap(), []);
    let list = desk.json(&["ledger", "list"]).1;
    assert_eq!((&list["accepted"], &list["refusals"]), (&0.into(), &0.into()));
}

/// Begins a request whose body is announced and kept back, and reads what the service says to that.
fn begin(stream: &mut (impl Read + Write), path: &str, length: usize) -> String {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: provider.wattseal\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.flush()).unwrap();
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
