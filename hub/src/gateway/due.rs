//! What is due: the bills of standing submissions, when their months are over.
//!
//! The time of sending follows from the calendar and from the clock of this process alone: a month's bill is due a fixed
//! time after the month has ended, and it leaves at the next look. Looks come at regular intervals with a random phase, so
//! neither says anything about the readings. Only a gap in what was measured delays a bill, and that is told to the
//! household.

use std::time::Duration;

use gateway_core::Store;
use gateway_core::bill::{Bill, BillRefused, BillRequest, make};
use gateway_core::store::{Account, Standing};
use protocol::metrology::keys::Hash;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use rand_core::OsRng;

use super::Gateway;
use super::month::{ends_at_the_earliest, month_from};
use super::offers::kept_tariffs;
use crate::Failure;
use crate::answers::keep_bill;
use crate::api::Event;
use crate::commands::now;

/// Refusals of a bill whose readings have not come.
const LACKING: [&str; 3] = ["gap", "incomplete", "no-register"];

impl Gateway {
    /// Looks for what is due until the gateway stops.
    pub(crate) async fn keep_sending(self, every: Duration) {
        let length = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1);
        tokio::time::sleep(Duration::from_millis(getrandom::u64().unwrap_or(0) % length)).await;
        loop {
            self.send_due().await;
            tokio::time::sleep(every).await;
        }
    }

    /// Makes and sends what is due, and fetches what the providers have. What fails is tried again at a later look.
    pub(crate) async fn send_due(&self) {
        if let Err(failure) = self.make_due().await {
            self.attention(&failure);
        }
        if let Err(failure) = self.send_waiting().await {
            self.attention(&failure);
        }
        if let Err(failure) = self.look_at_accounts().await {
            self.attention(&failure);
        }
    }

    /// Tells of a failure that stops nothing else.
    pub(super) fn attention(&self, failure: &Failure) {
        tracing::warn!(code = failure.code(), "what is due was not sent");
        self.tell_once(failure.code(), failure.to_string());
    }

    /// Makes the bills of all months that are over. One standing submission that fails does not hold up the others.
    async fn make_due(&self) -> Result<(), Failure> {
        for standing in self.keeper.run(|store| store.standing()).await? {
            if standing.ended_at.is_none()
                && let Err(failure) = self.make_months(standing).await
            {
                self.attention(&failure);
            }
        }
        Ok(())
    }

    /// Months that were missed follow each other at once; one that cannot be billed stops those after it.
    async fn make_months(&self, mut next: Standing) -> Result<(), Failure> {
        let account = self.account(Some(next.account)).await?;
        while let Some(first) = self.make_month(&account, &next).await? {
            next.first = first;
        }
        Ok(())
    }

    /// Makes the bill of the standing submission's next month when it is due. Gives the start of the month after it.
    async fn make_month(&self, account: &Account, standing: &Standing) -> Result<Option<u64>, Failure> {
        // While the month is not over, nobody is asked for a tariff, which may not be there yet, and nothing is told.
        if !is_due(ends_at_the_earliest(standing.first), standing, now()) {
            return Ok(None);
        }
        // The provider is asked for its offer once, when the bill can be made: how often it is asked tells nothing of gaps.
        let ready = match self.under_kept(account, standing).await? {
            Some(Err(why)) => {
                self.delay(standing, &why).await?;
                return Ok(None);
            }
            Some(Ok(ready)) => Some(ready),
            None => None,
        };
        let (tariff, message) = match self.tariff_for(account, &standing.tariff, standing.first).await {
            Ok(found) => found,
            Err(failure) => {
                self.delay(standing, &failure.to_string()).await?;
                return Ok(None);
            }
        };
        let Some(period) = month_from(&tariff.tariff.zone, standing.first) else {
            self.delay(standing, "the tariff's time zone has changed; end this standing submission and begin another")
                .await?;
            return Ok(None);
        };
        if !is_due(period.until, standing, now()) {
            return Ok(None);
        }
        let wanted = standing.clone();
        let made = self
            .keeper
            .run(move |store| {
                let same = ready.filter(|(hash, _)| *hash == tariff.hash).map(|(_, bill)| bill);
                let bill = same.map_or_else(|| compute(store, &tariff, &period, &wanted), Ok);
                let step = |store: &Store| Ok(store.set_standing(wanted.id, period.until, None)?);
                match bill.and_then(|bill| keep(store, &tariff, &message, &period, &wanted, &bill, step)) {
                    Err(Failure::Refused { message, .. }) => Ok(Err(message)),
                    Err(other) => Err(other),
                    Ok(digest) => Ok(Ok(digest)),
                }
            })
            .await?;
        match made {
            Ok(digest) => {
                tracing::info!(standing = standing.id, "bill of a month made");
                self.tell(Event::BillMade { digest: hex::encode(digest) });
                Ok(Some(period.until))
            }
            Err(why) => {
                self.delay(standing, &why).await?;
                Ok(None)
            }
        }
    }

    /// The month's bill under the newest tariff that was taken before, not kept yet; or why its readings do not suffice.
    async fn under_kept(
        &self,
        account: &Account,
        standing: &Standing,
    ) -> Result<Option<Result<(Hash, Bill), String>>, Failure> {
        let (owner, standing) = (account.clone(), standing.clone());
        self.keeper
            .run(move |store| {
                let kept = kept_tariffs(store, &owner, &standing.tariff, standing.first)?.pop();
                let month =
                    kept.and_then(|(tariff, _)| Some((month_from(&tariff.tariff.zone, standing.first)?, tariff)));
                let Some((period, tariff)) = month.filter(|(period, _)| is_due(period.until, &standing, now())) else {
                    return Ok(None);
                };
                match compute(store, &tariff, &period, &standing) {
                    Ok(bill) => Ok(Some(Ok((tariff.hash, bill)))),
                    Err(Failure::Refused { code, message }) if LACKING.contains(&code.as_ref()) => {
                        Ok(Some(Err(message)))
                    }
                    // Another tariff may do.
                    Err(Failure::Refused { .. }) => Ok(None),
                    Err(other) => Err(other),
                }
            })
            .await
    }

    /// Notes why a month is not billed yet, and tells it once.
    async fn delay(&self, standing: &Standing, why: &str) -> Result<(), Failure> {
        if standing.message.as_deref() == Some(why) {
            return Ok(());
        }
        let (id, first, message) = (standing.id, standing.first, why.to_owned());
        self.keeper.run(move |store| store.set_standing(id, first, Some(&message))).await?;
        self.tell(Event::Attention {
            code: "bill-delayed".into(),
            message: format!("a monthly bill cannot be made yet: {why}"),
        });
        Ok(())
    }
}

