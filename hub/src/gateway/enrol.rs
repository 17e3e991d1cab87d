//! Enrolment with a provider.
//!
//! ```text
//! one-time code ─► account with a fresh key (kept) ─► provider ─► contract: a new one, or one that this home has
//! ```
//!
//! The code is what tells enrolments apart. Each has a key of its own, so that no second contract and no enrolment that still
//! waits for approval touches the key of a contract that is in use.

use gateway_core::store::{Account, MeterRow};
use gateway_core::{Store, StoreError};
use protocol::certificate::write_file;
use protocol::code::{self, Purpose};
use protocol::metrology::keys::hash;
use protocol::show;

use super::Gateway;
use super::accounts::lineage;
use crate::Failure;
use crate::api::{AccountAdd, Answer};
use crate::commands::now;
use crate::provider::{Client, ClientKey, EnrolState, ProviderError};

impl Gateway {
    pub(super) async fn add_account(&self, add: AccountAdd) -> Result<Answer, Failure> {
        let mut key = [0; 32];
        hex::decode_to_slice(&add.provider_key, &mut key)
            .map_err(|_| Failure::refused("hex", "a provider's key has 64 hexadecimal digits"))?;
        let secret = code::read::<16>(Purpose::Enrolment, &add.code)
            .map_err(|error| Failure::refused("bad-code", error.to_string()))?;
        let enrolment = hash("wattseal/v1/enrolment-code", &[secret.as_slice()]);
        let named = add.meters;
        let meters = self.keeper.run(move |store| chosen(store, &named)).await?;
        let (address, seed) = (add.address, ClientKey::generate()?.seed());
        // Kept before it is shown: when the answer is lost, the same code asks again under the same key.
        let account = self
            .keeper
            .run(move |store| {
                store.transaction(|store| {
                    if store.provider(&key)?.is_none() {
                        store.pin_provider(&key, &format!("Provider {}", show::short(&key)), now())?;
                    }
                    let id = store.keep_account(&key, &address, &enrolment, &seed)?;
                    store.account(id)?.ok_or(StoreError::Damaged("account"))
                })
            })
            .await?;
        let id = account.id;
        let client = self.client(&account).await?;
        let enrolled = client.enrol(&add.code, &meters).await;
        self.remember(id, &client).await?;
        match enrolled {
            Ok(EnrolState::Enrolled { contract }) => {
                self.keeper.run(move |store| store.transaction(|store| enrol(store, id, &contract))).await?;
                self.learn_name(&client).await;
                self.accounts().await
            }
            Ok(EnrolState::Pending { contract }) => Err(Failure::could_not(
                "pending",
                format!(
                    "contract {contract}: the provider has to approve the enrolment. Ask again with the same code later"
                ),
            )),
            Err(error) => {
                // A code that does not fit this account's key never will.
                if matches!(&error, ProviderError::Rejected { code, .. } if code == "bad-code") {
                    self.keeper.run(move |store| store.transaction(|store| store.remove_account(id))).await?;
                }
                Err(error.into())
            }
        }
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
}

/// Notes an enrolment: of a contract that this home had already, the account of before goes on under the new key.
fn enrol(store: &Store, id: i64, contract: &str) -> Result<(), StoreError> {
    let new = store.account(id)?.ok_or(StoreError::Damaged("account"))?;
    for before in store.accounts()? {
        let same = before.id != id && before.enrolled_at.is_some() && before.contract.as_deref() == Some(contract);
        if same && is_one_provider(store, &before, &new)? {
            store.keep_successions(before.id, &store.successions(id)?)?;
            return store.enrol_again(before.id, id, now());
        }
    }
    store.enrol_account(id, contract, now())
}

fn is_one_provider(store: &Store, one: &Account, other: &Account) -> Result<bool, StoreError> {
    Ok(lineage(store, one)?.knows(&other.provider) || lineage(store, other)?.knows(&one.provider))
}

/// The certificate files of the meters that the provider is told of: those that were named, or the only one.
fn chosen(store: &Store, named: &[String]) -> Result<Vec<Vec<u8>>, Failure> {
    let meters = store.meters()?;
    let list = || {
        let line = |meter: &MeterRow| format!("{} ({})", meter.name, show::fingerprint(&meter.identity));
        meters.iter().map(line).collect::<Vec<_>>().join(", ")
    };
    let mut chosen: Vec<&MeterRow> = Vec::new();
    for name in named {
        let fits = |meter: &&MeterRow| meter.name == *name || hex::encode(meter.identity).eq_ignore_ascii_case(name);
        let mut found = meters.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(meter), None) if chosen.iter().all(|c| c.id != meter.id) => chosen.push(meter),
            (Some(_), None) => {}
            (Some(_), Some(_)) => {
                return Err(Failure::refused(
                    "several-meters",
                    format!("several meters are called {name:?}; name the one by its identity key: {}", list()),
                ));
            }
            (None, _) => {
                return Err(Failure::refused(
                    "no-meter",
                    format!("this home is paired with no meter {name:?}, but with: {}", list()),
                ));
            }
        }
    }
    match (named.is_empty(), meters.as_slice()) {
        (_, []) => {
            return Err(Failure::refused(
                "no-meter",
                "pair with a meter first; the provider is told which meters are yours",
            ));
        }
        (true, [only]) => chosen.push(only),
        (true, _) => {
            return Err(Failure::refused(
                "which-meters",
                format!(
                    "this home has several meters, and a provider is told of those alone that it bills: say which with \
                     --meter NAME. They are: {}",
                    list()
                ),
            ));
        }
        (false, _) => {}
    }
    let file = |meter: &MeterRow| {
        let chain: Vec<_> = store.certificates(meter.id)?.into_iter().map(|(_, entry)| entry.message).collect();
        Ok(write_file(&chain))
    };
    chosen.into_iter().map(file).collect::<Result<_, StoreError>>().map_err(Failure::from)
}
