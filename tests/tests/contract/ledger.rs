//! The inference ledger as a person or script meets it: what a bill would tell, what is left, and what is refused, over
//! two providers.

use serde_json::Value;

use super::place::Place;

/// A flat tariff without standing charges, which any period can be billed by; by a provider of its own.
fn flat(place: &Place, provider: &str, out: &str, price: &str) {
    let source = format!(
        "format = 1\nid = \"flat\"\nname = \"Flat\"\ncurrency = \"EUR\"\nzone = \"Europe/Amsterdam\"\n\
         valid = {{ from = \"2026-01-01\", to = \"2027-01-01\" }}\n[registers.import]\ncode = \"1-0:1.8.0\"\nunit = \"Wh\"\n\
         [[line]]\nname = \"Energy\"\nkind = \"energy\"\nregister = \"import\"\nprice = \"{price}\"\nfallback = \"{price}\"\n"
    );
    std::fs::write(place.path("flat.toml"), source).unwrap();
    place.json(&["wattseal-provider", "--home", provider, "init", "--name", provider], 0);
    place.json(&["wattseal-provider", "--home", provider, "tariff", "compile", "flat.toml", "--out", out], 0);
}

fn ask<'a>(what: &[&'a str], tariff: &'a str, from: &'a str, to: &'a str) -> Vec<&'a str> {
    let mut command = vec!["wattseal", "--home", "h"];
    command.extend(what);
    command.extend(["--tariff", tariff, "--from", from, "--to", to]);
    command
}

fn bill<'a>(tariff: &'a str, from: &'a str, to: &'a str) -> Vec<&'a str> {
    let mut command = ask(&["bill"], tariff, from, to);
    command.extend(["--out", "b"]);
    command
}

fn day(budgets: &Value, from: &str) -> Option<f64> {
    let windows = budgets["registers"][0]["windows"].as_array()?;
    windows.iter().find(|w| w["window"] == "day" && w["from"] == from)?["spent"].as_f64()
}

#[test]
fn what_leaves_is_counted_over_all_recipients() {
    let place = Place::sealed(33);
    flat(&place, "fern", "fern.tariff", "0.30 EUR/kWh");
    flat(&place, "moss", "moss.tariff", "0.25 EUR/kWh");
    let ledger = |what: &str| place.json(&["wattseal", "--home", "h", "ledger", what], 0);
    assert_eq!(ledger("budget")["registers"], Value::Array(Vec::new()));
    assert_eq!(ledger("history")["releases"], Value::Array(Vec::new()));

    let (march, april) = ("2026-03-01", "2026-04-01");
    let explained = place.json(&ask(&["ledger", "explain"], "fern.tariff", march, april), 0);
    assert_eq!((&explained["allowed"], &explained["known"]), (&true.into(), &false.into()));
    assert!(explained["sentence"].as_str().unwrap().contains("the exact sum of its one energy line"), "{explained}");
    assert_eq!(explained["windows"].as_array().unwrap().len(), 3, "a day, a week, a month");
    assert_eq!(ledger("budget")["registers"], Value::Array(Vec::new()), "asking costs nothing");

    place.json(&bill("fern.tariff", march, april), 0);
    // 48 half-hours of at most 65,535 Wh: log₂(1 + 3,145,680) bits.
    assert_eq!(day(&ledger("budget"), "2026-03-10"), Some(21.6));
    assert_eq!(day(&ledger("budget"), "2026-04-02"), None);

    // The same again, and the same sum to somebody else, tell nothing new.
    let again = place.json(&ask(&["ledger", "explain"], "fern.tariff", march, april), 0);
    assert_eq!((&again["allowed"], &again["known"]), (&true.into(), &true.into()));
    place.json(&bill("fern.tariff", march, april), 0);
    place.json(&bill("moss.tariff", march, april), 0);
    assert_eq!(day(&ledger("budget"), "2026-03-10"), Some(21.6));

    // March without its last half-hour, for another recipient: the difference would be that half-hour.
    let short = "2026-03-31T23:30:00+02:00";
    let refused = place.json(&ask(&["ledger", "explain"], "moss.tariff", march, short), 0);
    assert_eq!((&refused["allowed"], &refused["coarser"]), (&false.into(), &Value::Null), "rounding would not help");
    assert!(refused["reason"].as_str().unwrap().contains("what a few metering intervals"), "{refused}");
    let refused = place.json(&bill("moss.tariff", march, short), 1);
    assert_eq!(refused["error"]["code"], "reveals-readings", "{refused}");
    // Without its last four hours it is eight half-hours, and fits.
    place.json(&bill("moss.tariff", march, "2026-03-31T20:00:00+02:00"), 0);

    let history = ledger("history");
    let to: Vec<&str> =
        history["releases"].as_array().unwrap().iter().map(|r| r["recipient"]["name"].as_str().unwrap()).collect();
    assert_eq!(to, ["moss", "moss", "fern", "fern"], "newest first; what was refused did not leave");
    let limited = place.json(&["wattseal", "--home", "h", "ledger", "history", "--limit", "1"], 0);
    assert_eq!(limited["releases"].as_array().unwrap().len(), 1);
    let (code, text) = place.run(&["wattseal", "--home", "h", "ledger", "budget"]);
    assert!(code == Some(0) && text.contains("day   2026-03-10:   43.2 of 95.7 bits spent, 52.5 left"), "{text}");
}

