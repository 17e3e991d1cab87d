//! Where the key of a new slot lies.

use std::path::PathBuf;

use gateway_core::StoreKey;
use gateway_core::custody::{Kek, Keys, Slot, SlotKind};
use rand_core::OsRng;

use super::undo::Undo;
use super::{ask, credential, keyring};
use crate::Failure;
use crate::home::Home;

/// The place that keeps a new slot's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The keyring of the operating system.
    Keyring,
    /// A credential file.
    Credential(PathBuf),
}

impl Place {
    /// What was asked for; without a wish the keyring. Where there is none, a person is asked to decide, and a script
    /// gets a credential file beside the store.
    ///
    /// # Errors
    /// `no-keyring` when a person has to decide.
    pub fn choose(home: &Home, keyring: bool) -> Result<Self, Failure> {
        if keyring {
            return Ok(Self::Keyring);
        }
        if let Some(file) = home.named_credential() {
            return Ok(Self::Credential(file));
        }
        if keyring::answers() {
            return Ok(Self::Keyring);
        }
        if ask::is_terminal() {
            return Err(Failure::could_not(
                "no-keyring",
                "no keyring answers here, so you decide where the key lies: name a file with --credential FILE, best \
                 on another medium than the store, or have systemd hand it over",
            ));
        }
        Ok(Self::Credential(home.own_credential()))
    }

    /// Makes the slot: the key first goes to its place, then into `keys`, which the caller writes. `undo` remembers what
    /// was made outside.
    ///
    /// # Errors
    /// When the place refuses.
    pub fn fill(&self, keys: &mut Keys, key: &StoreKey, now: i64, undo: &mut Undo) -> Result<Slot, Failure> {
        match self {
            Self::Keyring => {
                let kek = Kek::generate(&mut OsRng);
                let slot = keys.put(SlotKind::Keyring, &kek, key, now, &mut OsRng);
                let entry = slot.entry(&keys.home());
                undo.announce_entry(&entry)?;
                keyring::store(&entry, &kek)?;
                undo.entries.push(entry);
                Ok(slot)
            }
            Self::Credential(path) => {
                undo.announce(path)?;
                let (kek, made) = credential::read_or_make(path)?;
                if made {
                    undo.files.push(path.clone());
                }
                Ok(keys.put(SlotKind::Credential, &kek, key, now, &mut OsRng))
            }
        }
    }

    /// The kind of its slots.
    #[must_use]
    pub fn kind(&self) -> SlotKind {
        match self {
            Self::Keyring => SlotKind::Keyring,
            Self::Credential(_) => SlotKind::Credential,
        }
    }

    /// The file, when it is one.
    #[must_use]
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::Keyring => None,
            Self::Credential(path) => Some(path),
        }
    }

    /// What the person should know about this place.
    #[must_use]
    pub fn warning(&self, home: &Home) -> Option<String> {
        let file = self.file().filter(|file| home.contains(file))?;
        Some(format!(
            "store and key lie on one disk: whoever takes it has your readings. Move {} to another medium and name it \
             with --credential, or use a keyring: wattseal keys add keyring",
            file.display()
        ))
    }
}
