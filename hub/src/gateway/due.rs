//! What is due: bills of standing submissions, and bills that wait to be sent.
//!
//! The time of sending follows from the calendar and from the clock of this process alone: a month's bill is due a fixed
//! time after the month has ended, and it leaves at the next look. Looks come at regular intervals with a random phase, so
//! neither says anything about the readings. Only a gap in what was measured delays a bill, and that is told to the
//! household.

use std::time::Duration;

use gateway_core::bill::{BillRefused, BillRequest, make};
use gateway_core::store::{Account, Standing, Submission, SubmissionState};
use gateway_core::{Store, StoreError};
use protocol::metrology::keys::Hash;
use protocol::service::succession::Lineage;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use rand_core::OsRng;

use super::Gateway;
use super::month::{month_from, start_of_month};
use crate::Failure;
use crate::answers::{find_bill, keep_bill};
use crate::api::{Answer, Event, StandingAdd, StandingInfo, SubmissionInfo, Submissions};
use crate::commands::now;
use crate::provider::{ProviderError, Retry};

/// First pause after a bill could not be sent; it doubles with each attempt.
const FIRST_PAUSE: i64 = 60;
/// The longest pause.
const LONGEST_PAUSE: i64 = 6 * 3600;

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
        let Ok(accounts) = self.keeper.run(|store| store.accounts()).await else { return };
        for account in accounts.iter().filter(|account| account.enrolled_at.is_some()) {
            if let Err(failure) = self.look_at_account(account).await {
                tracing::info!(account = account.id, code = failure.code(), "provider not reached");
            }
        }
    }

    /// Tells of a failure that stops nothing else.
    fn attention(&self, failure: &Failure) {
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
        let due = period.until.saturating_add(standing.offset);
        if i64::try_from(due).is_ok_and(|due| now() < due) {
            return Ok(None);
        }
        let wanted = standing.clone();
        let made = self
            .keeper
            .run(move |store| {
                let made = make_bill(store, &tariff, &message, &period, &wanted);
                match made {
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

    /// The provider's tariff of a name that is valid at a time: one that is kept, or else one that it publishes.
    async fn tariff_for(&self, account: &Account, id: &str, at: u64) -> Result<(SignedTariff, Vec<u8>), Failure> {
        let client = self.client(account).await?;
        let (name, provider) = (id.to_owned(), client.provider_key());
        let kept = self.keeper.run(move |store| kept_tariff(store, &provider, &name, at)).await?;
        if let Some(found) = kept {
            return Ok(found);
        }
        let offers = client.tariffs().await;
        self.remember(account.id, &client).await?;
        let valid = |span: &Span| span.from <= at && at < span.until;
        let mut offers = offers?.into_iter().filter(|offer| offer.id == id && valid(&offer.valid));
        let offer = offers.next_back().ok_or_else(|| {
            Failure::refused(
                "no-tariff",
                format!("the provider publishes no tariff called {id:?} for that month; `wattseal account tariffs` lists those it has"),
            )
        })?;
        let (tariff, message) = client.tariff(&offer.hash).await?;
        let (kept, bytes) = (tariff.clone(), message.clone());
        self.keeper
            .run(move |store| {
                store.transaction(|store| {
                    store.pin_provider(&kept.tariff.provider.key, &kept.tariff.provider.name, now())?;
                    store.keep_tariff(&kept, &bytes)
                })
            })
            .await?;
        Ok((tariff, message))
    }

    /// Sends the bills whose time has come.
    async fn send_waiting(&self) -> Result<(), Failure> {
        let waiting = self.keeper.run(|store| store.submissions()).await?;
        for submission in waiting {
            if is_ripe(&submission, now())
                && let Err(failure) = self.send(submission).await
            {
                self.attention(&failure);
            }
        }
        Ok(())
    }

    async fn send(&self, mut submission: Submission) -> Result<(), Failure> {
        let account = self.account(Some(submission.account)).await?;
        let digest = submission.bill;
        let bill = self.keeper.run(move |store| store.bill(&digest)).await?;
        let package =
            bill.ok_or_else(|| Failure::could_not("damaged-store", "a bill on its way is not in the store"))?.package;
        let client = self.client(&account).await?;
        let answer = client.submit(&package).await;
        self.remember(account.id, &client).await?;
        settle(&mut submission, answer.map(|answer| answer.receipt_bytes), now());
        let message = submission.message.clone().unwrap_or_default();
        self.tell(Event::Submitted { digest: hex::encode(digest), state: submission.state.name().into(), message });
        self.keeper.run(move |store| store.set_submission(&submission)).await
    }

    pub(super) async fn submit(&self, bill: &str, account: Option<i64>) -> Result<Answer, Failure> {
        let account = self.account(account).await?;
        let wanted = bill.to_owned();
        let digest = self.keeper.run(move |store| find_bill(store, &wanted)).await?;
        let id = account.id;
        let pinned = account.provider;
        self.keeper.run(move |store| check_recipient(store, id, pinned, &digest)).await?;
        let submission = self
            .keeper
            .run(move |store| {
                store.transaction(|store| {
                    store.keep_submission(&digest, id, None, now())?;
                    store.submission(&digest)
                })
            })
            .await?;
        if let Some(submission) = submission.filter(|s| s.state == SubmissionState::Waiting) {
            self.send(submission).await?;
        }
        self.submissions().await
    }

    pub(super) async fn submissions(&self) -> Result<Answer, Failure> {
        let (submissions, standing) =
            self.keeper.run(|store| Ok::<_, StoreError>((store.submissions()?, store.standing()?))).await?;
        Ok(Answer::Submissions(Submissions {
            submissions: submissions
                .into_iter()
                .map(|submission| SubmissionInfo {
                    bill: hex::encode(submission.bill),
                    account: submission.account,
                    state: submission.state.name().to_owned(),
                    due_at: submission.due_at,
                    attempts: submission.attempts,
                    message: submission.message,
                    receipt: submission.receipt.is_some(),
                })
                .collect(),
            standing: standing
                .into_iter()
                .map(|standing| StandingInfo {
                    standing: standing.id,
                    account: standing.account,
                    tariff: standing.tariff,
                    next: standing.first,
                    message: standing.message,
                    ended: standing.ended_at.is_some(),
                })
                .collect(),
        }))
    }

    pub(super) async fn add_standing(&self, add: &StandingAdd) -> Result<Answer, Failure> {
        let account = self.account(add.account).await?;
        let month = || Failure::refused("month", format!("{:?} is not a month; write 2026-03", add.from));
        // Any zone is within a day of UTC: the middle of the month lies in it everywhere.
        let middle = start_of_month(&utc(), &add.from).ok_or_else(month)?.saturating_add(15 * 86_400);
        let (tariff, _) = self.tariff_for(&account, &add.tariff, middle).await?;
        let first = start_of_month(&tariff.tariff.zone, &add.from).ok_or_else(month)?;
        let (name, offset, totals) = (add.tariff.clone(), u64::from(add.after_hours) * 3600, add.totals);
        self.keeper.run(move |store| store.keep_standing(account.id, &name, first, offset, totals)).await?;
        self.submissions().await
    }

    pub(super) async fn end_standing(&self, standing: i64) -> Result<Answer, Failure> {
        if !self.keeper.run(move |store| store.end_standing(standing, now())).await? {
            return Err(Failure::refused(
                "no-standing",
                format!("there is no standing submission {standing} under way"),
            ));
        }
        self.submissions().await
    }
}

fn utc() -> protocol::time::Zone {
    protocol::time::Zone { name: "UTC".into(), offset: 0, changes: Vec::new() }
}

/// Whether a bill is to be sent at this look. No pause is longer than the longest: a time further ahead was noted by a clock
/// that was wrong, and holds nothing up.
fn is_ripe(submission: &Submission, at: i64) -> bool {
    let due = submission.due_at <= at || submission.due_at > at.saturating_add(LONGEST_PAUSE);
    submission.state == SubmissionState::Waiting && due
}

/// What became of an attempt, written into the submission.
fn settle(submission: &mut Submission, answer: Result<Vec<u8>, ProviderError>, at: i64) {
    submission.attempts = submission.attempts.saturating_add(1);
    match answer {
        Ok(receipt) => {
            submission.state = SubmissionState::Accepted;
            submission.receipt = Some(receipt);
            submission.message = Some("the provider has booked it".into());
            submission.settled_at = Some(at);
        }
        Err(error) => {
            submission.message = Some(error.to_string());
            match error.retry() {
                Retry::After(seconds) => {
                    let doubled = FIRST_PAUSE.saturating_mul(1 << submission.attempts.saturating_sub(1).min(12));
                    let wished = i64::try_from(seconds).unwrap_or(LONGEST_PAUSE);
                    submission.due_at = at.saturating_add(doubled.max(wished).min(LONGEST_PAUSE));
                }
                Retry::Never => {
                    submission.state = SubmissionState::Refused;
                    submission.settled_at = Some(at);
                }
            }
        }
    }
}

/// Bill, submission and the step to the next month are one transaction: a power cut neither loses nor doubles a bill.
fn make_bill(
    store: &mut Store,
    tariff: &SignedTariff,
    message: &[u8],
    period: &Span,
    standing: &Standing,
) -> Result<Hash, Failure> {
    let request = BillRequest {
        period: *period,
        meter: None,
        allow_incomplete: false,
        nonce: None,
        corrects: None,
        totals: standing.totals,
    };
    let bill = make(store, tariff, &request, &mut OsRng).map_err(|error: BillRefused| Failure::from(error))?;
    keep_bill(store, tariff, message, period, &bill, |store| {
        store.keep_submission(&bill.digest, standing.account, Some(standing.id), now())?;
        store.set_standing(standing.id, period.until, None)?;
        Ok(())
    })?;
    Ok(bill.digest)
}

/// A bill goes to the provider that set its tariff and to nobody else: another would learn what is owed there.
fn check_recipient(store: &Store, account: i64, pinned: [u8; 32], digest: &Hash) -> Result<(), Failure> {
    let damaged =
        || Failure::could_not("damaged-store", "a kept bill or tariff cannot be read; restore the store from a backup");
    let bill = store.bill(digest)?.ok_or_else(damaged)?;
    let provider = store.tariff_provider(&bill.tariff)?.ok_or_else(damaged)?;
    let mut lineage = Lineage::pinned(pinned);
    for message in store.successions(account)? {
        lineage.extend(&message).map_err(|_| damaged())?;
    }
    if lineage.knows(&provider) {
        return Ok(());
    }
    Err(Failure::refused("other-provider", "this bill is for another provider than the account's; it was not sent"))
}

fn kept_tariff(
    store: &Store,
    provider: &[u8; 32],
    id: &str,
    at: u64,
) -> Result<Option<(SignedTariff, Vec<u8>)>, StoreError> {
    for kept in store.tariffs(provider)?.into_iter().rev() {
        let tariff = SignedTariff::read(&kept.message).map_err(|_| StoreError::Damaged("tariff"))?;
        if tariff.tariff.id == id && tariff.tariff.valid.from <= at && at < tariff.tariff.valid.until {
            return Ok(Some((tariff, kept.message)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> Submission {
        Submission {
            bill: [1; 32],
            account: 1,
            standing: None,
            state: SubmissionState::Waiting,
            due_at: 0,
            attempts: 0,
            message: None,
            receipt: None,
            settled_at: None,
        }
    }

    #[test]
    fn attempts_come_further_apart_and_refusals_are_final() {
        let mut submission = waiting();
        let mut pauses = Vec::new();
        for _ in 0..16 {
            settle(&mut submission, Err(ProviderError::TimeOut), 1000);
            pauses.push(submission.due_at - 1000);
        }
        assert!(pauses.windows(2).all(|w| w[0] <= w[1]) && pauses[0] >= FIRST_PAUSE);
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
        assert_eq!((submission.state, submission.attempts), (SubmissionState::Waiting, 16));
        assert!(!is_ripe(&submission, 1000) && is_ripe(&submission, 1000 + LONGEST_PAUSE));
        assert!(is_ripe(&submission, 1000 - 40 * 365 * 86_400), "noted by a clock that was ahead");
        let refused = ProviderError::Rejected { code: "overlap-booked".into(), message: String::new() };
        settle(&mut submission, Err(refused), 1000);
        assert_eq!((submission.state, submission.settled_at), (SubmissionState::Refused, Some(1000)));
        let mut other = waiting();
        settle(&mut other, Ok(vec![1]), 5);
        assert_eq!((other.state, other.receipt), (SubmissionState::Accepted, Some(vec![1])));
    }
}
