"""The arguments of a flow run as they are kept for a resume, and what is never kept of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.errors import ResultError, ResumeError
from headrace.previews import MASK, preview_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from headrace.flows import Flow
    from headrace.history.reader import Reader, Run


KeptArguments = tuple[dict[str, Any], list[str]]
"""What is kept of arguments, and the names of those that have to be given again."""


def arguments_to_keep(
    flow: Flow[Any, Any], arguments: dict[str, Any], shown: Mapping[str, Any], preview: str
) -> KeptArguments:
    """What a resume calls the flow with.

    ``shown`` are the arguments as they may be shown, ``preview`` what is shown of them: what is masked there is left out,
    and has to be given again unless it is the parameter's default.
    """
    withheld: list[str] = []
    if MASK in preview:
        withheld = [name for name in arguments if MASK in preview_arguments((), (), {name: shown[name]})]
    kept = {name: value for name, value in arguments.items() if name not in withheld}
    defaults = flow.parameters.defaults() if withheld else {}
    lacking = [name for name in withheld if arguments[name] is not defaults.get(name, _NOTHING)]
    return kept, lacking


_NOTHING = object()


def recall_arguments(
    reader: Reader,
    run: Run,
    flow: Flow[Any, Any],
    given: Mapping[str, Any],
    main: ModuleType | None,
    *,
    prefers_kept: bool,
) -> dict[str, Any]:
    """What the flow was called with, ``given`` in the place of what is given again.

    ``prefers_kept``: what is given only fills what is lacking. Raises ``ResumeError`` if something is lacking, and says what.
    """
    kept: dict[str, Any] = {}
    withheld: list[str] = []
    stored = reader.arguments(run)
    problem = None
    if stored is not None:
        try:
            kept, withheld = stored.load(main=main)
        except ResultError as error:
            problem = str(error)
    elif run.parameters is not None:
        withheld = list(flow.parameters.signature().parameters)
        problem = (
            "they cannot be pickled, or are larger than 1 MiB and the flow does not say persist_result=True"
        )
    lacking = [name for name in withheld if name not in given]
    if not lacking:
        told = {**given, **kept} if prefers_kept else {**kept, **given}
        names = list(flow.parameters.signature().parameters)
        told = {**flow.parameters.defaults(), **told}
        return {
            **{name: told[name] for name in names if name in told},
            **told,
        }  # in the order that the flow gives them
    listed = ", ".join(lacking)
    why = "secrets are never written" if problem is None else f"the arguments are not stored: {problem}"
    raise ResumeError(
        f"Flow run {run.name!r} ({run.id}) cannot be resumed without {listed}: {why}. Give what is missing."
    )
