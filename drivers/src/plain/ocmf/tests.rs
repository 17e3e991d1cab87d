//! Records from end to end. The signatures over [`PAYLOAD`] were made with OpenSSL 3.0, a key for each curve.

use proptest::prelude::*;

use super::*;
use crate::plain::Energy;

const PAYLOAD: &str = concat!(
    r#"{"FV":"1.2","GI":"WS TEST","GS":"S-1","MV":"TST","MS":"1TST0012345678","PG":"T7","RD":["#,
    r#"{"TM":"2025-03-04T05:06:07,000+0100 S","TX":"B","RV":1234.567,"RI":"1-b:1.8.0","RU":"kWh","ST":"G"},"#,
    r#"{"TM":"2025-03-04T06:06:07,000+0100 S","TX":"E","RV":1240.0001,"RI":"1-b:1.8.0","RU":"kWh","ST":"G"}]}"#
);

/// Curve, key, signature. That on secp256k1 has the greater of the two numbers that fit.
const SIGNED: [(&str, &str, &str); 7] = [
    (
        "secp192k1",
        "3046301006072a8648ce3d020106052b8104001f03320004eba58bb324b69a6f008042dc8d6e7621b29e5cc883c3cd3d\
         96ffbd36576a5461c9df2885ed7cec1cf9f65cf7f1319cfe",
        "3036021900c740009072ee8d310c927482e8eb5fa7b9bbfab55cbbdc6102190090b76ad615aa4570e16d2764f3f8ef97\
         816837c21a3eb08e",
    ),
    (
        "secp256k1",
        "3056301006072a8648ce3d020106052b8104000a034200047e35c702830f542a00a1c0ba32581c8a11c8b0a6912bb9e4\
         2b4fecd5213432fa0272dff20cb0a867547d996c0757a27975a4eae5ce348efaec2e453c29f15b48",
        "3046022100ddab75a13e8f6e2692f99c86d1a9c9d96566603f5812c13064cf14bc56b9d79c022100ee94a020b0f38606\
         e036b3c21db50fdc7cea85ef0b8250f8649a4b40c58b057c",
    ),
    (
        "secp192r1",
        "3049301306072a8648ce3d020106082a8648ce3d0301010332000420b2ebc76fadb57364bb6dc45a71844625f138af1a\
         99170e704419f302042979e630c70df251485a1b491395e55f7aa6",
        "30350219008739e2224ab62a5bba367200b3a999065773b9a50cd9d8d002184df70c9ec07730eda4a16097a930dae2ee\
         cf9316adb31d20",
    ),
    (
        "secp256r1",
        "3059301306072a8648ce3d020106082a8648ce3d0301070342000410071b6fbb8d10debe253dd3eb3ef18b8d9b3da5bd\
         ddd0d2e4357b6243ffe4f124ba2bede0dc9d825c5946c4d7e7701964914717ccde04479fd8aa1257025a60",
        "304402204f21441c06b5e24fa1b4281717e3245b819cc48661366e9acdb99b5719892819022003da61ec24a2812c7fdb\
         c3afc4c055bce22851836729fe2d4315a5161c9ff46d",
    ),
    (
        "brainpoolP256r1",
        "305a301406072a8648ce3d020106092b2403030208010107034200046f9cfc57e00e067703ee209dc8fd9a27c4c1304c\
         0b7ccc0478cfe3eddd01a7331676b836616bc5dfe461bbd31e917daa6663adbc002e3101d81cde610c92df6e",
        "304502210094bb55f6a4cdc6a7e81e514af84dd186d7f89790c4815024ebd779c2adea4056022014b777d46a0073b2d9\
         7fe31396eab638d3fdad3f71e273f541e8432c13f501b8",
    ),
    (
        "secp384r1",
        "3076301006072a8648ce3d020106052b810400220362000498596bf60000c1189838579745c18631b0bd3cc01bf0f59c\
         88aca9f1b7d4a168638e1ef2b9abeb0abc3d652a08de52bb6b125279df990c7298f2ff76180021a095d028468c4fae09\
         3deeafc7dfb5f881f7bd47a3df74beccd36ca976cb34b8c1",
        "306602310087d3a70052d993d6340338b60fa7fb7f690c24cb5e151bb145a91d52292917d102a4d24690163b6e7ae828\
         4748402eb5023100f00cf405f88c2d6c0cb1b2c9b6abaf54d96716d6330d258acffadb1740dfe39514fcd3077aea8039\
         26350bacfd15ff8b",
    ),
    (
        "brainpoolP384r1",
        "307a301406072a8648ce3d020106092b240303020801010b03620004777a291f28f28397e2ac9257af8f509922213991\
         358bb900e288c00c83ab94cf43fda741013e960cf1d6f5e8bb95d927329384aaa081ad8b91051649b99035934e938cad\
         c4253f6b4fef869e3fe38f46937ed83509c6f6828ef70f3a976f27c4",
        "306402306345a0e78654e17deaf409cb8477f1e41335b13ba8cda01714b97fd6dc83272104087cebb5e8e23b1e1481f9\
         06c7f09b02303b76a26db8ba5dcef34cadeb36d482ab4b774e9d27ac7aa438bc4e0605d4d84b0f7d70f912fd109dbb48\
         e26ad060ec26",
    ),
];

