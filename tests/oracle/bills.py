#!/usr/bin/env python3
"""Bills computed independently of Wattseal, to compare with: exact fractions, the calendar of zoneinfo, no packages.

Reads a job (JSON, a file or `-` for standard input) and prints one JSON line for each meter, tariff and period:

    {"zone": "Europe/London",
     "load": {"csv": "home.csv", "interval_minutes": 30, "shift_years": 10},
     "meters": {"home": {"import": "import_wh"}},              name -> register -> column
     "periods": [["2023-01-01", "2023-02-01"]],                see below
     "tariffs": [{"id": "flat", "lines": [
         {"name": "Energy", "kind": "energy", "register": "import", "price": "24.37 p/kWh"},
         {"name": "Standing", "kind": "standing", "amount": "45.25 p", "per": "day"},
         {"name": "VAT", "kind": "tax", "rate": "5", "on": ["Energy", "Standing"],
          "rounding": {"to": "0.01", "mode": "half-even"}}],
       "total": {"to": "0.01", "mode": "half-away"}}]}

Without `periods`: every local month that the load touches, and, when none was measured throughout, its whole local
days as further periods. An energy line has `price`, `bands` ([{"price", "windows": [{"from", "to", "days": [0 is Monday, ...]}]}], the band
without windows is the rest) or `series` ({"csv", "column", "unit", "factor", "add", "rounding"}); `credit` turns its
sign. Needs Python 3.11 and the time-zone files of Debian's package tzdata. `--self-test` checks this program itself.
"""

import bisect
import calendar
import csv
import json
import math
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal, Inexact, InvalidOperation, setcontext
from fractions import Fraction
from functools import lru_cache
from operator import mul

try:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError
except ImportError:
    sys.exit("bills.py: needs Python 3.11 or newer")

# Sums of readings must be exact or fail.
setcontext(Context(prec=60, traps=[Inexact, InvalidOperation]))

QUARTER = 900
NANO = 10**9
MONEY = {"GBP": 1, "EUR": 1, "AUD": 1, "p": Fraction(1, 100), "c": Fraction(1, 100), "ct": Fraction(1, 100)}
WATT_HOURS = {"Wh": 1, "kWh": 1000, "MWh": 1000000}


class Wrong(Exception):
    """The job cannot be computed as it stands."""


def zone(name):
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        raise Wrong(f"no time zone {name!r}: install Debian's package tzdata (apt-get install tzdata)") from None


def unix(text):
    """Unix second of a UTC time as the data files write it."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise Wrong(f"{text!r} has no offset from UTC")
    return int(moment.timestamp())


@lru_cache(maxsize=None)
def table(path):
    """Column names and rows of a CSV file whose first column is utc_start, the times as Unix seconds."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        header, *rows = csv.reader(file)
    if header[0] != "utc_start":
        raise Wrong(f"{path}: the first column is not utc_start")
    times = [unix(row[0]) for row in rows]
    if any(a >= b for a, b in zip(times, times[1:])):
        raise Wrong(f"{path}: times are not in order")
    step = min(b - a for a, b in zip(times, times[1:]))
    return header, rows, times, step


def column(path, name):
    header, rows, times, step = table(path)
    place = header.index(name)
    return {t: row[place].strip() for t, row in zip(times, rows) if row[place].strip()}, times, step


# --- The meter -------------------------------------------------------------------------------------------------------


def shifted(time, years):
    """The same month, day and time of day in UTC, some calendar years later."""
    if years == 0:
        return time
    moment = datetime.fromtimestamp(time, timezone.utc)
    try:
        return int(moment.replace(year=moment.year + years).timestamp())
    except ValueError:
        raise Wrong(f"{moment:%Y-%m-%d} does not exist {years} years later") from None


