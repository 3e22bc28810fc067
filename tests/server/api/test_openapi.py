"""The OpenAPI document: valid, whole, and what the table of endpoints says."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, get_args

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from headrace.engine.states import StateType
from headrace.server.api import ENDPOINTS
from headrace.server.api.openapi import document_of
from headrace.server.api.views import StateTypeName

if TYPE_CHECKING:
    from headrace.server.api.endpoint import Endpoint


def test_the_document_is_valid_openapi_3_1(api: Any) -> None:
    document = api.get("/api/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1")


def test_the_document_has_every_endpoint_under_a_name_of_its_own() -> None:
    document = document_of(ENDPOINTS)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == len(ENDPOINTS)
    assert len({operation["operationId"] for operation in operations}) == len(ENDPOINTS)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_a_handler_takes_what_its_parameters_say(endpoint: Endpoint) -> None:
    takes = inspect.signature(endpoint.handler).parameters
    is_open = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in takes.values())
    named = {name for name, parameter in takes.items() if parameter.kind is inspect.Parameter.KEYWORD_ONLY}
    told = {parameter.name for parameter in endpoint.parameters} | ({"body"} if endpoint.body else set())
    assert named <= told
    assert is_open or named == told


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_a_name_in_a_path_is_a_parameter(endpoint: Endpoint) -> None:
    in_path = {parameter.name for parameter in endpoint.parameters if parameter.is_in_path}
    assert in_path == {part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")}


def test_the_types_of_states_are_those_of_the_engine() -> None:
    assert list(get_args(StateTypeName)) == [state_type.value for state_type in StateType]
