//! Files outside the home, which a person names: a tariff, a pairing file, blocks to import, a bill to be written.

use std::fs;
use std::io::Read;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

use crate::Failure;
use crate::custody::files;

/// Writes a file whole or not at all, for its owner alone: a new temporary beside it, then a rename.
///
/// # Errors
/// When a directory, a device or a pipe has the name, or the disk refuses; an older file stays as it was.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    // A link to a device, as /dev/stdout is, would be replaced by a file.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(no_file(path));
    }
    // Nobody can guess the name and put a link under it; one that is there is not followed.
    let random = getrandom::u64().map_err(|_| Failure::could_not("no-randomness", "the system gives no randomness"))?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{random:016x}.part"));
    let part = path.with_file_name(name);
    files::write_new(&part, bytes)?;
    fs::rename(&part, path).map_err(|e| {
        let _ = fs::remove_file(&part);
        files::trouble(path, &e)
    })?;
    if let Err(failure) = files::sync_directory(files::parent(path)) {
        tracing::warn!(%failure, "a power cut may bring back the older file");
    }
    Ok(())
}

/// Reads a file of a bounded size. A pipe is not waited for, and a device is not read.
///
/// # Errors
/// When it is no regular file, cannot be read, or is larger than any message.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let trouble = |error: std::io::Error| Failure::file(path, &error);
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = fs::File::from(open(path, flags, Mode::empty()).map_err(|error| trouble(error.into()))?);
    let found = file.metadata().map_err(trouble)?;
    if !found.is_file() {
        return Err(no_file(path));
    }
    let too_long = || Failure::refused("too-long", format!("{} is larger than any file of this kind", path.display()));
    let most = protocol::wire::MAX_MESSAGE as u64;
    let room = usize::try_from(found.len()).ok().filter(|_| found.len() <= most).ok_or_else(too_long)?;
    let mut bytes = Vec::with_capacity(room);
    // It may have grown since.
    file.take(most + 1).read_to_end(&mut bytes).map_err(trouble)?;
    if bytes.len() as u64 > most { Err(too_long()) } else { Ok(bytes) }
}

fn no_file(path: &Path) -> Failure {
    Failure::refused(
        "no-file",
        format!("{} is no regular file but a directory, a pipe or a device; name a file", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn pipes_devices_and_endless_files_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("good"), b"abc").unwrap();
        symlink(at("good"), at("link")).unwrap();
        assert_eq!(read_file(&at("good")).unwrap(), b"abc");
        assert_eq!(read_file(&at("link")).unwrap(), b"abc");
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        for (name, code) in [("pipe", "no-file"), ("zero", "no-file"), (".", "no-file"), ("absent", "file")] {
            assert_eq!(read_file(&at(name)).unwrap_err().code(), code, "{name}");
        }
        let long = fs::File::create(at("long")).unwrap();
        long.set_len(protocol::wire::MAX_MESSAGE as u64 + 1).unwrap();
        assert_eq!(read_file(&at("long")).unwrap_err().code(), "too-long");
    }

    #[test]
    fn what_is_written_is_its_owners_alone_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("other"), b"untouched").unwrap();
        fs::write(at("bill"), b"older").unwrap();
        fs::set_permissions(at("bill"), fs::Permissions::from_mode(0o644)).unwrap();
        // What an earlier version would have written through.
        symlink(at("other"), at(&format!("bill.{}.part", std::process::id()))).unwrap();
        write_whole(&at("bill"), b"newer").unwrap();
        assert_eq!(fs::read(at("bill")).unwrap(), b"newer");
        assert_eq!(fs::metadata(at("bill")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read(at("other")).unwrap(), b"untouched");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no draft stays");
        symlink("/dev/null", at("null")).unwrap();
        for name in ["null", "."] {
            assert_eq!(write_whole(&at(name), b"x").unwrap_err().code(), "no-file", "{name}");
        }
    }
}
