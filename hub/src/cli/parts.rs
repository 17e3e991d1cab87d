//! What may be said after `wattseal account`, `bills`, `circuits`, `line`, `standing` and `bill`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::api::ProofKind;

/// Bills that were made.
#[derive(Subcommand)]
pub enum BillsCommand {
    /// Write a bill's file again, exactly as it left
    Save {
        /// Digest of the bill, or its first digits
        bill: String,
        /// Where it is written
        out: PathBuf,
    },
}

/// Lines to meters.
#[derive(Subcommand)]
pub enum LineCommand {
    /// Add a line, or change its sign-in
    #[command(
        after_help = "Examples:\n  wattseal line add serial:/dev/serial/by-id/usb-FTDI_P1-if00-port0\n  wattseal line add tcp://192.168.1.20:4059\n  wattseal line add serial:/dev/serial/by-id/usb-FTDI_P1-if00-port0 --meter dsmr-5\n  wattseal line add mqtts://home@broker.lan/wattseal/M-1 --authority ca.pem --password-file pw"
    )]
    Add {
        /// serial:/dev/…, tcp://host:port, mqtt://[user@]host[:port]/TOPIC or mqtts://…
        address: String,
        /// File with the password at the broker
        #[arg(long)]
        password_file: Option<PathBuf>,
        /// File with the certificate of the broker's authority
        #[arg(long)]
        authority: Option<PathBuf>,
        /// A plain market meter of this profile, as `wattseal meters` lists them; without it, a meter that seals
        #[arg(long, value_name = "PROFILE")]
        meter: Option<String>,
        /// Minutes of a slot of a plain meter: 15, 30 or 60
        #[arg(long, value_name = "MINUTES", requires = "meter")]
        interval: Option<u32>,
        /// File with the key that opens a plain meter's telegrams, in hexadecimal digits
        #[arg(long, value_name = "FILE", requires = "meter")]
        meter_key_file: Option<PathBuf>,
        /// File with the authentication key beside it
        #[arg(long, value_name = "FILE", requires = "meter_key_file")]
        meter_auth_key_file: Option<PathBuf>,
        /// The key that checks records which the meter signs, in hexadecimal digits
        #[arg(long, value_name = "HEX", requires = "meter")]
        meter_public_key: Option<String>,
    },
    /// List lines and how they are
    List,
    /// Forget a line; what came over it stays
    Remove {
        /// Its number
        line: i64,
    },
}

/// Circuits.
#[derive(Subcommand)]
pub enum CircuitsCommand {
    /// Fetch and check those that a provider takes bills by: a minute or more for each
    #[command(after_help = "Example:\n  wattseal circuits fetch")]
    Fetch {
        /// Only these
        names: Vec<String>,
        /// The account, when there are several
        #[arg(long)]
        account: Option<i64>,
    },
    /// Check proving parameters from a file and keep them: a minute or more
    #[command(
        after_help = "Example:\n  wattseal circuits add energy-30.proving --powers energy-30.powers\n\nEvery point is compared with what the powers of tau and the circuit make of it. Parameters of another form\ncould make proofs that tell readings."
    )]
    Add {
        /// The parameters
        parameters: PathBuf,
        /// The powers of tau that they rest on: a public ceremony's response file, or a demonstration's
        #[arg(long)]
        powers: PathBuf,
    },
    /// Make parameters on this machine, for trying out; nobody else has a reason to trust them
    #[command(after_help = "Example:\n  wattseal circuits make energy-30")]
    Make {
        /// The circuit's name
        name: String,
    },
    /// Forget a circuit and remove its parameters
    Remove {
        /// Its name, or the digits that the list shows beside it
        circuit: String,
    },
}

/// Which proof a bill carries.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum ProofChoice {
    /// Private when a circuit is here that the provider takes bills by, or when the tariff needs one; else linear
    #[default]
    Auto,
    /// The sum of each energy line leaves, and a short proof
    Linear,
    /// Only the amount due leaves, with a zero-knowledge proof
    Private,
}

impl From<ProofChoice> for ProofKind {
    fn from(choice: ProofChoice) -> Self {
        match choice {
            ProofChoice::Auto => Self::Auto,
            ProofChoice::Linear => Self::Linear,
            ProofChoice::Private => Self::Private,
        }
    }
}

