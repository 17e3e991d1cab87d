//! Accounts with providers: enrolment, tariffs, keys, revocations, commands.

use std::sync::Arc;

use gateway_core::store::{Account, StoredCommand};
use gateway_core::{Store, StoreError};
use protocol::certificate::write_file;
use protocol::code::{self, Purpose};
use protocol::service::command::{Action, Command, CommandReceipt};
use protocol::show;
use protocol::wire::{self, Signed};
use zeroize::Zeroizing;

use super::Gateway;
use crate::Failure;
use crate::api::{AccountAdd, AccountInfo, Accounts, Answer, CommandInfo, Commands, TariffInfo, Tariffs};
use crate::commands::now;
use crate::provider::{Client, ClientKey, EnrolState, ProviderError, ProviderPin, Retry};

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        let message = error.to_string();
        let code = error.code().to_owned().into();
        match (&error, error.retry()) {
            // To wait may help; whoever asked should look at it all the same.
            (ProviderError::WrongPin | ProviderError::OldTls, _) | (_, Retry::Never) => Self::Refused { code, message },
            (_, Retry::After(_)) => Self::CouldNot { code, message },
        }
    }
}

impl Gateway {
    pub(super) async fn accounts(&self) -> Result<Answer, Failure> {
        let list = |store: &mut Store| {
            let info = |account: Account| {
                Ok(AccountInfo {
                    account: account.id,
                    provider: store.provider(&account.provider)?.unwrap_or_default(),
                    fingerprint: show::fingerprint(&account.provider),
                    address: account.address,
                    contract: account.contract,
                })
            };
            store.accounts()?.into_iter().map(info).collect::<Result<Vec<_>, StoreError>>()
        };
        Ok(Answer::Accounts(Accounts { accounts: self.keeper.run(list).await? }))
    }

    /// The account that is meant: the one that was named, or the only one there is. One whose enrolment never came about,
    /// as after a mistyped key, does not stand in the way of those that did enrol.
    pub(super) async fn account(&self, wanted: Option<i64>) -> Result<Account, Failure> {
        let mut accounts = self.keeper.run(|store| store.accounts()).await?;
        if let Some(wanted) = wanted {
            accounts.retain(|account| account.id == wanted);
        } else if accounts.iter().any(|account| account.enrolled_at.is_some()) {
            accounts.retain(|account| account.enrolled_at.is_some());
        }
        match (accounts.pop(), accounts.is_empty()) {
            (Some(account), true) => Ok(account),
            (Some(_), false) => {
                Err(Failure::refused("several-accounts", "there are several accounts; say which with --account"))
            }
            (None, _) => Err(Failure::refused(
                "no-account",
                "there is no such account; `wattseal account list` shows those there are",
            )),
        }
    }

    /// A client for an account, with all that was learnt of its provider before.
    pub(super) async fn client(&self, account: &Account) -> Result<Client, Failure> {
        let id = account.id;
        let successions = self.keeper.run(move |store| store.successions(id)).await?;
        let pin = ProviderPin {
            keys: vec![account.provider],
            address: account.address.clone(),
            successions,
            revocations: account.revocations.clone(),
        };
        let key = ClientKey::from_seed(&account.client_key);
        // A clock before 1970 has its certificates refused as not good yet.
        let clock = Arc::new(|| u64::try_from(now()).unwrap_or(0));
        Ok(Client::new(pin, Some(key), clock)?)
    }

    /// Keeps what a client learnt: hand-overs and the newest revocations.
    pub(super) async fn remember(&self, account: i64, client: &Client) -> Result<(), Failure> {
        let (successions, list) = (client.successions(), client.revocation_list());
        self.keeper
            .run(move |store| {
                store.transaction(|store| {
                    store.keep_successions(account, &successions)?;
                    list.map_or(Ok(()), |list| store.keep_revocations(account, &list))
                })
            })
            .await
    }

    pub(super) async fn add_account(&self, add: AccountAdd) -> Result<Answer, Failure> {
        let mut key = [0; 32];
        hex::decode_to_slice(&add.provider_key, &mut key)
            .map_err(|_| Failure::refused("hex", "a provider's key has 64 hexadecimal digits"))?;
        code::read::<16>(Purpose::Enrolment, &add.code)
            .map_err(|error| Failure::refused("bad-code", error.to_string()))?;
        let (address, seed) = (add.address.clone(), ClientKey::generate()?.seed());
        // Kept before it is shown: when the answer is lost, the same key asks again.
        let (account, meters) = self
            .keeper
            .run(move |store| {
                store.transaction(|store| {
                    if store.provider(&key)?.is_none() {
                        store.pin_provider(&key, &format!("Provider {}", show::short(&key)), now())?;
                    }
                    let id = store.keep_account(&key, &address, &seed)?;
                    let account = store.account(id)?.ok_or(StoreError::Damaged("account"))?;
                    let mut meters = Vec::new();
                    for meter in store.meters()? {
                        let chain: Vec<_> =
                            store.certificates(meter.id)?.into_iter().map(|(_, entry)| entry.message).collect();
                        meters.push(write_file(&chain));
                    }
                    Ok::<_, StoreError>((account, meters))
                })
            })
            .await?;
        if meters.is_empty() {
            return Err(Failure::refused(
                "no-meter",
                "pair with a meter first; the provider is told which meters are yours",
            ));
        }
        let client = self.client(&account).await?;
        let mut enrolled = client.enrol(&add.code, &meters).await.map_err(Failure::from);
        self.remember(account.id, &client).await?;
        if let Some(seed) = spare_key(&account, &enrolled)? {
            enrolled = self.enrol_under(&account, seed, &add.code, &meters).await;
        }
        match enrolled? {
            EnrolState::Enrolled { contract } => {
                let id = account.id;
                self.keeper.run(move |store| store.enrol_account(id, &contract, now())).await?;
                self.learn_name(&client).await;
            }
            EnrolState::Pending { contract } => {
                return Err(Failure::could_not(
                    "pending",
                    format!(
                        "contract {contract}: the provider has to approve the enrolment. Ask again with the same code later"
                    ),
                ));
            }
        }
        self.accounts().await
    }

