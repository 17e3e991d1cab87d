//! The switch and the credit behind it. None of it needs a reading to leave.

use protocol::service::command::{Action, Outcome, VerifiedCommand};

use super::{Failure, Moment, Recorder};
use crate::event::Event;
use crate::meter::Orders;
use crate::record::{Record, Stamp};
use crate::store::StoreError;

/// Receipts that are kept for commands whose answer was lost.
const RECEIPTS: usize = 8;
const NANO: i64 = protocol::money::NANO;

impl Recorder {
    /// Whether the switch is closed: no operator opened it, and there is credit where it is needed.
    #[must_use]
    pub fn supply(&self) -> bool {
        !self.orders.disconnected && (self.setup.price.is_none() || self.orders.credit > 0)
    }

    /// Prepaid credit in minor units, rounded down; none when the meter keeps none.
    #[must_use]
    pub fn credit(&self) -> Option<i64> {
        self.setup.price.map(|_| self.orders.credit.div_euclid(self.nano_per_minor()))
    }

    fn nano_per_minor(&self) -> i64 {
        10i64.checked_pow(self.setup.currency.exponent.into()).map_or(NANO, |minor| (NANO / minor).max(1))
    }

    /// Answers a command: the signed receipt. None when the memory does not take it, so that the meter may not obey.
    ///
    /// # Errors
    /// [`Failure::Unsure`] when the memory failed and may or may not know of the command.
    pub fn obey(&mut self, command: &VerifiedCommand, moment: Moment) -> Result<Option<Vec<u8>>, Failure> {
        if let Some((_, receipt)) = self.orders.receipts.iter().find(|(known, _)| *known == command.hash) {
            return Ok(Some(receipt.clone()));
        }
        let identity = self.meter.identity_key();
        let mut outcome = command.outcome(&identity, self.orders.last, self.clock());
        let before = self.supply();
        let mut orders = Orders { last: command.command.sequence, ..self.orders.clone() };
        match &command.command.action {
            Action::Disconnect => orders.disconnected = true,
            Action::Reconnect => orders.disconnected = false,
            Action::Credit { amount_minor, currency } => {
                let amount =
                    i64::try_from(*amount_minor).ok().and_then(|minor| minor.checked_mul(self.nano_per_minor()));
                match amount.and_then(|nano| orders.credit.checked_add(nano)) {
                    Some(credit) if self.setup.price.is_some() && *currency == self.setup.currency => {
                        orders.credit = credit;
                    }
                    _ if outcome == Outcome::Done => outcome = Outcome::NotAuthorised,
                    _ => {}
                }
            }
        }
        let receipt = command.receipt(outcome, self.clock()).sign(&self.meter.identity);
        if outcome == Outcome::Done {
            let record = Record::Order {
                stamp: Stamp { at: self.at, seen: moment.seen },
                sequence: orders.last,
                command: command.hash.into(),
                receipt: receipt.clone().into(),
                disconnected: orders.disconnected,
                credit: orders.credit,
                pending: self.pending(),
            };
            // Without the record on disk the meter could obey a second time after a power cut.
            if self.is_full() || !self.sync(moment) {
                return Ok(None);
            }
            self.day.note(&record);
            if !self.sync(moment) {
                let full = StoreError::Full(self.store.root().to_owned());
                return if self.day.unnote(&record) { Ok(None) } else { Err(Failure::Unsure(full)) };
            }
            self.obeyed(orders, command.hash, receipt.clone());
            if self.supply() != before {
                self.events.push(Event::Supply { closed: self.supply(), reason: command.command.action.name() });
            }
        }
        let (action, sequence) = (command.command.action.name(), command.command.sequence);
        self.events.push(Event::Command { action, sequence, outcome: outcome.name() });
        Ok(Some(receipt))
    }

    /// Takes over what a command came to.
    pub(super) fn obeyed(&mut self, orders: Orders, command: [u8; 32], receipt: Vec<u8>) {
        let mut receipts = std::mem::take(&mut self.orders.receipts);
        if receipts.len() >= RECEIPTS {
            receipts.remove(0);
        }
        receipts.push((command, receipt));
        self.orders = Orders { receipts, ..orders };
    }

    /// Takes what was bought, in 10⁻⁴ Wh, from the credit.
    pub(super) fn use_credit(&mut self, bought: u64) {
        let Some(price) = self.setup.price else { return };
        let parts = u128::from(bought) * u128::from(price) + u128::from(self.used);
        let unit = u128::from(metrology::seal::PARTS);
        self.used = u64::try_from(parts % unit).unwrap_or(0);
        let nano = i64::try_from(parts / unit).unwrap_or(i64::MAX);
        let before = self.supply();
        self.orders.credit = self.orders.credit.saturating_sub(nano);
        if before && !self.supply() {
            self.events.push(Event::Supply { closed: false, reason: "credit" });
        }
    }
}
