//! Where a home lies when nothing is said.

use std::env;
use std::path::PathBuf;

use crate::Failure;

/// A service's state directory (`/var/lib/wattseal` under systemd), else the person's data directory (XDG Base Directory
/// Specification: `$XDG_DATA_HOME/wattseal`, else `~/.local/share/wattseal`).
///
/// # Errors
/// When the system names neither.
pub fn default_home() -> Result<PathBuf, Failure> {
    choose(|name| env::var_os(name).map(PathBuf::from)).ok_or_else(|| {
        Failure::could_not(
            "no-home",
            "this user has no home directory; say where the household's data lies with --home",
        )
    })
}

fn choose(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // A relative path is to be ignored, says the specification.
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    absolute("STATE_DIRECTORY")
        .or_else(|| Some(absolute("XDG_DATA_HOME")?.join("wattseal")))
        .or_else(|| Some(absolute("HOME")?.join(".local/share/wattseal")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_a_person_and_nobody() {
        let with = |known: &'static [(&str, &str)]| {
            choose(move |name| known.iter().find(|(n, _)| *n == name).map(|(_, value)| PathBuf::from(value)))
        };
        assert_eq!(with(&[("HOME", "/home/a")]), Some("/home/a/.local/share/wattseal".into()));
        assert_eq!(with(&[("HOME", "/home/a"), ("XDG_DATA_HOME", "/data")]), Some("/data/wattseal".into()));
        assert_eq!(
            with(&[("HOME", "/home/a"), ("XDG_DATA_HOME", "data")]),
            Some("/home/a/.local/share/wattseal".into())
        );
        assert_eq!(with(&[("STATE_DIRECTORY", "/var/lib/wattseal")]), Some("/var/lib/wattseal".into()));
        assert_eq!(with(&[]), None);
    }
}
