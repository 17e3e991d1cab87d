//! What is told of refusals: the first of a kind at once, more of it summed up. A line that sends rubbish as fast as it
//! can decides neither how fast the log grows nor what else is heard.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// How often refusals of one kind are told at most.
const EVERY: Duration = Duration::from_secs(60);

struct Kind {
    told_at: Instant,
    /// How many came since then, and what the last one said.
    since: u64,
    message: String,
}

/// Refusals by code. There are as many kinds as this program has codes.
#[derive(Default)]
pub(super) struct Refusals(BTreeMap<String, Kind>);

impl Refusals {
    /// Notes a refusal; gives what is to be told at once.
    pub(super) fn note(&mut self, code: &str, message: &str, at: Instant) -> Option<String> {
        if let Some(kind) = self.0.get_mut(code) {
            kind.since = kind.since.saturating_add(1);
            message.clone_into(&mut kind.message);
            return None;
        }
        self.0.insert(code.to_owned(), Kind { told_at: at, since: 0, message: String::new() });
        Some(message.to_owned())
    }

    /// What has waited long enough: code and sentence. A kind of which nothing more came is told at once again.
    pub(super) fn due(&mut self, at: Instant) -> Vec<(String, String)> {
        let mut due = Vec::new();
        self.0.retain(|code, kind| {
            if at - kind.told_at < EVERY {
                return true;
            }
            let count = std::mem::take(&mut kind.since);
            if count > 0 {
                kind.told_at = at;
                let again = if count == 1 { "once more".to_owned() } else { format!("{count} times more") };
                due.push((code.clone(), format!("{} ({again})", kind.message)));
            }
            count > 0
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_sentence_a_minute_and_hides_no_other_kind() {
        let (mut refusals, start) = (Refusals::default(), Instant::now());
        assert_eq!(refusals.note("malformed", "cannot be read", start).as_deref(), Some("cannot be read"));
        for _ in 0..100_000 {
            assert_eq!(refusals.note("malformed", "cannot be read", start), None);
        }
        assert_eq!(refusals.note("fork", "two blocks", start).as_deref(), Some("two blocks"));
        assert_eq!(refusals.due(start + EVERY / 2), []);
        let told = refusals.due(start + EVERY);
        assert_eq!(told, [("malformed".to_owned(), "cannot be read (100000 times more)".to_owned())]);
        assert_eq!(refusals.due(start + EVERY + EVERY / 2), []);
        // After a quiet while the next is told at once.
        assert_eq!(refusals.due(start + 2 * EVERY), []);
        assert_eq!(refusals.note("malformed", "cannot be read", start + 2 * EVERY).as_deref(), Some("cannot be read"));
        assert_eq!(refusals.note("fork", "two blocks", start + 2 * EVERY).as_deref(), Some("two blocks"));
    }
}
