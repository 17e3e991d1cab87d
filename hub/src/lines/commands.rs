//! Commands of a provider to the meter, and the meter's receipts. The gateway only carries them: both are signed, and
//! neither holds a reading.

use protocol::line::Message;
use protocol::service::command::CommandReceipt;

use super::conversation::Conversation;
use crate::Failure;
use crate::api::Event;

impl Conversation {
    /// Hands the meter what is there for it and has no receipt yet.
    pub(super) async fn relay_commands(&mut self) -> Result<(), Failure> {
        let Some(meter) = self.known.meter.filter(|_| self.identity.is_some()) else { return Ok(()) };
        let commands = self.keeper.run(|store| store.commands()).await?;
        for command in commands.into_iter().filter(|c| c.meter == meter && c.receipt.is_none()) {
            self.say(Message::Command(command.message.into()));
        }
        Ok(())
    }

    /// The meter's word on a command.
    pub(super) async fn receipt(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let (Some(meter), Some(identity)) = (self.known.meter, &self.identity) else { return Ok(()) };
        let receipt = match CommandReceipt::read(bytes) {
            Ok(receipt) if receipt.meter == identity.identity_key => receipt,
            Ok(_) => {
                self.refuse("other-meter", "a receipt that came over the line is another meter's");
                return Ok(());
            }
            Err(error) => {
                self.refuse("bad-receipt", &error.to_string());
                return Ok(());
            }
        };
        let (kept, sequence, command) = (bytes.to_vec(), receipt.sequence, receipt.command);
        // By the command's hash: another provider's may have the same number.
        let new = self.keeper.run(move |store| store.keep_receipt(meter, &command, &kept)).await?;
        if new {
            let outcome = receipt.outcome.name().to_owned();
            self.tell(Event::Command { meter: self.meter_name(), sequence, outcome });
        }
        Ok(())
    }
}
