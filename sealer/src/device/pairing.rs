//! The button, the code on the display, and who may use it.

use std::time::Duration;

use metrology::keys::PairingCode;
use protocol::code;
use protocol::line::handshake::Offering;
use protocol::line::{AskPairing, ConfirmPairing, Message, Refused};

use super::{Device, nonce};
use crate::event::Event;
use crate::meter::MeterError;
use crate::recorder::{Failure, Moment};

/// How long a code is good for, in real time: it is a person who carries it.
pub const OPEN_FOR: Duration = Duration::from_secs(600);
/// Wrong confirmations after which a code is worth nothing.
pub const MOST_TRIES: u8 = 10;

/// From the button's press until a household is paired, or time or tries are up.
#[derive(Debug)]
pub(super) struct Window {
    code: PairingCode,
    opened: Duration,
    tries: u8,
    offering: Option<Offering>,
}

impl Device {
    /// Presses the button: a fresh code, for ten minutes, in place of any before it.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn press_button(&mut self, moment: Moment) -> Result<Event, Failure> {
        // With a seed, which is for tests, codes differ from press to press and from pairing to pairing.
        let number = self.recorder.meter().household.counter.wrapping_mul(256).wrapping_add(self.presses);
        let drawn = self.recorder.setup().entropy.draw::<16>("pairing code", number).map_err(MeterError::from)?;
        self.presses = self.presses.wrapping_add(1);
        let text = code::write(code::Purpose::Pairing, &*drawn);
        let code = PairingCode::from_bytes(*drawn);
        self.window = Some(Window { code, opened: moment.real, tries: 0, offering: None });
        Ok(Event::PairingCode { code: text.to_string(), expires_in: OPEN_FOR.as_secs() })
    }

    /// Whether a code is good.
    #[must_use]
    pub fn is_pairing(&self) -> bool {
        self.window.is_some()
    }

    /// Takes the code away when its time is up.
    pub(super) fn expire(&mut self, moment: Moment) {
        let over = |window: &Window| moment.real.saturating_sub(window.opened) >= OPEN_FOR;
        if self.window.as_ref().is_some_and(over) {
            self.end_pairing("the code expired");
        }
    }

    fn end_pairing(&mut self, reason: &'static str) {
        self.window = None;
        self.events.push(Event::PairingEnded { reason });
    }

    pub(super) fn forget_offer(&mut self) {
        if let Some(window) = &mut self.window {
            window.offering = None;
        }
    }

    pub(super) fn offer(&mut self, ask: &AskPairing) -> Result<Message, Failure> {
        let own = nonce()?;
        let meter = self.recorder.meter();
        let Some(counter) = meter.household.counter.checked_add(1) else {
            return Ok(self.refuse("pairing", Refused::Unsupported));
        };
        let Some(window) = &mut self.window else {
            return Ok(self.refuse("pairing", Refused::NotPairing));
        };
        match Offering::new(&meter.agreement, &meter.epoch.certificate, counter, &window.code, ask, own) {
            Some((offering, offer)) => {
                window.offering = Some(offering);
                Ok(Message::Offer(offer))
            }
            None => Ok(self.refuse("pairing", Refused::Unsupported)),
        }
    }

    pub(super) fn confirm(&mut self, confirmation: &ConfirmPairing, moment: Moment) -> Result<Message, Failure> {
        if self.recorder.was_confirmed(confirmation.counter, &confirmation.tag) {
            return Ok(Message::Paired(self.recorder.paired()));
        }
        let Some(window) = &mut self.window else {
            return Ok(self.refuse("confirmation", Refused::NotPairing));
        };
        let Some(offering) = window.offering.clone() else {
            return Ok(self.refuse("confirmation", Refused::NotPairing));
        };
        if !offering.accepts(confirmation) {
            window.tries += 1;
            if window.tries < MOST_TRIES {
                return Ok(self.refuse("confirmation", Refused::WrongCode));
            }
            self.end_pairing("too many wrong codes");
            return Ok(self.refuse("confirmation", Refused::TooManyTries));
        }
        let code = window.code.clone();
        if !self.recorder.pair(offering.household, code, confirmation.tag, moment)? {
            return Ok(self.refuse("confirmation", Refused::Memory));
        }
        // The old household's session ends; the new one says hello.
        (self.window, self.session) = (None, None);
        Ok(Message::Paired(self.recorder.paired()))
    }
}
