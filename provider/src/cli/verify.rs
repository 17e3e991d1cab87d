//! `verify`: a bill is checked as anybody would check it, and booked.

use std::path::PathBuf;

use clap::Args;
use protocol::verify::Policy;
use protocol::verify::proved::Circuits;
use protocol::wire::MAX_MESSAGE;
use provider::circuits::CircuitFolder;
use provider::files;
use provider::judge::{Case, judge};
use verifier::{Kind, is_proved};

use super::Home;
use super::answer::{Answer, Failure};
use super::meter::contract;
use super::times;

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern verify march.bill --tariff flat.tariff
  wattseal-provider --home ~/fern verify march.bill --tariff flat.tariff --contract 4711 --json

The tariff must be signed by this provider and the bill be addressed to it. A valid bill is booked: one bill for each
meter, register and time. A proved bill is checked under the circuits of the home (`circuits list`), and must go on from the
carried values of the bill before. In JSON, \"booked\" is \"new\", \"correction\", \"already\", or null. Whatever is not booked is
recorded; see `ledger refusals`.

Exit codes: 0 valid and booked, 1 refused or invalid, 2 wrong usage, 3 could not (file, lock)";

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The bill
    bill: PathBuf,
    /// The tariff it was made under
    #[arg(long)]
    tariff: PathBuf,
    /// A meter's certificate, in place of the registry; may repeat
    #[arg(long, value_name = "CERT")]
    meter: Vec<PathBuf>,
    /// The contract that all of the bill's meters must belong to
    #[arg(long, value_name = "ID", value_parser = contract)]
    contract: Option<String>,
    /// Book a period with unmeasured intervals; the ledger shows it as incomplete
    #[arg(long)]
    allow_incomplete: bool,
    /// Exit 0 although no listed meter vouches for the bill; it is not booked
    #[arg(long)]
    allow_unattested: bool,
    /// Accept only seals of a certified meter
    #[arg(long)]
    require_certified: bool,
    /// Let a bill begin its carried values anew, or go on over a gap: whether that is right is yours to know. The ledger shows
    /// it
    #[arg(long)]
    restart_state: bool,
    /// The nonce that was asked for (32 hexadecimal digits)
    #[arg(long, value_name = "HEX", value_parser = nonce)]
    nonce: Option<[u8; 16]>,
}

fn nonce(text: &str) -> Result<[u8; 16], String> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| "takes 32 hexadecimal digits".to_owned())?;
    Ok(bytes)
}

impl Verify {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        let keys = home.identity()?.keys();
        let bill = files::read(&self.bill, MAX_MESSAGE)?;
        let tariff = files::read(&self.tariff, MAX_MESSAGE)?;
        let meters = self.meter.iter().map(|path| files::read(path, MAX_MESSAGE)).collect::<Result<Vec<_>, _>>()?;
        let mut ledger = home.ledger()?;
        // Only for bills that need them: each circuit has thousands of points to look at.
        let circuits = if is_proved(&bill) { CircuitFolder::of(home.path()).trusted()? } else { Circuits::default() };
        let case = Case {
            bill: &bill,
            tariff: &tariff,
            meters: &meters,
            contract: self.contract.as_deref(),
            household: None,
            circuits: &circuits,
            restart_state: self.restart_state,
            provider: &keys,
            policy: Policy {
                nonce: self.nonce,
                allow_incomplete: self.allow_incomplete,
                require_certified: self.require_certified,
                ..Policy::default()
            },
        };
        let judgement = judge(&mut ledger, &case, times::now())?;
        let verdict = judgement.verdict;
        let unattested = verdict.kind == Kind::OriginUnattested && self.allow_unattested;
        let passes = judgement.booked.is_some() || unattested;
        Ok(Answer::new(&verdict.text, &verdict.json)?.refused_if(!passes))
    }
}
