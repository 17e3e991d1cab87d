//! The client against ends that are no provider: nobody, silence, old TLS, other protocols.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use hub::provider::{Client, ClientKey, ProviderError, ProviderPin, Retry};

const PATIENCE: Duration = Duration::from_secs(120);

fn client(address: &str) -> Client {
    let clock = Arc::new(|| UNIX_EPOCH.elapsed().unwrap().as_secs());
    Client::new(ProviderPin::new([7; 32], address), Some(ClientKey::from_seed(&[1; 32])), clock).unwrap()
}

fn error(address: &str) -> ProviderError {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, client(address).tariffs()).await.unwrap().unwrap_err() })
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn nobody_there_is_worth_another_try_and_a_wrong_address_is_not() {
    let refused = error(&nobody().to_string());
    assert!(matches!(refused, ProviderError::Refused(_)), "{refused:?}");
    assert_eq!(refused.retry(), Retry::After(60));
    let unresolved = error("provider.invalid:8443");
    assert!(matches!(unresolved, ProviderError::Unresolved(_)), "{unresolved:?}");
    assert_eq!(unresolved.retry(), Retry::After(60));
    for address in ["", "fern.example", "fern.example:", ":8443", "fern.example:70000"] {
        let wrong = error(address);
        assert_eq!((wrong.code(), wrong.retry()), ("bad-address", Retry::Never), "{address}");
    }
}

#[test]
fn an_end_that_says_nothing_or_something_else_is_left() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let waiting = std::thread::spawn(move || silent.accept().map(|(mut s, _)| s.read_to_end(&mut Vec::new())));
    assert_eq!(error(&address), ProviderError::TimeOut);
    let _ = waiting.join().unwrap().unwrap();

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in other.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 512]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let wrong = error(&address);
    assert!(matches!(wrong, ProviderError::Tls(_) | ProviderError::Broken(_)), "{wrong:?}");
}

struct Openssl(Child);

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server of another make, with a certificate of its own. `more` are options that say how it speaks.
fn openssl(more: &[&str]) -> (Openssl, tempfile::TempDir, SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "9000",
        ])
        .args(["-subj", "/CN=Wattseal provider", "-addext", "subjectAltName=DNS:provider.wattseal"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let address = nobody();
    let server = Command::new("openssl")
        .args(["s_server", "-accept", &address.to_string(), "-cert", "cert.pem", "-key", "key.pem", "-quiet"])
        .args(more)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Openssl(server);
    let begun = std::time::Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(begun.elapsed() < PATIENCE, "openssl does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    (server, folder, address)
}

#[test]
fn what_a_stranger_says_of_itself_makes_it_nothing_but_a_stranger() {
    let (_server, folder, address) = openssl(&["-tls1_3", "-HTTP"]);
    std::fs::create_dir(folder.path().join("v1")).unwrap();
    for said in [
        r#"{"format":1,"successions":["00"]}"#,
        r#"{"format":1,"successions":[]}"#,
        r#"{"format":1,"successions":"none"}"#,
        r#"{"format":1,"error":{"code":"overlap-booked","message":"refused","retry":false}}"#,
    ] {
        let status = if said.contains("error") { "422 No" } else { "200 OK" };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}", said.len());
        std::fs::write(folder.path().join("v1/provider"), answer).unwrap();
        let stranger = error(&address.to_string());
        assert_eq!(stranger, ProviderError::WrongPin, "{said}");
        assert!(!stranger.is_verdict());
    }
}

#[test]
fn old_tls_and_a_stranger_are_told_apart() {
    let (_server, _folder, address) = openssl(&["-tls1_2"]);
    let old = error(&address.to_string());
    assert_eq!((old.clone(), old.retry()), (ProviderError::OldTls, Retry::After(3600)));
    let (_server, _folder, address) = openssl(&["-tls1_3"]);
    let stranger = error(&address.to_string());
    assert_eq!((stranger.clone(), stranger.retry()), (ProviderError::WrongPin, Retry::After(3600)));
}

#[test]
fn a_client_needs_a_pin_and_a_key_for_what_is_the_households() {
    let clock = Arc::new(|| 0);
    let none = ProviderPin { keys: Vec::new(), ..ProviderPin::new([7; 32], "x:1") };
    assert_eq!(Client::new(none, None, clock.clone()).unwrap_err(), ProviderError::NoPin);
    let keyless = Client::new(ProviderPin::new([7; 32], nobody().to_string()), None, clock.clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(keyless.commands()).unwrap_err(), ProviderError::NoKey);
    let damaged = ProviderPin { revocations: Some(vec![1]), ..ProviderPin::new([7; 32], "x:1") };
    assert_eq!(Client::new(damaged, None, clock).unwrap().revocation_list(), None, "a fresh one is asked for");
}
