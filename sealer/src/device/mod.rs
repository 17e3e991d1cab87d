//! A live meter as one value: what it measures, and how it converses. No line, no clock, no thread.

mod converse;
mod pairing;

use std::sync::Arc;

use metrology::exchange::NONCE_BYTES;
use protocol::line::live::{Live, Sending};
use protocol::line::{BlockName, Message};

use crate::entropy::Entropy;
use crate::event::Event;
use crate::record::Stamp;
use crate::recorder::{Failure, Moment, Recorder, Setup, Witness};
use pairing::Window;

/// A live meter.
#[derive(Debug)]
pub struct Device {
    recorder: Recorder,
    window: Option<Window>,
    /// How often the button was pressed.
    presses: u32,
    session: Option<Sending>,
    events: Vec<Event>,
}

impl Device {
    /// Opens the meter in the set-up's directory or makes one; says when it was last known to run.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn open(setup: &Arc<Setup>, moment: Moment) -> Result<(Self, Stamp), Failure> {
        let (recorder, last) = Recorder::open(setup, moment)?;
        Ok((Self { recorder, window: None, presses: 0, session: None, events: Vec::new() }, last))
    }

    /// Goes on at a moment of the world; what lies between is an outage.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn resume(&mut self, at: u64, moment: Moment) -> Result<Vec<Message>, Failure> {
        self.recorder.resume(at, moment)?;
        Ok(self.pushes())
    }

    /// Lets the world go on to a moment. Gives what the meter says unasked.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn advance(&mut self, to: u64, moment: Moment) -> Result<Vec<Message>, Failure> {
        self.recorder.advance(to, moment)?;
        self.expire(moment);
        Ok(self.pushes())
    }

    /// Sets the clock by some seconds.
    ///
    /// # Errors
    /// See [`Recorder::set_clock`].
    pub fn set_clock(&mut self, step: i64, moment: Moment) -> Result<Vec<Message>, Failure> {
        let epoch = self.recorder.meter().epoch.number;
        self.recorder.set_clock(step, moment)?;
        if self.recorder.meter().epoch.number != epoch {
            // An offer rests on a certificate.
            self.forget_offer();
        }
        Ok(self.pushes())
    }

    /// Passes over time that nobody measured; a new epoch begins after it.
    ///
    /// # Errors
    /// See [`Recorder::pass_over`].
    pub fn pass_over(&mut self, until: u64, moment: Moment) -> Result<Vec<Message>, Failure> {
        self.recorder.pass_over(until, moment)?;
        // An offer rests on a certificate.
        self.forget_offer();
        let mut messages = self.pushes();
        messages.push(self.greet()?);
        Ok(messages)
    }

    /// Goes on with a set-up that differs in its registers alone. Gives what the meter says when there are new ones.
    ///
    /// # Errors
    /// See [`Recorder::extend`].
    pub fn extend(&mut self, setup: &Arc<Setup>, moment: Moment) -> Result<Vec<Message>, Failure> {
        if !self.recorder.extend(setup, moment)? {
            return Ok(Vec::new());
        }
        // A session rests on the registers: whoever hears this begins another.
        self.session = None;
        Ok(vec![self.greet()?])
    }

    /// Switches a full memory on or off.
    pub fn set_full(&mut self, full: bool) {
        self.recorder.set_full(full);
    }

    /// Lets someone see what is sealed, or no one.
    pub fn set_witness(&mut self, witness: Option<Box<dyn Witness>>) {
        self.recorder.set_witness(witness);
    }

    /// Makes all durable before the process ends.
    ///
    /// # Errors
    /// See [`Recorder::stop`].
    pub fn stop(&mut self, moment: Moment) -> Result<Vec<Message>, Failure> {
        self.recorder.stop(moment)?;
        Ok(self.pushes())
    }

    /// What it measures.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// What happened since this was last asked.
    pub fn take_events(&mut self) -> Vec<Event> {
        let mut events = self.recorder.take_events();
        events.append(&mut self.events);
        events
    }

    /// How things are.
    #[must_use]
    pub fn status(&self, line_faults: u64) -> Event {
        self.recorder.status(self.is_pairing(), line_faults)
    }

    /// Who is there, said unasked.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn greet(&self) -> Result<Message, Failure> {
        Ok(self.identity(nonce()?, [0; NONCE_BYTES]))
    }

    /// Current readings, when a household has begun a session and all totals are known.
    pub fn now(&mut self) -> Option<Message> {
        let live = Live {
            at: self.recorder.clock(),
            clock: metrology::label::ClockQuality::Good,
            supply: self.recorder.supply(),
            credit: self.recorder.credit(),
            power: self.recorder.power(),
            totals: self.recorder.totals()?,
        };
        self.session.as_mut()?.seal(&live).map(Message::Now)
    }

    /// What a line is told of blocks that were sealed since this was last asked.
    fn pushes(&mut self) -> Vec<Message> {
        let events = self.recorder.take_events();
        let mut messages = Vec::new();
        for event in &events {
            if let Event::Sealed { register, block, .. } = event {
                messages.push(Message::Sealed(BlockName { register: *register, block: *block }));
                let other = self.recorder.witness().and_then(|witness| witness.another(register, *block));
                messages.extend(other.map(|bytes| Message::Block(bytes.clone().into())));
            }
        }
        self.events.extend(events);
        messages
    }
}

/// A nonce of a session or an offer. It never follows from a meter's seed: a restart would repeat it.
fn nonce() -> Result<[u8; NONCE_BYTES], Failure> {
    Ok(*Entropy::System.draw("nonce", 0).map_err(crate::meter::MeterError::from)?)
}
