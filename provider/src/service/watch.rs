//! The eye on late bills: looks on a schedule, and carries each report until its channel took it.
//!
//! The log has a report once. The webhook is tried again with growing pauses, a folder that cannot be written at the
//! next look. None of it holds up a request.

use std::sync::Arc;
use std::time::Duration;

use protocol::show;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::mail;
use super::office::Office;
use super::post::{Target, body, post};
use super::refusal::Refusal;
use crate::ledger::{Channel, Report, State};

/// Tries of one webhook call in a row.
const TRIES: u32 = 4;

/// Looks for ever.
pub(super) async fn watch(office: Arc<Office>) {
    let (posts, mails) = (office.settings.webhook.is_some(), office.settings.mail_dir.is_some());
    let begun = office.watch.run(move |ledger| {
        ledger.use_channel(Channel::Post, posts).and_then(|()| ledger.use_channel(Channel::Mail, mails))
    });
    if !matches!(begun.await, Ok(Ok(()))) {
        tracing::warn!("it could not be noted where reports go; a new place has them from the next start on");
    }
    let mut clock = interval(office.settings.check_every.max(Duration::from_secs(1)));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let renewing = Arc::clone(&office);
        // Reads and perhaps writes files: not on a thread that serves connections.
        let _ = tokio::task::spawn_blocking(move || renewing.renew(true)).await;
        if look(&office).await.is_err() {
            tracing::warn!("late bills could not be looked for; they are at the next turn");
        }
    }
}

async fn look(office: &Arc<Office>) -> Result<(), Refusal> {
    let now = (office.now)();
    for report in office.watch.run(move |ledger| ledger.check_late(now)).await?? {
        let (meter, contract) = (show::short(&report.late.meter), report.late.contract.as_str());
        let (from, until) = report.period();
        match report.state {
            State::Late => tracing::warn!(contract, meter, from, until, "a bill is late"),
            State::Resolved => tracing::info!(contract, meter, from, until, "a late bill has come"),
            State::Withdrawn => tracing::info!(contract, meter, from, until, "a late bill is expected no more"),
        }
    }
    if let Some(folder) = office.settings.mail_dir.clone() {
        for report in office.watch.run(|ledger| ledger.unsent(Channel::Mail)).await?? {
            let (folder, name) = (folder.clone(), office.held().identity.provider().name);
            let copy = report.clone();
            let written = tokio::task::spawn_blocking(move || mail::write(&folder, &name, &copy)).await;
            match written {
                Ok(Ok(())) => office.watch.run(move |ledger| ledger.sent(Channel::Mail, &report, now)).await??,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a report cannot be written as a mail");
                    break;
                }
                Err(_) => break,
            }
        }
    }
    if let Some(target) = office.settings.webhook.clone() {
        for report in office.watch.run(|ledger| ledger.unsent(Channel::Post)).await?? {
            if !carried(&target, &report).await {
                break;
            }
            office.watch.run(move |ledger| ledger.sent(Channel::Post, &report, now)).await??;
        }
    }
    Ok(())
}

async fn carried(target: &Target, report: &Report) -> bool {
    for turn in 0..TRIES {
        match post(target, body(report)).await {
            Ok(()) => return true,
            Err(error) => tracing::warn!(%error, "the webhook did not take a report"),
        }
        if turn + 1 < TRIES {
            sleep(Duration::from_secs(1 << (2 * turn))).await;
        }
    }
    false
}
