//! D0: text through the optical eye (IEC 62056-21), seven bits and even parity.
//!
//! Mode D: the meter pushes by itself at 9600 baud (EasyMeter Q3D). Mode C: it is asked at 300 baud, says who it is and
//! how fast it can, is acknowledged, and reads itself out at that speed between STX and a block check character.

use super::check;
use super::quirk::Quirk;
use super::state::{State, fixed};

/// Speed at which a conversation of mode C begins.
pub const FIRST_BAUD: u32 = 300;
/// Speed that the meter offers as `4`.
pub const FAST_BAUD: u32 = 4800;
/// What acknowledges it: normal protocol, speed 4, readout.
pub const ACKNOWLEDGE: &[u8] = b"\x06040\r\n";

/// Who speaks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The meter, unasked.
    ModeD,
    /// The reader.
    ModeC,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ModeD, Self::ModeC];

    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ModeD => "mode-d",
            Self::ModeC => "mode-c",
        }
    }
}

/// One telegram; in mode C all that the meter says in one conversation.
#[must_use]
pub fn encode(dialect: Dialect, state: &State) -> Vec<u8> {
    match dialect {
        Dialect::ModeD => push(state),
        Dialect::ModeC => [sign_on(state), readout(state)].concat(),
    }
}

/// What a meter in mode C answers to the opening: `/AAAZident`.
#[must_use]
pub fn sign_on(state: &State) -> Vec<u8> {
    let mut out = format!("/{}4ZMF100AC.M23", state.maker_text()).into_bytes();
    odd_byte(&mut out, state);
    out.extend(b"\r\n");
    out
}

/// What it sends when it was acknowledged.
#[must_use]
pub fn readout(state: &State) -> Vec<u8> {
    let kwh = |value| fixed(value, 7, 6, 3);
    let local = state.clock.local();
    let ([low, high], [fed_low, fed_high]) = (state.import.rates, state.export.rates);
    // Stands of the first of the year, in the registers of the past.
    let past = state.import.total() / 2;
    let lines = [
        "F.F(00000000)".to_owned(),
        format!("0.0.0({:08})", state.number),
        format!("0.9.1({})", local.strftime("%H%M%S")),
        format!("0.9.2({})", local.strftime("%y%m%d")),
        format!("1.8.0({}*kWh)", kwh(state.import.total())),
        format!("1.8.0*12({}*kWh)", kwh(past)),
        format!("1.8.1({}*kWh)", kwh(low)),
        format!("1.8.2({}*kWh)", kwh(high)),
        format!("2.8.0({}*kWh)", kwh(state.export.total())),
        format!("2.8.1({}*kWh)", kwh(fed_low)),
        format!("2.8.2({}*kWh)", kwh(fed_high)),
        format!("1.7.0({}*kW)", fixed(state.power_import, 6, 3, 3)),
        format!("2.7.0({}*kW)", fixed(state.power_export, 6, 3, 3)),
        "C.7.0(0004)".to_owned(),
        "!".to_owned(),
    ];
    let mut block = Vec::new();
    for line in lines {
        block.extend(line.bytes());
        block.extend(b"\r\n");
    }
    block.push(0x03);
    let sum = check::xor(&block);
    let mut out = vec![0x02];
    out.extend(block);
    out.push(sum);
    out
}

/// What a Q3D pushes: ten-thousandths of a watt-hour, power with a sign.
fn push(state: &State) -> Vec<u8> {
    let kwh = |value| fixed(value, 7, 8, 7);
    let net = state.net_power();
    let watts = format!("{}{}", if net < 0 { "-" } else { "" }, fixed(net.unsigned_abs(), 3, 6, 2));
    let mut out = format!("/{}5Q3DB1024 V6.01", state.maker_text()).into_bytes();
    odd_byte(&mut out, state);
    let text = format!(
        "\r\n\r\n1-0:0.0.0*255({:010})\r\n1-0:1.8.0*255({}*kWh)\r\n1-0:2.8.0*255({}*kWh)\r\n1-0:21.7.0*255({watts}*W)\r\n\
         1-0:41.7.0*255(000000.00*W)\r\n1-0:61.7.0*255(000000.00*W)\r\n1-0:1.7.0*255({watts}*W)\r\n1-0:96.5.5*255(82)\r\n\
         0-0:96.1.255*255(1ESY{:010})\r\n!\r\n",
        state.number,
        kwh(state.import.total()),
        kwh(state.export.total()),
        state.number,
    );
    out.extend(text.bytes());
    out
}

fn odd_byte(out: &mut Vec<u8>, state: &State) {
    if state.quirks.has(Quirk::NonAscii) {
        out.push(0xb2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::testing::{state, states};
    use proptest::prelude::*;

    fn value(telegram: &[u8], code: &str) -> Option<String> {
        let text = String::from_utf8_lossy(telegram).into_owned();
        let line = text.split("\r\n").find_map(|line| line.trim_start_matches('\u{2}').strip_prefix(code))?;
        Some(line.strip_prefix('(')?.strip_suffix(')')?.to_owned())
    }

    #[test]
    fn a_push_is_that_of_a_q3d() {
        let push = encode(Dialect::ModeD, &State { maker: *b"ESY", ..state() });
        assert!(
            push.starts_with(b"/ESY5Q3DB1024 V6.01\r\n\r\n1-0:0.0.0*255(0012345678)\r\n") && push.ends_with(b"!\r\n")
        );
        assert_eq!(value(&push, "1-0:1.8.0*255").unwrap(), "00003580.2467913*kWh");
        assert_eq!(value(&push, "1-0:1.7.0*255").unwrap(), "000597.94*W");
        let feeding = State { power_import: 0, power_export: 13_020, ..state() };
        assert_eq!(value(&encode(Dialect::ModeD, &feeding), "1-0:1.7.0*255").unwrap(), "-000013.02*W");
    }

    #[test]
    fn a_readout_stands_between_its_marks() {
        let whole = encode(Dialect::ModeC, &State { maker: *b"LGZ", ..state() });
        let readout = whole.strip_prefix(b"/LGZ4ZMF100AC.M23\r\n").unwrap();
        assert_eq!((readout[0], readout[readout.len() - 2]), (0x02, 0x03));
        // From the byte after STX to ETX, as the standard says; with its own check character all cancels out.
        assert_eq!(readout[1..].iter().fold(0, |sum, byte| sum ^ byte), 0);
        assert_eq!(value(readout, "1.8.0").unwrap(), "003580.246*kWh");
        assert_eq!(value(readout, "1.8.0*12").unwrap(), "001790.123*kWh");
        assert_eq!(
            (value(readout, "0.9.1").unwrap(), value(readout, "0.9.2").unwrap()),
            ("020000".into(), "250601".into())
        );
        assert!(readout[..readout.len() - 1].ends_with(b"\r\n!\r\n\x03"));
    }

    proptest! {
        #[test]
        fn any_state_makes_a_telegram_of_bounded_size(state in states(), push: bool) {
            let bytes = encode(if push { Dialect::ModeD } else { Dialect::ModeC }, &state);
            prop_assert!(bytes.len() < 600 && bytes.is_ascii());
            prop_assert_eq!(bytes.iter().filter(|byte| **byte == b'(').count(), if push { 9 } else { 14 });
            let code = if push { "1-0:1.8.0*255" } else { "1.8.0" };
            prop_assert_eq!(value(&bytes, code).unwrap().len(), if push { 20 } else { 14 });
        }
    }
}
