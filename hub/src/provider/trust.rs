//! Whom the client takes for its provider: a certificate under a key that speaks for it now, and that is not revoked.
//!
//! The trust anchor is built from the pinned key itself. The certificate must be for the one fixed service name; the
//! address it was reached under is not compared (docs/decisions/0011).

use std::sync::Arc;
use std::time::Duration;

use protocol::service::revocation::{Revocations, leaf_hash};
use protocol::service::tls::{anchor_key, issuer_name};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, Der, ServerName, TrustAnchor, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, version};

use super::error::ProviderError;
use super::{Client, ClientKey};

/// Whom a connection accepts at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The provider.
    Provider,
    /// Anybody: for asking an unknown key how it descends from a pinned one. The answer is signed by the pinned key, and
    /// nothing of the household is sent, not even its certificate.
    Anybody,
}

impl Client {
    /// The TLS configuration of one connection.
    pub(super) fn tls(&self, who: Who, key: Option<&ClientKey>) -> Result<ClientConfig, ProviderError> {
        let setup = |error: Error| ProviderError::Setup(error.to_string());
        let crypto = Arc::new(ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match who {
            Who::Anybody => Arc::new(Unknown(Arc::clone(&crypto))),
            Who::Provider => Arc::new(Pinned {
                chain: self.chain(&crypto)?,
                list: self.known().list.as_ref().map(|(list, _)| list.clone()),
            }),
        };
        let clock = Arc::new(At(UnixTime::since_unix_epoch(Duration::from_secs(self.now()))));
        let builder = ClientConfig::builder_with_details(crypto, clock)
            .with_protocol_versions(&[&version::TLS13])
            .map_err(setup)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match key.filter(|_| who == Who::Provider) {
            None => builder.with_no_client_auth(),
            Some(key) => {
                let (certificate, key) = key.certificate()?;
                builder.with_client_auth_cert(vec![certificate], key).map_err(setup)?
            }
        };
        config.enable_sni = false;
        config.resumption = rustls::client::Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Chains to the keys that speak for the provider now.
    fn chain(&self, crypto: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, ProviderError> {
        let now = self.now();
        let known = self.known();
        let tenures = known.lineages.iter().flat_map(|lineage| lineage.tenures());
        let keys = tenures.filter(|tenure| tenure.until.is_none_or(|until| now < until)).map(|tenure| tenure.key);
        let roots = keys.map(|key| TrustAnchor {
            subject: Der::from(issuer_name()),
            subject_public_key_info: Der::from(anchor_key(&key)),
            name_constraints: None,
        });
        let store = Arc::new(RootCertStore { roots: roots.collect() });
        WebPkiServerVerifier::builder_with_provider(store, Arc::clone(crypto))
            .build()
            .map_err(|error| ProviderError::Setup(error.to_string()))
    }
}

/// The moment of one connection.
#[derive(Debug)]
struct At(UnixTime);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

#[derive(Debug)]
struct Pinned {
    chain: Arc<WebPkiServerVerifier>,
    list: Option<Revocations>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // The identity key issues certificates directly: whoever sends others in between is not it.
        if !between.is_empty() {
            return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        }
        let verified = self.chain.verify_server_cert(leaf, between, name, ocsp, now)?;
        let revoked = self.list.as_ref().is_some_and(|list| list.revokes_leaf(&leaf_hash(leaf), now.as_secs()));
        if revoked { Err(Error::InvalidCertificate(CertificateError::Revoked)) } else { Ok(verified) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// Accepts any certificate whose key the other end holds.
#[derive(Debug)]
struct Unknown(Arc<CryptoProvider>);

impl ServerCertVerifier for Unknown {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
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
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, leaf, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
