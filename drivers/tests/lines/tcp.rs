//! TCP servers that drop, stall, hang up half-way, flood, and are not there.

use std::time::Duration;

use drivers::sealed::Decoder;
use drivers::{Dial, Dialect, Event, LineError, Patience, SendError};
use protocol::line::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::rig::{LONG, QUICK, Rig, framed, numbered};

async fn server() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    (listener, address)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    timeout(LONG, listener.accept()).await.unwrap().unwrap().0
}

#[tokio::test]
async fn a_message_tells_when_it_came_and_not_when_it_was_taken() {
    let (listener, address) = server().await;
    let mut rig = Rig::start(&address, QUICK);
    let mut socket = accept(&listener).await;
    socket.write_all(&framed(1)).await.unwrap();
    while rig.events.len() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let waits = Duration::from_millis(300);
    tokio::time::sleep(waits).await;
    assert_eq!(rig.next().await, Some(Event::Connected));
    let told = rig.events.recv().await.unwrap();
    assert_eq!(told.event, Event::Message(numbered(1)));
    assert!(told.at.elapsed() >= waits, "{:?}", told.at.elapsed());
}

#[tokio::test]
async fn dropped_half_closed_and_cut_in_the_middle() {
    let (listener, address) = server().await;
    let mut rig = Rig::start(&address, QUICK);
    let mut socket = accept(&listener).await;
    socket.write_all(&[&framed(1)[..], &framed(2)[..7]].concat()).await.unwrap();
    drop(socket);
    assert_eq!(rig.next().await, Some(Event::Connected));
    assert_eq!(rig.next().await, Some(Event::Message(numbered(1))));
    let ended = rig.next().await;
    let Some(Event::Disconnected { why: LineError::Ended, retry_in: Some(wait) }) = ended else { panic!("{ended:?}") };
    assert!(wait >= QUICK.first / 2 && wait <= QUICK.first, "{wait:?}");

    // The half of a frame from before does not spoil the first of the new line.
    let mut socket = accept(&listener).await;
    socket.write_all(&framed(3)).await.unwrap();
    socket.shutdown().await.unwrap();
    assert_eq!(rig.next().await, Some(Event::Connected));
    assert_eq!(rig.next().await, Some(Event::Message(numbered(3))));
    // It is not even noise.
    assert!(matches!(rig.next().await, Some(Event::Disconnected { why: LineError::Ended, .. })));

    let mut socket = accept(&listener).await;
    rig.connected().await;
    rig.handle.send(numbered(4)).unwrap();
    let mut got = vec![0; framed(4).len()];
    timeout(LONG, socket.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(got, framed(4));
    rig.close().await;
    assert_eq!(timeout(LONG, socket.read(&mut got)).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_stalled_server_is_left() {
    let (listener, address) = server().await;
    let mut rig = Rig::start(&address, Patience { silence: Duration::from_millis(200), ..QUICK });
    let _stalled = accept(&listener).await;
    assert!(matches!(rig.disconnected().await, LineError::Silent { .. }));
    let mut socket = accept(&listener).await;
    rig.handle.set_silence(Duration::MAX);
    socket.write_all(&framed(1)).await.unwrap();
    assert_eq!(rig.message().await, numbered(1));
    rig.close().await;
}

#[tokio::test]
async fn noise_is_summed_up_and_stops_nothing() {
    let (listener, address) = server().await;
    let mut rig = Rig::start(&address, Patience { summary: Duration::from_secs(3600), ..QUICK });
    let mut socket = accept(&listener).await;
    rig.connected().await;
    let mut damaged = framed(1);
    damaged[8] ^= 4;
    socket.write_all(&[9, 9, 0]).await.unwrap();
    assert_eq!(rig.next().await, Some(Event::Noise { bytes: 3 }));
    for _ in 0..500 {
        socket.write_all(&[&[9, 9, 0][..], &damaged].concat()).await.unwrap();
    }
    socket.write_all(&framed(2)).await.unwrap();
    // Not one of the thousand before it, but all of them summed up when the line ends.
    assert_eq!(rig.next().await, Some(Event::Message(numbered(2))));
    drop(socket);
    let Some(Event::Damaged { count: 500, .. }) = rig.next().await else { panic!() };
    assert_eq!(rig.next().await, Some(Event::Noise { bytes: 1500 }));
    assert_eq!(rig.disconnected().await, LineError::Ended);
    rig.close().await;
}

#[tokio::test]
async fn nobody_takes_the_events_then_nobody_reads_the_line() {
    let (listener, address) = server().await;
    let mut rig = Rig::start(&address, QUICK);
    let mut socket = accept(&listener).await;
    let flood: Vec<u8> = (0..4000).flat_map(framed).collect();
    let mut sent = 0;
    // The kernel's buffers take some megabytes, then the server must wait.
    while let Ok(written) = timeout(Duration::from_secs(2), socket.write(&flood[sent % flood.len()..])).await {
        sent += written.unwrap();
        assert!(sent < 256 << 20, "the reader takes everything");
    }
    rig.connected().await;
    let whole = sent / flood.len() * 4000;
    for block in 0..whole as u64 {
        assert_eq!(rig.message().await, numbered(block % 4000));
    }
    // Closing works although events still wait.
    rig.close().await;
}

#[tokio::test]
async fn what_is_sent_too_much_is_refused_at_once() {
    let (listener, address) = server().await;
    let mut rig = Rig::start(&address, QUICK);
    assert_eq!(rig.handle.send(numbered(1)), Err(SendError::NotConnected));
    let socket = accept(&listener).await;
    rig.connected().await;
    let long = |length| Message::Command(vec![1; length].into());
    assert_eq!(rig.handle.send(long(1 << 20)), Err(SendError::TooLong));
    // The server reads nothing: the buffers fill, and the caller hears of it instead of waiting.
    let mut sent = 0;
    while rig.handle.send(long(16_000)).is_ok() {
        sent += 1;
        assert!(sent < 10_000);
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.handle.send(long(16_000)), Err(SendError::Busy));
    // What did not leave is not said on the next line: it is stale.
    drop(socket);
    let mut socket = accept(&listener).await;
    rig.connected().await;
    rig.handle.send(numbered(2)).unwrap();
    let mut got = vec![0; framed(2).len()];
    timeout(LONG, socket.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(got, framed(2));

    // What cannot leave does not hold up the close for long.
    while rig.handle.send(long(16_000)).is_ok() {
        tokio::task::yield_now().await;
    }
    let handle = rig.handle.clone();
    rig.close().await;
    assert_eq!(handle.send(numbered(1)), Err(SendError::Closed));
}

#[tokio::test]
async fn waits_grow_until_a_line_was_good() {
    for (settled, grows) in [(LONG, true), (Duration::ZERO, false)] {
        let (listener, address) = server().await;
        let mut rig = Rig::start(&address, Patience { settled, ..QUICK });
        let mut last = Duration::ZERO;
        for block in 0..4 {
            accept(&listener).await.write_all(&framed(block)).await.unwrap();
            assert_eq!(rig.message().await, numbered(block));
            let Some(Event::Disconnected { retry_in: Some(wait), .. }) = rig.next().await else { panic!() };
            last = wait;
        }
        // The fourth is drawn from half of eight times the first to the whole of it.
        assert!(if grows { last >= QUICK.first * 4 } else { last <= QUICK.first }, "{last:?}");
        rig.close().await;
    }
}

#[tokio::test]
async fn the_last_word_arrives_although_much_is_unread() {
    let (listener, address) = server().await;
    for round in 0..3 {
        let mut rig = Rig::start(&address, QUICK);
        let mut socket = accept(&listener).await;
        // More than the reader takes while nobody takes its events.
        socket.write_all(&(0..4000).flat_map(framed).collect::<Vec<_>>()).await.unwrap();
        rig.connected().await;
        rig.handle.send(numbered(round)).unwrap();
        rig.handle.close();
        let server = async {
            let mut got = Vec::new();
            socket.read_to_end(&mut got).await.unwrap();
            got
        };
        let (got, ()) = tokio::join!(server, rig.close());
        assert_eq!(got, framed(round));
        // Ended, not reset: a reset would have put what was still on its way at risk.
        socket.write_all(&[0]).await.unwrap();
    }
}

#[tokio::test]
async fn no_host_no_server() {
    let (listener, address) = server().await;
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut rig = Rig::start(&address, QUICK);
    for _ in 0..3 {
        assert_eq!(rig.disconnected().await, LineError::ConnectionRefused { host: "127.0.0.1".into(), port });
    }
    rig.close().await;
    let dial = Dial::new("tcp://a..b:1".parse().unwrap());
    let unknown = drivers::open(&dial, &Decoder::default().manner(), 1).await.unwrap_err();
    assert_eq!(unknown, LineError::UnknownHost { host: "a..b".into() });
}

#[tokio::test]
async fn a_reader_ends_with_its_listener_and_not_with_its_handles() {
    let (listener, address) = server().await;
    let Rig { handle, mut events, task } = Rig::start(&address, QUICK);
    drop(handle);
    let mut socket = accept(&listener).await;
    assert_eq!(timeout(LONG, events.recv()).await.unwrap().map(|told| told.event), Some(Event::Connected));
    socket.write_all(&framed(1)).await.unwrap();
    assert_eq!(timeout(LONG, events.recv()).await.unwrap().map(|told| told.event), Some(Event::Message(numbered(1))));
    drop(events);
    timeout(LONG, task).await.unwrap().unwrap();
    assert_eq!(timeout(LONG, socket.read(&mut [0; 8])).await.unwrap().unwrap(), 0);
}
