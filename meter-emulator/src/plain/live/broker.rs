//! A plain meter's bridge on a broker.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{AsyncClient, Event as Mqtt, EventLoop, Outgoing, Packet, QoS};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::live::Event;
use crate::live::port::Broker;
use crate::plain::play::Sent;

const CHANNEL: usize = 16;
const RETRY: Duration = Duration::from_millis(250);

/// Publishes what comes; frames that have no topic of their own under `plain/METER/telegram`.
pub(super) fn connect(
    broker: &Broker,
    meter: &str,
    coming: mpsc::Receiver<Arc<Sent>>,
    lossy: bool,
) -> (JoinHandle<()>, Event) {
    let (client, connection) = AsyncClient::new(broker.options(format!("plain-meter-{meter}")), CHANNEL);
    let topic = format!("plain/{meter}/telegram");
    let (up, connected) = watch::channel(false);
    let polled = tokio::spawn(stay_connected(connection, up));
    let task = tokio::spawn(async move {
        publish(&client, topic, coming, connected, lossy).await;
        // After all that was published; the connection ends when it is sent.
        if client.disconnect().await.is_ok() {
            let _ = polled.await;
        }
    });
    (task, Event::Listening { transport: "mqtt", address: broker.address() })
}

async fn publish(
    client: &AsyncClient,
    telegram: String,
    mut coming: mpsc::Receiver<Arc<Sent>>,
    mut connected: watch::Receiver<bool>,
    lossy: bool,
) {
    while let Some(sent) = coming.recv().await {
        if lossy && !*connected.borrow() {
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

async fn stay_connected(mut connection: EventLoop, up: watch::Sender<bool>) {
    loop {
        match connection.poll().await {
            Ok(Mqtt::Incoming(Packet::ConnAck(_))) => drop(up.send(true)),
            Ok(Mqtt::Outgoing(Outgoing::Disconnect)) => return,
            Ok(_) => {}
            Err(_) => {
                let _ = up.send(false);
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
