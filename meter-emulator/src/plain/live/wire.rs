//! Lines of bytes: frames out at the line's pace, and for a meter that is asked, a conversation.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::termios::{QueueSelector, tcflush};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_serial::{DataBits, Parity, SerialPort, SerialPortBuilder, SerialPortBuilderExt, SerialStream};

use super::line::Asked;
use super::optical::converse;
use super::speed::Reader;
use crate::live::Event;
use crate::plain::d0;
use crate::plain::play::Sent;
use crate::plain::protocol::{Format, Protocol};
use sealer::port::{LineError, pty, tcp};

/// Bits on the line for a byte: start, eight (or seven and parity), stop.
const BITS: u64 = 10;
const RETRY: Duration = Duration::from_secs(1);
/// How often a line that waits for somebody looks whether the meter has ended.
const LOOK: Duration = Duration::from_millis(250);
const STEP: Duration = Duration::from_millis(50);
/// What a reader left on a pseudo-terminal for so long was never heard: a serial line keeps nothing.
const UNHEARD: Duration = Duration::from_secs(2);
/// Half of what the system shows of a pseudo-terminal's buffer at most.
const MUCH: u64 = 2048;

/// What a line needs.
pub(super) struct Way {
    pub(super) coming: mpsc::Receiver<Arc<Sent>>,
    pub(super) ask: mpsc::Sender<Asked>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) protocol: Protocol,
    /// Whether frames are lost when nobody reads.
    pub(super) lossy: bool,
    /// Bits a second that a pty or TCP carries; as many as it can when none.
    pub(super) baud: Option<u32>,
}

impl Way {
    /// Whether the meter has ended and nothing is left to say; where frames may be lost, they are while nobody listens.
    fn ended(&mut self) -> bool {
        while self.lossy && self.coming.try_recv().is_ok() {}
        self.coming.is_closed() && self.coming.is_empty()
    }
}

/// Why a line is no longer spoken on.
enum End {
    /// All was said.
    Said,
    /// It broke.
    Broken,
}

type Open = (JoinHandle<()>, Event);

/// A new pseudo-terminal.
pub(super) fn pseudo_terminal(mut way: Way) -> Result<Open, LineError> {
    let pty::Ends { own, held, path } = pty::pair()?;
    let task = tokio::spawn(async move {
        let unheard = way.lossy.then_some(&held);
        let reader = Reader::at(&held, way.baud);
        let said = async {
            // The end of the meter's side takes with it what was not read.
            let mut own = own;
            if let End::Said = speak(&mut own, &mut way, unheard, None, reader).await
                && unheard.is_none()
            {
                read_out(&held).await;
            }
        };
        tokio::select! {
            () = said => {}
            never = pty::keep_free(&held) => match never {},
        }
    });
    Ok((task, Event::Listening { transport: "serial", address: path }))
}

/// Waits until a pseudo-terminal was read empty.
async fn read_out(held: &OwnedFd) {
    let mut empty = 0;
    // What the system still moves between its two buffers shows as empty for a moment.
    while empty < 3 {
        sleep(STEP).await;
        empty = if rustix::io::ioctl_fionread(held).is_ok_and(|left| left > 0) { 0 } else { empty + 1 };
    }
}

/// A serial device, with the settings of the protocol. When it is pulled out it is opened again when it is back.
pub(super) fn device(path: &Path, mut way: Way) -> Result<Open, LineError> {
    let address = path.display().to_string();
    let builder = settings(path, way.protocol);
    let open = |builder: &SerialPortBuilder| builder.clone().open_native_async().map_err(io::Error::from);
    let first = open(&builder).map_err(|source| LineError { address: address.clone(), source })?;
    way.baud = None;
    let task = tokio::spawn(async move {
        let mut stream = Some(first);
        loop {
            match stream.take() {
                Some(mut open) => {
                    if let End::Said =
                        speak(&mut open, &mut way, None, Some(SerialStream::set_baud_rate), Reader::any()).await
                    {
                        return;
                    }
                    let message = "the line was closed".to_owned();
                    let _ = way.events.send(Event::Line { transport: "serial", up: false, message }).await;
                }
                None if way.ended() => return,
                None => sleep(RETRY).await,
            }
            stream = open(&builder).ok();
        }
    });
    Ok((task, Event::Listening { transport: "serial", address }))
}

