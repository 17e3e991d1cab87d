//! Asks a meter in mode C for its readout: what is to be sent, at which speed, and when.
//!
//! ```text
//! 300 baud  ─► /?! CR LF                       sign-on
//!           ◄─ /AAAZident CR LF                Z offers a speed
//!           ─► ACK 0 Z 0 CR LF                 taken, at 300 baud still
//! Z         ◄─ STX data ! CR LF ETX BCC        heard by Decoder
//! ```
//!
//! It knows no line and no clock: whoever has both does what [`Talk::act`] says and passes on what is heard. A meter of
//! mode A stays at 300 baud; one of mode B changes its speed by itself.

use std::time::Duration;

use super::{ETX, STX};

/// The speed at which every meter listens.
const FIRST: u32 = 300;
/// The least time that a meter takes before it listens again.
const REACTION: Duration = Duration::from_millis(250);
/// A meter that is silent for so long says nothing more. The standard gives it 1.5 s; old heads are slower.
const SILENCE: Duration = Duration::from_millis(2500);
/// No identification is longer.
const MAX_IDENT: usize = 64;

/// What is to be done at the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Set the line to this speed, once all that was sent has left.
    Speed(u32),
    /// Send these bytes.
    Send(Vec<u8>),
    /// Listen, and ask again at this time or when something was heard.
    Listen(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next sign-on goes out at its time.
    Rest,
    /// The line is set to the first speed.
    SignOn,
    /// The identification is awaited.
    Ident,
    /// It came; the choice of speed goes out when the meter listens.
    Choice { offered: u8, from: Duration },
    /// The choice is out or not needed: the line is to be set to the meter's speed.
    Change { offered: u8 },
    /// The readout runs.
    Readout,
    /// The check character is next.
    Check,
}

/// One meter that is asked again and again.
#[derive(Clone, Debug)]
pub struct Talk {
    every: Duration,
    next: Duration,
    state: State,
    heard: Duration,
    line: Vec<u8>,
    blocked: bool,
}

impl Talk {
    /// Asks at `now` and then every so often. Times count from any moment, the same for all calls.
    #[must_use]
    pub fn new(every: Duration, now: Duration) -> Self {
        Self { every, next: now, state: State::Rest, heard: now, line: Vec::new(), blocked: false }
    }

    /// What is to be done now. Call it again at once after a speed or a sending, until it says to listen.
    pub fn act(&mut self, now: Duration) -> Act {
        let silent_at = self.heard.saturating_add(SILENCE);
        match self.state {
            State::Rest if now < self.next => Act::Listen(self.next),
            State::Rest => {
                self.next = now.saturating_add(self.every);
                self.state = State::SignOn;
                Act::Speed(FIRST)
            }
            State::SignOn => {
                (self.state, self.heard) = (State::Ident, now);
                self.line.clear();
                Act::Send(b"/?!\r\n".to_vec())
            }
            State::Choice { from, .. } if now < from => Act::Listen(from),
            State::Choice { offered, .. } => {
                self.state = State::Change { offered };
                Act::Send(vec![0x06, b'0', offered, b'0', b'\r', b'\n'])
            }
            State::Change { offered } => {
                (self.state, self.heard, self.blocked) = (State::Readout, now, false);
                self.line.clear();
                Act::Speed(speed(offered).unwrap_or(FIRST))
            }
            State::Ident | State::Readout | State::Check if now >= silent_at => {
                self.state = State::Rest;
                Act::Listen(self.next)
            }
            State::Ident | State::Readout | State::Check => Act::Listen(silent_at),
        }
    }

    /// Takes what was heard, which the decoder takes as well.
    pub fn heard(&mut self, bytes: &[u8], now: Duration) {
        self.heard = now;
        for &byte in bytes {
            match (self.state, byte) {
                (State::Ident, b'\n') => self.identified(now),
                (State::Ident, _) if self.line.len() < MAX_IDENT => self.line.push(byte),
                (State::Readout, STX) => self.blocked = true,
                (State::Readout, ETX) => self.state = State::Check,
                // A readout without a block ends with the line of its mark.
                (State::Readout, b'\n') if !self.blocked && self.line == b"!" => self.state = State::Rest,
                (State::Readout, b'\n') => self.line.clear(),
                (State::Readout, b'\r') => {}
                (State::Readout, _) if self.line.len() < 2 => self.line.push(byte),
                (State::Check, _) => self.state = State::Rest,
                _ => {}
            }
        }
    }

    /// A line ended: the meter's identification, or what the head gives back of the sign-on.
    fn identified(&mut self, now: Duration) {
        let line = std::mem::take(&mut self.line);
        let ident = line.iter().position(|byte| *byte == b'/').and_then(|at| line.get(at..)).unwrap_or_default();
        let Some(&offered) = ident.get(4).filter(|_| !ident.starts_with(b"/?")) else { return };
        self.state = match offered {
            b'0'..=b'6' => State::Choice { offered, from: now.saturating_add(REACTION) },
            _ => State::Change { offered },
        };
    }
}

/// The speed that a character of the identification offers (IEC 62056-21, 6.3.14).
fn speed(offered: u8) -> Option<u32> {
    let step = match offered {
        b'0'..=b'6' => offered - b'0',
        b'A'..=b'F' => offered - b'A' + 1,
        _ => return None,
    };
    [300, 600, 1200, 2400, 4800, 9600, 19_200].get(usize::from(step)).copied()
}
