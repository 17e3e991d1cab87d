//! Bridges that put a meter's values on a broker: JSON under one topic, or a topic for every value.
//!
//! Numbers are written digit by digit: no float touches them.

use super::state::{Clock, State, number, signed};

/// Which bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Tasmota with a script for a reading head: SENSOR messages.
    Tasmota,
    /// Shelly Pro 3EM (second generation): status of em:0 and emdata:0.
    Shelly,
    /// Glow display for British meters.
    Glow,
    /// Zigbee2MQTT with a metering plug.
    Zigbee2Mqtt,
    /// DSMR-reader: a topic for every value.
    DsmrReader,
    /// ESPHome with the DSMR component: a topic for every sensor.
    EspHome,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Tasmota, Self::Shelly, Self::Glow, Self::Zigbee2Mqtt, Self::DsmrReader, Self::EspHome];

    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tasmota => "tasmota",
            Self::Shelly => "shelly",
            Self::Glow => "glow",
            Self::Zigbee2Mqtt => "zigbee2mqtt",
            Self::DsmrReader => "dsmr-reader",
            Self::EspHome => "esphome",
        }
    }
}

/// A topic and what is published under it.
pub type Publication = (String, String);

/// What a bridge publishes at one moment.
#[must_use]
pub fn encode(dialect: Dialect, state: &State) -> Vec<Publication> {
    match dialect {
        Dialect::Tasmota => tasmota(state),
        Dialect::Shelly => shelly(state),
        Dialect::Glow => glow(state),
        Dialect::Zigbee2Mqtt => zigbee(state),
        Dialect::DsmrReader => dsmr_reader(state),
        Dialect::EspHome => esphome(state),
    }
}

