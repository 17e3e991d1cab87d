//! A plain meter's bridge on a broker.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{AsyncClient, Event as Mqtt, EventLoop, Outgoing, Packet, QoS};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::live::Event;
use crate::plain::play::Sent;
use sealer::port::Broker;

const CHANNEL: usize = 16;
const RETRY: Duration = Duration::from_millis(250);

/// What a bridge needs.
pub(super) struct Way {
    pub(super) coming: mpsc::Receiver<Arc<Sent>>,
    pub(super) events: mpsc::Sender<Event>,
    /// Whether frames are lost while there is no connection.
    pub(super) lossy: bool,
}

/// Publishes what comes; frames that have no topic of their own under `plain/METER/telegram`.
pub(super) fn connect(broker: &Broker, client: String, meter: &str, way: Way) -> (JoinHandle<()>, Event) {
    let (client, connection) = AsyncClient::new(broker.options(client), CHANNEL);
    let topic = format!("plain/{meter}/telegram");
    let (up, connected) = watch::channel(false);
    let polled = tokio::spawn(stay_connected(connection, up, way.events.clone()));
    let task = tokio::spawn(async move {
        publish(&client, topic, way, connected).await;
        // After all that was published; the connection ends when it is sent.
        if client.disconnect().await.is_ok() {
            let _ = polled.await;
        }
    });
    (task, Event::Listening { transport: "mqtt", address: broker.address() })
}

async fn publish(client: &AsyncClient, telegram: String, mut way: Way, mut connected: watch::Receiver<bool>) {
    while let Some(sent) = way.coming.recv().await {
        if way.lossy && !*connected.borrow() {
            continue;
        }
        if connected.wait_for(|up| *up).await.is_err() {
            return;
        }
        let topic = sent.topic.clone().unwrap_or_else(|| telegram.clone());
        if client.publish(topic, QoS::AtLeastOnce, false, sent.bytes.clone()).await.is_err() {
            return;
        }
    }
}

async fn stay_connected(mut connection: EventLoop, up: watch::Sender<bool>, events: mpsc::Sender<Event>) {
    let mut told = None;
    loop {
        let (is_up, message) = match connection.poll().await {
            Ok(Mqtt::Incoming(Packet::ConnAck(_))) => (true, "connected".to_owned()),
            Ok(Mqtt::Outgoing(Outgoing::Disconnect)) => return,
            Ok(_) => continue,
            Err(error) => (false, io::Error::other(error).to_string()),
        };
        let _ = up.send(is_up);
        if told.replace(is_up) != Some(is_up) {
            let _ = events.send(Event::Line { transport: "mqtt", up: is_up, message }).await;
        }
        if !is_up {
            tokio::time::sleep(RETRY).await;
        }
    }
}
