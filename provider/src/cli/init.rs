//! `init`: a home with a new signing key.

use clap::Args;
use protocol::show;
use protocol::tariff::Provider;
use provider::identity::{Identity, KEY_FILE, PUBLIC_FILE};
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern init --name \"Fern Energy\"";

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The name that stands in tariffs; without it, the beginning of the fingerprint
    #[arg(long)]
    name: Option<String>,
}

#[derive(Serialize)]
struct Created {
    home: String,
    name: String,
    key: String,
    fingerprint: String,
}

impl Init {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        let path = home.path();
        let Provider { name, key } = Identity::create(path, self.name.as_deref())?.provider();
        let created = Created {
            home: path.display().to_string(),
            fingerprint: show::fingerprint(&key),
            key: show::hex(&key),
            name,
        };
        let text = format!(
            "{} can sign tariffs.\n  fingerprint {}\n  public key  {}\nGive {PUBLIC_FILE} to households; keep a copy of {KEY_FILE} in a safe place.",
            created.name, created.fingerprint, created.key
        );
        Answer::new(text, &created)
    }
}
