"""Texts for terminals: safe, as wide as they say, and times as people read them."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given, strategies as st

from headrace.cli.failure_text import headline, last_lines, place
from headrace.cli.lines import Span, between, fit, plain, width_of, wrapped
from headrace.cli.region import Region
from headrace.cli.safe_text import cells, clip, pad, safe, safe_lines
from headrace.cli.screen import Screen
from headrace.cli.signs import ASCII, UNICODE, glyphs_for, look_of
from headrace.cli.times import ago, iso, parse_since
from headrace.clock import duration
from headrace.engine.states import StateName
from headrace.history.reader import FailureView

TEXTS = st.text(st.characters(exclude_categories=()))


@given(TEXTS)
def test_no_text_steers_a_terminal(text: str) -> None:
    result = safe(text)

    assert all(unicodedata.category(character) not in ("Cc", "Cf", "Cs") for character in result)
    assert "\n" not in result


@given(TEXTS)
def test_lines_stay_lines(text: str) -> None:
    assert all(safe(line) == line for line in safe_lines(text).split("\n"))


@given(TEXTS.map(safe), st.integers(0, 30))
def test_a_clipped_text_is_no_wider_than_asked(text: str, width: int) -> None:
    assert cells(clip(text, width)) <= width
    assert cells(pad(text, width)) == width


def test_plain_text_is_left_alone() -> None:
    assert safe("naïve 界 (1 %) ✓") == "naïve 界 (1 %) ✓"


@given(st.lists(TEXTS.map(safe).map(Span), max_size=5), st.integers(0, 40))
def test_a_line_fits(line: list[Span], width: int) -> None:
    assert width_of(fit(line, width)) <= width


def test_two_sides_of_a_line() -> None:
    assert plain(between([Span("left")], [Span("right")], 12)) == "left   right"
    assert plain(between([Span("a long left side")], [Span("right")], 12)) == "a lon… right"


@pytest.mark.parametrize(
    ("microseconds", "expected"),
    [
        (30_960, "31.0 ms"),
        (99_960, "100 ms"),
        (0, "0 µs"),
        (999, "999 µs"),
        (9_940, "9.9 ms"),
        (999_400, "999 ms"),
        (999_600, "1.00 s"),
        (59_900_000, "59.9 s"),
        (59_960_000, "1 min 00 s"),
        (3_600_000_000, "1 h 00 min"),
        (90_000_000_000, "1 d 1 h"),
    ],
)
def test_durations(microseconds: int, expected: str) -> None:
    assert duration(microseconds) == expected


def test_ages() -> None:
    assert [ago(0, seconds * 1_000_000) for seconds in (0, 5, 65, 3700, 90_000)] == [
        "just now", "5 s ago", "1 min ago", "1 h ago", "1 d ago",
    ]  # fmt: skip


def test_since() -> None:
    hour = 3_600_000_000

    assert parse_since("1h", hour) == 0
    assert parse_since("30m", hour) == hour // 2
    assert iso(parse_since("2026-03-01T12:00:00+00:00", 0)) == "2026-03-01T12:00:00.000000Z"
    for text in ("", "h", "1y", "tomorrow", "-1h"):
        with pytest.raises(ValueError, match=r".*"):
            parse_since(text, 0)


def test_every_state_has_a_look_that_differs_without_colour() -> None:
    ends = [name for name in StateName if name.type.is_terminal]

    assert all(look_of(name.value) for name in StateName)
    assert len({look_of(name.value).sign for name in ends}) >= 4
    assert all(look_of(name.value).ascii_sign.isascii() for name in StateName)


def test_glyphs_are_those_that_the_encoding_has() -> None:
    assert glyphs_for("utf-8") is UNICODE
    assert glyphs_for("ascii") is ASCII
    assert glyphs_for("latin-1") is ASCII
    assert glyphs_for(None) is ASCII


def test_what_the_encoding_has_not_is_escaped() -> None:
    buffer = io.BytesIO()
    screen = Screen(io.TextIOWrapper(buffer, encoding="ascii"))
    screen.print([[Span("界", "bold")]])

    assert buffer.getvalue() == rb"\u754c" + b"\n"


TRACEBACK = """Traceback (most recent call last):
  File "/a/flows.py", line 3, in outer
    inner()
    ~~~~~^^
  File "/a/flows.py", line 7, in inner
    raise ValueError("a
b")
ValueError: a
b
"""


def test_a_failure_is_told_in_few_lines() -> None:
    failure = FailureView("ValueError", "a\nb", TRACEBACK)

    assert headline(failure) == "ValueError: a b"
    assert place(failure) == "/a/flows.py:7 in inner"
    assert last_lines(failure, 3) == ['  File "/a/flows.py", line 7, in inner', '    raise ValueError("a']
    assert last_lines(failure, 9)[0] == '  File "/a/flows.py", line 3, in outer'


def test_where_an_installed_package_raised_the_user_s_own_line_is_told() -> None:
    library = "/venv/lib/python3.11/site-packages/pandas/core.py"
    frames = [("/a/flows.py", "load"), *[(library, f"deep_{number}") for number in range(5)]]
    lines = [f'  File "{file}", line 7, in {function}\n    call()\n' for file, function in frames]
    failure = FailureView(
        "KeyError", "'x'", f"Traceback (most recent call last):\n{''.join(lines)}KeyError: 'x'\n"
    )

    assert place(failure) == "/a/flows.py:7 in load"
    assert last_lines(failure, 4) == [
        '  File "/a/flows.py", line 7, in load',
        "    call()",
        "  ...",
        f'  File "{library}", line 7, in deep_3',
        "    call()",
        f'  File "{library}", line 7, in deep_4',
        "    call()",
    ]


def test_a_failure_without_frames_is_told_by_its_message() -> None:
    failure = FailureView("KeyError", "", "KeyError\n")

    assert (headline(failure), place(failure), last_lines(failure, 5)) == ("KeyError", None, [])


# The region -----------------------------------------------------------------------------------------


def test_a_region_is_drawn_over_itself() -> None:
    terminal = io.StringIO()
    region = Region(terminal)
    region.draw(["one", "two"])
    region.draw(["three"])

    assert terminal.getvalue() == "\rone\x1b[K\ntwo\x1b[K\x1b[J" + "\r\x1b[1Athree\x1b[K\x1b[J"


def test_what_is_written_stands_above_the_region() -> None:
    terminal = io.StringIO()
    region = Region(terminal)
    region.draw(["one", "two"])
    region.say(["told"])

    assert terminal.getvalue().endswith("\r\x1b[1A\r\x1b[Jtold\n\rone\x1b[K\ntwo\x1b[K\x1b[J")


def test_what_is_written_faster_than_one_can_see_is_not_held_up_by_drawing() -> None:
    terminal = io.StringIO()
    region = Region(terminal)
    region.draw(["view"])
    for _ in range(1000):
        region.write(terminal, "line\n")

    assert terminal.getvalue().count("view") < 50
    region.draw(["view"])
    assert terminal.getvalue().endswith("line\n\rview\x1b[K\x1b[J")


def test_a_region_that_a_narrower_terminal_has_wrapped_is_taken_away_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = io.StringIO()
    region = Region(terminal)
    monkeypatch.setenv("COLUMNS", "40")
    region.draw(["\x1b[1m" + "x" * 39 + "\x1b[0m", "y"])
    monkeypatch.setenv("COLUMNS", "20")
    region.say(["told"])

    assert terminal.getvalue().endswith(
        "\r\x1b[2A\r\x1b[Jtold\n"
    )  # three rows, and not drawn again as they were
    region.draw(["z"])
    assert terminal.getvalue().endswith("\rz\x1b[K\x1b[J")


def test_nothing_is_drawn_over_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    asked: list[object] = []

    def answers(prompt: object) -> str:
        asked.append(prompt)
        region.draw(["late"])
        return "Ada"

    monkeypatch.setattr("builtins.input", answers)
    with Region(terminal) as region:
        region.draw(["view"])
        assert input("your name? ") == "Ada"
        assert asked == ["your name? "]
        assert terminal.getvalue().endswith("view\x1b[K\x1b[J\r\r\x1b[J")
        region.draw(["after"])
        assert "after" in terminal.getvalue()
    assert input is answers


def test_lines_are_broken_between_their_spans() -> None:
    line = [Span("See it: "), Span("headrace runs show"), Span(" now")]

    assert [plain(part) for part in wrapped(line, 80, indent=2)] == ["See it: headrace runs show now"]
    assert [plain(part) for part in wrapped(line, 20, indent=2)] == [
        "See it:",
        "  headrace runs show",
        "  now",
    ]


def test_below_an_open_line_nothing_is_drawn() -> None:
    terminal = io.StringIO()
    region = Region(terminal)
    region.write(terminal, "your name? ")
    region.draw(["one"])
    assert terminal.getvalue() == "your name? "

    region.write(terminal, "Ada\n")
    assert terminal.getvalue().endswith("Ada\n\rone\x1b[K\x1b[J")


def test_a_closed_region_draws_no_more() -> None:
    terminal = io.StringIO()
    with Region(terminal) as region:
        region.draw(["one"])
    region.draw(["two"])

    assert "two" not in terminal.getvalue()
