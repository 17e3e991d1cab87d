//! `keys.cbor`: the slots of a home.
//!
//! Everything in the file is public or wrapped. A MAC under a key that follows from the database key covers all of it:
//! whoever can change what it says can open the store anyway. An older copy of the file is still a file of ours; a
//! replaced sheet opens such a copy (docs/decisions/0008).

use hkdf::Hkdf;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use minicbor::{Decode, Encode};
use protocol::code::GROUPS;
use protocol::wire;
use rand_core::{CryptoRng, RngCore};
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::secrets::{GROUP, normal_group};
use super::{CustodyError, Kek, RecoveryKey, Slot, SlotKind};
use crate::StoreKey;

pub(super) const KIND: &str = "wattseal/keys";
pub(super) const VERSION: u8 = 1;
const WHAT: &str = "key file";

/// No key file is longer.
pub const MAX_KEYS: u64 = 4096;

/// The name of a home: random, made with it, the same in all its backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HomeId([u8; 16]);

impl HomeId {
    /// Takes over bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// As it stands on the sheet.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(self.0).as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }
}

/// The slots of a home, as read; the MAC is checked when one of them opens, and by [`Keys::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys(File);

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct File {
    #[n(0)]
    kind: String,
    #[n(1)]
    version: u8,
    #[cbor(n(2), with = "minicbor::bytes")]
    home: [u8; 16],
    #[n(3)]
    made_at: i64,
    #[n(4)]
    confirmed_at: Option<i64>,
    /// One byte for each group of the sheet, see [`Keys::fits_group`].
    #[cbor(n(5), with = "minicbor::bytes")]
    checks: [u8; GROUPS],
    #[n(6)]
    slots: Vec<Slot>,
    #[cbor(n(7), with = "minicbor::bytes")]
    mac: [u8; 32],
}

impl Keys {
    /// The keys of a new home (or of a restored one, which keeps its name and its sheet).
    pub fn create(
        home: HomeId,
        key: &StoreKey,
        sheet: &RecoveryKey,
        now: i64,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Self {
        let slots = vec![Slot::seal(SlotKind::Recovery, &home, &sheet.kek(), key, now, rng)];
        let mut keys = Self(File {
            kind: KIND.into(),
            version: VERSION,
            home: home.0,
            made_at: now,
            confirmed_at: None,
            checks: checks(&home, key, sheet),
            slots,
            mac: [0; 32],
        });
        keys.seal(key);
        keys
    }

    /// Reads a key file. What it says is not believed before a slot has opened.
    ///
    /// # Errors
    /// When it is no key file, damaged, or of a later version.
    pub fn read(bytes: &[u8]) -> Result<Self, CustodyError> {
        wire::expect(bytes, KIND, WHAT)?;
        let file: File = wire::decode(bytes, WHAT)?;
        let kinds: Vec<SlotKind> = file.slots.iter().map(|slot| slot.kind).collect();
        // Each kind once, in order: a set of slots has one form.
        if !kinds.is_sorted_by(|a, b| a < b) || kinds.first() != Some(&SlotKind::Recovery) {
            return Err(CustodyError::Changed(WHAT));
        }
        Ok(Self(file))
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        wire::encode(&self.0)
    }

    /// The home's name.
    #[must_use]
    pub fn home(&self) -> HomeId {
        HomeId(self.0.home)
    }

    /// The slots, recovery first.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.0.slots
    }

    /// The slot of a kind.
    #[must_use]
    pub fn slot(&self, kind: SlotKind) -> Option<&Slot> {
        self.0.slots.iter().find(|slot| slot.kind == kind)
    }

    /// When somebody proved to have the sheet on paper.
    #[must_use]
    pub fn confirmed_at(&self) -> Option<i64> {
        self.0.confirmed_at
    }

    /// Opens the slot of a kind and checks the whole file.
    ///
    /// # Errors
    /// When there is no such slot, the key is another, or the file was changed.
    pub fn open(&self, kind: SlotKind, kek: &Kek) -> Result<StoreKey, CustodyError> {
        let key = self.slot(kind).ok_or(CustodyError::NoSlot(kind))?.open(&self.home(), kek)?;
        self.check(&key).map(|()| key)
    }

    /// Whether the whole file is what was written under this database key.
    ///
    /// # Errors
    /// When anything in it was changed.
    pub fn check(&self, key: &StoreKey) -> Result<(), CustodyError> {
        let honest: bool = self.mac(key).ct_eq(&self.0.mac).into();
        if honest { Ok(()) } else { Err(CustodyError::Changed(WHAT)) }
    }

