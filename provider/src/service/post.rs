//! A report as an HTTP POST of JSON: https with the system's roots, or http to this machine alone.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use protocol::show;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, version};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::ledger::Report;
use crate::tls::crypto;

/// For one call, from the name's resolution to the end of the answer.
const WHOLE: Duration = Duration::from_secs(20);
/// As much of an answer is read and thrown away.
const MOST_ANSWER: usize = 64 << 10;

/// A checked address for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
    secure: bool,
    host: String,
    port: u16,
}

/// Why an address is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not an address of the web.
    #[error("takes an address that begins with https:// or http://")]
    Form,
    /// Without TLS over a network.
    #[error("takes http:// for localhost alone; use https:// for other machines")]
    Open,
}

/// Why a call did not arrive. The address is not part of it: it may hold a secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    #[error("no answer in time")]
    Slow,
    #[error("{0}")]
    Network(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("it cannot be asked so: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("{0}")]
    Tls(#[from] rustls::Error),
    #[error("it answered {0}")]
    Status(u16),
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let uri: Uri = text.parse().map_err(|_| TargetError::Form)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(TargetError::Form),
        };
        let host = uri.host().ok_or(TargetError::Form)?.trim_matches(['[', ']']).to_owned();
        if !secure && !["localhost", "127.0.0.1", "::1"].contains(&host.as_str()) {
            return Err(TargetError::Open);
        }
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { uri, secure, host, port })
    }
}

/// What a report is to a program.
pub(super) fn body(report: &Report) -> Vec<u8> {
    let (from, until) = report.period();
    let event = format!("bill-{}", report.state.name());
    let body = json!({ "format": 1, "event": event, "report": report.id, "contract": report.late.contract,
        "meter": show::hex(&report.late.meter), "period": { "from": from, "until": until } });
    body.to_string().into_bytes()
}

/// Posts a body; any 2xx is good.
pub(super) async fn post(target: &Target, body: Vec<u8>) -> Result<(), PostError> {
    timeout(WHOLE, call(target, body)).await.map_err(|_| PostError::Slow)?
}

async fn call(target: &Target, body: Vec<u8>) -> Result<(), PostError> {
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
    if !target.secure {
        return exchange(target, stream, body).await;
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(crypto())
        .with_protocol_versions(&[&version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(target.host.clone()).map_err(std::io::Error::other)?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    exchange(target, stream, body).await
}

async fn exchange(
    target: &Target,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    body: Vec<u8>,
) -> Result<(), PostError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let path = target.uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = target.uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    let request = Request::post(path)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    // What it says beside the status is of no use, but a connection is ended politely.
    let _ = Limited::new(response.into_body(), MOST_ANSWER).collect().await;
    driver.abort();
    if status.is_success() { Ok(()) } else { Err(PostError::Status(status.as_u16())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_leave_the_machine_under_tls_alone() {
        let target = |text: &str| text.parse::<Target>().map(|t| (t.secure, t.host, t.port));
        assert_eq!(target("http://localhost:9/x"), Ok((false, "localhost".into(), 9)));
        assert_eq!(target("http://[::1]:9/x"), Ok((false, "::1".into(), 9)));
        assert_eq!(target("https://example.org/hook?t=1"), Ok((true, "example.org".into(), 443)));
        assert_eq!(target("http://example.org/"), Err(TargetError::Open));
        assert_eq!(target("http://127.0.0.1.example.org/"), Err(TargetError::Open));
        assert_eq!(target("ftp://localhost/"), Err(TargetError::Form));
        assert_eq!(target("localhost"), Err(TargetError::Form));
    }
}
