//! The inference ledger, as a person reads it.

use super::{Budgets, Explained, Releases, WindowInfo};

/// Days of a register that are shown one by one, from the newest.
const SHOWN: usize = 31;

pub(super) fn releases(list: &Releases) -> String {
    if list.releases.is_empty() {
        return "Nothing has left this home.".into();
    }
    let line = |release: &super::ReleaseInfo| {
        let name = &release.recipient.name;
        format!(
            "{}  to {name}, for {}: {}\n",
            protocol::show::utc(unsigned(release.at)),
            release.purpose,
            release.sentence
        )
    };
    list.releases.iter().map(line).collect()
}

pub(super) fn budgets(budgets: &Budgets) -> String {
    if budgets.registers.is_empty() {
        return "Nothing has left this home: every day, week and month is untouched.".into();
    }
    let mut text = String::new();
    for register in &budgets.registers {
        text.push_str(&format!("{} of meter {}\n", register.register, register.meter));
        for kind in ["month", "week", "day"] {
            let of_kind = || register.windows.iter().filter(|window| window.window == kind);
            let skipped = of_kind().count().saturating_sub(SHOWN);
            if skipped > 0 {
                text.push_str(&format!("  {skipped} earlier {kind}s\n"));
            }
            of_kind().skip(skipped).for_each(|window| text.push_str(&format!("  {}\n", self::window(window))));
        }
    }
    text
}

pub(super) fn explained(explained: &Explained) -> String {
    let mut text = match (&explained.reason, explained.known) {
        (Some(reason), _) => format!("REFUSED: {reason}\nIt would be: {}\n", explained.sentence),
        (None, true) => format!("It may leave, and tells nothing new: {}\n", explained.sentence),
        (None, false) => format!("It may leave: {}\n", explained.sentence),
    };
    if let Some(coarser) = &explained.coarser {
        text.push_str(&format!("May leave in its place: {coarser}\n"));
    }
    for window in &explained.windows {
        text.push_str(&format!("  afterwards {}\n", self::window(window)));
    }
    text
}

fn window(window: &WindowInfo) -> String {
    let WindowInfo { window, from, spent, left, budget } = window;
    format!("{window:<5} {from}: {spent:>6.1} of {budget:.1} bits spent, {left:.1} left for answers beside the bill")
}

fn unsigned(time: i64) -> u64 {
    u64::try_from(time).unwrap_or(0)
}
