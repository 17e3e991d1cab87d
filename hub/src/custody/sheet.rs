//! The recovery sheet: a page to print, and how it gets to paper.

use std::path::{Path, PathBuf};

use gateway_core::custody::{HomeId, RecoveryKey};
use zeroize::Zeroizing;

use super::{ask, files};
use crate::Failure;
use crate::dates::Calendar;

/// How a new sheet is handed over.
#[derive(Clone, Debug, Default)]
pub struct Handover {
    /// Write it to this file instead of the screen.
    pub file: Option<PathBuf>,
    /// Do not have groups of it typed again.
    pub no_retype: bool,
}

/// The page. Its six numbered lines are what `gateway_core::custody::RecoveryKey::read` finds.
#[must_use]
pub fn text(home: &HomeId, key: &RecoveryKey, now: i64) -> Zeroizing<String> {
    let date = date(now);
    let mut page = Zeroizing::new(String::with_capacity(2048));
    page.push_str(&format!(
        "WATTSEAL RECOVERY SHEET\n\nHome   {}\nMade   {date}\n\nRecovery key\n\n",
        home.fingerprint()
    ));
    for (place, group) in key.groups().iter().enumerate() {
        page.push_str("    ");
        page.push_str(&(place + 1).to_string());
        page.push_str("   ");
        page.push_str(group);
        page.push('\n');
    }
    page.push_str(
        "
(Digits 0 to 9, and letters without I, L, O and U. Capitals or not.)

What this is
    The key to your meter readings, for the day when the computer that keeps them, its keyring or its key file is
    lost. Nobody else has it, and nobody can make it again.
What to do
    Keep it on paper, away from the computer, where you keep passports. Delete the file it was printed from.
    Whoever has this sheet and your computer's disk, or one of its backups, can read your readings.
When you need it
    The computer still has its store:   wattseal --home HOME recover
    A new computer, from a backup:      wattseal --home NEW restore BACKUP
    Lost or seen by somebody:           wattseal --home HOME keys new-sheet
",
    );
    page
}

/// Hands a new sheet to a person: on the screen or as a file, then two groups typed again. Says whether it was
/// confirmed. Without a terminal it goes to a file and stays unconfirmed.
///
/// # Errors
/// When the file cannot be written, or the groups are wrong three times; the file is removed then.
pub fn hand_over(
    home: &HomeId,
    key: &RecoveryKey,
    now: i64,
    how: &Handover,
    fallback: &Path,
) -> Result<Handed, Failure> {
    let page = text(home, key, now);
    let terminal = ask::is_terminal();
    let file = match &how.file {
        Some(file) => Some(file.clone()),
        None if !terminal => Some(fallback.to_path_buf()),
        None => None,
    };
    if let Some(file) = &file {
        files::write_new(file, page.as_bytes())?;
    } else {
        ask::say(&page);
    }
    if !terminal || how.no_retype {
        return Ok(Handed { file, confirmed: false });
    }
    let confirmed = confirm(key, file.as_deref());
    if let (Err(_), Some(file)) = (&confirmed, &file) {
        files::remove(file)?;
    }
    confirmed.map(|()| Handed { file, confirmed: true })
}

/// What became of a sheet.
#[derive(Clone, Debug)]
pub struct Handed {
    /// The file it was written to.
    pub file: Option<PathBuf>,
    /// Whether two groups were typed again.
    pub confirmed: bool,
}

fn confirm(key: &RecoveryKey, file: Option<&Path>) -> Result<(), Failure> {
    let question = match file {
        Some(file) => format!("The recovery sheet is in {}. Print it, then press Enter. ", file.display()),
        None => "Write the sheet down or print it now, then press Enter; it leaves the screen. ".into(),
    };
    ask::enter(&question)?;
    if file.is_none() {
        ask::wipe_screen();
    }
    let groups = key.groups();
    ask::retype(|place, typed| groups.get(place).is_some_and(|group| gateway_core::custody::same_group(group, typed)))
}

/// A date in UTC.
#[must_use]
pub fn date(now: i64) -> String {
    Calendar::named("UTC").map_or_else(
        |_| now.to_string(),
        |utc| {
            let text = utc.show(u64::try_from(now).unwrap_or_default());
            text.get(..10).unwrap_or_default().to_owned()
        },
    )
}
