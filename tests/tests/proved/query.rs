//! Questions as tariffs: each answer is proved from sealed readings, and is what plain arithmetic says.

use ed25519_dalek::SigningKey;
use protocol::metrology::label::{RegisterCode, Unit};
use protocol::query::{Moments, Question, Subject, by_day, comparison, histogram};
use protocol::tariff::{Provider, SignedTariff, Tariff};

use crate::home::request;
use crate::world::{APRIL, World, flat, hours, signed};

fn subject(world: &World) -> Subject {
    let key = SigningKey::from_bytes(&[43; 32]);
    Subject {
        id: "survey-1".into(),
        name: "A survey's question".into(),
        asker: Provider { name: "Survey".into(), key: key.verifying_key().to_bytes() },
        period: APRIL,
        zone: world.tariff.tariff.zone.clone(),
        register: RegisterCode::new("1-0:1.8.0").unwrap(),
        unit: Unit::new("Wh").unwrap(),
    }
}

fn asked(tariff: &Tariff) -> SignedTariff {
    SignedTariff::read(&tariff.sign(&SigningKey::from_bytes(&[43; 32])).unwrap()).unwrap()
}

fn readings() -> Vec<i64> {
    let first = (APRIL.from / 3600 - 20_510 * 24) as usize;
    hours(1, 68 * 24)[first..first + 30 * 24].iter().flatten().map(|reading| i64::from(*reading)).collect()
}

#[test]
fn answers() {
    let world = &World::new();
    let readings = readings();
    let sum: i64 = readings.iter().sum();
    let peak = *readings.iter().max().unwrap();
    let limit = u16::try_from(peak).unwrap();
    let reach = |least: i64| i64::try_from(readings.iter().filter(|reading| **reading >= least).count()).unwrap();
    let [taken, squares] = Moments::questions(APRIL);
    let fifth = by_day(&subject(world)).unwrap().swap_remove(4);
    let [edge] = <[Question; 1]>::try_from(histogram(&[900])).unwrap();
    let table = [
        ("taken in all", Question::Total, sum),
        ("taken by the slots", taken, sum),
        ("taken on the fifth day", fifth, readings[4 * 24..5 * 24].iter().sum()),
        ("the greatest hour", Question::Peak { interval: 3600 }, peak),
        ("whether none is above the greatest", Question::PeakAtMost(limit), 1),
        ("whether none is above one less", Question::PeakAtMost(limit - 1), 0),
        ("hours of 900 Wh and more", edge, reach(900)),
        ("the squares", squares, readings.iter().map(|reading| reading * reading).sum()),
    ];
    for (name, question, expected) in table {
        let bill = world.one.prove(&asked(&question.tariff(&subject(world)).unwrap()), &request(APRIL), None);
        println!("{name:<40} {} over {} slots", bill.statement.fee_minor, bill.slots);
        assert_eq!((bill.statement.fee_minor, bill.slots), (expected, 720), "{name}");
    }
}

#[test]
fn a_comparison() {
    let world = &World::new();
    let (own, other) = (&world.flat, signed(&flat("0.31 EUR/kWh").replace("\"flat\"", "\"dearer\"")));
    let both = comparison(&own.tariff, &other.tariff, &subject(world).asker, "compare").unwrap();
    let bill = world.one.prove(&asked(&both), &request(APRIL), None);
    let sum: i64 = readings().iter().sum();
    let cents = |price: i64| (sum * price + 500) / 1000;
    assert_eq!(bill.statement.fee_minor, cents(31) - cents(25));
}
