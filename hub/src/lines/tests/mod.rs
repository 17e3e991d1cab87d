//! A meter that is played here, and a conversation with it over a real socket and a real store.

mod failing;
mod lying;
mod receipts;

use std::time::Duration;

use drivers::{Dial, Patience, Reader, sealed};
use ed25519_dalek::SigningKey;
use gateway_core::{Store, StoreKey};
use protocol::block::{BlockFile, DayHeader};
use protocol::certificate::VerifiedCertificate;
use protocol::line::frame::{Deframer, frame};
use protocol::line::live::{Live, Sending, Terms};
use protocol::line::{Identity, Message, Refused, RegisterInfo};
use protocol::metrology::certificate::{Certificate, SealClass};
use protocol::metrology::cose::{public_key, purpose};
use protocol::metrology::exchange::{Course, live_key};
use protocol::metrology::header::list_hash;
use protocol::metrology::keys::{AgreementKey, PairingCode, PairingContext};
use protocol::metrology::label::{ClockQuality, Interval, MeterId, Register, RegisterCode, RegisterKind, Unit};
use protocol::pairing::Pairing;
use protocol::wire;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};
use tokio::time::timeout;

use super::conversation::Conversation;
use super::{Control, Shared};
use crate::api::Event;
use crate::keeper::Keeper;

/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(240);
const KEY: [u8; 32] = [1; 32];

/// The meter's keys, and the home's pairing with it.
pub(super) struct Meter {
    agreement: AgreementKey,
    certificate: VerifiedCertificate,
    pub(super) pairing: Pairing,
}

pub(super) fn meter() -> Meter {
    let (identity, agreement) = (for_life(), AgreementKey::from_bytes([11; 32]));
    let certificate = Certificate {
        meter: MeterId::new("M-1").unwrap(),
        class: SealClass::Certified,
        identity_key: public_key(&identity),
        epoch: 0,
        signing_key: public_key(&SigningKey::from_bytes(&[12; 32])),
        agreement_key: agreement.public(),
        first: 0,
        previous: None,
        heads: &[],
    };
    let certificate = VerifiedCertificate::read(certificate.sign(&identity).unwrap().as_slice()).unwrap();
    let pairing = Pairing {
        counter: 1,
        household_key: AgreementKey::from_bytes([13; 32]),
        code: PairingCode::from_bytes([14; 16]),
        certificates: vec![certificate.clone()],
    };
    Meter { agreement, certificate, pairing }
}

impl Meter {
    /// Another certificate that the meter signed.
    pub(super) fn another(&self, epoch: u32, first: u64) -> VerifiedCertificate {
        let identity = for_life();
        let certificate = Certificate {
            meter: MeterId::new("M-1").unwrap(),
            class: SealClass::Certified,
            identity_key: public_key(&identity),
            epoch,
            signing_key: public_key(&SigningKey::from_bytes(&[12; 32])),
            agreement_key: self.agreement.public(),
            first,
            previous: (epoch > 0).then_some(self.certificate.hash),
            heads: &[],
        };
        VerifiedCertificate::read(certificate.sign(&identity).unwrap().as_slice()).unwrap()
    }

    pub(super) fn identity(&self, answers: [u8; 16], meter: &str) -> Identity {
        Identity {
            meter: MeterId::new(meter).unwrap(),
            identity_key: self.certificate.certificate.identity_key,
            epoch: 0,
            certificate: self.certificate.hash,
            pairing: 1,
            household: self.pairing.household(),
            nonce: [6; 16],
            answers,
            clock: 1_772_323_200,
            registers: vec![RegisterInfo {
                code: register(),
                unit: Unit::new("Wh").unwrap(),
                sampled: false,
                interval: 1800,
            }],
            cadence: 1,
            pairing_open: false,
        }
    }

    pub(super) fn session(&self, identity: &Identity) -> Sending {
        let household = self.pairing.household();
        let context = PairingContext { certificate: &identity.certificate, counter: 1, household: &household };
        let course = Course { context, household_nonce: identity.answers, meter_nonce: identity.nonce };
        let home = self.pairing.household_key.public();
        Sending::new(live_key(&self.agreement, &home, &self.pairing.code, &course).unwrap(), Terms::of(identity))
    }
}

impl Meter {
    /// A block that the meter signed for a household. Nothing in it opens.
    fn block(&self, number: u64, household: [u8; 32]) -> Message {
        let commitments = [[3; 64]];
        let header = DayHeader {
            certificate: self.certificate.hash,
            epoch: 0,
            register: Register {
                code: register(),
                unit: Unit::new("Wh").unwrap(),
                kind: RegisterKind::Cumulative,
                interval: Interval::HALF,
            },
            day: 20_000,
            first: 0,
            count: 1,
            status: vec![0],
            clock: ClockQuality::Good,
            events: 0,
            block: number,
            pairing: 1,
            household,
            previous: [4; 32],
            list: list_hash(&commitments),
            day_commitment: [5; 32],
            residual: [6; 64],
        };
        let signed = wire::sign(&SigningKey::from_bytes(&[12; 32]), purpose::DAY_BLOCK, &wire::encode(&header));
        Message::Block(wire::encode(&BlockFile::new(&signed, &commitments, &[7; 39])).into())
    }
}

/// What the meter signs with for life.
fn for_life() -> SigningKey {
    SigningKey::from_bytes(&[10; 32])
}

/// Another process that holds the store until the sender is dropped.
pub(super) fn somebody_writes(path: &std::path::Path) -> (std::sync::mpsc::Sender<()>, std::thread::JoinHandle<()>) {
    let (path, (free, held)) = (path.to_owned(), std::sync::mpsc::channel::<()>());
    let (ready, is_ready) = std::sync::mpsc::channel();
    let writer = std::thread::spawn(move || {
        let mut other = Store::open(&path, &StoreKey::from_bytes(KEY)).unwrap();
        let work = |_: &Store| {
            ready.send(()).unwrap();
            let _ = held.recv();
            Ok::<_, gateway_core::StoreError>(())
        };
        other.transaction(work).unwrap();
    });
    is_ready.recv().unwrap();
    (free, writer)
}

fn register() -> RegisterCode {
    RegisterCode::new("1-0:1.8.0").unwrap()
}

pub(super) fn power(watts: i32) -> Live {
    Live { at: 5, power: Some(watts), totals: vec![7], ..Live::default() }
}

/// A home that is paired with the meter, and the meter's end of its line.
struct Bench {
    directory: tempfile::TempDir,
    meter: Meter,
    socket: TcpStream,
    frames: Deframer,
    come: Vec<Message>,
    events: broadcast::Receiver<Event>,
    shared: Shared,
    orders: mpsc::Sender<Control>,
}

impl Bench {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// With something more in the home's store.
    async fn with(more: impl FnOnce(&Store)) -> Self {
        let (directory, meter) = (tempfile::tempdir().unwrap(), meter());
        let store = Store::create(&directory.path().join("store.db"), &StoreKey::from_bytes(KEY)).unwrap();
        gateway_core::ingest::pair(&store, &meter.pairing, 1).unwrap();
        more(&store);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (reader, handle, heard) =
            Reader::new(Dial::new(address), sealed::Decoder::default(), Patience::default(), || 1);
        let (told, events) = broadcast::channel(1 << 14);
        let (orders, coming) = mpsc::channel(1);
        let shared = Shared::default();
        let keeper = Keeper::start(store).unwrap();
        let conversation = Conversation::new(1, keeper, handle, told, shared.clone());
        tokio::spawn(reader.run());
        tokio::spawn(conversation.run(heard, coming));
        let (socket, _) = listener.accept().await.unwrap();
        let (frames, come) = (Deframer::default(), Vec::new());
        Self { directory, meter, socket, frames, come, events, shared, orders }
    }

    async fn say(&mut self, messages: &[Message]) {
        let bytes: Vec<u8> = messages.iter().flat_map(|message| frame(&message.write())).collect();
        self.socket.write_all(&bytes).await.unwrap();
    }

    /// The next thing that the household says which fits; what it says before is passed over.
    async fn heard<T>(&mut self, what: &str, fits: impl Fn(&Message) -> Option<T>) -> T {
        let listening = async {
            loop {
                while !self.come.is_empty() {
                    if let Some(found) = fits(&self.come.remove(0)) {
                        return found;
                    }
                }
                let mut bytes = [0; 4096];
                let count = self.socket.read(&mut bytes).await.unwrap();
                assert!(count > 0, "the line was closed");
                let frames = self.frames.feed(&bytes[..count]);
                self.come.extend(frames.into_iter().map(|bytes| Message::read(&bytes.unwrap()).unwrap()));
            }
        };
        timeout(LONG, listening).await.unwrap_or_else(|_| panic!("the household does not say {what}"))
    }

    async fn hello(&mut self) -> [u8; 16] {
        self.heard("hello", |message| if let Message::Hello(hello) = message { Some(hello.nonce) } else { None }).await
    }

    /// Answers a greeting; gives what was answered.
    async fn met(&mut self) -> Identity {
        let nonce = self.hello().await;
        let identity = self.meter.identity(nonce, "M-1");
        self.say(&[Message::Identity(Box::new(identity.clone()))]).await;
        identity
    }

    async fn told(&mut self, what: &str, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut all = Vec::new();
        let listening = async {
            loop {
                all.push(self.events.recv().await.unwrap());
                if all.last().is_some_and(&fits) {
                    return;
                }
            }
        };
        timeout(LONG, listening).await.unwrap_or_else(|_| panic!("nothing tells {what}"));
        all
    }

    /// All that was said so far has been dealt with: this is told at once, the first of its kind.
    async fn settled(&mut self) -> Vec<Event> {
        self.say(&[Message::Refused(Refused::TooManyTries)]).await;
        self.told("the mark", |e| matches!(e, Event::Refused { code, .. } if code == "too-many-tries")).await
    }
}
