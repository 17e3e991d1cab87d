//! Serial ports, as pseudo-terminals behind a name that stays when the device changes.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use drivers::sealed::{self, Decoder};
use drivers::{Dial, Dialect, Event, LineError, Mode, Patience};
use rustix::fs::{Mode as FileMode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::rig::{QUICK, Random, Rig, framed, numbered};

/// A cable: the meter's end, and the name of the other.
pub struct Cable {
    folder: tempfile::TempDir,
    pub meter: File,
    /// Keeps the meter's end from failing while nobody has the port open.
    _held: File,
}

impl Cable {
    pub fn plugged() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (meter, held) = plug(&folder.path().join("usb-Meter-if00-port0"));
        Self { folder, meter, _held: held }
    }

    /// Another device under the same name: what was open is hung up.
    pub fn plug_anew(&mut self) {
        std::fs::remove_file(self.path()).unwrap();
        let (meter, held) = plug(&self.path());
        (self.meter, self._held) = (meter, held);
    }

    pub fn pull(&mut self) {
        std::fs::remove_file(self.path()).unwrap();
        let spare = self.folder.path().join("spare");
        let _ = std::fs::remove_file(&spare);
        (self.meter, self._held) = plug(&spare);
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("usb-Meter-if00-port0")
    }

    pub fn address(&self) -> String {
        format!("serial:{}", self.path().display())
    }
}

fn plug(name: &std::path::Path) -> (File, File) {
    let meter = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&meter).unwrap();
    unlockpt(&meter).unwrap();
    let port = ptsname(&meter, Vec::new()).unwrap();
    let held = rustix::fs::open(&port, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, FileMode::empty()).unwrap();
    symlink(port.to_str().unwrap(), name).unwrap();
    (meter.into(), held.into())
}

#[tokio::test]
async fn both_ways_and_closed_in_peace() {
    let mut cable = Cable::plugged();
    let mut rig = Rig::start(&cable.address(), QUICK);
    assert_eq!(rig.next().await, Some(Event::Connected));
    cable.meter.write_all(&framed(1)).unwrap();
    assert_eq!(rig.next().await, Some(Event::Message(numbered(1))));
    rig.handle.send(numbered(2)).unwrap();
    rig.handle.send(numbered(3)).unwrap();
    // Sent before the close leaves before the close.
    rig.close().await;
    let wanted = [framed(2), framed(3)].concat();
    let mut got = vec![0; wanted.len()];
    let mut meter = cable.meter.try_clone().unwrap();
    let got = tokio::task::spawn_blocking(move || meter.read_exact(&mut got).map(|()| got)).await.unwrap().unwrap();
    assert_eq!(got, wanted);
}

#[tokio::test]
async fn every_byte_passes_unchanged_at_any_setting() {
    let cable = Cable::plugged();
    for settings in ["", "?baud=9600", "?baud=300&parity=even&bits=7&stop=2"] {
        let address = format!("{}{settings}", cable.address());
        let mut line =
            drivers::open(&Dial::new(address.parse().unwrap()), &Decoder::default().manner(), 1).await.unwrap();
        let all: Vec<u8> = (0..=255).collect();
        (&cable.meter).write_all(&all).unwrap();
        let mut got = Vec::new();
        while got.len() < all.len() {
            let drivers::Chunk::Bytes(bytes) = line.recv().await.unwrap() else { panic!() };
            got.extend(bytes);
        }
        assert_eq!(got, all, "{settings}");
        line.close(Vec::new()).await;
    }
}

#[tokio::test]
async fn a_port_has_one_reader() {
    let cable = Cable::plugged();
    let dial = Dial::new(cable.address().parse().unwrap());
    let first = drivers::open(&dial, &Decoder::default().manner(), 1).await.unwrap();
    let path = cable.path().display().to_string();
    let second = drivers::open(&dial, &Decoder::default().manner(), 1).await;
    assert_eq!(second.unwrap_err(), LineError::Busy { path });
    first.close(Vec::new()).await;
    drivers::open(&dial, &Decoder::default().manner(), 1).await.unwrap().close(Vec::new()).await;
}

