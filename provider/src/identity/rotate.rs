//! A new identity key in place of the old one, with a signed hand-over that those who pinned the old one follow.
//!
//! ```text
//! provider.key.next (new secret) ─► provider.successions (hand-over, signed by both) ─► provider.key (renamed)
//! ```
//!
//! Cut short before the second step, nothing has happened; after it, the new key is the present one whatever the third
//! step still has to do.

use std::fs;
use std::path::Path;

use ed25519_dalek::SigningKey;
use protocol::service::succession::{MAX_CHAIN, OVERLAP, Succession};
use zeroize::Zeroizing;

use super::{Identity, IdentityError, KEY_FILE, NEXT_FILE, SUCCESSIONS_FILE};
use crate::files::{self, FileError};

/// A finished rotation.
#[derive(Clone)]
pub struct Rotated {
    /// The identity under its new key.
    pub identity: Identity,
    /// The hand-over's message.
    pub succession: Vec<u8>,
}

impl Identity {
    /// Gives a home a new key from `now` on. The old one speaks until `old_until`, at most a day longer; its secret is
    /// gone from the home afterwards.
    ///
    /// # Errors
    /// When the key cannot be opened, a file cannot be written, or there were as many rotations as readers follow.
    pub fn rotate(home: &Path, now: u64, old_until: u64) -> Result<Rotated, IdentityError> {
        let present = Self::open(home)?;
        let (path, next_path) = (home.join(KEY_FILE), home.join(NEXT_FILE));
        if next_path.exists() {
            // What an earlier rotation left: the present key when it got as far as its hand-over, else nobody's, whole or
            // half written.
            let left = match Self::read(&next_path) {
                Ok(left) => Some(left),
                Err(IdentityError::Damaged(_)) => None,
                Err(error) => return Err(error),
            };
            if left.is_some_and(|left| left.provider().key == present.provider().key) {
                files::replace(&next_path, &path)?;
            } else {
                fs::remove_file(&next_path).map_err(FileError::of("remove", &next_path))?;
            }
        }
        if present.successions.len() >= MAX_CHAIN {
            return Err(IdentityError::TooMany);
        }
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(IdentityError::Randomness)?;
        let key = SigningKey::from_bytes(&seed);
        // The new key speaks of all time of which the old one does not: where that was stolen, of some that is past.
        let (from, old_until) = (now.min(old_until), old_until.min(now.saturating_add(OVERLAP)));
        let succession = Succession::sign(&present.key, &key, from, old_until);
        let mut successions = present.successions.clone();
        successions.push(succession.clone());
        let mut former = present.former.clone();
        former.push(present.provider().key);
        let identity = Self { name: present.name, key, successions, former };

        files::create_private(&next_path, identity.secret_text().as_bytes())?;
        let lines: String = identity.successions.iter().map(|message| hex::encode(message) + "\n").collect();
        files::write(&home.join(SUCCESSIONS_FILE), lines.as_bytes())?;
        files::replace(&next_path, &path)?;
        identity.write_public(home)?;
        Ok(Rotated { identity, succession })
    }
}

#[cfg(test)]
mod tests {
    use super::super::PUBLIC_FILE;
    use super::*;

    #[test]
    fn the_home_follows_its_key_wherever_a_rotation_was_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        let first = Identity::create(home, Some("Fern")).unwrap();
        let old_file = fs::read(home.join(KEY_FILE)).unwrap();
        // Cut short before the hand-over: the next secret is nobody's, or half written.
        for left in [&b""[..], &old_file[..old_file.len() / 2]] {
            files::create_private(&home.join(NEXT_FILE), left).unwrap();
            assert_eq!(Identity::open(home).unwrap().keys(), first.keys());
            let aside = tempfile::tempdir().unwrap();
            for name in [KEY_FILE, NEXT_FILE] {
                files::create_private(&aside.path().join(name), &fs::read(home.join(name)).unwrap()).unwrap();
            }
            assert_eq!(Identity::rotate(aside.path(), 100, 100).unwrap().identity.keys().len(), 2);
            fs::remove_file(home.join(NEXT_FILE)).unwrap();
        }
        files::create_private(&home.join(NEXT_FILE), &old_file).unwrap();
        assert_eq!(Identity::open(home).unwrap().keys(), first.keys());

        let second = Identity::rotate(home, 100, 100).unwrap().identity;
        assert_eq!(Identity::open(home).unwrap().keys(), second.keys());
        assert_eq!(second.keys(), [first.keys(), vec![second.provider().key]].concat());
        assert_eq!(second.provider().name, "Fern");
        assert!(!home.join(NEXT_FILE).exists());
        // Cut short after the hand-over: the old secret is still in its place.
        fs::rename(home.join(KEY_FILE), home.join(NEXT_FILE)).unwrap();
        files::create_private(&home.join(KEY_FILE), &old_file).unwrap();
        assert_eq!(Identity::open(home).unwrap().keys(), second.keys());
        let third = Identity::rotate(home, 200, 150).unwrap().identity;
        assert_eq!(Identity::open(home).unwrap().keys(), third.keys());
        assert_eq!(third.keys().len(), 3);
        let lineage = third.lineage();
        assert!(lineage.speaks_at(&second.provider().key, 149) && !lineage.speaks_at(&second.provider().key, 150));
        assert!(lineage.speaks_at(&third.provider().key, 150) && !lineage.speaks_at(&third.provider().key, 149));

        // Cut short before the public file: it follows at the next look.
        fs::write(home.join(PUBLIC_FILE), "name = \"Fern\"\nkey = \"of before\"\n").unwrap();
        Identity::open(home).unwrap();
        let public = fs::read_to_string(home.join(PUBLIC_FILE)).unwrap();
        assert!(public.contains(&hex::encode(third.provider().key)), "{public}");
        fs::remove_file(home.join(PUBLIC_FILE)).unwrap();
        Identity::open(home).unwrap();
        assert!(home.join(PUBLIC_FILE).exists());

        // The old secret alone is no longer this provider.
        fs::remove_file(home.join(KEY_FILE)).unwrap();
        files::create_private(&home.join(KEY_FILE), &old_file).unwrap();
        assert!(matches!(Identity::open(home), Err(IdentityError::Damaged(_))));
    }
}
