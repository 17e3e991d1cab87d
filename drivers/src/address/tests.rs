use super::*;
use proptest::prelude::*;

fn parsed(text: &str) -> Result<Address, AddressError> {
    text.parse()
}

#[test]
fn as_people_write_them() {
    let path = "/dev/serial/by-id/usb-FTDI_FT232R_A10K-if00-port0";
    assert_eq!(parsed(&format!("serial:{path}")), Ok(Address::Serial(Serial::new(path))));
    let d0 = Serial { baud: 300, bits: Bits::Seven, parity: Parity::Even, stop: Stop::Two, ..Serial::new("/dev/x") };
    assert_eq!(parsed("serial:/dev/x?bits=7&stop=2&parity=even&baud=300"), Ok(Address::Serial(d0)));
    assert_eq!(parsed("tcp://[::1]:23"), Ok(Address::Tcp(Tcp { host: "::1".into(), port: 23 })));
    let mut mqtt = Mqtt { user: None, host: "broker.lan".into(), port: 1883, tls: false, topic: "wattseal/M-1".into() };
    assert_eq!(parsed("mqtt://broker.lan/wattseal/M-1"), Ok(Address::Mqtt(mqtt.clone())));
    mqtt.topic = "a@b".into();
    assert_eq!(parsed("mqtt://broker.lan:1883/a%40b"), Ok(Address::Mqtt(mqtt.clone())));
    mqtt = Mqtt { user: Some("a:b".into()), port: 8883, tls: true, ..mqtt };
    assert_eq!(parsed("mqtts://a%3Ab@broker.lan/a%40b"), Ok(Address::Mqtt(mqtt.clone())));
    assert_eq!(Address::Mqtt(mqtt).to_string(), "mqtts://a%3Ab@broker.lan:8883/a%40b");
    let recording = Recording { path: "a b?.bin".into(), pace: NonZeroU32::new(960) };
    assert_eq!(parsed("file:a b%3F.bin?pace=960"), Ok(Address::File(recording)));
}

#[test]
fn mistakes_are_named() {
    use AddressError as E;
    for (text, error) in [
        ("", E::Kind),
        ("http://x", E::Kind),
        ("tcp:host:1", E::Kind),
        ("/dev/ttyUSB0", E::BarePort),
        ("serial:ttyUSB0", E::SerialPath),
        ("serial:", E::SerialPath),
        ("serial:/dev/x?", E::Setting),
        ("serial:/dev/x?speed=1", E::Setting),
        ("serial:/dev/x?baud=49", E::Baud),
        ("serial:/dev/x?baud=99999999999", E::Baud),
        ("serial:/dev/x?baud=300&baud=300", E::Twice),
        ("serial:/dev/x?parity=mark", E::Parity),
        ("serial:/dev/x?bits=9", E::Bits),
        ("serial:/dev/x?stop=1.5", E::Stop),
        ("serial:/dev/%zz", E::Percent),
        ("serial:/dev/%00", E::Percent),
        ("serial:/dev/%+1", E::Percent),
        ("file:", E::FilePath),
        ("file:x?pace=0", E::Pace),
        ("file:x?loop=1", E::Setting),
        ("tcp://host", E::Port),
        ("tcp://host:", E::Port),
        ("tcp://host:0", E::Port),
        ("tcp://host:+1", E::Port),
        ("tcp://host:65536", E::Port),
        ("tcp://host:1/x", E::Trailing),
        ("tcp://:1", E::Host),
        ("tcp://ho st:1", E::Host),
        ("tcp://::1:1", E::Host),
        ("tcp://[::1:1", E::Host),
        ("tcp://[x]:1", E::Host),
        ("tcp://u:p@host:1", E::PasswordInside),
        ("mqtt://host", E::Topic),
        ("mqtt://host/", E::Topic),
        ("mqtt://host/a//b", E::Topic),
        ("mqtt://host/a/", E::Topic),
        ("mqtt://host/a/#", E::Topic),
        ("mqtt://host/+", E::Topic),
        ("mqtt://host/$SYS", E::Topic),
        ("mqtt://host/a%0A", E::Topic),
        ("mqtt://host/a?b=c", E::Setting),
        ("mqtt://@host/a", E::User),
        ("mqtts://[::1]/a", E::HostOfTls),
    ] {
        assert_eq!(parsed(text), Err(error), "{text}");
    }
    assert_eq!(parsed(&format!("file:{}", "a".repeat(1025))), Err(E::TooLong));
    assert_eq!(parsed(&format!("file:{}", "%".repeat(4096))), Err(E::TooLong));
}

#[test]
fn a_password_is_refused_and_never_repeated() {
    for text in [
        "mqtt://u:hunter2@host/t",
        "mqtts://u:hun/ter2@host/t",
        "mqtt://u:hun@ter2@host/t",
        "mqtt://:hunter2@h/t",
        "mqtt://u:12/ter2@host/t",
    ] {
        let error = parsed(text).unwrap_err();
        assert_eq!(error, AddressError::PasswordInside, "{text}");
        assert!(!format!("{error} {error:?}").contains("ter2"));
    }
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9][a-z0-9._-]{0,30}",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| address.to_string()),
    ]
}

fn address() -> impl Strategy<Value = Address> {
    let bits = prop_oneof![Just(Bits::Seven), Just(Bits::Eight)];
    let parity = prop_oneof![Just(Parity::None), Just(Parity::Even), Just(Parity::Odd)];
    let stop = prop_oneof![Just(Stop::One), Just(Stop::Two)];
    let serial = ("/[^\0]{0,60}", 50u32..=4_000_000, bits, parity, stop)
        .prop_map(|(path, baud, bits, parity, stop)| Address::Serial(Serial { path, baud, bits, parity, stop }));
    let tcp = (host(), 1u16..).prop_map(|(host, port)| Address::Tcp(Tcp { host, port }));
    let topic = prop::collection::vec("[^\0-\x1f\x7f-\u{9f}/+#$]{1,12}", 1..5).prop_map(|levels| levels.join("/"));
    let mqtt = (prop::option::of("[^\0]{1,20}"), host(), 1u16.., any::<bool>(), topic).prop_map(
        |(user, host, port, tls, topic)| {
            Address::Mqtt(Mqtt { tls: tls && !host.contains(':'), user, host, port, topic })
        },
    );
    let file = ("[^\0]{1,60}", prop::option::of(1u32..))
        .prop_map(|(path, pace)| Address::File(Recording { path, pace: pace.and_then(NonZeroU32::new) }));
    prop_oneof![serial, tcp, mqtt, file]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(address in address()) {
        let text = address.to_string();
        prop_assert_eq!(parsed(&text), Ok(address), "{}", text);
    }

    #[test]
    fn any_text_is_taken_or_refused(kind in "(serial:|file:|tcp://|mqtt://|mqtts://|)", text in ".{0,40}") {
        if let Ok(address) = parsed(&format!("{kind}{text}")) {
            prop_assert_eq!(parsed(&address.to_string()), Ok(address));
        }
    }
}
