use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::dialect::{Dialect, Found};
use crate::plain::{Energy, Keys, MeterKey, Moment, Rate};
use crate::transport::{Chunk, Manner};

const OWN: &str = r#"title = "Own"
protocol = "dsmr-p1"
cadence = 10
gives = ["import"]

[[serial]]
baud = 115200
"#;

fn parse(text: &str) -> Result<Profile, ProfileError> {
    Profile::parse("own", std::path::Path::new("own.toml"), text)
}

#[test]
fn every_built_in_profile_can_be_used() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("meters");
    let mut titles = BTreeSet::new();
    let all = Profiles::built_in();
    let mut files = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let id = path.file_stem().unwrap().to_str().unwrap();
        let profile = Profile::parse(id, &path, &fs::read_to_string(&path).unwrap()).unwrap();
        assert!(titles.insert(profile.title.clone()), "{id}: two are called {}", profile.title);
        assert!(!profile.gives.is_empty() && !profile.connect.is_empty(), "{id}");
        assert!(profile.quirks.iter().all(|quirk| quirk.ends_with('.')), "{id}: quirks are sentences");
        assert!(!profile.serial.is_empty() || profile.map.is_some() || profile.protocol == Protocol::Ocmf, "{id}");
        assert_eq!(all.named(id).unwrap().title, profile.title, "{id} is not built in");
        let address: Address = profile.example().parse().unwrap_or_else(|error| panic!("{id}: {error}"));
        let key = Some(MeterKey::new([1; 16], None));
        assert!(profile.dialect(Keys { meter: key, public: None }, &address).is_ok(), "{id}");
        files += 1;
    }
    assert_eq!(all.iter().count(), files);
    let unknown = all.named("morse").unwrap_err().to_string();
    assert!(unknown.starts_with("there is no meter \"morse\"; `wattseal meters`"), "{unknown}");
}

#[test]
fn a_mistake_is_told_with_its_line() {
    assert_eq!(parse(OWN).unwrap().serial[0].to_string(), "115200 8N1");
    for (from, to, said) in [
        ("title = \"Own\"", "", "line 1: missing field `title`"),
        ("title = \"Own\"", "title = \" \"", "line 1: a title is one line of text"),
        ("title", "colour = 1\ntitle", "line 1: unknown field `colour`"),
        ("dsmr-p1", "morse", "line 2: there is no protocol \"morse\""),
        ("dsmr-p1", "mqtt", "line 2: a bridge of protocol mqtt has [mqtt]"),
        ("= 10", "= 0", "line 3: cadence is 1 to 86400"),
        ("\"import\"", "\"steam\"", "line 4: \"steam\" is none of import, export"),
        ("gives", "needs = [\"luck\"]\ngives", "line 4: \"luck\" is none of key"),
        ("gives", "needs = [\"request\"]\ngives", "line 4: only a meter of protocol d0"),
        ("gives", "winter = 9999\ngives", "line 4: winter is of dsmr-p1"),
        ("gives", "countries = [\"nl\"]\ngives", "line 4: a country is two capital"),
        ("115200", "7", "line 7: baud is 50"),
        ("115200", "1200\nbits = 9", "line 8: bits is 7"),
        ("115200", "1200\nparity = \"mark\"", "line 8: parity is"),
        ("115200", "1200\nstop = 3", "line 8: stop is"),
        ("115200", "1200\nspeed = 3", "line 8: unknown field `speed`"),
        ("baud = 115200", "baud = ", "line 7: "),
    ] {
        let error = parse(&OWN.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("own.toml, {said}")), "{to}: {error}");
    }
    let many = format!("{OWN}{}", "[[serial]]\nbaud = 300\n".repeat(4));
    assert!(parse(&many).unwrap_err().to_string().starts_with("own.toml, line 14: at most 4"));
}