@lru_cache(maxsize=None)
def metered(path, name, interval, years):
    """Whole Wh in each measured slot, and the span the meter has slots for.

    The register counts what passes with all its decimals; a slot is the difference of what the display shows in whole
    Wh at its two ends. A slot with a missing part is missing and moves nothing.
    """
    values, times, step = column(path, name)
    if interval % step:
        raise Wrong(f"{path}: steps of {step} s do not divide {interval} s")
    first, end = -(-times[0] // interval), (times[-1] + step) // interval
    register, slots = Decimal(0), {}
    for slot in range(first, end):
        parts = [values.get(at) for at in range(slot * interval, (slot + 1) * interval, step)]
        if None in parts:
            continue
        before = math.floor(register)
        register += sum(map(Decimal, parts))
        slots[shifted(slot * interval, years)] = math.floor(register) - before
    return slots, shifted(first * interval, years), shifted((end - 1) * interval, years) + interval


# --- Prices ----------------------------------------------------------------------------------------------------------


def per_watt_hour(number, unit):
    """Currency units per Wh, exactly."""
    money, _, energy = unit.partition("/")
    return Fraction(number) * MONEY[money] / WATT_HOURS[energy]


def price(text):
    number, unit = text.split()
    return per_watt_hour(number, unit)


def minutes(text):
    hours, rest = text.split(":")
    return int(hours) * 60 + int(rest)


def holds(window, moment):
    """Whether a local time lies in a window; one from 23:00 to 07:00 runs over midnight."""
    if moment.weekday() not in window.get("days", range(7)):
        return False
    start, end = minutes(window.get("from", "00:00")), minutes(window.get("to", "24:00"))
    now = moment.hour * 60 + moment.minute
    return start <= now < end if start < end else now >= start or now < end


def price_of_bands(bands, tz):
    rest = [price(band["price"]) for band in bands if "windows" not in band]
    named = [(price(band["price"]), band["windows"]) for band in bands if "windows" in band]

    def at(time):
        moment = datetime.fromtimestamp(time, tz)
        found = [value for value, windows in named if any(holds(window, moment) for window in windows)]
        if len(found) > 1:
            raise Wrong(f"two bands hold at {moment}")
        if not found and not rest:
            raise Wrong(f"no band holds at {moment}")
        return (found or rest)[0]

    return at


def price_of_series(series):
    values, times, step = column(series["csv"], series["column"])
    factor = Fraction(series.get("factor", "1"))
    add = price(series["add"]) if "add" in series else Fraction(0)
    prices = {}
    for start, text in values.items():
        exact = per_watt_hour(Decimal(text), series["unit"]) * factor + add
        if "rounding" in series:
            exact = rounded(exact, Fraction(1, NANO), series["rounding"])
        prices[start] = exact

    def at(time):
        return prices.get(time - time % step)

    return at


def weights(line, tz, starts, interval):
    """The price of each slot, None where there is none: looked up at each of its quarter-hours."""
    if "price" in line:
        flat = price(line["price"])
        at = lambda _: flat
    else:
        at = price_of_bands(line["bands"], tz) if "bands" in line else price_of_series(line["series"])
    sign = -1 if line.get("credit") else 1
    found = []
    for start in starts:
        prices = {at(quarter) for quarter in range(start, start + interval, QUARTER)}
        if len(prices) > 1:
            raise Wrong(f"the price of {line['name']!r} changes within a slot")
        value = prices.pop()
        if value is not None and (value * NANO).denominator != 1:
            raise Wrong(f"a price of {line['name']!r} is finer than 10^-9 per Wh; give it a rounding")
        found.append(None if value is None else sign * value)
    return found


# --- The bill --------------------------------------------------------------------------------------------------------


def rounded(value, step, mode):
    """The multiple of `step` that a mode picks."""
    steps = value / step
    below = math.floor(steps)
    rest = steps - below
    if rest == 0:
        return below * step
    nearest = below if rest < Fraction(1, 2) else below + 1
    away, toward = (below + 1, below) if value > 0 else (below, below + 1)
    tie = rest == Fraction(1, 2)
    choice = {
        "floor": below,
        "ceiling": below + 1,
        "truncate": toward,
        "half-up": below + 1 if tie else nearest,
        "half-away": away if tie else nearest,
        "half-even": (below if below % 2 == 0 else below + 1) if tie else nearest,
    }[mode]
    return choice * step


def standing(amount, per, first, until):
    """A standing amount over local days; months and years in proportion to their days."""
    number, _, money = amount.partition(" ")
    rate = Fraction(number) * MONEY[money]
    if per == "bill":
        return rate
    days = (first + timedelta(n) for n in range((until - first).days))
    length = {
        "day": lambda day: 1,
        "month": lambda day: calendar.monthrange(day.year, day.month)[1],
        "year": lambda day: 366 if calendar.isleap(day.year) else 365,
    }[per]
    return sum((rate / length(day) for day in days), Fraction(0))


def settle(tariff, energy, first, until):
    """Every line and the total, from the exact sums of the energy lines."""
    lines = {}
    for line in tariff["lines"]:
        if line["kind"] == "energy":
            amount = energy[line["name"]]
        elif line["kind"] == "standing":
            amount = standing(line["amount"], line["per"], first, until)
        else:
            amount = sum(lines[name] for name in line["on"]) * Fraction(line["rate"]) / 100
        if "rounding" in line:
            amount = rounded(amount, Fraction(line["rounding"]["to"]), line["rounding"]["mode"])
        lines[line["name"]] = amount
    total = tariff.get("total", {"to": "0.01", "mode": "half-away"})
    fee = rounded(sum(lines.values()), Fraction(total["to"]), total["mode"])
    minor = fee * 10 ** tariff.get("exponent", 2)
    if minor.denominator != 1:
        raise Wrong("the total is not a whole number of minor units")
    return lines, int(minor)


def months(tz, begin, end):
    """Every local calendar month that shares a second with [begin, end)."""
    first = datetime.fromtimestamp(begin, tz).date().replace(day=1)
    last = datetime.fromtimestamp(end - 1, tz).date()
    while first <= last:
        until = (first + timedelta(days=32)).replace(day=1)
        yield first, until
        first = until


def midnight(day, tz):
    return int(datetime(day.year, day.month, day.day, tzinfo=tz).timestamp())


def usual_periods(tz, begin, end, measured):
    """The local months of a load. When none is measured throughout: also its whole local days, all of them as one
    period, and every run of measured ones.
    """
    found = list(months(tz, begin, end))
    if any(measured(midnight(first, tz), midnight(until, tz)) for first, until in found):
        return found
    first, until = (datetime.fromtimestamp(at, tz).date() for at in (begin, end))
    first += timedelta(days=midnight(first, tz) < begin)
    days = [first + timedelta(n) for n in range((until - first).days)]
    whole = [day for day in days if measured(midnight(day, tz), midnight(day + timedelta(1), tz))]
    runs = []
    for day in whole:
        if runs and runs[-1][1] == day:
            runs[-1] = runs[-1][0], day + timedelta(1)
        else:
            runs.append((day, day + timedelta(1)))
    return found + ([(first, until)] if days and runs != [(first, until)] else []) + runs


class Priced:
    """The prices of one line over all slots a job needs: whole numbers over one denominator."""

    def __init__(self, found):
        self.denominator = math.lcm(*(value.denominator for value in found if value is not None))
        self.numbers = [None if v is None else int(v * self.denominator) for v in found]

    def total(self, places, readings):
        return Fraction(sum(map(mul, self.numbers[places], readings)), self.denominator)


def compute(job):
    """The bills of a job, one after the other."""
    tz, load = zone(job["zone"]), job["load"]
    interval, years = load["interval_minutes"] * 60, load.get("shift_years", 0)
    meters = {
        name: {register: metered(load["csv"], col, interval, years) for register, col in registers.items()}
        for name, registers in job["meters"].items()
    }
    spans = [(begin, end) for registers in meters.values() for _, begin, end in registers.values()]
    begin, end = min(b for b, _ in spans), max(e for _, e in spans)
    if "periods" in job:
        periods = [tuple(map(date.fromisoformat, period)) for period in job["periods"]]
    else:
        rows = [slots for registers in meters.values() for slots, _, _ in registers.values()]
        measured = lambda a, b: all(at in slots for slots in rows for at in range(a, b, interval))
        periods = usual_periods(tz, begin, end, measured)
    bounds = [(midnight(first, tz), midnight(until, tz)) for first, until in periods]
    starts = sorted({at for a, b in bounds for at in range(a, b, interval)})
    for tariff in job["tariffs"]:
        priced = {
            line["name"]: (line["register"], Priced(weights(line, tz, starts, interval)))
            for line in tariff["lines"]
            if line["kind"] == "energy"
        }
        for name, registers in meters.items():
            for (first, until), (a, b) in zip(periods, bounds):
                places = slice(bisect.bisect_left(starts, a), bisect.bisect_left(starts, b))
                answer = bill(tariff, priced, registers, (first, until), starts[places], places)
                yield {"meter": name} | answer | {"from_unix": a, "until_unix": b}


def bill(tariff, priced, registers, period, slots, places):
    """One bill; without a fee when a slot has no measurement or no price."""
    used = {register for register, _ in priced.values()}
    readings = {register: [registers[register][0].get(at) for at in slots] for register in used}
    missing = {register: row.count(None) for register, row in readings.items()}
    covered = all(registers[r][1] <= slots[0] and slots[-1] < registers[r][2] for r in used)
    unpriced = max(line.numbers[places].count(None) for _, line in priced.values())
    answer = {
        "tariff": tariff["id"], "from": str(period[0]), "until": str(period[1]), "slots": len(slots) * len(used), "missing": missing,
        "covered": covered, "complete": not any(missing.values()), "unpriced": unpriced,
        "fee_minor": None, "lines": [],
    }  # fmt: skip
    if answer["complete"] and unpriced == 0:
        energy = {line: prices.total(places, readings[register]) for line, (register, prices) in priced.items()}
        lines, answer["fee_minor"] = settle(tariff, energy, *period)
        for line, amount in lines.items():
            nano = amount * NANO
            part = {"line": line, "nano": str(nano.numerator), "nano_denominator": str(nano.denominator)}
            answer["lines"].append(part | {"amount": str(amount)})
    return answer


def main(arguments):
    if arguments == ["--self-test"]:
        sys.dont_write_bytecode = True
        import bills_self_test

        return bills_self_test.run()
    if len(arguments) != 1 or arguments[0].startswith("--"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with sys.stdin if arguments[0] == "-" else open(arguments[0], encoding="utf-8") as file:
            job = json.load(file)
        for answer in compute(job):
            print(json.dumps(answer))
    except (Wrong, OSError, KeyError, ValueError) as error:
        print(f"bills.py: {type(error).__name__}: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
