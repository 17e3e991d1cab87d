//! The same days over real lines: a pseudo-terminal for what is spoken on a wire, a broker for what is published. A reader
//! that opens its line anew when it ends must hear the very telegrams that the decoder makes of the same bytes in memory,
//! in their order, and nothing else: so the slots of a day are those that [`super::day`] holds against the truth.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use drivers::plain::{Energy, Keys, MeterKey, Telegram};
use drivers::profile::{Profile, Profiles};
use drivers::{Address, Chunk, Dial, Dialect, Event, Events, Found, Patience, Reader};
use meter_emulator::plain::{Keys as MeterKeys, Play, Protocol as Spoken, Sent};
use rumqttc::{AsyncClient, MqttOptions, QoS};
use sealer::port::pty;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::day::{EXCHANGED, SILENT, START, plays};

/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(120);

/// A profile by which a dialect is read, and keys for it; none for one that is asked, which another test does.
fn read_by(spoken: Spoken) -> Option<(Profile, Keys)> {
    let name = match (spoken.name(), spoken.dialect()) {
        ("p1", "dsmr2") => "dsmr-2",
        ("p1", "luxembourg") => "luxembourg-smarty",
        ("p1", "austria") => "landis-gyr-e360",
        ("p1", _) => "dsmr-5",
        ("sml", _) => "emh-ehz",
        ("dlms", _) => "kaifa-han",
        ("tic", "standard") => "linky-standard",
        ("tic", _) => "linky-historique",
        ("d0", "mode-d") => "d0-pushed",
        ("json", "shelly") => "shelly-em",
        ("json", dialect) => dialect,
        _ => return None,
    };
    let profile = Profiles::built_in().named(name).unwrap_or_else(|error| panic!("{error}")).clone();
    let meter = spoken.is_encrypted().then(|| MeterKey::new(MeterKeys::EXAMPLE, Some(MeterKeys::PUBLISHED)));
    Some((profile, Keys { meter, public: None }))
}

/// What of a telegram cannot come about by chance.
type Essence = (Option<String>, Option<Energy>, Option<Energy>, Option<String>);

fn essence(telegram: &Telegram) -> Essence {
    let at = telegram.at.map(|at| format!("{at:?}"));
    (telegram.meter.clone(), telegram.import, telegram.export, at)
}

/// A day in pieces between which the line ends: the silence is one such end, the exchange of the meter another.
fn pieces(plays: [Play; 2]) -> Vec<Vec<Sent>> {
    let mut pieces = vec![Vec::new()];
    let mut last = START;
    for sent in plays.into_iter().flatten().filter(|sent| !SILENT.contains(&sent.at)) {
        let exchanged = last < EXCHANGED && sent.at >= EXCHANGED;
        if sent.at - last > 600 || exchanged {
            pieces.push(Vec::new());
        }
        last = sent.at;
        pieces.last_mut().unwrap().push(sent);
    }
    pieces
}

/// Reads until so many telegrams have come.
async fn take(events: &mut Events<Telegram>, expected: &[Essence], heard: &mut Vec<Essence>) {
    while heard.len() < expected.len() {
        let event = timeout(LONG, events.recv()).await;
        let event = event.unwrap_or_else(|_| {
            let first = expected.iter().zip(&*heard).position(|(one, other)| one != other);
            panic!("{} telegrams of {}, other ones from {first:?} on", heard.len(), expected.len())
        });
        if let Event::Message(telegram) = event.expect("the reader has ended").event {
            heard.push(essence(&telegram));
        }
    }
}

fn impatient() -> Patience {
    let first = Duration::from_millis(5);
    Patience { first, most: Duration::from_millis(50), silence: LONG, ..Patience::default() }
}

fn relink(to: &str, link: &Path) -> io::Result<()> {
    let beside = link.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    std::os::unix::fs::symlink(to, &beside)?;
    std::fs::rename(beside, link)
}

