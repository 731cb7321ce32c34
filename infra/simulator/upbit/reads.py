"""Upbit's order look-ups, balances and order chance."""

from datetime import datetime, timedelta, timezone
from typing import Any

from infra.simulator.model import Balance, Order, text
from infra.simulator.queries import live_of, named, orders_of, readable
from infra.simulator.upbit.bodies import order_body, state_of, with_trades
from infra.simulator.upbit.errors import invalid, no_order
from infra.simulator.upbit.orders import VENUE, addressed
from infra.simulator.world import Call

_KOREA = timezone(timedelta(hours=9))
_KEY_LASTS = timedelta(days=365)
_WINDOW_MS = 7 * 86_400_000


def order(call: Call) -> dict[str, Any]:
    found = readable(call.world, addressed(call))
    if not found:
        raise no_order()
    return with_trades(found[-1])


def orders_by_ids(call: Call) -> list[dict[str, Any]]:
    """Up to 100 by `uuids[]` or `identifiers[]`; unknown ones are left out."""
    uuids, identifiers = call.params.get("uuids"), call.params.get("identifiers")
    if bool(uuids) == bool(identifiers):
        raise invalid("uuids or identifiers is missing")
    found = []
    for value in list(uuids or identifiers or [])[:100]:
        orders = readable(call.world, named(call.account, VENUE, "uuid" if uuids else "client", value))
        found += orders[-1:]
    return [order_body(order) for order in _sorted(call, found)]


def _states(call: Call, default: list[str]) -> list[str]:
    one, many = call.params.get("state"), call.params.get("states")
    if one and many:
        raise invalid("state and states cannot be used together")
    return list(many) if many else [str(one)] if one else default


def _sorted(call: Call, orders: list[Order]) -> list[Order]:
    return sorted(orders, key=lambda order: order.created_ms, reverse=call.params.get("order_by") != "asc")


def _symbol(call: Call) -> str | None:
    name = call.params.get("market")
    return str(name) if name else None


def open_orders(call: Call) -> list[dict[str, Any]]:
    """`wait` and `watch`; pages of up to 100."""
    states = _states(call, ["wait"])
    if not set(states) <= {"wait", "watch"}:
        raise invalid("states does not have a valid value")
    live = live_of(call.world, call.account, VENUE, _symbol(call)) if "wait" in states else []
    limit, page = min(int(call.params.get("limit") or 100), 100), int(call.params.get("page") or 1)
    chosen = _sorted(call, live)[(page - 1) * limit : page * limit]
    return [order_body(order) for order in chosen]


def closed_orders(call: Call) -> list[dict[str, Any]]:
    """`done` and `cancel` of a window of at most seven days, the last seven unless told otherwise."""
    states = _states(call, ["done", "cancel"])
    if not set(states) <= {"done", "cancel"}:
        raise invalid("states does not have a valid value")
    start, end = _window(call)
    orders = [
        order
        for order in orders_of(call.world, call.account, VENUE, _symbol(call))
        if not order.live and state_of(order) in states and start <= order.created_ms <= end
    ]
    return [order_body(order) for order in _sorted(call, orders)[: min(int(call.params.get("limit") or 100), 1000)]]


def _window(call: Call) -> tuple[int, int]:
    start, end = _time(call, "start_time"), _time(call, "end_time")
    if start is None:
        end = call.now_ms if end is None else end
        start = end - _WINDOW_MS
    end = start + _WINDOW_MS if end is None else end
    if end - start > _WINDOW_MS:
        raise invalid("the window is longer than 7 days")
    return start, end


def _time(call: Call, name: str) -> int | None:
    """Milliseconds, or ISO 8601."""
    sent = str(call.params.get(name) or "")
    if not sent:
        return None
    try:
        return int(sent) if sent.isdigit() else int(datetime.fromisoformat(sent).timestamp() * 1000)
    except ValueError:
        raise invalid(f"{name} does not have a valid value") from None


def accounts(call: Call) -> list[dict[str, Any]]:
    return [_account(asset, balance) for asset, balance in call.account.wallets.get("spot", {}).items()]


def _account(asset: str, balance: Balance) -> dict[str, Any]:
    return {
        "currency": asset,
        "balance": text(balance.free),
        "locked": text(balance.locked),
        "avg_buy_price": "0",
        "avg_buy_price_modified": True,
        "unit_currency": "KRW",
    }


def api_keys(call: Call) -> list[dict[str, Any]]:
    """The account's keys, each as if it was made just now: it ends in a year."""
    end = datetime.fromtimestamp(call.now_ms / 1000, _KOREA) + _KEY_LASTS
    return [
        {"access_key": credential.key, "expire_at": end.isoformat(timespec="seconds")}
        for credential in call.world.credentials.values()
        if credential.account is call.account
    ]


def chance(call: Call) -> dict[str, Any]:
    book = call.world.book(VENUE, str(call.params.get("market")))
    if book is None:
        raise invalid("market is missing, market does not have a valid value")
    market, fee = book.market, text(book.market.taker_fee)
    least = text(market.min_notional)
    kinds = ["best_fok", "best_ioc", "limit", "limit_fok", "limit_ioc"]
    return {
        **dict.fromkeys(("bid_fee", "ask_fee", "maker_bid_fee", "maker_ask_fee"), fee),
        "market": {
            "id": market.symbol,
            "name": f"{market.base}/{market.quote}",
            "order_types": ["limit"],
            "order_sides": ["ask", "bid"],
            "bid_types": [*kinds, "price"],
            "ask_types": [*kinds, "market"],
            "bid": {"currency": market.quote, "min_total": least},
            "ask": {"currency": market.base, "min_total": least},
            "max_total": "1000000000",
            "state": "active" if book.status == "trading" else "offline",
        },
        "bid_account": _account(market.quote, call.account.balance("spot", market.quote)),
        "ask_account": _account(market.base, call.account.balance("spot", market.base)),
    }
