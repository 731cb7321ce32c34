"""Binance spot's order operations."""

from dataclasses import dataclass
from typing import Any

from infra.simulator.binance import spot_bodies as bodies
from infra.simulator.binance.auth import check_window
from infra.simulator.binance.errors import (
    NO_FUNDS,
    NO_ORDER,
    UNKNOWN_ORDER,
    BinanceError,
    either,
    missing,
    not_required,
    rejected,
)
from infra.simulator.binance.filters import check_spot
from infra.simulator.binance.parsing import book_of, client_id, count, positive, required, side_of
from infra.simulator.model import Book, Intent, Kind, Order, RefusedError, State, TimeInForce, Trigger, Venue
from infra.simulator.placing import place
from infra.simulator.queries import cancelable, live_of, named, orders_of, readable
from infra.simulator.world import Call

VENUE: Venue = "binance-spot"
_ARCHIVED_AFTER_MS = 90 * 86_400_000


@dataclass(frozen=True)
class _Type:
    """Which parameters a type takes beside symbol, side and the ids (rest-api.md, "New order")."""

    kind: Kind
    priced: bool = False
    timed: bool = False
    trigger: str = ""  # "stop" or "profit"
    maker: bool = False


_TYPES = {
    "LIMIT": _Type("LIMIT", priced=True, timed=True),
    "MARKET": _Type("MARKET"),
    "LIMIT_MAKER": _Type("LIMIT", priced=True, maker=True),
    "STOP_LOSS": _Type("MARKET", trigger="stop"),
    "STOP_LOSS_LIMIT": _Type("LIMIT", priced=True, timed=True, trigger="stop"),
    "TAKE_PROFIT": _Type("MARKET", trigger="profit"),
    "TAKE_PROFIT_LIMIT": _Type("LIMIT", priced=True, timed=True, trigger="profit"),
}
_KNOWN = frozenset({
    "symbol", "side", "type", "timeInForce", "quantity", "quoteOrderQty", "price", "newClientOrderId", "stopPrice",
    "strategyId", "strategyType", "trailingDelta", "icebergQty", "newOrderRespType", "selfTradePreventionMode",
    "pegPriceType", "pegOffsetValue", "pegOffsetType", "computeCommissionRates", "recvWindow", "timestamp",
    "signature",
})  # fmt: skip


def create(call: Call) -> Any:
    intent = _checked_intent(call)
    check_window(call, call.engine_ms)  # the second check, "just before the matching engine"
    _refuse_duplicate(call, intent)
    market = book_of(call).market
    if intent.post_only and call.world.engine.would_take(market, intent):
        raise rejected("Order would immediately match and take.")
    try:
        order = place(call, market, intent)
    except RefusedError:
        raise rejected(NO_FUNDS) from None
    return bodies.created(order, _response_type(call, intent))


def test(call: Call) -> dict[str, Any]:
    """Checks all that `create` checks short of the matching engine."""
    _checked_intent(call)
    return {}


def _refuse_duplicate(call: Call, intent: Intent) -> None:
    """Only an OPEN order blocks its id: "accepted only when the previous one is filled"."""
    if any(order.live for order in named(call.account, VENUE, "client", intent.client_id)):
        raise rejected("Duplicate order sent.")


def _checked_intent(call: Call) -> Intent:
    unknown = set(call.params) - _KNOWN
    if unknown:
        read, sent = len(call.params) - len(unknown), len(call.params)
        message = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
        raise BinanceError(-1104, message)
    book = book_of(call)
    if book.status != "trading":
        raise BinanceError(-1013, "Market is closed.")
    intent = _intent(call, book)
    check_spot(call, book, intent)
    return intent


def _intent(call: Call, book: Book) -> Intent:
    side, name = side_of(call), required(call, "type")
    spec = _TYPES.get(name)
    if spec is None:
        raise BinanceError(-1116, "Invalid orderType.")
    _refuse_superfluous(call, spec)
    by_quote = "quoteOrderQty" in call.params
    if name == "MARKET" and not by_quote and "quantity" not in call.params:
        raise either("quantity", "quoteOrderQty")
    return Intent(
        side=side,
        kind=spec.kind,
        client_id=client_id(call, "newClientOrderId"),
        quantity=None if by_quote else positive(call, "quantity"),
        quote_quantity=positive(call, "quoteOrderQty") if by_quote else None,
        price=positive(call, "price") if spec.priced else None,
        time_in_force=_time_in_force(call) if spec.timed else "GTC",
        post_only=spec.maker,
        trigger=_trigger(call, spec, side, book) if spec.trigger else None,
        wire={"type": name},
    )


def _refuse_superfluous(call: Call, spec: _Type) -> None:
    for name, allowed in (
        ("price", spec.priced),
        ("timeInForce", spec.timed),
        ("stopPrice", bool(spec.trigger)),
        ("quoteOrderQty", spec.kind == "MARKET" and not spec.trigger and "quantity" not in call.params),
    ):
        if name in call.params and not allowed:
            raise not_required(name)


