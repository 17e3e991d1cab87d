//! Serial ports: each of its settings in turn, all ports at the same time.

use std::path::PathBuf;
use std::time::Duration;

use drivers::detect::{Attempt, Ear, Verdict, best, conclude, plan};
use drivers::plain::Keys;
use drivers::profile::Profiles;
use drivers::{Address, Chunk, Dial, LineError, Manner};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::told::{Found, Other, Told};
use super::{holder, random};
use crate::Failure;

/// How often it is looked whether more is worth waiting for.
const LOOK: Duration = Duration::from_millis(250);
/// A port that was closed is free again within this.
const FREED_WITHIN: Duration = Duration::from_secs(3);
/// A meter that gave no answer is asked again after this.
const AGAIN: Duration = Duration::from_secs(5);

/// Looks on all ports.
///
/// # Errors
/// When none of them opens.
pub(super) async fn look<'p>(
    profiles: &'p Profiles,
    keys: &Keys,
    ports: Vec<PathBuf>,
    total: Option<Duration>,
    listen_only: bool,
) -> Result<Told<'p>, Failure> {
    let mut told = Told::default();
    if ports.is_empty() {
        told.others.push(Other::no_port());
        return Ok(told);
    }
    let mut attempts = plan(profiles, total);
    attempts.retain(|attempt| !(listen_only && attempt.asked));
    let most: Duration = attempts.iter().map(|attempt| attempt.patience).sum();
    eprintln!(
        "Looking on {} for at most {} s: {} settings, one after the other.",
        if ports.len() == 1 { "one port".into() } else { format!("{} ports at the same time", ports.len()) },
        most.as_millis().div_ceil(1000),
        attempts.len()
    );
    let mut tasks = JoinSet::new();
    for (number, port) in ports.iter().enumerate() {
        let (path, attempts, keys) = (port.to_string_lossy().into_owned(), attempts.clone(), keys.clone());
        tasks.spawn(async move { (number, one(&path, &attempts, &keys).await) });
    }
    let mut results: Vec<_> = tasks.join_all().await;
    results.sort_by_key(|(number, _)| *number);
    let mut refused = Vec::new();
    for ((_, result), port) in results.into_iter().zip(&ports) {
        let path = port.to_string_lossy().into_owned();
        match result {
            Ok(Verdict::Found(heard)) => {
                let best = best(heard, profiles, keys.meter.is_some());
                told.found.extend(best.map(|(heard, fits)| Found::on_port(&path, heard, fits)));
            }
            Ok(verdict) => told.others.push(Other::verdict(profiles, &path, &verdict)),
            Err(why) => refused.push(Other::refused(&path, &why, &holder::of(port, &why))),
        }
    }
    if refused.len() == ports.len() {
        let text = refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        return Err(Failure::could_not("no-port-opens", text));
    }
    told.others.extend(refused);
    Ok(told)
}

/// One port, until a setting settles it.
async fn one(path: &str, attempts: &[Attempt], keys: &Keys) -> Result<Verdict, LineError> {
    let mut verdicts = Vec::new();
    for attempt in attempts {
        let silent = verdicts.iter().all(|verdict| *verdict == Verdict::Silent);
        // Whatever speaks by itself is not asked: it may be no meter at all.
        if attempt.asked && !silent {
            continue;
        }
        let asked = if attempt.asked { ", asking" } else { "" };
        eprintln!("{path}: {}{asked} …", attempt.wire);
        let verdict = listen(path, attempt, keys, verdicts.is_empty()).await?;
        let settled = verdict.settles();
        verdicts.push(verdict);
        if settled {
            break;
        }
    }
    Ok(conclude(verdicts))
}

async fn listen(path: &str, attempt: &Attempt, keys: &Keys, first: bool) -> Result<Verdict, LineError> {
    let dial = Dial::new(Address::Serial(attempt.wire.at(path)));
    let manner = Manner { asked: attempt.asked.then_some(AGAIN), ..Manner::hearing([""]) };
    let opening = Instant::now();
    let mut line = loop {
        match drivers::open(&dial, &manner, random()).await {
            // It was ours until a moment ago.
            Err(LineError::Busy { .. }) if !first && opening.elapsed() < FREED_WITHIN => sleep(LOOK).await,
            opened => break opened?,
        }
    };
    let mut ear = Ear::new(attempt.wire, attempt.asked, keys);
    let begun = Instant::now();
    while begun.elapsed() < attempt.patience && !ear.is_done(begun.elapsed()) {
        let left = attempt.patience.saturating_sub(begun.elapsed());
        match timeout(LOOK.min(left), line.recv()).await {
            Ok(Ok(Chunk::Bytes(bytes))) => ear.hear(&bytes, begun.elapsed()),
            Ok(Ok(Chunk::Datagram { .. })) | Err(_) => {}
            Ok(Err(why)) => return Err(why),
        }
    }
    line.close(Vec::new()).await;
    Ok(ear.verdict())
}
