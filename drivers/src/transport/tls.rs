//! TLS to a broker: version 1.3 alone, one cryptographic provider, and the authorities of the householder's choice.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::error::{CaFileReason, LineError};

/// Where Debian and Raspberry Pi OS keep the authorities that the system trusts.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The system's file has a quarter of this.
const MAX_FILE: u64 = 1 << 20;

/// The settings of a connection whose broker must be signed for by the authorities in the file.
pub(super) async fn config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, LineError> {
    let path = ca_file.unwrap_or(Path::new(SYSTEM));
    let unusable = |reason| LineError::CaFile { path: path.into(), reason };
    let mut pem = Vec::new();
    let file = File::open(path).await.map_err(|_| unusable(CaFileReason::Unreadable))?;
    file.take(MAX_FILE + 1).read_to_end(&mut pem).await.map_err(|_| unusable(CaFileReason::Unreadable))?;
    if pem.len() as u64 > MAX_FILE {
        return Err(unusable(CaFileReason::TooLong));
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let added = certificate.map(|certificate| roots.add(certificate));
        // The system's file may hold old ones that nobody can read; the householder's own should be right.
        if ca_file.is_some() && !matches!(added, Ok(Ok(()))) {
            return Err(unusable(CaFileReason::NoCertificate));
        }
    }
    if roots.is_empty() {
        return Err(unusable(CaFileReason::NoCertificate));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| LineError::Tls { reason: error.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
