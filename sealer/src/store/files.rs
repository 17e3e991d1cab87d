//! Files that are complete or absent, and private ones that were never anything else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

/// Mode of files that anyone may read.
pub(crate) const PUBLIC: u32 = 0o644;
/// Mode of files that hold secrets.
pub(crate) const PRIVATE: u32 = 0o600;

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
pub(crate) fn private() -> OpenOptions {
    with_mode(PRIVATE)
}

/// Makes a directory that only its owner can enter, unless it exists.
pub(crate) fn private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        result => result,
    }
}

/// Writes a new file. The mode holds from its creation.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    step()?;
    with_mode(mode).create_new(true).open(path)?.write_all(bytes)
}

/// Forces a file's content to disk.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    force(&OpenOptions::new().write(true).open(path)?)
}

/// Replaces a private file by another, whole or not at all, even at a power cut.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write(&beside, bytes, PRIVATE)?;
    sync(&beside)?;
    step()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Forces a directory's entries to disk.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    if cfg!(unix) { force(&File::open(path)?) } else { Ok(()) }
}

/// Moves the files of a tree into another of the same shape, making directories where there are none.
pub(crate) fn move_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            move_tree(&entry.path(), &target)?;
        } else {
            step()?;
            fs::rename(entry.path(), &target)?;
        }
    }
    sync_dir(to)
}

/// Overwrites a secret file, then removes it. Where the disk keeps old copies of what is overwritten, so does this.
pub(crate) fn erase(path: &Path) -> io::Result<()> {
    step()?;
    let mut file = match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let length = file.metadata()?.len();
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    force(&file)?;
    fs::remove_file(path)
}

/// Forces an open file to disk.
pub(crate) fn force(file: &File) -> io::Result<()> {
    step()?;
    // Where tests plan a power cut, the process's memory stands for the disk.
    #[cfg(test)]
    if cut::is_planned() {
        return Ok(());
    }
    file.sync_all()
}

/// What a power cut can come between. Tests let it come; otherwise it never does.
#[cfg(not(test))]
pub(crate) const fn step() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) use cut::step;

/// A power cut that tests let come before a chosen step: that step and all later ones fail.
#[cfg(test)]
pub(crate) mod cut {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// Lets `steps` more succeed; none for no cut.
    pub(crate) fn after(steps: Option<u32>) {
        LEFT.set(steps);
    }

    /// Whether one is planned.
    pub(crate) fn is_planned() -> bool {
        LEFT.get().is_some()
    }

    /// Whether the cut has come.
    pub(crate) fn came() -> bool {
        LEFT.get() == Some(0)
    }

    pub(crate) fn step() -> io::Result<()> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::other("power cut")),
            Some(left) => {
                LEFT.set(Some(left - 1));
                Ok(())
            }
        }
    }
}
