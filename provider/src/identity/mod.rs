//! Who the provider is: a name and the key that signs all it says, kept in the provider's home folder, and the keys
//! that it had before.

mod rotate;

pub use rotate::Rotated;

use std::fs;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use protocol::service::command::Command;
use protocol::service::succession::{Lineage, Succession};
use protocol::show;
use protocol::tariff::{Provider, Tariff, TariffError};
use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use crate::files::{self, FileError};

/// The secret, in the home folder.
pub const KEY_FILE: &str = "provider.key";
/// The hand-overs from key to key, oldest first, one in hexadecimal digits a line. Public.
pub const SUCCESSIONS_FILE: &str = "provider.successions";
/// A successor's secret, until its hand-over is complete.
const NEXT_FILE: &str = "provider.key.next";
const LONGEST_SUCCESSIONS: usize = 64 << 10;
/// What others may have: name, public key, fingerprint.
pub const PUBLIC_FILE: &str = "provider.pub";
const LONGEST: usize = 4096;
/// As long as a name in a tariff may be.
const LONGEST_NAME: usize = 120;

/// The provider whose home this is.
#[derive(Clone)]
pub struct Identity {
    name: String,
    key: SigningKey,
    /// Messages of the hand-overs, oldest first.
    successions: Vec<Vec<u8>>,
    /// Keys of the past, oldest first.
    former: Vec<[u8; 32]>,
}

/// Why there is no identity to work with.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is one already, and a lost key cannot be had back.
    #[error("{} exists already; it is never overwritten, choose another --home", .0.display())]
    Exists(PathBuf),
    /// There is none.
    #[error("there is no provider in {}; create one with `wattseal-provider --home DIR init`", .0.display())]
    Missing(PathBuf),
    /// The key file is not one.
    #[error("{} is not a provider's key file, or it is damaged; restore it from your backup", .0.display())]
    Damaged(PathBuf),
    /// Others may read the key.
    #[error("other users may read {}; run `chmod 600` on it", .0.display())]
    Exposed(PathBuf),
    /// A key was handed over as often as readers follow.
    #[error("the identity was rotated as often as households follow; they have to pin the present key first")]
    TooMany,
    /// The name cannot stand in a tariff.
    #[error("a provider's name has 1 to 120 bytes and no control characters")]
    Name,
    /// The machine gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    name: String,
    secret: String,
}

impl Identity {
    /// Creates a home with a new key. Without a name the provider is called after its fingerprint, the first bytes of
    /// its public key as [`show::fingerprint`] gives them.
    ///
    /// # Errors
    /// When there is a key already, the name is unfit, or a file cannot be written.
    pub fn create(home: &Path, name: Option<&str>) -> Result<Self, IdentityError> {
        if name.is_some_and(|name| !is_name(name)) {
            return Err(IdentityError::Name);
        }
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(IdentityError::Randomness)?;
        let key = SigningKey::from_bytes(&seed);
        let print = show::fingerprint(&key.verifying_key().to_bytes());
        let name = name.map_or_else(|| format!("Provider {}", print.get(..9).unwrap_or_default()), str::to_owned);
        let identity = Self { name, key, successions: Vec::new(), former: Vec::new() };

        create_folder(home).map_err(FileError::of("create", home))?;
        let path = home.join(KEY_FILE);
        files::create_private(&path, identity.secret_text().as_bytes()).map_err(|error| match error.cause.kind() {
            std::io::ErrorKind::AlreadyExists => IdentityError::Exists(path),
            _ => error.into(),
        })?;
        identity.write_public(home)?;
        Ok(identity)
    }

    /// Opens a home.
    ///
    /// # Errors
    /// When there is no key, others may read it, or it is damaged.
    pub fn open(home: &Path) -> Result<Self, IdentityError> {
        let path = home.join(KEY_FILE);
        if !path.exists() {
            return Err(IdentityError::Missing(home.to_path_buf()));
        }
        let identity = Self::read(&path)?;
        let successions = read_successions(home)?;
        let newest = successions.last().and_then(|message| Succession::read(message).ok()).map(|s| s.new);
        // A hand-over that was cut short after it was published: the successor's file is not in its place yet.
        let next = home.join(NEXT_FILE);
        let moved = newest.is_some_and(|key| key != identity.provider().key) && next.exists();
        let identity = if moved { Self::read(&next)? } else { identity };
        let identity =
            identity.after(successions).ok_or_else(|| IdentityError::Damaged(home.join(SUCCESSIONS_FILE)))?;
        // A rotation that was cut short left the key of before in the public file.
        let public = fs::read(home.join(PUBLIC_FILE)).unwrap_or_default();
        if public != identity.public_text().as_bytes() {
            // A home that is read only is still a home.
            let _ = identity.write_public(home);
        }
        Ok(identity)
    }

    fn read(path: &Path) -> Result<Self, IdentityError> {
        let path = path.to_path_buf();
        if files::is_exposed(&path).map_err(FileError::of("read", &path))? {
            return Err(IdentityError::Exposed(path));
        }
        let bytes = Zeroizing::new(files::read(&path, LONGEST)?);
        let damaged = || IdentityError::Damaged(path.clone());
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        let mut file: KeyFile = toml::from_str(text).map_err(|_| damaged())?;
        let mut seed = Zeroizing::new([0; 32]);
        let decoded = hex::decode_to_slice(&file.secret, seed.as_mut_slice());
        file.secret.zeroize();
        if decoded.is_err() || !is_name(&file.name) {
            return Err(damaged());
        }
        let key = SigningKey::from_bytes(&seed);
        Ok(Self { name: file.name, key, successions: Vec::new(), former: Vec::new() })
    }

