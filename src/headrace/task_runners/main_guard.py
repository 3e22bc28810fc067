"""Whether a script keeps its flow from being run again by each process that it starts.

A process that Python *spawns* first imports the script of the process that started it. What stands below
``if __name__ == "__main__":`` is left out then; a flow that is called outside of it would begin anew in every process.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, NamedTuple

from headrace.errors import MissingMainGuardError

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable
    from types import FrameType, ModuleType

_ASKED_BY_GUARDS = frozenset({"__name__", "current_process", "parent_process"})
_LONGEST_STATEMENT = 100


class UnguardedCall(NamedTuple):
    """The statement of a script that all processes which it starts would execute again; ``line`` counts from 1."""

    file: str
    line: int
    statement: str


def require_main_guard(starter: str, *, if_: Callable[[], bool]) -> None:
    """Raise ``MissingMainGuardError`` if spawned processes would call again what is called here.

    ``starter`` is what starts the processes; ``if_``, whether it will do so, is only asked where the guard is missing.
    """
    call = find_unguarded_call()
    if (call is not None or is_imported_again()) and if_():
        raise MissingMainGuardError(_how_to_mend(starter, call))
    if _is_typed_in() and if_():
        raise MissingMainGuardError(
            f"{starter} starts worker processes, which import the script that called the flow, and this one came by"
            f" standard input: save it as a file, and run that"
        )


def find_unguarded_call() -> UnguardedCall | None:
    """The statement of the script that the main thread executes, if spawned processes would do so, too.

    ``None`` also where they import no script, as those of a notebook, and where it cannot be found out.
    """
    main = sys.modules.get("__mp_main__" if is_imported_again() else "__main__")
    file = _file_imported_again(main)
    if file is None:
        return None
    line = _current_line(vars(main), os.path.basename(file))
    return None if line is None else _read_unguarded(file, line)


def is_imported_again() -> bool:
    """Whether this process was spawned, and is importing the script now."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and getattr(process.current_process(), "_inheriting", False)


def require_imported(task_name: str, module_name: str) -> None:
    """Raise ``MissingMainGuardError`` if that module is being imported at this moment: so it called the flow itself.

    Each worker would import it, too. To send anything of it would wait for the import, which waits for the flow.
    """
    spec = getattr(sys.modules.get(module_name), "__spec__", None)
    if getattr(spec, "_initializing", False):
        raise MissingMainGuardError(
            f"task {task_name!r} is called while its module {module_name!r} is imported, and each worker process imports"
            f' that. Put the call of the flow below `if __name__ == "__main__":`'
        )


def _how_to_mend(starter: str, call: UnguardedCall | None) -> str:
    place = "" if call is None else f" ({call.file}, line {call.line})"
    statement = "..." if call is None else call.statement
    return (
        f"{starter} starts worker processes, and each of them imports this script, so that the call of the flow"
        f"{place} would be executed again in every one. Put it below these words, which they leave out:\n\n"
        f'if __name__ == "__main__":\n    {statement}\n'
    )


# -- where the main thread is --------------------------------------------------------------------


def _file_imported_again(main: ModuleType | None) -> str | None:
    """The script, unless multiprocessing leaves it out: it does so with packages that are run, and with IPython."""
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        is_left_out = spec.name == "__main__" or spec.name.endswith(".__main__")
        return None if is_left_out else spec.origin
    file: str | None = getattr(main, "__file__", None)
    is_left_out = file is None or os.path.splitext(os.path.basename(file))[0] == "ipython"
    return None if is_left_out else file


def _is_typed_in() -> bool:
    """Whether multiprocessing takes ``<stdin>`` for a file."""
    file = _file_imported_again(sys.modules.get("__main__"))
    return file is not None and file.startswith("<")


def _current_line(script_globals: dict[str, object], file_name: str) -> int | None:
    """The line of the script that the main thread executes."""
    frame: FrameType | None = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        code = frame.f_code
        is_of_script = frame.f_globals is script_globals and code.co_name == "<module>"
        if is_of_script and os.path.basename(code.co_filename) == file_name:
            return frame.f_lineno
        frame = frame.f_back
    return None


# -- what stands there ---------------------------------------------------------------------------


def _read_unguarded(file: str, line: int) -> UnguardedCall | None:
    import ast

    try:
        with open(file, "rb") as script:
            source = script.read()
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return None
    if any(isinstance(node, ast.If) and _guards(node, line) for node in ast.walk(tree)):
        return None
    around = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and _holds(node, line)]
    if not around:
        return None
    innermost = around[-1]  # ast.walk goes from the outside to the inside
    first_line = source.splitlines()[innermost.lineno - 1].decode(errors="replace").strip()
    is_whole = innermost.end_lineno == innermost.lineno and len(first_line) <= _LONGEST_STATEMENT
    shown = first_line if is_whole else f"{first_line[:_LONGEST_STATEMENT]} ..."
    return UnguardedCall(file, innermost.lineno, shown)


def _guards(condition: ast.If, line: int) -> bool:
    """Whether what stands in that line depends on which process this is."""
    import ast

    asked = {getattr(node, "id", getattr(node, "attr", None)) for node in ast.walk(condition.test)}
    return not asked.isdisjoint(_ASKED_BY_GUARDS) and any(_holds(node, line) for node in condition.body)


def _holds(statement: ast.stmt, line: int) -> bool:
    return statement.lineno <= line <= (statement.end_lineno or statement.lineno)