#[tokio::test]
async fn a_pulled_cable_is_awaited() {
    let mut cable = Cable::plugged();
    let mut rig = Rig::start(&cable.address(), QUICK);
    rig.connected().await;
    cable.meter.write_all(&framed(1)[..5]).unwrap();
    cable.pull();
    assert_eq!(rig.disconnected().await, LineError::Ended);
    // It may be opened once more before the name is gone; then it is not there.
    let path = cable.path().display().to_string();
    while rig.disconnected().await != (LineError::NoDevice { path: path.clone() }) {}
    assert_eq!(rig.handle.send(numbered(9)), Err(drivers::SendError::NotConnected));
    let (meter, _held) = plug(&cable.path());
    rig.connected().await;
    (&meter).write_all(&framed(2)).unwrap();
    assert_eq!(rig.next().await, Some(Event::Message(numbered(2))));
    rig.close().await;
}

#[tokio::test]
async fn ready_but_silent_is_opened_anew() {
    let mut cable = Cable::plugged();
    let patience = Patience { silence: Duration::from_millis(300), ..QUICK };
    let mut rig = Rig::start(&cable.address(), patience);
    for _ in 0..3 {
        rig.connected().await;
        assert!(matches!(rig.disconnected().await, LineError::Silent { .. }));
    }
    // The cadence became known: the limit holds at once, for the line that is open.
    rig.connected().await;
    rig.handle.set_silence(Duration::MAX);
    // A line that was just ending when the limit changed is opened once more.
    let quiet = tokio::time::timeout(Duration::from_millis(1200), async {
        let _ = rig.disconnected().await;
        rig.connected().await;
        rig.disconnected().await
    });
    assert!(quiet.await.is_err());
    cable.meter.write_all(&framed(1)).unwrap();
    assert_eq!(rig.message().await, numbered(1));
    rig.handle.set_silence(Duration::from_millis(100));
    assert!(matches!(rig.disconnected().await, LineError::Silent { .. }));
    rig.close().await;
}

#[tokio::test]
async fn what_is_no_port_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let opened = async |path: &str| {
        let dial = Dial::new(format!("serial:{path}").parse().unwrap());
        drivers::open(&dial, &Decoder::default().manner(), 1).await.unwrap_err()
    };
    let path = file.display().to_string();
    assert_eq!(opened(&path).await, LineError::NotATerminal { path });
    let path = folder.path().join("none").display().to_string();
    assert_eq!(opened(&path).await, LineError::NoDevice { path });
    let error = opened("/dev/null").await;
    assert!(matches!(&error, LineError::BadSettings { .. }), "{error:?}");
}

/// A thousand messages through noise and pulled cables: whatever was written whole to an open port arrives, in order.
#[tokio::test]
async fn a_thousand_messages_through_noise_and_pulled_cables() {
    let mut cable = Cable::plugged();
    let mut rig = Rig::start(&cable.address(), QUICK);
    rig.connected().await;
    let mut random = Random(1);
    for block in 0..1000 {
        let mut bytes = random.bytes(40);
        bytes.extend(framed(block));
        cable.meter.write_all(&bytes).unwrap();
        assert_eq!(rig.message().await, numbered(block));
        if random.below(40) == 0 {
            let cut = framed(block + 1_000_000);
            cable.meter.write_all(&cut[..cut.len() / 2]).unwrap();
            cable.plug_anew();
            rig.connected().await;
        }
        if random.below(100) == 0 {
            rig.handle.send(numbered(block)).unwrap();
            let wanted = sealed::encode(&numbered(block), Mode::Stream);
            let mut got = vec![0; wanted.len()];
            let mut meter = cable.meter.try_clone().unwrap();
            let read = tokio::task::spawn_blocking(move || meter.read_exact(&mut got).map(|()| got));
            assert_eq!(read.await.unwrap().unwrap(), wanted);
        }
    }
    rig.close().await;
}
