//! Rates of the US Utility Rate Database (URDB) as tariff sources: energy tiers, times of use, demand, minimum, fixed.
//!
//! The result is a source that a person can read and correct, compiled as any other. What a record leaves open (zone,
//! validity, window of a load) its importer says; what would have to be guessed is refused by the name of its field,
//! unless that field is left out on purpose.

mod read;
mod write;

use super::error::{DeskError, Problem};

/// What a record does not say.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The tariff's id.
    pub id: &'a str,
    /// IANA time zone: the database's hours are local ones.
    pub zone: &'a str,
    /// First local day.
    pub from: &'a str,
    /// First local day after.
    pub to: &'a str,
    /// The import register.
    pub register: &'a str,
    /// Minutes over which a load is measured, when the record has none or another is meant.
    pub window: Option<u16>,
    /// Fields that are not billed by this tariff, such as `demandreactivepowercharge`.
    pub leave_out: &'a [&'a str],
}

/// Writes the source of a record.
///
/// # Errors
/// When the record is malformed, or a field asks for what cannot be said or would have to be guessed.
pub fn source(file: &str, bytes: &[u8], terms: &Terms<'_>) -> Result<String, DeskError> {
    let wrong = |problem: Problem| DeskError::File { file: file.to_owned(), problem };
    let record = read::record(bytes, terms).map_err(wrong)?;
    write::source(&record, terms).map_err(wrong)
}