fn utc(clock: &Clock) -> String {
    clock.utc().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn with_offset(clock: &Clock) -> String {
    let offset = format!("{:+03}:{:02}", clock.offset / 3600, clock.offset.abs() / 60 % 60);
    format!("{}{offset}", clock.local().strftime("%Y-%m-%dT%H:%M:%S"))
}

fn kwh(value: u64, decimals: u32) -> String {
    number(value, 7, decimals)
}

fn tasmota(state: &State) -> Vec<Publication> {
    let payload = format!(
        r#"{{"Time":"{}","SML":{{"Total_in":{},"Total_out":{},"Power_curr":{},"Meter_number":"{:08}"}}}}"#,
        state.clock.local().strftime("%Y-%m-%dT%H:%M:%S"),
        kwh(state.import.total(), 4),
        kwh(state.export.total(), 4),
        signed(state.net_power(), 3, 0),
        state.number,
    );
    vec![(format!("tele/tasmota_{:06X}/SENSOR", state.bridge & 0x00ff_ffff), payload)]
}

/// All on the first phase. Energy is written once a minute, as the device does.
fn shelly(state: &State) -> Vec<Publication> {
    let device = format!("shellypro3em-{:012x}", state.bridge);
    let (power, amperes) = (signed(state.net_power(), 3, 1), number(state.milliamperes(), 3, 3));
    let em = format!(
        concat!(
            r#"{{"id":0,"a_current":{a},"a_voltage":230.1,"a_act_power":{p},"a_aprt_power":{p},"a_pf":1.00,"#,
            r#""b_current":0.000,"b_voltage":229.8,"b_act_power":0.0,"b_aprt_power":0.0,"b_pf":0.00,"#,
            r#""c_current":0.000,"c_voltage":230.4,"c_act_power":0.0,"c_aprt_power":0.0,"c_pf":0.00,"#,
            r#""n_current":null,"total_current":{a},"total_act_power":{p},"total_aprt_power":{p}}}"#
        ),
        a = amperes,
        p = power,
    );
    let mut out = vec![(format!("{device}/status/em:0"), em)];
    if state.clock.unix.is_multiple_of(60) {
        let (import, export) = (number(state.import.total(), 4, 2), number(state.export.total(), 4, 2));
        let data = format!(
            concat!(
                r#"{{"id":0,"a_total_act_energy":{i},"a_total_act_ret_energy":{e},"b_total_act_energy":0.00,"#,
                r#""b_total_act_ret_energy":0.00,"c_total_act_energy":0.00,"c_total_act_ret_energy":0.00,"#,
                r#""total_act":{i},"total_act_ret":{e}}}"#
            ),
            i = import,
            e = export,
        );
        out.push((format!("{device}/status/emdata:0"), data));
    }
    out
}

fn glow(state: &State) -> Vec<Publication> {
    let device = format!("glow/{:012X}/SENSOR", state.bridge);
    let electricity = format!(
        concat!(
            r#"{{"electricitymeter":{{"timestamp":"{at}","energy":{{"export":{{"cumulative":{out},"units":"kWh"}},"#,
            r#""import":{{"cumulative":{total},"day":1.250,"week":20.500,"month":81.750,"units":"kWh","mpan":"{n:013}","#,
            r#""supplier":"---","price":{{"unitrate":0.28000,"standingcharge":0.45000}}}}}},"#,
            r#""power":{{"value":{power},"units":"kW"}}}}}}"#
        ),
        at = utc(&state.clock),
        out = kwh(state.export.total(), 3),
        total = kwh(state.import.total(), 3),
        n = state.number,
        power = signed(state.net_power(), 6, 3),
    );
    let mut out = vec![(format!("{device}/electricitymeter"), electricity)];
    // The gas meter wakes twice an hour.
    if let Some(gas) = state.gas.filter(|_| state.clock.unix.is_multiple_of(1800)) {
        let gas = format!(
            concat!(
                r#"{{"gasmeter":{{"timestamp":"{at}","energy":{{"import":{{"cumulativevol":{volume},"#,
                r#""cumulativevolunits":"m3","day":0.500,"week":9.750,"month":40.125,"units":"kWh","mprn":"{n:010}","#,
                r#""supplier":"---","price":{{"unitrate":0.07000,"standingcharge":0.27000}}}}}}}}}}"#
            ),
            at = utc(&gas.clock),
            volume = number(gas.total, 7, 3),
            n = state.number,
        );
        out.push((format!("{device}/gasmeter"), gas));
    }
    out
}

fn zigbee(state: &State) -> Vec<Publication> {
    let payload = format!(
        concat!(
            r#"{{"current":{amperes},"energy":{energy},"last_seen":"{seen}","linkquality":120,"power":{power},"#,
            r#""produced_energy":{produced},"voltage":230}}"#
        ),
        amperes = number(state.milliamperes(), 3, 2),
        energy = kwh(state.import.total(), 2),
        seen = with_offset(&state.clock),
        power = signed(state.net_power(), 3, 0),
        produced = kwh(state.export.total(), 2),
    );
    vec![(format!("zigbee2mqtt/meter_{:08}", state.bridge), payload)]
}

fn dsmr_reader(state: &State) -> Vec<Publication> {
    let reading = |name: &str, value: String| (format!("dsmr/reading/{name}"), value);
    let ([low, high], [fed_low, fed_high]) = (state.import.rates, state.export.rates);
    let mut out = vec![
        reading("timestamp", with_offset(&state.clock)),
        reading("electricity_delivered_1", kwh(low, 3)),
        reading("electricity_delivered_2", kwh(high, 3)),
        reading("electricity_returned_1", kwh(fed_low, 3)),
        reading("electricity_returned_2", kwh(fed_high, 3)),
        reading("electricity_currently_delivered", number(state.power_import, 6, 3)),
        reading("electricity_currently_returned", number(state.power_export, 6, 3)),
    ];
    if let Some(gas) = state.gas {
        out.push(reading("extra_device_timestamp", with_offset(&gas.clock)));
        out.push(reading("extra_device_delivered", number(gas.total, 7, 3)));
    }
    out.push(("dsmr/meter-stats/electricity_tariff".to_owned(), (state.rate + 1).to_string()));
    out
}

fn esphome(state: &State) -> Vec<Publication> {
    let sensor = |name: &str, value: String| (format!("dsmr-meter/sensor/{name}/state"), value);
    let ([low, high], [fed_low, fed_high]) = (state.import.rates, state.export.rates);
    let mut out = vec![
        sensor("energy_consumed_tariff_1", kwh(low, 3)),
        sensor("energy_consumed_tariff_2", kwh(high, 3)),
        sensor("energy_produced_tariff_1", kwh(fed_low, 3)),
        sensor("energy_produced_tariff_2", kwh(fed_high, 3)),
        sensor("power_consumed", number(state.power_import, 6, 3)),
        sensor("power_produced", number(state.power_export, 6, 3)),
    ];
    if let Some(gas) = state.gas {
        out.push(sensor("gas_consumed", number(gas.total, 7, 3)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::testing::{state, states};
    use proptest::prelude::*;
    use serde_json::Value;

    fn published(dialect: Dialect, topic: &str) -> Value {
        let all = encode(dialect, &state());
        let payload = all.iter().find(|(name, _)| name.ends_with(topic)).map(|(_, payload)| payload.clone());
        serde_json::from_str(&payload.unwrap()).unwrap()
    }

    #[test]
    fn objects_as_the_bridges_document_them() {
        let tasmota = published(Dialect::Tasmota, "/SENSOR");
        assert_eq!(tasmota["Time"], "2025-06-01T02:00:00");
        assert_eq!(
            (tasmota["SML"]["Total_in"].to_string(), tasmota["SML"]["Power_curr"].to_string()),
            ("3580.2467".into(), "597".into())
        );
        let shelly = published(Dialect::Shelly, "/status/emdata:0");
        assert_eq!(shelly["total_act"].to_string(), "3580246.79");
        assert_eq!(published(Dialect::Shelly, "/status/em:0")["total_act_power"].to_string(), "597.9");
        let glow = published(Dialect::Glow, "/SENSOR/electricitymeter");
        assert_eq!(glow["electricitymeter"]["timestamp"], "2025-06-01T00:00:00Z");
        assert_eq!(glow["electricitymeter"]["energy"]["import"]["cumulative"].to_string(), "3580.246");
        assert_eq!(glow["electricitymeter"]["power"]["value"].to_string(), "0.597");
        let gas = published(Dialect::Glow, "/SENSOR/gasmeter");
        assert_eq!(gas["gasmeter"]["energy"]["import"]["cumulativevol"].to_string(), "812.345");
        assert_eq!(published(Dialect::Zigbee2Mqtt, "meter_12345678")["energy"].to_string(), "3580.24");
    }

    #[test]
    fn a_topic_for_every_value() {
        assert_eq!(published(Dialect::DsmrReader, "/electricity_delivered_1").to_string(), "1234.567");
        assert_eq!(published(Dialect::DsmrReader, "/electricity_currently_delivered").to_string(), "0.597");
        assert_eq!(published(Dialect::EspHome, "/energy_consumed_tariff_2/state").to_string(), "2345.678");
        let stamp = encode(Dialect::DsmrReader, &state()).remove(0);
        assert_eq!(stamp, ("dsmr/reading/timestamp".into(), "2025-06-01T02:00:00+02:00".into()));
    }

    #[test]
    fn energy_of_a_shelly_comes_once_a_minute() {
        let mut state = state();
        state.clock.unix += 10;
        assert_eq!(encode(Dialect::Shelly, &state).len(), 1);
    }

    proptest! {
        #[test]
        fn any_state_makes_publications_of_bounded_size(state in states(), place in 0usize..6) {
            for (topic, payload) in encode(Dialect::ALL[place], &state) {
                prop_assert!(topic.len() < 80 && payload.len() < 700 && !topic.contains(['+', '#']));
                let json: Result<Value, _> = serde_json::from_str(&payload);
                prop_assert!(json.is_ok() || topic.ends_with("timestamp"), "{}", payload);
            }
        }
    }
}
