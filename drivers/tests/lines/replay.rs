//! Recorded bytes, played once.

use std::time::{Duration, Instant};

use drivers::{Event, LineError};

use crate::rig::{QUICK, Rig, framed, numbered};

#[tokio::test]
async fn played_once_then_the_reader_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a recording?.bin");
    std::fs::write(&path, (0..500).flat_map(framed).collect::<Vec<_>>()).unwrap();
    let address = drivers::Address::File(drivers::Recording { path: path.display().to_string(), pace: None });
    let mut rig = Rig::start(&address.to_string(), QUICK);
    assert_eq!(rig.next().await, Some(Event::Connected));
    for block in 0..500 {
        assert_eq!(rig.next().await, Some(Event::Message(numbered(block))));
    }
    assert_eq!(rig.next().await, Some(Event::Disconnected { why: LineError::ReplayEnded, retry_in: None }));
    assert_eq!(rig.next().await, None);
    rig.task.await.unwrap();
}

#[tokio::test]
async fn a_pace_is_kept_and_silence_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    let bytes: Vec<u8> = (0..10).flat_map(framed).collect();
    std::fs::write(&path, &bytes).unwrap();
    let begun = Instant::now();
    let address = format!("file:{}?pace={}", path.display(), bytes.len());
    let mut rig = Rig::start(&address, drivers::Patience { silence: Duration::from_millis(1), ..QUICK });
    for block in 0..10 {
        assert_eq!(rig.message().await, numbered(block));
    }
    assert_eq!(rig.disconnected().await, LineError::ReplayEnded);
    assert!(begun.elapsed() >= Duration::from_millis(800), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_cannot_be_played_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("none")] {
        let mut rig = Rig::start(&format!("file:{}", path.display()), QUICK);
        let why = rig.disconnected().await;
        assert!(matches!(why, LineError::Recording { .. }), "{why:?}");
        rig.close().await;
    }
}
