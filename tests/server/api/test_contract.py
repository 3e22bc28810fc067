"""Whatever a request says, the API answers as its document promises, and never with a server error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
)

from headrace.engine.states import StateName
from headrace.history.facts import AttemptFact, Failure
from headrace.server.api import ENDPOINTS
from headrace.server.api.openapi import document_of

if TYPE_CHECKING:
    from headrace.history import History
    from headrace.server.api.endpoint import Endpoint

PENDING, RUNNING, COMPLETED, FAILED = (
    StateName.PENDING,
    StateName.RUNNING,
    StateName.COMPLETED,
    StateName.FAILED,
)
CHECKS = [
    not_a_server_error,
    response_schema_conformance,
    content_type_conformance,
    negative_data_rejection,
]
READING = [endpoint for endpoint in ENDPOINTS if endpoint.method == "GET"]
NASTY = "<script>alert(1)</script>\x1b[31m\x00\ud800\u202e" + "x" * 1_000_000


@pytest.fixture
def contract(api: Any, history: History, make_facts: Any) -> Any:
    """What the document of all that is read promises, of a history with runs of every sort; their ids are often tried."""
    facts, other = make_facts("run-1"), make_facts("run-2")
    failure = Failure("ValueError", NASTY, NASTY)
    attempts = (AttemptFact(1, 1, 2, "w", failure), AttemptFact(2, 3, 4, "w", failure))
    for fact in (
        facts.flow(
            PENDING, RUNNING, FAILED, failure=failure, tags=("a",), provenance='{"entry_point":"f.py:f"}'
        ),
        facts.task(1),
        *[facts.task(number, task="step", upstreams=(1, "elsewhere/3")) for number in range(2, 40)],
        facts.task(
            40, PENDING, RUNNING, FAILED, name=NASTY, upstreams=(2, 3), attempts=attempts, attempt_count=2
        ),
        facts.log("a line"),
        facts.log(NASTY, 40, level=40),
        other.flow(name=NASTY, flow=NASTY, parent="run-1/1", parameters="{" + NASTY),
    ):
        history.record(fact)
    history.flush()
    document = document_of(READING)
    del document["security"]  # who may ask is the guard's to say
    for path in document["paths"].values():
        for parameter in path["get"]["parameters"]:
            if parameter["name"] in ("id", "a", "b"):
                parameter["schema"] = {"anyOf": [{"enum": ["run-1", "run-2"]}, parameter["schema"]]}
    schema = schemathesis.openapi.from_dict(document)
    schema.app = api.app
    return schema


@pytest.mark.parametrize("endpoint", READING, ids=lambda endpoint: endpoint.name)
def test_every_answer_is_as_the_document_promises(endpoint: Endpoint, contract: Any) -> None:
    operation = contract[endpoint.path]["GET"]
    fitting = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    unfitting = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @hypothesis.settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(fitting | unfitting if endpoint.parameters else fitting)
    def ask(case: Any) -> None:
        answer = case.call_and_validate(checks=CHECKS)
        assert len(answer.content) <= 1_000_000

    ask()
