//! The circuits as the folder has them, and who is fetching their files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::body::Bytes;
use protocol::metrology::keys::Hash;
use protocol::verify::proved::Circuits;

use crate::circuits::{CircuitFolder, Stored};

/// Files that are being fetched at one time.
const MOST_FETCHED: u32 = 32;
/// Of these, by one contract's household.
const MOST_OF_ONE: u32 = 2;

/// The circuits that one request sees.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// What proofs are trusted under.
    pub(super) circuits: Circuits,
    /// What is published, with the verifier's part as it is sent: all answers share its memory.
    pub(super) stored: Vec<(Stored, Bytes)>,
}

impl Shelf {
    /// A published circuit.
    pub(super) fn get(&self, id: &Hash) -> Option<&(Stored, Bytes)> {
        self.stored.iter().find(|(stored, _)| stored.circuit.id() == *id)
    }
}

/// The shelf as it was last taken from the folder.
pub(super) struct Shelves {
    folder: CircuitFolder,
    held: Mutex<(Stamp, Arc<Shelf>)>,
}

type Stamp = Vec<Option<(SystemTime, u64)>>;

impl Shelves {
    pub(super) fn open(home: &Path) -> Self {
        let folder = CircuitFolder::of(home);
        Self { held: Mutex::new((folder.stamp(), load(&folder))), folder }
    }

    /// The circuits as they stand. One that was added or removed while the service runs counts from the next request on.
    pub(super) async fn now(self: &Arc<Self>) -> Arc<Shelf> {
        let stamp = self.folder.stamp();
        if self.lock().0 != stamp {
            // Looks at every point of the files: not on a thread that serves connections.
            let shelves = Arc::clone(self);
            let _ = tokio::task::spawn_blocking(move || {
                let shelf = load(&shelves.folder);
                *shelves.lock() = (stamp, shelf);
            })
            .await;
        }
        Arc::clone(&self.lock().1)
    }

    /// Where a published file is.
    pub(super) fn path(&self, stored: &Stored, ending: &str) -> std::path::PathBuf {
        self.folder.path(&stored.circuit.profile, ending)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Stamp, Arc<Shelf>)> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(folder: &CircuitFolder) -> Arc<Shelf> {
    let (stored, wrong) = folder.list().unwrap_or_else(|error| (Vec::new(), vec![error]));
    for error in wrong {
        tracing::warn!(%error, "a circuit is left out");
    }
    let circuits = Circuits::new(stored.iter().map(|stored| stored.circuit.clone()));
    let with_file = |stored: Stored| {
        let file = stored.circuit.write().into();
        (stored, file)
    };
    Arc::new(Shelf { circuits, stored: stored.into_iter().map(with_file).collect() })
}

/// Who is fetching files, by contract.
#[derive(Debug, Default)]
pub(super) struct Fetches(Mutex<HashMap<String, u32>>);

/// A place among them, until it is dropped.
#[derive(Debug)]
pub(super) struct Fetch {
    all: Arc<Fetches>,
    contract: String,
}

impl Fetches {
    /// A place, if there is one.
    pub(super) fn enter(self: &Arc<Self>, contract: &str) -> Option<Fetch> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = running.get(contract).copied().unwrap_or(0);
        if own >= MOST_OF_ONE || running.values().sum::<u32>() >= MOST_FETCHED {
            return None;
        }
        running.insert(contract.to_owned(), own + 1);
        Some(Fetch { all: Arc::clone(self), contract: contract.to_owned() })
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        let mut running = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        match running.get_mut(&self.contract) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                running.remove(&self.contract);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_has_two_places_and_all_have_thirty_two() {
        let fetches = Arc::new(Fetches::default());
        let first = fetches.enter("A").unwrap();
        let second = fetches.enter("A").unwrap();
        assert!(fetches.enter("A").is_none());
        drop(first);
        let _third = fetches.enter("A").unwrap();
        drop(second);
        let others: Vec<_> = (0..31).map(|n| fetches.enter(&n.to_string()).unwrap()).collect();
        assert!(fetches.enter("B").is_none());
        drop(others);
        assert!(fetches.enter("B").is_some());
        assert_eq!(fetches.0.lock().unwrap().len(), 1, "who fetches nothing takes no room");
    }
}
