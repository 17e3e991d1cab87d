//! What anybody may ask: who the provider is, its tariffs, a meter's certificates, what is revoked.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::{certificate, show};
use serde_json::{Value, json};

use super::{From, hash};
use crate::service::office::Office;
use crate::service::refusal::Refusal;

/// CBOR as it came: the bytes are signed.
fn bytes(message: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/cbor")], message).into_response()
}

pub(super) async fn provider(peer: From) -> Json<Value> {
    let identity = &peer.papers.identity;
    let provider = identity.provider();
    let successions: Vec<String> = identity.successions().iter().map(|message| show::hex(message)).collect();
    Json(json!({ "format": 1, "name": provider.name, "key": show::hex(&provider.key),
        "fingerprint": show::fingerprint(&provider.key), "successions": successions }))
}

pub(super) async fn tariffs(State(office): State<Arc<Office>>) -> Result<Json<Value>, Refusal> {
    let published = office.desk.run(|ledger| ledger.published()).await??;
    let tariffs: Vec<Value> = published
        .iter()
        .filter(|tariff| tariff.withdrawn_at.is_none())
        .map(|tariff| {
            json!({ "hash": show::hex(&tariff.hash), "id": tariff.id, "name": tariff.name,
                "valid": { "from": tariff.valid.from, "until": tariff.valid.until } })
        })
        .collect();
    Ok(Json(json!({ "format": 1, "tariffs": tariffs })))
}

pub(super) async fn tariff(State(office): State<Arc<Office>>, Path(text): Path<String>) -> Result<Response, Refusal> {
    let hash = hash(&text)?;
    match office.desk.run(move |ledger| ledger.published_message(&hash)).await?? {
        Some((message, false)) => Ok(bytes(message)),
        Some((_, true)) => {
            Err(Refusal::new(StatusCode::GONE, "withdrawn-tariff", "the provider has withdrawn this tariff"))
        }
        None => Err(Refusal::new(StatusCode::NOT_FOUND, "unknown-tariff", "the provider has published no such tariff")),
    }
}

pub(super) async fn certificates(
    State(office): State<Arc<Office>>,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    let identity = hash(&text)?;
    let messages = office.desk.run(move |ledger| ledger.certificates(&identity)).await??;
    if messages.is_empty() {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "unknown-meter", "the provider lists no such meter"));
    }
    Ok(bytes(certificate::write_file(&messages)))
}

pub(super) async fn revocations(State(office): State<Arc<Office>>, peer: From) -> Result<Response, Refusal> {
    let (papers, now) = (Arc::clone(&peer.papers), office.seconds());
    let list = office.desk.run(move |ledger| {
        let identity = &papers.identity;
        ledger.revocations(identity.provider().key, now, |list| list.sign(identity.signer()))
    });
    Ok(bytes(list.await??))
}
