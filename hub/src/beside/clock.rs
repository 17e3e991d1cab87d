//! Which clock is good enough to seal by. A small computer without a clock of its own begins in 1970, or where it was switched
//! off, and learns the time minutes later from the network. What it sealed meanwhile would stand in the wrong years for life.

use protocol::metrology::label::DAY_SECONDS;
use sealer::time::show;

use crate::commands::BUILT;

/// Why nothing can be sealed by a clock that shows this Unix second, where the registers are sealed until another: it shows
/// a time before this program, or is more than a day behind what was sealed by it. A clock that is less behind is waited for
/// slot by slot.
pub(super) fn trouble(now: u64, sealed: Option<u64>) -> Option<String> {
    if now < BUILT {
        return Some(format!(
            "the clock of this device shows {}, which is long past: nothing is sealed until it is set; connect the device to \
             the network so that it learns the time, or set it by hand",
            show(now)
        ));
    }
    let sealed = sealed.filter(|sealed| now.saturating_add(DAY_SECONDS) < *sealed)?;
    Some(format!(
        "the clock of this device shows {}, but the meter is sealed until {}: nothing is sealed until the clock is past that. \
         Set it; if it was ahead before, begin a new device with another --dir",
        show(now),
        show(sealed)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_of_1970_and_one_behind_what_is_sealed_are_waited_for() {
        for (now, sealed, good) in [
            (0, None, false),
            (BUILT - 1, None, false),
            (BUILT, None, true),
            (BUILT, Some(BUILT + DAY_SECONDS), true),
            (BUILT, Some(BUILT + DAY_SECONDS + 1), false),
            (BUILT + 400 * DAY_SECONDS, Some(BUILT), true),
        ] {
            assert_eq!(trouble(now, sealed).is_none(), good, "{now} {sealed:?}");
        }
    }
}
