//! MQTT 3.1.1: a subscription below the meter's topic, and publications to the meter.
//!
//! Every opening is a fresh, clean session with a name of its own: the broker keeps nothing for a reader that is away,
//! and what was missed is asked for again. The client library is polled by the line's own task alone, never cancelled
//! half-way, and a fault in it ends this line and not the reader.

pub(crate) mod why;

use std::future::pending;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, Publish, QoS};
use rumqttc::{SubscribeFilter, SubscribeReasonCode};
use rumqttc::{TlsConfiguration, Transport};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Chunk, Dial, Ends, Line, Manner, OPEN_WITHIN, OUTGOING, tcp, tls};
use crate::address::Mqtt;
use crate::error::LineError;

/// A sign of life goes out this often, however rarely the meter speaks.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Publications on their way that the broker has not confirmed.
const IN_FLIGHT: u16 = 8;

/// Connects, logs in, subscribes.
pub(super) async fn open(mqtt: &Mqtt, dial: &Dial, manner: &Manner, random: u64) -> Result<Line, LineError> {
    if dial.password.is_some() && mqtt.user.is_none() {
        return Err(LineError::PasswordWithoutUser);
    }
    let options = options(mqtt, dial, format!("wattseal-{random:016x}"), manner.longest).await?;
    // Asked for first, because the library does not say that it was the name that failed.
    tcp::lookup(&mqtt.host, mqtt.port).await?;
    let (client, events) = AsyncClient::new(options, OUTGOING);
    let heard = manner.heard.iter().map(|heard| format!("{}{heard}", mqtt.topic)).collect();
    let hearing = Hearing { heard, retained: manner.retained, longest: manner.longest };
    let said = manner.said.map(|said| format!("{}{said}", mqtt.topic));
    let (opened, answer) = oneshot::channel();
    let broker = mqtt.clone();
    let line = Line::carried(move |ends| run(broker, client, events, (hearing, said), ends, opened));
    // The task drops its end without a word only when the library failed in it.
    answer.await.unwrap_or(Err(LineError::NotMqtt))?;
    Ok(line)
}

/// How a client of this name connects to a broker with the sign-in and authorities of `dial`; messages either way have
/// `longest` bytes at most.
///
/// # Errors
/// When the file of the authorities is of no use.
pub async fn options(mqtt: &Mqtt, dial: &Dial, client: String, longest: usize) -> Result<MqttOptions, LineError> {
    // An IPv6 address needs its brackets here; with TLS the address parser allows none.
    let host = if mqtt.host.contains(':') { format!("[{}]", mqtt.host) } else { mqtt.host.clone() };
    let mut options = MqttOptions::new(client, host, mqtt.port);
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(true)
        .set_inflight(IN_FLIGHT)
        .set_max_packet_size(longest, longest);
    if let Some(user) = &mqtt.user {
        options.set_credentials(user, dial.password.as_ref().map_or("", |password| password.expose()));
    }
    if mqtt.tls {
        let config = tls::config(dial.ca_file.as_deref()).await?;
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
    }
    Ok(options)
}

/// What is taken of what the broker says.
struct Hearing {
    heard: Vec<String>,
    retained: bool,
    longest: usize,
}

impl Hearing {
    fn take(&self, publish: Publish) -> Option<Chunk> {
        let taken = self.retained || !publish.retain;
        taken.then(|| Chunk::Datagram { topic: publish.topic, payload: publish.payload.into() })
    }
}

/// Opens, tells so, then carries.
async fn run(
    broker: Mqtt,
    client: AsyncClient,
    mut events: EventLoop,
    (hearing, said): (Hearing, Option<String>),
    Ends { incoming, outgoing }: Ends,
    opened: oneshot::Sender<Result<(), LineError>>,
) -> LineError {
    let mut network = events.network_options();
    network.set_connection_timeout(OPEN_WITHIN.as_secs());
    events.set_network_options(network);
    let first = match subscribe(&broker, &client, &mut events, &hearing).await {
        Ok(first) => first,
        Err(why) => {
            let _ = opened.send(Err(why.clone()));
            return why;
        }
    };
    let _ = opened.send(Ok(()));
    if let Some(chunk) = first {
        let _ = incoming.send(Ok(chunk)).await;
    }
    let (confirmed, confirmations) = watch::channel(0);
    tokio::select! {
        why = read(&mut events, &hearing, incoming, confirmed) => why,
        why = write(client, said, outgoing, confirmations) => why,
    }
}

/// Until the broker has confirmed the subscriptions, or has begun to serve them, which it may do before. One that it
/// refuses is no reason to go without the others.
async fn subscribe(
    broker: &Mqtt,
    client: &AsyncClient,
    events: &mut EventLoop,
    hearing: &Hearing,
) -> Result<Option<Chunk>, LineError> {
    loop {
        match events.poll().await.map_err(|error| why::not_opened(&error, broker))? {
            Event::Incoming(Packet::ConnAck(_)) => {
                let filters = hearing.heard.iter().map(|topic| SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce));
                client.try_subscribe_many(filters).map_err(|_| LineError::NotMqtt)?;
            }
            Event::Incoming(Packet::SubAck(answer)) => {
                let taken = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
                if answer.return_codes.iter().any(taken) {
                    return Ok(None);
                }
                let topic = hearing.heard.first().cloned().unwrap_or_default();
                return Err(LineError::SubscriptionRefused { topic });
            }
            Event::Incoming(Packet::Publish(publish)) => {
                if let Some(chunk) = hearing.take(publish) {
                    return Ok(Some(chunk));
                }
            }
            _ => {}
        }
    }
}

async fn read(
    events: &mut EventLoop,
    hearing: &Hearing,
    to: mpsc::Sender<Result<Chunk, LineError>>,
    confirmed: watch::Sender<u64>,
) -> LineError {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                // Waiting here is the back-pressure: the broker is not read until somebody takes this. Nobody there
                // means that the line is being closed, and only what was sent still has to leave.
                if let Some(chunk) = hearing.take(publish) {
                    let _ = to.send(Ok(chunk)).await;
                }
            }
            Ok(Event::Incoming(Packet::PubAck(_))) => confirmed.send_modify(|count| *count += 1),
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return LineError::Closed,
            Ok(_) => {}
            Err(error) => return why::ended(&error, hearing.longest),
        }
    }
}

async fn write(
    client: AsyncClient,
    topic: Option<String>,
    mut from: mpsc::Receiver<Vec<u8>>,
    mut confirmations: watch::Receiver<u64>,
) -> LineError {
    let mut sent = 0;
    while let Some(bytes) = from.recv().await {
        if let Some(topic) = &topic {
            // Fails only when the other half has ended, and that one tells why.
            let _ = client.publish(topic, QoS::AtLeastOnce, false, bytes).await;
            sent += 1;
        }
    }
    // A connection that is closed while confirmations are on their way is reset, and takes with it what the broker has
    // not yet read.
    let _ = confirmations.wait_for(|count| *count >= sent).await;
    let _ = client.disconnect().await;
    pending().await
}
