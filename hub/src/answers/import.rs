//! Pairing files, and block files below a directory.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use gateway_core::Store;
use gateway_core::ingest::{self, Arrival, Ingest, IngestError};
use protocol::certificate;
use protocol::pairing::Pairing;
use protocol::show;
use zeroize::Zeroizing;

use crate::Failure;
use crate::api::{Imported, Paired, RefusedFile};
use crate::commands::now;
use crate::outside::read_file;

/// Blocks in one transaction: few large writes are kind to SD cards.
const BATCH: usize = 512;

/// Pairs by a pairing file.
///
/// # Errors
/// When the file is not a pairing file or contradicts an earlier pairing.
pub fn pair_file(store: &mut Store, file: &Path) -> Result<Paired, Failure> {
    let bytes = Zeroizing::new(read_file(file)?);
    let pairing = Pairing::read(&bytes)?;
    let arrival = store.transaction(|store| ingest::pair(store, &pairing, now()))?;
    let certificate = pairing.certificates.first().map(|c| &c.certificate);
    let identity = certificate.map_or([0; 32], |c| c.identity_key);
    Ok(Paired {
        meter: certificate.map_or_else(String::new, |c| c.meter.to_string()),
        identity: hex::encode(identity),
        fingerprint: show::fingerprint(&identity),
        pairing: pairing.counter,
        known: arrival == Arrival::Known,
        file: Some(file.to_path_buf()),
    })
}

/// Verifies and stores all certificate and block files below a directory.
///
/// # Errors
/// When the directory cannot be read or the store fails. Files that are refused do not stop the others. `shown` tells
/// whether a person waits at this process's terminal: a gateway's own terminal is nobody's to be kept waiting by.
pub fn import(store: &mut Store, directory: &Path, shown: bool) -> Result<Imported, Failure> {
    let mut imported = Imported::default();
    let (certificates, blocks) = files(directory)?;
    if blocks.is_empty() && certificates.is_empty() {
        return Err(Failure::refused(
            "nothing",
            format!("{} holds no meter.cert and no .block file", directory.display()),
        ));
    }
    for file in &certificates {
        let Some(bytes) = bytes_of(store, file, &mut imported)? else { continue };
        let read = certificate::read_file(&bytes).map_err(IngestError::from);
        match read.and_then(|chain| store.transaction(|store| ingest::learn(store, &chain))) {
            Ok(new) => imported.epochs += new,
            Err(IngestError::Refused(reason)) => {
                store.note(now(), reason.code(), &reason.to_string())?;
                imported.refused.push(refused(file, &reason));
            }
            Err(IngestError::Store(error)) => return Err(error.into()),
        }
    }
    for (batch, files) in blocks.chunks(BATCH).enumerate() {
        progress(shown, batch * BATCH, blocks.len());
        store.transaction(|store| {
            let mut run = Ingest::new(store);
            for file in files {
                let Some(bytes) = bytes_of(store, file, &mut imported)? else { continue };
                match run.block(&bytes) {
                    Ok(Arrival::Stored) => imported.stored += 1,
                    Ok(Arrival::Known) => imported.known += 1,
                    Err(IngestError::Refused(reason)) => {
                        store.note(now(), reason.code(), &reason.to_string())?;
                        imported.refused.push(refused(file, &reason));
                    }
                    Err(IngestError::Store(error)) => return Err(error.into()),
                }
            }
            run.finish()?;
            Ok::<(), Failure>(())
        })?;
    }
    progress(shown, blocks.len(), blocks.len());
    tracing::info!(
        stored = imported.stored,
        known = imported.known,
        refused = imported.refused.len(),
        "import finished"
    );
    Ok(imported)
}

/// A file's bytes; none when it is refused as a file, as a pipe is.
fn bytes_of(store: &Store, file: &Path, imported: &mut Imported) -> Result<Option<Vec<u8>>, Failure> {
    match read_file(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Failure::Refused { code, message }) => {
            store.note(now(), &code, &message)?;
            imported.refused.push(RefusedFile { file: file.to_path_buf(), code: code.into_owned(), message });
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

fn refused(file: &Path, reason: &ingest::Refused) -> RefusedFile {
    RefusedFile { file: file.to_path_buf(), code: reason.code().to_owned(), message: reason.to_string() }
}

fn progress(shown: bool, done: usize, all: usize) {
    let mut out = std::io::stderr();
    if shown && all > BATCH && out.is_terminal() {
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
