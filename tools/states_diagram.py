"""Write the states and their changes, as `headrace.engine.states` has them, into docs/semantics.md.

    python tools/states_diagram.py

Replaces what stands between the two markers of that page. A test compares the page with the table.
"""

from __future__ import annotations

import re
from pathlib import Path

from headrace.engine.states import TRANSITIONS, TYPE_OF, StateName, StateType

PAGE = Path(__file__).resolve().parent.parent / "docs" / "semantics.md"
BEGIN = "<!-- states: made by tools/states_diagram.py -->"
END = "<!-- end of states -->"


def main() -> None:
    """Bring the page up to date."""
    PAGE.write_text(updated(PAGE.read_text("utf-8")), "utf-8")


def updated(page: str) -> str:
    """The page with the present states between its markers."""
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    states = f"{BEGIN}\n\n{table()}\n\n{diagram()}\n\n{END}"
    text, count = between.subn(lambda _: states, page)
    if count != 1:
        raise SystemExit(f"{PAGE} has {count} places for the states, not one: {BEGIN} ... {END}")
    return text


def table() -> str:
    """Every type with its names, as a Markdown table."""
    rows = []
    for state_type in StateType:
        names = ", ".join(name.value for name in StateName if TYPE_OF[name] is state_type)
        rows.append(f"| {state_type.value} | {names} | {'ended' if state_type.is_terminal else ''} |")
    return "\n".join(["| type | names | |", "|---|---|---|", *rows])


def diagram() -> str:
    """Every change, as a Mermaid flowchart. What may follow each live state is drawn once, from the frame of them all."""
    live = [name for name in StateName if not name.type.is_terminal]
    after_any = frozenset.intersection(*(TRANSITIONS[name] for name in live))
    lines = ["```mermaid", "flowchart LR", '    subgraph live["not ended"]', "        direction LR"]
    lines += [f"        {name.value}" for name in live]
    lines.append("    end")
    for name in live:
        lines += [
            f"    {name.value} --> {later.value}"
            for later in StateName
            if later in TRANSITIONS[name] and later not in after_any
        ]
    lines += [f"    live --> {later.value}" for later in StateName if later in after_any]
    return "\n".join([*lines, "```"])


if __name__ == "__main__":
    main()
