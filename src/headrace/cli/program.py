"""The root of the commands, and how each of them ends: one clear line on stderr, one exit code.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted; ``headrace run`` passes a flow's own on.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from headrace import __version__
from headrace.cli.closed_pipe import let_go_of_a_closed_pipe
from headrace.cli.lazy_group import LazyCommand, LazyGroup
from headrace.cli.safe_text import safe_lines
from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

INTERRUPTED = 130


class Program(LazyGroup):
    """The root group. Nothing that goes wrong in it shows a traceback, unless it is a defect of Headrace."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        **extra: Any,
    ) -> Any:
        """Runs a command and ends the process; outside of ``standalone_mode`` gives back what it gave."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            _end(self._run(args, prog_name, complete_var, extra))
        except SystemExit:
            let_go_of_a_closed_pipe()
            raise

    def _run(
        self, args: Sequence[str] | None, prog_name: str | None, complete_var: str | None, extra: Any
    ) -> int:
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.UsageError as error:
            return complain(f"{_sentence(error.format_message())}{_where_to_look(error)}", code=2)
        except click.ClickException as error:
            return complain(_sentence(error.format_message()), code=error.exit_code)
        except click.Abort:
            return INTERRUPTED
        except HeadraceError as error:
            return complain(str(error))
        except Exception as error:
            if type(error).__module__ != "sqlite3":  # which few commands load
                raise
            return complain(_of_the_history(error))
        return code if isinstance(code, int) else 0


def complain(message: str, *, code: int = 1) -> int:
    """Says what went wrong on stderr, and gives the exit code back."""
    click.echo(f"headrace: {safe_lines(message)}", err=True)
    return code


def _end(code: int) -> NoReturn:
    sys.stdout.flush()
    sys.exit(code)


def _of_the_history(error: Exception) -> str:
    """What SQLite raised where nobody was prepared for it: the file is damaged, or was taken away."""
    from headrace import settings
    from headrace.history.database import explain

    return str(explain(error, settings.database()))


def _sentence(message: str) -> str:
    """Click's own messages may have several lines, and no full stop."""
    text = " ".join(message.split())
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _where_to_look(error: click.UsageError) -> str:
    if error.ctx is None or not error.ctx.command.get_help_option_names(error.ctx):
        return ""
    return f" See `{error.ctx.command_path} --help`."


@click.group(
    cls=Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    lazy_commands={
        "run": LazyCommand("headrace.cli.run:run", "Run a flow of a file or module."),
        "resume": LazyCommand(
            "headrace.cli.resume:resume", "Go on with a run that failed, crashed or was cancelled."
        ),
        "cancel": LazyCommand("headrace.cli.cancel:cancel", "Cancel a run that another process executes."),
        "runs": LazyCommand("headrace.cli.runs:runs", "List, show and delete the runs in the history."),
        "ui": LazyCommand("headrace.cli.ui:ui", "Show the runs on a live page in the browser."),
        "answer": LazyCommand("headrace.cli.answer:answer", "Answer what a flow run asks."),
        "limits": LazyCommand("headrace.cli.limits:limits", "Say how many may run at once, or in a time."),
        "cache": LazyCommand("headrace.cli.cache:cache", "List what is cached, and clear it."),
        "db": LazyCommand("headrace.cli.db:db", "Prune, back up, restore and vacuum the history."),
        "doctor": LazyCommand(
            "headrace.cli.doctor:doctor", "Examine the installation, settings and history."
        ),
    },
)
@click.version_option(__version__, message="headrace %(version)s")
@click.pass_context
def program(context: click.Context) -> None:
    """Run flows, and look at the runs that are recorded."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@program.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def version(*, as_json: bool) -> None:
    """Print the version."""
    click.echo(f'{{"version": "{__version__}"}}' if as_json else f"headrace {__version__}")
