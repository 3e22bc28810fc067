"""The API described as an OpenAPI 3.1 document, made from its endpoints and the dataclasses of their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import headrace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headrace.server.api.endpoint import Endpoint

_PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
_PROBLEM_ANSWER = {
    "description": "A problem: `detail` says what to do",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def document_of(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The document as plain JSON values."""
    endpoints = tuple(endpoints)
    places, schemas = _schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, places)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headrace",
            "version": headrace.__version__,
            "description": "What ran, what runs, what failed and why. Times are microseconds since 1970 (UTC).",
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _schemas(endpoints: Iterable[Endpoint]) -> tuple[Mapping[Any, Any], dict[str, Any]]:
    """Where the schema of each answer and body stands, by name of the endpoint and what it is; and the schemas."""
    from pydantic import TypeAdapter  # who asks for no document needs none of it

    asked: list[Any] = []
    for endpoint in endpoints:
        asked.append(((endpoint.name, "answer"), "serialization", TypeAdapter(endpoint.answer)))
        if endpoint.body is not None:
            asked.append(((endpoint.name, "body"), "validation", TypeAdapter(endpoint.body)))
    by_key, definitions = TypeAdapter.json_schemas(asked, ref_template="#/components/schemas/{model}")
    return {name: schema for (name, _), schema in by_key.items()}, definitions["$defs"]


def _operation(endpoint: Endpoint, places: Mapping[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": [parameter.described() for parameter in endpoint.parameters],
        "responses": {
            "200": {
                "description": endpoint.summary,
                "content": {"application/json": {"schema": places[endpoint.name, "answer"]}},
            },
            "default": _PROBLEM_ANSWER,
        },
    }
    if endpoint.body is not None:
        content = {"application/json": {"schema": places[endpoint.name, "body"]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation
