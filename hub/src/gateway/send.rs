//! Bills on their way: sent, sent again when that did not come about, and settled by the provider's own word alone.
//!
//! Whatever else goes wrong, a stranger who answers, a clock, a key, may pass: the bill waits and is sent again, further and
//! further apart. That is safe, because the same bill has the same answer however often it is sent.

use gateway_core::store::{Account, Submission, SubmissionState};
use gateway_core::{Store, StoreError};
use protocol::metrology::keys::Hash;

use super::Gateway;
use super::accounts::lineage;
use super::again::Again;
use crate::Failure;
use crate::answers::find_bill;
use crate::api::{Answer, Event, StandingInfo, SubmissionInfo, Submissions};
use crate::commands::now;
use crate::provider::{ProviderError, Retry, SubmitAnswer};

/// First pause after a bill could not be sent; it doubles with each attempt.
const FIRST_PAUSE: i64 = 60;
/// The longest pause.
const LONGEST_PAUSE: i64 = 6 * 3600;

impl Gateway {
    /// Sends the bills whose time has come.
    pub(super) async fn send_waiting(&self) -> Result<(), Failure> {
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
        if self.keeper.run(move |store| waits_for_another(store, &digest)).await? {
            return Ok(());
        }
        let bill = self.keeper.run(move |store| store.bill(&digest)).await?;
        let package =
            bill.ok_or_else(|| Failure::could_not("damaged-store", "a bill on its way is not in the store"))?.package;
        let mut answer = self.send_under(&account, &package).await?;
        if let Err(ProviderError::NotEnrolled(_)) = answer
            && let Some(account) = self.rekeyed(&account).await?
        {
            answer = self.send_under(&account, &package).await?;
        }
        if submission.standing.is_some() && is_withdrawn(&answer) {
            match self.make_again(&account, &submission).await {
                Ok(Again::Made) => return Ok(()),
                Ok(Again::NotWanted) => settle(&mut submission, answer.map(|a| a.receipt_bytes), now()),
                Err(failure) => {
                    let why =
                        format!("the provider has withdrawn its tariff, and it cannot be made again yet: {failure}");
                    postpone(&mut submission, why, LONGEST_PAUSE, now());
                }
            }
        } else {
            settle(&mut submission, answer.map(|answer| answer.receipt_bytes), now());
        }
        let told = Event::Submitted {
            digest: hex::encode(digest),
            state: submission.state.name().into(),
            message: submission.message.clone().unwrap_or_default(),
        };
        // Another attempt may have ended meanwhile, and have said what counts.
        if self.keeper.run(move |store| store.set_submission(&submission)).await? {
            self.tell(told);
        }
        Ok(())
    }

    /// One attempt, under the account's key as it was read.
    async fn send_under(
        &self,
        account: &Account,
        package: &[u8],
    ) -> Result<Result<SubmitAnswer, ProviderError>, Failure> {
        let client = self.client(account).await?;
        let answer = client.submit(package).await;
        self.remember(account.id, &client).await?;
        Ok(answer.and_then(|answer| {
            if account.contract.as_ref().is_none_or(|contract| *contract == answer.receipt.contract) {
                Ok(answer)
            } else {
                Err(ProviderError::BadAnswer("the receipt is for another contract than this account's"))
            }
        }))
    }