/// Accounts with providers.
#[derive(Subcommand)]
pub enum AccountCommand {
    /// Enrol with a provider
    #[command(
        after_help = "Examples:\n  wattseal account add service.example:8443 --provider-key 5f…\n  wattseal account add service.example:8443 --provider-key 5f… --meter POWER-1\n\nThe provider's key stands in your contract or letter. The one-time code is asked for, or read from standard input."
    )]
    Add {
        /// Host and port of its service
        address: String,
        /// Its key, 64 hexadecimal digits
        #[arg(long)]
        provider_key: String,
        /// The meter that this provider bills, by the name that is printed on it; may be given several times. Needed when
        /// this home has several: a provider learns of no other
        #[arg(long = "meter", value_name = "NAME")]
        meters: Vec<String>,
    },
    /// List accounts
    List,
    /// List the tariffs that a provider publishes
    #[command(after_help = "Example:\n  wattseal account tariffs")]
    Tariffs {
        /// The account, when there are several
        account: Option<i64>,
    },
    /// Forget an account that never enrolled
    #[command(after_help = "Example:\n  wattseal account remove 2")]
    Remove {
        /// The account
        account: i64,
    },
    /// Give the provider a new key for this home
    RotateKey {
        /// The account
        account: i64,
    },
}

/// Standing submissions.
#[derive(Subcommand)]
pub enum StandingCommand {
    /// Begin one
    #[command(
        after_help = "Example:\n  wattseal standing add --tariff two-band --from 2026-03\n\nThe time of sending is fixed beforehand and does not depend on any reading."
    )]
    Add {
        /// The tariff's name in the provider's list
        #[arg(long)]
        tariff: String,
        /// The first month, as 2026-03
        #[arg(long)]
        from: String,
        /// The account, when there are several
        #[arg(long)]
        account: Option<i64>,
        /// Hours after the end of a month at which its bill is sent
        #[arg(long, default_value = "30", value_parser = clap::value_parser!(u32).range(0..=720))]
        after_hours: u32,
        /// Send what each register took, too, certified
        #[arg(long)]
        totals: bool,
    },
    /// End one; what was sent stays sent
    End {
        /// Its number
        standing: i64,
    },
}

/// What `wattseal bill` takes.
#[derive(Args)]
pub struct BillArgs {
    /// Which bill.
    #[command(flatten)]
    pub terms: BillTerms,
    /// Where the bill is written
    #[arg(long)]
    pub out: PathBuf,
}

/// Which bill.
#[derive(Args)]
pub struct BillTerms {
    /// The provider's signed tariff
    #[arg(long)]
    pub tariff: PathBuf,
    /// Start: RFC 3339, or a date in the tariff's zone
    #[arg(long)]
    pub from: String,
    /// End, not included
    #[arg(long)]
    pub to: String,
    /// The meter's identity key (hex), when several meters have the register
    #[arg(long)]
    pub meter: Option<String>,
    /// Bill a period with unmeasured intervals, marked as incomplete
    #[arg(long)]
    pub allow_incomplete: bool,
    /// The provider's key (hex); the tariff must be signed by it
    #[arg(long)]
    pub provider_key: Option<String>,
    /// A nonce the provider asked for (32 hex digits)
    #[arg(long)]
    pub nonce: Option<String>,
    /// Digest (hex) of the bill that this one corrects
    #[arg(long)]
    pub corrects: Option<String>,
    /// Add what each register took in the period, certified: it leaves with the bill
    #[arg(long)]
    pub totals: bool,
    /// Which proof it carries
    #[arg(long, value_enum, default_value_t)]
    pub proof: ProofChoice,
    /// Begin anew under a tariff that carries numbers from bill to bill; the provider must agree
    #[arg(long)]
    pub restart_state: bool,
}

/// What left this home, and what more may.
#[derive(Subcommand)]
pub enum LedgerCommand {
    /// List what left this home, newest first
    #[command(after_help = "Example:\n  wattseal ledger history --limit 20")]
    History {
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show what was spent and what is left, by day, week and month
    #[command(
        after_help = "Example:\n  wattseal ledger budget\n\nEvery answer costs bits: as many as the number that leaves can take values when the readings of that time change."
    )]
    Budget,
    /// Say what a bill would tell, and whether it may leave; nothing is computed and nothing leaves
    #[command(
        after_help = "Example:\n  wattseal ledger explain --tariff green.tariff --from 2026-03-01 --to 2026-04-01"
    )]
    Explain(BillTerms),
}
