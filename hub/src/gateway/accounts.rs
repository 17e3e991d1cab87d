//! Accounts with providers: which one is meant, what is known of its provider, its key, its tariffs.

use std::sync::Arc;

use gateway_core::store::Account;
use gateway_core::{Store, StoreError};
use protocol::service::revocation::Revocations;
use protocol::service::succession::Lineage;
use protocol::show;

use super::Gateway;
use crate::Failure;
use crate::api::{AccountInfo, Accounts, Answer, TariffInfo, Tariffs};
use crate::commands::now;
use crate::provider::{Client, ClientKey, ProviderError, ProviderPin, Retry};

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        let message = error.to_string();
        let code = error.code().to_owned().into();
        match (&error, error.retry()) {
            // To wait may help; whoever asked should look at it all the same.
            (ProviderError::WrongPin | ProviderError::OldTls | ProviderError::BadAnswer(_), _) | (_, Retry::Never) => {
                Self::Refused { code, message }
            }
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

    /// The account that is meant, which must have enrolled: bills are sent for no other.
    pub(super) async fn enrolled(&self, wanted: Option<i64>) -> Result<Account, Failure> {
        let account = self.account(wanted).await?;
        if account.enrolled_at.is_some() {
            return Ok(account);
        }
        Err(Failure::refused(
            "not-enrolled-yet",
            format!("account {} is not enrolled yet; enrol first with: wattseal account add", account.id),
        ))
    }

    /// The account as it is now, when its key has changed since `before` was read: another task may have changed it while a
    /// request was under way.
    pub(super) async fn rekeyed(&self, before: &Account) -> Result<Option<Account>, Failure> {
        let id = before.id;
        let present = self.keeper.run(move |store| store.account(id)).await?;
        let key = |account: &Account| ClientKey::from_seed(&account.client_key).public();
        Ok(present.filter(|present| key(present) != key(before)))
    }

    /// Keeps what a client learnt: hand-overs and the newest revocations.
    pub(super) async fn remember(&self, account: i64, client: &Client) -> Result<(), Failure> {
        let (successions, list) = (client.successions(), client.revocation_list());
        self.keeper.run(move |store| store.transaction(|store| learnt(store, account, &successions, list))).await
    }

    pub(super) async fn remove_account(&self, id: i64) -> Result<Answer, Failure> {
        let account = self.account(Some(id)).await?;
        let removed = self.keeper.run(move |store| store.transaction(|store| store.remove_account(id))).await?;
        if !removed {
            let contract = account.contract.unwrap_or_default();
            return Err(Failure::refused(
                "enrolled",
                format!("account {id} is enrolled for contract {contract}; it stays, with its bills and receipts"),
            ));
        }
        self.accounts().await
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

    pub(super) async fn tariffs(&self, account: Option<i64>) -> Result<Answer, Failure> {
        let account = self.account(account).await?;
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
}

/// The keys of an account's provider, as far as their hand-overs were followed.
pub(super) fn lineage(store: &Store, account: &Account) -> Result<Lineage, StoreError> {
    let mut lineage = Lineage::pinned(account.provider);
    for message in store.successions(account.id)? {
        lineage.extend(&message).map_err(|_| StoreError::Damaged("succession"))?;
    }
    Ok(lineage)
}

/// Keeps hand-overs and a revocation list. Several clients of one account may be under way: an older list does not take the
/// place of a newer one, unless that one is no longer the provider's.
fn learnt(store: &Store, id: i64, successions: &[Vec<u8>], list: Option<Vec<u8>>) -> Result<(), StoreError> {
    store.keep_successions(id, successions)?;
    let (Some(list), Some(account)) = (list, store.account(id)?) else { return Ok(()) };
    let lineage = lineage(store, &account)?;
    let number = |bytes: &[u8]| Revocations::read_seen(bytes, &lineage).ok().map(|list| list.number);
    // No number is less than any.
    if account.revocations.as_deref().and_then(number) < number(&list) {
        store.keep_revocations(id, &list)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use gateway_core::store::StoreKey;
    use protocol::service::succession::Succession;

    #[test]
    fn an_older_list_takes_no_newer_ones_place() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join("s"), &StoreKey::from_bytes([1; 32])).unwrap();
        let (old, new) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let public = |key: &SigningKey| key.verifying_key().to_bytes();
        let list = |key: &SigningKey, number, issued| {
            Some(Revocations::new(public(key), number, issued, issued + 1000).sign(key))
        };
        store.pin_provider(&public(&old), "Fern", 1).unwrap();
        let id = store.keep_account(&public(&old), "a:1", &[1; 32], &[1; 32]).unwrap();
        let kept = || store.account(id).unwrap().unwrap().revocations;
        learnt(&store, id, &[], list(&old, 5, 100)).unwrap();
        learnt(&store, id, &[], list(&old, 7, 200)).unwrap();
        learnt(&store, id, &[], list(&old, 6, 150)).unwrap();
        learnt(&store, id, &[], None).unwrap();
        assert_eq!(kept(), list(&old, 7, 200));
        // A thief's list with the highest number there is: the hand-over that took his word back ends it.
        learnt(&store, id, &[], list(&old, u64::MAX, 400)).unwrap();
        let theft = Succession::sign(&old, &new, 500, 300);
        learnt(&store, id, &[theft], list(&new, 8, 510)).unwrap();
        assert_eq!(kept(), list(&new, 8, 510));
    }
}
