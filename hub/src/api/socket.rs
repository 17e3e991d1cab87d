//! The API over a local socket: one JSON object a line, in both directions.
//!
//! ```text
//! → {"version":1,"request":"status"}            ← {"answer":"status",…} or {"error":{…}}
//! → {"version":1,"request":"watch"}             ← {"event":…} lines until either side closes
//! ```
//!
//! The socket lies in the home's directory, which its owner alone can enter, and the other end must be that owner or
//! root. Whoever passes both could open the store as well.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::{Answer, Event, Request, VERSION};
use crate::Failure;
use crate::gateway::Gateway;

/// The socket's name in the home's directory.
const SOCKET: &str = "hub.sock";
/// Longest path a socket may have on Linux, less its end.
const LONGEST_PATH: usize = 107;
/// Longest request.
const LONGEST_REQUEST: u64 = 1 << 20;
/// Longest answer: a year of quarter-hours as text.
const LONGEST_ANSWER: u64 = 64 << 20;
/// How long a connection may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
struct Asked {
    version: u32,
    #[serde(flatten)]
    request: Request,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Told {
    Answer(Box<Answer>),
    Failure { error: Failure },
}

/// Where a home's socket lies.
#[must_use]
pub fn path(home: &Path) -> PathBuf {
    home.join(SOCKET)
}

/// Binds the socket of a home. The caller holds the home's lock, so a socket that is there already is a dead one.
///
/// # Errors
/// When the path is too long for a socket or the system refuses.
pub fn bind(home: &Path) -> Result<UnixListener, Failure> {
    let path = path(home);
    if path.as_os_str().len() > LONGEST_PATH {
        return Err(Failure::could_not(
            "long-path",
            format!("{} is too long a path for a socket; choose a home with a shorter one", path.display()),
        ));
    }
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(|error| crate::custody::files::trouble(&path, &error))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
        .map_err(|error| crate::custody::files::trouble(&path, &error))?;
    Ok(listener)
}

/// Serves one connection until it closes.
pub async fn serve(stream: UnixStream, gateway: Gateway) {
    let own = rustix::process::geteuid().as_raw();
    let allowed = stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0);
    if !allowed {
        tracing::warn!("a connection of another user was refused");
        return;
    }
    let (reading, mut writing) = stream.into_split();
    let mut reader = BufReader::new(reading);
    loop {
        let mut line = Zeroizing::new(Vec::new());
        let mut bounded = (&mut reader).take(LONGEST_REQUEST);
        match timeout(PATIENCE, bounded.read_until(b'\n', &mut line)).await {
            Ok(Ok(count)) if count > 0 && line.last() == Some(&b'\n') => {}
            _ => return,
        }
        let result = match serde_json::from_slice::<Asked>(&line) {
            Ok(asked) if asked.version != VERSION => Err(Failure::refused(
                "api-version",
                format!("the running gateway speaks version {VERSION} of its API, not {}; restart it", asked.version),
            )),
            Ok(Asked { request: Request::Watch, .. }) => return watch(&mut writing, &gateway).await,
            Ok(asked) => gateway.answer(asked.request).await,
            Err(_) => Err(Failure::refused("bad-request", "the request is not one that this gateway knows")),
        };
        let told = match result {
            Ok(answer) => Told::Answer(Box::new(answer)),
            Err(error) => Told::Failure { error },
        };
        if write(&mut writing, &told).await.is_err() {
            return;
        }
    }
}

async fn watch(writing: &mut tokio::net::unix::OwnedWriteHalf, gateway: &Gateway) {
    let mut events = gateway.listen();
    let mut stopped = gateway.stopped();
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        let event = match event {
            Ok(event) => event,
            Err(RecvError::Lagged(count)) => Event::Missed { count },
            Err(RecvError::Closed) => return,
        };
        if write(writing, &event).await.is_err() {
            return;
        }
    }
}

async fn write(to: &mut tokio::net::unix::OwnedWriteHalf, value: &impl Serialize) -> std::io::Result<()> {
    let mut line = Zeroizing::new(serde_json::to_vec(value).map_err(std::io::Error::from)?);
    line.push(b'\n');
    to.write_all(&line).await
}

/// A connection to a running gateway.
pub struct Connection {
    reader: BufReader<tokio::net::unix::OwnedReadHalf>,
    writing: tokio::net::unix::OwnedWriteHalf,
}

impl Connection {
    /// Connects to the gateway that runs over a home; none when no gateway runs there.
    pub async fn open(home: &Path) -> Option<Self> {
        let (reading, writing) = UnixStream::connect(path(home)).await.ok()?.into_split();
        Some(Self { reader: BufReader::new(reading), writing })
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// What the gateway says, or that it went away.
    pub async fn ask(&mut self, request: Request) -> Result<Answer, Failure> {
        self.say(request).await?;
        match self.hear().await? {
            Told::Answer(answer) => Ok(*answer),
            Told::Failure { error } => Err(error),
        }
    }

    /// Begins to watch; events are then had by [`Connection::event`].
    ///
    /// # Errors
    /// When the gateway went away.
    pub async fn watch(&mut self) -> Result<(), Failure> {
        self.say(Request::Watch).await
    }

    /// The next event; none when the gateway has stopped.
    pub async fn event(&mut self) -> Option<Event> {
        self.hear().await.ok()
    }

    async fn say(&mut self, request: Request) -> Result<(), Failure> {
        let asked = Asked { version: VERSION, request };
        write(&mut self.writing, &asked).await.map_err(|_| gone())
    }

    async fn hear<T: for<'d> Deserialize<'d>>(&mut self) -> Result<T, Failure> {
        let mut line = Zeroizing::new(Vec::new());
        let read = (&mut self.reader).take(LONGEST_ANSWER).read_until(b'\n', &mut line).await;
        if !read.is_ok_and(|count| count > 0) {
            return Err(gone());
        }
        serde_json::from_slice(&line).map_err(|_| {
            Failure::could_not("api-version", "the running gateway answers what this program does not know; restart it")
        })
    }
}

fn gone() -> Failure {
    Failure::could_not("gone", "the running gateway went away; see its log, and start it again with: wattseal run")
}
