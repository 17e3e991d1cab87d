//! `backup` and `restore`.

use std::path::Path;

use gateway_core::store::Inventory;
use serde_json::{Value, json};

use super::{Answer, Outcome, now};
use crate::custody::backup::Last;
use crate::custody::{backup, restore, sheet, unlock};
use crate::dates::Calendar;
use crate::home::Home;

/// `wattseal backup [FILE]`
///
/// # Errors
/// When the home does not open, has no sheet, or the file cannot be written.
pub fn backup(home: &Home, file: Option<&Path>) -> Outcome {
    let (store, access) = home.access()?;
    let file = backup::make(home, &store, &access, file)?;
    Ok(Answer::done(
        format!(
            "Backed up to {}.\nIt opens by the recovery sheet alone. Keep a copy on another medium; check it with: \
             wattseal backup --verify",
            file.display()
        ),
        json!({ "file": file }),
    ))
}

/// `wattseal backup --verify FILE`
///
/// # Errors
/// When the file is no whole backup or the sheet is another's. Nothing is written but the time of the check.
pub fn verify(home: &Home, file: &Path) -> Outcome {
    let opened = backup::open(file)?;
    let contents = opened.container.contents();
    if unlock::read_keys(home).is_ok_and(|keys| keys.home() == contents.home) && home.backups().is_dir() {
        Last { verified_at: Some(now()), ..Last::of(home) }.record(home);
    }
    let text = format!(
        "{} is whole and opens by this sheet: home {}, made {}, format {}.",
        file.display(),
        contents.home.fingerprint(),
        sheet::date(contents.made_at),
        contents.format
    );
    let json = json!({
        "file": file, "home": contents.home.fingerprint(), "made_at": contents.made_at, "format": contents.format,
        "bytes": contents.length,
    });
    Ok(Answer::done(text, json))
}

/// `wattseal restore FILE`
///
/// # Errors
/// When there is a home already, the backup or the sheet is refused, or the disk refuses; nothing is left then.
pub fn restore(home: &Home, file: &Path, keyring: bool) -> Outcome {
    let restored = restore::restore(home, file, keyring, now())?;
    let (held, held_json) = held(&restored.inventory)?;
    let mut text = format!(
        "Restored the backup of {0}: {held}\nThe store has a new key; the recovery sheet stays valid.\nWhat came after \
         {0} is not in it. Fetch it from the meters again; a meter that was paired since has to be paired anew, and what \
         it sealed for that pairing stays closed.",
        sheet::date(restored.made_at)
    );
    if restored.ended > 0 {
        text.push_str(&format!(
            "\n{} standing submission(s) were ended, since the provider may have bills of later months already. See them \
             with wattseal submissions, ask the provider which month it has last, and begin again after it: wattseal \
             standing add --tariff NAME --from MONTH",
            restored.ended
        ));
    }
    if restored.unpublished > 0 {
        text.push_str(&format!(
            "\n{} publication(s) to brokers were ended, since they may have been ended after the backup: nothing is \
             published. See them with wattseal publish list; allow one again with wattseal publish add, or take back what \
             its broker still keeps with wattseal publish remove",
            restored.unpublished
        ));
    }
    let warnings: Vec<String> = restored.place.warning(home).into_iter().collect();
    for warning in &warnings {
        text.push_str(&format!("\nWarning: {warning}"));
    }
    Ok(Answer::done(
        text,
        json!({
            "home": restored.home.fingerprint(), "made_at": restored.made_at, "format": restored.format,
            "key": { "kind": restored.place.kind().name(), "file": restored.place.file() },
            "holds": held_json, "standing_ended": restored.ended,
            "publications_ended": restored.unpublished, "warnings": warnings,
        }),
    ))
}

fn held(inventory: &Inventory) -> Result<(String, Value), crate::Failure> {
    let utc = Calendar::named("UTC")?;
    let span = inventory.span.map(|span| (utc.show(span.from), utc.show(span.until)));
    let time = span.as_ref().map_or_else(String::new, |(from, until)| format!(" from {from} to {until}"));
    let text = format!(
        "{} meter(s), {} block(s){time}, {} bill(s); all of it was read and is whole.",
        inventory.meters, inventory.blocks, inventory.bills
    );
    let json = json!({
        "meters": inventory.meters, "registers": inventory.registers, "blocks": inventory.blocks,
        "from": span.as_ref().map(|(from, _)| from), "until": span.as_ref().map(|(_, until)| until),
        "bills": inventory.bills,
    });
    Ok((text, json))
}
