//! How a household comes in: enrolment with a one-time code, and the change of its key.

use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use protocol::certificate;
use protocol::code::{self, Purpose};
use protocol::service::key::{NextKey, pin};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{BODY, BODY_OF_STRANGERS, From, bad_request, expect_format, household, key, read_json};
use crate::ledger::Enrolment;
use crate::service::office::Office;
use crate::service::refusal::Refusal;

/// Meters that one enrolment lists at most.
const MOST_METERS: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enrol {
    format: u8,
    code: String,
    meters: Vec<String>,
}

pub(super) async fn enrol(
    State(office): State<Arc<Office>>,
    peer: From,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let pin = pin(&key(&peer)?);
    let address = peer.address.ip();
    let wait = office.attempts.lock().unwrap_or_else(PoisonError::into_inner).wait(address, office.seconds());
    if let Some(wait) = wait {
        let message =
            "too many wrong codes came from this address; wait and compare the code with what the provider sent";
        return Err(Refusal::later(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", message, wait));
    }
    let request: Enrol = read_json(&office, &peer, &headers, body, BODY_OF_STRANGERS).await?;
    let typed = Zeroizing::new(request.code);
    expect_format(request.format)?;
    if request.meters.is_empty() || request.meters.len() > MOST_METERS {
        return Err(bad_request("an enrolment names 1 to 16 meters"));
    }
    let mut meters = Vec::with_capacity(request.meters.len());
    for text in &request.meters {
        let file = hex::decode(text).map_err(|_| bad_request("a meter's certificate file is given in hexadecimal"))?;
        let chain = certificate::read_file(&file)
            .map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-certificate", error.to_string()))?;
        meters.push((file, chain));
    }
    let now = (office.now)();
    let outcome = match code::read::<16>(Purpose::Enrolment, &typed) {
        Ok(secret) => {
            let hash = crate::invitation::code_hash(&secret);
            office.desk.run(move |ledger| ledger.enrol(&hash, &pin, &meters, now)).await??
        }
        Err(_) => Enrolment::BadCode,
    };
    let answer = |contract: String, state| Ok(Json(json!({ "format": 1, "contract": contract, "state": state })));
    match outcome {
        Enrolment::Done(contract) => answer(contract, "enrolled"),
        Enrolment::Pending(contract) => answer(contract, "pending"),
        Enrolment::BadCode => {
            office.attempts.lock().unwrap_or_else(PoisonError::into_inner).failed(address, office.seconds());
            let message = "the code is wrong, was used already, or has expired; ask the provider for a new one";
            Err(Refusal::new(StatusCode::FORBIDDEN, "bad-code", message))
        }
        Enrolment::Objection(objection) => {
            let message =
                "a meter belongs to another contract or contradicts the provider's registry; call the provider";
            tracing::warn!(code = objection.code(), "an enrolment was refused for its meters");
            Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, objection.code(), message))
        }
        Enrolment::KeyInUse => {
            let message = "this key is or was enrolled here; make a new key and enrol with that";
            Err(Refusal::new(StatusCode::CONFLICT, "key-in-use", message))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Next {
    format: u8,
    next: String,
}

pub(super) async fn next_key(
    State(office): State<Arc<Office>>,
    peer: From,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let household = household(&office, &peer).await?;
    let request: Next = read_json(&office, &peer, &headers, body, BODY).await?;
    expect_format(request.format)?;
    let refused = |message: &str| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-key", message);
    let message = hex::decode(&request.next).map_err(|_| bad_request("the message is given in hexadecimal"))?;
    let next = NextKey::read(&message).map_err(|error| refused(&error.to_string()))?;
    if next.present != key(&peer)? || next.provider != peer.papers.identity.provider().key {
        return Err(refused("the message is for another key or another provider"));
    }
    let (pin, now) = (pin(&next.next), (office.now)());
    if office.desk.run(move |ledger| ledger.next_key(&household, &pin, now)).await?? {
        return Ok(Json(json!({ "format": 1, "state": "next" })));
    }
    Err(Refusal::new(StatusCode::CONFLICT, "key-in-use", "this key is or was in use already; make another one"))
}
