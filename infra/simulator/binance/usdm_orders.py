"""USD-M's plain order operations: LIMIT and MARKET; conditional ones are refused with -4120, see usdm_algo."""

from typing import Any

from infra.simulator.binance import usdm_bodies as bodies
from infra.simulator.binance.errors import NO_ORDER, UNKNOWN_ORDER, BinanceError, either, missing, not_required
from infra.simulator.binance.filters import check_usdm
from infra.simulator.binance.parsing import book_of, client_id, count, flag, positive, required, side_of
from infra.simulator.model import Intent, Market, Order, PositionSide, Reason, RefusedError, TimeInForce, Venue
from infra.simulator.placing import place
from infra.simulator.queries import cancelable, live_of, named, orders_of, readable
from infra.simulator.world import Call

VENUE: Venue = "binance-usdm"
_UNFILLED_KEPT_MS, _KEPT_MS = 3 * 86_400_000, 90 * 86_400_000
_CONDITIONAL = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
_DONE = {"code": 200, "msg": "The operation of cancel all open order is done."}


def create(call: Call) -> dict[str, Any]:
    intent = _checked_intent(call)
    refuse_duplicate(call, intent.client_id, separate_book=False)
    market = book_of(call).market
    _refuse_unfillable(call, market, intent)
    order = submit(call, market, intent)
    return bodies.created(order, acknowledged_only=call.params.get("newOrderRespType", "ACK") == "ACK")


def test(call: Call) -> dict[str, Any]:
    _checked_intent(call)
    return {}


def submit(call: Call, market: Market, intent: Intent) -> Order:
    try:
        return place(call, market, intent)
    except RefusedError as refused:
        if refused.reason is Reason.REDUCE_ONLY:
            raise BinanceError(-2022, "ReduceOnly Order is rejected.") from None
        raise BinanceError(-2019, "Margin is insufficient.") from None


def refuse_duplicate(call: Call, wanted: str, *, separate_book: bool) -> None:
    taken = named(call.account, VENUE, "client", wanted)
    if any(order.live and order.intent.separate_book == separate_book for order in taken):
        raise BinanceError(-4116, "ClientOrderId is duplicated.")


def _refuse_unfillable(call: Call, market: Market, intent: Intent) -> None:
    """Since 2023-03 a GTX that would take, or a FOK that cannot fill, leaves no order behind."""
    takes, book = call.world.engine.would_take(market, intent), call.world.engine.book(market)
    if intent.post_only and takes:
        message = "Due to the order could not be executed as maker, the Post Only order will be rejected."
        raise BinanceError(-5022, message)
    short = book.liquidity is not None and (intent.quantity or 0) > book.liquidity
    if intent.time_in_force == "FOK" and (not takes or short):
        message = "Due to the order could not be filled immediately, the FOK order has been rejected."
        raise BinanceError(-5021, message)


