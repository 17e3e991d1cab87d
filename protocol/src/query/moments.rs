//! What follows from several answers: mean, variance, histogram.

use super::Question;
use crate::time::Span;

/// Sum and sum of squares of a number of slots, each a proved answer: mean and variance follow without another proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moments {
    /// Slots of the period; a verified answer says how many. Slots that were not measured count as zero, so ask for a
    /// complete period.
    pub slots: u64,
    /// The answer to [`Moments::questions`]' first.
    pub sum: i64,
    /// The answer to the second.
    pub squares: i64,
}

impl Moments {
    /// The two questions: what all slots took, without what no slot measured, and the sum of squares.
    #[must_use]
    pub fn questions(period: Span) -> [Question; 2] {
        [Question::During(vec![period]), Question::Squares]
    }

    /// The mean as a fraction: sum / n.
    #[must_use]
    pub fn mean(&self) -> (i128, i128) {
        (i128::from(self.sum), i128::from(self.slots))
    }

    /// The variance of the slots themselves as a fraction: (n·Σx² − (Σx)²) / n².
    #[must_use]
    pub fn variance(&self) -> (i128, i128) {
        let (slots, sum) = (i128::from(self.slots), i128::from(self.sum));
        (slots * i128::from(self.squares) - sum * sum, slots * slots)
    }
}

/// The questions of a histogram with bins from each edge to the next, the first from 0 and the last without an end: how many
/// slots reach each edge. A bin is the difference of two answers; before the first edge lies what is left of all slots.
#[must_use]
pub fn histogram(edges: &[u16]) -> Vec<Question> {
    edges.iter().map(|edge| Question::AtLeast(*edge)).collect()
}

/// The bins that answers to [`histogram`] come to, the one below the first edge included. `None` when the answers do
/// not fall, or are more than all slots.
#[must_use]
pub fn bins(slots: u64, answers: &[i64]) -> Option<Vec<u64>> {
    let counts = core::iter::once(Some(slots)).chain(answers.iter().map(|count| u64::try_from(*count).ok()));
    let counts = counts.collect::<Option<Vec<u64>>>()?;
    let after = counts.iter().skip(1).copied().chain([0]);
    counts.iter().zip(after).map(|(reach, next)| reach.checked_sub(next)).collect()
}
