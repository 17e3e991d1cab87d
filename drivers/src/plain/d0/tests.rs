use std::time::Duration;

use proptest::prelude::*;

use super::super::{Energy, Moment, Power};
use super::*;

const PUSHED: &str = "/WTS5 D0 V1.02\r\n\r\n1-0:0.0.0*255(7700112233)\r\n1-0:1.8.0*255(00001234.5678901*kWh)\r\n\
    1-0:1.7.0*255(000345.67*W)\r\n1-0:96.5.5*255(80)\r\n0-0:96.1.255*255(1WTS7700112233)\r\n!\r\n";

const DATA: &str = "F.F(00000000)\r\n0.9.1(07:08:09)\r\n0.9.2(26-11-03)\r\n0.0.0()\r\nC.1.0(88112233)\r\n\
    1.8.1(0100.2500*kWh)\r\n1.8.1*12(0099.0000*kWh)\r\n1.8.1&12(0000.0000*kWh)\r\n1.8.2(0050.5000*kWh)\
    2.8.0(0001*kWh)\r\n    1.8.0*12(0140.0000*kWh)\r\n1.8.0&12(0000.0000*kWh)\r\n1.6.1(0000.00)(00-00-00 00:00)\r\n!\r\n";

fn asked(data: &str) -> Vec<u8> {
    let mut bytes = format!("/?!\r\n/WTS5\\2asked\r\n\x06050\r\n\x02{data}\x03").into_bytes();
    let block = bytes.iter().rposition(|byte| *byte == STX).unwrap() + 1;
    bytes.push(bytes[block..].iter().fold(0, |sum, byte| sum ^ byte));
    bytes
}

fn all(bytes: &[u8]) -> Vec<Found<Telegram>> {
    let mut decoder = Decoder::default();
    let mut found = decoder.hear(&Chunk::Bytes(bytes.to_vec()));
    found.extend(decoder.end());
    found
}

