//! What the client library's errors mean to a person: by their types, never by their words.

use std::io;

use rumqttc::mqttbytes::Error as Packet;
use rumqttc::{ConnectReturnCode, ConnectionError, StateError, TlsError};
use rustls::{AlertDescription, CertificateError, Error as Tls};

use super::super::{stream, tcp};
use crate::address::Mqtt;
use crate::error::LineError;

/// Why the broker could not be opened.
#[must_use]
pub fn not_opened(error: &ConnectionError, broker: &Mqtt) -> LineError {
    use ConnectReturnCode as Code;
    match error {
        ConnectionError::ConnectionRefused(Code::BadUserNamePassword | Code::NotAuthorized) => LineError::WrongLogin,
        ConnectionError::ConnectionRefused(Code::ServiceUnavailable) => LineError::BrokerUnavailable,
        ConnectionError::ConnectionRefused(Code::RefusedProtocolVersion) => {
            LineError::Protocol { reason: "it does not speak version 3.1.1" }
        }
        ConnectionError::ConnectionRefused(_) => LineError::Protocol { reason: "it refused the client's name" },
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => LineError::OpenTimedOut,
        ConnectionError::Tls(TlsError::TLS(error)) => tls(error, broker),
        ConnectionError::Tls(TlsError::Io(error)) => match inner(error) {
            Some(error) => tls(error, broker),
            // It closed the connection instead of shaking hands.
            None if stream::why(error) == LineError::Ended => LineError::TlsNotSpoken,
            None => tcp::refused(error, &broker.host, broker.port),
        },
        ConnectionError::Tls(other) => LineError::Tls { reason: other.to_string() },
        ConnectionError::Io(error) => tcp::refused(error, &broker.host, broker.port),
        ConnectionError::MqttState(error) => match carried(error) {
            // With TLS 1.3 the handshake is over before the broker judges it.
            Some(error) => match inner(error) {
                Some(error) => tls(error, broker),
                None => LineError::NotMqtt,
            },
            None => LineError::NotMqtt,
        },
        ConnectionError::NotConnAck(_) | ConnectionError::RequestsDone => LineError::NotMqtt,
    }
}

/// Why a connection that was open ended. `limit`: the longest message that is taken.
#[must_use]
pub fn ended(error: &ConnectionError, limit: usize) -> LineError {
    match error {
        ConnectionError::Io(error) => stream::why(error),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => LineError::Stalled,
        ConnectionError::MqttState(StateError::AwaitPingResp | StateError::CollisionTimeout) => LineError::Stalled,
        ConnectionError::MqttState(StateError::ConnectionAborted) => LineError::Ended,
        ConnectionError::MqttState(StateError::Deserialization(Packet::PayloadSizeLimitExceeded(_))) => {
            LineError::TooLong { limit }
        }
        ConnectionError::MqttState(error) => match carried(error) {
            Some(error) => stream::why(error),
            None => LineError::Protocol { reason: "it sent a packet that is malformed or out of turn" },
        },
        _ => LineError::Ended,
    }
}

/// The failure of the connection inside a failure of the protocol.
fn carried(error: &StateError) -> Option<&io::Error> {
    match error {
        StateError::Io(error) | StateError::Deserialization(Packet::Io(error)) => Some(error),
        _ => None,
    }
}

/// The failure of TLS inside a failure of the connection.
fn inner(error: &io::Error) -> Option<&Tls> {
    error.get_ref()?.downcast_ref()
}

fn tls(error: &Tls, broker: &Mqtt) -> LineError {
    use CertificateError as Bad;
    match error {
        Tls::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => LineError::UnknownAuthority,
        Tls::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            LineError::WrongName { host: broker.host.clone() }
        }
        Tls::InvalidCertificate(
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. },
        ) => LineError::CertificateDate,
        Tls::InvalidCertificate(_) => LineError::UnusableCertificate,
        Tls::AlertReceived(AlertDescription::ProtocolVersion) | Tls::PeerIncompatible(_) => LineError::TlsTooOld,
        Tls::InvalidMessage(_) => LineError::TlsNotSpoken,
        other => LineError::Tls { reason: other.to_string() },
    }
}
