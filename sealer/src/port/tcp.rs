//! TCP: one household at a time; who comes last takes over.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::framed::talk;
use super::{LineError, Link};
use crate::event::Event;

pub(super) async fn listen(
    address: SocketAddr,
    link: Link,
    mut queue: mpsc::Receiver<Vec<u8>>,
    baud: Option<u32>,
) -> Result<Event, LineError> {
    let failed = |source| LineError { address: address.to_string(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    tokio::spawn(async move {
        let mut next: Option<TcpStream> = None;
        loop {
            let stream = match next.take() {
                Some(stream) => stream,
                None => accept(&listener).await,
            };
            // Answers to whoever was there before.
            while queue.try_recv().is_ok() {}
            let _ = stream.set_nodelay(true);
            link.up().await;
            tokio::select! {
                // However it ended, the next may come.
                _ = talk(stream, &link, &mut queue, baud) => {}
                stream = accept(&listener) => next = Some(stream),
            }
        }
    });
    Ok(Event::Listening { transport: "tcp", address: bound.to_string() })
}

/// The next household that comes.
pub async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // Too many open files, or a client that was gone already.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