#[test]
fn a_folder_of_ones_own_adds_and_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("meters");
    let count = Profiles::built_in().iter().count();
    assert_eq!(Profiles::with_folder(&own).unwrap().iter().count(), count, "none is there");
    fs::create_dir(&own).unwrap();
    fs::write(own.join("attic.toml"), OWN).unwrap();
    fs::write(own.join("glow.toml"), OWN.replace("Own", "Another")).unwrap();
    fs::write(own.join("notes.txt"), "no profile").unwrap();
    let all = Profiles::with_folder(&own).unwrap();
    assert_eq!(all.iter().count(), count + 1);
    assert_eq!(all.named("glow").unwrap().title, "Another");
    assert_eq!(all.named("attic").unwrap().protocol, Protocol::P1);
    fs::write(own.join("bad.toml"), OWN.replace("dsmr-p1", "x")).unwrap();
    let said = Profiles::with_folder(&own).unwrap_err().to_string();
    assert!(said.contains("meters/bad.toml, line 2: there is no protocol"), "{said}");
    fs::write(own.join("bad.toml"), "x".repeat(70_000)).unwrap();
    assert!(Profiles::with_folder(&own).unwrap_err().to_string().contains("longer than any"));
    fs::rename(own.join("bad.toml"), own.join("Bad Meter.toml")).unwrap();
    assert!(Profiles::with_folder(&own).unwrap_err().to_string().contains("small letters"));
    fs::remove_file(own.join("Bad Meter.toml")).unwrap();
    fs::create_dir(own.join("x.toml")).unwrap();
    assert!(Profiles::with_folder(&own).unwrap_err().to_string().contains("not a regular file"));
}

#[test]
fn a_profile_says_what_it_must_be_given() {
    let address = |text: &str| text.parse::<Address>().unwrap();
    let said = |profile: &Profile, at: &str| profile.dialect(Keys::default(), &address(at)).map(|_| ()).unwrap_err();
    let locked = parse(&OWN.replace("gives", "needs = [\"key\"]\ngives")).unwrap();
    let error = said(&locked, "tcp://host:1").to_string();
    assert_eq!(error, "own: this meter encrypts; give the key from the grid operator with --meter-key-file");
    let all = Profiles::built_in();
    let bridge = all.named("tasmota").unwrap();
    let error = said(bridge, "tcp://host:1").to_string();
    assert!(error.ends_with("such as mqtt://BROKER/tele/NAME"), "{error}");
    let spoken = bridge.dialect(Keys::default(), &address("mqtt://host/tele/attic")).unwrap();
    assert_eq!(spoken.manner(), Manner::hearing(["/SENSOR"]));
    let asked = parse(&OWN.replace("dsmr-p1", "d0").replace("gives", "needs = [\"request\"]\ngives")).unwrap();
    assert!(matches!(said(&asked, "mqtt://host/x"), DialectError::Asked { .. }));
    let manner = |at: &str| asked.dialect(Keys::default(), &address(at)).unwrap().manner();
    assert_eq!(manner("serial:/dev/x").asked, Some(Duration::from_secs(10)));
    assert_eq!(manner("file:x").asked, None);
    // A telegram that is published whole: on the topic itself.
    let spoken = parse(OWN).unwrap().dialect(Keys::default(), &address("mqtt://host/a/b")).unwrap();
    assert_eq!(spoken.manner(), Manner::hearing([""]));
}

#[test]
fn a_port_without_settings_gets_the_meters() {
    let slow = parse(&OWN.replace("115200", "9600\nbits = 7\nparity = \"even\"")).unwrap();
    let settled = |text: &str| slow.settle(text.parse().unwrap()).to_string();
    assert_eq!(settled("serial:/dev/x"), "serial:/dev/x?baud=9600&parity=even&bits=7");
    assert_eq!(settled("serial:/dev/x?baud=300"), "serial:/dev/x?baud=300");
    assert_eq!(settled("tcp://host:1"), "tcp://host:1");
    assert_eq!(slow.example(), "serial:/dev/serial/by-id/PORT?baud=9600&parity=even&bits=7");
    assert_eq!(slow.silence(), Duration::from_secs(60));
}

