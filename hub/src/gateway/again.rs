//! A month whose tariff the provider has withdrawn is made again under the one that it offers now.

use gateway_core::store::{Account, Submission, SubmissionState};
use gateway_core::{Store, StoreError};
use protocol::metrology::keys::Hash;
use protocol::time::Span;

use super::Gateway;
use super::due::keep;
use super::send::refuse;
use crate::Failure;
use crate::api::Event;
use crate::commands::now;

const MADE_AGAIN: &str =
    "the provider has withdrawn the tariff; the month was made again under the one that it offers now";

/// What became of a month whose tariff was withdrawn.
pub(super) enum Again {
    /// A new bill is on its way.
    Made,
    /// The standing submission has ended, or the month has another bill.
    NotWanted,
}

impl Gateway {
    /// Makes the month of a bill, whose tariff was withdrawn, again under the one that the provider offers now. The new bill
    /// takes the old one's place in one step.
    pub(super) async fn make_again(&self, account: &Account, submission: &Submission) -> Result<Again, Failure> {
        let (old, id) = (submission.bill, submission.standing);
        let found = self
            .keeper
            .run(move |store| {
                let standing = store.standing()?.into_iter().find(|s| Some(s.id) == id && s.ended_at.is_none());
                Ok::<_, StoreError>(standing.zip(store.bill(&old)?))
            })
            .await?;
        let Some((standing, bill)) = found else { return Ok(Again::NotWanted) };
        let (tariff, message) = self.tariff_for(account, &standing.tariff, bill.period.from).await?;
        if tariff.hash == bill.tariff {
            return Err(Failure::refused("withdrawn-tariff", "the provider offers the same tariff still; ask it"));
        }
        let computed = self.compute(tariff.clone(), bill.period, &standing).await?;
        let made = self
            .keeper
            .run(move |store| {
                let months = Span { from: bill.period.from, until: bill.period.from.saturating_add(1) };
                // It was given up before, its month was made again, and somebody sends it once more.
                if store.last_month_billed(standing.account, &standing.tariff, &months, Some(&old))?.is_some() {
                    return Ok(None);
                }
                let and = |store: &Store| replace(store, &old);
                keep(store, &tariff, &message, &bill.period, &standing, &computed, and).map(Some)
            })
            .await?;
        let Some(digest) = made else { return Ok(Again::NotWanted) };
        self.tell(Event::Submitted { digest: hex::encode(old), state: "refused".into(), message: MADE_AGAIN.into() });
        self.tell(Event::BillMade { digest: hex::encode(digest) });
        Ok(Again::Made)
    }
}

/// Gives up a bill that waits, for the one that is kept in the same transaction.
fn replace(store: &Store, old: &Hash) -> Result<(), Failure> {
    let waiting = store.submission(old)?.filter(|s| s.state == SubmissionState::Waiting);
    let mut given_up = waiting.ok_or_else(|| {
        Failure::could_not("settled", "the bill was settled while it was made again; nothing was changed")
    })?;
    refuse(&mut given_up, MADE_AGAIN.into(), now());
    store.set_submission(&given_up)?;
    Ok(())
}
