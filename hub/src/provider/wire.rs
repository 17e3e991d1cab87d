//! One request over one connection, with a deadline for each step and a bound on the answer.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use protocol::service::tls::SERVER_NAME;
use protocol::service::{MAX_BILL, MAX_BODY};
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, Error as TlsFault};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Client;
use super::error::ProviderError;
use super::read::is_control;
use super::trust::Who;

/// For the connection and the handshake.
const CONNECT: Duration = Duration::from_secs(15);
/// From the request to the end of the answer: a large bill on a slow line, and its verification.
const ANSWER: Duration = Duration::from_secs(170);
/// The same for a circuit's parameters.
const DOWNLOAD: Duration = Duration::from_secs(3600);
/// Longest answer in JSON.
pub(super) const MAX_JSON: usize = 1 << 20;

/// A request.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Bytes,
    pub(super) kind: &'static str,
    /// Longest answer.
    pub(super) limit: usize,
    /// Whether the household's certificate is shown.
    pub(super) as_household: bool,
    /// From the request to the end of the answer.
    pub(super) patience: Duration,
}

impl<'a> Ask<'a> {
    pub(super) fn get(path: &'a str, limit: usize, as_household: bool) -> Self {
        Self { method: Method::GET, path, body: Bytes::new(), kind: "", limit, as_household, patience: ANSWER }
    }

    /// A file of many megabytes.
    pub(super) fn download(path: &'a str, limit: usize) -> Self {
        Self { patience: DOWNLOAD, ..Self::get(path, limit, true) }
    }

    /// The same request once more.
    pub(super) fn again(&self) -> Self {
        Self { method: self.method.clone(), body: self.body.clone(), ..*self }
    }

    pub(super) fn post(path: &'a str, body: Vec<u8>, kind: &'static str) -> Self {
        Self {
            method: Method::POST,
            path,
            body: body.into(),
            kind,
            limit: MAX_JSON,
            as_household: true,
            patience: ANSWER,
        }
    }
}

#[derive(Deserialize)]
struct Refused {
    error: Told,
}

#[derive(Deserialize)]
struct Told {
    code: String,
    message: String,
    #[serde(default)]
    retry: bool,
}

impl Client {
    /// Asks whoever answers at the address, and gives the body of a good answer.
    pub(super) async fn exchange(&self, who: Who, ask: Ask<'_>) -> Result<Vec<u8>, ProviderError> {
        // A provider that refuses a body hangs up before it has read it, and its reason is lost on the way.
        let most = if ask.path == "/v1/bills" { MAX_BILL } else { MAX_BODY };
        if ask.body.len() > most {
            let message = format!("this has {} bytes, a provider takes at most {most}", ask.body.len());
            return Err(ProviderError::Rejected { code: "too-large".into(), message });
        }
        let key = if ask.as_household { Some(self.key.as_ref().ok_or(ProviderError::NoKey)?) } else { None };
        let config = self.tls(who, key)?;
        let name = ServerName::try_from(SERVER_NAME).map_err(|e| ProviderError::Setup(e.to_string()))?;
        let connect = async {
            let stream = self.connect().await?;
            let _ = stream.set_nodelay(true);
            TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| fault(&error))
        };
        let stream = timeout(CONNECT, connect).await.map_err(|_| ProviderError::TimeOut)??;
        timeout(ask.patience, talk(stream, ask)).await.map_err(|_| ProviderError::TimeOut)?
    }

    async fn connect(&self) -> Result<TcpStream, ProviderError> {
        let address = self.address.as_str();
        let sound =
            address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if !sound {
            return Err(ProviderError::Address(address.to_owned()));
        }
        let found =
            tokio::net::lookup_host(address).await.map_err(|_| ProviderError::Unresolved(address.to_owned()))?;
        let mut last = ProviderError::Unresolved(address.to_owned());
        for place in found {
            match TcpStream::connect(place).await {
                Ok(stream) => return Ok(stream),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    last = ProviderError::Refused(address.to_owned());
                }
                Err(error) => last = ProviderError::Broken(error.to_string()),
            }
        }
        Err(last)
    }
}

async fn talk(stream: tokio_rustls::client::TlsStream<TcpStream>, ask: Ask<'_>) -> Result<Vec<u8>, ProviderError> {
    let broken = |error: hyper::Error| http_fault(&error);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let driver = tokio::spawn(connection);
    let mut request = Request::builder().method(ask.method).uri(ask.path).header(HOST, SERVER_NAME);
    if !ask.kind.is_empty() {
        request = request.header(CONTENT_TYPE, ask.kind);
    }
    let request = request.body(Full::new(ask.body));
    let request = request.map_err(|_| ProviderError::Setup("the request cannot be written".into()))?;
    let response = sender.send_request(request).await.map_err(broken);
    let answer = match response {
        Ok(response) => read(response, ask.limit).await,
        Err(error) => Err(error),
    };
    driver.abort();
    answer
}

async fn read(response: Response<hyper::body::Incoming>, limit: usize) -> Result<Vec<u8>, ProviderError> {
    let status = response.status();
    let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    // Piece by piece into one place: parameters of a circuit are too large for copies.
    let (mut pieces, mut body) = (Limited::new(response.into_body(), limit), Vec::new());
    while let Some(piece) = pieces.frame().await {
        let piece = piece.map_err(|error| {
            if error.is::<LengthLimitError>() {
                ProviderError::BadAnswer("it is longer than any honest one")
            } else {
                ProviderError::Broken(error.to_string())
            }
        })?;
        body.extend_from_slice(piece.data_ref().map_or(&[], |data| data));
    }
    if status.is_success() {
        return Ok(body);
    }
    let Ok(Refused { error: Told { code, message, retry } }) = serde_json::from_slice(&body) else {
        return Err(if status.is_server_error() {
            ProviderError::Later { after: after.unwrap_or(60), code: "unavailable".into(), message: status.to_string() }
        } else {
            ProviderError::BadAnswer("it is not that of a Wattseal provider")
        });
    };
    let message: String = message.chars().filter(|c| !is_control(*c)).take(500).collect();
    let named = !code.is_empty() && code.len() <= 40 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let code = if named { code } else { "refused".to_owned() };
    Err(match (status, code.as_str(), retry) {
        (StatusCode::FORBIDDEN, "pending", _) => ProviderError::Pending,
        (StatusCode::FORBIDDEN, "not-enrolled", _) => ProviderError::NotEnrolled(message),
        (_, _, true) => ProviderError::Later { after: after.unwrap_or(60), code, message },
        _ => ProviderError::Rejected { code, message },
    })
}

/// A fault of the handshake, in our words.
fn fault(error: &std::io::Error) -> ProviderError {
    let Some(fault) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsFault>()) else {
        return ProviderError::Broken(error.to_string());
    };
    match fault {
        TlsFault::PeerIncompatible(_) | TlsFault::AlertReceived(AlertDescription::ProtocolVersion) => {
            ProviderError::OldTls
        }
        TlsFault::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            ProviderError::ExpiredLeaf
        }
        TlsFault::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            ProviderError::EarlyLeaf
        }
        TlsFault::InvalidCertificate(CertificateError::Revoked) => ProviderError::RevokedLeaf,
        TlsFault::InvalidCertificate(_) => ProviderError::WrongPin,
        other => ProviderError::Tls(other.to_string()),
    }
}

/// A fault after the handshake: in TLS 1.3 a server that refuses our certificate says so only then.
fn http_fault(error: &hyper::Error) -> ProviderError {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return fault(io);
        }
        cause = inner.source();
    }
    ProviderError::Broken(error.to_string())
}
