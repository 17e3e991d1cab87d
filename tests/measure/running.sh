#!/usr/bin/env bash
# What the running gateway costs: memory and processor at rest, bytes written a day, and how long it takes to fetch
# thirteen months of blocks over a serial line and over MQTT. Prints one line a figure. Takes about ten minutes.
#
#   tests/measure/running.sh [rest | writes | serial | mqtt]...     without a name: all of them

source "$(dirname "${BASH_SOURCE[0]}")/../../setup.sh"
cargo build --locked --release -p meter-emulator -p hub -p provider --bins --quiet
bin="$CARGO_TARGET_DIR/release"
work=$(mktemp -d)
pids=()
finish() { kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; pids=(); }
trap 'finish; rm -rf "$work"' EXIT
cd "$work"
field() { sed -n 's/.*"'"$1"'": *\("\([^"]*\)"\|\([^,}]*\)\).*/\2\3/p' | head -n 1; }
start() { local name="$1"; shift; rm -f "$name.in" "$name.out"; mkfifo "$name.in"; "$@" <>"$name.in" >"$name.out" 2>"$name.err" & pids+=($!); }
await() { until grep -s -q -- "$2" "$1.out"; do sleep 0.2; done; grep -- "$2" "$1.out" | tail -n 1; }
figure() { printf '%-62s %s\n' "$1" "$2"; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f s", b - a }'; }

# A home with a running gateway; its process is $gateway.
home() {
    rm -rf home home.credential home.sheet
    "$bin/wattseal" --home home init --credential "$work/home.credential" --sheet home.sheet --no-retype >/dev/null
    export WATTSEAL_KEY_FILE="$work/home.credential"
    start gateway "$bin/wattseal" --home home run --json
    gateway=${pids[-1]}
    await gateway '"running"' >/dev/null
}

# name, line: pairs with the meter of that name.
pair() {
    local number
    "$bin/wattseal" --home home line add "$2" >/dev/null
    number=$("$bin/wattseal" --home home line list --json | grep -o '"line":[0-9]*' | tail -n 1 | cut -d: -f2)
    echo pair >"$1.in"
    "$bin/wattseal" --home home pair --line "$number" <<<"$(await "$1" pairing_code | field code)" >/dev/null
}

ticks() { awk '{ print $14 + $15 }' "/proc/$gateway/stat"; }
written() { awk '/^write_bytes/ { print $2 }' "/proc/$gateway/io"; }
memory() { awk -v what="$1" '$1 == what ":" { printf "%.1f MB", $2 / 1024 }' "/proc/$gateway/status"; }
blocks() { "$bin/wattseal" --home home status --json | grep -o '"blocks":[0-9]*' | awk -F: '{ sum += $2 } END { print sum + 0 }'; }

rest() {
    home
    start meter "$bin/wattseal-meter" run --dir meter --household 7 --from 2026-03-01 --days 60 --cadence 1 --serial auto --json
    pair meter "serial:$(await meter listening | field address)"
    sleep 20
    local before writes after
    before=$(ticks) writes=$(written)
    sleep 180
    after=$(ticks)
    figure "memory at rest, a meter that shows its readings every second" "$(memory VmRSS)"
    figure "processor at rest, the same, of one core" \
        "$(awk -v t="$((after - before))" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f %%", 100 * t / hz / 180 }')"
    figure "written meanwhile, in three minutes" "$(($(written) - writes)) bytes"
    finish
    rm -rf meter
}

writes() {
    home
    # Half a minute a day, so that each day's blocks arrive alone, as they do in life.
    start meter "$bin/wattseal-meter" run --dir meter --household 7 --from 2026-03-01 --days 60 --interval 900 \
        --speed 2880 --cadence 60 --serial auto --json
    pair meter "serial:$(await meter listening | field address)"
    until [ "$(blocks)" -ge 4 ]; do sleep 1; done
    local first before
    first=$(blocks) before=$(written)
    until [ "$(blocks)" -ge $((first + 10)) ]; do sleep 1; done
    figure "written for a day's blocks of two registers by quarter-hours" "$((($(written) - before) / 5 / 1000)) kB"
    finish
    rm -rf meter
}

load=(--household 7 --from 2025-01-01 --days 396 --interval 1800 --json --dir meter)

serial() {
    history
    home_again
    start meter "$bin/wattseal-meter" run "${load[@]}" --outage-limit 0 --serial auto --baud 115200
    timed "thirteen months of half-hours, two registers, at 115,200 baud" "serial:$(await meter listening | field address)"
}

mqtt() {
    history
    start broker "$bin/wattseal-meter" broker --json
    local url
    url=$(await broker listening | field address)
    home_again
    start meter "$bin/wattseal-meter" run "${load[@]}" --outage-limit 0 --mqtt "$url"
    timed "the same over MQTT" "$url/wattseal/$(await meter '"event":"meter"' | field meter)"
}

# Pairs a home with a meter over a line of its own and lets the meter seal thirteen months; the home does not hear them.
history() {
    home
    start meter "$bin/wattseal-meter" run "${load[@]}" --serial auto
    pair meter "serial:$(await meter listening | field address)"
    "$bin/wattseal" --home home line remove 1 >/dev/null
    echo "speed max" >meter.in
    await meter load_ended >/dev/null
    finish
}

home_again() {
    start gateway "$bin/wattseal" --home home run --json
    gateway=${pids[-1]}
    await gateway '"running"' >/dev/null
}

# what, line: adds the line and waits until every block is there.
timed() {
    local began
    began=$(now)
    "$bin/wattseal" --home home line add "$2" >/dev/null
    until [ "$(blocks)" -ge $((2 * 396)) ]; do sleep 0.5; done
    figure "$1" "$(since "$began")"
    figure "  most memory meanwhile" "$(memory VmHWM)"
    finish
    rm -rf meter
}

[ $# -gt 0 ] || set -- rest writes serial mqtt
for part in "$@"; do
    case "$part" in
        rest | writes | serial | mqtt) "$part" ;;
        *) say "there are: rest, writes, serial, mqtt"; exit 2 ;;
    esac
done
