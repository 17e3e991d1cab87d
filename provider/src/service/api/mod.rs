//! What can be asked: paths, limits, and who may ask.

mod bills;
mod circuits;
mod commands;
mod household;
mod open;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http_body_util::{BodyExt, Limited};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use protocol::service::{MAX_BILL, MAX_BODY};

use super::accept::Peer;
use super::office::Office;
use super::refusal::Refusal;
use super::shares::Room;
use crate::ledger::{Caller, Household};

/// For a body to arrive.
const BODY: Duration = Duration::from_secs(120);
/// For the body of who is not enrolled yet: a few kilobytes.
const BODY_OF_STRANGERS: Duration = Duration::from_secs(20);

/// The paths.
pub(super) fn router(office: Arc<Office>) -> Router {
    Router::new()
        .route("/v1/provider", get(open::provider))
        .route("/v1/tariffs", get(open::tariffs))
        .route("/v1/tariffs/{hash}", get(open::tariff))
        .route("/v1/meters/{identity}/certificates", get(open::certificates))
        .route("/v1/revocations", get(open::revocations))
        .route("/v1/circuits", get(circuits::list))
        .route("/v1/circuits/{id}/circuit", get(circuits::circuit))
        .route("/v1/circuits/{id}/proving", get(circuits::proving))
        .route("/v1/circuits/{id}/powers", get(circuits::powers))
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

/// The household that asks. Whatever it asks for looks at its key again when the body has come.
async fn household(office: &Office, peer: &Peer) -> Result<Household, Refusal> {
    let pin = protocol::service::key::pin(&key(peer)?);
    let now = (office.now)();
    match office.desk.run(move |ledger| ledger.caller(&pin, now)).await?? {
        Caller::Household(household) => Ok(household),
        Caller::Pending(_) => {
            let message = "the provider has not approved this enrolment yet";
            Err(Refusal::later(StatusCode::FORBIDDEN, "pending", message, 3600))
        }
        Caller::Stranger => Err(Refusal::not_enrolled()),
    }
}

/// The key that the client proved to hold.
fn key(peer: &Peer) -> Result<[u8; 32], Refusal> {
    peer.key.ok_or_else(|| {
        Refusal::new(StatusCode::UNAUTHORIZED, "no-key", "this request needs the household's TLS certificate")
    })
}

/// Memory that a body takes while it is looked at.
struct Place {
    _all: Vec<OwnedSemaphorePermit>,
    _share: Room,
}

/// A body of at most `limit` bytes, held within what all bodies together, and those of one address, may take of the
/// memory. What was announced and does not come takes nothing.
async fn read(
    office: &Office,
    peer: &Peer,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<(Vec<u8>, Place), Refusal> {
    read_within(office, peer, headers, body, limit, BODY).await
}

async fn read_within(
    office: &Office,
    peer: &Peer,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    time: Duration,
) -> Result<(Vec<u8>, Place), Refusal> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let Some(length) = length else {
        let message = "the length of the body must be said beforehand (Content-Length)";
        return Err(Refusal::new(StatusCode::LENGTH_REQUIRED, "no-length", message));
    };
    if length > limit {
        let message = format!("the body has {length} bytes, at most {limit} are taken");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message));
    }
    timeout(time, collect(office, peer, body, length)).await.unwrap_or_else(|_| {
        let message = "the body did not arrive in time";
        Err(Refusal::later(StatusCode::REQUEST_TIMEOUT, "too-slow", message, 60))
    })
}

/// Takes a body as it comes, with room for each part before it is kept.
async fn collect(office: &Office, peer: &Peer, body: Body, length: usize) -> Result<(Vec<u8>, Place), Refusal> {
    let broken = || Refusal::later(StatusCode::BAD_REQUEST, "cut-short", "the body did not arrive whole", 1);
    let mut body = Limited::new(body, length);
    let (mut bytes, mut all, mut share, mut room) = (Vec::new(), Vec::new(), peer.share.room(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(part) = frame.map_err(|_| broken())?.into_data() else { continue };
        while bytes.len() + part.len() > room * 1024 {
            // Twice as much each time, as a growing list takes it.
            let step = room.clamp(STEP_KIB, MAX_BILL / 1024);
            let kib = u32::try_from(step).unwrap_or(u32::MAX);
            all.push(Arc::clone(&office.bodies).try_acquire_many_owned(kib).map_err(|_| Refusal::from(BUSY))?);
            if !share.grow(step) {
                return Err(BUSY.into());
            }
            room += step;
            bytes.reserve_exact(room * 1024 - bytes.len());
        }
        bytes.extend_from_slice(&part);
    }
    if bytes.len() == length { Ok((bytes, Place { _all: all, _share: share })) } else { Err(broken()) }
}

/// The first room of a body, KiB; as much as the longest honest one but a bill.
const STEP_KIB: usize = 16;
const BUSY: super::pool::NotDone = super::pool::NotDone::Busy;

/// A body of JSON.
async fn read_json<T: serde::de::DeserializeOwned>(
    office: &Office,
    peer: &Peer,
    headers: &HeaderMap,
    body: Body,
    time: Duration,
) -> Result<T, Refusal> {
    let (bytes, _place) = read_within(office, peer, headers, body, MAX_BODY, time).await?;
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
