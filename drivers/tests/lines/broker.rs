//! MQTT through rumqttd, inside this process.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use drivers::sealed::{self, Decoder};
use drivers::{Dial, Dialect, Event, LineError, Mode, Secret};
use rumqttc::{AsyncClient, MqttOptions, Packet, QoS};
use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::certificates::Certificates;
use crate::rig::{LONG, QUICK, Rig, numbered};

/// A meter's side of a broker.
pub struct Meter {
    pub client: AsyncClient,
    /// What was published to it.
    pub heard: mpsc::UnboundedReceiver<Vec<u8>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Meter {
    /// Connected and subscribed; comes back by itself.
    pub async fn new(port: u16, login: Option<(&str, &str)>) -> Self {
        let mut options = MqttOptions::new(format!("meter-{port}"), "127.0.0.1", port);
        options.set_max_packet_size(1 << 20, 1 << 20);
        if let Some((user, password)) = login {
            options.set_credentials(user, password);
        }
        let (client, mut events) = AsyncClient::new(options, 100);
        let (to, heard) = mpsc::unbounded_channel();
        let (ready, mut is_ready) = mpsc::unbounded_channel();
        let subscriber = client.clone();
        let task = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(rumqttc::Event::Incoming(Packet::ConnAck(_))) => {
                        subscriber.try_subscribe("wattseal/M-1/down", QoS::AtLeastOnce).unwrap();
                    }
                    Ok(rumqttc::Event::Incoming(Packet::SubAck(_))) => ready.send(()).unwrap_or_default(),
                    Ok(rumqttc::Event::Incoming(Packet::Publish(publish))) => {
                        let _ = to.send(publish.payload.to_vec());
                    }
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        });
        timeout(LONG, is_ready.recv()).await.unwrap().unwrap();
        Self { client, heard, task }
    }

    pub async fn publish(&self, bytes: Vec<u8>) {
        self.client.publish("wattseal/M-1/up", QoS::AtLeastOnce, false, bytes).await.unwrap();
    }

    pub async fn say(&self, block: u64) {
        self.publish(sealed::encode(&numbered(block), Mode::Datagram)).await;
    }

    pub async fn next(&mut self) -> Vec<u8> {
        timeout(LONG, self.heard.recv()).await.unwrap().unwrap()
    }
}

/// A port where nothing listens just now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until something listens at a port.
pub async fn listening(port: u16) {
    timeout(LONG, async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

async fn rumqttd(login: Option<(&str, &str)>) -> u16 {
    let port = free_port();
    let auth = login.map(|(user, password)| HashMap::from([(user.to_owned(), password.to_owned())]));
    let connections = ConnectionSettings {
        connection_timeout_ms: 60_000,
        max_payload_size: 1 << 20,
        max_inflight_count: 100,
        auth,
        external_auth: None,
        dynamic_filters: true,
    };
    let listen = SocketAddr::from(([127, 0, 0, 1], port));
    let server = ServerSettings { name: "v4".into(), listen, tls: None, next_connection_delay_ms: 1, connections };
    let router = RouterConfig {
        max_connections: 100,
        max_outgoing_packet_count: 200,
        max_segment_size: 1 << 20,
        max_segment_count: 10,
        ..RouterConfig::default()
    };
    let config = Config { router, v4: Some(HashMap::from([("v4".into(), server)])), ..Config::default() };
    std::thread::spawn(move || assert!(Broker::new(config).start().is_ok()));
    listening(port).await;
    port
}

#[tokio::test]
async fn both_ways() {
    let port = rumqttd(None).await;
    let mut meter = Meter::new(port, None).await;
    let mut rig = Rig::start(&format!("mqtt://127.0.0.1:{port}/wattseal/M-1"), QUICK);
    assert_eq!(rig.next().await, Some(Event::Connected));
    for block in 0..50 {
        meter.say(block).await;
        assert_eq!(rig.next().await, Some(Event::Message(numbered(block))));
    }
    // More than may be in flight at once.
    for block in 0..30 {
        rig.handle.send(numbered(block)).unwrap();
    }
    for block in 0..30 {
        assert_eq!(meter.next().await, sealed::encode(&numbered(block), Mode::Datagram));
    }
    meter.publish(vec![1, 2, 3]).await;
    let Some(Event::Damaged { count: 1, .. }) = rig.next().await else { panic!() };
    // What waits when the reader is closed leaves first, more than may be in flight at once.
    for block in 0..30 {
        rig.handle.send(numbered(block)).unwrap();
    }
    rig.close().await;
    for block in 0..30 {
        assert_eq!(meter.next().await, sealed::encode(&numbered(block), Mode::Datagram));
    }
}

#[tokio::test]
async fn a_wrong_password() {
    let port = rumqttd(Some(("reader", "right"))).await;
    let mut dial = Dial::new(format!("mqtt://reader@127.0.0.1:{port}/wattseal/M-1").parse().unwrap());
    dial.password = Some(Secret::new("wrong".into()));
    // This one hangs up without a word; the text says that it may be the login.
    let why = drivers::open(&dial, &Decoder::default().manner(), 1).await.unwrap_err();
    assert_eq!(why, LineError::NotMqtt);
    assert!(why.to_string().contains("login"));
    dial.password = Some(Secret::new("right".into()));
    drivers::open(&dial, &Decoder::default().manner(), 2).await.unwrap().close(Vec::new()).await;
    dial.address = format!("mqtt://127.0.0.1:{port}/wattseal/M-1").parse().unwrap();
    assert_eq!(
        drivers::open(&dial, &Decoder::default().manner(), 3).await.unwrap_err(),
        LineError::PasswordWithoutUser
    );
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("mqtt://{}/wattseal/M-1", listener.local_addr().unwrap());
    let silent = drivers::open(&Dial::new(address.parse().unwrap()), &Decoder::default().manner(), 1).await;
    assert_eq!(silent.unwrap_err(), LineError::OpenTimedOut);
}

#[tokio::test]
async fn what_is_no_broker() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n").await;
        }
    });
    let mut dial = Dial::new(format!("mqtt://{place}/t").parse().unwrap());
    assert_eq!(drivers::open(&dial, &Decoder::default().manner(), 1).await.unwrap_err(), LineError::NotMqtt);
    let ours = Certificates::new(&["127.0.0.1"], true);
    dial = Dial { ca_file: Some(ours.file("ca")), ..Dial::new(format!("mqtts://{place}/t").parse().unwrap()) };
    assert_eq!(drivers::open(&dial, &Decoder::default().manner(), 1).await.unwrap_err(), LineError::TlsNotSpoken);
}

#[tokio::test]
async fn closing_does_not_wait_for_a_broker_that_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("mqtt://{}/wattseal/M-1", listener.local_addr().unwrap());
    let mut rig = Rig::start(&address, QUICK);
    let _silent = timeout(LONG, listener.accept()).await.unwrap().unwrap();
    rig.handle.close();
    // And not a word of an opening that took too long before it.
    assert_eq!(rig.next().await, Some(Event::Disconnected { why: LineError::Closed, retry_in: None }));
    rig.task.await.unwrap();
}
