//! Why a line could not be opened, or ended: for the householder in words, for programs as a code.

use std::path::PathBuf;

/// Why a line could not be opened, or ended. None of the texts holds anything that came over the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// The serial port is not there.
    #[error("{path} is not there: plug the cable in, or choose another port")]
    NoDevice {
        /// Of the port.
        path: String,
    },
    /// The serial port may not be opened.
    #[error("{path} may not be opened: add this user to the group dialout, then log in again")]
    NoAccess {
        /// Of the port.
        path: String,
    },
    /// Another program has the serial port.
    #[error("{path} is in use by another program: stop that one, a port has one reader")]
    Busy {
        /// Of the port.
        path: String,
    },
    /// The path names something that is no serial port.
    #[error("{path} is not a serial port")]
    NotATerminal {
        /// The path.
        path: String,
    },
    /// The port does not take the settings.
    #[error("{path} cannot be set up as asked ({reason}): compare speed, bits and parity with the meter's manual")]
    BadSettings {
        /// Of the port.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// The recording cannot be read.
    #[error("the recording {path} cannot be read: {reason}")]
    Recording {
        /// Of the file.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// The host's name has no address.
    #[error("{host} is not known in this network: check the name, or use the address in numbers")]
    UnknownHost {
        /// The name.
        host: String,
    },
    /// Nothing listens there.
    #[error("{host} answers, but nothing listens at port {port}: check the port and that the program there runs")]
    ConnectionRefused {
        /// Name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// There is no way there.
    #[error("{host} cannot be reached: check that it is switched on and in the same network")]
    Unreachable {
        /// Name or address.
        host: String,
    },
    /// Opening took too long.
    #[error("no answer in time: check that the device is switched on and the address is right")]
    OpenTimedOut,
    /// The broker does not accept who we say we are.
    #[error("the broker refused the login: check user name and password, or give them if none were given")]
    WrongLogin,
    /// MQTT knows no password without a user name.
    #[error("a password was given without a user name: write mqtt://USER@HOST/TOPIC")]
    PasswordWithoutUser,
    /// The broker is not ready.
    #[error("the broker says that it is not ready to serve")]
    BrokerUnavailable,
    /// The broker does not let this user read the topic.
    #[error("the broker does not let this user read {topic}: allow it in the broker's access list")]
    SubscriptionRefused {
        /// What was to be read.
        topic: String,
    },
    /// What listens there did not answer as a broker does. Some brokers hang up on a wrong login as well.
    #[error(
        "no broker answered there: it may want mqtts:// instead of mqtt://, hang up on a wrong login, or be another program"
    )]
    NotMqtt,
    /// The file with the authority's certificate is of no use.
    #[error("the authority file {}: {reason}", path.display())]
    CaFile {
        /// Of the file.
        path: PathBuf,
        /// What is wrong with it.
        reason: CaFileReason,
    },
    /// The broker's certificate is signed by somebody else.
    #[error(
        "the broker's certificate is not signed by the authority given: give the file of the authority that signed it"
    )]
    UnknownAuthority,
    /// The certificate is for another name.
    #[error("the broker's certificate is not for {host}: use the name that stands in it")]
    WrongName {
        /// The name or address used.
        host: String,
    },
    /// The certificate is too old or not yet valid.
    #[error("the broker's certificate is not valid today: renew it, and check the clocks here and there")]
    CertificateDate,
    /// The certificate is of another kind.
    #[error(
        "the broker's certificate is not one for a server; if it is an authority's own, let that sign one for the broker"
    )]
    UnusableCertificate,
    /// The broker offers no TLS 1.3.
    #[error(
        "the broker offers no TLS 1.3, and nothing older is spoken here: update the broker, or allow TLS 1.3 in its settings"
    )]
    TlsTooOld,
    /// There is no TLS at that port.
    #[error("that port does not speak TLS: use mqtt://, or the broker's port for TLS (usually 8883)")]
    TlsNotSpoken,
    /// Any other failure of TLS.
    #[error("the secure connection failed: {reason}")]
    Tls {
        /// The library's words.
        reason: String,
    },
    /// The other side closed the line, or the cable was pulled.
    #[error("the other side closed the line, or the cable was pulled")]
    Ended,
    /// Nothing came for too long.
    #[error(
        "nothing came for {seconds} s although the line is open: check the cable and the meter's port; it is opened anew"
    )]
    Silent {
        /// How long.
        seconds: u64,
    },
    /// The other side takes no more bytes, or no longer answers a sign of life.
    #[error("the other side stopped taking bytes or answering; the line is opened anew")]
    Stalled,
    /// A publication is longer than any message.
    #[error("somebody publishes more than {limit} bytes at once on the meter's topic; it is not read")]
    TooLong {
        /// Most that is accepted.
        limit: usize,
    },
    /// The other side breaks the rules of MQTT.
    #[error("the broker does not keep to MQTT 3.1.1: {reason}")]
    Protocol {
        /// The rule, without content.
        reason: &'static str,
    },
    /// Any other failure of the system.
    #[error("the line failed: {reason}")]
    Io {
        /// The system's words.
        reason: String,
    },
    /// The recording is over.
    #[error("the recording is over")]
    ReplayEnded,
    /// It was closed from here.
    #[error("closed")]
    Closed,
}

/// What is wrong with a file of authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaFileReason {
    /// It cannot be opened.
    #[error("cannot be read; check that it exists and this user may read it")]
    Unreadable,
    /// It is longer than any such file.
    #[error("is too long to be one")]
    TooLong,
    /// There is no certificate inside, or a broken one.
    #[error("holds no certificate in PEM form, or a broken one")]
    NoCertificate,
}

impl LineError {
    /// A short name that stays the same, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoDevice { .. } => "no-device",
            Self::NoAccess { .. } => "no-access",
            Self::Busy { .. } => "busy",
            Self::NotATerminal { .. } => "not-a-terminal",
            Self::BadSettings { .. } => "bad-settings",
            Self::Recording { .. } => "recording",
            Self::UnknownHost { .. } => "unknown-host",
            Self::ConnectionRefused { .. } => "connection-refused",
            Self::Unreachable { .. } => "unreachable",
            Self::OpenTimedOut => "open-timed-out",
            Self::WrongLogin => "wrong-login",
            Self::PasswordWithoutUser => "password-without-user",
            Self::BrokerUnavailable => "broker-unavailable",
            Self::SubscriptionRefused { .. } => "subscription-refused",
            Self::NotMqtt => "not-mqtt",
            Self::CaFile { .. } => "ca-file",
            Self::UnknownAuthority => "unknown-authority",
            Self::WrongName { .. } => "wrong-name",
            Self::CertificateDate => "certificate-date",
            Self::UnusableCertificate => "unusable-certificate",
            Self::TlsTooOld => "tls-too-old",
            Self::TlsNotSpoken => "tls-not-spoken",
            Self::Tls { .. } => "tls",
            Self::Ended => "ended",
            Self::Silent { .. } => "silent",
            Self::Stalled => "stalled",
            Self::TooLong { .. } => "too-long",
            Self::Protocol { .. } => "protocol",
            Self::Io { .. } => "io",
            Self::ReplayEnded => "replay-ended",
            Self::Closed => "closed",
        }
    }

    /// Whether opening the line anew makes no sense.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::ReplayEnded | Self::Closed)
    }
}
