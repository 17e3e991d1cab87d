//! `serve`: the provider as a service for households.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use protocol::show;
use protocol::verify::Policy;
use provider::ledger::{LEDGER_FILE, LEDGER_KEY_FILE};
use provider::service::{Bound, ServeError, Settings, Target, serve};
use provider::tls::LEAF_FILE;
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};
use super::times;

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern serve --listen 0.0.0.0:8443
  wattseal-provider --home ~/fern serve --webhook https://office.example/late --mail-dir /var/spool/wattseal

Households reach it under its address and know it by the provider's fingerprint, which they pin. TLS 1.3 only. Published
tariffs (`tariff publish`) and the home's circuits (`circuits list`) are offered as they stand, also when they change. It stops
on SIGTERM or SIGINT after finishing what it has begun. RUST_LOG sets what is logged, as in RUST_LOG=debug.

Exit codes: 0 stopped when asked to, 2 wrong usage, 3 could not begin";

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Where each late bill is reported once, as JSON by HTTP POST
    #[arg(long, value_name = "URL")]
    webhook: Option<Target>,
    /// Folder in which each late bill is reported once, as a mail for `sendmail -t`
    #[arg(long, value_name = "DIR")]
    mail_dir: Option<PathBuf>,
    /// How often late bills are looked for, as in 90s, 30m, 1h, 1d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = times::duration)]
    check_every: u64,
    /// Book periods with unmeasured intervals; the ledger shows them as incomplete
    #[arg(long)]
    allow_incomplete: bool,
    /// Accept only seals of certified meters
    #[arg(long)]
    require_certified: bool,
}

#[derive(Serialize)]
struct Listening {
    listening: String,
    key: String,
    fingerprint: String,
    /// Whether there was no ledger yet.
    new_ledger: bool,
}

impl Serve {
    pub(super) fn run(&self, home: &Home, json: bool) -> Result<Answer, Failure> {
        let new_ledger = begin(home)?;
        let level = tracing_subscriber::EnvFilter::try_from_default_env();
        let level = level.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
        tracing_subscriber::fmt().with_env_filter(level).with_writer(std::io::stderr).with_ansi(false).init();
        let settings = Settings {
            listen: self.listen,
            policy: Policy {
                allow_incomplete: self.allow_incomplete,
                require_certified: self.require_certified,
                ..Policy::default()
            },
            webhook: self.webhook.clone(),
            mail_dir: self.mail_dir.clone(),
            check_every: Duration::from_secs(self.check_every),
        };
        serve(home.path(), settings, times::now, |bound| announce(bound, new_ledger, json))?;
        Answer::new("Stopped.", &serde_json::json!({ "stopped": true }))
    }
}

/// Whether a new ledger was begun, as a home that never served has none yet. One that did must not begin an empty one:
/// all its households would be strangers.
fn begin(home: &Home) -> Result<bool, Failure> {
    let here = |name: &str| home.path().join(name).exists();
    home.identity()?;
    if !here(LEDGER_FILE) && (here(LEDGER_KEY_FILE) || here(LEAF_FILE)) {
        let message = format!(
            "{LEDGER_FILE} is missing from a home that had one: restore it from your backup. To go on with an empty one, \
             which knows no household, begin it with `contract list` first"
        );
        return Err(Failure::could_not("no-ledger", message));
    }
    Ok(home.ledger()?.is_new())
}

/// Says at once where the service is: whoever started it waits for this line.
fn announce(bound: &Bound, new_ledger: bool, json: bool) {
    let listening = Listening {
        listening: bound.address.to_string(),
        key: show::hex(&bound.key),
        fingerprint: bound.fingerprint.clone(),
        new_ledger,
    };
    let line = if json {
        serde_json::to_string(&listening).unwrap_or_default()
    } else {
        let new = if new_ledger { "\nThere was no ledger yet: a new one was begun." } else { "" };
        format!(
            "Listening on {}.\nGive households this fingerprint: {}{new}",
            listening.listening, listening.fingerprint
        )
    };
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Identity(error) => error.into(),
            ServeError::Tls(error) => error.into(),
            ServeError::Ledger(error) => error.into(),
            ServeError::Listen { .. } => Self::could_not("address", error.to_string()),
            ServeError::System(_) => Self::could_not("system", error.to_string()),
        }
    }
}
