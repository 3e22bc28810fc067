"""Lines of styled text: what drawings are made of before anyone knows whether there is a terminal."""

from __future__ import annotations

from typing import NamedTuple

from headrace.cli.safe_text import cells, clip


class Span(NamedTuple):
    """Some text in one style, such as ``"bold red"``. The text is safe to print."""

    text: str
    style: str = ""


Line = list[Span]


def plain(line: Line) -> str:
    """The text alone."""
    return "".join([span.text for span in line]).rstrip()


def width_of(line: Line) -> int:
    """How many columns it takes."""
    return sum([cells(span.text) for span in line])


def fit(line: Line, width: int) -> Line:
    """The line, cut off where it gets wider than ``width``.

    >>> fit([Span("kingfisher"), Span("!")], 5)
    [Span(text='king…', style='')]
    """
    if width_of(line) <= width:
        return line
    fitted: Line = []
    left = width
    for span in line:
        taken = cells(span.text)
        if taken >= left:
            cut = clip(span.text, left) if taken > left else clip(span.text + " ", left)
            fitted.append(Span(cut, span.style))
            break
        fitted.append(span)
        left -= taken
    return fitted


def between(left: Line, right: Line, width: int) -> Line:
    """One text at each side, ``left`` cut if need be."""
    room = width - width_of(right) - 1
    left = fit(left, max(room, 0))
    return [*left, Span(" " * max(width - width_of(left) - width_of(right), 1)), *right]


def wrapped(line: Line, width: int, *, indent: int) -> list[Line]:
    """The line in as many lines as it takes, broken between spans; those after the first begin with spaces.

    >>> wrapped([Span("king"), Span("  fisher")], 8, indent=1)
    [[Span(text='king', style='')], [Span(text=' fisher', style='')]]
    """
    lines: list[Line] = [[]]
    for span in line:
        if lines[-1] and width_of([*lines[-1], span]) > width:
            lines.append([Span(" " * indent + span.text.lstrip(), span.style)])
        else:
            lines[-1].append(span)
    return lines