/// Whether the bill of a month that ends at a time is to be made.
fn is_due(end: u64, standing: &Standing, at: i64) -> bool {
    i64::try_from(end.saturating_add(standing.offset)).is_ok_and(|due| due <= at)
}

/// Computes and proves the bill of a month.
fn compute(store: &Store, tariff: &SignedTariff, period: &Span, standing: &Standing) -> Result<Bill, Failure> {
    let request = BillRequest {
        period: *period,
        meter: None,
        allow_incomplete: false,
        nonce: None,
        corrects: None,
        totals: standing.totals,
    };
    make(store, tariff, &request, &mut OsRng).map_err(|error: BillRefused| error.into())
}

/// Puts the bill of a month on its way. Bill, submission and what `and` changes are one transaction: a power cut neither
/// loses nor doubles a bill.
fn keep(
    store: &mut Store,
    tariff: &SignedTariff,
    message: &[u8],
    period: &Span,
    standing: &Standing,
    bill: &Bill,
    and: impl FnOnce(&Store) -> Result<(), Failure>,
) -> Result<Hash, Failure> {
    keep_bill(store, tariff, message, period, bill, |store| {
        store.keep_submission(&bill.digest, standing.account, Some(standing.id), now())?;
        and(store)
    })?;
    Ok(bill.digest)
}

/// Makes the bill of a month and puts it on its way, with what `and` changes.
pub(super) fn make_bill(
    store: &mut Store,
    tariff: &SignedTariff,
    message: &[u8],
    period: &Span,
    standing: &Standing,
    and: impl FnOnce(&Store) -> Result<(), Failure>,
) -> Result<Hash, Failure> {
    let bill = compute(store, tariff, period, standing)?;
    keep(store, tariff, message, period, standing, &bill, and)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_due_its_time_after_its_end_and_never_for_a_clock_out_of_range() {
        let standing = Standing {
            id: 1,
            account: 1,
            tariff: String::new(),
            first: 0,
            offset: 100,
            totals: false,
            ended_at: None,
            message: None,
        };
        assert!(!is_due(1000, &standing, 1099) && is_due(1000, &standing, 1100));
        assert!(!is_due(1000, &standing, -5) && !is_due(u64::MAX, &standing, i64::MAX));
    }
}