fn settings(path: &Path, protocol: Protocol) -> SerialPortBuilder {
    let (baud, format) = protocol.line();
    let (bits, parity) = match format {
        Format::EightNone => (DataBits::Eight, Parity::None),
        Format::EightEven => (DataBits::Eight, Parity::Even),
        Format::SevenEven => (DataBits::Seven, Parity::Even),
    };
    tokio_serial::new(path.to_string_lossy(), baud).data_bits(bits).parity(parity)
}

/// TCP: one reader at a time; who comes last takes over.
pub(super) async fn listen(address: SocketAddr, mut way: Way) -> Result<Open, LineError> {
    let failed = |source| LineError { address: address.to_string(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let task = tokio::spawn(async move {
        let mut next: Option<TcpStream> = None;
        loop {
            let mut stream = match next.take() {
                Some(stream) => stream,
                None => match timeout(LOOK, tcp::accept(&listener)).await {
                    Ok(stream) => stream,
                    Err(_) if way.ended() => return,
                    Err(_) => continue,
                },
            };
            // What was said before somebody listened.
            while way.lossy && way.coming.try_recv().is_ok() {}
            let _ = stream.set_nodelay(true);
            tokio::select! {
                end = speak(&mut stream, &mut way, None, None, Reader::any()) => if let End::Said = end { return },
                stream = tcp::accept(&listener) => next = Some(stream),
            }
        }
    });
    Ok((task, Event::Listening { transport: "tcp", address: bound.to_string() }))
}

/// How the speed of a real line is set.
pub(super) type SetBaud<S> = fn(&mut S, u32) -> tokio_serial::Result<()>;

/// Speaks until the line breaks or all is said.
async fn speak<S>(
    stream: &mut S,
    way: &mut Way,
    held: Option<&OwnedFd>,
    set_baud: Option<SetBaud<S>>,
    listener: Reader<'_>,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if way.protocol == Protocol::D0(d0::Dialect::ModeC) {
        let ended = converse(stream, way, set_baud, listener).await;
        return ended.map_or(End::Broken, |()| End::Said);
    }
    let (reader, writer) = tokio::io::split(stream);
    tokio::select! {
        // What comes in is not for such a meter; an end of it is an end of the line.
        _ = ignore(reader) => End::Broken,
        said = push(writer, way, held, listener) => said.map_or(End::Broken, |()| End::Said),
    }
}

async fn ignore(mut reader: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut buffer = [0; 256];
    while reader.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn push(
    mut writer: impl AsyncWrite + Unpin,
    way: &mut Way,
    held: Option<&OwnedFd>,
    listener: Reader<'_>,
) -> io::Result<()> {
    let (mut pace, mut heard, mut expected) = (Pace::new(way.baud), Instant::now(), 0);
    while let Some(sent) = way.coming.recv().await {
        let bytes = listener.hears(&sent.bytes, way.baud);
        match held {
            Some(held) => {
                let left = rustix::io::ioctl_fionread(held)?;
                // Somebody reads when less is there than was written; of a full buffer that cannot be told.
                if left == 0 || left < expected && left < MUCH {
                    heard = Instant::now();
                }
                expected = left.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                let written = timeout(UNHEARD, write(&mut writer, &bytes)).await;
                if written.is_err() || heard.elapsed() > UNHEARD {
                    tcflush(held, QueueSelector::IFlush)?;
                    (heard, expected) = (Instant::now(), 0);
                }
                written.unwrap_or(Ok(()))?;
            }
            None => write(&mut writer, &bytes).await?,
        }
        pace.pass(sent.bytes.len()).await;
    }
    Ok(())
}

pub(super) async fn write(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    writer.write_all(bytes).await?;
    writer.flush().await
}

/// How long bytes take on a serial line.
pub(super) fn on_the_line(bytes: usize, baud: u32) -> Duration {
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(BITS);
    Duration::from_nanos(bits.saturating_mul(1_000_000_000) / u64::from(baud.max(1)))
}

/// Lets a line that is none carry no more than one.
pub(super) struct Pace {
    baud: Option<u32>,
    free: Instant,
}

impl Pace {
    /// A line of so many bits a second, or without a limit.
    pub(super) fn new(baud: Option<u32>) -> Self {
        Self { baud, free: Instant::now() }
    }

    /// Waits until bytes have passed.
    pub(super) async fn pass(&mut self, bytes: usize) {
        if let Some(baud) = self.baud {
            self.free = self.free.max(Instant::now()) + on_the_line(bytes, baud);
            sleep_until(self.free).await;
        }
    }
}
