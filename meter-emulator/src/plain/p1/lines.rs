//! The lines of a P1 telegram, dialect by dialect.

use super::Dialect;
use crate::plain::state::{Clock, Gas, Register, State, fixed};

/// All lines up to the exclamation mark.
pub(super) fn lines(dialect: Dialect, state: &State) -> Vec<String> {
    match dialect {
        Dialect::Dsmr2 => dsmr2(state),
        Dialect::Dsmr4 | Dialect::Dsmr5 => dsmr(dialect, state),
        Dialect::Fluvius => fluvius(state),
        Dialect::Sweden => sweden(state),
        Dialect::Luxembourg => luxembourg(state),
        Dialect::Austria => austria(state),
    }
}

/// The identification and the empty line after it.
fn head(state: &State, ident: &str) -> Vec<String> {
    vec![format!("/{}5{ident}", state.maker_text()), String::new()]
}

/// Identifiers are printed as the hexadecimal digits of their characters.
fn equipment(text: &str) -> String {
    hex::encode_upper(text)
}

fn number(state: &State) -> String {
    equipment(&format!("K{:08}12345678", state.number))
}

/// `YYMMDDhhmmssX`, X saying summer or winter.
fn stamp(clock: &Clock) -> String {
    let season = if clock.summer { 'S' } else { 'W' };
    format!("{}{season}", clock.local().strftime("%y%m%d%H%M%S"))
}

fn kwh(value: u64, digits: usize) -> String {
    format!("{}*kWh", fixed(value, 7, digits, 3))
}

fn kw(value: u64, digits: usize) -> String {
    format!("{}*kW", fixed(value, 6, digits, 3))
}

fn by_rate(lines: &mut Vec<String>, code: u8, register: &Register, digits: usize, swapped: bool) {
    let [low, high] = register.rates;
    let [one, two] = if swapped { [high, low] } else { [low, high] };
    lines.push(format!("1-0:{code}.8.1({})", kwh(one, digits)));
    lines.push(format!("1-0:{code}.8.2({})", kwh(two, digits)));
}

fn total(lines: &mut Vec<String>, state: &State, digits: usize) {
    lines.push(format!("1-0:1.8.0({})", kwh(state.import.total(), digits)));
    lines.push(format!("1-0:2.8.0({})", kwh(state.export.total(), digits)));
}

fn power(lines: &mut Vec<String>, state: &State, digits: usize) {
    lines.push(format!("1-0:1.7.0({})", kw(state.power_import, digits)));
    lines.push(format!("1-0:2.7.0({})", kw(state.power_export, digits)));
}

/// Gas: litres with four more digits, printed as cubic metres.
fn gas(lines: &mut Vec<String>, gas: &Gas, code: &str) {
    lines.push("0-1:24.1.0(003)".into());
    lines.push(format!("0-1:96.1.0({})", equipment("G0012345678901234")));
    lines.push(format!("0-1:{code}({})({}*m3)", stamp(&gas.clock), fixed(gas.total, 7, 5, 3)));
}

/// DSMR 2.2, 6.12: five and three digits, power to 10 W, gas in a line and one more below it.
fn dsmr2(state: &State) -> Vec<String> {
    let mut lines = head(state, r"\2ME382-1003");
    lines.push(format!("0-0:96.1.1({})", number(state)));
    by_rate(&mut lines, 1, &state.import, 5, false);
    by_rate(&mut lines, 2, &state.export, 5, false);
    lines.push(format!("0-0:96.14.0({:04})", state.rate + 1));
    lines.push(format!("1-0:1.7.0({}*kW)", fixed(state.power_import, 6, 4, 2)));
    lines.push(format!("1-0:2.7.0({}*kW)", fixed(state.power_export, 6, 4, 2)));
    lines.extend(["0-0:17.0.0(0999.00*kW)", "0-0:96.3.10(1)", "0-0:96.13.1()", "0-0:96.13.0()"].map(str::to_owned));
    if let Some(gas) = &state.gas {
        lines.push("0-1:24.1.0(3)".into());
        lines.push(format!("0-1:96.1.0({})", equipment("2810514000137312")));
        let stamp = gas.clock.local().strftime("%y%m%d%H%M%S");
        lines.push(format!("0-1:24.3.0({stamp})(00)(60)(1)(0-1:24.2.1)(m3)"));
        lines.push(format!("({})", fixed(gas.total, 7, 5, 3)));
        lines.push("0-1:24.4.0(1)".into());
    }
    lines
}

