//! What a telegram shows, as the gateway's own view of now.

use drivers::plain::{Energy, Moment, Power, Telegram, Volume};

use crate::api::{NowMeter, NowRegister};

/// Parts of a watt.
const PARTS: i64 = 10_000;

/// What a telegram of the meter with this name and key shows. `at` is when it was heard, Unix seconds.
pub(super) fn shown(telegram: &Telegram, meter: String, identity: Option<String>, at: i64) -> NowMeter {
    let mut registers = Vec::new();
    let mut total = |code: &str, energy: Option<Energy>| {
        if let Some(total) = energy.and_then(|energy| u64::try_from(energy.0).ok()) {
            registers.push(NowRegister { code: code.into(), unit: "Wh".into(), total, device: None });
        }
    };
    total("1-0:1.8.0", telegram.import);
    total("1-0:2.8.0", telegram.export);
    for channel in &telegram.channels {
        let Volume(thousandths) = channel.total;
        if let Ok(total) = u64::try_from(thousandths) {
            registers.push(NowRegister {
                code: channel.code.clone(),
                unit: channel.unit.clone(),
                total: total.saturating_mul(10),
                device: channel.device,
            });
        }
    }
    NowMeter {
        meter,
        identity,
        received_at: at,
        at: clock(telegram).unwrap_or_else(|| at.unsigned_abs()),
        power: telegram.power.map(watts),
        supply: true,
        credit: None,
        registers,
    }
}

/// Rounded to whole watts.
fn watts(Power(parts): Power) -> i32 {
    let half = if parts < 0 { -PARTS / 2 } else { PARTS / 2 };
    i32::try_from((parts + half) / PARTS).unwrap_or(if parts < 0 { i32::MIN } else { i32::MAX })
}

/// The meter's clock where it tells its zone as well: else nobody knows when it is.
fn clock(telegram: &Telegram) -> Option<u64> {
    let Some(Moment::Clock(stamp)) = telegram.at else { return None };
    let shown = stamp.shown.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    u64::try_from(shown - i64::from(stamp.ahead?) * 60).ok()
}
