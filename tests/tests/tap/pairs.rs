//! Two households that differ in what they use and in nothing else: from outside they look the same.

use std::collections::{BTreeMap, BTreeSet};

use protocol::bill::{Package, Statement};
use protocol::wire;

use crate::exchange::Message;
use crate::life::{Life, Load};

/// Most bytes by which a bill is longer for larger numbers: the line's sum and the fee, and with totals the total, take
/// one to nine bytes each, and the length before the statement one to three.
const LONGER: [usize; 2] = [2 * 8 + 2, 3 * 8 + 2];
/// The same for an answer, where they stand in decimal digits, the line's sum twice: at most twenty each.
const DIGITS: usize = 4 * 20;

/// What an onlooker counts.
struct Seen {
    /// How often each request came, by method, path without what is random in it, and length.
    requests: BTreeMap<(String, String, usize), usize>,
    /// The requests of a look and their lengths. How many looks there were follows from the clock alone.
    looks: BTreeSet<(String, usize)>,
    /// Lengths of each bill and its answer, by period and whether totals were sent.
    bills: BTreeMap<(u64, bool), (usize, usize)>,
}

fn seen(load: Load) -> Seen {
    let life = Life::begin(load).live();
    let mut seen = Seen { requests: BTreeMap::new(), looks: BTreeSet::new(), bills: BTreeMap::new() };
    for exchange in &life.middle.passed() {
        let (method, path) = exchange.asked();
        let length = exchange.request.len();
        if path == "/v1/commands" || path == "/v1/revocations" {
            seen.looks.insert((path, length));
        } else if path == "/v1/bills" {
            assert_eq!(exchange.status(), 200);
            let package = Package::read(Message::read(&exchange.request).unwrap().body).unwrap();
            let statement: Statement = wire::decode(&package.statement, "statement").unwrap();
            let bill = (statement.period.from, statement.totals.is_some());
            let again = seen.bills.insert(bill, (length, exchange.response.len()));
            assert_eq!(again, None, "each bill is sent once");
        } else {
            let place = if path.starts_with("/v1/tariffs/") { "/v1/tariffs/{32}".to_owned() } else { path };
            *seen.requests.entry((method, place, length)).or_default() += 1;
        }
    }
    seen
}

#[test]
fn what_is_sent_does_not_depend_on_the_readings() {
    let little = seen(|slot| [1 + slot % 3, slot % 2]);
    let much = seen(|slot| [55_000 + slot * 7919 % 9_000, 30_000 + slot * 6007 % 9_000]);
    assert_eq!(little.requests, much.requests);
    assert_eq!(little.looks, much.looks);
    assert_eq!(little.looks.len(), 2, "each request of a look has one length");

    assert_eq!((little.bills.len(), much.bills.len()), (4, 4));
    println!("{:12} {:6} {:>15} {:>15}", "month from", "totals", "little", "much");
    for ((bill, (there, back)), (other, (more_there, more_back))) in little.bills.iter().zip(&much.bills) {
        assert_eq!(bill, other);
        println!("{:<12} {:6} {there:>8} {back:>6} {more_there:>8} {more_back:>6}", bill.0, bill.1);
        assert!(there.abs_diff(*more_there) <= LONGER[usize::from(bill.1)], "{there} and {more_there} bytes");
        assert!(back.abs_diff(*more_back) <= DIGITS, "{back} and {more_back} bytes back");
    }
}
