//! What may be said after `wattseal publish`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{first_line, whole};
use crate::Failure;
use crate::api::{PublishAdd, Request, UnknownWhat, What};

/// Publishing to Home Assistant.
#[derive(Subcommand)]
pub enum PublishCommand {
    /// Publish to a broker, or change what is published there
    #[command(
        after_help = "Examples:\n  wattseal publish add mqtt://localhost\n  wattseal publish add mqtts://ha@broker.lan --authority ca.pem --password-file pw --what import,export,gas --every 900\n\nWhoever may read that broker sees what is published; `wattseal publish list` says exactly what that is."
    )]
    Add {
        /// mqtt://[user@]host[:1883], or mqtts://[user@]host[:8883]
        address: String,
        /// File with the password at the broker
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// File with the certificate of the broker's authority
        #[arg(long, value_name = "FILE")]
        authority: Option<PathBuf>,
        /// power, import, export, gas, water, heat; now stands for all of them
        #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "now")]
        what: Vec<Chosen>,
        /// Home Assistant's discovery prefix
        #[arg(long, default_value = "homeassistant")]
        prefix: String,
        /// Seconds between two messages of one value, at least
        #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=3600))]
        every: u32,
        /// The broker may be outside of the home: its readers then see when people are at home
        #[arg(long)]
        not_local: bool,
    },
    /// List where something is published, and exactly what
    List,
    /// Stop publishing to a broker, and take back what it keeps
    Remove {
        /// Its number
        publication: i64,
        /// Leave what the broker keeps where it is, when the broker is gone for good
        #[arg(long)]
        forget: bool,
    },
}

/// One kind of value, or all.
#[derive(Clone, Copy, Debug)]
pub struct Chosen(Option<What>);

impl std::str::FromStr for Chosen {
    type Err = UnknownWhat;

    fn from_str(text: &str) -> Result<Self, UnknownWhat> {
        if text == "now" { Ok(Self(None)) } else { text.parse().map(|what| Self(Some(what))) }
    }
}

/// What a command asks of a gateway.
pub(super) fn request(command: PublishCommand) -> Result<Request, Failure> {
    Ok(match command {
        PublishCommand::List => Request::Publications,
        PublishCommand::Remove { publication, forget } => Request::RemovePublication { publication, forget },
        PublishCommand::Add { address, password_file, authority, what, prefix, every, not_local } => {
            let all = what.iter().any(|chosen| chosen.0.is_none());
            Request::AddPublication(PublishAdd {
                address,
                password: password_file.as_deref().map(first_line).transpose()?,
                authority: authority.as_deref().map(whole).transpose()?,
                what: if all { What::ALL.to_vec() } else { what.into_iter().filter_map(|chosen| chosen.0).collect() },
                prefix: Some(prefix),
                every: Some(every),
                not_local,
            })
        }
    })
}
