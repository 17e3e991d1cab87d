//! Lists the profiles in `meters/`, so that adding a meter is adding a file.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let variable = |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name));
    println!("cargo:rerun-if-changed=meters");
    let mut files = Vec::new();
    for entry in fs::read_dir(variable("CARGO_MANIFEST_DIR")?.join("meters"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    let mut list = String::from("[\n");
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
        let id = file.file_stem().map(Path::new).unwrap_or(Path::new("")).display().to_string();
        let path = file.display().to_string();
        writeln!(list, "    ({id:?}, include_str!({path:?})),").map_err(io::Error::other)?;
    }
    list.push(']');
    fs::write(variable("OUT_DIR")?.join("meters.rs"), list)
}
