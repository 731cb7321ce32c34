"""The API's own description, to which the tests hold every answer that they get."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from chalicelib.api import cancel_queue, catalog, orders, system, webhook
from chalicelib.api.openapi import document

BLUEPRINTS = (system.system, webhook.webhook, cancel_queue.cancel_queue, orders.orders, catalog.catalog_routes)
"""What is described is what has been registered, which importing them does."""

UNEXPECTED = 500
"""In no description, for nothing leads to it that is known; it has the form of all errors."""


def assert_described(method: str, path: str, status: int, headers: Mapping[str, Any], body: bytes) -> None:
    """Status, content type and body are among those that the description has for this call."""
    operation = operation_of(method, path)
    described = operation["responses"]
    if status == UNEXPECTED:
        validator_of("#/components/schemas/ErrorAnswer").validate(json.loads(body))
        return
    assert str(status) in described, f"{method} {path} is not said to answer {status}"
    content = described[str(status)].get("content")
    if content is None:
        assert body == b"", f"{method} {path} is said to answer {status} without a body"
        return
    kind = str(headers["Content-Type"]).partition(";")[0]
    assert kind in content, f"{method} {path} is not said to answer {status} as {kind}"
    if kind == "application/json":
        problems = problems_of(content[kind]["schema"], json.loads(body))
        assert not problems, f"{method} {path} answered {status} with {problems}"


def problems_of(schema: Mapping[str, Any], value: Any) -> list[str]:
    """What of the value does not fit."""
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in _validator(schema).iter_errors(value)
    ]


def operation_of(method: str, path: str) -> dict[str, Any]:
    """The one that describes such a call."""
    plain = path.partition("?")[0]
    found = [
        item[method.lower()] for pattern, item in _patterns() if re.fullmatch(pattern, plain) and method.lower() in item
    ]
    assert len(found) == 1, f"{method} {path} is described {len(found)} times"
    return dict(found[0])


@cache
def api_document() -> dict[str, Any]:
    """As it is served at the root."""
    return document(system.VERSION, "")


def validator_of(reference: str) -> Any:
    """Of one of the description's own models."""
    return _validator({"$ref": reference})


def _validator(schema: Mapping[str, Any]) -> Any:
    return _built(json.dumps(schema, sort_keys=True))


@cache
def _built(schema: str) -> Any:
    components = {"components": api_document()["components"]}
    return jsonschema_rs.Draft202012Validator({**json.loads(schema), **components})


@cache
def _patterns() -> list[tuple[str, dict[str, Any]]]:
    return [(re.sub(r"\{\w+\}", "[^/]+", path), item) for path, item in api_document()["paths"].items()]
