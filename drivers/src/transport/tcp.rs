//! TCP, as spoken by serial-to-network adapters.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::{Line, asking, stream};
use crate::address::Tcp;
use crate::error::LineError;

/// Quiet for so long, the kernel asks whether the other side is still there, …
const IDLE: Duration = Duration::from_secs(30);
/// … asks again after so long, …
const AGAIN: Duration = Duration::from_secs(10);
/// … and gives up after so many questions.
const TIMES: u32 = 3;

/// The other side may take so long to end the connection after we did.
const LINGER: Duration = Duration::from_millis(500);

/// Connects. A meter that is asked is asked over an adapter as well, which keeps its own speed.
pub(super) async fn open(tcp: &Tcp, asked: Option<Duration>) -> Result<Line, LineError> {
    let addresses = lookup(&tcp.host, tcp.port).await?;
    let mut socket =
        TcpStream::connect(addresses.as_slice()).await.map_err(|error| refused(&error, &tcp.host, tcp.port))?;
    // A dead connection without these is found by silence, later: no reason not to read.
    let _ = keep_alive(&socket);
    Ok(Line::carried(move |ends| async move {
        let why = match asked {
            Some(every) => asking::carry(&mut socket, every, None, ends).await,
            None => stream::carry(&mut socket, ends).await,
        };
        if why == LineError::Closed {
            let _ = timeout(LINGER, hang_up(&mut socket)).await;
        }
        why
    }))
}

/// Ends our side and waits for the other: a socket closed with bytes unread is reset, and takes with it what the other
/// side has not yet read.
async fn hang_up(socket: &mut TcpStream) -> io::Result<()> {
    socket.shutdown().await?;
    let mut unread = [0; 512];
    while socket.read(&mut unread).await? > 0 {}
    Ok(())
}

fn keep_alive(socket: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, IDLE)?;
    sockopt::set_tcp_keepintvl(socket, AGAIN)?;
    sockopt::set_tcp_keepcnt(socket, TIMES)?;
    socket.set_nodelay(true)
}

/// The addresses of a host, one at least.
///
/// # Errors
/// [`LineError::UnknownHost`].
pub async fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, LineError> {
    match lookup_host((host, port)).await.map(Iterator::collect::<Vec<_>>) {
        Ok(addresses) if !addresses.is_empty() => Ok(addresses),
        _ => Err(LineError::UnknownHost { host: host.into() }),
    }
}

/// Why a connection did not come about.
pub(super) fn refused(error: &io::Error, host: &str, port: u16) -> LineError {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => LineError::ConnectionRefused { host: host.into(), port },
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::TimedOut => {
            LineError::Unreachable { host: host.into() }
        }
        _ => stream::why(error),
    }
}
