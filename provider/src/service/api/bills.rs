//! Bills: taken, answered with a receipt, and asked for again.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use protocol::metrology::keys::Hash;
use protocol::show;
use serde_json::{Value, json};

use protocol::service::MAX_BILL;

use super::{From, hash, household, read};
use crate::ledger::Receipt;
use crate::service::office::Office;
use crate::service::refusal::Refusal;
use crate::service::submit;

/// The answer on a booked bill: the same whenever it is asked.
fn answer(digest: &Hash, receipt: &Receipt) -> Value {
    let verdict: Value = serde_json::from_str(&receipt.verdict).unwrap_or(Value::Null);
    json!({ "format": 1, "digest": show::hex(digest), "state": "accepted", "verdict": verdict,
        "receipt": show::hex(&receipt.message) })
}

pub(super) async fn submit(
    State(office): State<Arc<Office>>,
    peer: From,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let household = household(&office, &peer).await?;
    let (bill, place) = read(&office, &peer, &headers, body, MAX_BILL).await?;
    let (papers, policy, now) = (Arc::clone(&peer.papers), office.settings.policy.clone(), (office.now)());
    let shelf = office.shelves.now().await;
    let accepted = office.bills.run(move |ledger| {
        // The bill's share of the memory is free when the worker is done with it, not when the client goes away.
        let _place = place;
        let terms = submit::Terms { policy: &policy, circuits: &shelf.circuits };
        submit::submit(ledger, &papers.identity, &household, &bill, terms, now)
    });
    match accepted.await? {
        Ok(accepted) => Ok(Json(answer(&accepted.digest, &accepted.receipt))),
        Err(refusal) => {
            tracing::info!(code = refusal.code, "a bill was not booked");
            Err(refusal)
        }
    }
}

pub(super) async fn state(
    State(office): State<Arc<Office>>,
    peer: From,
    Path(text): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let household = household(&office, &peer).await?;
    let digest = hash(&text)?;
    let papers = Arc::clone(&peer.papers);
    // On a thread for bills: one whose receipt was never written is verified again for it.
    let found = office.bills.run(move |ledger| submit::booked(ledger, &papers.identity, &household, &digest));
    let Some(receipt) = found.await?? else {
        let message = "the provider has booked no such bill of this contract; submit it";
        return Err(Refusal::new(StatusCode::NOT_FOUND, "unknown-bill", message));
    };
    let mut answer = answer(&digest, &receipt);
    if let Some(object) = answer.as_object_mut() {
        let state = if receipt.corrected_by.is_some() { "superseded" } else { "accepted" };
        object.insert("state".into(), state.into());
        object.insert("corrected_by".into(), receipt.corrected_by.map(|digest| show::hex(&digest)).into());
    }
    Ok(Json(answer))
}