    /// This identity with its past; none when the hand-overs do not lead to its key.
    fn after(self, successions: Vec<Vec<u8>>) -> Option<Self> {
        let read = successions.iter().map(|message| Succession::read(message).ok()).collect::<Option<Vec<_>>>()?;
        let linked = read.windows(2).all(|pair| matches!(pair, [a, b] if a.new == b.old));
        let leads = read.last().is_none_or(|last| last.new == self.provider().key);
        let former = read.iter().map(|s| s.old).collect();
        (linked && leads).then_some(Self { successions, former, ..self })
    }

    /// The provider as tariffs name it.
    #[must_use]
    pub fn provider(&self) -> Provider {
        Provider { name: self.name.clone(), key: self.key.verifying_key().to_bytes() }
    }

    /// Signs a tariff of this provider.
    ///
    /// # Errors
    /// When the tariff is out of bounds or names another key.
    pub fn sign(&self, tariff: &Tariff) -> Result<Vec<u8>, TariffError> {
        tariff.sign(&self.key)
    }

    /// Signs a command to a meter.
    #[must_use]
    pub fn sign_command(&self, command: &Command) -> Vec<u8> {
        command.sign(&self.key)
    }

    /// The hand-overs from the first key to the present one, oldest first.
    #[must_use]
    pub fn successions(&self) -> &[Vec<u8>] {
        &self.successions
    }

    /// All keys that this provider ever had, oldest first; the last one is the present.
    #[must_use]
    pub fn keys(&self) -> Vec<[u8; 32]> {
        self.former.iter().copied().chain([self.provider().key]).collect()
    }

    /// The keys with the times of which each speaks.
    #[must_use]
    pub fn lineage(&self) -> Lineage {
        let mut lineage = Lineage::pinned(self.former.first().copied().unwrap_or(self.provider().key));
        for message in &self.successions {
            // They were checked when the identity was opened.
            let _ = lineage.extend(message);
        }
        lineage
    }

    /// The key itself, for what this crate signs.
    pub(crate) fn signer(&self) -> &SigningKey {
        &self.key
    }

    /// What the key file holds. It is secret.
    fn secret_text(&self) -> Zeroizing<String> {
        let named = toml::Value::String(self.name.clone());
        let secret = Zeroizing::new(hex::encode(self.key.as_bytes()));
        Zeroizing::new(format!(
            "# Whoever has this file signs tariffs in your name. Keep it secret, and keep a copy in a safe place.\nname = {named}\nsecret = \"{}\"\n",
            *secret
        ))
    }

    fn write_public(&self, home: &Path) -> Result<(), FileError> {
        files::write(&home.join(PUBLIC_FILE), self.public_text().as_bytes())
    }

    fn public_text(&self) -> String {
        let named = toml::Value::String(self.name.clone());
        let print = show::fingerprint(&self.provider().key);
        format!("name = {named}\nkey = \"{}\"\nfingerprint = \"{print}\"\n", self.public_hex())
    }

    fn public_hex(&self) -> String {
        show::hex(&self.key.verifying_key().to_bytes())
    }
}

fn read_successions(home: &Path) -> Result<Vec<Vec<u8>>, IdentityError> {
    let path = home.join(SUCCESSIONS_FILE);
    if !path.try_exists().map_err(FileError::of("read", &path))? {
        return Ok(Vec::new());
    }
    let damaged = || IdentityError::Damaged(path.clone());
    let bytes = files::read(&path, LONGEST_SUCCESSIONS)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
    text.lines().map(|line| hex::decode(line).map_err(|_| damaged())).collect()
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}

/// A folder that only its owner may enter; one that exists is left as it is.
fn create_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_opens_as_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("deep/home");
        assert!(matches!(Identity::open(&home), Err(IdentityError::Missing(_))));
        let made = Identity::create(&home, Some("Fern \"Green\" Energy")).unwrap();
        assert_eq!(Identity::open(&home).unwrap().provider(), made.provider());
        assert!(matches!(Identity::create(&home, None), Err(IdentityError::Exists(_))));
        assert_eq!(Identity::open(&home).unwrap().provider(), made.provider());
        let public = fs::read_to_string(home.join(PUBLIC_FILE)).unwrap();
        assert!(public.contains(&made.public_hex()) && !public.contains("secret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&home), mode(&home.join(KEY_FILE))), (0o700, 0o600));
            fs::set_permissions(home.join(KEY_FILE), fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(Identity::open(&home), Err(IdentityError::Exposed(_))));
        }
    }

    #[test]
    fn unfit_names_and_damaged_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "  ", "a\nb", &"x".repeat(121)] {
            assert!(matches!(Identity::create(folder.path(), Some(name)), Err(IdentityError::Name)), "{name:?}");
        }
        let unnamed = Identity::create(folder.path(), None).unwrap().provider();
        assert!(unnamed.name.starts_with("Provider "));
        let key = folder.path().join(KEY_FILE);
        let good = fs::read_to_string(&key).unwrap();
        for bad in ["", "name = 1", &good[..good.len() - 5], &good.replace("secret", "other")] {
            fs::write(&key, bad).unwrap();
            assert!(matches!(Identity::open(folder.path()), Err(IdentityError::Damaged(_))), "{bad:?}");
        }
    }
}