def _time_in_force(call: Call) -> TimeInForce:
    match required(call, "timeInForce"):
        case "GTC":
            return "GTC"
        case "IOC":
            return "IOC"
        case "FOK":
            return "FOK"
        case _:
            raise BinanceError(-1115, "Invalid timeInForce.")


def _trigger(call: Call, spec: _Type, side: str, book: Book) -> Trigger:
    """A stop buys above and sells below the market, a profit the other way round."""
    trigger = Trigger(positive(call, "stopPrice"), rising=(side == "BUY") == (spec.trigger == "stop"))
    if trigger.met_at(book.price):
        raise rejected("Order would trigger immediately.")
    return trigger


def _response_type(call: Call, intent: Intent) -> str:
    """Default FULL for MARKET and LIMIT, ACK for all others."""
    default = "FULL" if intent.wire["type"] in ("MARKET", "LIMIT") else "ACK"
    return str(call.params.get("newOrderRespType", default))


def query(call: Call) -> dict[str, Any]:
    book_of(call)
    orders = readable(call.world, _addressed(call, "origClientOrderId"))
    if not orders:
        raise BinanceError(*NO_ORDER)
    order = orders[-1]
    if not order.live and not order.filled and call.now_ms - order.updated_ms > _ARCHIVED_AFTER_MS:
        message = "Order was canceled or expired with no executed qty over 90 days ago and has been archived."
        raise BinanceError(-2026, message)
    return bodies.queried(order)


def cancel(call: Call) -> dict[str, Any]:
    book = book_of(call)
    check_window(call, call.engine_ms)
    orders = cancelable(call.world, _addressed(call, "origClientOrderId"))
    if book.status == "halted":
        raise BinanceError(-2011, "Market is closed.")
    if not orders:
        raise BinanceError(*UNKNOWN_ORDER)
    order = orders[-1]
    _check_restriction(call, order)
    call.world.engine.cancel(order)
    return bodies.canceled(order, client_id(call, "newClientOrderId"), call.now_ms)


def _addressed(call: Call, client_name: str) -> list[Order]:
    """By orderId or client id; with both, the first is searched and then compared."""
    symbol, by_id, by_client = required(call, "symbol"), call.params.get("orderId"), call.params.get(client_name)
    if by_id is None and by_client is None:
        raise either(client_name, "orderId")
    if by_id is None:
        found = named(call.account, VENUE, "client", str(by_client))
    else:
        found = named(call.account, VENUE, "id", str(count(call, "orderId", 0)))
        if by_client is not None and found and found[-1].intent.client_id != by_client:
            raise BinanceError(-2039, "Client order ID is not correct for this order ID.")
    return [order for order in found if order.market.symbol == symbol]


def _check_restriction(call: Call, order: Order) -> None:
    restriction = call.params.get("cancelRestrictions")
    if restriction not in (None, "ONLY_NEW", "ONLY_PARTIALLY_FILLED"):
        raise BinanceError(-1145, "`cancelRestrictions` has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`.")
    if restriction and (restriction == "ONLY_NEW") == bool(order.filled):
        raise BinanceError(-2011, "Order was not canceled due to cancel restrictions.")


def cancel_all(call: Call) -> list[dict[str, Any]]:
    book = book_of(call)
    check_window(call, call.engine_ms)
    orders = live_of(call.world, call.account, VENUE, book.market.symbol)
    if not orders:
        raise BinanceError(*UNKNOWN_ORDER)
    for order in orders:
        call.world.engine.cancel(order)
    return [bodies.canceled(order, client_id(call, "newClientOrderId"), call.now_ms) for order in orders]


def open_orders(call: Call) -> list[dict[str, Any]]:
    symbol = book_of(call).market.symbol if "symbol" in call.params else None
    return [bodies.queried(order) for order in live_of(call.world, call.account, VENUE, symbol)]


def all_orders(call: Call) -> list[dict[str, Any]]:
    """With orderId those from it on, else the most recent ones."""
    if "symbol" not in call.params:
        raise missing("symbol")
    start, end = count(call, "startTime", 0), count(call, "endTime", 2**62)
    if "startTime" in call.params and "endTime" in call.params and end - start > 86_400_000:
        raise BinanceError(-1127, "More than 24 hours between startTime and endTime.")
    first, limit = count(call, "orderId", 0), count(call, "limit", 500)
    found = orders_of(call.world, call.account, VENUE, book_of(call).market.symbol)
    orders = [order for order in found if order.id >= first and start <= order.created_ms <= end]
    chosen = orders[:limit] if first else orders[-limit:]
    return [bodies.queried(order) for order in chosen if order.state is not State.ACCEPTED]
