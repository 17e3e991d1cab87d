//! Files: written whole or not at all, and read up to a limit.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}: {cause}", path.display())]
pub struct FileError {
    /// What was tried.
    pub verb: &'static str,
    /// On which file.
    pub path: PathBuf,
    /// What the system says.
    pub cause: io::Error,
}

impl FileError {
    /// For use in `map_err`.
    pub fn of(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |cause| Self { verb, path, cause }
    }
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read or is longer.
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take((limit as u64).saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {limit} bytes")));
        }
        Ok(bytes)
    };
    read().map_err(FileError::of("read", path))
}

/// Writes a file beside its place and moves it there, so that nobody ever sees half of it.
///
/// # Errors
/// When it cannot be written; what stood there before still stands.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let write = || {
        let (draft, mut file) = begin(path, OpenOptions::new().write(true))?;
        let written = fill(&mut file, bytes).and_then(|()| fs::rename(&draft, path));
        if written.is_err() {
            // The first error is the one to report.
            let _ = fs::remove_file(&draft);
            return written;
        }
        sync_folder(path)
    };
    write().map_err(FileError::of("write", path))
}

/// Creates a file that only its owner may read, whole or not at all; never replaces one.
///
/// # Errors
/// When it exists already or cannot be written.
pub fn create_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let create = || {
        let (draft, mut file) = begin(path, &mut private())?;
        // A link never replaces what stands there.
        let linked = fill(&mut file, bytes).and_then(|()| fs::hard_link(&draft, path));
        let _ = fs::remove_file(&draft);
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => create_in_place(path, bytes)?,
            linked => linked?,
        }
        sync_folder(path)
    };
    create().map_err(FileError::of("create", path))
}

/// For file systems without links.
fn create_in_place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = fill(&mut private().create_new(true).open(path)?, bytes);
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

/// Writes a file that only its owner may read beside its place and moves it there, for what stood there.
///
/// # Errors
/// When it cannot be written; what stood there before still stands.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let write = || {
        let (draft, mut file) = begin(path, &mut private())?;
        let written = fill(&mut file, bytes).and_then(|()| fs::rename(&draft, path));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
            return written;
        }
        sync_folder(path)
    };
    write().map_err(FileError::of("write", path))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Opens a draft beside a file. Its name is this process's own; one that is there already was left by a process that
/// ended under our number, as the only one of a container always does.
fn begin(path: &Path, options: &mut OpenOptions) -> io::Result<(PathBuf, File)> {
    static TURN: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_string_lossy().into_owned();
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    let draft = path.with_file_name(format!(".{name}.{}.{turn}.draft", std::process::id()));
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = options.create_new(true).open(&draft)?;
    Ok((draft, file))
}

/// Moves a finished file to its place, replacing what stands there.
///
/// # Errors
/// When it cannot be moved; what stood there before still stands.
pub fn replace(draft: &Path, path: &Path) -> Result<(), FileError> {
    fs::rename(draft, path).and_then(|()| sync_folder(path)).map_err(FileError::of("write", path))
}

/// Whether other users of the machine may read or change a file.
///
/// # Errors
/// When the file cannot be looked at.
#[cfg(unix)]
pub fn is_exposed(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// Whether other users of the machine may read or change a file; not known here.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn is_exposed(_: &Path) -> io::Result<bool> {
    Ok(false)
}

fn fill(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// A new name is on the disk only when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"two");
        assert!(read(&path, 2).unwrap_err().to_string().contains("longer than 2 bytes"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write(&folder.path().join("none/t"), b"x").is_err());
        assert!(write(folder.path(), b"x").is_err(), "a folder is not replaced");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn drafts_of_a_process_that_was_killed_are_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let id = std::process::id();
        for turn in 0..500 {
            for name in ["late-1.eml", "key", "tls.leaf"] {
                fs::write(folder.path().join(format!(".{name}.{id}.{turn}.draft")), b"cut sh").unwrap();
            }
        }
        for (name, make) in
            [("late-1.eml", write as fn(&Path, &[u8]) -> _), ("key", create_private), ("tls.leaf", write_private)]
        {
            let path = folder.path().join(name);
            make(&path, b"whole").unwrap();
            assert_eq!(read(&path, 10).unwrap(), b"whole");
        }
    }

    #[test]
    fn a_private_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create_private(&path, b"one").unwrap();
        assert_eq!(create_private(&path, b"two").unwrap_err().cause.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(&path, 10).unwrap(), b"one");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
