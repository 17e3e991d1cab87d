//! Commands for a household's meters, and the meters' receipts.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use protocol::service::command::CommandReceipt;
use protocol::show;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BODY, From, bad_request, expect_format, household, read_json};
use crate::ledger::Received;
use crate::service::office::Office;
use crate::service::refusal::Refusal;

pub(super) async fn pending(State(office): State<Arc<Office>>, peer: From) -> Result<Json<Value>, Refusal> {
    let household = household(&office, &peer).await?;
    let now = (office.now)();
    let pending = office.desk.run(move |ledger| ledger.pending_commands(&household.contract, now)).await??;
    let commands: Vec<Value> = pending
        .iter()
        .map(|c| {
            json!({ "meter": show::hex(&c.meter), "sequence": c.sequence, "expires_at": c.expires_at,
                "command": show::hex(&c.message) })
        })
        .collect();
    Ok(Json(json!({ "format": 1, "commands": commands })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Receipt {
    format: u8,
    receipt: String,
}

pub(super) async fn receipt(
    State(office): State<Arc<Office>>,
    peer: From,
    Path(sequence): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let household = household(&office, &peer).await?;
    let sequence: u64 = sequence.parse().map_err(|_| bad_request("a command's number belongs into the path"))?;
    let request: Receipt = read_json(&office, &peer, &headers, body, BODY).await?;
    expect_format(request.format)?;
    let message = hex::decode(&request.receipt).map_err(|_| bad_request("the receipt is given in hexadecimal"))?;
    let refused = |code: &str, message: String| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, code, message);
    let receipt = CommandReceipt::read(&message).map_err(|error| refused("bad-receipt", error.to_string()))?;
    if receipt.sequence != sequence {
        return Err(bad_request("the receipt is for another number than the path"));
    }
    let now = (office.now)();
    match office.desk.run(move |ledger| ledger.keep_receipt(&household, &receipt, &message, now)).await?? {
        Received::Kept => Ok(Json(json!({ "format": 1, "state": "kept" }))),
        Received::Unknown => {
            let message = "no meter of this contract was sent such a command";
            Err(Refusal::new(StatusCode::NOT_FOUND, "unknown-command", message))
        }
        Received::Other => {
            let message = "the receipt is for another command, or another receipt was kept before".to_owned();
            Err(refused("other-receipt", message))
        }
    }
}
