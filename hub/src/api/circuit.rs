//! Circuits: what private bills are proved with.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which proof a bill carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofKind {
    /// The one that reveals the least of those that the provider takes.
    #[default]
    Auto,
    /// The sum of each energy line leaves, and a short proof.
    Linear,
    /// Only the amount due leaves, with a zero-knowledge proof.
    Private,
}

/// Proving parameters to be checked and kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CircuitAdd {
    /// The file, an absolute path.
    pub parameters: PathBuf,
    /// The powers of tau that it rests on, an absolute path.
    pub powers: PathBuf,
}

/// Circuits whose parameters were checked here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Circuits {
    /// In the order in which they came.
    pub circuits: Vec<CircuitInfo>,
}

/// A circuit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CircuitInfo {
    /// Its name in the catalogue.
    pub name: String,
    /// Its identity, which bills name, hex.
    pub id: String,
    /// Hash of the parameters' file, hex.
    pub pin: String,
    /// Whether whoever made the parameters could forge bills.
    pub demonstration: bool,
    /// `provider`, `file` or `here`.
    pub source: String,
    /// The provider that they came from, when one did.
    #[serde(default)]
    pub provider: Option<String>,
    /// When they were checked, Unix seconds.
    pub checked_at: i64,
    /// Whether the file is still in its place.
    pub present: bool,
}
