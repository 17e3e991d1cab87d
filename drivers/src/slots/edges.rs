//! Where the registers stood at the end of the last slot that was told: what a listener keeps over its own restart, so that the
//! slots after it go on where those before it ended.

use serde::{Deserialize, Serialize};

use super::{Register, Slots, Terms, Way};

/// Where one meter's registers stood.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edges {
    /// The meter's number.
    pub meter: Option<String>,
    /// Of energy taken from the grid.
    pub import: Option<Edge>,
    /// Of energy given to it.
    pub export: Option<Edge>,
}

/// Where one register stood.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The slot that began then.
    pub slot: u64,
    /// What the register showed, in 10⁻⁴ Wh.
    pub total: i64,
}

impl Edges {
    /// Of one register.
    #[must_use]
    pub fn of(&self, way: Way) -> Option<Edge> {
        match way {
            Way::Import => self.import,
            Way::Export => self.export,
        }
    }
}

impl core::fmt::Debug for Edges {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Edges({:?}, {:?})", self.import.map(|edge| edge.slot), self.export.map(|edge| edge.slot))
    }
}

impl core::fmt::Debug for Edge {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Edge({})", self.slot)
    }
}

impl Slots {
    /// Goes on after these edges: slots that nobody listened to are missing, with what passed in them.
    #[must_use]
    pub fn resume(terms: Terms, edges: &Edges) -> Self {
        let register =
            |edge: Option<Edge>| edge.map_or_else(|| Register::new(terms), |edge| Register::resume(terms, edge));
        let (import, export) = (register(edges.import), register(edges.export));
        Self { import, export, meter: edges.meter.clone(), ..Self::new(terms) }
    }

    /// Where the registers stood at the end of the last slots that were told.
    #[must_use]
    pub fn edges(&self) -> Edges {
        Edges { meter: self.meter.clone(), import: self.import.told(), export: self.export.told() }
    }
}
