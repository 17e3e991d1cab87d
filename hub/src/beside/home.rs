//! The side that a home sees: the device's lines, its pairing button, and what is said of it.

use std::sync::{Arc, Mutex};

use drivers::plain::Telegram;
use protocol::line::Message;
use sealer::port::{self, Inward, Untroubled};
use sealer::{Event, code_file};

use super::heard::Heard;
use super::run::{Beside, Run, failed};
use super::setup;
use crate::Failure;
use crate::commands::BUILT;

impl Run<'_> {
    /// Opens the device and its lines.
    pub(super) async fn open(&mut self, telegram: Option<&Telegram>) -> Result<(), Failure> {
        let heard = Arc::new(Heard::new(self.terms.interval, self.now));
        // What a bridge calls its inputs by is no number.
        let number = telegram.and_then(|telegram| telegram.meter.as_deref());
        let number = number.filter(|number| Some(*number) != self.listening.input());
        let start = ((self.now)() / 1000).max(BUILT);
        let parts = setup::device(&self.options, &self.terms, heard, number, start);
        let open = self.begin(parts)?;
        let name = open.device.recorder().meter().id();
        self.device = Some(open);
        self.listening.keep_input()?;
        let trouble = Arc::new(Mutex::new(Untroubled));
        let opened = port::open(&self.options.lines, name.as_str(), &self.inward, trouble).await;
        let (ports, events) = opened.map_err(|error| Failure::could_not("line", error.to_string()))?;
        self.ports = ports;
        events.iter().for_each(|event| (self.say)(&Beside::Device(event.clone())));
        if std::mem::take(&mut self.pair) {
            self.press_button()?;
        }
        Ok(())
    }

    /// Takes what came in; false when the device is to stop.
    pub(super) fn take(&mut self, inward: Inward) -> Result<bool, Failure> {
        match inward {
            Inward::Message { port, message, done } => {
                let answers = match &message {
                    Some(message) => self.attempt(|device, moment| device.handle(message, moment))?,
                    None => self.device.iter_mut().map(|open| open.device.not_understood()).collect(),
                };
                if let Some(port) = self.ports.get(port) {
                    answers.iter().for_each(|answer| port.answer(answer));
                }
                if matches!(message, Some(Message::Hello(_))) {
                    self.push_now();
                }
                // The line may be gone.
                let _ = done.send(());
            }
            Inward::Up(port) => {
                if let (Some(open), Some(port)) = (&self.device, self.ports.get(port)) {
                    port.answer(&open.device.greet().map_err(failed)?);
                }
            }
            Inward::Event(event) => (self.say)(&Beside::Device(event)),
            Inward::Control(line) => match line.trim() {
                "pair" => self.press_button()?,
                "status" => {
                    if let Some(open) = &self.device {
                        (self.say)(&Beside::Device(open.device.status(0)));
                    }
                }
                "quit" => return Ok(false),
                _ => {
                    let message = "there are: pair, status, quit".to_owned();
                    (self.say)(&Beside::Device(Event::Unknown { message }));
                }
            },
            Inward::Stop => return Ok(false),
        }
        Ok(true)
    }

    fn press_button(&mut self) -> Result<(), Failure> {
        let moment = self.moment();
        let Some(open) = &mut self.device else {
            self.pair = true;
            self.meter("waiting", "nothing was heard of the meter yet; a pairing code will be shown then".into());
            return Ok(());
        };
        let event = open.device.press_button(moment).map_err(failed)?;
        if let (Some(path), Event::PairingCode { code, .. }) = (&self.options.code_file, &event) {
            code_file::show(path, code).map_err(|error| Failure::file(path, &error))?;
            self.code_shown = true;
        }
        (self.say)(&Beside::Device(event));
        Ok(())
    }

    pub(super) fn push(&self, messages: &[Message]) {
        for message in messages {
            let bytes = message.write();
            self.ports.iter().for_each(|port| port.push(&bytes));
        }
    }

    pub(super) fn tell(&mut self) {
        let events = self.device.as_mut().map(|open| open.device.take_events()).unwrap_or_default();
        for event in events {
            if matches!(event, Event::Paired { .. } | Event::PairingEnded { .. }) {
                self.forget_code();
            }
            (self.say)(&Beside::Device(event));
        }
    }

    pub(super) fn forget_code(&mut self) {
        if let Some(path) = self.options.code_file.as_ref().filter(|_| self.code_shown) {
            // It is worth nothing any more, so that it stays does no harm.
            let _ = code_file::erase(path);
            self.code_shown = false;
        }
    }
}
