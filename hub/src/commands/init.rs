//! `init` and `keys upgrade`: new keys, and what the household is told about them.

use serde_json::{Value, json};

use super::keys::SheetArgs;
use super::{Answer, Outcome, now};
use crate::custody::place::Place;
use crate::custody::setup::{self, Made};
use crate::custody::sheet::Handed;
use crate::custody::upgrade::{self, Upgraded};
use crate::home::Home;

/// `wattseal init`
///
/// # Errors
/// When there is a home already, the keyring refuses, or the sheet was not confirmed; nothing is left then.
pub fn init(home: &Home, keyring: bool, args: &SheetArgs) -> Outcome {
    let made = setup::create(home, keyring, &args.handover(), now())?;
    Ok(answer(home, "A new home was made.", &made))
}

pub(super) fn upgrade(home: &Home, keyring: bool, args: &SheetArgs) -> Outcome {
    match upgrade::upgrade(home, keyring, &args.handover(), now())? {
        Upgraded::Done(made) => Ok(answer(
            home,
            "This home has a new key. The old key file is gone; copies of it open nothing but older copies of the store.",
            &made,
        )),
        Upgraded::Finished => {
            Ok(Answer::done("The upgrade is finished; the old key file is gone.".into(), json!({ "finished": true })))
        }
        Upgraded::Already => {
            Ok(Answer::done("This home has slots already; nothing was changed.".into(), json!({ "already": true })))
        }
    }
}

fn answer(home: &Home, first: &str, made: &Made) -> Answer {
    let (key, key_json) = match &made.place {
        Place::Keyring => ("in the keyring of the operating system".to_owned(), json!({ "kind": "keyring" })),
        Place::Credential(file) => (file.display().to_string(), json!({ "kind": "credential", "file": file })),
    };
    let warnings: Vec<String> = made.place.warning(home).into_iter().collect();
    let mut text = format!(
        "{first}\n  home   {}\n  store  {}  (encrypted)\n  key    {key}{}",
        made.home.fingerprint(),
        home.store_path().display(),
        sheet_lines(&made.sheet)
    );
    for warning in &warnings {
        text.push_str(&format!("\nWarning: {warning}"));
    }
    Answer::done(
        text,
        json!({
            "home": made.home.fingerprint(), "store": home.store_path(), "key": key_json,
            "sheet": sheet_json(&made.sheet), "warnings": warnings,
        }),
    )
}

fn sheet_json(sheet: &Handed) -> Value {
    json!({ "file": sheet.file, "confirmed": sheet.confirmed })
}

/// What is left to do with a sheet.
pub(super) fn sheet_lines(sheet: &Handed) -> String {
    let mut text = String::new();
    if let Some(file) = &sheet.file {
        text.push_str(&format!(
            "\n  sheet  {}\nPrint the sheet, keep it away from this computer, and delete the file: whoever has it and the \
             disk has your readings; without it they are lost with the key.",
            file.display()
        ));
    }
    if !sheet.confirmed {
        text.push_str("\nWhen it is on paper, run: wattseal keys confirm");
    }
    text
}
