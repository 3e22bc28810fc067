"""SHOW: the ``headrace`` command. It runs flows and reads the history; the engine knows nothing of it.

Everything is imported by the command that needs it: ``headrace version`` loads neither SQLite nor a drawing library.
"""

from __future__ import annotations


def main() -> None:
    """The console script. Ends the process with the command's exit code."""
    import sys

    if sys.argv[1:] in (["version"], ["--version"]):  # the parser alone takes several times what Python takes
        from headrace import __version__
        from headrace.cli.closed_pipe import answer

        answer(f"headrace {__version__}")
        return
    from headrace.cli.program import program

    program.main(prog_name="headrace")
