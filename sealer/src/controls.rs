//! Whoever stands before the device: lines on standard input, and signals. SIGUSR1 presses the button.

use std::io::{self, BufRead, Read};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::port::Inward;

/// Longest control line.
const MAX_LINE: u64 = 256;
/// What presses the button.
const PAIR: &str = "pair";

/// Hands on control input and signals. When standard input ends the device goes on. To be called within a runtime.
///
/// # Errors
/// When the system gives no signals or threads.
pub fn listen(inward: &mpsc::Sender<Inward>) -> io::Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::user_defined1()] {
        let mut signals = signal(kind)?;
        let inward = inward.clone();
        let presses = kind == SignalKind::user_defined1();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let _ = inward.send(if presses { Inward::Control(PAIR.into()) } else { Inward::Stop }).await;
            }
        });
    }
    let lines = inward.clone();
    std::thread::Builder::new().name("control".into()).spawn(move || read(&lines))?;
    Ok(())
}

fn read(inward: &mpsc::Sender<Inward>) {
    let mut input = io::stdin().lock();
    loop {
        let mut line = String::new();
        match Read::take(&mut input, MAX_LINE).read_line(&mut line) {
            Ok(length) if length > 0 => {}
            _ => return,
        }
        if !line.trim().is_empty() && inward.blocking_send(Inward::Control(line)).is_err() {
            return;
        }
    }
}
