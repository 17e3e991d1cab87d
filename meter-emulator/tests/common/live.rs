//! A household's end of a line without a line: it says what a household says and checks what it hears.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use meter_emulator::live::{Device, Event, Moment, Setup, World};
use meter_emulator::{Entropy, Intake, Load, MeterSeed, Series};
use metrology::certificate::SealClass;
use metrology::keys::{AgreementKey, PairingCode};
use metrology::label::{Interval, Register, RegisterCode, RegisterKind, Status, Text};
use protocol::block::{BlockFile, DayHeader};
use protocol::certificate::VerifiedCertificate;
use protocol::line::handshake::Asking;
use protocol::line::{AskBlocks, BlockName, Holdings, MAX_BLOCKS, Message};
use protocol::money::Currency;
use protocol::pairing::Pairing;

use super::{Opened, open};

/// 2025-06-01.
pub const START: u64 = 1_748_736_000;
pub const DAY: u64 = 86_400;
pub const SLOT: u64 = 1800;

pub fn register(code: &str) -> Register {
    Register {
        code: Text::new(code).unwrap(),
        unit: Text::new("Wh").unwrap(),
        kind: RegisterKind::Cumulative,
        interval: Interval::HALF,
    }
}

pub fn import() -> RegisterCode {
    RegisterCode::new("1-0:1.8.0").unwrap()
}

pub fn export() -> RegisterCode {
    RegisterCode::new("1-0:2.8.0").unwrap()
}

/// Whole watt-hours that the test's load has in a slot.
pub fn amount(place: u64) -> u64 {
    100 + place % 37
}

/// Two registers; export has twice what import has.
pub fn setup(root: &Path, days: u64) -> Setup {
    let series = |name: &str, times: u64| Series {
        name: name.into(),
        amounts: (0..days * 48).map(|place| Some((amount(place) * times * 10_000) as u32)).collect(),
    };
    let load = Load::new(Interval::HALF, START / SLOT, vec![series("import", 1), series("export", 2)]).unwrap();
    Setup {
        root: root.to_owned(),
        source: Arc::new(World::new(load).unwrap()),
        intakes: ["1-0:1.8.0", "1-0:2.8.0"].map(|code| Intake { register: register(code), start: None }).to_vec(),
        entropy: Entropy::Seeded(MeterSeed::from_bytes([5; 32])),
        id: None,
        class: SealClass::Certified,
        start: None,
        cadence: 10,
        operator: None,
        price: None,
        currency: Currency { code: "EUR".into(), exponent: 2 },
    }
}

pub fn moment(seconds: u64) -> Moment {
    Moment { real: Duration::from_secs(seconds), seen: (1_750_000_000 + seconds) * 1000 }
}

/// A meter that runs, and the household that speaks to it.
pub struct Bench {
    pub setup: Arc<Setup>,
    pub device: Option<Device>,
    pub at: u64,
    pub real: u64,
    pub events: Vec<Event>,
}

impl Bench {
    pub fn new(setup: Setup) -> Self {
        let at = setup.source.from();
        let mut bench = Self { setup: Arc::new(setup), device: None, at, real: 0, events: Vec::new() };
        bench.power_on(at);
        bench
    }

    pub fn device(&mut self) -> &mut Device {
        self.device.as_mut().unwrap()
    }

    pub fn power_off(&mut self) {
        self.device = None;
    }

    pub fn power_on(&mut self, at: u64) -> Vec<Message> {
        let (mut device, _) = Device::open(&self.setup, moment(self.real)).unwrap();
        let said = device.resume(at, moment(self.real)).unwrap();
        self.events.extend(device.take_events());
        self.device = Some(device);
        self.at = at;
        said
    }

    pub fn advance(&mut self, seconds: u64) -> Vec<Message> {
        self.at += seconds;
        let (at, now) = (self.at, moment(self.real));
        let said = self.device().advance(at, now).unwrap();
        let events = self.device().take_events();
        self.events.extend(events);
        said
    }

    pub fn ask(&mut self, message: &Message) -> Vec<Message> {
        // What travels is bytes.
        let message = Message::read(&message.write()).unwrap();
        let now = moment(self.real);
        let answers = self.device().handle(&message, now).unwrap();
        let events = self.device().take_events();
        self.events.extend(events);
        answers.iter().map(|answer| Message::read(&answer.write()).unwrap()).collect()
    }

    pub fn one(&mut self, message: &Message) -> Message {
        self.ask(message).into_iter().find(|answer| !matches!(answer, Message::Sealed(_))).unwrap()
    }

    pub fn press(&mut self) -> PairingCode {
        let now = moment(self.real);
        let Event::PairingCode { code, .. } = self.device().press_button(now).unwrap() else { panic!() };
        PairingCode::from_bytes(*protocol::code::read(protocol::code::Purpose::Pairing, &code).unwrap())
    }

