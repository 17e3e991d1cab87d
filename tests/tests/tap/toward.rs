//! The middleman's way to the provider: TLS 1.3 to the leaf that lies in its directory, under the household's key.

use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use provider::tls::Leaf;
use rcgen::{CertificateParams, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned, version};

/// What stands before the seed in a PKCS #8 document of an Ed25519 key (RFC 8410).
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// Connects to the service of the provider in a directory; with a key, under a certificate of it.
pub fn connect(
    stream: TcpStream,
    provider: PathBuf,
    key: Option<&[u8; 32]>,
) -> StreamOwned<ClientConnection, TcpStream> {
    let crypto = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&crypto))
        .with_protocol_versions(&[&version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(This { provider, crypto }));
    let mut config = match key {
        None => builder.with_no_client_auth(),
        Some(seed) => {
            let document = PrivatePkcs8KeyDer::from([&PKCS8[..], seed].concat());
            let pair = KeyPair::try_from(&document).unwrap();
            let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap();
            builder.with_client_auth_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(document)).unwrap()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from("provider.wattseal").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

/// Accepts the certificate on the provider's disk alone. The service replaces it as it takes a connection.
#[derive(Debug)]
struct This {
    provider: PathBuf,
    crypto: Arc<CryptoProvider>,
}

impl ServerCertVerifier for This {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if Leaf::load(&self.provider).is_ok_and(|own| own.certificate == leaf.as_ref()) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::General("not the provider's leaf".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, leaf, signature, &self.crypto.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
