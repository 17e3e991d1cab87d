//! A look at each provider: what it has revoked, commands for this home's meters, and the meters' receipts for it.

use std::time::{Duration, Instant};

use gateway_core::store::{Account, MOST_UNANSWERED, StoredCommand};
use gateway_core::{Store, StoreError};
use protocol::metrology::keys::Hash;
use protocol::service::command::{Action, Command, CommandReceipt};
use protocol::show;
use protocol::wire::{self, Signed};

use super::Gateway;
use crate::Failure;
use crate::api::{Answer, CommandInfo, Commands};
use crate::commands::now;
use crate::provider::{Client, ProviderError};

/// Looks that fail one after the other before a person is told.
const LOOKS: u32 = 3;
/// For how long a provider may be out of reach before a person is told.
const OUT_OF_REACH: Duration = Duration::from_secs(86_400);

/// Looks at one account that failed, without one between that did not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failing {
    since: Instant,
    times: u32,
}

impl Failing {
    /// One more at a time; whether it has lasted.
    fn again(before: Option<Self>, at: Instant, unreachable: bool) -> (Self, bool) {
        let now = before.map_or(Self { since: at, times: 1 }, |b| Self { times: b.times.saturating_add(1), ..b });
        let lasts = if unreachable { at - now.since >= OUT_OF_REACH } else { now.times >= LOOKS };
        (now, lasts)
    }
}

impl Gateway {
    /// Looks at every provider that this home is enrolled with. What fails is tried again at a later look, and told when it
    /// lasts: commands and revocations wait meanwhile.
    pub(super) async fn look_at_accounts(&self) -> Result<(), Failure> {
        let accounts = self.keeper.run(|store| store.accounts()).await?;
        for account in accounts.into_iter().filter(|account| account.enrolled_at.is_some()) {
            let (id, address) = (account.id, account.address.clone());
            let looked = self.look_at(account).await;
            let mut failing = self.failing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let Err(look) = looked else {
                failing.remove(&id);
                continue;
            };
            let (unreachable, failure) = match look {
                Look::Provider(error) => (is_out_of_reach(&error), Failure::from(error)),
                Look::Home(failure) => (false, failure),
            };
            tracing::info!(account = id, code = failure.code(), "the look at a provider failed");
            let (now, lasts) = Failing::again(failing.get(&id).copied(), Instant::now(), unreachable);
            failing.insert(id, now);
            drop(failing);
            if lasts {
                let message = format!("account {id} at {address}: {failure}. Commands and news of it wait for this");
                self.tell_once(failure.code(), message);
            }
        }
        Ok(())
    }

    async fn look_at(&self, account: Account) -> Result<(), Look> {
        match self.look_under(&account).await {
            Err(Look::Provider(error @ ProviderError::NotEnrolled(_))) => match self.rekeyed(&account).await? {
                Some(account) => self.look_under(&account).await,
                None => Err(error.into()),
            },
            other => other,
        }
    }

    async fn look_under(&self, account: &Account) -> Result<(), Look> {
        let client = self.client(account).await?;
        let fetched = self.exchange(account.id, &client).await;
        self.remember(account.id, &client).await?;
        fetched
    }

    /// Fetches what the provider has for this home: revocations, commands for its meters; and hands over receipts.
    async fn exchange(&self, account: i64, client: &Client) -> Result<(), Look> {
        let revoked = client.revocations().await?;
        for (meter, hash) in self.keeper.run(|store| own_certificates(store)).await? {
            if let Some(entry) = revoked.epoch(&hash) {
                let reason: String = entry.reason.chars().filter(|c| !c.is_control()).take(200).collect();
                let message = format!(
                    "the provider has revoked a certificate of meter {meter}: {reason}. Bills that rest on it are refused; ask the provider"
                );
                self.tell_once("revoked-certificate", message);
            }
        }
        let commands = client.commands().await?;
        let any = !commands.is_empty();
        let room = self.keeper.run(move |store| store.transaction(|store| keep(store, account, commands))).await?;
        if !room {
            let message = format!(
                "account {account}: the provider has sent more than {MOST_UNANSWERED} commands that the meters have not \
                 answered; no more are taken until they have. Ask the provider"
            );
            self.tell_once("too-many-commands", message);
        }
        if any {
            self.look().await;
        }
        let waiting = self.keeper.run(|store| store.commands()).await?;
        for command in waiting.into_iter().filter(|c| c.account == account && !c.delivered) {
            let Some(receipt) = command.receipt else { continue };
            match client.command_receipt(&receipt).await {
                Ok(()) => {}
                // It will not be taken another time either, and must not hold up those after it.
                Err(ProviderError::Rejected { code, message }) => {
                    let said =
                        format!("the provider does not take the receipt of command {}: {message}", command.sequence);
                    self.keeper.run(move |store| store.note(now(), &code, &said)).await?;
                }
                Err(error) => return Err(error.into()),
            }
            self.keeper.run(move |store| store.settle_command(command.id)).await?;
        }
        Ok(())
    }

