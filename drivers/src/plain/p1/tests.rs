use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInPlace, KeyInit};
use aes_gcm::{AesGcm, aes::Aes128};
use proptest::prelude::*;

use super::super::{Energy, MAX_TELEGRAM, Moment, Power, Rate};
use super::*;

const OPEN: &str = "/WTS5wattseal\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(261025023015S)\r\n\
    0-0:96.1.1(5753303031323334)\r\n1-0:1.8.1(000111.250*kWh)\r\n1-0:1.8.2(000222.500*kWh)\r\n\
    1-0:2.8.1(000007.001*kWh)\r\n1-0:2.8.2(000000.000*kWh)\r\n1-0:1.7.0(00.100*kW)\r\n1-0:2.7.0(01.350*kW)\r\n\
    0-1:24.1.0(003)\r\n0-1:96.1.0(4741533432)\r\n0-1:24.2.1(261025020000S)(00042.125*m3)\r\n\
    0-2:24.1.0(004)\r\n0-2:96.1.0()\r\n0-2:24.2.1(700101010000W)(00000000)\r\n";

/// Two registers by rate, a profile over two lines, no CRC.
const OLD: &str = "/WTS5 old\r\n\r\n0-0:96.1.1(0012A)\r\n1-0:1.8.1(00010.500*kWh)\r\n1-0:1.8.2(00020.250*kWh)\r\n\
    1-0:1.7.0(0001.25*kW)\r\n0-1:24.3.0(110301120000)(08)(60)(1)(0-1:24.2.1)(m3)\r\n(00099.477)\r\n!\r\n";

fn summed(body: &str) -> String {
    let text = format!("{body}!");
    format!("{text}{:04X}\r\n", CRC.checksum(text.as_bytes()))
}

