//! Connections: accepted up to a number, each with deadlines for every step, and finished before the service stops.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::api;
use super::office::{Office, Papers};
use super::shares::{Share, Shares};
use crate::tls::client_key;

/// Connections at one time; further ones wait in the system's queue.
const CONNECTIONS: u32 = 512;
/// For the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// For the whole connection. It carries one request.
const WHOLE: Duration = Duration::from_secs(180);
/// For a connection on which a circuit's file is sent.
const LONG: Duration = Duration::from_secs(3600);
/// How long a stop waits for running requests.
const FAREWELL: Duration = Duration::from_secs(60);
/// Longest head of a request.
const HEAD_BYTES: usize = 16 << 10;

/// The other end of a connection.
#[derive(Clone)]
pub(super) struct Peer {
    /// The key that its certificate proves, if it showed one.
    pub(super) key: Option<[u8; 32]>,
    pub(super) address: SocketAddr,
    /// What it takes of its address's share.
    pub(super) share: Arc<Share>,
    pub(super) papers: Arc<Papers>,
    /// Set by whoever sends so much that the connection needs more time.
    pub(super) long: Arc<AtomicBool>,
}

/// Turns true when the process is asked to stop.
pub(super) fn stop_signal() -> std::io::Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
        let _ = sender.send(true);
        // Receivers see the value after the sender is gone, too.
    });
    Ok(receiver)
}

/// Comes back when the process was asked to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Accepts until asked to stop, then waits for what is running.
pub(super) async fn accept(listener: TcpListener, office: Arc<Office>, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(usize::try_from(CONNECTIONS).unwrap_or(1)));
    let router = api::router(Arc::clone(&office));
    let shares = Arc::new(Shares::default());
    loop {
        let place = tokio::select! {
            () = stopped(&mut stop) => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let (stream, address) = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, as a rule: waiting helps, spinning does not.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            },
        };
        let Some(share) = shares.enter(address.ip()) else {
            // It has to wait for its own connections; the place is free for others.
            tracing::debug!("an address has as many connections as it may");
            continue;
        };
        let (office, router, stop) = (Arc::clone(&office), router.clone(), stop.clone());
        tokio::spawn(async move {
            let long = Arc::new(AtomicBool::new(false));
            let mut talk = pin!(talk(stream, (address, Arc::new(share)), Arc::clone(&long), &office, router, stop));
            let mut ended = timeout(WHOLE, talk.as_mut()).await;
            if ended.is_err() && long.load(Ordering::Relaxed) {
                ended = timeout(LONG.saturating_sub(WHOLE), talk).await;
            }
            if ended.is_err() {
                tracing::debug!("a connection was ended at its time limit");
            }
            drop(place);
        });
    }
    drop(listener);
    tracing::info!("stopping; running requests are finished first");
    if timeout(FAREWELL, places.acquire_many(CONNECTIONS)).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

async fn talk(
    stream: TcpStream,
    (address, share): (SocketAddr, Arc<Share>),
    long: Arc<AtomicBool>,
    office: &Arc<Office>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let papers = office.papers().await;
    let _ = stream.set_nodelay(true);
    let acceptor = TlsAcceptor::from(Arc::clone(&papers.tls));
    let stream = match timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            return;
        }
        Err(_) => return,
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let peer = Peer { key: certificate.and_then(client_key), address, share, papers, long };
    let service = TowerToHyperService::new(router.layer(Extension(peer)));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES).keep_alive(false);
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection broke off");
    }
}