/// DSMR 4.2 and 5.0.2, 6.12.
fn dsmr(dialect: Dialect, state: &State) -> Vec<String> {
    let five = dialect == Dialect::Dsmr5;
    let mut lines = head(state, if five { r"\2M550T-1013" } else { r"\2MT382-1000" });
    lines.push(format!("1-3:0.2.8({})", if five { 50 } else { 42 }));
    lines.push(format!("0-0:1.0.0({})", stamp(&state.clock)));
    lines.push(format!("0-0:96.1.1({})", number(state)));
    by_rate(&mut lines, 1, &state.import, 6, false);
    by_rate(&mut lines, 2, &state.export, 6, false);
    lines.push(format!("0-0:96.14.0({:04})", state.rate + 1));
    power(&mut lines, state, 2);
    if !five {
        lines.extend(["0-0:17.0.0(016.1*kW)", "0-0:96.3.10(1)"].map(str::to_owned));
    }
    let log = "1-0:99.97.0(2)(0-0:96.7.19)(101208152415W)(0000000240*s)(101208151004W)(0000000301*s)";
    lines.extend(["0-0:96.7.21(00004)", "0-0:96.7.9(00002)", log].map(str::to_owned));
    lines.extend(["1-0:32.32.0(00002)", "1-0:32.36.0(00000)", "0-0:96.13.1()", "0-0:96.13.0()"].map(str::to_owned));
    if five {
        lines.push("1-0:32.7.0(230.1*V)".into());
    }
    lines.push(format!("1-0:31.7.0({}*A)", fixed(state.milliamperes(), 3, 3, 0)));
    lines.push(format!("1-0:21.7.0({})", kw(state.power_import, 2)));
    lines.push(format!("1-0:22.7.0({})", kw(state.power_export, 2)));
    if let Some(meter) = &state.gas {
        gas(&mut lines, meter, "24.2.1");
    }
    lines
}

/// e-MUCS-P1, 5: rate 1 is the day's, and gas is not corrected for temperature.
fn fluvius(state: &State) -> Vec<String> {
    let mut lines = head(state, &format!(r"\{:09}_A", state.number));
    lines.push("0-0:96.1.4(50217)".into());
    lines.push(format!("0-0:96.1.1({})", equipment(&format!("1SAG{:010}", state.number))));
    lines.push(format!("0-0:1.0.0({})", stamp(&state.clock)));
    by_rate(&mut lines, 1, &state.import, 6, true);
    by_rate(&mut lines, 2, &state.export, 6, true);
    lines.push(format!("0-0:96.14.0({:04})", 2 - state.rate.min(1)));
    lines.push(format!("1-0:1.4.0({})", kw(state.power_import, 2)));
    lines.push(format!("1-0:1.6.0({})(04.470*kW)", stamp(&state.clock)));
    lines.push("0-0:98.1.0(0)(1-0:1.6.0)(1-0:1.6.0)()".into());
    power(&mut lines, state, 2);
    lines.push(format!("1-0:21.7.0({})", kw(state.power_import, 2)));
    lines.push(format!("1-0:22.7.0({})", kw(state.power_export, 2)));
    lines.push("1-0:32.7.0(234.7*V)".into());
    lines.push(format!("1-0:31.7.0({}*A)", fixed(state.milliamperes(), 3, 3, 2)));
    lines.extend(["0-0:96.3.10(1)", "0-0:17.0.0(999.9*kW)", "1-0:31.4.0(999*A)", "0-0:96.13.0()"].map(str::to_owned));
    if let Some(meter) = &state.gas {
        gas(&mut lines, meter, "24.2.3");
        lines.insert(lines.len() - 1, "0-1:24.4.0(1)".into());
    }
    lines
}

