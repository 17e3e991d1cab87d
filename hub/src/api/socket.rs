//! The API over a local socket: one JSON object a line, in both directions.
//!
//! ```text
//! → {"version":1,"request":"status"}            ← {"answer":"status",…} or {"error":{…}}
//! → {"version":1,"request":"watch"}             ← {"event":…} lines until either side closes
//! ```
//!
//! The socket lies in the home's directory, which its owner alone can enter, and the other end must be that owner or
//! root. Whoever passes both could open the store as well.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep, timeout};
use zeroize::Zeroizing;

use super::{Answer, Event, Request, VERSION};
use crate::Failure;

/// The socket's name in the home's directory.
const SOCKET: &str = "hub.sock";
/// Longest path a socket may have on Linux, less its end.
const LONGEST_PATH: usize = 107;
/// Longest answer: a year of quarter-hours as text.
pub(super) const LONGEST_ANSWER: u64 = 64 << 20;
/// Bytes that are written at a time, and how long the other end may take to read them.
const PART: usize = 64 << 10;
const READ_WITHIN: Duration = Duration::from_secs(15);
/// How long a gateway may take to let a command in.
const LET_IN_WITHIN: Duration = Duration::from_secs(15);

#[derive(Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) version: u32,
    #[serde(flatten)]
    pub(super) request: Request,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Told {
    Answer(Box<Answer>),
    Failure { error: Failure },
}

/// What a watcher is told.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seen {
    Event(Event),
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

/// Writes a line. Who does not read it in time is left.
pub(super) async fn write(to: &mut OwnedWriteHalf, line: &[u8]) -> std::io::Result<()> {
    for part in line.chunks(PART) {
        timeout(READ_WITHIN, to.write_all(part)).await.map_err(|_| ErrorKind::TimedOut)??;
    }
    Ok(())
}

pub(super) fn line_of(value: &impl Serialize) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(serde_json::to_vec(value).map_err(std::io::Error::from)?);
    line.push(b'\n');
    Ok(line)
}

/// A connection to a running gateway.
pub struct Connection {
    reader: BufReader<OwnedReadHalf>,
    writing: OwnedWriteHalf,
}

impl Connection {
    /// Connects to the gateway that runs over a home; none when no gateway runs there.
    ///
    /// # Errors
    /// When one runs there and lets nobody in.
    pub async fn open(home: &Path) -> Result<Option<Self>, Failure> {
        let end = Instant::now() + LET_IN_WITHIN;
        loop {
            match UnixStream::connect(path(home)).await {
                Ok(stream) => {
                    let (reading, writing) = stream.into_split();
                    return Ok(Some(Self { reader: BufReader::new(reading), writing }));
                }
                // More wait to be let in than the system keeps in a queue.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if Instant::now() >= end {
                        return Err(Failure::could_not(
                            "busy",
                            "a gateway is running over this home and lets nobody in: too many commands wait for it. If it \
                             hangs, end its process and start it again with: wattseal run",
                        ));
                    }
                    sleep(Duration::from_millis(100)).await;
                }
                Err(_) => return Ok(None),
            }
        }
    }

    /// Asks and waits for the answer, but not for ever.
    ///
    /// # Errors
    /// What the gateway says, that it went away, or that it says nothing.
    pub async fn ask(&mut self, request: Request) -> Result<Answer, Failure> {
        let (name, patience) = (request.name(), request.patience());
        self.ask_within(request, patience).await.map_err(|late| late.unwrap_or_else(|| silent(name, patience)))
    }

    /// As [`Connection::ask`], but with none for a failure when the time is up.
    async fn ask_within(&mut self, request: Request, patience: Duration) -> Result<Answer, Option<Failure>> {
        let asked = async {
            self.say(request).await?;
            match self.hear().await?.ok_or_else(gone)? {
                Told::Answer(answer) => Ok(*answer),
                Told::Failure { error } => Err(error),
            }
        };
        timeout(patience, asked).await.map_err(|_| None)?.map_err(Some)
    }

    /// Begins to watch; events are then had by [`Connection::event`].
    ///
    /// # Errors
    /// When the gateway went away.
    pub async fn watch(&mut self) -> Result<(), Failure> {
        self.say(Request::Watch).await
    }

    /// The next event; none when the gateway has stopped.
    ///
    /// # Errors
    /// When the gateway does not let this end watch.
    pub async fn event(&mut self) -> Result<Option<Event>, Failure> {
        match self.hear().await? {
            None => Ok(None),
            Some(Seen::Event(event)) => Ok(Some(event)),
            Some(Seen::Failure { error }) => Err(error),
        }
    }

    async fn say(&mut self, request: Request) -> Result<(), Failure> {
        let line = line_of(&Asked { version: VERSION, request }).map_err(|_| gone())?;
        write(&mut self.writing, &line).await.map_err(|_| gone())
    }

    async fn hear<T: for<'d> Deserialize<'d>>(&mut self) -> Result<Option<T>, Failure> {
        let mut line = Zeroizing::new(Vec::new());
        let read = (&mut self.reader).take(LONGEST_ANSWER).read_until(b'\n', &mut line).await;
        if !read.is_ok_and(|count| count > 0) {
            return Ok(None);
        }
        serde_json::from_slice(&line).map(Some).map_err(|_| {
            Failure::could_not("api-version", "the running gateway answers what this program does not know; restart it")
        })
    }
}

fn gone() -> Failure {
    Failure::could_not("gone", "the running gateway went away; see its log, and start it again with: wattseal run")
}

fn silent(name: &str, patience: Duration) -> Failure {
    Failure::could_not(
        "silent",
        format!(
            "the running gateway has not answered `wattseal {name}` for {} s: it is busy with something long, suspended, or it \
             hangs. What was asked may still be done; look again later",
            patience.as_secs()
        ),
    )
}