#[test]
fn letters_of_p1_stand_for_the_zone_of_the_country() {
    let text = b"/XYZ5\\1\r\n\r\n0-0:1.0.0(260704121500S)\r\n1-0:1.8.0(000001.000*kWh)\r\n0-1:24.1.0(003)\r\n\
        0-1:24.2.1(261231120000W)(00001.000*m3)\r\n!\r\n";
    for (winter, summer, gas) in [
        ("", "2026-07-04T12:15:00+02:00", "2026-12-31T12:00:00+01:00"),
        ("winter = 0\n", "2026-07-04T12:15:00+01:00", "2026-12-31T12:00:00Z"),
        ("winter = 120\n", "2026-07-04T12:15:00+03:00", "2026-12-31T12:00:00+02:00"),
    ] {
        let profile = parse(&OWN.replace("gives", &format!("{winter}gives"))).unwrap();
        let mut spoken = profile.dialect(Keys::default(), &"tcp://host:1".parse().unwrap()).unwrap();
        let found = spoken.hear(&Chunk::Bytes(text.to_vec()));
        let [Found::Message(telegram)] = found.as_slice() else { panic!("{found:?}") };
        let Some(Moment::Clock(stamp)) = telegram.at else { panic!() };
        assert_eq!((stamp.to_string().as_str(), telegram.channels[0].at.unwrap().to_string().as_str()), (summer, gas));
    }
}

/// An adapter that knows no seven bits hands the parity bit on.
#[test]
fn parity_bits_are_not_the_meters() {
    let text = b"/ESY5Q3DA1004 V3.04\r\n\r\n1-0:0.0.0*255(1)\r\n1-0:1.8.0*255(00001.0000000*kWh)\r\n!\r\n";
    let even = |byte: &u8| byte | u8::try_from(byte.count_ones() % 2).unwrap() << 7;
    let meter = Profiles::built_in();
    let meter = meter.named("easymeter-q3d").unwrap();
    for bytes in [text.to_vec(), text.iter().map(even).collect()] {
        let mut spoken = meter.dialect(Keys::default(), &"tcp://host:1".parse().unwrap()).unwrap();
        let found = spoken.hear(&Chunk::Bytes(bytes));
        let [Found::Message(telegram)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(telegram.import, Some(Energy(10_000_000)));
    }
}

#[test]
fn a_telegram_fits_who_made_it() {
    let named = parse(&format!("{OWN}\n[known-by]\nmaker = [\"isk\"]\nnumber = [\"735999\"]\n")).unwrap();
    let telegram = |maker: Option<&str>, meter: Option<&str>| Telegram {
        maker: maker.map(Into::into),
        meter: meter.map(Into::into),
        ..Telegram::default()
    };
    assert_eq!(named.fit(&telegram(Some("ISk"), None)), Fit::Named);
    assert_eq!(named.fit(&telegram(Some("KFM"), Some("7359990"))), Fit::Named);
    assert_eq!(named.fit(&telegram(Some("KFM"), None)), Fit::Not);
    assert_eq!(named.fit(&telegram(None, Some("5706"))), Fit::Not);
    assert_eq!(named.fit(&telegram(None, None)), Fit::Possible);
    assert_eq!(parse(OWN).unwrap().fit(&telegram(Some("KFM"), None)), Fit::Possible);
    let total = Telegram { import: Some(Energy(1)), ..Telegram::default() };
    let rated = Telegram { rates: vec![Rate { number: 1, export: false, total: Energy(1) }], ..total.clone() };
    for (rates, fits, not) in [(true, &rated, &total), (false, &total, &rated)] {
        let profile = parse(&format!("{OWN}\n[known-by]\nrates = {rates}\n")).unwrap();
        assert_eq!((profile.fit(fits), profile.fit(not)), (Fit::Possible, Fit::Not));
        assert_eq!(profile.fit(&Telegram::default()), Fit::Possible, "a telegram without totals");
    }
    let checked = Telegram { checked: true, ..Telegram::default() };
    for (checksum, fits, not) in [(true, &checked, &total), (false, &total, &checked)] {
        let profile = parse(&format!("{OWN}\n[known-by]\nchecksum = {checksum}\n")).unwrap();
        assert_eq!((profile.fit(fits), profile.fit(not)), (Fit::Possible, Fit::Not));
    }
}
