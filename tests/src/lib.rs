//! Cross-crate tests live in `tests/`; this library is what several of them share.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The project's root directory.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs Cargo in `directory` with a target directory of its own, so that it neither waits for the build that runs
/// this test nor mixes with it. The environment is cleaned of flags and wrappers: coverage instrumentation, for
/// one, wants an allocator and branches on everything. Nothing is downloaded: the same versions have just been built.
///
/// # Errors
/// When Cargo cannot be started.
pub fn cargo(directory: &Path, target: &Path, arguments: &[&str]) -> io::Result<Output> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(directory).args(arguments).args(["--locked", "--offline"]).env("CARGO_TARGET_DIR", target);
    let flags = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "LLVM_PROFILE_FILE"];
    let wrappers = ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET", "CARGO_INCREMENTAL"];
    for name in flags.into_iter().chain(wrappers) {
        command.env_remove(name);
    }
    command.output()
}

/// Runs a program and returns what it said, or why it could not be started.
///
/// # Errors
/// With the name of the program and of `./test`, which installs what tests need.
pub fn run(program: &str, arguments: &[&str]) -> Result<Output, String> {
    Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program} cannot be started ({error}); ./test installs what tests need"))
}

/// The path of one of the project's programs, built beside the running test.
///
/// # Panics
/// When it is not there: a test without the program it tests must not pass.
#[must_use]
#[allow(clippy::panic)]
pub fn binary(name: &str) -> PathBuf {
    let found = std::env::current_exe().ok().and_then(|test| Some(test.parent()?.parent()?.join(name)));
    match found.filter(|path| path.is_file()) {
        Some(path) => path,
        None => panic!("{name} is not built; run ./test, or first: cargo build --workspace --bins"),
    }
}
