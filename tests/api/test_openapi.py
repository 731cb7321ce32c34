"""The API's description: complete, valid, in step with what validates requests, and paid for only by who asks."""

import json
from typing import Any

import pytest
from chalice.local import LambdaEventConverter, RouteMatcher
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import ValidationError

from chalicelib.api import models, openapi
from chalicelib.api.http import REGISTERED
from tests.api.described import api_document, assert_described, problems_of
from tests.api.desk import ALERT, ApiDesk
from tests.api.test_authentication import PUBLIC, ROUTES, plain
from tests.test_layers import loaded_after

OPERATIONS = [
    pytest.param(method.upper(), path, operation, id=f"{method} {path}")
    for path, item in api_document()["paths"].items()
    for method, operation in item.items()
]
each_operation = pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)


def described() -> set[tuple[str, str]]:
    """Method and path of everything in the document."""
    return {(method.upper(), path) for path, item in api_document()["paths"].items() for method in item}


def test_every_route_is_described_and_nothing_else(api: ApiDesk) -> None:
    """As Chalice has them."""
    routes = {(method, path) for path, methods in api.functions.app.routes.items() for method in methods}

    assert described() == routes
    assert set(openapi.OPERATIONS) == routes == {(route.method, route.path) for route in REGISTERED}


def test_the_document_is_valid() -> None:
    """By OpenAPI's own schema, references and all."""
    assert [error.message for error in OpenAPIV31SpecValidator(api_document()).iter_errors()] == []


def test_it_is_served_to_everybody_as_it_is_generated(api: ApiDesk) -> None:
    """And every answer is told by one name."""
    answer = api.call("GET", "/openapi.json", headers={})

    names = [operation["operationId"] for item in answer.body["paths"].values() for operation in item.values()]
    assert answer.body == api_document()
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("stage", "base"), [("", "/"), ("/api", "/api")])
def test_its_server_is_where_it_was_asked_for(api: ApiDesk, stage: str, base: str) -> None:
    """At the root, and under API Gateway's stage."""
    app = api.functions.app
    converter = LambdaEventConverter(RouteMatcher(list(app.routes)))
    event = converter.create_lambda_event("GET", "/openapi.json", {}, None)
    event["requestContext"]["path"] = f"{stage}/openapi.json"

    answer = app(event, None)

    assert json.loads(answer["body"])["servers"] == [{"url": base}]


@each_operation
def test_who_needs_no_token_is_said(method: str, path: str, operation: dict[str, Any]) -> None:
    """All others do."""
    is_public = (method, plain(path)) in PUBLIC

    assert operation["security"] == ([] if is_public else [{"admin": []}])
    assert is_public != ((method, plain(path)) in {(verb, plain(route)) for verb, route in ROUTES})
    assert ("401" in operation["responses"]) == (not is_public or "webhook" in path)


@each_operation
def test_every_parameter_of_a_path_is_described(method: str, path: str, operation: dict[str, Any]) -> None:
    """By its name."""
    inside = [part.strip("{}") for part in path.split("/") if part.startswith("{")]

    assert [one["name"] for one in operation["parameters"] if one["in"] == "path"] == inside


@each_operation
def test_every_answer_is_described(method: str, path: str, operation: dict[str, Any]) -> None:
    """In words, and by a model with fields where there is a body."""
    for status, response in operation["responses"].items():
        assert response["description"].endswith((".", "?")), f"{status} has no description"
    assert operation["summary"].endswith(".")


def examples() -> list[Any]:
    """Every example of a body."""
    return [
        pytest.param(
            path, operation["requestBody"]["content"]["application/json"], example["value"], id=f"{path} {name}"
        )
        for path, item in api_document()["paths"].items()
        for operation in item.values()
        if "requestBody" in operation
        for name, example in operation["requestBody"]["content"]["application/json"]["examples"].items()
    ]


@pytest.mark.parametrize(("path", "content", "value"), examples())
def test_every_example_fits(path: str, content: dict[str, Any], value: Any) -> None:
    """The schema, and the model that validates such a request."""
    model = {f"#/components/schemas/{one.body.__name__}": one.body for one in openapi.OPERATIONS.values() if one.body}

    assert problems_of(content["schema"], value) == []
    assert model[content["schema"]["$ref"]].model_validate(value)


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({}, True),
        ({"quantity": 0.015}, True),
        ({"quantity": "0.10"}, True),
        ({"quantity": "100"}, True),
        ({"quantity": ".5"}, True),
        ({"quantity": ""}, False),
        ({"quantity": "0"}, False),
        ({"quantity": "0.000"}, False),
        ({"quantity": "-1"}, False),
        ({"quantity": 0}, False),
        ({"quantity": "much"}, False),
        ({"quantity": True}, False),
        ({"order_type": "BUY"}, False),
        ({"side": "hold"}, False),
        ({"tag": ""}, False),
        ({"tag": "x" * 65}, False),
        ({"order_id": "-1"}, False),
        ({"timestamp": "2026-11-21T03:20:15Z"}, True),
        ({"timestamp": 1795231215}, True),
        ({"timestamp": [1]}, False),
    ],
)
def test_the_schema_of_an_alert_says_what_its_model_takes(fields: dict[str, Any], fits: bool) -> None:
    """So that who reads it can rely on it."""
    alert = {**ALERT, **fields}

    problems = problems_of({"$ref": "#/components/schemas/WebhookBody"}, alert)

    assert (problems == []) == fits
    assert takes(alert) == fits


def takes(alert: dict[str, Any]) -> bool:
    """Whether the model that validates alerts does."""
    try:
        models.AlertBody.model_validate(alert)
    except ValidationError:
        return False
    return True


def test_an_answer_that_is_not_described_is_noticed() -> None:
    """The check of all answers is checked itself."""
    pong = json.dumps({"message": "pong"}).encode()
    kind = {"Content-Type": "application/json"}

    assert_described("GET", "/ping", 200, kind, pong)
    for status, headers, body in (
        (201, kind, pong),
        (200, {"Content-Type": "text/plain"}, pong),
        (200, kind, b'{"message": "ping"}'),
        (200, kind, b'{"message": "pong", "more": 1}'),
        (200, kind, b"{}"),
    ):
        with pytest.raises(AssertionError):
            assert_described("GET", "/ping", status, headers, body)


def test_nobody_else_pays_for_it() -> None:
    """Neither for the document nor for what generates it, until it is asked for."""
    modules = loaded_after("import app")

    assert "chalicelib.api.system" in modules
    late = {"chalicelib.api.openapi", "chalicelib.api.answers", "pydantic", "chalicelib.domain.figures", "statistics"}
    assert modules.isdisjoint(late)
