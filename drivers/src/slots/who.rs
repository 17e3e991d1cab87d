//! Which meter speaks: a number that a line changed is no exchange, and an exchange is no slip of the line.

/// How often another number must come, and for how many milliseconds, until another meter is believed to hang there.
const BELIEVED: (u32, u64) = (3, 60_000);
/// What telegrams of another number say is held so many times at most, and no two of one second but the first three.
const HELD: usize = 64;
const APART: u64 = 1000;
/// For so many milliseconds after another number, telegrams without one may be of either meter.
const UNSURE: u64 = 600_000;

/// What is known of who said something.
pub(super) enum Word<T> {
    /// The meter did.
    Known(Option<T>),
    /// It is not known: it counts for nothing, unless the number comes again.
    Doubtful,
    /// Another meter does now, and said this since its first word.
    Exchanged(Vec<T>),
}

/// Another number that came.
#[derive(Clone)]
struct Other<T> {
    meter: String,
    since: u64,
    last: u64,
    count: u32,
    held: Vec<T>,
    held_at: u64,
}

/// The meter that speaks.
#[derive(Clone)]
pub(super) struct Who<T> {
    meter: Option<String>,
    other: Option<Other<T>>,
}

impl<T> Default for Who<T> {
    fn default() -> Self {
        Self { meter: None, other: None }
    }
}

impl<T> Who<T> {
    /// Goes on with the meter that was known.
    pub(super) fn known(meter: Option<String>) -> Self {
        Self { meter, other: None }
    }

    /// The meter that is known.
    pub(super) fn meter(&self) -> Option<&str> {
        self.meter.as_deref()
    }

    /// Takes what was said at this moment (Unix milliseconds) under a number, if it came with one.
    pub(super) fn hear(&mut self, at: u64, number: Option<&str>, said: Option<T>) -> Word<T> {
        match (number, self.meter.as_deref()) {
            (None, _) => {
                let unsure = |other: &Other<T>| other.last.abs_diff(at) < UNSURE;
                self.other = self.other.take().filter(unsure);
                if self.other.is_some() { Word::Doubtful } else { Word::Known(said) }
            }
            (Some(number), Some(meter)) if number != meter => self.hear_other(at, number, said),
            (Some(number), meter) => {
                if meter.is_none() {
                    self.meter = Some(number.to_owned());
                }
                self.other = None;
                Word::Known(said)
            }
        }
    }

    fn hear_other(&mut self, at: u64, number: &str, said: Option<T>) -> Word<T> {
        let begun = |meter: &str| Other {
            meter: meter.to_owned(),
            since: at,
            last: at,
            count: 0,
            held: Vec::new(),
            held_at: 0,
        };
        let goes_on = |other: &Other<T>| other.meter == number && other.last <= at;
        let mut other = self.other.take().filter(goes_on).unwrap_or_else(|| begun(number));
        other.count = other.count.saturating_add(1);
        other.last = at;
        let room = other.held.len() < 3 || (other.held.len() < HELD && at >= other.held_at.saturating_add(APART));
        if let Some(said) = said.filter(|_| room) {
            other.held.push(said);
            other.held_at = at;
        }
        if other.count >= BELIEVED.0 && at - other.since >= BELIEVED.1 {
            self.meter = Some(other.meter);
            return Word::Exchanged(other.held);
        }
        self.other = Some(other);
        Word::Doubtful
    }
}
