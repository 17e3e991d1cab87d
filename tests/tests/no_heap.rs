//! The metrology crate needs no heap: a program without an allocator links it, seals a day with it and ends with 0,
//! and the one feature that would bring a heap breaks the build of that program (so this test can fail).
//!
//! `metrology/no-heap` stands outside the workspace because here Cargo unifies features.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// What the program may take from outside: start-up, the end, and copying memory.
const ALLOWED: [&str; 12] = [
    "_ITM_deregisterTMCloneTable",
    "_ITM_registerTMCloneTable",
    "__cxa_finalize",
    "__gmon_start__",
    "__libc_start_main",
    "__stack_chk_fail",
    "abort",
    "bcmp",
    "memcmp",
    "memcpy",
    "memmove",
    "memset",
];

/// Most stack that sealing a day may take, start-up of the process included.
const STACK_LIMIT: u64 = 64 * 1024;

fn build(features: &[&str]) -> Output {
    let directory = tests::root().join("metrology/no-heap");
    let arguments = [&["build", "--release"], features].concat();
    tests::cargo(&directory, &target(), &arguments).unwrap()
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-heap")
}

/// The program, built.
fn program() -> String {
    let built = build(&[]);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    target().join("release/no-heap").to_str().unwrap().to_owned()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let ran = tests::run(program, arguments).unwrap_or_else(|missing| panic!("{missing}"));
    assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned()
}

#[test]
fn seals_a_day_without_an_allocator() {
    let program = program();
    let ran = tests::run(&program, &[]).unwrap();
    assert_eq!(ran.status.code(), Some(0), "the number is the step that failed in metrology/no-heap/src/main.rs");

    let undefined = said("nm", &["--undefined-only", "--format=just-symbols", &program]);
    for symbol in undefined.lines() {
        let name = symbol.split('@').next().unwrap_or(symbol);
        assert!(ALLOWED.contains(&name), "{name} comes from outside");
    }
    let all = said("nm", &["--format=just-symbols", &program]).to_lowercase();
    for word in ["alloc", "__rg_", "__rdl_", "sbrk", "mmap"] {
        assert!(!all.contains(word), "a symbol contains {word}:\n{all}");
    }
    for line in said("size", &["-A", &program]).lines().filter(|l| l.starts_with(".text") || l.starts_with(".rodata")) {
        println!("{line}");
    }
}

#[test]
fn nothing_is_allocated_while_it_runs() {
    let report = said("valgrind", &["--tool=memcheck", "--error-exitcode=99", &program()]);
    assert!(report.contains("total heap usage: 0 allocs, 0 frees, 0 bytes allocated"), "{report}");
}

#[test]
fn stack_is_bounded() {
    let program = program();
    let file = target().join("massif.out");
    let out = format!("--massif-out-file={}", file.display());
    said("valgrind", &["--tool=massif", "--stacks=yes", "--peak-inaccuracy=0.0", &out, &program]);
    let peak = fs::read_to_string(file).unwrap();
    let peak = peak.lines().filter_map(|line| line.strip_prefix("mem_stacks_B=")).filter_map(|n| n.parse().ok()).max();
    let peak: u64 = peak.expect("massif counts stacks");
    println!("peak stack: {peak} bytes");
    assert!(peak < STACK_LIMIT, "{peak} bytes of stack");
}

#[test]
fn the_feature_that_allocates_breaks_the_build() {
    let built = build(&["--features", "with-alloc"]);
    let why = String::from_utf8_lossy(&built.stderr);
    assert!(!built.status.success(), "it was built with `alloc` and still needs no allocator: what does it prove?");
    assert!(why.contains("no global memory allocator found"), "it failed for another reason:\n{why}");
}

/// The proof is about the versions that the project ships.
#[test]
fn both_lock_files_name_the_same_versions() {
    let ours = packages(&tests::root().join("Cargo.lock"));
    for (name, versions) in packages(&tests::root().join("metrology/no-heap/Cargo.lock")) {
        for version in versions.iter().filter(|_| name != "no-heap") {
            let known = ours.get(&name).is_some_and(|known| known.contains(version));
            assert!(known, "{name} {version} is not in Cargo.lock: cp Cargo.lock metrology/no-heap/ and build there");
        }
    }
}

/// Name to `version checksum` of every package in a lock file.
fn packages(file: &Path) -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(file).unwrap();
    let mut packages = BTreeMap::<String, Vec<String>>::new();
    for block in text.split("[[package]]").skip(1) {
        let field = |key: &str| {
            let start = format!("{key} = \"");
            let value = block.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or("\"");
            value.trim_end_matches('"').to_owned()
        };
        packages.entry(field("name")).or_default().push(format!("{} {}", field("version"), field("checksum")));
    }
    packages
}
