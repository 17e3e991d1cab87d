//! `wattseal run`: the gateway as a process that stays.
//!
//! One process runs over a home at a time; it holds the home's lock, answers on its socket, keeps lines to meters open,
//! and sends what is due. It stops when it is told to (SIGTERM, SIGINT, or the API), after what it holds is stored.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Semaphore, broadcast};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Failure;
use crate::api::{Event, serve, socket};
use crate::gateway::Gateway;
use crate::home::Home;

/// Connections to the socket at one time, and how many of them may watch: some are always left for other requests.
const CONNECTIONS: usize = 32;
const WATCHERS: usize = 16;
/// How long requests under way may take when the gateway stops.
const FAREWELL: Duration = Duration::from_secs(20);

/// How a gateway runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often it looks for what is to be sent.
    pub look_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { look_every: Duration::from_secs(600) }
    }
}

/// Runs until it is told to stop. `told` receives every event, the first when the gateway answers.
///
/// # Errors
/// When another one runs over this home, or store, socket or signals cannot be had.
pub async fn run(home: &Home, options: &Options, mut told: impl FnMut(&Started<'_>)) -> Result<(), Failure> {
    let _lock = lock(home)?;
    let gateway = Gateway::open(home, true)?;
    let listener = socket::bind(home.directory())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| no_signals(&error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| no_signals(&error))?;
    let mut events = gateway.listen();
    let mut stopped = gateway.stopped();
    gateway.open_lines().await?;
    gateway.open_publications().await?;
    let mut accepting = tokio::spawn(accept(listener, gateway.clone()));
    let sending = tokio::spawn(gateway.clone().keep_sending(options.look_every));
    tracing::info!("gateway running");
    told(&Started::Running);
    let mut result = Ok(());
    loop {
        tokio::select! {
            Some(event) = next(&mut events) => told(&Started::Event(&event)),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = stopped.wait_for(|stopped| *stopped) => break,
            () = gateway.keeper.ended() => {
                result = Err(Failure::could_not("store-ended", "the store was closed by a fault of this program; start it again"));
                break;
            }
        }
    }
    tracing::info!("gateway stopping");
    // Watchers hear of it too; whoever asked for the stop still gets an answer.
    let _ = gateway.answer(crate::api::Request::Stop).await;
    // Requests under way end first; who is in a hurry says so again.
    loop {
        tokio::select! {
            _ = &mut accepting => break,
            Some(event) = next(&mut events) => told(&Started::Event(&event)),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    accepting.abort();
    sending.abort();
    let _ = sending.await;
    gateway.close().await;
    let _ = std::fs::remove_file(socket::path(home.directory()));
    loop {
        match events.try_recv() {
            Ok(event) => told(&Started::Event(&event)),
            Err(TryRecvError::Lagged(count)) => told(&Started::Event(&Event::Missed { count })),
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    result
}

/// The next event; none when there will be no more.
async fn next(events: &mut broadcast::Receiver<Event>) -> Option<Event> {
    match events.recv().await {
        Ok(event) => Some(event),
        Err(RecvError::Lagged(count)) => Some(Event::Missed { count }),
        Err(RecvError::Closed) => None,
    }
}

/// What the process tells.
#[derive(Clone, Copy, Debug)]
pub enum Started<'a> {
    /// It answers from now on.
    Running,
    /// Something happened.
    Event(&'a Event),
}

async fn accept(listener: UnixListener, gateway: Gateway) {
    let mut connections = JoinSet::new();
    let watching = Arc::new(Semaphore::new(WATCHERS));
    let mut stopped = gateway.stopped();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => accepted,
            Some(_) = connections.join_next() => continue,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(serve::serve(stream, gateway.clone(), Arc::clone(&watching)));
            }
            // Out of descriptors, most likely: let some close.
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
    let _ = timeout(FAREWELL, async { while connections.join_next().await.is_some() {} }).await;
}

fn lock(home: &Home) -> Result<File, Failure> {
    let path = home.directory().join("hub.lock");
    if !home.directory().is_dir() {
        return Err(Failure::could_not(
            "absent",
            format!("there is no home at {}; make one with: wattseal init", home.directory().display()),
        ));
    }
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| crate::custody::files::trouble(&path, &error))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        Failure::could_not("running", "a gateway is running over this home already; stop it with: wattseal stop")
    })?;
    Ok(file)
}

fn no_signals(error: &std::io::Error) -> Failure {
    Failure::could_not("signals", format!("the system gives no signals: {error}"))
}
