"""The OpenAPI document: the routes as they are registered, with the models that validate requests and show answers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints
from pydantic.json_schema import models_json_schema

from chalicelib.api import answers, models
from chalicelib.api.http import DEFAULT_LIMIT, MAX_LIMIT, REGISTERED, Registered
from chalicelib.domain.cancels import CancelStatus
from chalicelib.domain.ids import ID_PATTERN
from chalicelib.domain.outcomes import OrderStatus

Schema = dict[str, Any]

_COMPONENTS = "#/components/schemas/"
_JSON = "application/json"
_TEXT = ("text/html", "text/javascript", "text/css", "image/svg+xml", "text/plain", _JSON)

_DESCRIPTION = """\
Alerts come in at the webhook and become orders; cancels go through a queue and end only on the exchange's own word.

Everything under `/api/v1` but the webhook needs the admin token: `Authorization: Bearer …`. Every error reads
`{"error": {"code", "message", "details"}}`. Times are UTC; amounts are decimals as text in answers, numbers or text in
requests. Lists are newest first; `next_cursor` leads to the next page. `X-Request-Id` is the `request_id` of the log
lines of a call.
"""

_BODYLESS = {204: "Done.", 308: "The same is at this path without the slash at its end."}
_MEANINGS = {
    400: "The body is not a JSON object.",
    401: "Not authenticated.",
    403: "Trading is switched off, or the strategy is disabled.",
    404: "There is no such thing.",
    409: "Its state does not allow it.",
    413: "The body is too large.",
    422: "A field, or the combination of fields, is not acceptable.",
    503: "The database, or the secret store, cannot be reached now; try again.",
}


class WebhookBody(models.AlertBody):
    """An alert. An order needs `symbol`, `side` and exactly one of `quantity`, `quote_amount` and `percent`; a LIMIT a
    `price`, a STOP a `stop_price`, a CANCEL an `order_id` or a `tag`."""

    strategy: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    token: Annotated[str, Field(description="The strategy's webhook token.")]


@dataclass(frozen=True)
class Operation:
    """What a registered route does not say of itself."""

    tag: str
    answers: Mapping[int, tuple[type[BaseModel], ...] | str | None]
    """By status: models, one of which fits; content types of a text; None for no body."""
    errors: tuple[int, ...] = ()
    """Those that its kind of route does not have anyway."""
    body: type[BaseModel] | None = None
    examples: Mapping[str, Any] = field(default_factory=dict)
    query: tuple[Schema, ...] = ()


def _query(name: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "description": description, "schema": schema}


_ID: Schema = {"type": "string", "pattern": f"^{ID_PATTERN}$"}
_LIMIT = _query(
    "limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}, "How many at most."
)
_CURSOR = _query("cursor", {"type": "string"}, "`next_cursor` of the page before.")
_PAGING = (_LIMIT, _CURSOR)

_ALERT = {"strategy": "demo", "token": "demo-webhook-token", "symbol": "BTCUSDT", "side": "buy"}
_ALERTS = {
    "MARKET": {**_ALERT, "order_type": "MARKET", "quote_amount": "100"},
    "LIMIT": {**_ALERT, "order_type": "LIMIT", "quantity": "0.01", "price": "50000", "tag": "entry"},
    "CANCEL": {"strategy": "demo", "token": "demo-webhook-token", "order_type": "CANCEL", "tag": "entry"},
}
_STRATEGY = {"name": "demo", "symbols": ["BTC/USDT"], "accounts": [{"account_id": "demo-1", "weight": "1"}]}
_ACCOUNT = {"exchange": "mock", "options": {"success_rate": 1, "delay_ms": 0}}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/api/v1/webhook"): Operation(
        "Alerts",
        {200: (answers.AlertAnswer,), 202: (answers.AlertAnswer,)},
        errors=(401, 403, 503),
        body=WebhookBody,
        examples=_ALERTS,
    ),
    ("POST", "/api/v1/cancel-queue/orders/{order_id}/cancel"): Operation(
        "Cancel queue", {200: (answers.CancelledAnswer,), 202: (answers.QueuedAnswer,)}, errors=(404, 409)
    ),
    ("GET", "/api/v1/cancel-queue"): Operation(
        "Cancel queue",
        {200: (answers.CancelList,)},
        errors=(422,),
        query=(
            _query("status", {"type": "string", "enum": list(CancelStatus)}, "Only these."),
            _query(
                "offset", {"type": "integer", "minimum": 0, "maximum": 1000, "default": 0}, "A cursor wins over it."
            ),
            *_PAGING,
        ),
    ),
    ("GET", "/api/v1/cancel-queue/{cancel_id}"): Operation("Cancel queue", {200: (answers.CancelItem,)}, errors=(404,)),
    ("DELETE", "/api/v1/cancel-queue/{cancel_id}"): Operation("Cancel queue", {204: None}, errors=(404, 409)),
    ("POST", "/api/v1/cancel-queue/{cancel_id}/retry"): Operation(
        "Cancel queue", {202: (answers.CancelItem,)}, errors=(404, 409)
    ),
    ("GET", "/api/v1/orders"): Operation(
        "Orders",
        {200: (answers.OrderList,)},
        errors=(422,),
        query=(
            _query("strategy_id", _ID, "Only those of this strategy."),
            _query("status", {"type": "string", "enum": list(OrderStatus)}, "Only these."),
            _query("symbol", {"type": "string"}, "Only this one, in any spelling that alerts may use."),
            *_PAGING,
        ),
    ),
    ("GET", "/api/v1/orders/{order_id}"): Operation("Orders", {200: (answers.WholeOrder,)}, errors=(404,)),
    ("DELETE", "/api/v1/orders/{order_id}/attention"): Operation("Orders", {204: None}, errors=(404,)),
    ("GET", "/api/v1/strategy-order-logs"): Operation(
        "Log",
        {200: (answers.EventList,)},
        errors=(422,),
        query=(_query("strategy_id", _ID, "Whose events.", required=True), *_PAGING),
    ),
    ("GET", "/api/v1/strategy-order-logs/{strategy_id}/{event_id}"): Operation(
        "Log", {200: (answers.EventItem,)}, errors=(404,)
    ),
    ("GET", "/api/v1/strategies"): Operation("Strategies", {200: (answers.StrategyList,)}),
    ("GET", "/api/v1/strategies/{strategy_id}"): Operation("Strategies", {200: (answers.StrategyItem,)}, errors=(404,)),
    ("PUT", "/api/v1/strategies/{strategy_id}"): Operation(
        "Strategies",
        {200: (answers.WrittenStrategy,), 201: (answers.WrittenStrategy,)},
        body=models.StrategyBody,
        examples={"one mock account": _STRATEGY},
    ),
    ("DELETE", "/api/v1/strategies/{strategy_id}"): Operation("Strategies", {204: None}, errors=(404, 409)),
    ("GET", "/api/v1/accounts"): Operation("Accounts", {200: (answers.AccountList,)}),
    ("GET", "/api/v1/accounts/{account_id}"): Operation("Accounts", {200: (answers.AccountItem,)}, errors=(404,)),
    ("PUT", "/api/v1/accounts/{account_id}"): Operation(
        "Accounts",
        {200: (answers.AccountItem,), 201: (answers.AccountItem,)},
        errors=(409,),
        body=models.AccountBody,
        examples={"a mock": _ACCOUNT, "Binance": {"exchange": "binance", "market": "spot"}},
    ),
    ("DELETE", "/api/v1/accounts/{account_id}"): Operation("Accounts", {204: None}, errors=(404, 409)),
    ("POST", "/api/v1/accounts/{account_id}/test"): Operation(
        "Accounts", {200: (answers.AccountReached, answers.AccountNotReached)}, errors=(404,)
    ),
    ("GET", "/api/v1/controls"): Operation("System", {200: (answers.ControlsAnswer,)}),
    ("PUT", "/api/v1/controls"): Operation(
        "System",
        {200: (answers.ControlsAnswer,)},
        errors=(409,),
        body=models.ControlsBody,
        examples={"go on": {"trading_enabled": True}},
    ),
    ("GET", "/api/v1/overview"): Operation("System", {200: (answers.OverviewAnswer,)}),
    ("GET", "/"): Operation("System", {200: (answers.RootAnswer,)}),
    ("GET", "/health"): Operation("System", {200: (answers.HealthAnswer,), 503: (answers.HealthAnswer,)}),
    ("GET", "/ping"): Operation("System", {200: (answers.PingAnswer,)}),
    ("GET", "/app"): Operation("Page", {200: "text/html", 308: None}),
    ("GET", "/app/{version}/{name}"): Operation("Page", {200: " ".join(_TEXT)}, errors=(404,)),
    ("GET", "/docs"): Operation("Page", {200: "text/html", 308: None}),
    ("GET", "/openapi.json"): Operation("Page", {200: (answers.DocumentAnswer,)}),
}
"""Every route, in the order in which they are shown; a test holds this to what is registered."""


_FIRST_ORDER = "$response.body#/execution_results/0/order_id"
_LINKS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "receive_alert": {
        "get_order": {"order_id": _FIRST_ORDER},
        "cancel_order": {"order_id": _FIRST_ORDER},
        "get_cancel": {"cancel_id": _FIRST_ORDER},
        "end_attention": {"order_id": _FIRST_ORDER},
        "get_event": {"strategy_id": "$response.body#/strategy_id", "event_id": "$response.body#/event_id"},
    },
    "list_orders": {"cancel_order": {"order_id": "$response.body#/items/0/order_id"}},
    "list_cancels": {
        "retry_cancel": {"cancel_id": "$response.body#/items/0/cancel_id"},
        "remove_cancel": {"cancel_id": "$response.body#/items/0/cancel_id"},
    },
}
"""Where to go on from an answer: by operation, the next ones and what they take of it."""


def document(version: str, base: str) -> Schema:
    """The document for who reached it under `base`: empty, or API Gateway's stage."""
    return {**_document(version), "servers": [{"url": base or "/"}]}