    pub fn certificates(&mut self) -> Vec<VerifiedCertificate> {
        let Message::Certificates(list) = self.one(&Message::AskCertificates(0)) else { panic!() };
        list.iter().map(|message| VerifiedCertificate::read(message).unwrap()).collect()
    }

    /// A whole pairing; gives what the household keeps and what it confirmed with.
    pub fn pair(&mut self, key: u8) -> (Pairing, Message) {
        let code = self.press();
        let asking = Asking::new(AgreementKey::from_bytes([key; 32]), [key; 16]);
        let certificates = self.certificates();
        let Message::Offer(offer) = self.one(&Message::AskPairing(asking.ask())) else { panic!() };
        let (confirmation, pairing) = asking.confirm(&offer, &certificates, &code).unwrap();
        let confirmation = Message::ConfirmPairing(confirmation);
        let Message::Paired(paired) = self.one(&confirmation) else { panic!() };
        assert_eq!((paired.counter, paired.household), (pairing.counter, pairing.household()));
        (pairing, confirmation)
    }

    pub fn holdings(&mut self, register: RegisterCode) -> Holdings {
        let Message::Holdings(holdings) = self.one(&Message::AskHoldings(BlockName { register, block: 0 })) else {
            panic!()
        };
        holdings
    }

    /// All blocks of a register that the meter holds.
    pub fn blocks(&mut self, register: RegisterCode) -> Vec<BlockFile> {
        let holdings = self.holdings(register);
        let mut blocks = Vec::new();
        let Some(mut first) = holdings.runs.first().map(|run| run.first) else { return blocks };
        while first < holdings.next {
            let answer = self.ask(&Message::AskBlocks(AskBlocks { register, first, count: MAX_BLOCKS }));
            blocks.extend(answer.iter().map(|answer| match answer {
                Message::Block(bytes) => BlockFile::read(bytes).unwrap(),
                other => panic!("{other:?}"),
            }));
            first += u64::from(MAX_BLOCKS);
        }
        blocks
    }

    /// Checks both registers' chains; gives the import's headers.
    pub fn check(&mut self) -> Vec<DayHeader> {
        let certificates = self.certificates();
        let exported = self.blocks(export());
        check_chain(&exported, &certificates);
        let imported = self.blocks(import());
        check_chain(&imported, &certificates)
    }

    /// Opens the blocks of one register that belong to a pairing.
    pub fn open(&mut self, register: RegisterCode, pairing: &Pairing) -> Vec<Opened> {
        let certificates = self.certificates();
        open_own(&self.blocks(register), &certificates, pairing)
    }
}

/// Signatures, links, consecutive numbers, and no second twice. The first block may be any.
pub fn check_chain(files: &[BlockFile], certificates: &[VerifiedCertificate]) -> Vec<DayHeader> {
    let mut headers: Vec<DayHeader> = Vec::new();
    let mut previous: Option<[u8; 32]> = None;
    for file in files {
        let (block, epoch) = certificates
            .iter()
            .find_map(|epoch| Some((file.verify(&epoch.certificate.signing_key).ok()?, epoch)))
            .expect("a block of one of the meter's epochs");
        assert_eq!((block.header.certificate, block.header.epoch), (epoch.hash, epoch.certificate.epoch));
        assert!(block.header.span().from >= epoch.certificate.first);
        if let (Some(last), Some(hash)) = (headers.last(), previous) {
            assert_eq!((block.header.previous, block.header.block), (hash, last.block + 1));
            assert!(block.header.span().from >= last.span().until, "no second twice");
            if last.epoch == block.header.epoch {
                assert_eq!(block.header.span().from, last.span().until, "continuous within an epoch");
            }
            assert!(block.header.pairing >= last.pairing);
        }
        previous = Some(block.hash);
        headers.push(block.header);
    }
    headers
}

/// Opens the blocks that were sealed for a pairing, and no other.
pub fn open_own(files: &[BlockFile], certificates: &[VerifiedCertificate], pairing: &Pairing) -> Vec<Opened> {
    let mut keys = BTreeMap::new();
    let mut opened = Vec::new();
    for file in files {
        let (block, epoch) = certificates
            .iter()
            .find_map(|epoch| Some((file.verify(&epoch.certificate.signing_key).ok()?, epoch)))
            .unwrap();
        if (block.header.pairing, block.header.household) != (pairing.counter, pairing.household()) {
            continue;
        }
        let (day, key) = keys
            .entry(block.header.epoch)
            .or_insert_with(|| pairing.register_key(epoch, &block.header.register.code).unwrap());
        while *day < block.header.day {
            (*day, *key) = (*day + 1, key.next());
        }
        opened.push(open(file, &block.header, &block.hash, &key.day_seed()));
    }
    opened
}

pub fn statuses(opened: &[Opened]) -> Vec<Status> {
    opened.iter().flat_map(Opened::statuses).collect()
}

pub fn readings(opened: &[Opened]) -> Vec<u64> {
    opened.iter().flat_map(|block| block.readings.iter().map(|reading| u64::from(*reading))).collect()
}
