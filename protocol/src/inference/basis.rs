//! An orthonormal basis of all weight vectors that were released, and how much it says of each slot.

use super::exact::depends;
use super::row::Row;
use super::vector::{EXCESS, Place, Vector};

/// τ: a row that is nearer to the span of earlier ones must lie in it exactly.
const NEAR: f64 = 1.0 / (1 << 20) as f64;
/// Gram–Schmidt goes round again when less than this is left of a vector ("twice is enough", Parlett, The Symmetric
/// Eigenvalue Problem, §6.9).
const AGAIN: f64 = 0.7;
/// Coefficients below this are rounding.
const ROUNDING: f64 = 1e-9;

/// A released row, and its part that no earlier one has.
#[derive(Clone, Debug)]
struct Member {
    row: Row,
    own: Vector,
    /// How long that part is, of a row of length one.
    remains: f64,
    /// The row along earlier members: place and how far.
    along: Vec<(usize, f64)>,
}

/// The basis.
#[derive(Clone, Debug, Default)]
pub(super) struct Basis {
    members: Vec<Member>,
    /// ‖Qᵢ‖² of every place i.
    leverage: Vector,
}

/// What a row would bring to a basis.
#[derive(Clone, Debug)]
pub(super) enum Addition {
    /// Nothing: it is a combination of what was released.
    Nothing,
    /// A direction.
    New(Box<New>),
}

/// A direction that a basis does not have yet.
#[derive(Clone, Debug)]
pub(super) struct New {
    member: Member,
    squares: Vector,
}

/// A row that differs from what was released in a few places alone, so little that rounding hides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooNear {
    /// Where it differs most.
    pub(super) place: Place,
}

impl New {
    /// The row.
    pub(super) fn row(&self) -> &Row {
        &self.member.row
    }
}

impl Basis {
    /// What a row would bring, once `pending` are added.
    ///
    /// # Errors
    /// When the row is nearly, and not exactly, a combination of what was released.
    pub(super) fn consider(&self, pending: &[New], row: &Row) -> Result<Addition, TooNear> {
        let Some(mut rest) = row.direction() else { return Ok(Addition::Nothing) };
        let members: Vec<&Member> = self.members.iter().chain(pending.iter().map(|new| &new.member)).collect();
        let mut along: Vec<f64> = vec![0.0; members.len()];
        let mut before = 1.0;
        loop {
            for (member, along) in members.iter().zip(&mut along) {
                let part = member.own.dot(&rest);
                if part != 0.0 {
                    rest.add(-part, &member.own);
                    *along += part;
                }
            }
            let now = rest.length();
            if now > AGAIN * before || now < NEAR * NEAR {
                break;
            }
            before = now;
        }
        let remains = rest.length();
        if remains < NEAR {
            if is_combination(&members, row, &along) {
                return Ok(Addition::Nothing);
            }
            let most = rest.entries().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
            return Err(TooNear { place: most.map_or(row.first, |(place, _)| place) });
        }
        rest.scale(1.0 / remains);
        let squares = rest.squared();
        let along = along.into_iter().enumerate().filter(|(_, part)| *part != 0.0).collect();
        Ok(Addition::New(Box::new(New { member: Member { row: row.clone(), own: rest, remains, along }, squares })))
    }

    /// The greatest leverage there would be at a place that additions change: where, and how much.
    pub(super) fn greatest(&self, pending: &[New]) -> Option<(Place, f64)> {
        let mut squares = Vector::default();
        pending.iter().for_each(|new| squares.add(1.0, &new.squares));
        squares.plus_at_own(&self.leverage).max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Adds what was considered against this basis.
    pub(super) fn add(&mut self, new: New) {
        self.leverage.add(1.0, &new.squares);
        self.members.push(new.member);
    }

    /// The greatest leverage of any place.
    pub(super) fn leverage(&self) -> f64 {
        self.leverage.entries().map(|(_, leverage)| leverage).fold(0.0, f64::max)
    }
}

/// Whether the row is exactly a combination of members. Those that the coefficients name are tried first.
fn is_combination(members: &[&Member], row: &Row, along: &[f64]) -> bool {
    let named = coefficients(members, along);
    let few: Vec<&Row> = members
        .iter()
        .zip(named)
        .filter(|(_, factor)| factor.abs() > ROUNDING)
        .map(|(member, _)| &member.row)
        .collect();
    if depends(&few, row) {
        return true;
    }
    let all: Vec<&Row> = members.iter().map(|member| &member.row).collect();
    few.len() < all.len() && depends(&all, row)
}

/// The factors of a vector in terms of members' rows of length one, from its parts along the basis: back substitution.
fn coefficients(members: &[&Member], along: &[f64]) -> Vec<f64> {
    let mut left = along.to_vec();
    for (at, member) in members.iter().enumerate().rev() {
        let factor = left.get(at).copied().unwrap_or(0.0) / member.remains;
        for (earlier, part) in &member.along {
            if let Some(value) = left.get_mut(*earlier) {
                *value -= factor * part;
            }
        }
        if let Some(value) = left.get_mut(at) {
            *value = factor;
        }
    }
    left
}

/// The slot that a place belongs to.
pub(super) fn slot_of(place: Place) -> u64 {
    place & !EXCESS
}