@cache
def _document(version: str) -> Schema:
    paths: dict[str, Schema] = {}
    order = list(OPERATIONS)
    for route in sorted(REGISTERED, key=lambda route: order.index((route.method, route.path))):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, OPERATIONS[route.method, route.path])
    return {
        "openapi": "3.1.0",
        "info": {"title": "trading-bot", "version": version, "description": _DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"admin": {"type": "http", "scheme": "bearer", "description": "The admin token."}},
        },
    }


def _operation(route: Registered, operation: Operation) -> Schema:
    names = re.findall(r"\{(\w+)\}", route.path)
    described: Schema = {
        "operationId": route.name,
        "tags": [operation.tag],
        "summary": route.summary.partition("\n")[0],
        "security": [] if route.public else [{"admin": []}],
        "parameters": [*(_in_path(name, of_ids=operation.tag != "Page") for name in names), *operation.query],
        "responses": {str(status): _response(status, shown) for status, shown in operation.answers.items()},
    }
    if route.name in _LINKS:
        next_ones = _LINKS[route.name].items()
        links = {name: {"operationId": name, "parameters": dict(taken)} for name, taken in next_ones}
        for response in described["responses"].values():
            response["links"] = links
    if operation.body is not None:
        described["requestBody"] = _request_body(operation.body, operation.examples)
    for status in sorted(_errors(route, operation, of_ids=bool(names) and operation.tag != "Page")):
        described["responses"][str(status)] = _content(_MEANINGS[status], _JSON, _ref(answers.ErrorAnswer))
    return described