/// Three linear bills of a month, each exact to 10⁻⁹ euros under other hours, would say too much of a day; a private one in
/// place of the third does not.
#[test]
fn what_says_less_is_offered_in_its_place() {
    let place = Place::sealed(33);
    let source = std::fs::read_to_string(place.path("t.toml")).unwrap();
    for (name, from, to) in [("t2", "22:00", "06:00"), ("t3", "20:00", "08:00")] {
        std::fs::write(place.path("t.toml"), source.replace("23:00", from).replace("07:00", to)).unwrap();
        place.json(&["wattseal-provider", "--home", "p", "tariff", "compile", "t.toml", "--out", name], 0);
    }
    let (march, april) = ("2026-03-01", "2026-04-01");
    for tariff in ["t", "t2"] {
        place.json(&bill(tariff, march, april), 0);
    }
    let explained = place.json(&ask(&["ledger", "explain"], "t3", march, april), 0);
    assert_eq!(explained["allowed"], false);
    assert!(explained["reason"].as_str().unwrap().contains("bits about"), "{explained}");
    assert!(explained["coarser"].as_str().unwrap().contains("--proof private"), "{explained}");
    assert_eq!(place.json(&bill("t3", march, april), 1)["error"]["code"], "reveals-readings");
    let (code, text) = place.run(&ask(&["ledger", "explain"], "t3", march, april));
    assert!(code == Some(0) && text.contains("REFUSED") && text.contains("May leave in its place"), "{text}");
}

/// The same requests have the same outcomes in every home, whatever was used there: a refusal tells nothing.
#[test]
fn decisions_are_the_same_whatever_was_used() {
    let loads: [fn(u64) -> u64; 3] = [|_| 0, |slot| 1 + slot % 2, |slot| slot * 7919 % 60_000];
    let outcomes = loads.map(|load| {
        let place = Place::new();
        place.tariff("t", "");
        flat(&place, "fern", "fern.tariff", "0.30 EUR/kWh");
        let csv = place.csv(|slot| Some(load(slot)), 33);
        place.seal(&csv, "m");
        place.home("h", "m");
        let (march, april) = ("2026-03-01", "2026-04-01");
        let mut said: Vec<(Option<i32>, String)> = Vec::new();
        for (tariff, to) in [
            ("fern.tariff", april),
            ("fern.tariff", "2026-03-31T23:30:00+02:00"),
            ("t", april),
            ("fern.tariff", "2026-03-31T20:00:00+02:00"),
            ("fern.tariff", "2026-03-31T18:30:00+02:00"),
        ] {
            let explained = place.json(&ask(&["ledger", "explain"], tariff, march, to), 0);
            let (code, _) = place.run(&bill(tariff, march, to));
            said.push((code, explained.to_string()));
        }
        let budgets = place.json(&["wattseal", "--home", "h", "ledger", "budget"], 0);
        said.push((None, budgets["registers"][0]["windows"].to_string()));
        said
    });
    let codes: Vec<Option<i32>> = outcomes[0].iter().map(|(code, _)| *code).collect();
    // Eight half-hours would do, but for what the bill under two bands says of them beside it; eleven do.
    assert_eq!(codes, [Some(0), Some(1), Some(0), Some(1), Some(0), None]);
    for other in &outcomes[1..] {
        assert_eq!(*other, outcomes[0]);
    }
}