fn one(bytes: &[u8]) -> Telegram {
    match all(bytes).as_slice() {
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
fn what_is_pushed() {
    let telegram = one(PUSHED.as_bytes());
    assert_eq!(telegram.import, Some(Energy(12_345_678_901)));
    assert_eq!(telegram.power, Some(Power(3_456_700)));
    assert_eq!((telegram.meter.as_deref(), telegram.maker.as_deref()), (Some("7700112233"), Some("WTS")));
    assert_eq!((telegram.export, telegram.at), (None, None));
    let found = all(format!("{PUSHED}  771\r\n{PUSHED}").as_bytes());
    assert_eq!(found, [Found::Message(telegram.clone()), Found::Noise(5), Found::Message(telegram)]);
}

#[test]
fn what_is_asked_for_and_history_stays_history() {
    let telegram = one(&asked(DATA));
    assert_eq!(telegram.import, Some(Energy(1_507_500_000)), "the sum of the rates, not last month's total");
    assert_eq!(telegram.export, Some(Energy(10_000_000)));
    assert_eq!(telegram.rates.len(), 2);
    assert_eq!((telegram.meter.as_deref(), telegram.maker.as_deref()), (Some("88112233"), Some("WTS")));
    assert_eq!(clock(&telegram).as_deref(), Some("2026-11-03T07:08:09"));
    // Recorded without its block.
    assert_eq!(one(format!("/WTS5\\2asked\r\n{DATA}").as_bytes()), telegram);
    // Joined after the identification.
    let bytes = asked(DATA);
    let block = bytes.iter().rposition(|byte| *byte == STX).unwrap();
    assert_eq!(one(&bytes[block..]).import, telegram.import);
}

#[test]
fn codes_in_every_spelling() {
    let import = |line: &str| one(format!("/WTS5x\r\n{line}\r\n1.7.0(1*W)\r\n!\r\n").as_bytes()).import;
    for line in ["1.8.0(12.5*kWh)", "1-0:1.8.0(12.5*kWh)", "1-1:1.8.0*255(12.5)", "1.8(12,5*kWh)", "1.8.255*255(12.5)"]
    {
        assert_eq!(import(line), Some(Energy(125_000_000)), "{line}");
    }
    for line in ["1.8.0*01(12.5*kWh)", "1.8.0&1(12.5*kWh)", "2-0:1.8.0(12.5*kWh)", "1.8.0()", "1.9.0(12.5*kWh)"] {
        assert_eq!(import(line), None, "{line}");
    }
    let power = |lines: &str| one(format!("/WTS5x\r\n1.8.0(1)\r\n{lines}\r\n!\r\n").as_bytes()).power;
    assert_eq!(power("1-0:16.7.0*255(-00012*W)"), Some(Power(-120_000)));
    assert_eq!(power("1-0:1.7.255*255(0.25*kW)"), Some(Power(2_500_000)));
    assert_eq!(power("21.7.0(+10*W)\r\n41.7.0(-3*W)\r\n61.7.0(1*W)"), Some(Power(80_000)));
    assert_eq!(power("15.7.0(5*W)"), Some(Power(50_000)));
    assert_eq!(power("15.7.0(5*W)\r\n2.8.0(1)"), None, "it may be given or taken");
    assert_eq!(power("1.7.0(5)"), None, "nobody knows of what");
    for (lines, shown) in [
        ("0.9.1(0070809)\r\n0.9.2(1261103)", Some("2026-11-03T07:08:09")),
        ("0.9.1(0708)\r\n0.9.2(2026-11-03)", Some("2026-11-03T07:08:00")),
        ("0.9.4(26-11-03 07:08:09)", Some("2026-11-03T07:08:09")),
        ("0-0:1.0.0*255(261103070809S)", Some("2026-11-03T07:08:09+02:00")),
        ("0.9.1(00:00:00)\r\n0.9.2(00-00-00)", None),
        ("0.9.2(26-11-03)", None),
        ("0.9.1(07:08:09)\r\n0.9.2(03.11.26)", None),
    ] {
        let telegram = one(format!("/WTS5x\r\n1.8.0(1)\r\n{lines}\r\n!\r\n").as_bytes());
        assert_eq!(clock(&telegram).as_deref(), shown, "{lines}");
    }
}

#[test]
fn damage_is_told() {
    let mut bytes = asked(DATA);
    assert_eq!(all(&bytes[..bytes.len() - 1]), [damaged(Fault::Cut)]);
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(all(&bytes), [damaged(Fault::Checksum)]);
    assert_eq!(all(&asked("1.8.0(1)\r\n")), [damaged(Fault::Malformed)], "no mark at its end");
    assert_eq!(all(b"/WTS5x\r\n1.8.0(1)\r\n!A077\r\n"), [damaged(Fault::Malformed), Found::Noise(3)]);
    assert_eq!(all(b"/WTS5x\r\n1.8.1(1)\r\n1#8.2(1)\r\n!\r\n"), [damaged(Fault::Malformed)]);
    assert_eq!(all(b"/WTS5x\r\n32.7.0(230*V)\r\n!\r\n"), [damaged(Fault::Nothing)]);
    assert_eq!(all(b"/WTS5x\r\n1.8.0(1)\r\n"), [damaged(Fault::Cut)]);
    assert_eq!(all(b"abc/WTS5x\r\n"), [Found::Noise(3), Found::Noise(6)]);
    assert_eq!(all(b"/?!\r\n"), []);
    let mut cut = b"/WTS5x\r\n1.8.0(1)\r\n".to_vec();
    cut.extend(asked(DATA));
    assert_eq!(all(&cut), [damaged(Fault::Cut), Found::Message(one(&asked(DATA)))]);
    // The end of a readout became another byte: the next one is heard.
    let mut unended = asked(DATA);
    let end = unended.iter().rposition(|byte| *byte == ETX).unwrap();
    unended[end] = 0x13;
    for next in [asked(DATA), asked(DATA)[5..].to_vec()] {
        let found = all(&[&unended[..], &next].concat());
        assert_eq!(found, [damaged(Fault::Cut), Found::Message(one(&asked(DATA)))]);
    }
    let stray = all(b"\x02abc\r\n/WTS5x\r\n\x02def");
    let noise: u64 = stray.iter().map(|one| if let Found::Noise(bytes) = one { *bytes } else { 0 }).sum();
    assert_eq!(noise, 12, "each byte is counted once: {stray:?}");
    // Lines that contradict each other: one of them was changed, where nothing checks it.
    assert_eq!(all(b"/WTS5x\r\n1.8.0(7)\r\n1.8.0(5)\r\n!\r\n"), [damaged(Fault::Malformed)]);
    assert_eq!(one(&asked("1.8.0(7)\r\n1.8.0(5)\r\n!\r\n")).import, Some(Energy(70_000_000)));
    // A slash that was another byte once: what follows is half a telegram.
    let mut halved = asked(DATA);
    let at = halved.windows(5).position(|line| line == b"1.8.2").unwrap();
    halved[at] = b'/';
    assert_eq!(all(&halved).iter().filter(|one| matches!(one, Found::Message(_))).count(), 0);
    let endless = [b"/(".to_vec(), vec![b'x'; 3 * MAX_TELEGRAM]].concat();
    let mut decoder = Decoder::default();
    assert_eq!(decoder.hear(&Chunk::Bytes(endless)).first(), Some(&damaged(Fault::TooLong)));
    assert!(decoder.held.capacity() <= 2 * MAX_TELEGRAM);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_cut_of_chunks_changes_nothing(
        parts in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            prop::collection::vec(prop::sample::select(&b"/!\r\n1.8(*)\x02\x03"[..]), 0..60),
            Just(PUSHED.as_bytes().to_vec()),
            Just(asked(DATA)),
            (0..asked(DATA).len()).prop_map(|at| asked(DATA)[..at].to_vec()),
        ], 0..8),
        cut in 1_usize..300,
    ) {
        let bytes = parts.concat();
        let split = |found: Vec<Found<Telegram>>| {
            let noise: u64 = found.iter().map(|one| if let Found::Noise(bytes) = one { *bytes } else { 0 }).sum();
            (found.into_iter().filter(|one| !matches!(one, Found::Noise(_))).collect::<Vec<_>>(), noise)
        };
        let mut decoder = Decoder::default();
        let mut found: Vec<_> = bytes.chunks(cut).flat_map(|part| decoder.hear(&Chunk::Bytes(part.to_vec()))).collect();
        found.extend(decoder.end());
        prop_assert_eq!(split(found), split(all(&bytes)));
    }

    #[test]
    fn a_changed_byte_in_a_block_never_gives_another_telegram(at: prop::sample::Index, changed: u8) {
        let good = asked(DATA);
        let expected = one(&good);
        let mut bytes = good.clone();
        let at = at.index(bytes.len());
        bytes[at] = changed;
        for found in all(&bytes) {
            if let Found::Message(telegram) = found {
                // The maker stands before the block, which nothing checks.
                let telegram = Telegram { maker: expected.maker.clone(), ..telegram };
                prop_assert!(telegram == expected);
            }
        }
    }
}

