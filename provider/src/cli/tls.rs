//! `tls` and `identity`: the keys of the service and their change.

use std::path::PathBuf;

use clap::Subcommand;
use protocol::show;
use provider::files;
use provider::identity::{Identity as Keys, SUCCESSIONS_FILE};
use provider::tls::{Leaf, TlsError, root};
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};
use super::times;

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern tls rotate
  wattseal-provider --home ~/fern tls revoke";

pub(super) const IDENTITY_EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern identity show
  wattseal-provider --home ~/fern identity rotate --old-until 2026-05-01T12:00:00Z";

const DAY: u64 = 86_400;
/// Seconds for which the old key still speaks without --old-until: requests that are running finish under it.
const IN_FLIGHT: u64 = 600;

#[derive(Debug, Subcommand)]
pub(super) enum Tls {
    /// Show the certificate in use
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern tls show")]
    Show,
    /// Make a new certificate with a new key; the old one stays good until its date unless it is revoked
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern tls rotate --days 30")]
    Rotate {
        /// Days that it is good for
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u64).range(2..=397))]
        days: u64,
        /// Revoke the old one from this time on: RFC 3339, or a date in UTC
        #[arg(long, value_name = "TIME")]
        revoke_old: Option<String>,
    },
    /// Revoke the certificate in use, at once or from a time on, and make a new one
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern tls revoke")]
    Revoke {
        /// First moment at which it must not be accepted; without it, now
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
    },
    /// Write the identity key's self-signed certificate (PEM), for tools that want a root
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern tls root --out fern-root.pem")]
    Root {
        /// Where it goes
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Serialize)]
struct LeafRow {
    certificate: String,
    until: String,
    issuer: String,
    revoked: Option<String>,
    revoked_from: Option<String>,
}

impl Tls {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        match self {
            Self::Show => shown(&Leaf::load(home.path())?, None),
            Self::Rotate { days, revoke_old } => {
                let since = revoke_old.as_deref().map(|text| times::moment(text, &times::zone(None)?)).transpose()?;
                rotate(home, *days, since)
            }
            Self::Revoke { since } => {
                let now = times::seconds();
                let since = since.as_deref().map(|text| times::moment(text, &times::zone(None)?)).transpose()?;
                rotate(home, 90, Some(since.unwrap_or(now)))
            }
            Self::Root { out } => {
                let pem = root(&home.identity()?, times::seconds())?;
                files::write(out, pem.as_bytes())?;
                Answer::new(format!("Written to {}.", out.display()), &serde_json::json!({ "out": out }))
            }
        }
    }
}

/// The old certificate is revoked after the new one stands in its place, so that the service always has a good one.
fn rotate(home: &Home, days: u64, revoke_old: Option<u64>) -> Result<Answer, Failure> {
    let (identity, now) = (home.identity()?, times::seconds());
    let old = match Leaf::load(home.path()) {
        Ok(leaf) => Some(leaf),
        Err(TlsError::Missing(_)) => None,
        // A file that cannot be read cannot be revoked by its name; it is replaced all the same.
        Err(TlsError::Damaged(_)) if revoke_old.is_none() => None,
        Err(error) => return Err(error.into()),
    };
    let leaf = Leaf::issue(&identity, now, days.saturating_mul(DAY))?;
    leaf.store(home.path())?;
    let mut revoked = None;
    if let (Some(old), Some(since)) = (old, revoke_old) {
        home.ledger()?.revoke_leaf(&old.hash(), since, old.until, times::now())?;
        revoked = Some((old.hash(), since));
    }
    shown(&leaf, revoked)
}

fn shown(leaf: &Leaf, revoked: Option<([u8; 32], u64)>) -> Result<Answer, Failure> {
    let utc = times::zone(None)?;
    let row = LeafRow {
        certificate: show::hex(&leaf.hash()),
        until: times::local(leaf.until, &utc),
        issuer: show::fingerprint(&leaf.issuer),
        revoked: revoked.map(|(hash, _)| show::hex(&hash)),
        revoked_from: revoked.map(|(_, since)| times::local(since, &utc)),
    };
    let mut text = format!("TLS certificate {}\n  good until {}", row.certificate, row.until);
    if let (Some(old), Some(since)) = (&row.revoked, &row.revoked_from) {
        text.push_str(&format!("\nRevoked {old} from {since} on."));
    }
    Answer::new(text, &row)
}

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
