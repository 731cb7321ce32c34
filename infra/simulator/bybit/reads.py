"""Bybit's order and execution lists (order/open-order.mdx, order/order-list.mdx, order/execution.mdx).

Of orderId, orderLinkId, symbol and baseCoin the first one given decides; with an id everything else is ignored.
"""

import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

from infra.simulator.bybit.bodies import execution, order_row
from infra.simulator.bybit.errors import BybitError
from infra.simulator.bybit.market import category_of
from infra.simulator.bybit.orders import addressed, filter_of
from infra.simulator.model import Fill, Market, Order, State
from infra.simulator.queries import live_of, newest_of, readable, trades_of
from infra.simulator.world import Call

_RECENT = 500
_DAY_MS = 86_400_000
_WEEK_MS = 7 * _DAY_MS
_ORDERS, _EXECUTIONS = (20, 50), (50, 100)  # rows of a page: by default, at most

Row = TypeVar("Row")


def realtime(call: Call) -> dict[str, Any]:
    """Open orders; by id, or with openOnly=1, also the last 500 closed, which a restart of Bybit forgets.

    An unknown id gives an empty list, not an error.
    """
    _check_scope(call)
    if _by_id(call):
        shown = [order for order in _addressed(call) if order.live or _recent(call, order)]
    elif call.params.get("openOnly") == "1":
        shown = [order for order in _newest(call) if order.live or _recent(call, order)]
    else:
        live = reversed(live_of(call.world, call.account, call.route.venue))
        shown = [order for order in live if order.state is not State.ACCEPTED and _fits(call, order)]
    return _page(call, shown, order_row, _ORDERS)


def _recent(call: Call, order: Order) -> bool:
    rank = call.account.ended[order.market.venue] - order.ended_number
    return rank < _RECENT and order.updated_ms > call.world.bybit_restarted_ms


def history(call: Call) -> dict[str, Any]:
    """Closed orders; it may lag. Without a fill for 24 hours only, with one for years, of which a list shows a week."""
    category_of(call)
    start, end = _window(call)
    oldest, newest = call.now_ms - _DAY_MS, call.now_ms - call.world.delays.bybit_history
    ended = (
        order
        for order in (_addressed(call) if _by_id(call) else _newest(call))
        if not order.live and order.updated_ms <= newest and (order.filled or order.updated_ms >= oldest)
    )
    return _page(call, (order for order in ended if start <= order.updated_ms <= end), order_row, _ORDERS)


def executions(call: Call) -> dict[str, Any]:
    """Fills, newest first; a week of them unless an order is named."""
    category_of(call)
    start, end = _window(call)
    if _by_id(call):
        pairs = ((order, fill) for order in _addressed(call) for fill in reversed(order.fills))
    else:
        trades = trades_of(call.world, call.account, call.route.venue)
        pairs = ((order, fill) for order, fill in trades if start <= fill.time_ms <= end)
        pairs = ((order, fill) for order, fill in pairs if _in_scope(call, order.market))

    def row(pair: tuple[Order, Fill]) -> dict[str, Any]:
        return execution(*pair)

    return _page(call, pairs, row, _EXECUTIONS)


def _by_id(call: Call) -> bool:
    return bool(call.params.get("orderId") or call.params.get("orderLinkId"))


def _addressed(call: Call) -> list[Order]:
    """An order that is only acknowledged is in no list."""
    return [order for order in readable(call.world, addressed(call)) if order.state is not State.ACCEPTED]


def _newest(call: Call) -> Iterable[Order]:
    orders = newest_of(call.world, call.account, call.route.venue)
    return (order for order in orders if order.state is not State.ACCEPTED and _fits(call, order))


def _check_scope(call: Call) -> None:
    params = call.params
    if category_of(call) != "spot" and not any(params.get(name) for name in ("symbol", "baseCoin", "settleCoin")):
        raise BybitError(10001, "params error: symbol, settleCoin or baseCoin is required")


def _window(call: Call) -> tuple[int, int]:
    """startTime to endTime, a week from the one that is given, the last week by default; no limit with an id."""
    if _by_id(call):
        return 0, call.now_ms
    start, end = _time(call, "startTime"), _time(call, "endTime")
    if start is None:
        end = call.now_ms if end is None else end
        return end - _WEEK_MS, end
    end = start + _WEEK_MS if end is None else end
    if not start <= end <= start + _WEEK_MS:
        raise BybitError(10001, "params error: The time range between startTime and endTime cannot exceed 7 days")
    return start, end


def _time(call: Call, name: str) -> int | None:
    sent = str(call.params.get(name) or "")
    if sent and not sent.isdigit():
        raise BybitError(10001, f"params error: {name} invalid")
    return int(sent) if sent else None


def _fits(call: Call, order: Order) -> bool:
    return _in_scope(call, order.market) and call.params.get("orderFilter") in (
        None,
        "",
        filter_of(order),
    )


def _in_scope(call: Call, market: Market) -> bool:
    params = call.params
    pairs = (
        (params.get("symbol"), market.symbol),
        (params.get("baseCoin"), market.base),
        (params.get("settleCoin") if market.derivative else None, market.quote),
    )
    return all(wanted in (None, "", actual) for wanted, actual in pairs)


def _page(
    call: Call, newest: Iterable[Row], row: Callable[[Row], dict[str, Any]], sizes: tuple[int, int]
) -> dict[str, Any]:
    """The cursor says where to go on and is empty on the last page."""
    usual, most = sizes
    limit = min(int(call.params.get("limit") or usual), most)
    place = re.search(r"\d+", str(call.params.get("cursor") or "").replace("%3D", "=").replace("%26", "&"))
    start = int(place.group()) if place else 0
    found = list(islice(newest, start, start + limit + 1))
    cursor = f"page_token%3D{start + limit}%26" if len(found) > limit else ""
    return {
        "list": [row(item) for item in found[:limit]],
        "nextPageCursor": cursor,
        "category": call.params.get("category"),
    }
