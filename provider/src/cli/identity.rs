//! `identity`: the provider's key and its successors.

use clap::Subcommand;
use protocol::show;
use provider::identity::{Identity as Keys, SUCCESSIONS_FILE};
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};
use super::times;

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern identity show
  wattseal-provider --home ~/fern identity rotate --old-until 2026-05-01T12:00:00Z";

/// Seconds for which the old key still speaks without --old-until: requests that are running finish under it.
const IN_FLIGHT: u64 = 600;

#[derive(Debug, Subcommand)]
pub(super) enum Identity {
    /// Show the present key and those before it
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern identity show")]
    Show,
    /// Replace the identity key; the old one signs the hand-over, which households follow
    #[command(after_help = ROTATE_EXAMPLE)]
    Rotate {
        /// First moment of which the old key's word counts no more, when it was stolen: RFC 3339, or a date in UTC;
        /// without it, ten minutes from now, for requests that are running
        #[arg(long, value_name = "TIME")]
        old_until: Option<String>,
    },
}

const ROTATE_EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern identity rotate

The new key is the present one at once: tariffs are signed by it, the service shows it and publishes the hand-over.
Tariffs that the old key signed stay good for their periods. The old secret is gone from the home afterwards; restore no
backup of it.";

#[derive(Serialize)]
struct IdentityRow {
    name: String,
    key: String,
    fingerprint: String,
    former: Vec<String>,
    successions: Vec<String>,
}

impl Identity {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        let identity = match self {
            Self::Show => home.identity()?,
            Self::Rotate { old_until } => {
                let now = times::seconds();
                let until = old_until.as_deref().map(|text| times::moment(text, &times::zone(None)?)).transpose()?;
                Keys::rotate(home.path(), now, until.unwrap_or(now.saturating_add(IN_FLIGHT)))?.identity
            }
        };
        let provider = identity.provider();
        let mut former: Vec<String> = identity.keys().iter().map(|key| show::hex(key)).collect();
        former.pop();
        let row = IdentityRow {
            fingerprint: show::fingerprint(&provider.key),
            key: show::hex(&provider.key),
            name: provider.name,
            former,
            successions: identity.successions().iter().map(|message| show::hex(message)).collect(),
        };
        let mut text = format!("{}\n  fingerprint {}\n  public key  {}", row.name, row.fingerprint, row.key);
        if !row.former.is_empty() {
            text.push_str(&format!(
                "\n  after {} keys before it; hand-overs are in {SUCCESSIONS_FILE}",
                row.former.len()
            ));
        }
        Answer::new(text, &row)
    }
}
