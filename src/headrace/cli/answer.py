"""``headrace answer``: gives a flow run the answer for which it waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headrace import settings
from headrace.cli.as_json import print_json
from headrace.cli.run_names import find_only_run, open_history
from headrace.cli.safe_text import safe
from headrace.engine.states import StateName, StateType
from headrace.questions import Question, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.history.reader import OpenQuestion, Run


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("run_id")
@click.argument("value", type=click.UNPROCESSED)
@click.option("--prompt", help="Which question is meant, where the run asks several.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def answer(*, run_id: str, value: str, prompt: str | None, as_json: bool) -> int:
    """Answer what the flow run RUN_ID asks by `pause`: it goes on within a second.

    Which answers there are, `headrace runs show RUN_ID` says. The answer to a run whose process is gone is kept: the run
    takes it when it is resumed.
    """
    from headrace.history.answers import give_answer

    with open_history() as reader:
        run = find_only_run(reader, run_id)
        asked = _choose(run, reader.open_questions(run), prompt)
    try:
        given = Question.from_json(asked.question).read(value)
    except ValueError as error:
        raise click.UsageError(f"{safe(asked.prompt)} {error}.") from error
    if not give_answer(settings.database(), run, asked, given):
        raise click.ClickException(f"{safe(asked.prompt)!r} of {safe(run.name)} has been answered meanwhile.")
    if as_json:
        print_json({"run": run.id, "prompt": asked.prompt, "answer": given})
        return 0
    click.echo(f"Answered {safe(asked.prompt)!r} of {safe(run.name)}: {safe(text_of(given))}.")
    if StateType(run.state_type).is_terminal:
        click.echo(
            f"headrace: The run has ended {run.state}: it takes the answer when it is resumed.", err=True
        )
    return 0


def _choose(run: Run, questions: Sequence[OpenQuestion], prompt: str | None) -> OpenQuestion:
    found = [question for question in questions if prompt in (None, question.prompt)]
    if not questions and run.state == StateName.PAUSED.value:
        raise click.ClickException(
            f"{safe(run.name)} ({run.id}) has been answered already: it goes on within a second."
        )
    if not questions:
        raise click.ClickException(
            f"{safe(run.name)} ({run.id}) does not wait for an answer: it is {run.state}."
        )
    prompts = ", ".join(repr(safe(question.prompt)) for question in questions)
    if not found:
        raise click.ClickException(
            f"{safe(run.name)} does not ask {safe(prompt or '')!r}: it asks {prompts}."
        )
    if len(found) > 1 and prompt is None:
        raise click.UsageError(f"{safe(run.name)} asks several questions: add --prompt, one of {prompts}.")
    return found[0]
