//! What the meter answers. Every request may come again, late, or from anyone: the line is trusted with nothing.

use metrology::exchange::{Course, NONCE_BYTES, live_key};
use metrology::keys::PairingContext;
use metrology::label::RegisterCode;
use protocol::line::live::{Sending, Terms};
use protocol::line::{AskBlocks, BlockName, Hello, Holdings, Identity, MAX_CERTIFICATES, Message, Refused};
use protocol::service::command::VerifiedCommand;

use super::{Device, nonce};
use crate::event::Event;
use crate::recorder::{Failure, Moment};

impl Device {
    /// Answers a message. What only a meter says is not answered, so that two meters on one line stay silent.
    ///
    /// # Errors
    /// [`Failure::Unsure`] when the meter must be opened again; the household asks again.
    pub fn handle(&mut self, message: &Message, moment: Moment) -> Result<Vec<Message>, Failure> {
        self.expire(moment);
        let answer = match message {
            Message::Hello(hello) => vec![self.hello(hello)?],
            Message::AskCertificates(from) => vec![self.certificates(*from)],
            Message::AskHoldings(name) => vec![self.holdings(name)],
            Message::AskBlocks(ask) => self.blocks(ask),
            Message::AskPairing(ask) => vec![self.offer(ask)?],
            Message::ConfirmPairing(confirmation) => vec![self.confirm(confirmation, moment)?],
            Message::Command(bytes) => vec![self.command(bytes, moment)?],
            _ => Vec::new(),
        };
        let mut answer = answer;
        answer.extend(self.pushes());
        Ok(answer)
    }

    /// Says no, to the household and to the operator.
    pub(super) fn refuse(&mut self, request: &'static str, why: Refused) -> Message {
        self.events.push(Event::Refused { request, reason: why.to_string() });
        Message::Refused(why)
    }

    /// Bytes in a whole frame that are no message.
    pub fn not_understood(&mut self) -> Message {
        self.refuse("message", Refused::Unsupported)
    }

    fn hello(&mut self, hello: &Hello) -> Result<Message, Failure> {
        let own = nonce()?;
        let meter = self.recorder.meter();
        self.session = None;
        if meter.is_paired() {
            let label = meter.household.label();
            let context = PairingContext {
                certificate: &meter.epoch.certificate,
                counter: label.counter,
                household: &label.household,
            };
            let course = Course { context, household_nonce: hello.nonce, meter_nonce: own };
            let key = live_key(&meter.agreement, &meter.household.public, &meter.household.code, &course);
            let terms = Terms::new(&self.recorder.register_infos(), self.recorder.setup().cadence);
            self.session = key.map(|key| Sending::new(key, terms));
        }
        Ok(self.identity(own, hello.nonce))
    }

    pub(super) fn identity(&self, nonce: [u8; NONCE_BYTES], answers: [u8; NONCE_BYTES]) -> Message {
        let meter = self.recorder.meter();
        let paired = self.recorder.paired();
        Message::Identity(Box::new(Identity {
            meter: meter.id(),
            identity_key: meter.identity_key(),
            epoch: meter.epoch.number,
            certificate: meter.epoch.certificate,
            pairing: paired.counter,
            household: paired.household,
            nonce,
            answers,
            clock: self.recorder.clock(),
            registers: self.recorder.register_infos(),
            cadence: self.recorder.setup().cadence,
            pairing_open: self.window.is_some(),
        }))
    }

    fn certificates(&self, from: u32) -> Message {
        let known = self.recorder.meter().certificates().iter().filter(|known| known.certificate.epoch >= from);
        Message::Certificates(known.take(MAX_CERTIFICATES).map(|known| known.message.clone().into()).collect())
    }

    fn holdings(&mut self, name: &BlockName) -> Message {
        if !self.has(&name.register) {
            return self.refuse("holdings", Refused::NoRegister);
        }
        Message::Holdings(Holdings {
            register: name.register,
            runs: self.recorder.archive().runs(&name.register, name.block),
            next: self.recorder.next_number(&name.register),
        })
    }

    fn blocks(&mut self, ask: &AskBlocks) -> Vec<Message> {
        if !self.has(&ask.register) {
            return vec![self.refuse("blocks", Refused::NoRegister)];
        }
        let archive = self.recorder.archive();
        let mut answer = Vec::new();
        for number in archive.numbers(&ask.register, ask.first, ask.count) {
            answer.extend(archive.block(&ask.register, number).map(|bytes| Message::Block(bytes.into())));
            let other = self.recorder.witness().and_then(|witness| witness.another(&ask.register, number));
            answer.extend(other.map(|bytes| Message::Block(bytes.clone().into())));
        }
        if answer.is_empty() {
            let asked = ask.first..ask.first.saturating_add(ask.count.into());
            let waits = self.recorder.is_waiting(&ask.register, asked);
            answer.push(self.refuse("blocks", if waits { Refused::Memory } else { Refused::NotHeld }));
        }
        answer
    }

    fn has(&self, register: &RegisterCode) -> bool {
        self.recorder.meter().register(register).is_some()
    }

    /// A command is answered only when the operator that the meter was set up for signed it, for this meter: a receipt
    /// speaks for the meter that its command names.
    fn command(&mut self, bytes: &[u8], moment: Moment) -> Result<Message, Failure> {
        let operator = self.recorder.setup().operator;
        let own = self.recorder.meter().identity_key();
        let command = operator.and_then(|operator| VerifiedCommand::read(bytes, &operator).ok());
        let Some(command) = command.filter(|command| command.command.meter == own) else {
            return Ok(self.refuse("command", Refused::Unsupported));
        };
        Ok(match self.recorder.obey(&command, moment)? {
            Some(receipt) => Message::Receipt(receipt.into()),
            None => self.refuse("command", Refused::Memory),
        })
    }
}
