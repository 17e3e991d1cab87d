//! All profiles: those that come with the program, and those of a folder of the household's own.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::file::MAX_FILE;
use super::{FileReason, Profile, ProfileError};
use crate::plain::json::Map;

/// The files of `drivers/meters`, by their names.
const BUILT_IN: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/meters.rs"));
/// Files of one folder.
const MAX_FILES: usize = 256;
/// Longest name of a profile.
const MAX_NAME: usize = 40;

/// Profiles by name.
#[derive(Clone, Debug)]
pub struct Profiles(Vec<Profile>);

/// There is no profile of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no meter {0:?}; `wattseal meters` lists them, and docs/adding-a-meter.md tells how to add one")]
pub struct UnknownProfile(String);

impl Profiles {
    /// Those that come with the program.
    #[must_use]
    pub fn built_in() -> Self {
        // A test parses every one: none is lost here.
        Self(BUILT_IN.iter().filter_map(|(id, text)| parse_built_in(id, text).ok()).collect())
    }

    /// Those, and the files of a folder, which take the place of built-in ones of the same name. A folder that is not
    /// there holds none.
    ///
    /// # Errors
    /// [`ProfileError`] at the first file that cannot be used.
    pub fn with_folder(folder: &Path) -> Result<Self, ProfileError> {
        let mut all = Self::built_in();
        for path in files(folder)? {
            let unreadable = |reason| ProfileError::Unreadable { path: path.clone(), reason };
            let id = path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| is_name(stem));
            let id = id.ok_or_else(|| unreadable(FileReason::Name))?;
            let text = read(&path).map_err(unreadable)?;
            let own = Profile::parse(id, &path, &text)?;
            match all.0.iter_mut().find(|known| known.id == own.id) {
                Some(known) => *known = own,
                None => all.0.push(own),
            }
        }
        all.0.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(all)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.0.iter()
    }

    /// The one of this name.
    ///
    /// # Errors
    /// [`UnknownProfile`] when there is none.
    pub fn named(&self, id: &str) -> Result<&Profile, UnknownProfile> {
        self.0.iter().find(|profile| profile.id == id).ok_or_else(|| UnknownProfile(id.into()))
    }

    /// The maps of all bridges.
    #[must_use]
    pub fn maps(&self) -> Vec<Map> {
        self.0.iter().filter_map(|profile| profile.map.clone()).collect()
    }
}

fn parse_built_in(id: &str, text: &str) -> Result<Profile, ProfileError> {
    Profile::parse(id, &Path::new("drivers/meters").join(format!("{id}.toml")), text)
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The files of a folder whose names end as profiles do, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ProfileError> {
    let unreadable = |reason| ProfileError::Unreadable { path: folder.into(), reason };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(FileReason::System(error.to_string()))),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(FileReason::System(error.to_string())))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(unreadable(FileReason::Many));
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<String, FileReason> {
    let system = |error: std::io::Error| FileReason::System(error.to_string());
    if !fs::metadata(path).map_err(system)?.is_file() {
        // A pipe would block.
        return Err(FileReason::System("not a regular file".into()));
    }
    let mut text = String::new();
    let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text)).map_err(system)?;
    if text.len() > MAX_FILE { Err(FileReason::Long) } else { Ok(text) }
}
