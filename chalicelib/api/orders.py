"""Orders and the log of events over HTTP."""

from chalice.app import Blueprint, Response

from chalicelib import runtime
from chalicelib.api.http import answer, check_id, query_of, read_choice, read_limit, route
from chalicelib.api.presenters import show_event, show_order
from chalicelib.domain.errors import InvalidError, NotFoundError
from chalicelib.domain.events import EventLog
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.symbols import unify

orders = Blueprint(__name__)


@route(orders, "/api/v1/orders", "GET")
def list_orders() -> Response:
    """Newest first, by strategy, status and symbol."""
    query = query_of(orders)
    limit, symbol, strategy_id = read_limit(query), query.get("symbol"), query.get("strategy_id")
    if strategy_id:
        check_id("strategy_id", strategy_id)
    status = read_choice(query, "status", OrderStatus)
    unified = unify(symbol) or symbol if symbol else None
    listing = runtime.services().store.list_orders(strategy_id, status, unified, limit, query.get("cursor"))
    page = runtime.run(listing)
    return answer({"items": [show_order(row) for row in page.items], "limit": limit, "next_cursor": page.cursor})


@route(orders, "/api/v1/orders/{order_id}", "GET")
def get_order(order_id: str) -> Response:
    """One order with its exact request and the history of its states."""
    row = runtime.run(runtime.services().store.get(Order, order_id))
    if row is None:
        raise NotFoundError("order", order_id)
    return answer(show_order(row, whole=True))


@route(orders, "/api/v1/orders/{order_id}/attention", "DELETE")
def end_attention(order_id: str) -> Response:
    """A person has seen to it: the order calls for nobody any more."""
    from chalicelib.usecases.attention import end_attention as end

    runtime.run(end(runtime.services(), order_id))
    return answer(None, 204)


@route(orders, "/api/v1/strategy-order-logs", "GET")
def list_events() -> Response:
    """A strategy's events, newest first."""
    query = query_of(orders)
    limit, strategy_id = read_limit(query), query.get("strategy_id")
    if not strategy_id:
        raise InvalidError("strategy_id is required", [{"field": "strategy_id", "message": "is required"}])
    check_id("strategy_id", strategy_id)
    page = runtime.run(runtime.services().store.list_events(strategy_id, limit, query.get("cursor")))
    return answer({"items": [show_event(row) for row in page.items], "limit": limit, "next_cursor": page.cursor})


@route(orders, "/api/v1/strategy-order-logs/{strategy_id}/{event_id}", "GET")
def get_event(strategy_id: str, event_id: str) -> Response:
    """One event with its results by account."""
    row = runtime.run(runtime.services().store.get(EventLog, strategy_id, event_id))
    if row is None:
        raise NotFoundError("event", event_id)
    return answer(show_event(row))
