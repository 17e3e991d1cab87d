//! How often an address may try an enrolment code: a code has 128 bits, so this keeps the log and the disk quiet rather
//! than the code secret. Addresses are held in memory alone.

use std::collections::HashMap;
use std::net::IpAddr;

/// Failures of an address within the window, after which it waits.
const MOST: u32 = 10;
/// Seconds of a window.
const WINDOW: u64 = 600;
/// Addresses that are remembered.
const ADDRESSES: usize = 4096;

/// Failed attempts by address.
#[derive(Default)]
pub(super) struct Attempts(HashMap<IpAddr, (u64, u32)>);

impl Attempts {
    /// Seconds that an address has to wait, when it has to.
    pub(super) fn wait(&self, address: IpAddr, now: u64) -> Option<u64> {
        let (begun, failures) = self.0.get(&address)?;
        let end = begun.saturating_add(WINDOW);
        (*failures >= MOST && now < end).then(|| end.saturating_sub(now))
    }

    /// Notes a failure.
    pub(super) fn failed(&mut self, address: IpAddr, now: u64) {
        if self.0.len() >= ADDRESSES {
            self.0.retain(|_, (begun, _)| now < begun.saturating_add(WINDOW));
        }
        if self.0.len() >= ADDRESSES && !self.0.contains_key(&address) {
            // Somebody has thousands of addresses: forgetting all of them is bounded, too.
            self.0.clear();
        }
        let entry = self.0.entry(address).or_insert((now, 0));
        if now >= entry.0.saturating_add(WINDOW) {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_and_then_a_pause() {
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let mut attempts = Attempts::default();
        for second in 0..10 {
            assert_eq!(attempts.wait(one, second), None);
            attempts.failed(one, second);
        }
        assert_eq!((attempts.wait(one, 10), attempts.wait(two, 10)), (Some(590), None));
        assert_eq!(attempts.wait(one, 600), None);
        attempts.failed(one, 600);
        assert_eq!(attempts.wait(one, 601), None);
        for place in 0..10_000_u32 {
            attempts.failed(IpAddr::from(place.to_be_bytes()), 700);
        }
        assert!(attempts.0.len() <= ADDRESSES);
    }
}
