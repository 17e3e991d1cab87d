//! How a request is refused: a status, a code for programs, a sentence for people, and whether trying again can help.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::pool::NotDone;
use crate::ledger::LedgerError;

/// Seconds after which a client may come again when nothing better is known.
const LATER: u64 = 5;

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    pub(super) code: String,
    message: String,
    /// Seconds after which trying again can help; none when it cannot.
    after: Option<u64>,
    verdict: Option<Value>,
}

impl Refusal {
    /// One that will not change.
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), after: None, verdict: None }
    }

    /// The client's key is nobody's.
    pub(super) fn not_enrolled() -> Self {
        let message = "this key is not enrolled here, or no longer; ask the provider for a new code and enrol again";
        Self::new(StatusCode::FORBIDDEN, "not-enrolled", message)
    }

    /// One that may pass.
    pub(super) fn later(status: StatusCode, code: &str, message: impl Into<String>, after: u64) -> Self {
        Self { after: Some(after), ..Self::new(status, code, message) }
    }

    /// Adds what the verifier said.
    pub(super) fn with(self, verdict: Value) -> Self {
        Self { verdict: Some(verdict), ..self }
    }
}

impl From<NotDone> for Refusal {
    fn from(cause: NotDone) -> Self {
        match cause {
            NotDone::Busy => {
                let message = "the provider has as much to do as it takes on; try again in a moment";
                Self::later(StatusCode::SERVICE_UNAVAILABLE, "busy", message, LATER)
            }
            NotDone::Failed => {
                let message = "the provider failed on this request; its log says why";
                Self::later(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, 60)
            }
        }
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        if matches!(error, LedgerError::ShutOut) {
            return Self::not_enrolled();
        }
        // What the error says is about the provider's own disk: it goes to the log, not to a household.
        tracing::error!(%error, code = error.code(), "the ledger did not do its part");
        let message = "the provider cannot reach its books at the moment; try again later";
        Self::later(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message, 30)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({ "format": 1, "error": { "code": self.code, "message": self.message,
            "retry": self.after.is_some() } });
        if let (Some(verdict), Some(object)) = (self.verdict, body.as_object_mut()) {
            object.insert("verdict".into(), verdict);
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(after) = self.after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after));
        }
        response
    }
}
