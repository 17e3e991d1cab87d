//! Accounts with providers: enrolment, tariffs, keys, commands.

use super::Gateway;
use crate::Failure;
use crate::api::{AccountAdd, AccountInfo, Accounts, Answer, CommandInfo, Commands};
use protocol::service::command::CommandReceipt;
use protocol::show;

impl Gateway {
    pub(super) async fn accounts(&self) -> Result<Answer, Failure> {
        let accounts = self
            .keeper
            .run(|store| {
                let mut list = Vec::new();
                for account in store.accounts()? {
                    let provider = store.provider(&account.provider)?.unwrap_or_default();
                    list.push(AccountInfo {
                        account: account.id,
                        provider,
                        fingerprint: show::fingerprint(&account.provider),
                        address: account.address,
                        contract: account.contract,
                    });
                }
                Ok::<_, gateway_core::StoreError>(list)
            })
            .await?;
        Ok(Answer::Accounts(Accounts { accounts }))
    }

    pub(super) async fn add_account(&self, _add: AccountAdd) -> Result<Answer, Failure> {
        self.accounts().await
    }

    pub(super) async fn rotate_key(&self, _account: i64) -> Result<Answer, Failure> {
        self.accounts().await
    }

    pub(super) async fn tariffs(&self, _account: i64) -> Result<Answer, Failure> {
        self.accounts().await
    }

    pub(super) async fn commands(&self) -> Result<Answer, Failure> {
        let commands = self
            .keeper
            .run(|store| {
                let meters = store.meters()?;
                let list = store.commands()?.into_iter().map(|command| CommandInfo {
                    meter: meters.iter().find(|m| m.id == command.meter).map_or_else(String::new, |m| m.name.clone()),
                    sequence: command.sequence,
                    action: String::new(),
                    outcome: command
                        .receipt
                        .and_then(|bytes| CommandReceipt::read(&bytes).ok())
                        .map(|receipt| receipt.outcome.name().to_owned()),
                    delivered: command.delivered,
                });
                Ok::<_, gateway_core::StoreError>(list.collect())
            })
            .await?;
        Ok(Answer::Commands(Commands { commands }))
    }
}
