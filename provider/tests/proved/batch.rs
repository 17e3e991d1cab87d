//! Many bills at once: the bad ones are named, and nothing is booked.

use std::fs;

use crate::desk;
use crate::prover::Prover;
use crate::world::*;

#[test]
fn one_bad_bill_among_many_is_named() {
    let prover = Prover::new();
    let desk = desk(&prover);
    let houses: Vec<_> = (1..4).map(|seed| House::new(seed, 100 * u64::from(seed))).collect();
    fs::create_dir(desk.path("bills")).unwrap();
    let mut proved = Vec::new();
    for (place, house) in houses.iter().enumerate() {
        assert_eq!(desk.add(&house.meters[0], &[]).0, 0);
        let carries = house.prove(&desk, &prover, "carries", days(2, 5), None, None).bill;
        desk.write(&format!("bills/{place}-carries.bill"), &carries);
        desk.write(&format!("bills/{place}-linear.bill"), &house.bill(&desk, days(2, 9)));
        proved.push(house.prove(&desk, &prover, "import", days(2, 9), None, None).bill);
        // Many more of the same, as another home's would be.
        (0..20).for_each(|n| desk.write(&format!("bills/{place}-proved-{n}.bill"), &proved[place]));
    }
    let batch = |more: &[&str]| {
        let tariffs = ["--tariff", "import.tariff", "--tariff", "carries.tariff"];
        let args = [&["--json", "verify-batch", "bills"], &tariffs[..], more].concat();
        let (code, out, err) = desk.run(&args);
        assert!(err.lines().all(|line| line.starts_with("bills: ")), "{err}");
        (code, serde_json::from_str::<serde_json::Value>(&out).unwrap())
    };
    let (code, report) = batch(&[]);
    assert_eq!(
        (code, &report["bills"], &report["valid"], &report["demonstration"]),
        (0, &66.into(), &66.into(), &63.into())
    );
    assert_eq!((&report["kinds"]["proved-bill"], &report["kinds"]["linear-bill"]), (&63.into(), &3.into()));
    let sums = report["tariffs"].as_array().unwrap();
    assert_eq!((sums.len(), &sums[0]["bills"], &sums[1]["bills"]), (2, &63.into(), &3.into()));
    assert_eq!(desk.json(&["ledger", "list"]).1["bills"].as_array().unwrap().len(), 0, "nothing is booked");

    // A proof of another home's, a fee that was changed, a file that is no bill, a meter that nobody knows.
    let (mine, other) =
        (protocol::bill::Package::read(&proved[0]).unwrap(), protocol::bill::Package::read(&proved[1]).unwrap());
    let certificates = mine.certificates.iter().map(|c| c.to_vec()).collect();
    let forged =
        protocol::bill::Package::new(mine.statement.to_vec(), other.proof.to_vec(), certificates, mine.chains.clone());
    desk.write("bills/1-proved-7.bill", &forged.write());
    desk.write("bills/2-notes.txt", b"no bill");
    let mut linear = desk.read("bills/2-linear.bill");
    let middle = linear.len() / 2;
    linear[middle] ^= 1;
    desk.write("bills/2-linear.bill", &linear);
    desk.write(
        "bills/9-stranger.bill",
        &House::new(9, 100).prove(&desk, &prover, "import", days(2, 9), None, None).bill,
    );
    let (code, report) = batch(&[]);
    let bad: Vec<_> = report["bad"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bad| (bad["file"].as_str().unwrap(), bad["code"].as_str().unwrap()))
        .collect();
    assert_eq!((code, &report["valid"], bad.len()), (1, &64.into(), 4), "{bad:?}");
    assert_eq!(bad[0], ("bills/1-proved-7.bill", "wrong-proof"));
    assert_eq!(
        (bad[1].0, bad[2], bad[3]),
        ("bills/2-linear.bill", ("bills/2-notes.txt", "malformed"), ("bills/9-stranger.bill", "unknown-meter"))
    );

    let (code, report) = batch(&["--no-demonstration"]);
    assert_eq!((code, &report["valid"], &report["demonstration"]), (1, &2.into(), &0.into()));
    let text = desk.run(&["verify-batch", "bills/0-linear.bill", "bills/1-proved-7.bill", "--tariff", "import.tariff"]);
    assert_eq!(text.0, 1);
    assert!(text.1.contains("INVALID  bills/1-proved-7.bill  wrong-proof"), "{}", text.1);
    assert!(text.1.contains("1 of 2 bills are valid"), "{}", text.1);
}

#[test]
fn what_it_needs_may_be_given_as_files() {
    let prover = Prover::new();
    let (desk, house) = (desk(&prover), House::new(1, 200));
    desk.write("a.bill", &house.prove(&desk, &prover, "import", days(2, 9), None, None).bill);
    desk.write("meter.cert", &house.meters[0].certificate_file());
    fs::rename(desk.path("home"), desk.path("elsewhere")).unwrap();
    let run = |args: &[&str]| {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_wattseal-provider"))
            .args(["--json", "verify-batch"])
            .args(args)
            .current_dir(desk.path("."))
            .output()
            .unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        let bad = answer["bad"][0]["code"].as_str().or(answer["error"]["code"].as_str()).unwrap_or("").to_owned();
        (out.status.code().unwrap(), bad)
    };
    let base = ["a.bill", "--tariff", "import.tariff"];
    let (circuits, meter) = (["--circuits", "elsewhere/circuits"], ["--meter", "meter.cert"]);
    assert_eq!(run(&[&base[..], &circuits, &meter].concat()), (0, String::new()));
    assert_eq!(run(&[&base[..], &meter].concat()), (1, "unknown-circuit".into()));
    assert_eq!(run(&[&base[..], &circuits].concat()), (1, "origin-unattested".into()));
    assert_eq!(run(&[&base[..], &circuits, &["--allow-unattested"]].concat()), (0, String::new()));
    assert_eq!(run(&["a.bill", "--tariff", "export.tariff"]), (1, "other-tariff".into()));
    fs::create_dir(desk.path("empty")).unwrap();
    assert_eq!(run(&["empty", "--tariff", "import.tariff"]), (1, "no-bills".into()));
    assert_eq!(run(&["none.bill", "--tariff", "import.tariff"]), (1, "file".into()));
    assert_eq!(run(&["a.bill", "--tariff", "none.tariff"]), (3, "file".into()));
}
