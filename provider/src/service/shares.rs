//! What one address may take of the service at a time: connections, and memory for bodies.
//!
//! A share is a quarter or a third of the whole, so that nobody holds everybody up alone, and a household behind a
//! shared address has room. Addresses are held in memory while they are connected, and no longer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections of one address.
pub(super) const CONNECTIONS: usize = 128;
/// Bodies of one address, KiB.
pub(super) const BODIES: usize = 32 << 10;

/// What is taken, by address.
#[derive(Default)]
pub(super) struct Shares(Mutex<HashMap<IpAddr, Taken>>);

#[derive(Clone, Copy, Default)]
struct Taken {
    connections: usize,
    kib: usize,
}

/// A connection's part of its address's share; given back when it is dropped.
pub(super) struct Share {
    shares: Arc<Shares>,
    address: IpAddr,
}

/// Memory for one body.
pub(super) struct Room {
    share: Arc<Share>,
    kib: usize,
}

impl Shares {
    /// A place for one more connection of an address, if its share has one.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Share> {
        let address = network(address);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.entry(address).or_default();
        if taken.connections >= CONNECTIONS {
            return None;
        }
        taken.connections += 1;
        Some(Share { shares: Arc::clone(self), address })
    }

    fn change<T>(&self, address: &IpAddr, change: impl FnOnce(&mut Taken) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.entry(*address).or_default();
        let result = change(taken);
        if taken.connections == 0 && taken.kib == 0 {
            all.remove(address);
        }
        result
    }
}

impl Share {
    /// Room for a body, empty at first.
    pub(super) fn room(self: &Arc<Self>) -> Room {
        Room { share: Arc::clone(self), kib: 0 }
    }
}

impl Room {
    /// Makes it larger, if the share has that much.
    pub(super) fn grow(&mut self, kib: usize) -> bool {
        let grown = self.share.shares.change(&self.share.address, |taken| {
            let fits = taken.kib.saturating_add(kib) <= BODIES;
            if fits {
                taken.kib += kib;
            }
            fits
        });
        if grown {
            self.kib += kib;
        }
        grown
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.share.shares.change(&self.share.address, |taken| taken.kib = taken.kib.saturating_sub(self.kib));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shares.change(&self.address, |taken| taken.connections = taken.connections.saturating_sub(1));
    }
}

/// Whose share an address takes: in IPv6 a household has a whole network of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_gives_it_back() {
        let shares = Arc::new(Shares::default());
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let all: Vec<_> = (0..CONNECTIONS).map(|_| shares.enter(one).unwrap()).collect();
        assert!(shares.enter(one).is_none());
        assert!(shares.enter("::ffff:192.0.2.1".parse().unwrap()).is_none(), "the same machine by another writing");
        let other = shares.enter("192.0.2.2".parse().unwrap()).unwrap();
        drop(all);
        let share = Arc::new(shares.enter(one).unwrap());
        let (mut first, mut second) = (share.room(), share.room());
        assert!(first.grow(BODIES - 1) && second.grow(1) && !second.grow(1));
        drop(first);
        assert!(second.grow(BODIES - 1));
        let mut theirs = Arc::new(other).room();
        assert!(theirs.grow(BODIES));
        drop((second, theirs, share));
        assert!(shares.0.lock().unwrap().is_empty(), "nobody is remembered");

        let six = |text: &str| network(text.parse().unwrap());
        assert_eq!(six("2001:db8:1:2::1"), six("2001:db8:1:2:ffff::9"));
        assert_ne!(six("2001:db8:1:2::1"), six("2001:db8:1:3::1"));
    }
}