    pub(super) async fn commands(&self) -> Result<Answer, Failure> {
        let commands = self
            .keeper
            .run(|store| {
                let meters = store.meters()?;
                let list = store.commands()?.into_iter().map(|command| CommandInfo {
                    meter: meters.iter().find(|m| m.id == command.meter).map_or_else(String::new, |m| m.name.clone()),
                    sequence: command.sequence,
                    action: action(&command.message),
                    outcome: command
                        .receipt
                        .and_then(|bytes| CommandReceipt::read(&bytes).ok())
                        .map(|receipt| receipt.outcome.name().to_owned()),
                    delivered: command.delivered,
                });
                Ok::<_, StoreError>(list.collect())
            })
            .await?;
        Ok(Answer::Commands(Commands { commands }))
    }
}

/// Why a look failed.
enum Look {
    Provider(ProviderError),
    Home(Failure),
}

impl From<ProviderError> for Look {
    fn from(error: ProviderError) -> Self {
        Self::Provider(error)
    }
}

impl From<Failure> for Look {
    fn from(failure: Failure) -> Self {
        Self::Home(failure)
    }
}

/// Whether the provider, or the network, is merely away.
fn is_out_of_reach(error: &ProviderError) -> bool {
    matches!(
        error,
        ProviderError::Unresolved(_)
            | ProviderError::Refused(_)
            | ProviderError::TimeOut
            | ProviderError::Broken(_)
            | ProviderError::Later { .. }
    )
}

/// Keeps commands for meters that are here; others cannot be carried out here. Whether there was room for all.
fn keep(store: &Store, account: i64, commands: Vec<crate::provider::Command>) -> Result<bool, StoreError> {
    let mut room = true;
    for command in commands {
        if let Some(meter) = store.meter(&command.meter)? {
            room &= store.keep_command(&StoredCommand {
                id: 0,
                meter: meter.id,
                sequence: command.sequence,
                account,
                hash: command.hash,
                message: command.message,
                receipt: None,
                delivered: false,
            })?;
        }
    }
    Ok(room)
}

fn own_certificates(store: &Store) -> Result<Vec<(String, Hash)>, StoreError> {
    let mut list = Vec::new();
    for meter in store.meters()? {
        for (_, entry) in store.certificates(meter.id)? {
            list.push((meter.name.clone(), entry.hash));
        }
    }
    Ok(list)
}

/// What a stored command orders, for people; it is the meter that checks it.
fn action(message: &[u8]) -> String {
    let read = Signed::read(message, "command").and_then(|signed| wire::decode::<Command>(signed.payload, "command"));
    match read.map(|command| command.action) {
        Ok(Action::Credit { amount_minor, currency }) => {
            let amount = i64::try_from(amount_minor).unwrap_or(i64::MAX);
            format!("credit of {}", show::minor(amount, &currency))
        }
        Ok(other) => other.name().to_owned(),
        Err(_) => "unreadable".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_of_what_lasts() {
        let begun = Instant::now();
        let (mut failing, mut told) = (None, Vec::new());
        for look in 0..5 {
            let (now, lasts) = Failing::again(failing, begun + Duration::from_secs(look), false);
            failing = Some(now);
            told.push(lasts);
        }
        assert_eq!(told, [false, false, true, true, true]);
        let away = |seconds| Failing::again(failing, begun + Duration::from_secs(seconds), true).1;
        assert!(!away(3600) && !away(86_399) && away(86_400));
        for error in [ProviderError::TimeOut, ProviderError::Refused(String::new())] {
            assert!(is_out_of_reach(&error));
        }
        for error in [ProviderError::WrongPin, ProviderError::EarlyLeaf, ProviderError::NotEnrolled(String::new())] {
            assert!(!is_out_of_reach(&error));
        }
    }
}
