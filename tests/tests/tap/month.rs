//! Two months over the tap, with everything that can happen between household and provider.

use std::collections::BTreeMap;

use crate::life::{Life, telling};

#[test]
fn only_what_is_listed_crosses() {
    let mut life = Life::begin(telling);
    life.home(&["account", "tariffs", "1"]);
    life = life.live();

    // A bill for time that is booked is refused, and stays refused.
    let twice = life.bill("power", "2026-03-01", "2026-03-08");
    assert_eq!(life.submit(&twice).0, "refused");
    // An answer that was lost, and a service that was away: the bill is sent again, and the receipt comes.
    let lost = life.bill("power", "2026-05-01", "2026-05-02");
    life.middle.lose_answer("/v1/bills");
    assert_eq!(life.submit(&lost).0, "waiting");
    assert_eq!(life.submit(&lost).0, "accepted");
    let late = life.bill("sun", "2026-05-01", "2026-05-02");
    assert!(life.service.take().unwrap().stop().success());
    assert_eq!(life.submit(&late).0, "waiting");
    let mut service = life.town.serve("polder", "127.0.0.1:0");
    let listening = service.wait("an address", |e| e["listening"].is_string());
    life.service = Some(service);
    life.middle.lead_to(listening["listening"].as_str().unwrap());
    assert_eq!(life.submit(&late).0, "accepted");

    life.home(&["account", "rotate-key", "1"]);
    for command in ["disconnect", "reconnect"] {
        life.town.done(&["wattseal-provider", "--home", "polder", "meter", "command", "meter", command]);
    }
    life.town.until("receipts", &["wattseal", "--home", "home", "commands"], |told| {
        let commands = told["commands"].as_array().unwrap();
        commands.len() == 2 && commands.iter().all(|c| c["delivered"] == true && c["outcome"] == "done")
    });
    // The provider hands its identity over: somebody unknown answers, and is asked who it is.
    life.town.done(&["wattseal-provider", "--home", "polder", "identity", "rotate"]);
    life.middle.show_the_provider();
    life.home(&["account", "tariffs", "1"]);

    let (passed, check) = life.taken();
    let faults: Vec<String> = passed.iter().flat_map(|exchange| check.faults(exchange)).collect();
    assert_eq!(faults, Vec::<String>::new());
    assert!(life.secrets().count() > 10_000, "the search has something to search for");

    let with_totals = |e: &&crate::exchange::Exchange| String::from_utf8_lossy(&e.response).contains("\"totals\":[{");
    assert_eq!(passed.iter().filter(with_totals).count(), 2, "the two months of the register that they were asked for");

    // Everything that is listed was seen, and its sizes are those that docs/provider-service.md states.
    let mut sizes: BTreeMap<&str, (usize, [usize; 4])> = BTreeMap::new();
    for exchange in passed.iter().filter(|exchange| !exchange.response.is_empty()) {
        let kind = check.kind(exchange).unwrap();
        let (there, back) = (exchange.request.len(), exchange.response.len());
        let (count, found) = sizes.entry(kind.name).or_insert((0, [usize::MAX, 0, usize::MAX, 0]));
        *count += 1;
        *found = [found[0].min(there), found[1].max(there), found[2].min(back), found[3].max(back)];
    }
    println!("{:20} {:>6} {:>17} {:>17}", "exchange", "times", "bytes there", "bytes back");
    for (name, (count, [a, b, c, d])) in &sizes {
        println!("{name:20} {count:>6} {a:>8}–{b:<8} {c:>8}–{d:<8}");
    }
    assert_eq!(sizes.len(), 9, "all kinds on the list, and no other");
}
