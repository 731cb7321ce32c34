"""Bybit's order and execution lists: realtime, history, executions (order/open-order.mdx, order/order-list.mdx)."""

import re
from collections.abc import Callable
from typing import Any

from infra.simulator.bybit.bodies import execution, order_row
from infra.simulator.bybit.errors import BybitError
from infra.simulator.bybit.market import category_of
from infra.simulator.bybit.orders import addressed, order_id
from infra.simulator.model import Fill, Order, State
from infra.simulator.queries import orders_of, readable
from infra.simulator.world import Call

_RECENT = 500
_UNFILLED_KEPT_MS, _KEPT_MS = 86_400_000, 7 * 86_400_000


def realtime(call: Call) -> dict[str, Any]:
    """Open orders; by id, or with openOnly=1, also the last 500 closed, which a restart of Bybit forgets.

    An unknown id gives an empty list, not an error.
    """
    _check_scope(call)
    named_one = bool(call.params.get("orderId") or call.params.get("orderLinkId"))
    orders = readable(call.world, addressed(call)) if named_one else _listed(call)
    recent = _recently_closed(call)
    with_closed = named_one or call.params.get("openOnly") == "1"
    shown = [order for order in orders if order.live or (with_closed and id(order) in recent)]
    return _page(call, [order for order in shown if _fits(call, order)], order_row)


def _recently_closed(call: Call) -> set[int]:
    ended = [order for order in _listed(call) if not order.live and order.updated_ms > call.world.bybit_restarted_ms]
    ended.sort(key=lambda order: order.updated_ms)
    return {id(order) for order in ended[-_RECENT:]}


def history(call: Call) -> dict[str, Any]:
    """Closed orders; those without a fill for 24 hours only. It may lag."""
    category_of(call)
    if call.params.get("orderId") or call.params.get("orderLinkId"):
        orders = readable(call.world, addressed(call))
    else:
        orders = _listed(call)
    lag = call.world.delays.bybit_history
    kept = [
        order
        for order in orders
        if not order.live and lag <= call.now_ms - order.updated_ms <= (_KEPT_MS if order.filled else _UNFILLED_KEPT_MS)
    ]
    return _page(call, [order for order in kept if _fits(call, order)], order_row)


def executions(call: Call) -> dict[str, Any]:
    category_of(call)
    link, number = call.params.get("orderLinkId"), call.params.get("orderId")
    pairs = [
        (order, fill)
        for order in _listed(call)
        if link in (None, "", order.intent.client_id) and number in (None, "", order_id(order))
        for fill in order.fills
    ]
    symbol = call.params.get("symbol")
    pairs = [(order, fill) for order, fill in pairs if symbol in (None, "", order.market.symbol)]
    pairs.sort(key=lambda pair: pair[1].id)

    def row(pair: tuple[Order, Fill]) -> dict[str, Any]:
        return execution(*pair)

    return _page(call, pairs, row)


def _check_scope(call: Call) -> None:
    params = call.params
    if category_of(call) != "spot" and not any(params.get(name) for name in ("symbol", "baseCoin", "settleCoin")):
        raise BybitError(10001, "params error: symbol, settleCoin or baseCoin is required")


def _listed(call: Call) -> list[Order]:
    """An order that is only acknowledged is in no list."""
    orders = orders_of(call.world, call.account, call.route.venue)
    return [order for order in orders if order.state is not State.ACCEPTED]


def _fits(call: Call, order: Order) -> bool:
    params, market = call.params, order.market
    pairs = (
        (params.get("symbol"), market.symbol),
        (params.get("baseCoin"), market.base),
        (params.get("settleCoin") if market.derivative else None, market.quote),
        (params.get("orderFilter"), order.intent.wire["orderFilter"]),
    )
    return order.state is not State.ACCEPTED and all(wanted in (None, "", actual) for wanted, actual in pairs)


def _page(call: Call, items: list[Any], row: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Newest first; the cursor says where to go on and is empty on the last page."""
    limit = min(int(call.params.get("limit") or 20), 100 if call.route.operation == "fills" else 50)
    place = re.search(r"\d+", str(call.params.get("cursor") or "").replace("%3D", "=").replace("%26", "&"))
    start = int(place.group()) if place else 0
    newest = list(reversed(items))
    end = start + limit
    cursor = f"page_token%3D{end}%26" if end < len(newest) else ""
    rows = [row(item) for item in newest[start:end]]
    return {"list": rows, "nextPageCursor": cursor, "category": call.params.get("category")}