/// Plays a day over pseudo-terminals, one after the other under one name, as a port below `/dev/serial/by-id` comes back.
async fn over_a_wire(spoken: Spoken, profile: &Profile, keys: Keys) -> (usize, usize) {
    let directory = tempfile::tempdir().unwrap();
    let port = directory.path().join("port");
    let address: Address = format!("serial:{}", port.display()).parse().unwrap();
    let mut memory = profile.dialect(keys.clone(), &address).unwrap();
    let dialect = profile.dialect(keys, &address).unwrap();
    let (reader, handle, mut events) = Reader::new(Dial::new(address), dialect, impatient(), || 1);
    let reader = tokio::spawn(reader.run());
    let (mut expected, mut heard) = (Vec::new(), Vec::new());
    for piece in pieces(plays(spoken)) {
        let mut line = pty::pair().unwrap();
        relink(&line.path, &port).unwrap();
        // Open before anything is said: what is said to nobody is lost.
        let connected = async { while events.recv().await.map(|told| told.event) != Some(Event::Connected) {} };
        timeout(LONG, connected).await.expect("the line is opened anew");
        let bytes: Vec<u8> = piece.into_iter().flat_map(|sent| sent.bytes).collect();
        memory.begin();
        for chunk in bytes.chunks(4096) {
            let found = memory.hear(&Chunk::Bytes(chunk.to_vec()));
            expected.extend(found.iter().filter_map(|found| match found {
                Found::Message(telegram) => Some(essence(telegram)),
                _ => None,
            }));
        }
        let writing = async {
            AsyncWriteExt::write_all(&mut line.own, &bytes).await.unwrap();
        };
        tokio::join!(writing, take(&mut events, &expected, &mut heard));
        drop(line);
    }
    handle.close();
    while let Some(told) = events.recv().await {
        assert!(!matches!(told.event, Event::Message(_)), "more than was said");
    }
    reader.await.unwrap();
    let name = format!("{} {}", spoken.name(), spoken.dialect());
    let first = expected.iter().zip(&heard).position(|(one, other)| one != other);
    assert_eq!((first, heard.len()), (None, expected.len()), "{name}");
    (expected.len(), 3)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_every_wire_over_pseudo_terminals() {
    println!("| meter | telegrams of a day over a pseudo-terminal | times it was opened |");
    for spoken in Spoken::all().into_iter().filter(|spoken| spoken.name() != "json") {
        let Some((profile, keys)) = read_by(spoken) else { continue };
        let (telegrams, opened) = over_a_wire(spoken, &profile, keys).await;
        let name = format!("{} {}", spoken.name(), spoken.dialect());
        println!("| {name} | {telegrams} | {opened} |");
        assert!(telegrams >= 20, "{name}");
    }
}

/// mosquitto, which keeps the order of what one client publishes, and ends with the test.
struct Broker(Child, #[allow(dead_code, reason = "it is removed with the broker")] tempfile::TempDir);

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn broker() -> (Broker, u16) {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = format!(
        "user root\nlistener {port} 127.0.0.1\npersistence false\nallow_anonymous true\nmax_queued_messages 0\n"
    );
    std::fs::write(folder.path().join("conf"), settings).unwrap();
    let program = if Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" };
    let mut command = Command::new(program);
    command.arg("-c").arg(folder.path().join("conf")).stdout(Stdio::null()).stderr(Stdio::null());
    let broker = Broker(command.spawn().expect("mosquitto is not there; ./test installs it"), folder);
    let deadline = Instant::now() + LONG;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "mosquitto does not listen");
        sleep(Duration::from_millis(20));
    }
    (broker, port)
}

/// Publishes a day on a broker, and reads it there.
async fn over_a_broker(profile: &Profile, published: &[(String, Vec<u8>)]) -> usize {
    let (_broker, port) = broker();
    let map = profile.map.as_ref().unwrap();
    let device = published.iter().find_map(|(topic, _)| map.devices(topic).first().copied()).unwrap();
    let address: Address = format!("mqtt://127.0.0.1:{port}/{device}").parse().unwrap();
    let dialect = || profile.dialect(Keys::default(), &address).unwrap();
    let (mut memory, mut expected, mut heard) = (dialect(), Vec::new(), Vec::new());
    memory.begin();
    for (topic, payload) in published {
        let chunk = Chunk::Datagram { topic: topic.clone(), payload: payload.clone() };
        expected.extend(memory.hear(&chunk).iter().filter_map(|found| match found {
            Found::Message(telegram) => Some(essence(telegram)),
            _ => None,
        }));
    }
    let (reader, handle, mut events) = Reader::new(Dial::new(address.clone()), dialect(), impatient(), || 2);
    let reader = tokio::spawn(reader.run());
    let connected = async { while events.recv().await.map(|told| told.event) != Some(Event::Connected) {} };
    timeout(LONG, connected).await.expect("the broker answers");
    let mut options = MqttOptions::new("bridge", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(60));
    let (client, mut connection) = AsyncClient::new(options, 64);
    let publishing = async {
        for (topic, payload) in published {
            client.publish(topic, QoS::AtLeastOnce, false, payload.clone()).await.unwrap();
        }
        // The connection goes on until everything was heard.
        std::future::pending::<()>().await
    };
    let carrying = async {
        loop {
            connection.poll().await.unwrap();
        }
    };
    tokio::select! {
        () = publishing => {}
        () = carrying => {}
        () = take(&mut events, &expected, &mut heard) => {}
    }
    handle.close();
    while events.recv().await.is_some() {}
    reader.await.unwrap();
    let first = expected.iter().zip(&heard).position(|(one, other)| one != other);
    assert_eq!((first, heard.len()), (None, expected.len()), "{}", profile.id);
    expected.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_every_bridge_over_a_broker() {
    println!("| bridge | publications | telegrams of a day over a broker |");
    for spoken in Spoken::all().into_iter().filter(|spoken| spoken.name() == "json") {
        let (profile, _) = read_by(spoken).unwrap();
        // Every sixth minute: a broker is asked to carry a day in seconds.
        let sent = plays(spoken).into_iter().flatten().filter(|sent| sent.at / 60 % 6 == 0);
        let published: Vec<_> = sent.map(|sent| (sent.topic.unwrap(), sent.bytes)).collect();
        let telegrams = over_a_broker(&profile, &published).await;
        println!("| {} | {} | {telegrams} |", profile.id, published.len());
        assert!(telegrams >= 100, "{}", profile.id);
    }
}