def _checked_intent(call: Call) -> Intent:
    book = book_of(call)
    if book.status != "trading":
        raise BinanceError(-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading.")
    name = required(call, "type")
    if name in _CONDITIONAL:
        message = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        raise BinanceError(-4120, message)
    if name not in ("LIMIT", "MARKET"):
        raise BinanceError(-1116, "Invalid orderType.")
    intent = _intent(call, name)
    check_usdm(book, intent)
    return intent


def _intent(call: Call, name: str) -> Intent:
    limit = name == "LIMIT"
    for parameter in () if limit else ("price", "timeInForce"):
        if parameter in call.params:
            raise not_required(parameter)
    if "quoteOrderQty" in call.params:
        raise not_required("quoteOrderQty")
    word = required(call, "timeInForce") if limit else "GTC"
    till = count(call, "goodTillDate", 0)
    if word == "GTD" and not till:
        raise missing("goodTillDate")
    return Intent(
        side=side_of(call),
        kind="LIMIT" if limit else "MARKET",
        client_id=client_id(call, "newClientOrderId"),
        quantity=positive(call, "quantity"),
        price=positive(call, "price") if limit else None,
        time_in_force=time_in_force(word),
        post_only=word == "GTX",
        reduce_only=reduces(call),
        position_side=position_side(call),
        wire={"timeInForce": word, "goodTillDate": till},
    )


def time_in_force(word: str) -> TimeInForce:
    match word:
        case "GTC" | "GTX" | "GTD":
            return "GTC"
        case "IOC":
            return "IOC"
        case "FOK":
            return "FOK"
        case _:
            raise BinanceError(-1115, "Invalid timeInForce.")


def position_side(call: Call) -> PositionSide:
    """Hedge mode wants LONG or SHORT, one-way mode BOTH or nothing."""
    sent = call.params.get("positionSide", "BOTH")
    if sent not in ("BOTH", "LONG", "SHORT"):
        raise BinanceError(-4060, "Invalid position side.")
    if (sent == "BOTH") == call.account.hedge_mode:
        raise BinanceError(-4061, "Order's position side does not match user's setting.")
    return "LONG" if sent == "LONG" else "SHORT" if sent == "SHORT" else "BOTH"


def reduces(call: Call) -> bool:
    """In hedge mode the side says it, and the parameter is refused."""
    if call.account.hedge_mode:
        if "reduceOnly" in call.params:
            raise not_required("reduceonly")
        return (call.params.get("positionSide"), call.params.get("side")) in (("LONG", "SELL"), ("SHORT", "BUY"))
    return flag(call, "reduceOnly")


def query(call: Call) -> dict[str, Any]:
    orders = readable(call.world, _addressed(call))
    if not orders or forgotten(call, orders[-1]):
        raise BinanceError(*NO_ORDER)
    return bodies.queried(orders[-1])


def forgotten(call: Call, order: Order) -> bool:
    """Ended without a fill three days, or ended at all ninety days, after its creation (connector, query_order)."""
    kept = _KEPT_MS if order.filled else _UNFILLED_KEPT_MS
    return not order.live and call.now_ms - order.created_ms > kept


def query_open(call: Call) -> dict[str, Any]:
    """Says "does not exist" of a filled order too."""
    orders = [order for order in readable(call.world, _addressed(call)) if order.live]
    if not orders:
        raise BinanceError(*NO_ORDER)
    return bodies.queried(orders[-1])


def cancel(call: Call) -> dict[str, Any]:
    orders = cancelable(call.world, _addressed(call))
    if not orders:
        raise BinanceError(*UNKNOWN_ORDER)
    call.world.engine.cancel(orders[-1])
    return bodies.created(orders[-1])


def _addressed(call: Call) -> list[Order]:
    symbol = book_of(call).market.symbol
    if "orderId" in call.params:
        found = named(call.account, VENUE, "id", str(count(call, "orderId", 0)))
    elif "origClientOrderId" in call.params:
        found = named(call.account, VENUE, "client", call.params["origClientOrderId"])
    else:
        raise either("origClientOrderId", "orderId")
    return [order for order in found if order.market.symbol == symbol and not order.intent.separate_book]


def _live(call: Call) -> list[Order]:
    symbol = book_of(call).market.symbol if "symbol" in call.params else None
    live = live_of(call.world, call.account, VENUE, symbol)
    return [order for order in live if not order.intent.separate_book]


def cancel_all(call: Call) -> dict[str, Any]:
    required(call, "symbol")
    for order in _live(call):
        call.world.engine.cancel(order)
    return dict(_DONE)


def open_orders(call: Call) -> list[dict[str, Any]]:
    return [bodies.queried(order) for order in _live(call)]


def all_orders(call: Call) -> list[dict[str, Any]]:
    first, limit = count(call, "orderId", 0), count(call, "limit", 500)
    start, end = count(call, "startTime", 0), count(call, "endTime", 2**62)
    orders = [
        order
        for order in orders_of(call.world, call.account, VENUE, book_of(call).market.symbol)
        if not order.intent.separate_book and not forgotten(call, order)
        if order.id >= first and start <= order.created_ms <= end
    ]
    return [bodies.queried(order) for order in (orders[:limit] if first else orders[-limit:])]


def countdown_cancel_all(call: Call) -> dict[str, Any]:
    """The dead-man switch: each call replaces the last; zero turns it off."""
    symbol, wait = book_of(call).market.symbol, count(call, "countdownTime", 0)
    world, account = call.world, call.account
    set_at = world.countdowns[account.name, symbol] = object()

    def strike() -> None:
        if world.countdowns.get((account.name, symbol)) is set_at:
            for order in live_of(world, account, VENUE, symbol):
                world.engine.cancel(order)

    if wait:
        world.engine.later(wait, strike)
    return {"symbol": symbol, "countdownTime": str(wait)}
