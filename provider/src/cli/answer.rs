//! Answers and failures: text for people, JSON for programs, and the exit code.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use protocol::tariff::TariffError;
use provider::circuits::CircuitError;
use provider::desk::DeskError;
use provider::files::FileError;
use provider::identity::IdentityError;
use provider::ledger::{LEDGER_FILE, LedgerError, Objection};
use provider::tls::TlsError;
use serde::Serialize;

/// What a command answers.
pub(super) struct Answer {
    text: String,
    json: String,
    exit: u8,
}

/// Why a command did not do it.
pub(super) struct Failure {
    code: &'static str,
    message: String,
    exit: u8,
}

/// Done.
const DONE: u8 = 0;
/// Refused or invalid.
const REFUSED: u8 = 1;
/// Could not: file, network, lock.
const COULD_NOT: u8 = 3;

impl Answer {
    /// An answer in both forms.
    pub(super) fn new(text: impl ToString, json: &impl Serialize) -> Result<Self, Failure> {
        let json = serde_json::to_string_pretty(json).map_err(|cause| Failure {
            code: "internal",
            message: format!("the answer cannot be written as JSON: {cause}"),
            exit: COULD_NOT,
        })?;
        Ok(Self { text: text.to_string(), json, exit: DONE })
    }

    /// Adds that there was no ledger and a new one was begun: nobody should find that out later.
    pub(super) fn about_new_ledger(mut self) -> Self {
        self.text.push_str(&format!("\nThere was no {LEDGER_FILE} yet: a new ledger was begun."));
        if let Ok(serde_json::Value::Object(mut object)) = serde_json::from_str(&self.json) {
            object.insert("new_ledger".into(), true.into());
            self.json = serde_json::to_string_pretty(&object).unwrap_or(self.json);
        }
        self
    }

    /// An answer that is a refusal, or says that something is wrong: exit code 1.
    pub(super) fn refused_if(self, refused: bool) -> Self {
        Self { exit: if refused { REFUSED } else { DONE }, ..self }
    }
}

impl Failure {
    /// A refusal.
    pub(super) fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), exit: REFUSED }
    }

    /// Something outside did not do its part: file, network, lock.
    pub(super) fn could_not(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), exit: COULD_NOT }
    }

    /// Its short name, for programs.
    #[cfg(test)]
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// Names the file that the failure is about.
    pub(super) fn about(self, path: &Path) -> Self {
        Self { message: format!("{}: {}", path.display(), self.message), ..self }
    }
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        let exit = if matches!(error, DeskError::Load { .. }) { COULD_NOT } else { REFUSED };
        Self { code: error.code(), message: error.to_string(), exit }
    }
}

impl From<TariffError> for Failure {
    fn from(error: TariffError) -> Self {
        Self { code: "bad-tariff", message: error.to_string(), exit: REFUSED }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self { code: "file", message: error.to_string(), exit: COULD_NOT }
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        let (code, exit) = match &error {
            IdentityError::Exists(_) => ("key-exists", REFUSED),
            IdentityError::Missing(_) => ("no-key", COULD_NOT),
            IdentityError::Damaged(_) => ("bad-key", REFUSED),
            IdentityError::Exposed(_) => ("key-exposed", REFUSED),
            IdentityError::TooMany => ("too-many", REFUSED),
            IdentityError::Name => ("bad-value", REFUSED),
            IdentityError::Randomness(_) => ("no-randomness", COULD_NOT),
            IdentityError::File(_) => ("file", COULD_NOT),
        };
        Self { code, message: error.to_string(), exit }
    }
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Self {
        let (code, exit) = match &error {
            TlsError::Missing(_) => ("no-certificate", COULD_NOT),
            TlsError::Damaged(_) => ("bad-certificate", REFUSED),
            TlsError::Exposed(_) => ("key-exposed", REFUSED),
            TlsError::Make(_) | TlsError::Setup(_) => ("tls", COULD_NOT),
            TlsError::File(_) => ("file", COULD_NOT),
        };
        Self { code, message: error.to_string(), exit }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let exit = if matches!(error, LedgerError::ExposedKey(_)) { REFUSED } else { COULD_NOT };
        Self { code: error.code(), message: error.to_string(), exit }
    }
}

impl From<CircuitError> for Failure {
    fn from(error: CircuitError) -> Self {
        let code = match &error {
            CircuitError::NoCircuit(_) => "no-circuit",
            CircuitError::Exists(_) => "circuit-exists",
            CircuitError::NotHere(_) => "circuit-not-here",
            CircuitError::Unknown(_) => "unknown-circuit",
            CircuitError::Parameters { .. } | CircuitError::Check { .. } => "bad-parameters",
            CircuitError::Circuit { .. } => "bad-circuit",
            CircuitError::Powers { .. } => "bad-powers",
            CircuitError::Make(_) => return Self::could_not("not-made", error.to_string()),
            CircuitError::File(_) => return Self::could_not("file", error.to_string()),
        };
        Self::refused(code, error.to_string())
    }
}

impl From<Objection> for Failure {
    fn from(objection: Objection) -> Self {
        Self::refused(objection.code(), objection.to_string())
    }
}

#[derive(Serialize)]
struct Error<'a> {
    error: Told<'a>,
}

#[derive(Serialize)]
struct Told<'a> {
    code: &'a str,
    message: &'a str,
}

/// Gives the answer or the failure, and the exit code.
pub(super) fn give(result: Result<Answer, Failure>, json: bool) -> ExitCode {
    match result {
        Ok(answer) => {
            print(if json { &answer.json } else { &answer.text });
            ExitCode::from(answer.exit)
        }
        Err(failure) => {
            if json {
                let told = Error { error: Told { code: failure.code, message: &failure.message } };
                print(&serde_json::to_string_pretty(&told).unwrap_or_default());
            } else {
                let _ = writeln!(std::io::stderr(), "{}", failure.message);
            }
            ExitCode::from(failure.exit)
        }
    }
}

/// A reader that went away, as `head` does, is no failure.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
