//! What may be said on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use drivers::plain::Protocol;

use super::beside::BesideArgs;
use super::parts::{
    AccountCommand, BillArgs, BillsCommand, CircuitsCommand, LedgerCommand, LineCommand, StandingCommand,
};
use super::publish::PublishCommand;
use crate::commands::{DetectArgs, KeysCommand, SheetArgs};

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
    /// Decode recorded telegrams of a plain meter, without storing anything
    #[command(
        after_help = "Examples:\n  wattseal decode --protocol dsmr-p1 telegram.txt --json\n  wattseal decode --protocol dlms-han --key 00112233445566778899aabbccddeeff push.hex\n\nOne line for each telegram; exit code 1 when none was accepted."
    )]
    Decode {
        /// dsmr-p1, dlms-han, sml, teleinfo, d0, ocmf or mqtt
        #[arg(long, value_name = "NAME")]
        protocol: Protocol,
        /// The key that opens encrypted telegrams, 32 hexadecimal digits
        #[arg(long, value_name = "HEX")]
        key: Option<String>,
        /// The authentication key beside it
        #[arg(long, value_name = "HEX", requires = "key")]
        auth_key: Option<String>,
        /// The key that checks signed records (OCMF)
        #[arg(long, value_name = "HEX")]
        public_key: Option<String>,
        /// The topic that an MQTT payload was published on
        #[arg(long, value_name = "T", default_value = "")]
        topic: String,
        /// The telegram: text, hexadecimal digits or bytes
        file: PathBuf,
    },
    /// List the meters and bridges that can be read, or show how one is connected
    #[command(after_help = "Examples:\n  wattseal meters\n  wattseal meters --country NL\n  wattseal meters dsmr-5")]
    Meters {
        /// Only those of this country, as two letters
        #[arg(long, value_name = "XX")]
        country: Option<String>,
        /// Show all of this one
        name: Option<String>,
    },
    /// Look for meters on the serial ports of this machine or on a broker, and show what they say; saves nothing
    #[command(
        after_help = "Examples:\n  wattseal detect\n  wattseal detect --port /dev/ttyUSB0 --meter-key-file key.txt\n  wattseal detect --mqtt mqtt://home@broker.lan --password-file pw\n\nExit codes: 0 found, 1 nothing found, 2 wrong usage, 3 could not."
    )]
    Detect(DetectArgs),
    /// Measure what this device can do: prove and verify a month
    #[command(
        after_help = "Examples:\n  wattseal bench\n  wattseal bench energy-15 --turns 5 --json\n\nThe first time, parameters are made, which takes a minute for each circuit; they are kept in the user's cache."
    )]
    Bench {
        /// Circuits of the catalogue; energy-30 and back-off-30 when none is named
        circuits: Vec<String>,
        /// How many proofs in each
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
        turns: u32,
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
    /// Seal what a plain meter says, on a device of its own beside the meter
    SealLive(Box<BesideArgs>),
    /// Lines to meters
    #[command(subcommand)]
    Line(LineCommand),
    /// Show what the meters show at this moment
    #[command(after_help = "Example:\n  wattseal now")]
    Now,
    /// Publish what the meters show to Home Assistant, by a broker that you name; see: wattseal publish list
    #[command(subcommand)]
    Publish(PublishCommand),
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
    /// What left this home, what more may, and what an answer would tell
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Circuits: what private bills are proved with
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  wattseal circuits\n  wattseal circuits fetch\n\nA private bill shows the amount due and no sum on the way to it. Its proof is made in a circuit, whose parameters\nare large files that are checked once."
    )]
    Circuits {
        /// What to do with one.
        #[command(subcommand)]
        command: Option<CircuitsCommand>,
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
