//! `tls`: the certificates of the service, their change and their revocation.

use std::path::PathBuf;

use clap::Subcommand;
use jiff::tz::TimeZone;
use protocol::show;
use provider::files;
use provider::ledger::LeafEntry;
use provider::tls::{Leaf, TlsError, root};
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};
use super::times;

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern tls rotate
  wattseal-provider --home ~/fern tls revoke";

const REVOKE_EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern tls revoke
  wattseal-provider --home ~/fern tls revoke --certificate 3f09a1b2 --since 2026-05-01";

const DAY: u64 = 86_400;
/// As long as a certificate may be good for.
const MOST_DAYS: u64 = 397;

#[derive(Debug, Subcommand)]
pub(super) enum Tls {
    /// Show the certificate in use
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern tls show")]
    Show,
    /// Make a new certificate with a new key; the old one stays good until its date unless it is revoked
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern tls rotate --days 30")]
    Rotate {
        /// Days that it is good for
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u64).range(2..=MOST_DAYS))]
        days: u64,
        /// Revoke the old one from this time on: RFC 3339, or a date in UTC
        #[arg(long, value_name = "TIME")]
        revoke_old: Option<String>,
    },
    /// Revoke a certificate, at once or from a time on; for the one in use a new one is made
    #[command(after_help = REVOKE_EXAMPLE)]
    Revoke {
        /// First moment at which it must not be accepted; without it, now
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Which one, by at least 8 digits of what `tls list` shows, or all 64; without it, the one in use
        #[arg(long, value_name = "HEX", value_parser = digits)]
        certificate: Option<String>,
    },
    /// Show every certificate that was issued
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern tls list")]
    List,
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
            Self::Revoke { since, certificate } => {
                let since = since.as_deref().map(|text| times::moment(text, &times::zone(None)?)).transpose()?;
                revoke(home, certificate.as_deref(), since.unwrap_or(times::seconds()))
            }
            Self::List => list(home),
            Self::Root { out } => {
                let pem = root(&home.identity()?, times::seconds())?;
                files::write(out, pem.as_bytes())?;
                Answer::new(format!("Written to {}.", out.display()), &serde_json::json!({ "out": out }))
            }
        }
    }
}

/// The certificate in use; none when there is none.
fn in_use(home: &Home) -> Result<Option<Leaf>, Failure> {
    match Leaf::load(home.path()) {
        Ok(leaf) => Ok(Some(leaf)),
        Err(TlsError::Missing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn rotate(home: &Home, days: u64, revoke_old: Option<u64>) -> Result<Answer, Failure> {
    let old = match (in_use(home), revoke_old) {
        // A file that cannot be read cannot be revoked by it; it is replaced all the same.
        (Err(_), None) => None,
        (old, _) => old?,
    };
    replace(home, days.saturating_mul(DAY), old.as_ref().zip(revoke_old))
}

/// What is to be revoked is revoked before its file is replaced, and what is to be used is noted before it is: cut short
/// anywhere, the ledger can name both. A service that finds its certificate revoked makes a new one by itself.
fn replace(home: &Home, seconds: u64, revoke: Option<(&Leaf, u64)>) -> Result<Answer, Failure> {
    let leaf = Leaf::issue(&home.identity()?, times::seconds(), seconds)?;
    let mut ledger = home.ledger()?;
    if let Some((old, since)) = revoke {
        ledger.revoke_leaf(&old.hash(), since, old.from, old.until)?;
    }
    ledger.note_leaf(&leaf.hash(), leaf.from, leaf.until)?;
    leaf.store(home.path())?;
    shown(&leaf, revoke.map(|(old, since)| (old.hash(), since)))
}

fn revoke(home: &Home, certificate: Option<&str>, since: u64) -> Result<Answer, Failure> {
    let Some(digits) = certificate else {
        let old = in_use(home)?.ok_or_else(|| {
            Failure::refused("no-certificate", "no certificate is in use; name one with --certificate, see `tls list`")
        })?;
        return replace(home, old.span(), Some((&old, since)));
    };
    let mut ledger = home.ledger()?;
    let mut found = ledger.leaves(digits)?;
    let now = times::seconds();
    let entry = match (found.pop(), found.is_empty()) {
        (Some(entry), true) => entry,
        (Some(_), false) => {
            return Err(Failure::refused(
                "several-certificates",
                "several certificates begin with these digits; give more",
            ));
        }
        // One that this ledger never noted is named whole, and published for as long as any may live.
        (None, _) => match whole(digits) {
            Some(certificate) => {
                LeafEntry { certificate, from: now, until: now.saturating_add(MOST_DAYS * DAY), revoked_since: None }
            }
            None => {
                let message = "no certificate begins with these digits; see `tls list`, or give all 64";
                return Err(Failure::refused("no-such-certificate", message));
            }
        },
    };
    if let Some(leaf) = in_use(home).ok().flatten().filter(|leaf| leaf.hash() == entry.certificate) {
        return replace(home, leaf.span(), Some((&leaf, since)));
    }
    ledger.revoke_leaf(&entry.certificate, since, entry.from, entry.until)?;
    let row = IssuedRow::of(&LeafEntry { revoked_since: Some(since), ..entry }, &times::zone(None)?);
    Answer::new(row.line(), &row)
}

fn whole(digits: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash).ok().map(|()| hash)
}

fn digits(text: &str) -> Result<String, String> {
    let fit = (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if fit { Ok(text.to_owned()) } else { Err("takes 8 to 64 hexadecimal digits".into()) }
}

/// A certificate that was issued once.
#[derive(Serialize)]
struct IssuedRow {
    certificate: String,
    issued: String,
    until: String,
    revoked_from: Option<String>,
}

impl IssuedRow {
    fn of(entry: &LeafEntry, zone: &TimeZone) -> Self {
        Self {
            certificate: show::hex(&entry.certificate),
            issued: times::local(entry.from, zone),
            until: times::local(entry.until, zone),
            revoked_from: entry.revoked_since.map(|since| times::local(since, zone)),
        }
    }

    fn line(&self) -> String {
        let revoked = self.revoked_from.as_ref().map(|at| format!("  revoked from {at}")).unwrap_or_default();
        format!("{}  {} to {}{revoked}", self.certificate, self.issued, self.until)
    }
}

#[derive(Serialize)]
struct IssuedList {
    certificates: Vec<IssuedRow>,
}

fn list(home: &Home) -> Result<Answer, Failure> {
    let utc = times::zone(None)?;
    let certificates: Vec<_> = home.ledger()?.leaves("")?.iter().map(|entry| IssuedRow::of(entry, &utc)).collect();
    let lines: Vec<_> = certificates.iter().map(IssuedRow::line).collect();
    let text = if lines.is_empty() { "No certificate was issued yet.".to_owned() } else { lines.join("\n") };
    Answer::new(text, &IssuedList { certificates })
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