def _errors(route: Registered, operation: Operation, *, of_ids: bool) -> set[int]:
    errors = set(operation.errors)
    errors |= set() if route.public else {401, 503}
    errors |= set() if operation.body is None else {400, 413, 422}
    return errors | ({422} if of_ids else set())


def _in_path(name: str, *, of_ids: bool) -> Schema:
    schema = _ID if of_ids else {"type": "string", "pattern": r"^[A-Za-z0-9._-]+$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _request_body(model: type[BaseModel], examples: Mapping[str, Any]) -> Schema:
    shown = {name: {"value": value} for name, value in examples.items()}
    return {"required": True, "content": {_JSON: {"schema": _ref(model), "examples": shown}}}


def _response(status: int, shown: tuple[type[BaseModel], ...] | str | None) -> Schema:
    if shown is None:
        return {"description": _BODYLESS[status]}
    if isinstance(shown, str):
        return {"description": "A file.", "content": {kind: {"schema": {}} for kind in shown.split()}}
    schema = _ref(shown[0]) if len(shown) == 1 else {"anyOf": [_ref(model) for model in shown]}
    return _content(" ".join((shown[0].__doc__ or "").split()), _JSON, schema)


def _content(description: str, kind: str, schema: Schema) -> Schema:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _ref(model: type[BaseModel]) -> Schema:
    return {"$ref": f"{_COMPONENTS}{model.__name__}"}


def _schemas() -> Schema:
    shown = [model for one in OPERATIONS.values() for kinds in one.answers.values() for model in _models(kinds)]
    bodies = [one.body for one in OPERATIONS.values() if one.body is not None]
    wanted: Sequence[type[BaseModel]] = [*bodies, models.MockOptionsBody, *shown, answers.ErrorAnswer]
    _, document = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(wanted)], ref_template=_COMPONENTS + "{model}"
    )
    schemas: Schema = document["$defs"]
    return schemas


def _models(shown: tuple[type[BaseModel], ...] | str | None) -> tuple[type[BaseModel], ...]:
    return shown if isinstance(shown, tuple) else ()
