//! What can go wrong with a provider, in words for people, and whether trying again can help.

use protocol::service::revocation::RevocationError;
use protocol::service::succession::LineageError;

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It can, after this many seconds.
    After(u64),
    /// It cannot, until a person changes something.
    Never,
}

/// Why a request was not answered as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// No key is pinned.
    #[error("no key of the provider is pinned; enter the fingerprint that the provider gave you")]
    NoPin,
    /// The request needs the household's key.
    #[error("this needs an enrolment with the provider; enrol first")]
    NoKey,
    /// The machine gives no randomness.
    #[error("the system gives no randomness")]
    NoRandomness,
    /// TLS cannot be set up on this machine.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
    /// Not host and port.
    #[error("{0:?} is no address of a provider; write host and port, as in fern.example:8443")]
    Address(String),
    /// The name has no address.
    #[error("the provider's address {0} is not known; check the name and this machine's network")]
    Unresolved(String),
    /// Nobody listens.
    #[error("nobody answers at {0}: the provider's service is not running there, or a firewall refuses")]
    Refused(String),
    /// Nothing came in time.
    #[error("the provider did not answer in time")]
    TimeOut,
    /// The connection broke.
    #[error("the connection to the provider broke: {0}")]
    Broken(String),
    /// TLS 1.2 or older.
    #[error(
        "the other end speaks an old version of TLS; a Wattseal provider speaks TLS 1.3, so the address is wrong or something stands between"
    )]
    OldTls,
    /// Somebody else's key.
    #[error(
        "whoever answers is not the provider whose key you pinned: the address is wrong, something stands between, or the provider changed its key without a hand-over. Compare the fingerprint by telephone"
    )]
    WrongPin,
    /// The provider's certificate is past its date.
    #[error(
        "the provider's TLS certificate is past its date; the provider has to renew it, or the clock of this machine is wrong"
    )]
    ExpiredLeaf,
    /// The provider's certificate is not yet good.
    #[error("the provider's TLS certificate is not good yet; check the clock of this machine")]
    EarlyLeaf,
    /// The provider revoked the certificate.
    #[error(
        "whoever answers shows a TLS certificate that the provider has revoked: it may be an impostor with a stolen key"
    )]
    RevokedLeaf,
    /// Another fault of TLS.
    #[error("no secure connection came about: {0}")]
    Tls(String),
    /// A hand-over is wrong, or there are two.
    #[error(transparent)]
    Lineage(#[from] LineageError),
    /// A revocation list is wrong, old or stale.
    #[error(transparent)]
    Revocations(#[from] RevocationError),
    /// The provider does not know the household's key.
    #[error("the provider does not know this household, or shut it out: {0}")]
    NotEnrolled(String),
    /// The provider has not approved the enrolment.
    #[error("the provider has not approved the enrolment yet")]
    Pending,
    /// The provider has too much to do, or cannot reach its books.
    #[error("the provider asks to come again in {after} s: {message}")]
    Later {
        /// Seconds.
        after: u64,
        /// Its code.
        code: String,
        /// What it says.
        message: String,
    },
    /// The provider refuses for good.
    #[error("the provider refuses: {message}")]
    Rejected {
        /// Its code, such as "overlap-booked".
        code: String,
        /// What it says.
        message: String,
    },
    /// The answer is not what it should be.
    #[error("the provider's answer is wrong: {0}")]
    BadAnswer(&'static str),
}

/// Codes by which a provider refuses a request before it has looked at what was sent.
const ABOUT_THE_REQUEST: [&str; 5] = ["bad-request", "bad-format", "no-length", "no-key", "not-found"];

impl ProviderError {
    /// Whether trying again can help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Later { after, .. } => Retry::After((*after).clamp(1, 86_400)),
            Self::Unresolved(_) | Self::Refused(_) | Self::TimeOut | Self::Broken(_) => Retry::After(60),
            // These end when the provider acts, or when whoever stands between goes away: a captive portal, an attack that
            // passes. Nothing was sent, so a bill that waits may try again.
            Self::Pending
            | Self::OldTls
            | Self::WrongPin
            | Self::EarlyLeaf
            | Self::Tls(_)
            | Self::ExpiredLeaf
            | Self::RevokedLeaf
            | Self::BadAnswer(_)
            | Self::Revocations(RevocationError::Stale | RevocationError::Future) => Retry::After(3600),
            _ => Retry::Never,
        }
    }

    /// Whether this is the provider's own word on what it was sent, which trying again does not change. Everything else says
    /// something of the way there, of keys or of clocks, and may pass: a bill is not given up for it.
    #[must_use]
    pub fn is_verdict(&self) -> bool {
        matches!(self, Self::Rejected { code, .. } if !ABOUT_THE_REQUEST.contains(&code.as_str()))
    }

    /// A short stable name.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::NoPin => "no-pin",
            Self::NoKey => "no-key",
            Self::NoRandomness => "no-randomness",
            Self::Setup(_) => "tls-setup",
            Self::Address(_) => "bad-address",
            Self::Unresolved(_) => "unresolved",
            Self::Refused(_) => "connection-refused",
            Self::TimeOut => "time-out",
            Self::Broken(_) => "broken-connection",
            Self::OldTls => "old-tls",
            Self::WrongPin => "wrong-pin",
            Self::ExpiredLeaf => "expired-certificate",
            Self::EarlyLeaf => "early-certificate",
            Self::RevokedLeaf => "revoked-tls-certificate",
            Self::Tls(_) => "tls",
            Self::Lineage(_) => "bad-succession",
            Self::Revocations(RevocationError::Older { .. }) => "old-revocations",
            Self::Revocations(RevocationError::Stale) => "stale-revocations",
            Self::Revocations(RevocationError::Future) => "early-revocations",
            Self::Revocations(_) => "bad-revocations",
            Self::NotEnrolled(_) => "not-enrolled",
            Self::Pending => "pending",
            Self::Later { code, .. } | Self::Rejected { code, .. } => code,
            Self::BadAnswer(_) => "bad-answer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::wire::WireError;

    #[test]
    fn only_the_providers_word_on_a_bill_is_final() {
        let rejected = |code: &str| ProviderError::Rejected { code: code.into(), message: String::new() };
        for word in ["overlap-booked", "withdrawn-tariff", "malformed", "too-large"] {
            assert!(rejected(word).is_verdict(), "{word}");
        }
        for word in ABOUT_THE_REQUEST {
            assert!(!rejected(word).is_verdict(), "{word}");
        }
        for passing in [
            ProviderError::WrongPin,
            ProviderError::Lineage(LineageError::Forked),
            ProviderError::Lineage(LineageError::Wire(WireError::TooLong("succession"))),
            ProviderError::Revocations(RevocationError::Future),
            ProviderError::Revocations(RevocationError::OtherKey),
            ProviderError::Revocations(RevocationError::Older { found: 1, seen: 2 }),
            ProviderError::BadAnswer("x"),
            ProviderError::NotEnrolled(String::new()),
            ProviderError::NoRandomness,
            ProviderError::Address(String::new()),
        ] {
            assert!(!passing.is_verdict(), "{passing}");
        }
    }
}
