//! Constant time, shown: no branch and no memory address in metrology depends on a secret.
//!
//! The program `ct_metrology` marks its secrets as undefined memory and runs a path; valgrind's memcheck follows
//! undefined bits through registers and memory and reports every conditional jump and every address made from them
//! (A. Langley, "ctgrind", 2010). Secrets are: pairing code, agreement key, register key, day seed, openings,
//! blinding, readings, advances, register total, signing key. The program checks that its output still depends on
//! them, so a lost mark is an error and not a silence, and two leaky twins have to be reported.
//!
//! What this does not show:
//! - instructions whose own time depends on their operands. Memcheck accepts a division of a secret; and 32-bit
//!   cores with a multiplier that stops early leak in every field multiplication;
//! - other machine code than ran here: this compiler and these profiles, this architecture, and the routines that
//!   the libraries choose on the processor which valgrind plays (AVX2; not AVX-512, not the SHA instructions).
//!   A meter's maker runs it again for the code that goes into the meter;
//! - paths that these inputs do not take, though without branches on secrets there is one path per public input;
//! - what follows from speculation, power, radiation or faults, and whether secrets are erased.
//!
//! Overflow checks and debug assertions are off here, as they must be in a meter: they are branches on secrets, if
//! ones that never go the other way. At `opt-level = "z"` memcheck reports the iterator over the key's bits inside
//! curve25519-dalek's ladder, where a bit shares its byte with the end of the sequence: no leak, but no proof either.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

/// Valgrind's exit code when it has reported something.
const REPORTED: &str = "99";

/// Optimised as tests are, without the checks (see above).
const DEV: &[&str] =
    &["--config", "profile.dev.debug-assertions=false", "--config", "profile.dev.overflow-checks=false"];
/// As shipped.
const RELEASE: &[&str] = &["--release"];
/// For size, as meters are built.
const SMALL: &[&str] = &["--release", "--config", "profile.release.opt-level='s'"];

#[test]
fn dev_profile() {
    check("ct-dev", "debug", "dev", DEV);
}

#[test]
fn release_profile() {
    check("ct-release", "release", "release", RELEASE);
}

#[test]
fn optimised_for_size() {
    check("ct-small", "release", "release", SMALL);
}

/// Builds the program under a profile and runs every case.
fn check(name: &str, directory: &str, profile: &str, flags: &[&str]) {
    let program = build(name, directory, profile, flags);
    let list = tests::run(program.to_str().unwrap(), &["list"]).unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let cases: Vec<_> = list.lines().collect();
    assert_eq!(cases.len(), 13, "{cases:?}");
    for case in cases {
        let (code, said) = memcheck(&program, case);
        if case.starts_with("leaky-") {
            assert_eq!(code.to_string(), REPORTED, "{case} leaks, and valgrind did not report it:\n{said}");
            assert!(said.contains("leaky.rs"), "{case}: something else was reported:\n{said}");
        } else {
            assert_eq!(code, 0, "{case} is not constant-time ({name}):\n{said}");
        }
    }
}

/// The program, with line numbers so that a report names its place.
fn build(name: &str, directory: &str, profile: &str, flags: &[&str]) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let lines = format!("profile.{profile}.debug='line-tables-only'");
    let common = ["build", "--package", "tests", "--bin", "ct_metrology", "--config", &lines];
    let built = tests::cargo(&tests::root(), &target, &[&common, flags].concat()).unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    target.join(directory).join("ct_metrology")
}

/// Exit code and report of one case under valgrind.
fn memcheck(program: &Path, case: &str) -> (i32, String) {
    let code = format!("--error-exitcode={REPORTED}");
    let arguments = ["--tool=memcheck", "--quiet", "--num-callers=6", &code, program.to_str().unwrap(), case];
    let ran = tests::run("valgrind", &arguments).unwrap_or_else(|missing| panic!("{missing}"));
    let said = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
    (ran.status.code().expect("valgrind ended by a signal"), said)
}

#[test]
fn outside_valgrind_the_program_refuses() {
    let program = env!("CARGO_BIN_EXE_ct_metrology");
    let ran = tests::run(program, &["seal"]).unwrap();
    assert_eq!(ran.status.code(), Some(3));
}
