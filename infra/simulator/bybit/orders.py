"""Bybit's create and cancel: both acknowledge first and act later."""

from typing import Any

from infra.simulator.bybit.errors import BybitError
from infra.simulator.bybit.intents import intent_of
from infra.simulator.bybit.market import category_of
from infra.simulator.model import Book, Order, Reason, RefusedError, State
from infra.simulator.placing import place
from infra.simulator.queries import cancelable, live_of, named
from infra.simulator.world import Call

_MAX_AT_ONCE = 500


def order_id(order: Order) -> str:
    """Spot numbers its orders, linear gives them UUIDs."""
    return str(order.id) if order.market.venue == "bybit-spot" else order.uuid


def book_of(call: Call) -> Book:
    category = category_of(call)
    book = call.world.book(call.route.venue, str(call.params.get("symbol", "")))
    if book is None or category not in ("spot", "linear"):
        raise BybitError(170121, "Invalid symbol.") if category == "spot" else BybitError(10001, "symbol invalid")
    return book


def create(call: Call) -> dict[str, Any]:
    book = book_of(call)
    spot = book.market.venue == "bybit-spot"
    if book.status != "trading":
        message = "The trading pair is not open yet" if spot else "No trading is allowed at the current time"
        raise BybitError(170151 if spot else 110066, message)
    intent = intent_of(call, book)
    try:
        order = place(call, book.market, intent, call.world.delays.bybit_create)
    except RefusedError as refused:
        raise _refusal(refused.reason, spot=spot) from None
    if intent.client_id:
        call.account.spent_client_ids.add((call.route.venue, intent.client_id))
    return {"orderId": order_id(order), "orderLinkId": intent.client_id}


def _refusal(reason: Reason, *, spot: bool) -> BybitError:
    if reason is Reason.REDUCE_ONLY:
        return BybitError(110017, "current position is zero, cannot fix reduce-only order qty")
    return (
        BybitError(170131, "Balance insufficient") if spot else BybitError(110007, "Available balance is insufficient")
    )


def addressed(call: Call) -> list[Order]:
    """By orderId, which wins, or orderLinkId; with neither, an error."""
    by_id, by_link = call.params.get("orderId"), call.params.get("orderLinkId")
    if by_id:
        kind = "id" if call.route.venue == "bybit-spot" else "uuid"
        return named(call.account, call.route.venue, kind, str(by_id))
    if by_link:
        return named(call.account, call.route.venue, "client", str(by_link))
    raise BybitError(10001, "params error: orderId or orderLinkId is required")


def cancel(call: Call) -> dict[str, Any]:
    book = book_of(call)
    known = [order for order in addressed(call) if order.market == book.market and _in_filter(call, order)]
    live = [order for order in cancelable(call.world, known) if order.state is not State.ACCEPTED]
    if not live:
        raise _not_cancelable(call, [order for order in known if not order.live])
    call.world.engine.cancel(live[-1], call.world.delays.bybit_cancel)
    return {"orderId": order_id(live[-1]), "orderLinkId": live[-1].intent.client_id}


def _in_filter(call: Call, order: Order) -> bool:
    """A spot StopOrder or tpslOrder is not found unless it is named; a linear one always is."""
    wanted = call.params.get("orderFilter") or "Order"
    return order.market.venue != "bybit-spot" or filter_of(order) == wanted


def filter_of(order: Order) -> str:
    """A stop that was triggered is an order like any other."""
    return "Order" if order.triggered_ms else str(order.intent.wire["orderFilter"])


def _not_cancelable(call: Call, ended: list[Order]) -> BybitError:
    """Linear says 110001 of whatever is not live, spot tells why [reasoning from the code tables]."""
    if call.route.venue == "bybit-linear":
        return BybitError(110001, "order not exists or too late to cancel")
    if not ended:
        return BybitError(170213, "Order does not exist.")
    if ended[-1].state is State.FILLED:
        return BybitError(170139, "Order has been filled.")
    return BybitError(170142, "Order has been cancelled")


def cancel_all(call: Call) -> dict[str, Any]:
    """Spot without a filter leaves conditional orders alone; linear wants symbol, baseCoin or settleCoin."""
    spot, params = category_of(call) == "spot", call.params
    if not spot and not (params.get("symbol") or params.get("baseCoin") or params.get("settleCoin")):
        raise BybitError(10001, "params error: symbol, baseCoin or settleCoin is required")
    found = [
        order
        for order in live_of(call.world, call.account, call.route.venue)
        if order.state is not State.ACCEPTED and _asked(call, order) and (not spot or _in_filter(call, order))
    ]
    for order in found[:_MAX_AT_ONCE]:
        call.world.engine.cancel(order, call.world.delays.bybit_cancel)
    rows = [{"orderId": order_id(order), "orderLinkId": order.intent.client_id} for order in found[:_MAX_AT_ONCE]]
    return {"list": rows, "success": "1"}


def _asked(call: Call, order: Order) -> bool:
    params, market = call.params, order.market
    wanted = ((params.get("symbol"), market.symbol), (params.get("baseCoin"), market.base))
    return all(value in (None, "", actual) for value, actual in (*wanted, (params.get("settleCoin"), market.quote)))
