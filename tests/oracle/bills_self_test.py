"""The oracle's own test: bills worked out by hand. Run with `python3 bills.py --self-test`."""

import tempfile
import traceback
from fractions import Fraction
from pathlib import Path

import bills

DAY = ["2013-01-01", "2013-01-02"]


def text(start, step, amounts):
    """A CSV file of one column from a UTC time on; None leaves the field empty."""
    rows = ["utc_start,wh"]
    for place, amount in enumerate(amounts):
        at = bills.datetime.fromtimestamp(bills.unix(start) + place * step, bills.timezone.utc)
        rows.append(f"{at:%Y-%m-%dT%H:%MZ},{'' if amount is None else amount}")
    return "\n".join(rows) + "\n"


def answers(folder, content, tariff, interval=60, zone="Europe/London", **more):
    """The bills of one small file under one tariff."""
    path = folder / f"{abs(hash((content, interval)))}.csv"
    path.write_text(content)
    load = {"csv": str(path), "interval_minutes": interval, "shift_years": more.pop("shift_years", 0)}
    tariff = {"id": "t"} | tariff
    job = {"zone": zone, "load": load, "meters": {"m": {"import": "wh"}}, "tariffs": [tariff]} | more
    return list(bills.compute(job))


def energy(**keys):
    return {"name": "Energy", "kind": "energy", "register": "import"} | keys


def amounts(answer):
    return {line["line"]: Fraction(line["amount"]) for line in answer["lines"]}


def same(got, expected):
    assert got == expected, f"{got!r} is not {expected!r}"


def test_flat_with_standing_charge_and_vat(folder):
    # 24 hours of 100 Wh: 2.4 kWh at 24.37 p are 58.488 p; a day 22.5 p; 5 % of 80.988 p are 4.0494 p: 85.0374 p.
    lines = [
        energy(price="24.37 p/kWh"),
        {"name": "Standing", "kind": "standing", "amount": "22.5 p", "per": "day"},
        {"name": "VAT", "kind": "tax", "rate": "5", "on": ["Energy", "Standing"]},
    ]
    (answer,) = answers(folder, text("2013-01-01T00:00Z", 3600, [100] * 24), {"lines": lines}, periods=[DAY])
    parts = {"Energy": Fraction(58488, 100000), "Standing": Fraction(225, 1000), "VAT": Fraction(40494, 1000000)}
    same(amounts(answer), parts)
    same((answer["fee_minor"], answer["slots"], answer["lines"][0]["nano"]), (85, 24, "584880000"))
    # With the tax rounded up to whole pence first: 58.488 + 22.5 + 5 = 85.988 p.
    lines[2]["rounding"] = {"to": "0.01", "mode": "ceiling"}
    (answer,) = answers(folder, text("2013-01-01T00:00Z", 3600, [100] * 24), {"lines": lines}, periods=[DAY])
    same((amounts(answer)["VAT"], answer["fee_minor"]), (Fraction(5, 100), 86))
    # To five pence: 85.
    tariff = {"lines": lines, "total": {"to": "0.05", "mode": "half-away"}}
    (answer,) = answers(folder, text("2013-01-01T00:00Z", 3600, [100] * 24), tariff, periods=[DAY])
    same(answer["fee_minor"], 85)


def test_days_when_clocks_change(folder):
    # A kWh each half-hour; the night from 23:00 to 07:00 has 7 hours in spring and 9 in autumn, the day always 16.
    windows = [{"from": "23:00", "to": "07:00"}]
    bands = [{"price": "10 p/kWh", "windows": windows}, {"price": "20 p/kWh"}]
    for start, period, slots, fee in [
        ("2013-03-31T00:00Z", ["2013-03-31", "2013-04-01"], 46, 14 * 10 + 32 * 20),
        ("2013-10-26T23:00Z", ["2013-10-27", "2013-10-28"], 50, 18 * 10 + 32 * 20),
        ("2013-01-01T00:00Z", DAY, 48, 16 * 10 + 32 * 20),
    ]:
        file = text(start, 1800, [1000] * slots)
        (answer,) = answers(folder, file, {"lines": [energy(bands=bands)]}, 30, periods=[period])
        same((answer["slots"], answer["complete"], answer["covered"]), (slots, True, True))
        same(answer["fee_minor"], fee)
    # Sydney's autumn is in April: 8 to 22 local are 14 hours, the rest of 7 April 2013 11 hours.
    bands = [{"price": "30 c/kWh", "windows": [{"from": "08:00", "to": "22:00", "days": [6]}]}, {"price": "10 c/kWh"}]
    file = text("2013-04-06T13:00Z", 3600, [1000] * 25)
    period = ["2013-04-07", "2013-04-08"]
    (answer,) = answers(folder, file, {"lines": [energy(bands=bands)]}, zone="Australia/Sydney", periods=[period])
    same((answer["slots"], answer["fee_minor"]), (25, 14 * 30 + 11 * 10))


def test_the_meter_shows_whole_watt_hours(folder):
    # Totals 0.6 1.2 1.8 2.4 show 0 1 1 2; what a missing slot counted is lost, the remainder is carried over it.
    path = folder / "decimals.csv"
    for column, expected in [
        (["0.6"] * 4, [0, 1, 0, 1]),
        (["0.6", None, "0.6", "1"], [0, None, 1, 1]),
        (["0.9999", "0.0001", "2.5", "0.5"], [0, 1, 2, 1]),
    ]:
        bills.table.cache_clear(), bills.metered.cache_clear()
        path.write_text(text("2013-01-01T00:00Z", 1800, column))
        slots, begin, end = bills.metered(str(path), "wh", 1800, 0)
        same([slots.get(begin + 1800 * n) for n in range(4)], expected)
        same(end - begin, 4 * 1800)
    # Minutes make slots only where all of them are there: from 00:20 the first whole half-hour begins at 00:30.
    bills.table.cache_clear(), bills.metered.cache_clear()
    path.write_text(text("2013-01-01T00:20Z", 60, ["1.5"] * 10 + ["2.1"] * 30 + ["1.1"] * 29))
    slots, begin, end = bills.metered(str(path), "wh", 1800, 0)
    same((slots, end - begin), ({bills.unix("2013-01-01T00:30Z"): 63}, 1800))


