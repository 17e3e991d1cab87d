//! `recover`, `unlock`, `lock`: into a home by its sheet, for good or for a while.

use std::time::Duration;

use gateway_core::StoreKey;
use gateway_core::custody::{Keys, RecoveryKey, SlotKind};
use serde_json::json;

use super::keys::put;
use super::{Answer, Outcome};
use crate::Failure;
use crate::custody::place::Place;
use crate::custody::unlock::Access;
use crate::custody::{ask, cache, unlock};
use crate::home::Home;

/// `wattseal recover`
///
/// # Errors
/// When the sheet is mistyped or another home's, or no place takes the new key.
pub fn recover(home: &Home, keyring: bool) -> Outcome {
    home.require()?;
    let (key, keys, _) = by_sheet(home)?;
    let place = Place::choose(home, keyring)?;
    // The sheet opens the slots; that they belong to this store is seen by opening it.
    drop(home.open_by(&Access { key: key.clone(), keys: Some(keys) })?);
    put(home, &place, &key, "made anew")
}

/// The slots as they were when the sheet opened them, which checks all of them.
fn by_sheet(home: &Home) -> Result<(StoreKey, Keys, RecoveryKey), Failure> {
    if !home.keys_path().exists() {
        return Err(Failure::refused(
            "no-sheet",
            "this home has no recovery sheet: it opens by its plain key file; with that, run: wattseal keys upgrade",
        ));
    }
    let keys = unlock::read_keys(home)?;
    let sheet = ask::recovery_key()?;
    let key = keys.open(SlotKind::Recovery, &sheet.kek())?;
    Ok((key, keys, sheet))
}

/// `wattseal unlock`
///
/// # Errors
/// When the sheet is mistyped or another home's, the time is not one, or the kernel caches no keys.
pub fn unlock(home: &Home, time: &str) -> Outcome {
    home.require()?;
    let limit = duration(time)?;
    let (key, keys, sheet) = by_sheet(home)?;
    drop(home.open_by(&Access { key, keys: Some(keys.clone()) })?);
    cache::keep(&keys.home(), &sheet.kek(), limit)?;
    Ok(Answer::done(
        format!("This home is unlocked for {time}, until a restart or: wattseal lock"),
        json!({ "seconds": limit.as_secs() }),
    ))
}

/// `wattseal lock`
///
/// # Errors
/// When the kernel refuses.
pub fn lock(home: &Home) -> Outcome {
    home.require()?;
    let keys = unlock::read_keys(home)?;
    let was = cache::forget(&keys.home())?;
    let text =
        if was { "The key is out of the kernel's cache." } else { "The kernel's cache held no key of this home." };
    Ok(Answer::done(
        format!("{text} A running gateway keeps the store open until it stops."),
        json!({ "was_unlocked": was }),
    ))
}

/// "30m", "12h", "7d": from a minute to 31 days.
fn duration(text: &str) -> Result<Duration, Failure> {
    let refuse = || Failure::refused("time", format!("{text:?} is not a time from 1m to 31d: write 30m, 12h or 7d"));
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(refuse)?;
    let unit = match unit {
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(refuse()),
    };
    let seconds = digits.parse::<u32>().ok().and_then(|n| u64::from(n).checked_mul(unit)).ok_or_else(refuse)?;
    if (60..=31 * 86_400).contains(&seconds) { Ok(Duration::from_secs(seconds)) } else { Err(refuse()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [("1m", 60), ("12h", 43_200), ("31d", 2_678_400)] {
            assert_eq!(duration(text).unwrap(), Duration::from_secs(seconds));
        }
        for bad in ["", "h", "12", "0m", "32d", "-1h", "1.5h", "12 h", "99999999999h", "1µ"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
