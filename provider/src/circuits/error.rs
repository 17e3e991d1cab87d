//! Why a circuit was not made, taken in or found.

use std::path::PathBuf;

use protocol::circuit::{CATALOGUE, CircuitFileError};
use protocol::groth16::powers::PowersError;
use protocol::groth16::{CheckError, ParametersError};

use crate::files::FileError;

/// Why a circuit was not made, taken in or found.
#[derive(Debug, thiserror::Error)]
pub enum CircuitError {
    /// No such name in the catalogue.
    #[error("there is no circuit {0:?}; there are {names}", names = names())]
    NoCircuit(String),
    /// It is here already.
    #[error(
        "the circuit {0} is here already. Households prove under it: `circuits remove {0}` first, and bills that were made \
         under it and not sent yet will have to be made again"
    )]
    Exists(&'static str),
    /// It is not here.
    #[error("there is no circuit {0:?} here; see `circuits list`")]
    NotHere(String),
    /// Of no circuit of this program.
    #[error("{}: these parameters are for a circuit that this program does not know; one of the two is older", .0.display())]
    Unknown(PathBuf),
    /// Not what it should be.
    #[error("{}: {error}", path.display())]
    Parameters {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: ParametersError,
    },
    /// A circuit's file that is not right.
    #[error("{}: {error}", path.display())]
    Circuit {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: CircuitFileError,
    },
    /// The powers of tau cannot be used.
    #[error("{}: {error}", path.display())]
    Powers {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: PowersError,
    },
    /// The parameters are not what these powers make: every household would refuse them.
    #[error("{}: {error}", path.display())]
    Check {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: CheckError,
    },
    /// The circuit could not be written down, or no parameters came of the randomness.
    #[error("the parameters of {0} could not be made; try again")]
    Make(&'static str),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

fn names() -> String {
    CATALOGUE.iter().map(|profile| profile.name).collect::<Vec<_>>().join(", ")
}
