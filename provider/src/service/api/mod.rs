//! What can be asked: paths, limits, and who may ask.

mod bills;
mod commands;
mod household;
mod open;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use protocol::service::MAX_BODY;

use super::accept::Peer;
use super::office::Office;
use super::refusal::Refusal;
use crate::ledger::Caller;

/// For a body to arrive.
const BODY: Duration = Duration::from_secs(120);

/// The paths.
pub(super) fn router(office: Arc<Office>) -> Router {
    Router::new()
        .route("/v1/provider", get(open::provider))
        .route("/v1/tariffs", get(open::tariffs))
        .route("/v1/tariffs/{hash}", get(open::tariff))
        .route("/v1/meters/{identity}/certificates", get(open::certificates))
        .route("/v1/revocations", get(open::revocations))
        .route("/v1/enrol", post(household::enrol))
        .route("/v1/keys", post(household::next_key))
        .route("/v1/bills", post(bills::submit))
        .route("/v1/bills/{digest}", get(bills::state))
        .route("/v1/commands", get(commands::pending))
        .route("/v1/commands/{sequence}/receipt", post(commands::receipt))
        .fallback(nowhere)
        .method_not_allowed_fallback(nowhere)
        .layer(from_fn(note))
        .with_state(office)
}

async fn nowhere() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not-found", "there is nothing under this path; update the program that asks")
}

/// One line a request: the path's pattern, never what stands in it, and no address.
async fn note(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let path = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let method = if request.method() == Method::POST { "POST" } else { "GET" };
    let response = next.run(request).await;
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(method, path, status = response.status().as_u16(), milliseconds, "answered");
    response
}

/// The contract of the household that asks.
async fn household(office: &Office, peer: &Peer) -> Result<String, Refusal> {
    let pin = protocol::service::key::pin(&key(peer)?);
    let now = (office.now)();
    match office.desk.run(move |ledger| ledger.caller(&pin, now)).await?? {
        Caller::Household(contract) => Ok(contract),
        Caller::Pending(_) => {
            let message = "the provider has not approved this enrolment yet";
            Err(Refusal::later(StatusCode::FORBIDDEN, "pending", message, 3600))
        }
        Caller::Stranger => {
            let message =
                "this key is not enrolled here, or no longer; ask the provider for a new code and enrol again";
            Err(Refusal::new(StatusCode::FORBIDDEN, "not-enrolled", message))
        }
    }
}

/// The key that the client proved to hold.
fn key(peer: &Peer) -> Result<[u8; 32], Refusal> {
    peer.key.ok_or_else(|| {
        Refusal::new(StatusCode::UNAUTHORIZED, "no-key", "this request needs the household's TLS certificate")
    })
}

/// A body of at most `limit` bytes, held within what all bodies together may take of the memory.
async fn read(
    office: &Office,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<(Bytes, OwnedSemaphorePermit), Refusal> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let Some(length) = length else {
        let message = "the length of the body must be said beforehand (Content-Length)";
        return Err(Refusal::new(StatusCode::LENGTH_REQUIRED, "no-length", message));
    };
    if length > limit {
        let message = format!("the body has {length} bytes, at most {limit} are taken");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message));
    }
    let kib = u32::try_from(length / 1024 + 1).unwrap_or(u32::MAX);
    let place = Arc::clone(&office.bodies).try_acquire_many_owned(kib).map_err(|_| Refusal::from(BUSY))?;
    let broken = || Refusal::later(StatusCode::BAD_REQUEST, "cut-short", "the body did not arrive whole", 1);
    match timeout(BODY, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) if bytes.len() == length => Ok((bytes, place)),
        Ok(_) => Err(broken()),
        Err(_) => {
            let message = "the body did not arrive in time";
            Err(Refusal::later(StatusCode::REQUEST_TIMEOUT, "too-slow", message, 60))
        }
    }
}

const BUSY: super::pool::NotDone = super::pool::NotDone::Busy;

/// A body of JSON.
async fn read_json<T: serde::de::DeserializeOwned>(
    office: &Office,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Refusal> {
    let (bytes, _place) = read(office, headers, body, MAX_BODY).await?;
    serde_json::from_slice(&bytes).map_err(|_| bad_request("the body is not the JSON that belongs here"))
}

fn bad_request(message: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "bad-request", message)
}

/// Refuses a body of another format than 1.
fn expect_format(format: u8) -> Result<(), Refusal> {
    if format == protocol::service::VERSION {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::BAD_REQUEST, "bad-format", "the provider knows format 1 of this request alone"))
}

/// 32 bytes in hexadecimal digits.
fn hash(text: &str) -> Result<[u8; 32], Refusal> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| bad_request("64 hexadecimal digits belong here"))?;
    Ok(bytes)
}

/// What handlers are given beside the shared state.
type From = Extension<Peer>;