    /// The provider's name stands in its tariffs, signed. Without one it is called after its key.
    async fn learn_name(&self, client: &Client) {
        let Ok(offers) = client.tariffs().await else { return };
        let Some(offer) = offers.last() else { return };
        let Ok((tariff, _)) = client.tariff(&offer.hash).await else { return };
        let provider = tariff.tariff.provider;
        // A name that cannot be stored now is learnt with the first bill.
        let _ = self.keeper.run(move |store| store.pin_provider(&provider.key, &provider.name, now())).await;
    }

    /// Enrols under another key than the account's, which takes its place when the provider has taken it.
    async fn enrol_under(
        &self,
        account: &Account,
        seed: Zeroizing<[u8; 32]>,
        code: &str,
        meters: &[Vec<u8>],
    ) -> Result<EnrolState, Failure> {
        let (id, kept) = (account.id, seed.clone());
        self.keeper.run(move |store| store.change_client_key(id, Some(&kept))).await?;
        let client = self.client(&Account { client_key: seed, ..account.clone() }).await?;
        let enrolled = client.enrol(code, meters).await?;
        self.keeper.run(move |store| store.change_client_key(id, None)).await?;
        Ok(enrolled)
    }

    pub(super) async fn rotate_key(&self, account: i64) -> Result<Answer, Failure> {
        let account = self.account(Some(account)).await?;
        let id = account.id;
        let next = match &account.next_key {
            Some(seed) => ClientKey::from_seed(seed),
            None => ClientKey::generate()?,
        };
        let seed = next.seed();
        self.keeper.run(move |store| store.change_client_key(id, Some(&seed))).await?;
        let client = self.client(&account).await?;
        let with_next = client.rotate_key(&next).await;
        self.remember(id, &client).await?;
        let with_next = with_next?;
        self.keeper.run(move |store| store.change_client_key(id, None)).await?;
        // The first use of the new key ends the old one.
        with_next.commands().await?;
        self.accounts().await
    }

    pub(super) async fn tariffs(&self, account: i64) -> Result<Answer, Failure> {
        let account = self.account(Some(account)).await?;
        let client = self.client(&account).await?;
        let offers = client.tariffs().await;
        self.remember(account.id, &client).await?;
        let tariffs = offers?.into_iter().map(|offer| TariffInfo {
            hash: hex::encode(offer.hash),
            id: offer.id,
            name: offer.name,
            from: offer.valid.from,
            until: offer.valid.until,
        });
        Ok(Answer::Tariffs(Tariffs { tariffs: tariffs.collect() }))
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

    /// Fetches what the provider has for this home: revocations, commands for its meters; and hands over receipts.
    pub(super) async fn look_at_account(&self, account: &Account) -> Result<(), Failure> {
        let client = self.client(account).await?;
        let fetched = self.exchange(account, &client).await;
        self.remember(account.id, &client).await?;
        fetched
    }

    async fn exchange(&self, account: &Account, client: &Client) -> Result<(), Failure> {
        let revoked = client.revocations().await?;
        let own = self.keeper.run(|store| own_certificates(store)).await?;
        for (meter, hash) in own {
            if let Some(entry) = revoked.epoch(&hash) {
                let message = format!(
                    "the provider has revoked a certificate of meter {meter}: {}. Bills that rest on it are refused; ask the provider",
                    entry.reason
                );
                self.tell_once("revoked-certificate", message);
            }
        }
        let id = account.id;
        let commands = client.commands().await?;
        let new = self
            .keeper
            .run(move |store| {
                store.transaction(|store| {
                    for command in &commands {
                        // A command for a meter that is not here cannot be carried out here.
                        if let Some(meter) = store.meter(&command.meter)? {
                            store.keep_command(&StoredCommand {
                                meter: meter.id,
                                sequence: command.sequence,
                                account: id,
                                message: command.message.clone(),
                                receipt: None,
                                delivered: false,
                            })?;
                        }
                    }
                    Ok::<_, StoreError>(!commands.is_empty())
                })
            })
            .await?;
        if new {
            self.look().await;
        }
        let waiting = self.keeper.run(|store| store.commands()).await?;
        for command in waiting.into_iter().filter(|c| c.account == account.id && !c.delivered) {
            let Some(receipt) = command.receipt else { continue };
            client.command_receipt(&receipt).await?;
            self.keeper.run(move |store| store.set_command(command.meter, command.sequence, None, true)).await?;
        }
        Ok(())
    }
}

/// The key to enrol under when the account's key does not do: a fresh one when the provider has known that key before, as
/// after it shut the household out; and when the code does not fit, the one that an enrolment cut short may have used it
/// for.
fn spare_key(
    account: &Account,
    enrolled: &Result<EnrolState, Failure>,
) -> Result<Option<Zeroizing<[u8; 32]>>, ProviderError> {
    Ok(match enrolled.as_ref().err().map(Failure::code) {
        Some("key-in-use") => Some(ClientKey::generate()?.seed()),
        Some("bad-code") => account.next_key.clone(),
        _ => None,
    })
}

fn own_certificates(store: &Store) -> Result<Vec<(String, protocol::metrology::keys::Hash)>, StoreError> {
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