/// Swedish recommendation for the local interface: totals without rates, eight digits, reactive beside active.
fn sweden(state: &State) -> Vec<String> {
    let mut lines = head(state, &format!(r"\{:09}_A", state.number));
    lines.push(format!("0-0:1.0.0({})", stamp(&state.clock)));
    total(&mut lines, state, 8);
    lines.extend(["1-0:3.8.0(00000021.988*kvarh)", "1-0:4.8.0(00001020.971*kvarh)"].map(str::to_owned));
    power(&mut lines, state, 4);
    lines.extend(["1-0:3.7.0(0000.000*kvar)", "1-0:4.7.0(0000.309*kvar)"].map(str::to_owned));
    lines.push(format!("1-0:21.7.0({})", kw(state.power_import, 4)));
    lines.push(format!("1-0:22.7.0({})", kw(state.power_export, 4)));
    lines.push("1-0:32.7.0(240.3*V)".into());
    lines.push(format!("1-0:31.7.0({}*A)", fixed(state.milliamperes(), 3, 3, 1)));
    lines
}

/// Smarty P1, 1.1.3: totals alone, apparent power in the limits.
fn luxembourg(state: &State) -> Vec<String> {
    let mut lines = head(state, &format!(r"\{:09}_D", state.number));
    lines.push("1-3:0.2.8(42)".into());
    lines.push(format!("0-0:1.0.0({})", stamp(&state.clock)));
    lines.push(format!("0-0:42.0.0({})", equipment(&format!("SAG103{:010}", state.number))));
    total(&mut lines, state, 6);
    lines.extend(["1-0:3.8.0(000006.123*kvarh)", "1-0:4.8.0(000107.230*kvarh)"].map(str::to_owned));
    power(&mut lines, state, 2);
    lines.extend(["1-0:3.7.0(00.000*kvar)", "1-0:4.7.0(00.213*kvar)"].map(str::to_owned));
    lines.extend(["0-0:17.0.0(27.600*kVA)", "1-0:9.7.0(00.000*kVA)", "1-0:10.7.0(00.000*kVA)"].map(str::to_owned));
    lines
        .extend(["1-1:31.4.0(200*A)(-200*A)", "0-0:96.3.10(1)", "0-1:96.3.10(0)", "0-2:96.3.10(0)"].map(str::to_owned));
    lines.extend(["0-0:96.7.21(00085)", "1-0:32.32.0(00008)", "1-0:32.36.0(00000)"].map(str::to_owned));
    lines.extend(
        ["0-0:96.13.0()", "0-0:96.13.2()", "0-0:96.13.3()", "0-0:96.13.4()", "0-0:96.13.5()"].map(str::to_owned),
    );
    lines.push("1-0:32.7.0(228.0*V)".into());
    lines.push(format!("1-0:31.7.0({}*A)", fixed(state.milliamperes(), 3, 3, 0)));
    lines
}

/// Austria's operators with a P1: totals, both rates and power of one meter.
fn austria(state: &State) -> Vec<String> {
    let mut lines = head(state, &format!(r"\{:09}_A", state.number));
    lines.push("1-3:0.2.8(50)".into());
    lines.push(format!("0-0:1.0.0({})", stamp(&state.clock)));
    lines.push(format!("0-0:96.1.1({})", number(state)));
    lines.push(format!("1-0:1.8.0({})", kwh(state.import.total(), 6)));
    by_rate(&mut lines, 1, &state.import, 6, false);
    lines.push(format!("1-0:2.8.0({})", kwh(state.export.total(), 6)));
    by_rate(&mut lines, 2, &state.export, 6, false);
    power(&mut lines, state, 2);
    lines.extend(["1-0:3.8.0(000018.900*kvarh)", "1-0:4.8.0(000066.304*kvarh)"].map(str::to_owned));
    lines.push(format!("0-0:96.14.0({:04})", state.rate + 1));
    lines
}
