//! Files that hold keys: written whole, readable by their owner alone; and locks on a home.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::Failure;

/// How long another process may hold a lock before we give up.
const PATIENCE: Duration = Duration::from_secs(5);
const TURN: Duration = Duration::from_millis(20);

/// What stands in the way of using a file, in words that say what to do.
#[must_use]
pub fn trouble(path: &Path, error: &std::io::Error) -> Failure {
    let path = path.display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Failure::could_not(
            "disk-full",
            format!("{path}: the disk is full, or this user's files may not grow further; make room and try again"),
        ),
        ErrorKind::ReadOnlyFilesystem => Failure::could_not(
            "not-writable",
            format!("{path}: the disk can only be read; mount it for writing, or name another place"),
        ),
        ErrorKind::PermissionDenied => Failure::could_not(
            "not-permitted",
            format!("{path}: this user may not use it; check to whom the file and its directory belong"),
        ),
        ErrorKind::AlreadyExists => Failure::refused("exists", format!("{path} exists already; nothing was changed")),
        _ => Failure::could_not("file", format!("{path}: {error}")),
    }
}

/// Makes a new file for its owner alone.
///
/// # Errors
/// When it exists or the disk refuses.
pub fn create_private(path: &Path) -> Result<File, Failure> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|e| trouble(path, &e))
}

/// Writes a new file for its owner alone, to the disk; half a file does not stay.
///
/// # Errors
/// When it exists or the disk refuses.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = create_private(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| trouble(path, &e));
    written.and_then(|()| sync_directory(parent(path))).inspect_err(|_| {
        // The error that stopped us is the one to report.
        let _ = fs::remove_file(path);
    })
}

/// Replaces a file whole or not at all. The caller holds the lock that keeps others from doing the same.
///
/// # Errors
/// When the disk refuses; the older file stays as it was. After the rename nothing fails any more, so that callers may
/// take an error for "not replaced".
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let draft = draft(path);
    remove(&draft)?;
    write_new(&draft, bytes)?;
    fs::rename(&draft, path).map_err(|e| {
        let _ = fs::remove_file(&draft);
        trouble(path, &e)
    })?;
    if let Err(failure) = sync_directory(parent(path)) {
        tracing::warn!(%failure, "a power cut may bring back the older file");
    }
    Ok(())
}

/// Where a file is made before it takes its place.
#[must_use]
pub fn draft(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.draft"))
}

/// The directory of a file.
#[must_use]
pub fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes a file that may be gone already.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(trouble(path, &e)),
        _ => Ok(()),
    }
}

/// Forces names in a directory to the disk.
///
/// # Errors
/// When the disk refuses.
pub fn sync_directory(path: &Path) -> Result<(), Failure> {
    File::open(path).and_then(|d| d.sync_all()).map_err(|e| trouble(path, &e))
}

/// Forces a file to the disk.
///
/// # Errors
/// When the disk refuses.
pub fn sync_file(path: &Path) -> Result<(), Failure> {
    OpenOptions::new().write(true).open(path).and_then(|f| f.sync_all()).map_err(|e| trouble(path, &e))
}

/// Reads a small open file.
///
/// # Errors
/// When it cannot be read or is longer than `limit`.
pub fn read_from(file: File, path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or_default() + 1));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| trouble(path, &e))?;
    if bytes.len() as u64 > limit {
        return Err(Failure::refused("too-long", format!("{} is larger than any file of this kind", path.display())));
    }
    Ok(bytes)
}

/// Opens a file that holds a key, if nobody else can read it. `shared` are the mode bits that would let others in.
///
/// # Errors
/// When others may read it, it belongs to another user, or it cannot be opened.
pub fn open_private(path: &Path, shared: u32) -> Result<File, Failure> {
    let file = File::open(path).map_err(|e| trouble(path, &e))?;
    let found = file.metadata().map_err(|e| trouble(path, &e))?;
    if found.mode() & shared != 0 {
        return Err(Failure::refused(
            "open-key",
            format!("others may read the key file {}; protect it with: chmod 600 {0}", path.display()),
        ));
    }
    let user = rustix::process::geteuid().as_raw();
    if user != 0 && found.uid() != user && found.uid() != 0 {
        return Err(Failure::refused(
            "open-key",
            format!("the key file {} belongs to another user, who can read it; make it your own", path.display()),
        ));
    }
    Ok(file)
}

/// Locks an open file or directory, waiting a little while others hold it. The lock ends when the file is dropped.
///
/// # Errors
/// When it stays held.
pub fn lock(file: &File, path: &Path, alone: bool) -> Result<(), Failure> {
    let wanted = if alone { FlockOperation::NonBlockingLockExclusive } else { FlockOperation::NonBlockingLockShared };
    let end = Instant::now() + PATIENCE;
    loop {
        match flock(file, wanted) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < end => std::thread::sleep(TURN),
            Err(Errno::WOULDBLOCK) => {
                return Err(Failure::could_not(
                    "in-use",
                    format!("another process is using {}; let it finish or stop it, then try again", path.display()),
                ));
            }
            Err(error) => return Err(trouble(path, &error.into())),
        }
    }
}

/// Opens a file that others replace whole, and locks the one that has the name.
///
/// # Errors
/// When it cannot be opened or the lock stays held.
pub fn lock_named(path: &Path) -> Result<File, Failure> {
    loop {
        let file = File::open(path).map_err(|e| trouble(path, &e))?;
        lock(&file, path, true)?;
        let (ours, named) = (file.metadata(), fs::metadata(path));
        if let (Ok(ours), Ok(named)) = (ours, named)
            && (ours.dev(), ours.ino()) == (named.dev(), named.ino())
        {
            return Ok(file);
        }
    }
}