    pub(super) async fn submit(&self, bill: &str, account: Option<i64>) -> Result<Answer, Failure> {
        let account = self.enrolled(account).await?;
        let wanted = bill.to_owned();
        let digest = self.keeper.run(move |store| find_bill(store, &wanted)).await?;
        let id = account.id;
        self.keeper.run(move |store| check_recipient(store, &account, &digest)).await?;
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
}

fn is_withdrawn(answer: &Result<SubmitAnswer, ProviderError>) -> bool {
    matches!(answer, Err(ProviderError::Rejected { code, .. }) if code == "withdrawn-tariff")
}

/// Whether a bill is to be sent at this look. No pause is longer than the longest: a time further ahead was noted by a clock
/// that was wrong, and holds nothing up.
fn is_ripe(submission: &Submission, at: i64) -> bool {
    let due = submission.due_at <= at || submission.due_at > at.saturating_add(LONGEST_PAUSE);
    submission.state == SubmissionState::Waiting && due
}

/// What became of an attempt, written into the submission. Only the provider's own word on the bill settles it.
fn settle(submission: &mut Submission, answer: Result<Vec<u8>, ProviderError>, at: i64) {
    match answer {
        Ok(receipt) => {
            submission.attempts = submission.attempts.saturating_add(1);
            submission.state = SubmissionState::Accepted;
            submission.receipt = Some(receipt);
            submission.message = Some("the provider has booked it".into());
            submission.settled_at = Some(at);
        }
        Err(error) if error.is_verdict() => refuse(submission, error.to_string(), at),
        Err(error) => {
            let wished = match error.retry() {
                Retry::After(seconds) => i64::try_from(seconds).unwrap_or(LONGEST_PAUSE),
                // A person has to do something first, here or there.
                Retry::Never => 3600,
            };
            postpone(submission, error.to_string(), wished, at);
        }
    }
}

pub(super) fn refuse(submission: &mut Submission, why: String, at: i64) {
    submission.attempts = submission.attempts.saturating_add(1);
    submission.state = SubmissionState::Refused;
    submission.message = Some(why);
    submission.settled_at = Some(at);
}

/// It is sent again after the pause that is wished for, or a longer one when it was tried often.
fn postpone(submission: &mut Submission, why: String, wished: i64, at: i64) {
    submission.attempts = submission.attempts.saturating_add(1);
    submission.message = Some(why);
    let doubled = FIRST_PAUSE.saturating_mul(1 << submission.attempts.saturating_sub(1).min(12));
    submission.due_at = at.saturating_add(doubled.max(wished).min(LONGEST_PAUSE));
}

/// A bill goes to the provider that set its tariff and to nobody else: another would learn what is owed there.
fn check_recipient(store: &Store, account: &Account, digest: &Hash) -> Result<(), Failure> {
    let damaged =
        || Failure::could_not("damaged-store", "a kept bill or tariff cannot be read; restore the store from a backup");
    let bill = store.bill(digest)?.ok_or_else(damaged)?;
    let provider = store.tariff_provider(&bill.tariff)?.ok_or_else(damaged)?;
    if lineage(store, account)?.knows(&provider) {
        return Ok(());
    }
    Err(Failure::refused("other-provider", "this bill is for another provider than the account's; it was not sent"))
}

/// Whether a bill goes on from one that is still on its way: sent before it, it would be refused for good.
fn waits_for_another(store: &Store, digest: &Hash) -> Result<bool, StoreError> {
    let Some(before) = store.state(digest)?.and_then(|state| state.continues) else { return Ok(false) };
    Ok(store.submission(&before)?.is_some_and(|submission| submission.state == SubmissionState::Waiting))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::service::revocation::RevocationError;
    use protocol::service::succession::LineageError;
    use protocol::wire::WireError;

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

    #[test]
    fn what_may_pass_never_settles_a_bill() {
        for error in [
            ProviderError::WrongPin,
            ProviderError::Lineage(LineageError::Wire(WireError::TooLong("succession"))),
            ProviderError::Lineage(LineageError::Forked),
            ProviderError::Revocations(RevocationError::Future),
            ProviderError::Revocations(RevocationError::OtherKey),
            ProviderError::Revocations(RevocationError::Older { found: 1, seen: 2 }),
            ProviderError::BadAnswer("the receipt is not this provider's for this bill"),
            ProviderError::NotEnrolled("no such key".into()),
            ProviderError::NoRandomness,
        ] {
            let mut submission = waiting();
            settle(&mut submission, Err(error.clone()), 1000);
            assert_eq!((submission.state, submission.settled_at), (SubmissionState::Waiting, None), "{error}");
            assert!(submission.due_at >= 1000 + FIRST_PAUSE && submission.due_at <= 1000 + LONGEST_PAUSE, "{error}");
            assert_eq!(submission.message, Some(error.to_string()));
        }
    }
}
