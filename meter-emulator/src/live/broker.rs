//! A small MQTT broker within the program, for demonstrations and tests: anyone on the address may speak.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rumqttd::{Config, ConnectionSettings, RouterConfig, ServerSettings};

/// Longest publication: a block and room.
const MAX_PAYLOAD: usize = 64 << 10;
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// Starts a broker; it runs until the process ends. A port of 0 becomes a free one. Gives the address once it answers.
///
/// # Errors
/// When the address cannot be used.
pub fn start(listen: SocketAddr) -> io::Result<SocketAddr> {
    // The broker cannot say which port it was given, so one is looked for first.
    let address = TcpListener::bind(listen)?.local_addr()?;
    let connections = ConnectionSettings {
        connection_timeout_ms: 10_000,
        max_payload_size: MAX_PAYLOAD,
        max_inflight_count: 100,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server =
        ServerSettings { name: "v4".into(), listen: address, tls: None, next_connection_delay_ms: 1, connections };
    let router = RouterConfig {
        max_connections: 100,
        max_outgoing_packet_count: 200,
        max_segment_size: 8 << 20,
        max_segment_count: 10,
        ..RouterConfig::default()
    };
    let config = Config { router, v4: Some(HashMap::from([("v4".to_owned(), server)])), ..Config::default() };
    let mut broker = rumqttd::Broker::new(config);
    std::thread::Builder::new().name("broker".into()).spawn(move || drop(broker.start()))?;
    let begun = Instant::now();
    while let Err(error) = TcpStream::connect(address) {
        if begun.elapsed() > STARTS_WITHIN {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(address)
}
