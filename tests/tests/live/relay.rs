//! A middleman on a TCP line: sees every message both ways, and passes on, holds back or changes what he likes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use protocol::line::Message;
use protocol::line::frame::{Deframer, frame};

/// What becomes of a message.
pub enum Deed {
    /// It goes on, as this.
    Pass(Message),
    /// It goes nowhere.
    Hold,
    /// In its place, these go on, and these come back to who said it.
    Say { on: Vec<Message>, back: Vec<Message> },
    /// He cuts the line.
    Cut,
}

/// What he does with a message of the household (`true`) or of the meter.
pub type Mind = Box<dyn FnMut(bool, Message) -> Deed + Send>;

/// A middleman who can change his mind.
pub struct Relay {
    pub address: String,
    mind: Arc<Mutex<Mind>>,
}

impl Relay {
    /// Stands before a meter.
    pub fn before(meter: &str, mind: Mind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mind = Arc::new(Mutex::new(mind));
        let (shared, meter) = (Arc::clone(&mind), meter.to_owned());
        thread::spawn(move || {
            for household in listener.incoming() {
                let Ok(household) = household else { break };
                let Ok(meter) = TcpStream::connect(&meter) else { continue };
                between(&household, &meter, &shared);
            }
        });
        Self { address, mind }
    }

    pub fn change(&self, mind: Mind) {
        *self.mind.lock().unwrap() = mind;
    }
}

/// Passes everything on.
pub fn honest() -> Mind {
    Box::new(|_, message| Deed::Pass(message))
}

fn between(household: &TcpStream, meter: &TcpStream, mind: &Arc<Mutex<Mind>>) {
    // Both directions write to both ends: one message at a time.
    let writing = Arc::new(Mutex::new(()));
    for (from_household, from, to) in [(true, household, meter), (false, meter, household)] {
        let (mut from, mut to, mut back) =
            (from.try_clone().unwrap(), to.try_clone().unwrap(), from.try_clone().unwrap());
        let (mind, writing) = (Arc::clone(mind), Arc::clone(&writing));
        thread::spawn(move || {
            let (mut frames, mut bytes) = (Deframer::default(), [0; 4096]);
            'line: while let Ok(count @ 1..) = from.read(&mut bytes) {
                for message in frames.feed(&bytes[..count]) {
                    let Some(message) = message.ok().and_then(|bytes| Message::read(&bytes).ok()) else { continue };
                    let deed = (mind.lock().unwrap())(from_household, message);
                    let (on, returned) = match deed {
                        Deed::Pass(message) => (vec![message], Vec::new()),
                        Deed::Hold => continue,
                        Deed::Say { on, back } => (on, back),
                        Deed::Cut => break 'line,
                    };
                    let _turn = writing.lock().unwrap();
                    let framed = |messages: &[Message]| -> Vec<u8> {
                        messages.iter().flat_map(|message| frame(&message.write())).collect()
                    };
                    if to.write_all(&framed(&on)).and_then(|()| back.write_all(&framed(&returned))).is_err() {
                        break 'line;
                    }
                }
            }
            // Who loses one end loses the other.
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}
