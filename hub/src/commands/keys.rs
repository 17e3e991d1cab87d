//! `keys …`: the ways into a home, shown and changed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use gateway_core::StoreKey;
use gateway_core::custody::{Keys, RecoveryKey, SlotKind};
use rand_core::OsRng;
use serde_json::json;

use super::{Answer, Outcome, now};
use crate::Failure;
use crate::custody::place::Place;
use crate::custody::sheet::{self, Handover};
use crate::custody::undo::Undo;
use crate::custody::unlock::Access;
use crate::custody::{ask, backup, cache, keyring, setup, unlock};
use crate::home::Home;

/// How the recovery sheet of a new key is handed over.
#[derive(Args, Clone, Debug, Default)]
pub struct SheetArgs {
    /// Write the recovery sheet to this new file instead of the screen
    #[arg(long)]
    pub sheet: Option<PathBuf>,
    /// Do not ask to type groups of the sheet again
    #[arg(long)]
    pub no_retype: bool,
}

impl SheetArgs {
    pub(super) fn handover(&self) -> Handover {
        Handover { file: self.sheet.clone(), no_retype: self.no_retype }
    }
}

/// What `wattseal keys` can do.
#[derive(Subcommand, Clone, Debug)]
pub enum KeysCommand {
    /// Add a way to open this home, or replace one
    #[command(after_help = "Example:\n  wattseal keys add credential /media/stick/wattseal.credential")]
    Add {
        /// keyring or credential
        kind: Way,
        /// The credential file; made when it does not exist
        #[arg(required_if_eq("kind", "credential"))]
        file: Option<PathBuf>,
    },
    /// Remove a way to open this home
    #[command(after_help = "Example:\n  wattseal keys remove keyring")]
    Remove {
        /// keyring or credential
        kind: Way,
    },
    /// Make a new recovery sheet; the old one opens this home no more, but still opens older backups
    #[command(after_help = "Example:\n  wattseal keys new-sheet --sheet sheet.txt")]
    NewSheet(SheetArgs),
    /// Confirm that the recovery sheet is on paper, by typing two of its groups
    #[command(after_help = "Example:\n  wattseal keys confirm")]
    Confirm,
    /// Give a home with a plain key file a new key, a recovery sheet and slots
    #[command(after_help = "Example:\n  wattseal keys upgrade --keyring")]
    Upgrade {
        /// Keep the key in the operating system's keyring
        #[arg(long)]
        keyring: bool,
        /// The sheet
        #[command(flatten)]
        sheet: SheetArgs,
    },
}

/// A way to open a home that can be added and removed.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The keyring of the operating system
    Keyring,
    /// A credential file
    Credential,
}

impl Way {
    fn kind(self) -> SlotKind {
        match self {
            Self::Keyring => SlotKind::Keyring,
            Self::Credential => SlotKind::Credential,
        }
    }
}

/// `wattseal keys`
///
/// # Errors
/// When the file of slots cannot be read or changed, or the home does not open.
pub fn keys(home: &Home, command: Option<KeysCommand>) -> Outcome {
    home.require()?;
    match command {
        None => show(home),
        Some(KeysCommand::Add { kind, file }) => add(home, &place(kind, file)?, "added"),
        Some(KeysCommand::Remove { kind }) => remove(home, kind.kind()),
        Some(KeysCommand::NewSheet(args)) => new_sheet(home, &args),
        Some(KeysCommand::Confirm) => confirm(home),
        Some(KeysCommand::Upgrade { keyring, sheet }) => super::init::upgrade(home, keyring, &sheet),
    }
}

fn place(kind: Way, file: Option<PathBuf>) -> Result<Place, Failure> {
    match (kind, file) {
        (Way::Keyring, None) => Ok(Place::Keyring),
        (Way::Credential, Some(file)) => Ok(Place::Credential(file)),
        (Way::Keyring, Some(_)) => Err(Failure::refused("arguments", "the keyring takes no file")),
        (Way::Credential, None) => Err(Failure::refused("arguments", "name the credential file")),
    }
}

/// Slots and warnings; no secret, and no slot is opened for it.
fn show(home: &Home) -> Outcome {
    let warnings = home.warnings();
    if !home.keys_path().exists() {
        return Ok(Answer::done(warnings.join("\n"), json!({ "slots": [], "warnings": warnings })));
    }
    let keys = unlock::read_keys(home)?;
    let mut text = format!("Home {}\n", keys.home().fingerprint());
    for slot in keys.slots() {
        text.push_str(&format!("  {:<11} made {}\n", slot.kind.name(), sheet::date(slot.made_at)));
    }
    match keys.confirmed_at() {
        Some(at) => text.push_str(&format!("Recovery sheet confirmed {}.", sheet::date(at))),
        None => text.push_str("Recovery sheet not confirmed."),
    }
    for warning in &warnings {
        text.push_str(&format!("\nWarning: {warning}"));
    }
    let slots: Vec<_> =
        keys.slots().iter().map(|slot| json!({ "kind": slot.kind.name(), "made_at": slot.made_at })).collect();
    let last = backup::Last::of(home);
    Ok(Answer::done(
        text,
        json!({
            "home": keys.home().fingerprint(), "slots": slots, "sheet_confirmed_at": keys.confirmed_at(),
            "backup": last, "warnings": warnings,
        }),
    ))
}

