//! Clients that mean no good: old TLS, no key, oversized bodies, slow heads.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::wire::*;
use crate::world::*;

/// A TLS 1.3 connection that accepts any server, with no certificate of its own.
fn open(service: &Service, pem: &[u8]) -> StreamOwned<ClientConnection, TcpStream> {
    use rustls::pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = protocol::service::tls::SERVER_NAME.try_into().unwrap();
    let stream = TcpStream::connect(service.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

fn ask(service: &Service, pem: &[u8], request: &[u8]) -> String {
    let mut stream = open(service, pem);
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
    let package = protocol::bill::Package::read(&bill).unwrap();
    let padded = protocol::bill::Package::new(
        package.statement.to_vec(),
        vec![0; 9 << 20],
        package.certificates.iter().map(|c| c.to_vec()).collect(),
        package.chains.clone(),
    );
    assert_eq!(run(client.submit(&padded.write())).unwrap_err().code(), "too-large");
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
    let mut drips: Vec<_> = (0..10).map(|_| open(&service, &pem)).collect();
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
