//! What an answer holds: JSON and signed messages, taken apart and checked. A text that a person will read has no control
//! characters: a terminal would obey them.

use protocol::bill::proved::ProvedStatement;
use protocol::bill::{Package, Statement};
use protocol::metrology::keys::Hash;
use protocol::service::command::VerifiedCommand;
use protocol::service::receipt::BillReceipt;
use protocol::{meter_bill, wire as cbor};
use serde_json::Value;

use super::Client;
use super::answers::{Command, SubmitAnswer};
use super::error::ProviderError;

pub(super) const SHAPE: ProviderError = ProviderError::BadAnswer("it does not have the form of this answer");
/// Longest name of a contract or a tariff.
const LONGEST_NAME: usize = 256;

impl Client {
    /// Reads an answer on a bill and checks its receipt: for this bill, by a key that spoke for the provider then.
    pub(super) fn receipted(&self, answer: &Value, digest: &Hash) -> Result<SubmitAnswer, ProviderError> {
        let bytes = hex::decode(text(answer, "receipt")?).map_err(|_| SHAPE)?;
        let receipt =
            BillReceipt::read(&bytes).map_err(|_| ProviderError::BadAnswer("the receipt is damaged or not signed"))?;
        // A receipt is written by the key of that day, which may be later than the booking.
        let ours = self.known().lineages.iter().any(|lineage| {
            let mut tenures = lineage.tenures();
            tenures.any(|t| t.key == receipt.provider && t.until.is_none_or(|until| receipt.booked_at < until))
        });
        if receipt.digest != *digest || receipt.verdict != "valid" || !ours {
            return Err(ProviderError::BadAnswer("the receipt is not this provider's for this bill"));
        }
        plain(&receipt.contract).ok_or(SHAPE)?;
        Ok(SubmitAnswer { verdict: answer.get("verdict").cloned().ok_or(SHAPE)?, receipt, receipt_bytes: bytes })
    }
}

/// A command, if one of these keys signed it and it is what is said of it.
pub(super) fn command(value: &Value, keys: &[[u8; 32]]) -> Option<Command> {
    let message = hex::decode(value.get("command")?.as_str()?).ok()?;
    let verified = keys.iter().find_map(|key| VerifiedCommand::read(&message, key).ok())?;
    let command = Command {
        meter: hash(value.get("meter")?)?,
        sequence: value.get("sequence")?.as_u64()?,
        expires_at: value.get("expires_at")?.as_u64()?,
        hash: verified.hash,
        message,
    };
    let signed = verified.command;
    let told = (command.meter, command.sequence, command.expires_at);
    (told == (signed.meter, signed.sequence, signed.expires_at)).then_some(command)
}

/// The digest of a bill, which the receipt must name.
pub(super) fn digest(bill: &[u8]) -> Option<Hash> {
    if meter_bill::is_meter_bill(bill) {
        return meter_bill::names(bill).ok().map(|(digest, _)| digest);
    }
    let package = Package::read(bill).ok()?;
    if cbor::decode::<Statement>(&package.statement, "bill statement").is_err() {
        cbor::decode::<ProvedStatement>(&package.statement, "bill statement").ok()?;
    }
    Some(Statement::digest(&package.statement))
}

pub(super) fn parse(body: &[u8]) -> Result<Value, ProviderError> {
    let value: Value = serde_json::from_slice(body).map_err(|_| SHAPE)?;
    if value.get("format").and_then(Value::as_u64) == Some(1) {
        Ok(value)
    } else {
        Err(ProviderError::BadAnswer("its format is not known to this program; update it"))
    }
}

/// A text for people, if a terminal can show it as it is.
pub(super) fn plain(text: &str) -> Option<String> {
    let fits = text.len() <= LONGEST_NAME && !text.chars().any(is_control);
    fits.then(|| text.to_owned())
}

/// Control characters, and those that turn the direction of writing about.
pub(super) fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn plain_text(value: &Value, name: &str) -> Result<String, ProviderError> {
    value.get(name).and_then(Value::as_str).and_then(plain).ok_or(SHAPE)
}

fn text(value: &Value, name: &str) -> Result<String, ProviderError> {
    value.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(SHAPE)
}

pub(super) fn hash(value: &Value) -> Option<Hash> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(value.as_str()?, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use protocol::service::command::{Action, Command as Order};
    use serde_json::json;

    #[test]
    fn names_are_shown_as_they_are_or_not_at_all() {
        for name in ["4711", "Tag & Nacht – Öko", "日夜"] {
            assert_eq!(plain(name).as_deref(), Some(name));
        }
        for name in ["\u{1b}[2J", "a\nb", "a\u{9b}31m", "abc\u{202e}def", "\u{7f}"] {
            assert_eq!(plain(name), None, "{name:?}");
            assert_eq!(plain_text(&json!({ "contract": name }), "contract"), Err(SHAPE));
        }
        assert_eq!(plain(&"x".repeat(LONGEST_NAME + 1)), None);
    }

    #[test]
    fn a_command_is_the_providers_own_and_what_is_said_of_it() {
        let (ours, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let keys = [ours.verifying_key().to_bytes()];
        let order = Order::new([7; 32], 3, 1000, 2000, Action::Reconnect);
        let told = |message: &[u8], meter: u8, sequence: u64| {
            json!({ "meter": hex::encode([meter; 32]), "sequence": sequence, "expires_at": 2000,
                "command": hex::encode(message) })
        };
        let signed = order.sign(&ours);
        assert_eq!(command(&told(&signed, 7, 3), &keys).map(|c| c.message), Some(signed.clone()));
        assert_eq!(command(&told(&order.sign(&other), 7, 3), &keys), None, "another's");
        assert_eq!(command(&told(&signed, 8, 3), &keys), None, "for another meter");
        assert_eq!(command(&told(&signed, 7, 4), &keys), None, "under another number");
        assert_eq!(command(&told(&vec![0; 1 << 19], 7, 3), &keys), None, "of any length");
    }
}
