//! Stored readings, and what an import did.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The household's own view of what is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Readings {
    /// By register.
    pub registers: Vec<RegisterReadings>,
}

/// Readings of a register.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisterReadings {
    /// Its code.
    pub register: String,
    /// Their unit.
    pub unit: String,
    /// Their sum.
    pub total: u64,
    /// Each interval.
    pub readings: Vec<ReadingRow>,
}

/// One interval.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadingRow {
    /// Its start, as text.
    pub start: String,
    /// Its length.
    pub seconds: u64,
    /// The reading; none when it was not measured.
    pub value: Option<u16>,
    /// How it was obtained.
    pub status: String,
}

/// What an import did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Imported {
    /// Blocks verified and stored.
    pub stored: usize,
    /// Blocks that were there before.
    pub known: usize,
    /// New epoch certificates.
    pub epochs: usize,
    /// What was discarded.
    pub refused: Vec<RefusedFile>,
}

/// A file that was discarded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefusedFile {
    /// The file.
    pub file: PathBuf,
    /// Short stable name.
    pub code: String,
    /// Why.
    pub message: String,
}
