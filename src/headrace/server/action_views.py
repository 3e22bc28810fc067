"""What actions are asked with and what they answer, as frozen dataclasses, like the views of the API.

Annotations are read when the document is made and when a body comes in, so they stand here as values.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

FieldKind = Literal["text", "number", "integer", "boolean", "choice", "json", "secret"]


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter of a flow. ``default``, ``value``, ``shown`` and each of ``choices`` are JSON text.

    ``value`` is what the recorded run had. Where the history does not tell that wholly it is ``None``, and ``shown`` is what
    it does tell: left out, the default counts.
    """

    name: str
    kind: FieldKind
    annotation: str | None
    is_required: bool
    default: str | None
    value: str | None
    shown: str | None
    choices: list[str] | None


@dataclass(frozen=True, slots=True)
class Form:
    """What to ask before a flow runs again; ``why_not`` says why it cannot."""

    flow: str
    fields: list[Field]
    can_run: bool
    why_not: str | None


@dataclass(frozen=True, slots=True)
class Launch:
    """A process that the server started. ``run`` is the flow run in it, once that has begun; ``output`` its last words."""

    id: int
    run: str | None
    kind: Literal["resume", "run_again"]
    state: Literal["running", "ended"]
    exit_code: int | None
    output: str


@dataclass(frozen=True, slots=True)
class Cancelling:
    """Which runs to cancel, and the reason that the history is to tell."""

    ids: list[str]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The runs that were asked to stop, and those that had ended before."""

    asked: list[str]
    ended: list[str]


@dataclass(frozen=True, slots=True)
class Deleting:
    """Which runs to delete with all that belongs to them. One that has not ended stays, unless ``include_unfinished``."""

    ids: list[str]
    include_unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Deleted:
    """The runs that are gone, subflows among them, and those that stay because they have not ended."""

    deleted: list[str]
    unfinished: list[str]


@dataclass(frozen=True, slots=True)
class Resuming:
    """``rerun`` names task runs that run again though they completed: ``"task"``, or ``"task[3]"``.

    ``parameters`` take the place of recorded ones, and are needed for secrets. ``take_over`` takes the run from a process
    that is there, but silent.
    """

    rerun: list[str] = field(default_factory=list)
    take_over: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetryingFailed:
    """``parameters`` take the place of recorded ones, and are needed for secrets."""

    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunningAgain:
    """All parameters that the flow is to have; for one that is left out its default counts."""

    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answering:
    """The answer to a question: a value of the type that it asks for, or one of its choices."""

    prompt: str
    occurrence: int
    value: bool | int | float | str


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer is recorded."""