fn heard(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Found<Telegram>> {
    let mut found = decoder.hear(&Chunk::Bytes(bytes.to_vec()));
    found.extend(decoder.end());
    found
}

fn all(text: &str) -> Vec<Found<Telegram>> {
    heard(&mut Decoder::default(), text.as_bytes())
}

fn one(text: &str) -> Telegram {
    match all(text).as_slice() {
        [Found::Message(telegram)] => telegram.clone(),
        other => panic!("{other:?}"),
    }
}

fn damaged(fault: Fault) -> Found<Telegram> {
    Found::Damaged(Damage::Plain(fault))
}

fn clock(telegram: &Telegram) -> Option<String> {
    match telegram.at? {
        Moment::Clock(stamp) => Some(stamp.to_string()),
        Moment::Seconds(_) => panic!(),
    }
}

#[test]
fn a_telegram_says_all_it_holds() {
    let telegram = one(&summed(OPEN));
    assert_eq!(telegram.meter.as_deref(), Some("WS001234"));
    assert_eq!(telegram.maker.as_deref(), Some("WTS"));
    assert_eq!(clock(&telegram).as_deref(), Some("2026-10-25T02:30:15+02:00"));
    assert_eq!(telegram.import, Some(Energy(333_750 * 10_000)));
    assert_eq!(telegram.export, Some(Energy(7_001 * 10_000)));
    assert_eq!(telegram.power, Some(Power(-12_500_000)));
    assert_eq!(telegram.rates.len(), 4);
    assert_eq!(telegram.rates[1], Rate { number: 2, export: false, total: Energy(222_500 * 10_000) });
    let [gas] = telegram.channels.as_slice() else { panic!("{:?}", telegram.channels) };
    assert_eq!((gas.code.as_str(), gas.unit.as_str(), gas.total.0), ("0-1:24.2.1", "m3", 42_125));
    assert_eq!((gas.meter.as_deref(), gas.device), (Some("GAS42"), Some(3)));
    assert_eq!(gas.at.map(|at| at.to_string()).as_deref(), Some("2026-10-25T02:00:00+02:00"));
}

#[test]
fn a_meter_too_old_for_a_crc_stands_by_its_structure() {
    let telegram = one(OLD);
    assert_eq!(telegram.meter.as_deref(), Some("0012A"));
    assert_eq!(telegram.import, Some(Energy(30_750 * 10_000)));
    assert_eq!((telegram.at, telegram.export), (None, None));
    let [gas] = telegram.channels.as_slice() else { panic!() };
    assert_eq!((gas.code.as_str(), gas.unit.as_str(), gas.total.0), ("0-1:24.2.1", "m3", 99_477));
    assert_eq!(one(&OLD.replace("\r\n(00099", "(00099")), telegram, "the value may stand on the same line");
    assert_eq!(one(&OLD.replace("\r\n", "\n")), telegram);

    // A slash that was another byte once: what follows is half a telegram.
    assert_eq!(all(&OLD.replace("1-0:1.8.2", "/-0:1.8.2")), [damaged(Fault::Malformed)]);
    // A rate that cannot be read would be missing in the sum.
    assert_eq!(all(&OLD.replace("1.8.2(", "1.8.2[")), [damaged(Fault::Malformed)]);
    assert_eq!(all(&OLD.replace("20.250", "20.2?0")), [damaged(Fault::Malformed)]);
    assert_eq!(all(&OLD.replace("1-0:1.8.2", "1-0:\u{fc}.8.2")), [damaged(Fault::Malformed)]);
    // A total that stands by itself needs no other line.
    let total = OLD.replace("1.8.1(", "1.8.0(").replace("1.8.2(", "1.8.2[");
    assert_eq!(one(&total).import, Some(Energy(10_500 * 10_000)));
}

#[test]
fn what_is_in_hexadecimal_what_is_empty_and_what_has_other_units() {
    let telegram = |lines: &str| one(&summed(&format!("/ABC5\r\n\r\n{lines}1-0:1.7.0(0000012*W)\r\n")));
    let meter = |line: &str| telegram(line).meter;
    assert_eq!(meter("0-0:96.1.1(00000000000000000)\r\n"), None);
    assert_eq!(meter("0-0:96.1.1()\r\n0-0:96.1.0(A1234)\r\n").as_deref(), Some("A1234"));
    assert_eq!(meter("0-0:42.0.0(5341473130)\r\n").as_deref(), Some("SAG10"));
    assert_eq!(meter("0-0:96.1.1(+1+2+3)\r\n").as_deref(), Some("+1+2+3"));
    assert_eq!(telegram("1-0:1.8.0(000123456*Wh)\r\n").import, Some(Energy(123_456 * 10_000)));
    assert_eq!(telegram("1-0:1.8.0(01.5*MWh)\r\n").import, Some(Energy(1_500_000 * 10_000)));
    assert_eq!(telegram("1-0:1.8.0(12.5*kWh)\r\n1-0:1.8.1(99*kWh)\r\n").import, Some(Energy(12_500 * 10_000)));
    assert_eq!(telegram("").power, Some(Power(120_000)));
    assert_eq!(telegram("").import, None);
    for placeholder in ["000000000000W", "269900000000W", "251332000000S", "", "12", "2610250230+5W"] {
        assert_eq!(telegram(&format!("0-0:1.0.0({placeholder})\r\n")).at, None, "{placeholder}");
    }
    assert_eq!(clock(&telegram("0-0:1.0.0(000101010000W)\r\n")).as_deref(), Some("2000-01-01T01:00:00+01:00"));
    assert_eq!(clock(&telegram("0-0:1.0.0(2603040506)\r\n")).as_deref(), Some("2026-03-04T05:06:00"));
    let nothing = summed("/ABC5\r\n\r\n1-0:32.7.0(236.1*V)\r\n");
    assert_eq!(all(&nothing), [damaged(Fault::Nothing)]);
    let huge = format!("{0}1-0:1.8.1(922337203685*MWh)\r\n1-0:1.8.2(922337203685*MWh)\r\n", "/ABC5\r\n\r\n");
    assert_eq!(all(&summed(&huge)), [damaged(Fault::Malformed)]);
}

#[test]
fn the_crc_decides() {
    let good = summed(OPEN);
    assert_eq!(one(&good.replace("\r\n", "\n")), one(&good), "carriage returns lost on the way");
    assert_eq!(one(&format!("\r\n{}", good.trim_end())), one(&good), "no line end behind it");
    assert_eq!(all(&good.replace("111.250", "111.251")), [damaged(Fault::Checksum)]);
    let accented = summed(&OPEN.replace("wattseal", "wätts\u{fd}al"));
    assert_eq!(one(&accented), one(&good), "bytes beyond ASCII are bytes");

    // A CRC that begins with a nought, printed without it.
    let body = (0..).map(|n| format!("{OPEN}0-0:96.14.0({n})\r\n")).find(|body| summed(body).contains("!0")).unwrap();
    assert_eq!(one(&summed(&body).replace("!0", "!")), one(&summed(&body)));

    // Once a CRC fits, one that is missing is lost.
    let found = all(&format!("{good}{OPEN}!\r\n{good}"));
    let telegram = Found::Message(one(&good));
    assert_eq!(found, [telegram.clone(), damaged(Fault::Checksum), telegram]);
}

#[test]
fn cut_telegrams_noise_and_endless_ones_do_not_hide_the_next() {
    let good = summed(OPEN);
    let telegram = Found::Message(one(&good));
    for cut in 5..good.len() - 7 {
        let found = all(&format!("{}{good}", &good[..cut]));
        assert_eq!(found, [damaged(Fault::Cut), telegram.clone()], "{cut}");
    }
    assert_eq!(all(&good[..good.len() - 10]), [damaged(Fault::Cut)]);
    assert_eq!(all(&format!("abc{good}de")), [Found::Noise(3), telegram.clone(), Found::Noise(2)]);
    let endless = format!("/WTS5{}", "x".repeat(MAX_TELEGRAM));
    assert_eq!(all(&format!("{endless}{good}")), [damaged(Fault::TooLong), Found::Noise(5), telegram.clone()]);
    assert_eq!(all("//1/!"), [Found::Noise(5)]);

    let mut decoder = Decoder::default();
    assert_eq!(decoder.hear(&Chunk::Bytes(good.as_bytes()[..200].to_vec())), []);
    decoder.begin();
    assert_eq!(heard(&mut decoder, good.as_bytes()), [telegram.clone()]);
    let datagram = Chunk::Datagram { topic: "p1".into(), payload: good.trim_end().into() };
    assert_eq!(decoder.hear(&datagram), [telegram]);
}

fn key() -> MeterKey {
    MeterKey::new([7; 16], Some([9; 16]))
}

/// An encrypted telegram, authenticated with this additional data.
fn encrypted(text: &str, additional: &[u8], security: u8) -> Vec<u8> {
    let (title, counter) = (*b"WTSmeter", 0x0102_0304_u32);
    let nonce: [u8; 12] = [&title[..], &counter.to_be_bytes()[..]].concat().try_into().unwrap();
    let mut body = text.as_bytes().to_vec();
    let gcm = AesGcm::<Aes128, U12, U12>::new(&[7; 16].into());
    let tag = gcm.encrypt_in_place_detached(&nonce.into(), additional, &mut body).unwrap();
    if security & 0x10 != 0 {
        body.extend(tag);
    }
    let length = u16::try_from(body.len() + 5).unwrap().to_be_bytes();
    let mut frame = vec![0xdb, 8];
    frame.extend(title);
    frame.extend([0x82, length[0], length[1], security]);
    frame.extend(counter.to_be_bytes());
    frame.extend(body);
    frame
}

fn authenticated(text: &str) -> Vec<u8> {
    encrypted(text, &[&[0x30][..], &[9; 16]].concat(), 0x30)
}

#[test]
fn an_encrypted_telegram_needs_its_key() {
    let good = summed(OPEN);
    let telegram = Found::Message(one(&good));
    let frame = authenticated(&good);
    let with = |key: Option<MeterKey>, frame: &[u8]| heard(&mut Decoder::new(key), frame);
    assert_eq!(with(Some(key()), &frame), [telegram.clone()]);
    assert_eq!(with(None, &frame), [damaged(Fault::Encrypted)]);
    assert_eq!(with(Some(MeterKey::new([7; 16], Some([8; 16]))), &frame), [damaged(Fault::WrongKey)]);
    assert_eq!(with(Some(MeterKey::new([8; 16], None)), &frame), [damaged(Fault::WrongKey)]);
    assert_eq!(with(Some(key()), &frame[..frame.len() - 1]), [damaged(Fault::Cut)]);

    // The tag is a better check than the CRC inside; without the authentication key the CRC is all there is.
    let wrong_inside = format!("{OPEN}!0000\r\n");
    assert_eq!(with(Some(key()), &authenticated(&wrong_inside)), [telegram.clone()]);
    let half = || Some(MeterKey::new([7; 16], None));
    assert_eq!(with(half(), &authenticated(&wrong_inside)), [damaged(Fault::WrongKey)]);
    assert_eq!(with(half(), &frame), [telegram.clone()]);
    assert_eq!(with(half(), &encrypted(&good, &[], 0x20)), [telegram.clone()]);
    assert_eq!(with(half(), &encrypted(&wrong_inside, &[], 0x30)), [telegram]);
}

#[test]
fn where_a_tag_must_be_nothing_is_taken_without_one() {
    let good = summed(OPEN);
    let refused = damaged(Fault::Unauthenticated);
    let with = |key: MeterKey, frames: &[Vec<u8>]| heard(&mut Decoder::new(Some(key)), &frames.concat());
    let (untagged, tagged) = (encrypted(&good, &[], 0x20), encrypted(&good, &[], 0x30));
    assert_eq!(with(key(), &[untagged.clone()]), [refused.clone()]);
    assert_eq!(with(key(), &[good.clone().into_bytes()]), [refused.clone()]);
    // No authentication key, but a tag that fitted: from then on nothing less.
    let telegram = Found::Message(one(&good));
    let found = with(MeterKey::new([7; 16], None), &[untagged.clone(), tagged, untagged, good.into_bytes()]);
    assert_eq!(found, [telegram.clone(), telegram, refused.clone(), refused]);
}

#[test]
fn a_meter_that_once_sent_a_crc_inside_must_go_on_doing_so() {
    let (good, bare) = (summed(OPEN), OLD);
    let half = || Decoder::new(Some(MeterKey::new([7; 16], None)));
    let (summed, unsummed) = (encrypted(&good, &[], 0x20), encrypted(bare, &[], 0x20));
    let alone = heard(&mut half(), &unsummed);
    assert!(matches!(alone.as_slice(), [Found::Message(telegram)] if !telegram.checked));
    let found = heard(&mut half(), &[summed, unsummed].concat());
    assert_eq!(found, [Found::Message(one(&good)), damaged(Fault::WrongKey)]);
}

#[test]
fn lines_that_contradict_each_other_are_not_believed_without_a_crc() {
    // 2.8.1 became 1.8.1, or one rate the other.
    let with = |line: &str| OLD.replace("1-0:1.7.0", &format!("{line}\r\n1-0:1.7.0"));
    for line in ["1-0:1.8.1(00007.001*kWh)", "1-0:1.8.2(00010.500*kWh)"] {
        assert_eq!(all(&with(line)), [damaged(Fault::Malformed)], "{line}");
        let body = with(line);
        assert_eq!(one(&summed(body.strip_suffix("!\r\n").unwrap())).import, one(OLD).import, "the meter says so");
    }
    assert_eq!(one(&with("1-0:1.8.1(00010.500*kWh)")).import, one(OLD).import);
    assert!(!one(OLD).checked && one(&summed(OPEN)).checked);
}

#[test]
fn bytes_lost_in_an_encrypted_telegram_cost_no_other() {
    let good = summed(OPEN);
    let telegram = Found::Message(one(&good));
    let frame = authenticated(&good);
    for lost in [1, 20, 100] {
        let stream = [&frame[..200], &frame[200 + lost..], &frame, &frame].concat();
        let found = heard(&mut Decoder::new(Some(key())), &stream);
        assert_eq!(found, [damaged(Fault::WrongKey), telegram.clone(), telegram.clone()], "{lost}");
    }
}

/// What was found, noise added up, however it was cut.
fn in_cuts(key: Option<MeterKey>, bytes: &[u8], cut: usize) -> (Vec<Found<Telegram>>, u64, usize) {
    let mut decoder = Decoder::new(key);
    let (mut found, mut most) = (Vec::new(), 0);
    for part in bytes.chunks(cut) {
        found.extend(decoder.hear(&Chunk::Bytes(part.to_vec())));
        most = most.max(decoder.held.capacity());
    }
    found.extend(decoder.end());
    let noise = found.iter().map(|one| if let Found::Noise(bytes) = one { *bytes } else { 0 }).sum();
    found.retain(|one| !matches!(one, Found::Noise(_)));
    (found, noise, most)
}

/// Bytes as bad as they come: noise, pieces of telegrams, whole ones, encrypted ones.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let good = summed(OPEN).into_bytes();
    let cut = |whole: Vec<u8>| (0..whole.len()).prop_map(move |at| whole[..at].to_vec());
    let part = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        prop::collection::vec(prop::sample::select(&b"/!\r\n0A(*)\xdb\x08"[..]), 0..60),
        Just(good.clone()),
        Just(OLD.as_bytes().to_vec()),
        cut(good.clone()),
        Just(authenticated(&summed(OPEN))),
        cut(authenticated(&summed(OPEN))),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_cut_of_chunks_changes_nothing(bytes in stream(), cut in 1_usize..600) {
        let (whole, noise, _) = in_cuts(Some(key()), &bytes, usize::MAX);
        prop_assert_eq!(in_cuts(Some(key()), &bytes, cut).0, whole);
        prop_assert_eq!(in_cuts(Some(key()), &bytes, cut).1, noise);
    }

    #[test]
    fn a_changed_byte_never_gives_another_telegram(at: prop::sample::Index, changed: u8) {
        let good = summed(OPEN);
        let mut bytes = good.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = changed;
        let expected = one(&good);
        for found in heard(&mut Decoder::default(), &bytes) {
            if let Found::Message(telegram) = found {
                // Without the CRC's digits it is a telegram that nothing checks, and says so.
                prop_assert_eq!(Telegram { checked: true, ..telegram }, expected.clone());
            }
        }
    }

    #[test]
    fn a_changed_byte_never_gives_another_encrypted_telegram(at: prop::sample::Index, changed: u8) {
        let mut bytes = authenticated(&summed(OPEN));
        let expected = one(&summed(OPEN));
        let at = at.index(bytes.len());
        bytes[at] = changed;
        for found in heard(&mut Decoder::new(Some(key())), &bytes) {
            if let Found::Message(telegram) = found {
                prop_assert!(telegram == expected);
            }
        }
    }
}

#[test]
fn what_it_holds_is_not_shown() {
    let mut decoder = Decoder::new(Some(key()));
    decoder.hear(&Chunk::Bytes(b"/WTS5".to_vec()));
    assert_eq!(format!("{decoder:?}"), "Decoder { held: 5, .. }");
}

#[test]
fn it_holds_little_whatever_comes() {
    let endless: [&[u8]; 4] = [b"/", b"x", b"\n!1", b"\xdb\x08WTSmeter\x82\x7f\xff\x30"];
    for part in endless {
        let bytes = part.repeat(400_000 / part.len());
        for cut in [1000, 65_536] {
            let (_, _, most) = in_cuts(Some(key()), &bytes, cut);
            assert!(most <= 2 * (MAX_TELEGRAM + PIECE), "{most} of {part:?}");
        }
    }
}
