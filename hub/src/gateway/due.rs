//! What is due: the bills of standing submissions, when their months are over.
//!
//! The time of sending follows from the calendar and from the clock of this process alone: a month's bill is due a fixed
//! time after the month has ended, and it leaves at the next look. Looks come at regular intervals with a random phase, so
//! neither says anything about the readings. Only a gap in what was measured delays a bill, and that is told to the
//! household.

use std::time::Duration;

use gateway_core::Store;
use gateway_core::bill::BillRequest;
use gateway_core::store::{Account, Standing};
use protocol::metrology::keys::Hash;
use protocol::tariff::SignedTariff;
use protocol::time::Span;

use super::Gateway;
use super::month::{ends_at_the_earliest, month_from};
use super::offers::kept_tariffs;
use crate::Failure;
use crate::answers::keep_bill;
use crate::answers::proof::{Finished, Wish};
use crate::api::{Event, ProofKind};
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
        let same = ready.filter(|(hash, _)| *hash == tariff.hash).map(|(_, bill)| bill);
        let bill = match same {
            Some(bill) => Ok(bill),
            None => self.compute(tariff.clone(), period, standing).await,
        };
        let wanted = standing.clone();
        let made = match bill {
            Ok(bill) => {
                self.keeper
                    .run(move |store| {
                        let step = |store: &Store| Ok(store.set_standing(wanted.id, period.until, None)?);
                        keep(store, &tariff, &message, &period, &wanted, &bill, step)
                    })
                    .await
            }
            Err(failure) => Err(failure),
        };
        let made = match made {
            Err(Failure::Refused { message, .. }) => Err(message),
            Err(other) => return Err(other),
            Ok(digest) => Ok(digest),
        };
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
    ) -> Result<Option<Result<(Hash, Finished), String>>, Failure> {
        let (owner, wanted) = (account.clone(), standing.clone());
        let kept = self
            .keeper
            .run(move |store| kept_tariffs(store, &owner, &wanted.tariff, wanted.first).map(|mut kept| kept.pop()))
            .await?;
        let month = kept.and_then(|(tariff, _)| Some((month_from(&tariff.tariff.zone, standing.first)?, tariff)));
        let Some((period, tariff)) = month.filter(|(period, _)| is_due(period.until, standing, now())) else {
            return Ok(None);
        };
        let hash = tariff.hash;
        match self.compute(tariff, period, standing).await {
            Ok(bill) => Ok(Some(Ok((hash, bill)))),
            Err(Failure::Refused { code, message }) if LACKING.contains(&code.as_ref()) => Ok(Some(Err(message))),
            // Another tariff may do.
            Err(Failure::Refused { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Computes and proves the bill of a month. It is not kept yet.
    pub(super) async fn compute(
        &self,
        tariff: SignedTariff,
        period: Span,
        standing: &Standing,
    ) -> Result<Finished, Failure> {
        let request = BillRequest {
            period,
            meter: None,
            allow_incomplete: false,
            nonce: None,
            corrects: None,
            totals: standing.totals,
        };
        self.finish(tariff, Wish { request, proof: ProofKind::Auto, restart: false }).await
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

/// Puts the bill of a month on its way. Bill, submission and what `and` changes are one transaction: a power cut neither
/// loses nor doubles a bill.
pub(super) fn keep(
    store: &mut Store,
    tariff: &SignedTariff,
    message: &[u8],
    period: &Span,
    standing: &Standing,
    bill: &Finished,
    and: impl FnOnce(&Store) -> Result<(), Failure>,
) -> Result<Hash, Failure> {
    keep_bill(store, tariff, message, period, bill, |store| {
        store.keep_submission(&bill.digest, standing.account, Some(standing.id), now())?;
        and(store)
    })?;
    Ok(bill.digest)
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
