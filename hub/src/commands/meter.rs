//! `init`, `pair`, `import`, `status`.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use gateway_core::ingest::{self, Arrival, Ingest, IngestError};
use gateway_core::{Store, gaps};
use protocol::certificate;
use protocol::pairing::Pairing;
use protocol::show;
use serde_json::json;
use zeroize::Zeroizing;

use super::{Answer, Outcome, now};
use crate::Failure;
use crate::dates::Calendar;
use crate::home::{Home, read_file};

/// Blocks in one transaction: few large writes are kind to SD cards.
const BATCH: usize = 512;

/// `wattseal init`
///
/// # Errors
/// When there is a home already.
pub fn init(home: &Home) -> Outcome {
    home.create()?;
    let text = format!(
        "A new home was made.\n  store  {}  (encrypted)\n  key    {}\nWhoever has both can read your readings; whoever loses the key loses them.",
        home.store_path().display(),
        home.key_path().display()
    );
    Ok(Answer::done(text, json!({ "store": home.store_path(), "key": home.key_path() })))
}

/// `wattseal pair FILE`
///
/// # Errors
/// When the file is not a pairing file or contradicts an earlier pairing.
pub fn pair(home: &Home, file: &Path) -> Outcome {
    let bytes = Zeroizing::new(read_file(file)?);
    let pairing = Pairing::read(&bytes)?;
    let mut store = home.open()?;
    let arrival = store.transaction(|store| ingest::pair(store, &pairing, now()))?;
    let certificate = pairing.certificates.first().map(|c| &c.certificate);
    let meter = certificate.map_or_else(String::new, |c| c.meter.to_string());
    let identity = certificate.map_or([0; 32], |c| c.identity_key);
    let known = arrival == Arrival::Known;
    let text = format!(
        "{} with meter {meter} ({}), pairing {}.\nDelete {} now: it can read everything this meter seals.",
        if known { "Already paired" } else { "Paired" },
        show::fingerprint(&identity),
        pairing.counter,
        file.display()
    );
    Ok(Answer::done(
        text,
        json!({ "meter": meter, "identity": hex::encode(identity), "pairing": pairing.counter, "known": known }),
    ))
}

/// `wattseal import DIR`
///
/// # Errors
/// When the directory cannot be read or the store fails. Blocks that are refused do not stop the others.
pub fn import(home: &Home, directory: &Path) -> Outcome {
    let mut store = home.open()?;
    let mut refused = Vec::new();
    let (certificates, blocks) = files(directory)?;
    if blocks.is_empty() && certificates.is_empty() {
        return Err(Failure::refused(
            "nothing",
            format!("{} holds no meter.cert and no .block file", directory.display()),
        ));
    }
    let mut epochs = 0;
    for file in &certificates {
        let read = certificate::read_file(&read_file(file)?).map_err(IngestError::from);
        match read.and_then(|chain| store.transaction(|store| ingest::learn(store, &chain))) {
            Ok(new) => epochs += new,
            Err(IngestError::Refused(reason)) => {
                store.note(now(), reason.code(), &reason.to_string())?;
                refused.push((file.clone(), reason));
            }
            Err(IngestError::Store(error)) => return Err(error.into()),
        }
    }
    let (mut stored, mut known) = (0usize, 0usize);
    for (batch, files) in blocks.chunks(BATCH).enumerate() {
        progress(batch * BATCH, blocks.len());
        store.transaction(|store| {
            let mut run = Ingest::new(store);
            for file in files {
                match run.block(&read_file(file)?) {
                    Ok(Arrival::Stored) => stored += 1,
                    Ok(Arrival::Known) => known += 1,
                    Err(IngestError::Refused(reason)) => {
                        store.note(now(), reason.code(), &reason.to_string())?;
                        refused.push((file.clone(), reason));
                    }
                    Err(IngestError::Store(error)) => return Err(error.into()),
                }
            }
            run.finish()?;
            Ok::<(), Failure>(())
        })?;
    }
    progress(blocks.len(), blocks.len());
    tracing::info!(stored, known, refused = refused.len(), "import finished");
    let mut text = format!("{stored} blocks verified and stored, {known} known before, {} refused.", refused.len());
    if epochs > 0 {
        text.push_str(&format!("\n{epochs} new epoch certificate(s) of the meter."));
    }
    for (file, reason) in &refused {
        text.push_str(&format!("\n  refused {}: {reason}", file.display()));
    }
    let list: Vec<_> = refused
        .iter()
        .map(|(file, reason)| json!({ "file": file, "code": reason.code(), "message": reason.to_string() }))
        .collect();
    let json = json!({ "stored": stored, "known": known, "epochs": epochs, "refused": list });
    Ok(Answer { text, json, refused: !refused.is_empty() })
}

