//! Examples below the help of each command.

/// Of `seal`.
pub(super) const SEAL_EXAMPLES: &str = "\
Examples:
  Seal a year of half-hours:
    wattseal-meter seal --csv house.csv --column import_wh --register 1-0:1.8.0 --interval 1800 --out meter

  Import and export beside each other, quarter-hours:
    wattseal-meter seal --csv house.csv --column import_wh --register 1-0:1.8.0 \\
        --column export_wh --register 1-0:2.8.0 --interval 900 --out meter

  No file at hand: a month of a built-in household with panels, and a day with the cover open:
    wattseal-meter seal --household 7 --from 2025-06-01 --days 30 --out meter \\
        --tamper 2025-06-10..2025-06-11

The file: a first line utc_start,<column>…, then one line an interval: 2013-01-31T23:30Z,292.5
(start of the interval in UTC, amount with up to 4 decimals, empty when missing). Finer lines are summed.

Calling it again with the same --out goes on with the same meter. DIR/meter.cert is for everyone, DIR/blocks may be
stored anywhere; DIR/pairing.key lets whoever holds it read the readings, and DIR/flash is the meter's own memory.

Exit codes: 0 done, 1 refused or invalid, 2 wrong usage, 3 could not (file, lock).";

/// Of `bill`.
pub(super) const BILL_EXAMPLES: &str = "\
Examples:
  March, billed by the meter under a tariff of the provider that it was set up for:
    wattseal-meter bill --tariff green.tariff --provider-key provider.pub --bill-from 2025-03-01 --bill-to 2025-04-01 \\
        --csv house.csv --column import_wh --register 1-0:1.8.0 --out meter

  No file at hand: the same month of a built-in household without panels:
    wattseal-meter bill --tariff green.tariff --provider-key provider.pub --bill-from 2025-03-01 --bill-to 2025-04-01 \\
        --household 7 --pv 0 --out meter

The bill is DIR/bills/PERIOD_REGISTER.bill. The provider checks it with
    wattseal-verify DIR/bills/….bill --tariff green.tariff --meter DIR/meter.cert

No block is written, no pairing file is made, and no reading is kept. The readings must reach over the whole period;
what they hold outside it is not used. Calling it again with the same --out goes on with the same meter, which bills or
seals every time once.

Exit codes: 0 done, 1 refused or invalid, 2 wrong usage, 3 could not (file, lock).";

/// Of `run`.
pub(super) const RUN_EXAMPLES: &str = "\
Examples:
  A meter on a pseudo-terminal, its pairing button pressed, ten minutes in a second:
    wattseal-meter run --household 7 --from 2025-06-01 --days 60 --dir meter --serial auto --pair-at-start --speed 600

  Thirteen months of history at once, then live over TCP as fast as a serial line:
    wattseal-meter run --household 7 --from 2024-01-01 --days 500 --gas 3 --dir meter --catch-up 2025-02-01 \\
        --tcp 127.0.0.1:4059 --baud 115200

  Over a broker, with a tenth of the messages lost:
    wattseal-meter run --household 7 --dir meter --mqtt mqtt://127.0.0.1:1883 --fault drop:0.1

While it runs it takes lines on standard input: pair, status, power-cut [SECONDS], clock +SECONDS,
fault KIND[:ARG], fault none, speed N, quit. It stops in good order on quit, SIGTERM and SIGINT; after any other end it goes on
from what its disk holds, and the time between is an outage.
";

/// Of `plain`.
pub(super) const PLAIN_EXAMPLES: &str = "\
Examples:
  A Dutch meter on a pseudo-terminal, ten minutes in a second, with what is true beside it:
    wattseal-meter plain --protocol p1 --serial auto --speed 600 --truth truth.jsonl

  A Norwegian meter that is never set and repeats its hourly list, over TCP, a tenth of the frames damaged:
    wattseal-meter plain --protocol dlms --dialect kaifa --quirk clock-reset --quirk stale-repeat --damage 10 \\
        --tcp 127.0.0.1:4059

  A bridge on a broker:
    wattseal-meter plain --protocol json --dialect shelly --mqtt mqtt://127.0.0.1:1883

  A day of frames at once, each a line {\"at\": Unix seconds, \"hex\": bytes, \"damaged\": …}:
    wattseal-meter plain --protocol sml --virtual --hours 24 --out frames.jsonl --truth truth.jsonl

Protocols and dialects (the first is the usual one):
  p1    dsmr5, dsmr4, dsmr2, fluvius, sweden, luxembourg, austria (the last two with --key)
  sml   emh, dzg
  dlms  aidon, kaifa, kamstrup, austria, sagemcom (both with --key), landis, swiss
  tic   base, hchp, tempo, standard
  d0    mode-d, mode-c
  ocmf  transaction, pairs
  json  tasmota, shelly, glow, zigbee2mqtt, dsmr-reader, esphome
";
