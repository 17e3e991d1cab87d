//! A thousand messages over a line that is noisy and breaks: whatever was sent whole arrives, in order.

use drivers::Event;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::rig::{QUICK, Random, Rig, framed, numbered};

#[tokio::test]
async fn a_thousand_messages_over_a_bad_line() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let meter = tokio::spawn(async move {
        let mut random = Random(3);
        let mut block = 0;
        while block < 1000 {
            let (mut socket, _) = listener.accept().await.unwrap();
            for _ in 0..random.below(60) {
                if block < 1000 {
                    let mut bytes = random.bytes(200);
                    bytes.extend(framed(block));
                    block += 1;
                    // Cut anywhere, as a line does.
                    let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
                    socket.write_all(&bytes[..at]).await.unwrap();
                    socket.flush().await.unwrap();
                    tokio::task::yield_now().await;
                    socket.write_all(&bytes[at..]).await.unwrap();
                }
            }
            let cut = framed(1_000_000);
            socket.write_all(&cut[..cut.len() - 3]).await.unwrap();
        }
        listener
    });
    let mut rig = Rig::start(&address, QUICK);
    let (mut next, mut noise, mut lines) = (0, 0, 0);
    while next < 1000 {
        match rig.next().await.unwrap() {
            Event::Message(message) => {
                assert_eq!(message, numbered(next));
                next += 1;
            }
            Event::Noise { bytes } => noise += bytes,
            Event::Connected => lines += 1,
            Event::Disconnected { .. } | Event::Damaged { .. } => {}
        }
    }
    assert!(noise > 10_000 && lines > 10, "{noise} bytes of noise, {lines} lines");
    let _listener = meter.await.unwrap();
    rig.close().await;
}
