//! A recording middleman above TLS: to the gateway it is the provider, under a leaf of the provider's own identity; to
//! the provider it is the household, under the household's own key. Neither program knows of it.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hub::home::Home;
use provider::identity::Identity;
use provider::tls::{Leaf, client_key, server_config};
use rustls::pki_types::CertificateDer;
use rustls::{ServerConnection, StreamOwned};

use crate::exchange::{Exchange, Message};
use crate::toward;

/// For a peer that says nothing.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the middleman is to the gateway.
#[derive(Clone)]
pub enum Face {
    /// A server with this leaf, and the provider behind it.
    Leaf(Box<Leaf>),
    /// A cable to another address.
    Cable(SocketAddr),
}

struct Shared {
    face: Mutex<Face>,
    service: Mutex<SocketAddr>,
    provider: PathBuf,
    home: PathBuf,
    /// The path whose next good answer gets lost.
    losing: Mutex<Option<&'static str>>,
    /// The household's keys that were seen: public key and seed.
    keys: Mutex<HashMap<[u8; 32], [u8; 32]>>,
    passed: Mutex<Vec<Exchange>>,
    /// What went wrong between the two, apart from handshakes that the gateway broke off.
    troubles: Mutex<Vec<String>>,
}

/// The middleman. It listens as long as the test runs.
pub struct Middleman {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Middleman {
    /// Stands between the home and the provider's service, whose directories these are.
    pub fn start(provider: PathBuf, home: PathBuf, service: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            face: Mutex::new(mint(&provider)),
            service: Mutex::new(service.parse().unwrap()),
            provider,
            home,
            losing: Mutex::default(),
            keys: Mutex::default(),
            passed: Mutex::default(),
            troubles: Mutex::default(),
        });
        let all = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&all);
                thread::spawn(move || shared.pass(stream));
            }
        });
        Self { address, shared }
    }

    /// Shows the gateway something else from the next connection on.
    pub fn show(&self, face: Face) {
        *self.shared.face.lock().unwrap() = face;
    }

    /// Shows a new leaf under the provider's identity as it now stands on disk.
    pub fn show_the_provider(&self) {
        self.show(mint(&self.shared.provider));
    }

    /// The service has moved.
    pub fn lead_to(&self, service: &str) {
        *self.shared.service.lock().unwrap() = service.parse().unwrap();
    }

    /// Loses the next good answer under a path: the provider has done what was asked, and the household hears nothing.
    pub fn lose_answer(&self, path: &'static str) {
        *self.shared.losing.lock().unwrap() = Some(path);
    }

    /// All that passed so far.
    pub fn passed(&self) -> Vec<Exchange> {
        let troubles = self.shared.troubles.lock().unwrap();
        assert!(troubles.is_empty(), "the middleman failed: {troubles:?}");
        self.shared.passed.lock().unwrap().clone()
    }
}

fn mint(provider: &std::path::Path) -> Face {
    let identity = Identity::open(provider).unwrap();
    Face::Leaf(Box::new(Leaf::issue(&identity, crate::now(), 86_400).unwrap()))
}

impl Shared {
    fn pass(&self, gateway: TcpStream) {
        let face = self.face.lock().unwrap().clone();
        match face {
            Face::Cable(address) => drop(cable(gateway, address)),
            Face::Leaf(leaf) => {
                if let Err(trouble) = self.listen(gateway, &leaf) {
                    self.troubles.lock().unwrap().push(trouble);
                }
            }
        }
    }