    /// Adds a slot, or replaces the one of its kind.
    pub fn put(
        &mut self,
        kind: SlotKind,
        kek: &Kek,
        key: &StoreKey,
        now: i64,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Slot {
        let slot = Slot::seal(kind, &self.home(), kek, key, now, rng);
        self.0.slots.retain(|old| old.kind != kind);
        self.0.slots.push(slot.clone());
        self.0.slots.sort_by_key(|slot| slot.kind);
        self.seal(key);
        slot
    }

    /// Removes a slot.
    ///
    /// # Errors
    /// When there is none of the kind, or it is the recovery slot.
    pub fn remove(&mut self, kind: SlotKind, key: &StoreKey) -> Result<Slot, CustodyError> {
        if kind == SlotKind::Recovery {
            return Err(CustodyError::RecoveryStays);
        }
        let at = self.0.slots.iter().position(|slot| slot.kind == kind).ok_or(CustodyError::NoSlot(kind))?;
        let slot = self.0.slots.remove(at);
        self.seal(key);
        Ok(slot)
    }

    /// Puts a new sheet in the place of the old one. It counts as not confirmed.
    pub fn replace_sheet(
        &mut self,
        sheet: &RecoveryKey,
        key: &StoreKey,
        now: i64,
        rng: &mut (impl RngCore + CryptoRng),
    ) {
        self.0.checks = checks(&self.home(), key, sheet);
        self.0.confirmed_at = None;
        self.put(SlotKind::Recovery, &sheet.kek(), key, now, rng);
    }

    /// Whether a typed group is the sheet's. This asks whether somebody has the sheet, it is no proof of a secret: only
    /// eight bits of each group are kept, under the database key, so that 112 of the 160 bits stay unknown even to
    /// whoever has that key. A mistyped group passes once in 256 times.
    #[must_use]
    pub fn fits_group(&self, key: &StoreKey, place: usize, typed: &str) -> bool {
        let typed = normal_group(typed);
        let found = check(&self.home(), key, place, &typed);
        typed.len() == GROUP && self.0.checks.get(place).is_some_and(|wanted| bool::from(wanted.ct_eq(&found)))
    }

    /// Records that the sheet was confirmed.
    pub fn confirm(&mut self, key: &StoreKey, now: i64) {
        self.0.confirmed_at = Some(now);
        self.seal(key);
    }

    fn seal(&mut self, key: &StoreKey) {
        self.0.mac = self.mac(key);
    }

    fn mac(&self, key: &StoreKey) -> [u8; 32] {
        let bytes = wire::encode(&File { mac: [0; 32], ..self.0.clone() });
        let mut mac = mac_under(key, "wattseal/v1/keys-mac", &self.home());
        mac.update(&bytes);
        mac.finalize().into_bytes().into()
    }
}

/// HMAC-SHA-256 under a key that follows from the database key, a purpose and a home.
pub(super) fn mac_under(key: &StoreKey, purpose: &str, home: &HomeId) -> Hmac<Sha256> {
    let mut derived = Zeroizing::new([0; 64]);
    let expanded =
        Hkdf::<Sha512>::new(Some(home.as_bytes()), key.expose()).expand(purpose.as_bytes(), derived.as_mut_slice());
    // 64 bytes, a block of HMAC-SHA-256, are far below HKDF's limit.
    debug_assert!(expanded.is_ok());
    <Hmac<Sha256> as KeyInit>::new(derived.as_ref().into())
}

fn checks(home: &HomeId, key: &StoreKey, sheet: &RecoveryKey) -> [u8; GROUPS] {
    let mut bytes = [0; GROUPS];
    for (place, (byte, group)) in bytes.iter_mut().zip(sheet.groups()).enumerate() {
        *byte = check(home, key, place, &group);
    }
    bytes
}

fn check(home: &HomeId, key: &StoreKey, place: usize, group: &str) -> u8 {
    let mut mac = mac_under(key, "wattseal/v1/sheet-check", home);
    mac.update(&[u8::try_from(place).unwrap_or(u8::MAX)]);
    mac.update(group.as_bytes());
    let [first, ..] = <[u8; 32]>::from(mac.finalize().into_bytes());
    first
}

#[cfg(test)]
mod tests;
