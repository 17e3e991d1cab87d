//! The server's end of TLS: version 1.3 alone, and a client certificate that proves a key and says nothing else.

use std::sync::Arc;

use protocol::service::key::key_in;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ParsedCertificate};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme, version,
};

use super::leaf::{Leaf, TlsError};

/// Longest certificate of a household; an honest one has some 300 bytes.
const MAX_CERTIFICATE: usize = 2048;

/// What the server presents and insists on.
///
/// # Errors
/// When certificate and key do not fit each other.
pub fn server_config(leaf: &Leaf) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(AnyKey { algorithms: provider.signature_verification_algorithms });
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf.key.to_vec()));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![CertificateDer::from(leaf.certificate.clone())], key)?;
    // Every connection shows its keys afresh: no session outlives a revocation.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The Ed25519 key in a client's certificate.
#[must_use]
pub fn client_key(certificate: &CertificateDer<'_>) -> Option<[u8; 32]> {
    key_in(&ParsedCertificate::try_from(certificate).ok()?.subject_public_key_info())
}

/// Accepts a certificate of any Ed25519 key that the client proves to hold. Whose key it is, the ledger says; nothing
/// else in the certificate is read.
#[derive(Debug)]
struct AnyKey {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyKey {
    fn client_auth_mandatory(&self) -> bool {
        // Tariffs are for everybody.
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if !others.is_empty() || certificate.len() > MAX_CERTIFICATE {
            return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
        }
        client_key(certificate)
            .map(|_| ClientCertVerified::assertion())
            .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// Ring, for configurations outside this module.
#[must_use]
pub(crate) fn crypto() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
