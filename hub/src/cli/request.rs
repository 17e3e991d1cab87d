//! From what was said on the command line to what a gateway is asked. Keys, passwords and codes come from files, from the
//! terminal or from standard input, never from arguments.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::args::Command;
use super::parts::{
    AccountCommand, BillTerms, BillsCommand, CircuitsCommand, LedgerCommand, LineCommand, StandingCommand,
};
use super::publish;
use crate::Failure;
use crate::api::{AccountAdd, BillAsk, CircuitAdd, LineAdd, PairAsk, PlainMeter, ReadingsAsk, Request, StandingAdd};
use crate::custody::ask;

/// What a command asks of a gateway.
///
/// # Errors
/// When a file or the terminal cannot be read.
pub(super) fn request(command: Command) -> Result<Request, Failure> {
    Ok(match command {
        Command::Stop => Request::Stop,
        Command::Pair { file: Some(file), .. } => Request::PairFile { file: whole(&file)? },
        Command::Pair { line, .. } => Request::Pair(PairAsk {
            line: line.unwrap_or_default(),
            code: secret("The code on the meter's display: ")?,
        }),
        Command::Line(LineCommand::List) => Request::Lines,
        Command::Line(LineCommand::Remove { line }) => Request::RemoveLine { line },
        Command::Line(LineCommand::Add {
            address,
            password_file,
            authority,
            meter,
            interval,
            meter_key_file,
            meter_auth_key_file,
            meter_public_key,
        }) => {
            let key = meter_key_file.as_deref().map(first_line).transpose()?;
            let authentication_key = meter_auth_key_file.as_deref().map(first_line).transpose()?;
            let public_key = meter_public_key;
            Request::AddLine(LineAdd {
                address,
                password: password_file.as_deref().map(first_line).transpose()?,
                authority: authority.as_deref().map(whole).transpose()?,
                plain: meter.map(|profile| PlainMeter { profile, interval, key, authentication_key, public_key }),
            })
        }
        Command::Now => Request::Now,
        Command::Publish(command) => publish::request(command)?,
        Command::Import { directory } => Request::Import { directory: whole(&directory)? },
        Command::Status => Request::Status,
        Command::Readings { from, to, zone, register } => Request::Readings(ReadingsAsk { from, to, zone, register }),
        Command::Bill(args) => Request::Bill(bill(args.terms, whole(&args.out)?)?),
        Command::Ledger(LedgerCommand::History { limit }) => Request::Releases { limit },
        Command::Ledger(LedgerCommand::Budget) => Request::Budgets,
        Command::Ledger(LedgerCommand::Explain(terms)) => {
            // Nothing is written.
            Request::Explain(bill(terms, PathBuf::new())?)
        }
        Command::Circuits { command: None } => Request::Circuits,
        Command::Circuits { command: Some(CircuitsCommand::Fetch { names, account }) } => {
            Request::FetchCircuits { account, names }
        }
        Command::Circuits { command: Some(CircuitsCommand::Add { parameters, powers }) } => {
            Request::AddCircuit(CircuitAdd { parameters: whole(&parameters)?, powers: whole(&powers)? })
        }
        Command::Circuits { command: Some(CircuitsCommand::Make { name }) } => Request::MakeCircuit { name },
        Command::Circuits { command: Some(CircuitsCommand::Remove { circuit }) } => Request::RemoveCircuit { circuit },
        Command::Bills { command: None } => Request::Bills,
        Command::Bills { command: Some(BillsCommand::Save { bill, out }) } => {
            Request::SaveBill { bill, out: whole(&out)? }
        }
        Command::Account(AccountCommand::List) => Request::Accounts,
        Command::Account(AccountCommand::Add { address, provider_key, meters }) => Request::AddAccount(AccountAdd {
            address,
            provider_key,
            meters,
            code: secret("The one-time code from the provider: ")?,
        }),
        Command::Account(AccountCommand::Tariffs { account }) => Request::Tariffs { account },
        Command::Account(AccountCommand::Remove { account }) => Request::RemoveAccount { account },
        Command::Account(AccountCommand::RotateKey { account }) => Request::RotateKey { account },
        Command::Submit { bill, account } => Request::Submit { bill, account },
        Command::Submissions => Request::Submissions,
        Command::Standing(StandingCommand::Add { tariff, from, account, after_hours, totals }) => {
            Request::AddStanding(StandingAdd { account, tariff, from, after_hours, totals })
        }
        Command::Standing(StandingCommand::End { standing }) => Request::EndStanding { standing },
        Command::Commands => Request::Commands,
        // What is left was done without a gateway.
        _ => return Err(Failure::refused("usage", "this command is not for a gateway")),
    })
}

fn bill(terms: BillTerms, out: PathBuf) -> Result<BillAsk, Failure> {
    Ok(BillAsk {
        tariff: whole(&terms.tariff)?,
        from: terms.from,
        to: terms.to,
        out,
        meter: terms.meter,
        allow_incomplete: terms.allow_incomplete,
        provider_key: terms.provider_key,
        nonce: terms.nonce,
        corrects: terms.corrects,
        totals: terms.totals,
        proof: terms.proof.into(),
        restart: terms.restart_state,
    })
}

/// A path that means the same to the gateway, whose working directory is another.
pub(super) fn whole(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::file(path, &error))
}

/// The first line of a file: a password.
pub(super) fn first_line(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// A one-time code from the terminal or from standard input.
fn secret(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    if ask::is_terminal() {
        ask::say(prompt);
    }
    ask::line()
}