#[test]
fn a_meter_is_asked_as_it_offers() {
    let ms = Duration::from_millis;
    let mut talk = Talk::new(ms(60_000), ms(0));
    assert_eq!(talk.act(ms(0)), Act::Speed(300));
    assert_eq!(talk.act(ms(1)), Act::Send(b"/?!\r\n".to_vec()));
    assert_eq!(talk.act(ms(1)), Act::Listen(ms(2501)));
    talk.heard(b"/?!\r\n/WTS", ms(400));
    talk.heard(b"5\\2asked\r\n", ms(500));
    assert_eq!(talk.act(ms(500)), Act::Listen(ms(750)));
    assert_eq!(talk.act(ms(750)), Act::Send(b"\x06050\r\n".to_vec()));
    assert_eq!(talk.act(ms(750)), Act::Speed(9600));
    assert_eq!(talk.act(ms(751)), Act::Listen(ms(3250)));
    talk.heard(b"\x02F.F(0)\r\n!\r\n", ms(2000));
    assert_eq!(talk.act(ms(2001)), Act::Listen(ms(4500)));
    talk.heard(b"\x03", ms(2002));
    talk.heard(b"\x11", ms(2003));
    assert_eq!(talk.act(ms(2004)), Act::Listen(ms(60_000)));
    assert_eq!(talk.act(ms(60_000)), Act::Speed(300));

    // One that says nothing is asked again at the next time.
    assert!(matches!(talk.act(ms(60_001)), Act::Send(_)));
    assert_eq!(talk.act(ms(62_600)), Act::Listen(ms(120_000)));

    // Mode B changes its speed by itself, mode A not at all; a readout may come without a block.
    for (ident, speed) in [(&b"/WTSDold\r\n"[..], 4800), (b"/WTSold\r\n", 300)] {
        let mut talk = Talk::new(ms(60_000), ms(0));
        assert_eq!(talk.act(ms(0)), Act::Speed(300));
        assert!(matches!(talk.act(ms(0)), Act::Send(_)));
        talk.heard(ident, ms(100));
        assert_eq!(talk.act(ms(100)), Act::Speed(speed));
        talk.heard(b"1.8.0(1)\r\n!\r\n", ms(200));
        assert_eq!(talk.act(ms(200)), Act::Listen(ms(60_000)));
    }
}
