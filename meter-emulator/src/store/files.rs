//! Files that are complete or absent, and private ones that were never anything else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Mode of files that anyone may read.
pub(super) const PUBLIC: u32 = 0o644;
/// Mode of files that hold secrets.
pub(super) const PRIVATE: u32 = 0o600;

/// Options that create files with a mode; the system's own rules apply where there are no modes.
fn with_mode(mode: u32) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options
}

/// Options for a private file.
pub(super) fn private() -> OpenOptions {
    with_mode(PRIVATE)
}

/// Makes a directory that only its owner can enter, unless it exists.
pub(super) fn private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        result => result,
    }
}

/// Writes a new file. The mode holds from its creation.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    with_mode(mode).create_new(true).open(path)?.write_all(bytes)
}

/// Forces a file's content to disk.
pub(super) fn sync(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.sync_all()
}

/// Replaces a private file by another, whole or not at all, even at a power cut.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write(&beside, bytes, PRIVATE)?;
    sync(&beside)?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Forces a directory's entries to disk.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Moves the files of a tree into another of the same shape, making directories where there are none.
pub(super) fn move_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            move_tree(&entry.path(), &target)?;
        } else {
            fs::rename(entry.path(), &target)?;
        }
    }
    sync_dir(to)
}
