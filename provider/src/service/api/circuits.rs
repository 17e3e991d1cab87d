//! Circuits: which there are, and their files, sent from the disk a part at a time.

use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use protocol::show;
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

use super::{BUSY, From, hash, household};
use crate::circuits::{FileHash, Stored};
use crate::service::office::Office;
use crate::service::refusal::Refusal;
use crate::service::shelf::Fetch;

/// Bytes that are read at a time.
const PART: usize = 64 << 10;

pub(super) async fn list(State(office): State<Arc<Office>>) -> Json<Value> {
    let shelf = office.shelves.now().await;
    let row = |(stored, _): &(Stored, Bytes)| {
        let circuit = &stored.circuit;
        let pinned = |file: &FileHash| json!({ "bytes": file.bytes, "pin": show::hex(&file.hash) });
        let powers = |file: &FileHash| json!({ "bytes": file.bytes, "sha256": show::hex(&file.hash) });
        json!({ "id": show::hex(&circuit.id()), "name": circuit.profile.name, "system": show::hex(&circuit.system),
            "origin": show::hex(&circuit.origin), "demonstration": circuit.demonstration,
            "circuit": pinned(&stored.file), "proving": stored.proving.as_ref().map(pinned),
            "powers": stored.powers.as_ref().map(powers) })
    };
    Json(json!({ "format": 1, "circuits": shelf.stored.iter().map(row).collect::<Vec<_>>() }))
}

pub(super) async fn circuit(State(office): State<Arc<Office>>, Path(text): Path<String>) -> Result<Response, Refusal> {
    let shelf = office.shelves.now().await;
    let (_, file) = shelf.get(&hash(&text)?).ok_or_else(unknown)?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], file.clone()).into_response())
}

pub(super) async fn proving(
    State(office): State<Arc<Office>>,
    peer: From,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    send(&office, &peer, &text, "proving", |stored| stored.proving).await
}

pub(super) async fn powers(
    State(office): State<Arc<Office>>,
    peer: From,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    send(&office, &peer, &text, "powers", |stored| stored.powers).await
}

fn unknown() -> Refusal {
    let message = "the provider has no such circuit, or no longer; ask for the list again";
    Refusal::new(StatusCode::NOT_FOUND, "unknown-circuit", message)
}

fn not_published() -> Refusal {
    let message =
        "the provider does not publish this file of the circuit; powers of tau come from their public ceremony";
    Refusal::new(StatusCode::NOT_FOUND, "not-published", message)
}

/// Sends a file. It takes longer than other answers: the connection is given the time, and its household few such.
async fn send(
    office: &Arc<Office>,
    peer: &From,
    text: &str,
    ending: &str,
    which: impl Fn(&Stored) -> Option<FileHash>,
) -> Result<Response, Refusal> {
    let household = household(office, peer).await?;
    let shelf = office.shelves.now().await;
    let (stored, _) = shelf.get(&hash(text)?).ok_or_else(unknown)?;
    let wanted = which(stored).ok_or_else(not_published)?;
    let fetch = office.fetches.enter(&household.contract).ok_or_else(|| Refusal::from(BUSY))?;
    let file = match File::open(office.shelves.path(stored, ending)).await {
        Ok(file) => file,
        Err(error) => {
            tracing::warn!(%error, "a circuit's file cannot be sent");
            return Err(not_published());
        }
    };
    // Another file has taken its place since the folder was read.
    if !file.metadata().await.is_ok_and(|data| data.len() == wanted.bytes) {
        return Err(unknown());
    }
    peer.long.store(true, Ordering::Relaxed);
    let body = FileBody { file, left: wanted.bytes, part: vec![0; PART], _fetch: fetch };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, wanted.bytes.to_string()),
    ];
    Ok((headers, Body::new(body)).into_response())
}

/// A file on its way.
struct FileBody {
    file: File,
    left: u64,
    part: Vec<u8>,
    _fetch: Fetch,
}

impl hyper::body::Body for FileBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Self { file, left, part, .. } = self.get_mut();
        if *left == 0 {
            return Poll::Ready(None);
        }
        let length = usize::try_from(*left).unwrap_or(PART).min(PART);
        let mut buffer = ReadBuf::new(part.get_mut(..length).unwrap_or_default());
        if let Err(error) = ready!(Pin::new(file).poll_read(context, &mut buffer)) {
            return Poll::Ready(Some(Err(error)));
        }
        let read = buffer.filled();
        if read.is_empty() {
            return Poll::Ready(Some(Err(ErrorKind::UnexpectedEof.into())));
        }
        *left = left.saturating_sub(read.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(Bytes::copy_from_slice(read)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