/// Opens the home and its slots; a home of the first format has none.
fn open(home: &Home) -> Result<(StoreKey, Keys), Failure> {
    let (_store, Access { key, keys }) = home.access()?;
    let keys = keys.ok_or_else(|| {
        Failure::refused("no-slots", "this home has a plain key file and no slots; first run: wattseal keys upgrade")
    })?;
    Ok((key, keys))
}

fn add(home: &Home, place: &Place, done: &str) -> Outcome {
    let (key, _) = open(home)?;
    put(home, place, &key, done)
}

/// Makes a slot of a place's kind and removes the keyring's entry of the one it replaces.
pub(super) fn put(home: &Home, place: &Place, key: &StoreKey, done: &str) -> Outcome {
    let mut undo = Undo::default();
    let replaced = home.change_keys(key, |keys| {
        let old = keys.slot(place.kind()).map(|slot| slot.entry(&keys.home()));
        place.fill(keys, key, now(), &mut undo)?;
        Ok(old)
    })?;
    undo.keep();
    if let (Place::Keyring, Some(entry)) = (place, replaced) {
        forget(&entry);
    }
    let mut text = match place {
        Place::Keyring => format!("The keyring slot was {done}: this home opens while the keyring is unlocked."),
        Place::Credential(file) => {
            format!("The credential slot was {done}: this home opens by {}.", file.display())
        }
    };
    let warning = place.warning(home);
    if let Some(warning) = &warning {
        text.push_str(&format!("\nWarning: {warning}"));
    }
    Ok(Answer::done(text, json!({ "kind": place.kind().name(), "file": place.file(), "warning": warning })))
}

/// An entry that stays in the keyring opens nothing any more.
fn forget(entry: &str) {
    if let Err(failure) = keyring::forget(entry) {
        tracing::warn!(%failure, "an old entry stays in the keyring; it opens nothing any more");
    }
}

fn remove(home: &Home, kind: SlotKind) -> Outcome {
    let (key, _) = open(home)?;
    let entry = home.change_keys(&key, |keys| {
        let others = keys.slots().iter().filter(|slot| ![kind, SlotKind::Recovery].contains(&slot.kind)).count();
        if keys.slot(kind).is_some() && others == 0 && keys.confirmed_at().is_none() {
            return Err(Failure::refused(
                "not-confirmed",
                "without it this home opens by its recovery sheet alone, and nobody has confirmed to have that on paper; \
                 first run: wattseal keys confirm",
            ));
        }
        let slot = keys.remove(kind, &key)?;
        Ok(slot.entry(&keys.home()))
    })?;
    let text = if kind == SlotKind::Keyring {
        forget(&entry);
        "The keyring slot was removed."
    } else {
        "The credential slot was removed; the file opens this home no more and can be deleted."
    };
    Ok(Answer::done(text.into(), json!({ "removed": kind.name() })))
}

fn new_sheet(home: &Home, args: &SheetArgs) -> Outcome {
    let (key, keys) = open(home)?;
    let recovery = RecoveryKey::generate(&mut OsRng);
    let fallback = setup::fallback_sheet(home, false, &args.handover())?;
    let handed = sheet::hand_over(&keys.home(), &recovery, now(), &args.handover(), &fallback)?;
    let mut undo = Undo::default();
    undo.files.extend(handed.file.clone());
    home.change_keys(&key, |keys| {
        keys.replace_sheet(&recovery, &key, now(), &mut OsRng);
        if handed.confirmed {
            keys.confirm(&key, now());
        }
        Ok(())
    })?;
    undo.keep();
    // What the old sheet put there opens nothing any more.
    if let Err(failure) = cache::forget(&keys.home()) {
        tracing::debug!(%failure, "key cache");
    }
    let text = format!(
        "This home has a new recovery sheet; the old one opens it no more.\nBackups made before today still open by the \
         old sheet: keep it as long as you keep them, or make a new backup and destroy both.{}",
        super::init::sheet_lines(&handed)
    );
    Ok(Answer::done(text, json!({ "sheet": { "file": handed.file, "confirmed": handed.confirmed } })))
}

fn confirm(home: &Home) -> Outcome {
    let (key, keys) = open(home)?;
    ask::retype(|place, typed| keys.fits_group(&key, place, typed))?;
    let shown = keys.slot(SlotKind::Recovery).cloned();
    home.change_keys(&key, |keys| {
        if keys.slot(SlotKind::Recovery) != shown.as_ref() {
            return Err(Failure::refused("other-sheet", "the sheet was replaced meanwhile; confirm the new one"));
        }
        keys.confirm(&key, now());
        Ok(())
    })?;
    Ok(Answer::done("The recovery sheet is confirmed.".into(), json!({ "confirmed": true })))
}
