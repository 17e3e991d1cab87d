//! Network tariffs of fri-nettleie through the importer: a month by hand against both relations.

use provider::desk::nettleie::{self, Terms};

use super::{both, data};

const FOLDER: &str = "tariffs/no-fri-nettleie/tariffer";

const TERMS: Terms<'static> = Terms {
    id: "nettleie",
    from: "2025-05-01",
    to: "2025-06-01",
    group: "husholdning",
    register: "1-0:1.8.0",
    holidays: Some(&["2025-05-01", "2025-05-29"]),
};

fn text(name: &str) -> Option<String> {
    data::read(&format!("{FOLDER}/{name}")).map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn a_month_of_elvia_by_hand() {
    let Some(text) = text("elvia.yml") else { return };
    let tariff = data::tariff(&nettleie::source("elvia.yml", &text, &TERMS).unwrap(), b"");
    // 2 kWh in each hour; three days have an hour of 5 kWh, so their mean reaches the step at 5 kW exactly.
    let period = tariff.tariff.valid;
    let hours = usize::try_from(period.seconds() / 3600).unwrap();
    let mut load = vec![2000u16; hours];
    for day in [3, 9, 20] {
        load[day * 24 + 12] = 5000;
    }
    let bill = |load: &[u16]| both::bill(&tariff.tariff, period, 3600, &[load.to_vec()], &[]);
    // 20 working days (of 22, two are holidays) of 16 hours by day at 20.99 øre; all else at 12.99 øre.
    let (day, night) = (20 * 16 * 2000i64, (31 * 24 - 20 * 16) * 2000i64);
    // 4 and 10 May are a Sunday and a Saturday; 21 May is a Wednesday, at noon.
    let (day, night) = (day + 3000, night + 6000);
    let energy = day * 209_900 + night * 129_900;
    let expected = |capacity: i64| (energy + capacity * 1_000_000_000 / 12 + 5_000_000) / 10_000_000;
    assert_eq!(bill(&load).settlement.fee_minor, expected(2880));
    load[20 * 24 + 12] = 4999;
    let lower = (energy - 209_900 + 1824 * 1_000_000_000 / 12 + 5_000_000) / 10_000_000;
    assert_eq!(bill(&load).settlement.fee_minor, lower);
}

#[test]
fn every_file_is_taken_or_refused_by_its_field() {
    let Some(list) = std::env::var_os("WATTSEAL_DATA")
        .and_then(|root| std::fs::read_dir(std::path::Path::new(&root).join(FOLDER)).ok())
    else {
        println!("SKIPPED: {FOLDER} is not at hand; set WATTSEAL_DATA");
        return;
    };
    let (mut taken, mut refused) = (0, 0);
    for entry in list {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".yml") {
            continue;
        }
        match nettleie::source(&name, &text(&name).unwrap(), &TERMS) {
            Ok(source) => {
                let provider = protocol::tariff::Provider { name: "p".into(), key: [7; 32] };
                match provider::desk::compile(&source, &mut |_| Err(std::io::ErrorKind::NotFound.into()), &provider) {
                    Ok(_) => taken += 1,
                    // Two exceptions at once, or more steps than a table has.
                    Err(error) => {
                        let error = error.to_string();
                        assert!(error.contains("both hold") || error.contains("1 to 12 steps"), "{name}: {error}");
                        refused += 1;
                    }
                }
            }
            Err(error) => {
                let error = error.to_string();
                assert!(
                    error.contains("metode") || error.contains("no version") || error.contains("terskler"),
                    "{name}: {error}"
                );
                refused += 1;
            }
        }
    }
    println!("{taken} taken, {refused} refused");
    assert!(taken > 40, "{taken} taken, {refused} refused");
}