fn record(payload: &str, algorithm: Option<&str>, data: &str) -> String {
    let named = algorithm.map(|name| format!(r#""SA":"ECDSA-{name}-SHA256","#)).unwrap_or_default();
    format!(r#"OCMF|{payload}|{{{named}"SD":"{data}"}}"#)
}

fn key(text: &str) -> PublicKey {
    PublicKey::from_text(text).unwrap()
}

fn verdict(record: &str, key: Option<&PublicKey>) -> Verdict {
    read(record.as_bytes(), key).unwrap().verdict
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn signatures_fit_on_every_curve_and_nothing_else_does() {
    for (name, public, signed) in SIGNED {
        let good = record(PAYLOAD, Some(name), signed);
        assert_eq!(verdict(&good, Some(&key(public))), Verdict::Fits, "{name}");
        // The payload, both numbers and the key, each with a bit changed.
        let other = PAYLOAD.replace("1240.0001", "1240.0002");
        assert_eq!(verdict(&record(&other, Some(name), signed), Some(&key(public))), Verdict::DoesNotFit, "{name}");
        let bytes = der::bytes_of(signed).unwrap();
        for at in [8, bytes.len() - 3] {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let changed = record(PAYLOAD, Some(name), &hex(&changed));
            assert_eq!(verdict(&changed, Some(&key(public))), Verdict::DoesNotFit, "{name} {at}");
        }
        let mut point = der::bytes_of(public).unwrap();
        *point.last_mut().unwrap() ^= 1;
        let unusable = Verdict::Unchecked(Unchecked::KeyPoint);
        assert_eq!(verdict(&good, Some(&PublicKey::from_bytes(&point).unwrap())), unusable, "{name}");
    }
}

#[test]
fn keys_and_signatures_come_in_many_shapes() {
    for (name, public, signed) in SIGNED {
        let (spki, signature) = (der::bytes_of(public).unwrap(), der::bytes_of(signed).unwrap());
        let (_, point) = der::public_key(&spki).unwrap();
        let (r, s) = der::signature(&signature).unwrap();
        let width = point.len() / 2;
        let mut raw = vec![0; 2 * width];
        raw[width - r.len()..width].copy_from_slice(r);
        raw[2 * width - s.len()..].copy_from_slice(s);
        for bytes in [point, &point[1..]] {
            let key = key(&hex(bytes));
            assert_eq!(key.curve(), None);
            assert_eq!(verdict(&record(PAYLOAD, Some(name), signed), Some(&key)), Verdict::Fits, "{name}");
            assert_eq!(verdict(&record(PAYLOAD, Some(name), &hex(&raw)), Some(&key)), Verdict::Fits, "{name}");
        }
        let compressed = [&[2 + (point[2 * width] & 1)], &point[1..=width]].concat();
        assert_eq!(
            verdict(&record(PAYLOAD, Some(name), signed), Some(&key(&hex(&compressed)))),
            Verdict::Fits,
            "{name}"
        );
    }
    let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEAcbb7uNEN6+JT3T6z7xi42bPaW9\n\
               3dDS5DV7YkP/5PEkuivt4NydglxZRsTX53AZZJFHF8zeBEef2KoSVwJaYA==\n-----END PUBLIC KEY-----\n";
    assert_eq!(verdict(&record(PAYLOAD, None, SIGNED[3].2), Some(&key(pem))), Verdict::Fits);
}

#[test]
fn what_cannot_be_checked_says_why() {
    let (name, public, signed) = SIGNED[3];
    let unchecked = |why| Verdict::Unchecked(why);
    let good = record(PAYLOAD, Some(name), signed);
    assert_eq!(verdict(&good, None), unchecked(Unchecked::NoKey));
    let unknown = record(PAYLOAD, Some("ed25519"), signed);
    assert_eq!(verdict(&unknown, Some(&key(public))), unchecked(Unchecked::Algorithm));
    for data in ["", "not a signature"] {
        let none = record(PAYLOAD, Some(name), data);
        assert_eq!(verdict(&none, Some(&key(public))), unchecked(Unchecked::Signature));
        assert_eq!(read(none.as_bytes(), None).unwrap().telegrams(), Err(Fault::Signature));
    }
    // A key of another curve than the record names, which is no reason to try another.
    assert_eq!(verdict(&good, Some(&key(SIGNED[1].1))), Verdict::DoesNotFit);
    // A record that names none is of secp256r1, unless the key itself says otherwise.
    assert_eq!(verdict(&record(PAYLOAD, None, signed), Some(&key(public))), Verdict::Fits);
    assert_eq!(verdict(&record(PAYLOAD, None, SIGNED[0].2), Some(&key(SIGNED[0].1))), Verdict::Fits);
    assert_eq!(PublicKey::from_text("${jndi:x}00"), Err(PublicKeyError::Text));
    assert_eq!(PublicKey::from_text("00"), Err(PublicKeyError::Shape));
    let other = public.replace("2a8648ce3d030107", "2a8648ce3d030102");
    assert_eq!(PublicKey::from_text(&other), Err(PublicKeyError::Curve));
}

#[test]
fn a_record_is_read_as_it_is_written() {
    let (name, public, signed) = SIGNED[3];
    let read = read(record(PAYLOAD, Some(name), signed).as_bytes(), Some(&key(public))).unwrap();
    assert_eq!((read.meter.as_deref(), read.maker.as_deref()), (Some("1TST0012345678"), Some("TST")));
    assert_eq!(read.page.as_deref(), Some("T7"));
    let end = &read.readings[1];
    assert_eq!(end.time.as_deref(), Some("2025-03-04T06:06:07,000+0100 S"));
    assert_eq!(end.at().unwrap().to_string(), "2025-03-04T06:06:07+01:00");
    let telegrams = read.telegrams().unwrap();
    let imports: Vec<_> = telegrams.iter().map(|telegram| (telegram.import, telegram.signed)).collect();
    assert_eq!(imports, [(Some(Energy(12_345_670_000)), true), (Some(Energy(12_400_001_000)), true)]);
}

#[test]
fn a_bar_in_a_text_ends_no_section_and_blanks_are_signed_too() {
    let payload = PAYLOAD.replace("WS TEST", "A|B");
    let read = |text: &str| read(text.as_bytes(), None);
    assert_eq!(read(&record(&payload, None, "00")).unwrap().readings.len(), 2);
    let blanks = format!(" {PAYLOAD}\n");
    assert_eq!(verdict(&record(&blanks, None, SIGNED[3].2), Some(&key(SIGNED[3].1))), Verdict::DoesNotFit);
    assert_eq!(read(&record(&format!("{PAYLOAD}x"), None, "00")), Err(Fault::Malformed));
    assert_eq!(read("OCMF|{}"), Err(Fault::Cut));
    assert_eq!(read("OCMF|{}|{}"), Err(Fault::Malformed));
    assert_eq!(read(&PAYLOAD.repeat(200)), Err(Fault::TooLong));
    let twice = PAYLOAD.replace(r#""GS":"S-1","#, r#""GS":"S-1","GS":"S-2","#);
    assert_eq!(read(&record(&twice, None, "00")), Err(Fault::Malformed));
}

fn heard(stream: &[u8], cut: usize) -> (Vec<Telegram>, u64, u64) {
    let mut decoder = Ocmf::new(Some(key(SIGNED[3].1)));
    let mut found: Vec<_> = stream.chunks(cut).flat_map(|piece| decoder.hear(&Chunk::Bytes(piece.to_vec()))).collect();
    found.extend(decoder.end());
    let (mut telegrams, mut damaged, mut noise) = (Vec::new(), 0, 0);
    for one in found {
        match one {
            Found::Message(telegram) => telegrams.push(telegram),
            Found::Damaged(_) => damaged += 1,
            Found::Noise(bytes) => noise += bytes,
        }
    }
    (telegrams, damaged, noise)
}

fn good() -> String {
    record(PAYLOAD, None, SIGNED[3].2)
}

#[test]
fn records_are_found_in_any_text() {
    let text = format!("<value>\n  {}\n</value>OC{}\n", good(), good());
    for cut in [1, 5, 1000] {
        let (telegrams, damaged, noise) = heard(text.as_bytes(), cut);
        assert_eq!((telegrams.len(), damaged, noise), (4, 0, 17), "{cut}");
    }
    assert_eq!(heard(&good().as_bytes()[..400], 7), (Vec::new(), 1, 0));
}

#[test]
fn a_record_that_was_cut_costs_none_but_itself() {
    let text = format!("{}{}", &good()[..300], good());
    for cut in [1, 5, 1000] {
        let (telegrams, damaged, noise) = heard(text.as_bytes(), cut);
        assert_eq!((telegrams.len(), damaged, noise), (2, 1, 0), "{cut}");
    }
}

#[test]
fn what_never_ends_is_held_no_longer_than_a_telegram() {
    let mut decoder = Ocmf::default();
    decoder.hear(&Chunk::Bytes(BEGIN.to_vec()));
    let mut damaged = 0;
    for _ in 0..100 {
        let found = decoder.hear(&Chunk::Bytes(b"{".repeat(1000)));
        damaged += found.iter().filter(|one| matches!(one, Found::Damaged(Damage::Plain(Fault::TooLong)))).count();
        assert!(decoder.held.len() <= 2 * MAX_TELEGRAM);
    }
    assert_eq!(damaged, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_byte_never_gives_another_telegram(at: prop::sample::Index, change in 1u8..) {
        let mut text = good().into_bytes();
        let at = at.index(text.len());
        text[at] ^= change;
        let all = heard(good().as_bytes(), 1000).0;
        prop_assert!(heard(&text, 100).0.iter().all(|telegram| all.contains(telegram)));
    }

    #[test]
    fn any_bytes_in_any_cuts_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..500), cut in 1usize..99) {
        let whole = heard(&bytes, bytes.len().max(1));
        prop_assert_eq!(heard(&bytes, cut), whole);
        let _ = PublicKey::from_bytes(&bytes);
    }

    #[test]
    fn any_text_is_safe(text in r#"OCMF\|[{}\[\]":,|A-Z0-9.eE+\\-]{0,80}"#, cut in 1usize..20) {
        let _ = read(text.as_bytes(), None);
        prop_assert_eq!(heard(text.as_bytes(), cut), heard(text.as_bytes(), 1000));
    }
}
