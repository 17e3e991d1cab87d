//! Mode C of IEC 62056-21: the reader asks over a port, again and again, and changes the speed when the meter does.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use drivers::plain::{Energy, Keys};
use drivers::profile::Profile;
use drivers::{Address, Dial, Event, Reader};
use rustix::termios::tcgetattr;
use tokio::time::timeout;

use crate::rig::{LONG, QUICK, Random};
use crate::serial::Cable;

const METER: &str = r#"title = "Asked"
protocol = "d0"
cadence = 1
gives = ["import"]
needs = ["request"]

[[serial]]
baud = 300
bits = 7
parity = "even"
"#;

/// What the meter says at each round.
fn readout(round: u8) -> Vec<u8> {
    let mut block = format!("0.0.0(77)\r\n1.8.0(00000{round}.000*kWh)\r\n!\r\n\x03").into_bytes();
    block.push(block.iter().fold(0, |sum, byte| sum ^ byte));
    block.insert(0, 2);
    block
}

fn expect(port: &mut File, wanted: &[u8]) {
    let mut heard = vec![0; wanted.len()];
    port.read_exact(&mut heard).unwrap();
    assert_eq!(heard, wanted);
}

#[tokio::test]
async fn a_meter_is_asked_again_and_again_and_followed_to_its_speed() {
    let cable = Cable::plugged();
    let profile = Profile::parse("asked", Path::new("asked.toml"), METER).unwrap();
    let address = profile.settle(cable.address().parse().unwrap());
    assert!(matches!(&address, Address::Serial(serial) if serial.baud == 300));
    let dialect = profile.dialect(Keys::default(), &address).unwrap();
    let mut random = Random(3);
    let (reader, handle, mut events) = Reader::new(Dial::new(address), dialect, QUICK, move || random.next());
    let task = tokio::spawn(reader.run());
    let mut port = cable.meter.try_clone().unwrap();
    let meter = tokio::task::spawn_blocking(move || {
        let speed = |port: &File| tcgetattr(port).unwrap().output_speed();
        for round in 1..=3 {
            expect(&mut port, b"/?!\r\n");
            assert_eq!(speed(&port), 300);
            port.write_all(b"/LGZ4ZMF100AC.M23\r\n").unwrap();
            expect(&mut port, b"\x06040\r\n");
            // What was sent at 300 baud leaves at 300 baud.
            assert_eq!(speed(&port), 300);
            while speed(&port) != 4800 {
                std::thread::sleep(Duration::from_millis(5));
            }
            port.write_all(&readout(round)).unwrap();
        }
    });
    let mut heard = Vec::new();
    while heard.len() < 3 {
        match timeout(LONG, events.recv()).await.unwrap().unwrap().event {
            Event::Message(telegram) => heard.push(telegram.import.unwrap()),
            Event::Connected => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(heard, [Energy(10_000_000), Energy(20_000_000), Energy(30_000_000)]);
    meter.await.unwrap();
    handle.close();
    timeout(LONG, task).await.unwrap().unwrap();
}
