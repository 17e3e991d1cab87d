//! What may be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{KeysCommand, SheetArgs};

/// Keeps your meter readings at home and lets only answers leave.
#[derive(Parser)]
#[command(
    name = "wattseal",
    version,
    after_help = "Example:\n  wattseal init\n  wattseal run\n\nWithout --home the home is $STATE_DIRECTORY of a service, or ~/.local/share/wattseal.\nExit codes: 0 done, 1 refused or invalid, 2 wrong usage, 3 could not (file, network, lock)."
)]
pub struct Cli {
    /// The household's directory
    #[arg(long, global = true, env = "WATTSEAL_HOME")]
    pub home: Option<PathBuf>,
    /// The credential file that opens this home, or at init the one to make
    #[arg(long, visible_alias = "key-file", global = true, env = "WATTSEAL_KEY_FILE")]
    pub credential: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A command.
#[derive(Subcommand)]
pub enum Command {
    /// Make a home: an encrypted store, its key and the recovery sheet
    #[command(
        after_help = "Examples:\n  wattseal init\n  wattseal --home /srv/wattseal --credential /etc/wattseal.credential init --sheet sheet.txt\n\nThe key goes to the keyring unless --credential names a file. Without a keyring and without a terminal, it goes\nto HOME/hub.credential, and the sheet to HOME/recovery-sheet.txt: store and key then lie on one disk."
    )]
    Init {
        /// Keep the key in the operating system's keyring
        #[arg(long, conflicts_with = "credential")]
        keyring: bool,
        /// The sheet.
        #[command(flatten)]
        sheet: SheetArgs,
    },
    /// Show and change the ways to open this home
    #[command(args_conflicts_with_subcommands = true, after_help = "Example:\n  wattseal keys")]
    Keys {
        /// What to change.
        #[command(subcommand)]
        command: Option<KeysCommand>,
    },
    /// Open a home by its recovery sheet when its key is lost, and make a new key
    #[command(
        after_help = "Examples:\n  wattseal recover\n  wattseal --credential /etc/wattseal.credential recover < sheet.txt"
    )]
    Recover {
        /// Keep the new key in the operating system's keyring
        #[arg(long, conflicts_with = "credential")]
        keyring: bool,
    },
    /// Open this home by its recovery sheet for a while, without keeping a key on the disk
    #[command(after_help = "Example:\n  wattseal unlock --for 12h")]
    Unlock {
        /// How long: 30m, 12h, 7d
        #[arg(long = "for", default_value = "12h")]
        time: String,
    },
    /// End what unlock began
    #[command(after_help = "Example:\n  wattseal lock")]
    Lock,
    /// Write an encrypted backup, or check one
    #[command(
        after_help = "Examples:\n  wattseal backup /media/stick/home.wattseal-backup\n  wattseal backup --verify /media/stick/home.wattseal-backup"
    )]
    Backup {
        /// Where it is written; without it: HOME/backups/DATE.wattseal-backup
        file: Option<PathBuf>,
        /// Check this backup with the recovery sheet, writing nothing
        #[arg(long, conflicts_with = "file", value_name = "FILE")]
        verify: Option<PathBuf>,
    },
    /// Make a home from a backup and the recovery sheet
    #[command(after_help = "Example:\n  wattseal --home ~/new restore /media/stick/home.wattseal-backup")]
    Restore {
        /// The backup
        file: PathBuf,
        /// Keep the new key in the operating system's keyring
        #[arg(long, conflicts_with = "credential")]
        keyring: bool,
    },
    /// Run the gateway: keep lines to meters open and send what is due
    #[command(
        after_help = "Example:\n  wattseal run\n\nStops on SIGTERM, on Ctrl-C, or by `wattseal stop`. WATTSEAL_LOG=info shows what it does."
    )]
    Run {
        /// Seconds between looks for what is to be sent
        #[arg(long, default_value = "600", value_parser = clap::value_parser!(u64).range(1..=86_400))]
        look_every: u64,
    },
    /// Stop the running gateway
    #[command(after_help = "Example:\n  wattseal stop")]
    Stop,
    /// Show what happens at the running gateway
    #[command(after_help = "Example:\n  wattseal watch --json")]
    Watch,
    /// Pair with a meter: by its pairing file, or over its line by the code on its display
    #[command(
        after_help = "Examples:\n  wattseal pair meter/pairing.key\n  wattseal pair --line 1\n\nThe code is asked for, or read from standard input; it is never an argument, which others could see."
    )]
    Pair {
        /// The meter's pairing file
        #[arg(required_unless_present = "line", conflicts_with = "line")]
        file: Option<PathBuf>,
        /// The line that the meter is on
        #[arg(long)]
        line: Option<i64>,
    },
    /// Lines to meters
    #[command(subcommand)]
    Line(LineCommand),
    /// Show what the meters show at this moment
    #[command(after_help = "Example:\n  wattseal now")]
    Now,
    /// Verify and store all day blocks below a directory
    #[command(after_help = "Example:\n  wattseal import meter/")]
    Import {
        /// The directory
        directory: PathBuf,
    },
    /// Show meters, registers, gaps and what the meter reported
    #[command(after_help = "Example:\n  wattseal status --json")]
    Status,
    /// Show stored readings
    #[command(after_help = "Example:\n  wattseal readings --from 2026-03-01 --to 2026-03-02 --zone Europe/Amsterdam")]
    Readings {
        /// Start: RFC 3339, or a date in --zone
        #[arg(long)]
        from: String,
        /// End, not included
        #[arg(long)]
        to: String,
        /// Zone of bare dates and of the times shown
        #[arg(long, default_value = "UTC")]
        zone: String,
        /// Only this register
        #[arg(long)]
        register: Option<String>,
    },
    /// Compute a bill and prove it
    #[command(
        after_help = "Example:\n  wattseal bill --tariff green.tariff --from 2026-03-01 --to 2026-04-01 --out march.bill\n\nA bare date is the start of that day in the tariff's time zone. The period is half-open."
    )]
    Bill(BillArgs),
    /// List the bills that were made, or write one's file again
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  wattseal bills\n  wattseal bills save 4a1f09c2 march.bill"
    )]
    Bills {
        /// What to do with one.
        #[command(subcommand)]
        command: Option<BillsCommand>,
    },
    /// Accounts with providers
    #[command(subcommand)]
    Account(AccountCommand),
    /// Send a bill to its provider
    #[command(after_help = "Example:\n  wattseal submit 4a1f09c2")]
    Submit {
        /// Digest of the bill, or its first digits
        bill: String,
        /// The account, when there are several
        #[arg(long)]
        account: Option<i64>,
    },
    /// Show bills on their way, and standing submissions
    #[command(after_help = "Example:\n  wattseal submissions")]
    Submissions,
    /// Make and send a bill every month
    #[command(subcommand)]
    Standing(StandingCommand),
    /// Show commands of providers to the meters of this home
    #[command(after_help = "Example:\n  wattseal commands")]
    Commands,
}

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
        after_help = "Examples:\n  wattseal line add serial:/dev/serial/by-id/usb-FTDI_P1-if00-port0\n  wattseal line add tcp://192.168.1.20:4059\n  wattseal line add mqtts://home@broker.lan/wattseal/M-1 --authority ca.pem --password-file pw"
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
    },
    /// List lines and how they are
    List,
    /// Forget a line; what came over it stays
    Remove {
        /// Its number
        line: i64,
    },
}

/// Accounts with providers.
#[derive(Subcommand)]
pub enum AccountCommand {
    /// Enrol with a provider
    #[command(
        after_help = "Example:\n  wattseal account add service.example:8443 --provider-key 5f…\n\nThe provider's key stands in your contract or letter. The one-time code is asked for, or read from standard input."
    )]
    Add {
        /// Host and port of its service
        address: String,
        /// Its key, 64 hexadecimal digits
        #[arg(long)]
        provider_key: String,
    },
    /// List accounts
    List,
    /// List the tariffs that a provider publishes
    Tariffs {
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
    /// The provider's signed tariff
    #[arg(long)]
    pub tariff: PathBuf,
    /// Start: RFC 3339, or a date in the tariff's zone
    #[arg(long)]
    pub from: String,
    /// End, not included
    #[arg(long)]
    pub to: String,
    /// Where the bill is written
    #[arg(long)]
    pub out: PathBuf,
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
}
