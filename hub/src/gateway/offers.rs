//! Tariffs: what a provider offers now, and what was taken from it before.

use gateway_core::store::Account;
use gateway_core::{Store, StoreError};
use protocol::tariff::SignedTariff;
use protocol::time::Span;

use super::Gateway;
use super::accounts::lineage;
use crate::Failure;
use crate::commands::now;

impl Gateway {
    /// The tariff of a name that the provider offers for a time: it may have replaced the one that was taken before. When it
    /// is out of reach, the one of before does; should it have been withdrawn, the provider says so when the bill comes.
    pub(super) async fn tariff_for(
        &self,
        account: &Account,
        id: &str,
        at: u64,
    ) -> Result<(SignedTariff, Vec<u8>), Failure> {
        let client = self.client(account).await?;
        let offers = client.tariffs().await;
        self.remember(account.id, &client).await?;
        let (name, owner) = (id.to_owned(), account.clone());
        let mut kept = self.keeper.run(move |store| kept_tariffs(store, &owner, &name, at)).await?;
        let offers = match offers {
            Ok(offers) => offers,
            Err(error) => return kept.pop().ok_or_else(|| error.into()),
        };
        let absent = || {
            Failure::refused(
                "no-tariff",
                format!(
                    "the provider publishes no tariff called {id:?} for that month; `wattseal account tariffs` lists those it has"
                ),
            )
        };
        let valid = |span: &Span| span.from <= at && at < span.until;
        let offer = offers.into_iter().rfind(|offer| offer.id == id && valid(&offer.valid)).ok_or_else(absent)?;
        if let Some(found) = kept.into_iter().find(|(tariff, _)| tariff.hash == offer.hash) {
            return Ok(found);
        }
        let (tariff, message) = client.tariff(&offer.hash).await?;
        // What counts is what is signed.
        if tariff.tariff.id != id || !valid(&tariff.tariff.valid) {
            return Err(absent());
        }
        let (fetched, bytes) = (tariff.clone(), message.clone());
        self.keeper
            .run(move |store| {
                store.transaction(|store| {
                    store.pin_provider(&fetched.tariff.provider.key, &fetched.tariff.provider.name, now())?;
                    store.keep_tariff(&fetched, &bytes)
                })
            })
            .await?;
        Ok((tariff, message))
    }
}

/// Tariffs of a name for a time that were taken from an account's provider before, the newest last.
pub(super) fn kept_tariffs(
    store: &Store,
    account: &Account,
    id: &str,
    at: u64,
) -> Result<Vec<(SignedTariff, Vec<u8>)>, StoreError> {
    let mut found = Vec::new();
    for tenure in lineage(store, account)?.tenures() {
        for kept in store.tariffs(&tenure.key)? {
            let tariff = SignedTariff::read(&kept.message).map_err(|_| StoreError::Damaged("tariff"))?;
            if tariff.tariff.id == id && tariff.tariff.valid.from <= at && at < tariff.tariff.valid.until {
                found.push((tariff, kept.message));
            }
        }
    }
    Ok(found)
}
