//! Why the tariff desk refuses: where it stands, what is wrong, and what to do about it.

use std::fmt;
use std::io;

use protocol::tariff::TariffError;

/// What is wrong with a value, as a sentence without its end; where it stands is added by whoever read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(String);

impl Problem {
    /// Takes the sentence.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Says where.
    #[must_use]
    pub fn at(self, place: Place) -> DeskError {
        DeskError::Value { place, problem: self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A key of a tariff source.
    Source {
        /// Line of the source, from 1.
        line: usize,
        /// The key, such as `` `price` of "Energy" ``.
        key: String,
    },
    /// An option of a command.
    Option(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { line, key } => write!(f, "line {line}, {key}"),
            Self::Option(name) => f.write_str(name),
        }
    }
}

/// Why no tariff was made. Nothing is ever half-made.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The source is not TOML, or has a key or a type it should not have.
    #[error("line {line}: {problem}")]
    Syntax {
        /// Line of the source, from 1.
        line: usize,
        /// What the reader says.
        problem: String,
    },
    /// The source asks for what its format does not have.
    #[error("line {line}: `{key}` needs {needs}, which its format does not have; nothing was approximated")]
    BeyondLinear {
        /// Line of the source, from 1.
        line: usize,
        /// The key or value that asks for it.
        key: String,
        /// What is needed.
        needs: &'static str,
    },
    /// A value is wrong.
    #[error("{place}: {problem}")]
    Value {
        /// Where.
        place: Place,
        /// What.
        problem: Problem,
    },
    /// A line of a price file is wrong.
    #[error("{file}, line {line}: {problem}")]
    Row {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: u64,
        /// What.
        problem: Problem,
    },
    /// A price file is wrong as a whole.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What.
        problem: Problem,
    },
    /// A price file that the source names cannot be read.
    #[error("cannot read the price file {file}: {cause}")]
    Load {
        /// The file, as the source names it.
        file: String,
        /// What the system says.
        cause: io::Error,
    },
    /// The tariff breaks a bound of the protocol.
    #[error(transparent)]
    Tariff(#[from] TariffError),
}

impl DeskError {
    /// A short word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "source-syntax",
            Self::BeyondLinear { .. } => "beyond-linear",
            Self::Value { .. } => "bad-value",
            Self::Row { .. } | Self::File { .. } => "bad-prices",
            Self::Load { .. } => "cannot-read",
            Self::Tariff(_) => "bad-tariff",
        }
    }
}
