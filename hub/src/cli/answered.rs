//! A request and its answer, with how far long work is in between.

use std::io::{IsTerminal, Write};

use crate::Failure;
use crate::api::socket::Connection;
use crate::api::{Answer, Event, Request, text};
use crate::gateway::Gateway;
use crate::home::Home;

/// Has a request answered: by the gateway that runs over the home, or by one made for this request. How far long work is
/// goes to standard error.
pub(super) async fn ask(home: &Home, request: Request) -> Result<Answer, Failure> {
    if let Some(mut running) = Connection::open(home.directory()).await? {
        let Some(mut told) = watched(home, &request).await else { return running.ask(request).await };
        let shown = async move {
            while let Ok(Some(event)) = told.event().await {
                progress(&event);
            }
            std::future::pending().await
        };
        return tokio::select! {
            answer = running.ask(request) => answer,
            () = shown => Err(Failure::could_not("not-running", "the gateway has ended")),
        };
    }
    let gateway = Gateway::open(home, false)?;
    let mut told = gateway.listen();
    let shown = tokio::spawn(async move {
        while let Ok(event) = told.recv().await {
            progress(&event);
        }
    });
    let answer = gateway.answer(request).await;
    shown.abort();
    gateway.close().await;
    answer
}

/// A second connection that tells how far the work is, for what takes long.
async fn watched(home: &Home, request: &Request) -> Option<Connection> {
    if !request.is_long() {
        return None;
    }
    let mut told = Connection::open(home.directory()).await.ok()??;
    told.watch().await.ok()?;
    Some(told)
}

/// On a terminal one line that changes; elsewhere a line for each tenth.
fn progress(event: &Event) {
    let Event::Progress { percent, .. } = event else { return };
    let (text, mut out) = (text::event(event), std::io::stderr());
    let _ = if out.is_terminal() {
        write!(out, "\r\x1b[K{text}{}", if *percent < 100 { "" } else { "\n" })
    } else if percent.is_multiple_of(10) {
        writeln!(out, "{text}")
    } else {
        Ok(())
    };
}
