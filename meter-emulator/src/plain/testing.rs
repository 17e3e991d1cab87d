//! States for the encoders' tests.

use proptest::prelude::*;

use super::quirk::Quirks;
use super::state::{Clock, Gas, Register, State};

/// 2025-06-01T00:00Z, summer in Amsterdam.
pub(super) const NOON: u64 = 1_748_736_000;

pub(super) fn state() -> State {
    let clock = Clock { unix: NOON, offset: 7200, summer: true, doubtful: false };
    State {
        number: 12_345_678,
        bridge: 12_345_678,
        maker: *b"ISK",
        clock,
        uptime: 1_000_000,
        sequence: 77,
        import: Register { rates: [12_345_678_901, 23_456_789_012] },
        export: Register { rates: [12_345, 987_654_321] },
        power_import: 597_940,
        power_export: 0,
        rate: 1,
        gas: Some(Gas { total: 8_123_456_789, clock: Clock { unix: NOON - 7200, ..clock } }),
        quirks: Quirks::default(),
    }
}

/// Any that a meter can be in, and some that none can.
pub(super) fn states() -> impl Strategy<Value = State> {
    let times = (0u64..4_000_000_000, prop::sample::select(vec![0i32, 3600, 7200]));
    let totals = (any::<[u64; 2]>(), any::<[u64; 2]>(), any::<u64>());
    let rest = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u64>(), any::<u64>(), 0u8..2);
    (times, totals, rest, any::<bool>()).prop_map(|((unix, offset), (import, export, gas), rest, has_gas)| {
        let (number, uptime, sequence, power_import, power_export, rate) = rest;
        let clock = Clock { unix, offset, summer: offset == 7200, doubtful: false };
        State {
            number: number % 100_000_000,
            clock,
            uptime,
            sequence,
            import: Register { rates: import },
            export: Register { rates: export },
            power_import,
            power_export,
            rate,
            gas: has_gas.then_some(Gas { total: gas, clock }),
            ..state()
        }
    })
}
