//! The service as a process, and clients of it.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hub::provider::{Client, ClientKey, EnrolState, ProviderPin};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::Value;

use crate::world::{Desk, House};

/// As long as anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A running service. It is killed when it is dropped.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
    pub key: [u8; 32],
    /// What it said when it began.
    pub said: Value,
}

impl Service {
    pub fn start(desk: &Desk, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wattseal-provider"))
            .args(["--home", "home", "--json", "serve", "--listen", "127.0.0.1:0"])
            .args(more)
            .current_dir(desk.path("."))
            .stdout(Stdio::piped())
            .stderr(std::fs::File::options().create(true).append(true).open(desk.path("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let bound: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut log = String::new();
            let _ = std::fs::File::open(desk.path("log")).unwrap().read_to_string(&mut log);
            panic!("{line:?} {log}")
        });
        let mut key = [0; 32];
        hex::decode_to_slice(bound["key"].as_str().unwrap(), &mut key).unwrap();
        Self { child, address: bound["listening"].as_str().unwrap().parse().unwrap(), key, said: bound }
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop and gives its exit code.
    pub fn stop(&mut self) -> i32 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap()
    }

    pub fn pin(&self) -> ProviderPin {
        ProviderPin::new(self.key, self.address.to_string())
    }

    pub fn client(&self, seed: u8) -> Client {
        client(self.pin(), seed, 0)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client under the key of a seed, with a clock that is some seconds ahead.
pub fn client(pin: ProviderPin, seed: u8, ahead: u64) -> Client {
    let clock = Arc::new(move || now() + ahead);
    Client::new(pin, Some(ClientKey::from_seed(&[seed; 32])), clock).unwrap()
}

/// A TLS 1.3 connection that speaks for itself, with the certificate of a seed's key or none.
pub fn raw(service: &Service, pem: &[u8], seed: Option<u8>) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let config = match seed {
        None => config.with_no_client_auth(),
        Some(seed) => {
            // RFC 8410: an Ed25519 key in PKCS #8.
            let key = [&hex::decode("302e020100300506032b657004220420").unwrap()[..], &[seed; 32]].concat();
            let key = PrivatePkcs8KeyDer::from(key);
            let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_ED25519).unwrap();
            let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
            config.with_client_auth_cert(vec![certificate.der().clone()], key.into()).unwrap()
        }
    };
    let stream = TcpStream::connect(service.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = protocol::service::tls::SERVER_NAME.try_into().unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

/// A clock that can be moved.
pub fn moving(pin: ProviderPin, seed: u8) -> (Client, Arc<AtomicU64>) {
    let ahead = Arc::new(AtomicU64::new(0));
    let hand = Arc::clone(&ahead);
    let clock = Arc::new(move || now() + hand.load(Ordering::SeqCst));
    (Client::new(pin, Some(ClientKey::from_seed(&[seed; 32])), clock).unwrap(), ahead)
}

pub fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.unwrap() })
}

/// A provider with its tariff published.
pub fn desk() -> Desk {
    let desk = Desk::new();
    assert_eq!(desk.json(&["tariff", "publish", "import.tariff"]).0, 0);
    desk
}

pub fn invite(desk: &Desk, contract: &str, more: &[&str]) -> String {
    let (code, answer) = desk.json(&[&["contract", "invite", contract], more].concat());
    assert_eq!(code, 0, "{answer}");
    answer["code"].as_str().unwrap().to_owned()
}

/// Invites and enrols a house.
pub fn enrol(desk: &Desk, client: &Client, contract: &str, house: &House) {
    let code = invite(desk, contract, &[]);
    let files: Vec<_> = house.meters.iter().map(|m| m.certificate_file()).collect();
    let state = run(client.enrol(&code, &files)).unwrap();
    assert_eq!(state, EnrolState::Enrolled { contract: contract.into() });
}

/// Waits until something is so.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}