fn progress(done: usize, all: usize) {
    let mut out = std::io::stderr();
    if all > BATCH && out.is_terminal() {
        // Progress that cannot be shown is no reason to stop.
        let _ = write!(out, "\r{done} of {all} blocks{}", if done == all { "\n" } else { "" });
    }
}

/// Certificate files and block files below a directory, in order of name.
fn files(directory: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failure> {
    let (mut certificates, mut blocks) = (Vec::new(), Vec::new());
    let mut open = vec![directory.to_path_buf()];
    while let Some(current) = open.pop() {
        for entry in fs::read_dir(&current).map_err(|e| Failure::file(&current, &e))? {
            let entry = entry.map_err(|e| Failure::file(&current, &e))?;
            let kind = entry.file_type().map_err(|e| Failure::file(&entry.path(), &e))?;
            let path = entry.path();
            match path.extension().and_then(|e| e.to_str()) {
                _ if kind.is_dir() => open.push(path),
                Some("block") => blocks.push(path),
                Some("cert") => certificates.push(path),
                _ => {}
            }
        }
    }
    certificates.sort();
    blocks.sort();
    Ok((certificates, blocks))
}

/// `wattseal status`
///
/// # Errors
/// When the store fails.
pub fn status(home: &Home) -> Outcome {
    let store: Store = home.open()?;
    let calendar = Calendar::named("UTC")?;
    let meters = store.meters()?;
    let states = gaps::registers(&store)?;
    let mut text = String::new();
    let mut list = Vec::new();
    for meter in &meters {
        let epochs = store.certificates(meter.id)?.len();
        text.push_str(&format!(
            "Meter {} ({}), epoch {}\n",
            meter.name,
            show::fingerprint(&meter.identity),
            epochs.saturating_sub(1)
        ));
        let mut registers = Vec::new();
        for state in states.iter().filter(|s| s.register.meter == meter.id) {
            let span = state.span.map_or_else(
                || "nothing yet".into(),
                |s| format!("{} to {}", calendar.show(s.from), calendar.show(s.until)),
            );
            text.push_str(&format!("  {}  {} blocks, {span}\n", state.register.code, state.blocks));
            for gap in &state.gaps {
                text.push_str(&format!("    gap: {} to {}\n", calendar.show(gap.from), calendar.show(gap.until)));
            }
            let counts = [
                (state.missing_slots, "not measured"),
                (state.estimated_slots, "estimated"),
                (state.tamper_slots, "measured while a tamper sensor was active"),
            ];
            for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
                text.push_str(&format!("    {count} intervals {what}\n"));
            }
            registers.push(json!({
                "code": state.register.code, "unit": state.register.unit, "blocks": state.blocks,
                "from": state.span.map(|s| calendar.show(s.from)), "until": state.span.map(|s| calendar.show(s.until)),
                "gaps": state.gaps.iter().map(|g| json!({ "from": calendar.show(g.from), "until": calendar.show(g.until) })).collect::<Vec<_>>(),
                "missing": state.missing_slots, "estimated": state.estimated_slots, "tamper": state.tamper_slots,
                "events": show::event_names(state.events),
            }));
            for name in show::event_names(state.events) {
                text.push_str(&format!("    the meter reported: {name}\n"));
            }
        }
        list.push(json!({ "meter": meter.name, "identity": hex::encode(meter.identity), "registers": registers }));
    }
    if meters.is_empty() {
        text.push_str("No meter is paired yet. Pair one with: wattseal --home H pair PAIRING-FILE\n");
    }
    let bills = store.bills()?;
    text.push_str(&format!("{} bill(s) made.", bills.len()));
    let events: Vec<_> = store
        .events(10)?
        .into_iter()
        .map(|(at, kind, what)| json!({ "at": at, "code": kind, "message": what }))
        .collect();
    Ok(Answer::done(text, json!({ "meters": list, "bills": bills.len(), "refusals": events })))
}
