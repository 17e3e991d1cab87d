//! MQTT: what the meter says under `wattseal/METER/up`, what it is told under `wattseal/METER/down`, and whether it is
//! there, retained, under `wattseal/METER/online`.
//!
//! The broker is trusted with nothing: it sees that the meter lives, and may drop messages.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::line::{MAX_MESSAGE, Message, TOPIC};
use rumqttc::{AsyncClient, Event as Mqtt, EventLoop, LastWill, MqttOptions, Packet, QoS, TlsConfiguration, Transport};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::Link;
use crate::event::Event;

const KEEP_ALIVE: Duration = Duration::from_secs(20);
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Publications within the client, and requests between it and the meter.
const CHANNEL: usize = 16;

/// A broker to connect to.
#[derive(Clone)]
pub struct Broker {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    user: Option<String>,
    password: Option<Zeroizing<String>>,
}

/// Why a broker cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Not a URL of a broker.
    #[error("write mqtt://host:1883 or mqtts://host:8883, with user@ before the host if it needs one")]
    Url,
    /// TLS without a certificate to trust.
    #[error("mqtts needs --mqtt-ca with the certificate authority that the broker's certificate is checked against")]
    NoAuthority,
    /// A certificate authority without TLS.
    #[error("--mqtt-ca goes with mqtts://; this URL would not use it")]
    AuthorityWithoutTls,
    /// A password in the clear.
    #[error("a password goes over mqtts:// only, or to this machine; anyone between could read it")]
    ClearPassword,
    /// A password without a user.
    #[error("--mqtt-password-file needs a user: --mqtt-user, or user@ in the URL")]
    NoUser,
    /// The meter's name cannot stand in a topic.
    #[error("the meter's name stands in topics of the broker and must not contain / + or #; choose another --meter-id")]
    Name,
    /// The file of authorities.
    #[error("{0}: no certificate authority can be read from it (PEM)")]
    Authority(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Broker({})", self.address())
    }
}

impl Broker {
    /// A broker by its URL.
    ///
    /// # Errors
    /// See [`BrokerError`].
    pub fn new(
        url: &str,
        authority: Option<&Path>,
        user: Option<String>,
        password: Option<Zeroizing<String>>,
    ) -> Result<Self, BrokerError> {
        let (scheme, rest) = url.split_once("://").ok_or(BrokerError::Url)?;
        let secure = match scheme {
            "mqtt" => false,
            "mqtts" => true,
            _ => return Err(BrokerError::Url),
        };
        let (named, address) = rest.rsplit_once('@').map_or((None, rest), |(user, address)| (Some(user), address));
        let address = address.strip_suffix('/').unwrap_or(address);
        let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            Some(port) => port.parse().map_err(|_| BrokerError::Url)?,
            None if secure => 8883,
            None => 1883,
        };
        if host.is_empty() || host.contains(['/', '?', '#']) || named.is_some_and(|user| user.contains(':')) {
            return Err(BrokerError::Url);
        }
        let tls = match (secure, authority) {
            (true, Some(path)) => Some(Arc::new(tls(path)?)),
            (true, None) => return Err(BrokerError::NoAuthority),
            (false, Some(_)) => return Err(BrokerError::AuthorityWithoutTls),
            (false, None) => None,
        };
        let user = user.or(named.map(str::to_owned));
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match &password {
            Some(_) if user.is_none() => Err(BrokerError::NoUser),
            Some(_) if !secure && !here => Err(BrokerError::ClearPassword),
            _ => Ok(Self { host: host.to_owned(), port, tls, user, password }),
        }
    }

    /// The URL without the user.
    #[must_use]
    pub fn address(&self) -> String {
        let scheme = if self.tls.is_some() { "mqtts" } else { "mqtt" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}://{host}:{}", self.port)
    }

    /// What a client of that name needs to connect.
    #[must_use]
    pub fn options(&self, client: String) -> MqttOptions {
        let mut options = MqttOptions::new(client, self.host.clone(), self.port);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_max_packet_size(2 * MAX_MESSAGE, 2 * MAX_MESSAGE);
        if let Some(tls) = &self.tls {
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(tls))));
        }
        if let Some(user) = &self.user {
            let password = self.password.as_ref().map(|password| password.to_string()).unwrap_or_default();
            options.set_credentials(user, password);
        }
        options
    }
}

