//! MQTT through Debian's mosquitto, the broker that most homes have: restarts, passwords, TLS. Without the package
//! `mosquitto` these tests fail.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use drivers::sealed::{self, Decoder};
use drivers::{CaFileReason, Dial, Dialect, Event, LineError, Mode, Secret};

use crate::broker::{Meter, free_port, listening};
use crate::certificates::Certificates;
use crate::rig::{QUICK, Rig, numbered};

struct Mosquitto {
    folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(name: &str) -> Command {
    // Debian keeps the broker where only root's path leads.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    Command::new(found.expect("mosquitto is missing: install Debian's package of that name"))
}

impl Mosquitto {
    /// `settings` gets the folder and returns lines for the configuration.
    async fn start(settings: impl Fn(&Path) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        loop {
            let port = free_port();
            let config = format!("listener {port} 127.0.0.1\nuser root\npersistence false\n{settings}");
            std::fs::write(folder.path().join("config"), config).unwrap();
            let mut child = run(folder.path());
            if up(&mut child, port).await {
                return Self { folder, port, child };
            }
            // Somebody else took the port in between.
        }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    async fn restart(&mut self) {
        self.child = run(self.folder.path());
        assert!(up(&mut self.child, self.port).await, "mosquitto did not come back");
    }

    fn address(&self) -> String {
        format!("mqtt://127.0.0.1:{}/wattseal/M-1", self.port)
    }

    fn dial(&self, scheme: &str, host: &str) -> Dial {
        Dial::new(format!("{scheme}://{host}:{}/wattseal/M-1", self.port).parse().unwrap())
    }
}

fn run(folder: &Path) -> Child {
    let mut mosquitto = command("mosquitto");
    mosquitto.arg("-c").arg(folder.join("config")).stdout(Stdio::null()).stderr(Stdio::null());
    if folder.join("openssl").is_file() {
        mosquitto.env("OPENSSL_CONF", folder.join("openssl"));
    }
    mosquitto.spawn().unwrap()
}

async fn up(child: &mut Child, port: u16) -> bool {
    listening_or_gone(child, port).await && {
        // A broker that could not bind is gone by now, and somebody else answered.
        tokio::time::sleep(Duration::from_millis(100)).await;
        child.try_wait().unwrap().is_none()
    }
}

async fn listening_or_gone(child: &mut Child, port: u16) -> bool {
    let gone = async {
        while child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = listening(port) => true,
        () = gone => false,
    }
}

fn open_to_all(_: &Path) -> String {
    "allow_anonymous true\n".into()
}

async fn refused(dial: &Dial) -> LineError {
    drivers::open(dial, &Decoder::default().manner(), 1).await.unwrap_err()
}

#[tokio::test]
async fn a_restart_of_the_broker_while_a_reader_runs() {
    let mut broker = Mosquitto::start(open_to_all).await;
    let mut rig = Rig::start(&broker.address(), QUICK);
    for round in 0..3 {
        rig.connected().await;
        let mut meter = Meter::new(broker.port, None).await;
        for block in 0..20 {
            meter.say(100 * round + block).await;
            assert_eq!(rig.message().await, numbered(100 * round + block));
        }
        rig.handle.send(numbered(round)).unwrap();
        assert_eq!(meter.next().await, sealed::encode(&numbered(round), Mode::Datagram));
        broker.kill();
        assert_eq!(rig.disconnected().await, LineError::Ended);
        assert!(matches!(rig.disconnected().await, LineError::ConnectionRefused { .. } | LineError::NotMqtt));
        drop(meter);
        broker.restart().await;
    }
    rig.connected().await;
    rig.close().await;
}

#[tokio::test]
async fn a_slow_listener_loses_nothing() {
    let broker = Mosquitto::start(open_to_all).await;
    let mut rig = Rig::start(&broker.address(), QUICK);
    rig.connected().await;
    let meter = Meter::new(broker.port, None).await;
    for block in 0..400 {
        meter.say(block).await;
    }
    for block in 0..400 {
        assert_eq!(rig.next().await, Some(Event::Message(numbered(block))));
    }
    // Longer than any message: the line ends, and is open again for the next.
    meter.publish(vec![7; 100_000]).await;
    assert!(matches!(rig.disconnected().await, LineError::TooLong { .. }));
    rig.connected().await;
    meter.say(400).await;
    assert_eq!(rig.message().await, numbered(400));
    rig.close().await;
}

#[tokio::test]
async fn passwords_and_access_lists() {
    let broker = Mosquitto::start(|folder| {
        let passwords = folder.join("passwords");
        let mut made = command("mosquitto_passwd");
        let made = made.args(["-b", "-c"]).arg(&passwords).args(["reader", "hunter2"]).stderr(Stdio::null()).status();
        assert!(made.unwrap().success());
        let lists = folder.join("lists");
        std::fs::write(&lists, "user reader\ntopic readwrite wattseal/M-1/#\n").unwrap();
        format!("allow_anonymous false\npassword_file {}\nacl_file {}\n", passwords.display(), lists.display())
    })
    .await;
    let mut dial = broker.dial("mqtt", "reader@127.0.0.1");
    assert_eq!(refused(&dial).await, LineError::WrongLogin);
    dial.password = Some(Secret::new("hunter3".into()));
    let why = refused(&dial).await;
    assert_eq!(why, LineError::WrongLogin);
    assert!(!format!("{why} {why:?} {dial:?}").contains("hunter"));
    assert_eq!(refused(&broker.dial("mqtt", "127.0.0.1")).await, LineError::WrongLogin);

    dial.password = Some(Secret::new("hunter2".into()));
    let mut rig = Rig::dial(dial.clone(), QUICK);
    rig.connected().await;
    let meter = Meter::new(broker.port, Some(("reader", "hunter2"))).await;
    meter.say(1).await;
    assert_eq!(rig.message().await, numbered(1));
    rig.close().await;
}

#[tokio::test]
async fn tls_with_the_right_authority_and_with_wrong_ones() {
    let ours = Certificates::new(&["localhost", "127.0.0.1"], true);
    let broker = Mosquitto::start(|_| ours.settings()).await;
    let mut dial = broker.dial("mqtts", "localhost");
    dial.ca_file = Some(ours.file("ca"));
    let mut rig = Rig::dial(dial.clone(), QUICK);
    rig.connected().await;
    // What goes down comes up again to whoever listens there.
    let up = drivers::Manner { said: Some("/up"), ..drivers::Manner::hearing(["/down"]) };
    let mut meter = drivers::open(&dial, &up, 9).await.unwrap();
    meter.send(sealed::encode(&numbered(5), Mode::Datagram)).await.unwrap();
    assert_eq!(rig.message().await, numbered(5));
    rig.handle.send(numbered(6)).unwrap();
    let drivers::Chunk::Datagram { topic, payload } = meter.recv().await.unwrap() else { panic!() };
    assert_eq!((topic.as_str(), payload), ("wattseal/M-1/down", sealed::encode(&numbered(6), Mode::Datagram)));
    meter.close(Vec::new()).await;
    rig.close().await;

    // By address in numbers, which the certificate names too.
    dial.address = broker.dial("mqtts", "127.0.0.1").address;
    drivers::open(&dial, &Decoder::default().manner(), 1).await.unwrap().close(Vec::new()).await;

    dial.ca_file = Some(Certificates::new(&["localhost"], true).file("ca"));
    let gone = dial.ca_file.clone().unwrap();
    assert_eq!(refused(&dial).await, LineError::CaFile { path: gone, reason: CaFileReason::Unreadable });
    let theirs = Certificates::new(&["localhost"], true);
    dial.ca_file = Some(theirs.file("ca"));
    assert_eq!(refused(&dial).await, LineError::UnknownAuthority);
    dial.ca_file = Some(theirs.file("key"));
    let path = theirs.file("key");
    assert_eq!(refused(&dial).await, LineError::CaFile { path, reason: CaFileReason::NoCertificate });
    // And plain words to a port that wants TLS.
    assert_eq!(refused(&broker.dial("mqtt", "127.0.0.1")).await, LineError::NotMqtt);
}

#[tokio::test]
async fn certificates_for_another_name_purpose_or_day() {
    let other = Certificates::new(&["other.example"], true);
    let broker = Mosquitto::start(|_| other.settings()).await;
    let mut dial = broker.dial("mqtts", "localhost");
    dial.ca_file = Some(other.file("ca"));
    assert_eq!(refused(&dial).await, LineError::WrongName { host: "localhost".into() });

    // As many homes have it: the broker shows the authority's own certificate.
    let own = Certificates::new(&["localhost"], true);
    std::fs::copy(own.file("ca"), own.file("cert")).unwrap();
    std::fs::copy(own.file("ca-key"), own.file("key")).unwrap();
    let broker = Mosquitto::start(|_| own.settings()).await;
    let mut dial = broker.dial("mqtts", "localhost");
    dial.ca_file = Some(own.file("ca"));
    assert_eq!(refused(&dial).await, LineError::UnusableCertificate);

    let old = Certificates::new(&["localhost"], false);
    let broker = Mosquitto::start(|_| old.settings()).await;
    let mut dial = broker.dial("mqtts", "localhost");
    dial.ca_file = Some(old.file("ca"));
    assert_eq!(refused(&dial).await, LineError::CertificateDate);
}

#[tokio::test]
async fn a_broker_without_tls_1_3_and_one_without_tls() {
    let ours = Certificates::new(&["localhost"], true);
    let broker = Mosquitto::start(|folder| {
        // The broker's own setting names the oldest version; the newest is its library's.
        let newest = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMaxProtocol = TLSv1.2\n";
        std::fs::write(folder.join("openssl"), newest).unwrap();
        ours.settings()
    })
    .await;
    let mut dial = broker.dial("mqtts", "localhost");
    dial.ca_file = Some(ours.file("ca"));
    let why = refused(&dial).await;
    assert_eq!(why, LineError::TlsTooOld);
    assert!(why.to_string().contains("TLS 1.3"));

    let plain = Mosquitto::start(open_to_all).await;
    let mut dial = plain.dial("mqtts", "localhost");
    dial.ca_file = Some(ours.file("ca"));
    assert_eq!(refused(&dial).await, LineError::TlsNotSpoken);
}
