//! The household's client of its provider: TLS 1.3 to a pinned key, and the few requests there are.
//!
//! ```text
//! Client ─► wire (one connection a request) ─► trust (pinned keys, successions, revocations) ─► provider
//! ```
//!
//! It has no store: what must outlive it (key, successions, newest revocation list, receipts) its caller keeps. What it
//! sends, docs/provider-service.md lists field by field.

mod answers;
mod calls;
mod circuits;
mod error;
mod key;
mod read;
mod trust;
mod wire;

pub use answers::{BillState, CircuitOffer, Command, EnrolState, Offer, SubmitAnswer};
pub use error::{ProviderError, Retry};
pub use key::ClientKey;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::service::revocation::Revocations;
use protocol::service::succession::Lineage;

/// Which provider, and how it is known.
#[derive(Clone, Debug)]
pub struct ProviderPin {
    /// Identity keys that the household compared and trusts; one, as a rule.
    pub keys: Vec<[u8; 32]>,
    /// Host and port, as in "fern.example:8443". It is a way there and proves nothing.
    pub address: String,
    /// Hand-overs of the provider's key that were taken before ([`Client::successions`]).
    pub successions: Vec<Vec<u8>>,
    /// The newest revocation list that was seen ([`Client::revocation_list`]).
    pub revocations: Option<Vec<u8>>,
}

impl ProviderPin {
    /// A provider that was never talked to before.
    #[must_use]
    pub fn new(key: [u8; 32], address: impl Into<String>) -> Self {
        Self { keys: vec![key], address: address.into(), successions: Vec::new(), revocations: None }
    }
}

/// A clock: Unix seconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What the client knows of the provider, as it learns it.
#[derive(Clone, Debug)]
struct Known {
    lineages: Vec<Lineage>,
    successions: Vec<Vec<u8>>,
    list: Option<(Revocations, Vec<u8>)>,
}

impl Known {
    /// A list that was taken before, if it still is the provider's.
    fn read_list(&self, bytes: Vec<u8>) -> Option<(Revocations, Vec<u8>)> {
        let list = self.lineages.iter().find_map(|lineage| Revocations::read_seen(&bytes, lineage).ok())?;
        Some((list, bytes))
    }
}

/// The client. It holds no connection between requests; clones share what was learned.
#[derive(Clone)]
pub struct Client {
    address: String,
    key: Option<ClientKey>,
    clock: Clock,
    known: Arc<Mutex<Known>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for a provider. Without a key only what is public can be asked. A revocation list that its keys did not
    /// sign while they spoke for it is left out, as when a hand-over took the word of a stolen key back: a fresh one is
    /// asked for before the household shows itself.
    ///
    /// # Errors
    /// When no key is pinned, or the hand-overs that are given as seen before are not the provider's.
    pub fn new(pin: ProviderPin, key: Option<ClientKey>, clock: Clock) -> Result<Self, ProviderError> {
        if pin.keys.is_empty() {
            return Err(ProviderError::NoPin);
        }
        let known = Known {
            lineages: pin.keys.into_iter().map(Lineage::pinned).collect(),
            successions: Vec::new(),
            list: None,
        };
        let client = Self { address: pin.address, key, clock, known: Arc::new(Mutex::new(known)) };
        client.learn(&pin.successions)?;
        if let Some(bytes) = pin.revocations {
            let mut known = client.known();
            known.list = known.read_list(bytes);
        }
        Ok(client)
    }

    /// The hand-overs that were taken, to be kept and given back in [`ProviderPin::successions`].
    #[must_use]
    pub fn successions(&self) -> Vec<Vec<u8>> {
        self.known().successions.clone()
    }

    /// The newest revocation list, to be kept and given back in [`ProviderPin::revocations`].
    #[must_use]
    pub fn revocation_list(&self) -> Option<Vec<u8>> {
        self.known().list.as_ref().map(|(_, bytes)| bytes.clone())
    }

    /// The provider's present key, as far as this client followed its successions.
    #[must_use]
    pub fn provider_key(&self) -> [u8; 32] {
        // The longest chain is the one that was followed; there is at least one lineage.
        let known = self.known();
        let longest = known.lineages.iter().max_by_key(|lineage| lineage.tenures().count());
        longest.map_or([0; 32], Lineage::present)
    }

    /// The public key of this household's TLS certificate.
    #[must_use]
    pub fn public_key(&self) -> Option<[u8; 32]> {
        self.key.as_ref().map(ClientKey::public)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Takes hand-overs into every lineage they belong to; whether any was new.
    fn learn(&self, messages: &[Vec<u8>]) -> Result<bool, ProviderError> {
        let mut known = self.known();
        // All or nothing: a chain that ends in a forgery is not followed half-way.
        let mut next = known.clone();
        let mut new = false;
        for message in messages {
            let mut taken = false;
            for lineage in &mut next.lineages {
                taken |= lineage.extend(message)?;
            }
            if taken {
                next.successions.push(message.clone());
            }
            new |= taken;
        }
        if new {
            // What the old key signed after its time counts no more.
            next.list = next.list.take().and_then(|(_, bytes)| next.read_list(bytes));
        }
        *known = next;
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use protocol::service::succession::Succession;

    #[test]
    fn a_list_from_after_the_theft_of_a_key_locks_nobody_out() {
        let (old, new) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let public = |key: &SigningKey| key.verifying_key().to_bytes();
        let list = |key: &SigningKey, issued| Revocations::new(public(key), 9, issued, issued + 1000).sign(key);
        let theft = Succession::sign(&old, &new, 500, 300);
        let client = |list: Vec<u8>, successions: Vec<Vec<u8>>| {
            let pin = ProviderPin { revocations: Some(list), successions, ..ProviderPin::new(public(&old), "x:1") };
            Client::new(pin, None, Arc::new(|| 600)).unwrap()
        };
        assert_eq!(client(list(&old, 400), vec![theft.clone()]).revocation_list(), None);
        assert_eq!(client(list(&old, 200), vec![theft.clone()]).revocation_list(), Some(list(&old, 200)));
        // The same when the hand-over is met on the way.
        let meeting = client(list(&old, 400), Vec::new());
        assert_eq!(meeting.revocation_list(), Some(list(&old, 400)));
        assert_eq!(meeting.learn(std::slice::from_ref(&theft)), Ok(true));
        assert_eq!(meeting.revocation_list(), None);
        assert_eq!(meeting.successions(), [theft]);
    }
}