    /// One connection: one request, its answer, and nothing after it.
    fn listen(&self, mut gateway: TcpStream, leaf: &Leaf) -> Result<(), String> {
        gateway.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut connection = ServerConnection::new(Arc::new(server_config(leaf).unwrap())).unwrap();
        while connection.is_handshaking() {
            // A gateway that does not trust this leaf, or that was stopped, hangs up.
            if connection.complete_io(&mut gateway).is_err() {
                return Ok(());
            }
        }
        let shown = connection.peer_certificates().and_then(<[_]>::first).map(|der| der.to_vec());
        let mut gateway = StreamOwned::new(connection, gateway);
        let Some(request) = whole(&mut gateway).map_err(|e| format!("request: {e}"))? else { return Ok(()) };
        let key = shown.as_ref().map(|der| self.household_key(der)).transpose()?;
        let service = *self.service.lock().unwrap();
        // A provider that is away looks the same through the middleman: the connection breaks.
        let response = ask(service, self.provider.clone(), key.as_ref(), &request).unwrap_or_else(|error| {
            eprintln!("the provider's end broke: {error}");
            Vec::new()
        });
        let exchange = Exchange { request, response: response.clone(), certificate: shown };
        let lost = {
            let mut losing = self.losing.lock().unwrap();
            let lost = exchange.status() == 200 && *losing == Some(exchange.asked().1.as_str());
            if lost { losing.take().is_some() } else { false }
        };
        let place = {
            let mut passed = self.passed.lock().unwrap();
            passed.push(exchange);
            passed.len() - 1
        };
        if lost || response.is_empty() {
            return Ok(());
        }
        // The gateway may be gone by now; then there is nothing after its request either.
        let _ = gateway.write_all(&response).and_then(|()| gateway.flush());
        gateway.conn.send_close_notify();
        let _ = gateway.flush();
        let mut more = Vec::new();
        let _ = gateway.read_to_end(&mut more);
        self.passed.lock().unwrap()[place].request.extend(more);
        Ok(())
    }

    /// The seed of the key in the household's certificate, from the household's own store.
    fn household_key(&self, certificate: &[u8]) -> Result<[u8; 32], String> {
        let public = client_key(&CertificateDer::from(certificate)).ok_or("a certificate without an Ed25519 key")?;
        let mut keys = self.keys.lock().unwrap();
        if let Some(seed) = keys.get(&public) {
            return Ok(*seed);
        }
        let store = Home::new(&self.home, None).open().map_err(|e| e.to_string())?;
        let accounts = store.accounts().map_err(|e| e.to_string())?;
        for seed in accounts.iter().flat_map(|a| std::iter::once(&a.client_key).chain(&a.next_key)) {
            keys.insert(ed25519_dalek::SigningKey::from_bytes(seed).verifying_key().to_bytes(), **seed);
        }
        keys.get(&public).copied().ok_or_else(|| "the household showed a key that is not in its store".to_owned())
    }
}

/// Asks the provider what the household asked.
fn ask(service: SocketAddr, home: PathBuf, key: Option<&[u8; 32]>, request: &[u8]) -> io::Result<Vec<u8>> {
    let stream = TcpStream::connect(service)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut provider = toward::connect(stream, home, key);
    provider.write_all(request)?;
    provider.flush()?;
    whole(&mut provider)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// One whole HTTP message; none when the other end closed without a word.
fn whole(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let (mut bytes, mut part) = (Vec::new(), [0; 16 << 10]);
    loop {
        let read = match stream.read(&mut part) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof || bytes.is_empty() => {
                drop(error);
                0
            }
            Err(error) => return Err(error),
        };
        bytes.extend_from_slice(&part[..read]);
        if read == 0 {
            return Ok(if bytes.is_empty() { None } else { Some(bytes) });
        }
        if let Ok(message) = Message::read(&bytes) {
            let length = message.header("content-length").and_then(|value| value.parse::<usize>().ok());
            // Without a length a request has no body, and an answer ends with the connection.
            let ends = length.or_else(|| (!bytes.starts_with(b"HTTP/")).then_some(0));
            if ends.is_some_and(|length| message.body.len() >= length) {
                return Ok(Some(bytes));
            }
        }
    }
}

/// Carries bytes both ways until both ends have closed.
fn cable(gateway: TcpStream, address: SocketAddr) -> io::Result<()> {
    let other = TcpStream::connect(address)?;
    let (mut from, mut to) = (gateway.try_clone()?, other.try_clone()?);
    let there = thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let (mut from, mut to) = (other, gateway);
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Both);
    let _ = there.join();
    Ok(())
}