/// TLS 1.3 against one file of authorities.
fn tls(authority: &Path) -> Result<ClientConfig, BrokerError> {
    let bad = || BrokerError::Authority(authority.display().to_string());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority).map_err(|_| bad())? {
        roots.add(certificate.map_err(|_| bad())?)?;
    }
    if roots.is_empty() {
        return Err(bad());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Topics of a meter.
#[derive(Clone)]
struct Topics {
    up: String,
    down: String,
    online: String,
}

pub(super) fn connect(broker: &Broker, meter: &str, link: Link, queue: mpsc::Receiver<Vec<u8>>) -> Event {
    let topic = |leaf| format!("{TOPIC}/{meter}/{leaf}");
    let topics = Topics { up: topic("up"), down: topic("down"), online: topic("online") };
    let mut options = broker.options(format!("wattseal-meter-{meter}"));
    options.set_last_will(LastWill::new(&topics.online, "0", QoS::AtLeastOnce, true));
    let (client, connection) = AsyncClient::new(options, CHANNEL);
    let link = Arc::new(link);
    let (requests, coming) = mpsc::channel(CHANNEL);
    tokio::spawn(publish(client.clone(), topics.up.clone(), Arc::clone(&link), queue));
    tokio::spawn(ask(Arc::clone(&link), coming));
    tokio::spawn(stay_connected(client, connection, topics, link, requests));
    Event::Listening { transport: "mqtt", address: broker.address() }
}

async fn publish(client: AsyncClient, topic: String, link: Arc<Link>, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(message) = queue.recv().await {
        for bytes in link.pass(message) {
            if client.publish(&topic, QoS::AtLeastOnce, false, bytes).await.is_err() {
                return;
            }
        }
    }
}

async fn ask(link: Arc<Link>, mut coming: mpsc::Receiver<Option<Message>>) {
    while let Some(message) = coming.recv().await {
        if !link.ask(message).await {
            return;
        }
    }
}

async fn stay_connected(
    client: AsyncClient,
    mut connection: EventLoop,
    topics: Topics,
    link: Arc<Link>,
    requests: mpsc::Sender<Option<Message>>,
) {
    let (mut wait, mut up) = (FIRST_WAIT, None);
    loop {
        match connection.poll().await {
            Ok(Mqtt::Incoming(Packet::ConnAck(_))) => {
                wait = FIRST_WAIT;
                up = Some(true);
                // Not awaited here: the channel is emptied by this loop alone.
                let (client, topics, link) = (client.clone(), topics.clone(), Arc::clone(&link));
                tokio::spawn(async move {
                    let _ = client.subscribe(topics.down, QoS::AtLeastOnce).await;
                    let _ = client.publish(topics.online, QoS::AtLeastOnce, true, "1").await;
                    link.tell(Event::Line { transport: "mqtt", up: true, message: "connected".into() }).await;
                    link.up().await;
                });
            }
            Ok(Mqtt::Incoming(Packet::Publish(publication))) if publication.topic == topics.down => {
                // When requests come faster than they are answered, some are lost, as on any line.
                let _ = requests.try_send(Message::read(&publication.payload).ok());
            }
            Ok(_) => {}
            Err(error) => {
                if up != Some(false) {
                    up = Some(false);
                    let message = io::Error::other(error).to_string();
                    link.tell(Event::Line { transport: "mqtt", up: false, message }).await;
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Option<String> {
        Broker::new(url, None, None, None).ok().map(|broker| broker.address())
    }

    #[test]
    fn urls() {
        assert_eq!(address("mqtt://localhost").unwrap(), "mqtt://localhost:1883");
        assert_eq!(address("mqtt://me@10.0.0.1:99/").unwrap(), "mqtt://10.0.0.1:99");
        assert_eq!(address("mqtt://[::1]:99").unwrap(), "mqtt://[::1]:99");
        for bad in ["localhost", "http://x", "mqtt://", "mqtt://x:99999", "mqtt://a:b@x", "mqtt://x/y", "mqtt://:1"] {
            assert!(address(bad).is_none(), "{bad}");
        }
        assert!(matches!(Broker::new("mqtts://x", None, None, None), Err(BrokerError::NoAuthority)));
    }

    #[test]
    fn passwords_do_not_travel_in_the_clear() {
        let with = |url| Broker::new(url, None, None, Some(String::from("secret").into()));
        assert!(matches!(with("mqtt://me@example.org"), Err(BrokerError::ClearPassword)));
        assert!(matches!(with("mqtt://127.0.0.1"), Err(BrokerError::NoUser)));
        assert!(!format!("{:?}", with("mqtt://me@127.0.0.1").unwrap()).contains("secret"));
    }
}
