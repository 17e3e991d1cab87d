//! An authority and a broker's certificate, made anew for each test.

use std::fmt::Write;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// An authority and a certificate for the broker, in files.
pub struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    pub fn new(names: &[&str], valid: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut broker = CertificateParams::new(names).unwrap();
        if !valid {
            broker.not_after = rcgen::date_time_ymd(2001, 1, 1);
            broker.not_before = rcgen::date_time_ymd(2000, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = broker.signed_by(&key, &authority).unwrap();
        for (name, pem) in [
            ("ca", authority.pem()),
            ("cert", certificate.pem()),
            ("key", key.serialize_pem()),
            ("ca-key", authority.key().serialize_pem()),
        ] {
            std::fs::write(folder.path().join(name), pem).unwrap();
        }
        Self { folder }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lines for mosquitto's configuration.
    pub fn settings(&self) -> String {
        let mut settings = String::from("allow_anonymous true\n");
        for (setting, name) in [("cafile", "ca"), ("certfile", "cert"), ("keyfile", "key")] {
            writeln!(settings, "{setting} {}", self.file(name).display()).unwrap();
        }
        settings
    }
}
