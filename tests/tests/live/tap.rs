//! A tap on a broker: records every payload on every topic, and what may stand in one.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use protocol::line::Message;

/// Topics and payloads as they came.
pub type Recording = Vec<(String, Vec<u8>)>;

/// A tap that goes on until the test ends; it comes back when the broker does.
pub struct Tap(Arc<Mutex<Recording>>);

impl Tap {
    /// Subscribes to everything at a broker that lets anybody in.
    pub fn on(address: &str) -> Self {
        let (kept, address) = (Arc::<Mutex<Recording>>::default(), address.to_owned());
        let (recording, (ready, wait)) = (Arc::clone(&kept), std::sync::mpsc::channel());
        thread::spawn(move || {
            loop {
                if let Ok(line) = TcpStream::connect(&address) {
                    let _ = record(line, &recording, &ready);
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        wait.recv_timeout(crate::process::PATIENCE).expect("a subscription to everything");
        Self(kept)
    }

    pub fn recording(&self) -> Recording {
        self.0.lock().unwrap().clone()
    }
}

/// MQTT 3.1.1, as much as a tap needs: CONNECT, SUBSCRIBE to `#` at QoS 0, then what is published.
fn record(mut line: TcpStream, kept: &Mutex<Recording>, ready: &std::sync::mpsc::Sender<()>) -> std::io::Result<()> {
    line.write_all(&[0x10, 15, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 3, b't', b'a', b'p'])?;
    line.write_all(&[0x82, 6, 0, 1, 0, 1, b'#', 0])?;
    loop {
        let mut kind = [0];
        line.read_exact(&mut kind)?;
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let mut byte = [0];
            line.read_exact(&mut byte)?;
            length |= usize::from(byte[0] & 0x7f) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        line.read_exact(&mut body)?;
        match kind[0] >> 4 {
            3 => {
                let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                let payload = body.split_off(2 + topic);
                kept.lock().unwrap().push((String::from_utf8(body.split_off(2)).unwrap(), payload));
            }
            9 => {
                assert!(body[2] < 0x80, "the broker refused the tap's subscription");
                let _ = ready.send(());
            }
            _ => {}
        }
    }
}

/// How often the load is repeated in what is looked for: it does not come about by chance.
const RUN: usize = 4;

/// Ways in which somebody might write a run of one reading.
pub fn in_clear(reading: u16) -> Vec<Vec<u8>> {
    let (le, be) = (reading.to_le_bytes(), reading.to_be_bytes());
    let wide = u32::from(reading);
    let parts = wide * 10_000;
    vec![
        le.repeat(RUN),
        be.repeat(RUN),
        wide.to_le_bytes().repeat(RUN),
        wide.to_be_bytes().repeat(RUN),
        parts.to_le_bytes().repeat(RUN),
        [&[0x19][..], &be].concat().repeat(RUN),
        [&[0x1a][..], &parts.to_be_bytes()].concat().repeat(RUN),
        reading.to_string().into_bytes(),
    ]
}

/// Every payload is a message of a known kind, or says whether a meter is connected; current readings have one length, and no reading stands anywhere. Gives
/// how many blocks and current readings there were.
pub fn examine(recording: &[(String, Vec<u8>)], reading: u16) -> Result<(usize, usize), String> {
    let (mut blocks, mut lengths, mut now) = (0, std::collections::BTreeSet::new(), 0);
    let forbidden = in_clear(reading);
    for (place, (topic, payload)) in recording.iter().enumerate() {
        if topic.ends_with("/online") {
            // Whether the meter is connected, and nothing else.
            if payload != b"0" && payload != b"1" {
                return Err(format!("payload {place} on {topic} says more than 0 or 1"));
            }
            continue;
        }
        match Message::read(payload) {
            Ok(Message::Block(_)) => blocks += 1,
            Ok(Message::Now(telegram)) => {
                now += 1;
                lengths.insert(telegram.ciphertext.len());
            }
            Ok(_) => {}
            Err(error) => return Err(format!("payload {place} is no message: {error}")),
        }
        for pattern in &forbidden {
            if payload.windows(pattern.len()).any(|window| window == pattern) {
                return Err(format!("payload {place} shows the reading as {pattern:02x?}"));
            }
        }
    }
    if lengths.len() > 1 {
        return Err(format!("current readings differ in length: {lengths:?}"));
    }
    Ok((blocks, now))
}
