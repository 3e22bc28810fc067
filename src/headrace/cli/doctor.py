"""``headrace doctor``: is everything all right here, and if not, what is to be done?"""

from __future__ import annotations

import click

from headrace.cli import screen
from headrace.cli.as_json import print_json
from headrace.cli.lines import Line, Span
from headrace.cli.safe_text import cells, pad, safe


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def doctor(*, as_json: bool) -> int:
    """Examine the installation, the settings and the history.

    Changes nothing. The exit code is 1 if there is a problem.
    """
    from headrace.cli.examination import examine

    report = examine()
    if as_json:
        found = {
            section.title: [
                {"subject": finding.subject, "value": finding.value} for finding in section.findings
            ]
            for section in report.sections
        }
        print_json({"sections": found, "problems": report.problems})
        return 1 if report.problems else 0
    output = screen.stdout()
    lines: list[Line] = []
    widest = max([cells(finding.subject) for section in report.sections for finding in section.findings])
    for section in report.sections:
        lines.append([Span(section.title, "bold")])
        for subject, value in section.findings:
            lines.append([Span(f"  {pad(safe(subject), widest)}  ", "dim"), Span(safe(value))])
    if report.problems:
        lines.append([Span("Problems", "bold red")])
        sign = output.glyphs.sign("Failed")
        lines += [[Span(f"  {sign} ", "red"), Span(safe(problem))] for problem in report.problems]
    else:
        lines.append([Span(f"{output.glyphs.sign('Completed')} No problems found.", "green")])
    output.print(lines)
    return 1 if report.problems else 0
