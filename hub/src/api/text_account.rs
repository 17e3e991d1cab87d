//! What a person reads of accounts, tariffs, bills on their way and commands.

use super::{Accounts, Commands, Submissions, Tariffs};
use crate::dates::Calendar;

pub(super) fn accounts(accounts: &Accounts) -> String {
    if accounts.accounts.is_empty() {
        return "No account with a provider yet. Enrol with: wattseal account add HOST:PORT --provider-key KEY".into();
    }
    let line = |account: &super::AccountInfo| {
        let contract = account.contract.as_ref().map_or("not enrolled yet".to_owned(), |c| format!("contract {c}"));
        format!(
            "account {}  {} ({})  {}  {contract}\n",
            account.account, account.provider, account.fingerprint, account.address
        )
    };
    accounts.accounts.iter().map(line).collect()
}

pub(super) fn tariffs(tariffs: &Tariffs) -> String {
    if tariffs.tariffs.is_empty() {
        return "The provider publishes no tariff.".into();
    }
    let line = |tariff: &super::TariffInfo| {
        format!("{}  {}  {} to {}\n", tariff.id, tariff.name, time(tariff.from), time(tariff.until))
    };
    tariffs.tariffs.iter().map(line).collect()
}

fn time(seconds: u64) -> String {
    Calendar::named("UTC").map_or_else(|_| seconds.to_string(), |calendar| calendar.show(seconds))
}

pub(super) fn submissions(submissions: &Submissions) -> String {
    let mut text = String::new();
    for submission in &submissions.submissions {
        let digest = submission.bill.get(..16).unwrap_or(&submission.bill);
        let said = submission.message.as_ref().map_or_else(String::new, |said| format!(": {said}"));
        let receipt = if submission.receipt { ", with the provider's receipt" } else { "" };
        text.push_str(&format!("{digest}  {}{receipt}{said}\n", submission.state));
    }
    for standing in submissions.standing.iter().filter(|standing| !standing.ended) {
        let said = standing.message.as_ref().map_or_else(String::new, |said| format!(": {said}"));
        text.push_str(&format!(
            "standing {}  every month under {}, next from {}{said}\n",
            standing.standing,
            standing.tariff,
            time(standing.next)
        ));
    }
    if text.is_empty() { "Nothing was sent to a provider yet.".into() } else { text }
}

pub(super) fn commands(commands: &Commands) -> String {
    if commands.commands.is_empty() {
        return "No provider has sent a command to a meter of this home.".into();
    }
    let line = |command: &super::CommandInfo| {
        let outcome = command.outcome.as_deref().unwrap_or("not yet answered by the meter");
        format!("{}  {}  {}: {outcome}\n", command.meter, command.sequence, command.action)
    };
    commands.commands.iter().map(line).collect()
}
