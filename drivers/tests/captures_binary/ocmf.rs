//! OCMF records of charging stations, with the verdicts of OpenSSL.

use drivers::plain::ocmf::{Ocmf, PublicKey, Reading, read};
use serde_json::Value;

use super::{captures, heard, number};

#[test]
fn ocmf() {
    let Some(captures) = captures("ocmf") else { return };
    println!("{:61} {:>9} {:>9}  first reading", "ocmf", "signature", "telegrams");
    for (name, expected, file) in &captures {
        let key = expected["public_key_hex"].as_str().and_then(|text| PublicKey::from_text(text).ok());
        let record = read(file, key.as_ref()).unwrap();
        assert_eq!(record.verdict.fits(), expected["signature_valid"].as_bool(), "{name}: {:?}", record.verdict);
        let told = expected["readings"].as_array().unwrap();
        // Of one long record the first four are told.
        assert!(record.readings.len() >= told.len() && !told.is_empty(), "{name}");
        for (reading, told) in record.readings.iter().zip(told) {
            same(name, reading, told);
        }
        let all = heard(&mut Ocmf::new(key.clone()), file, 10_000);
        for piece in [1, 7, 100] {
            assert_eq!(heard(&mut Ocmf::new(key.clone()), file, piece), all, "{name} in pieces of {piece}");
        }
        assert_eq!(all.telegrams.len() + all.faults.len(), record.telegrams().map_or(1, |told| told.len()), "{name}");
        assert!(
            all.telegrams.iter().all(|telegram| telegram.signed == (record.verdict.fits() == Some(true))),
            "{name}"
        );
        let signature = match record.verdict.fits() {
            Some(true) => "fits",
            Some(false) => "unfit",
            None => "unchecked",
        };
        let first = record.readings.first().map(|reading| [&reading.time, &reading.register]);
        let first = first.map(|told| told.map(|text| text.as_deref().unwrap_or("-")).join(" | "));
        println!("{name:61} {signature:>9} {:>9}  {}", all.telegrams.len(), first.unwrap_or_default());
        if record.verdict.fits() == Some(true) {
            changed(name, file, key.as_ref());
        }
    }
}

fn same(name: &str, reading: &Reading, told: &Value) {
    let texts = [
        ("TM", &reading.time),
        ("TX", &reading.transaction),
        ("RI", &reading.register),
        ("RU", &reading.unit),
        ("ST", &reading.state),
    ];
    for (field, value) in texts {
        assert_eq!(value.as_deref(), told[field].as_str(), "{name}: {field}");
    }
    // Both as whole numbers of ten millionths.
    let exact = |text: String| drivers::plain::Decimal::parse(text.as_bytes()).and_then(|n| n.in_units_of(-7)).unwrap();
    let value = reading.value.and_then(|number| number.in_units_of(-7));
    assert_eq!(value, number(&told["RV"]).map(exact), "{name}: RV");
}

/// A digit of a reading changed: the signature must not fit.
fn changed(name: &str, file: &[u8], key: Option<&PublicKey>) {
    let mut other = file.to_vec();
    let at = other.windows(4).position(|four| four == b"\"TM\"").unwrap();
    let digit = at + other[at..].iter().position(u8::is_ascii_digit).unwrap() + 3;
    other[digit] = if other[digit] == b'9' { b'8' } else { other[digit] + 1 };
    assert_eq!(read(&other, key).unwrap().verdict.fits(), Some(false), "{name} changed");
}