def test_prices_of_a_series_and_moved_years(folder):
    prices = folder / "prices.csv"
    prices.write_text("utc_start,eur\n2024-02-29T23:00Z,80\n2024-03-01T00:00Z,-20\n2024-03-01T01:00Z,\n")
    series = {"csv": str(prices), "column": "eur", "unit": "EUR/MWh", "factor": "1.1", "add": "2 c/kWh"}
    tariff = {"lines": [energy(series=series)]}
    file = text("2013-02-28T22:00Z", 1800, [500] * 100)
    with_zone = {"zone": "Europe/Brussels", "shift_years": 11, "periods": [["2024-03-01", "2024-03-02"]]}
    (answer,) = answers(folder, file, tariff, 30, **with_zone)
    # The day begins at 23:00 UTC on 29 February, which the load does not have: 2 of 48 half-hours.
    same((answer["missing"], answer["covered"], answer["unpriced"]), ({"import": 2}, True, 44))
    same(answer["fee_minor"], None)
    at = bills.price_of_series(series)
    same(at(bills.unix("2024-02-29T23:45Z")), Fraction(108, 10**6))
    same(at(bills.unix("2024-03-01T00:15Z")), Fraction(-2, 10**6))
    same(at(bills.unix("2024-03-01T01:00Z")), None)
    fine = bills.price_of_series(series | {"factor": "1.00001", "rounding": "half-even"})
    same(fine(bills.unix("2024-02-29T23:00Z")), Fraction(100_001, 10**9))
    try:
        bills.shifted(bills.unix("2024-02-29T12:00Z"), 1)
        raise AssertionError("29 February 2025 was made")
    except bills.Wrong:
        pass


def test_roundings(_):
    modes = {
        "half-even": [-2, -2, 0, 0, 2, 2],
        "half-away": [-3, -2, -1, 1, 2, 3],
        "half-up": [-2, -1, 0, 1, 2, 3],
        "floor": [-3, -2, -1, 0, 1, 2],
        "ceiling": [-2, -1, 0, 1, 2, 3],
        "truncate": [-2, -1, 0, 0, 1, 2],
    }
    for mode, expected in modes.items():
        same([bills.rounded(Fraction(n, 2), Fraction(1), mode) for n in (-5, -3, -1, 1, 3, 5)], expected)
        same(bills.rounded(Fraction(7), Fraction(1), mode), 7)
    same(bills.rounded(Fraction("12.325"), Fraction("0.05"), "half-even"), Fraction("12.30"))
    same(bills.rounded(Fraction("-0.6"), Fraction(1), "half-up"), -1)


def test_standing_amounts(_):
    first, until = bills.date(2024, 2, 20), bills.date(2024, 3, 11)
    amount = lambda per: bills.standing("29 EUR", per, first, until)
    same((amount("day"), amount("bill")), (580, 29))
    same(amount("month"), 10 + Fraction(29 * 10, 31))
    same(amount("year"), Fraction(29 * 20, 366))


def test_credit(folder):
    # 24 kWh sold at 1.25 c: 30 c to the household; a line rounded to 20 c is a tie that goes to 40, 20, 40.
    for mode, cents in [("half-away", -40), ("half-up", -20), ("half-even", -40), ("floor", -40), ("truncate", -20)]:
        line = energy(price="1.25 c/kWh", credit=True, rounding={"to": "0.20", "mode": mode})
        file = text("2013-01-01T00:00Z", 3600, [1000] * 24)
        (answer,) = answers(folder, file, {"lines": [line]}, periods=[DAY])
        same(answer["fee_minor"], cents)


def test_months_that_are_not_whole(folder):
    # 31 January to 3 March; March has an hour less, and one of its three days is short of another.
    hours = [1] * (24 * 32)
    hours[30 * 24] = None
    tariff = {"lines": [energy(price="1 p/kWh")]}
    found = answers(folder, text("2013-01-31T00:00Z", 3600, hours), tariff)
    same([(a["from"], a["covered"], a["missing"]["import"]) for a in found], [
        ("2013-01-01", False, 30 * 24), ("2013-02-01", True, 0), ("2013-03-01", False, (31 - 3) * 24 - 1 + 1),
    ])  # fmt: skip
    # Less than a month: the whole days between two noons too, and the runs of those that lack nothing.
    hours = [1] * (24 * 5)
    for lost, runs in [(None, []), (40, [("2013-05-11", "2013-05-12"), ("2013-05-13", "2013-05-15")])]:
        if lost is not None:
            hours[lost] = None
        found = answers(folder, text("2013-05-10T12:00Z", 3600, hours), tariff)
        expected = [("2013-05-01", "2013-06-01", False), ("2013-05-11", "2013-05-15", True)]
        same([(a["from"], a["until"], a["covered"]) for a in found], expected + [(*run, True) for run in runs])


def run():
    """Runs every test and says which failed."""
    failed = 0
    tests = {name: test for name, test in globals().items() if name.startswith("test_")}
    for name, test in tests.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(Path(folder))
            except Exception:  # a broken test must not hide the others
                failed += 1
                print(f"FAILED {name}\n{traceback.format_exc()}")
    print(f"oracle: {len(tests) - failed} of {len(tests)} hand-computed tests hold")
    return 1 if failed else 0
