"""USD-M's conditional orders: the algo service with its own ids and its own book.

`openOrders`, `allOpenOrders` and `GET /order` do not see them; once triggered, the order that trades is another one,
named by `actualOrderId`.
"""

from typing import Any

from infra.simulator.binance import usdm_bodies as bodies
from infra.simulator.binance.errors import NO_ORDER, UNKNOWN_ORDER, BinanceError, either, missing
from infra.simulator.binance.filters import check_usdm
from infra.simulator.binance.parsing import book_of, client_id, count, flag, positive, required, side_of
from infra.simulator.binance.usdm_orders import (
    VENUE,
    forgotten,
    position_side,
    reduces,
    refuse_duplicate,
    submit,
    time_in_force,
)
from infra.simulator.ledger import position_of
from infra.simulator.model import ZERO, Book, Intent, Order, Trigger
from infra.simulator.queries import cancelable, live_of, named, orders_of, readable
from infra.simulator.world import Call

_TYPES = {"STOP_MARKET": "stop", "STOP": "stop", "TAKE_PROFIT_MARKET": "profit", "TAKE_PROFIT": "profit"}


def create(call: Call) -> dict[str, Any]:
    if required(call, "algoType") != "CONDITIONAL":
        raise BinanceError(-1130, "Data sent for parameter 'algoType' is not valid.")
    book, name = book_of(call), required(call, "type")
    if name not in _TYPES:
        raise BinanceError(-1116, "Invalid orderType.")
    intent = _intent(call, book, name)
    check_usdm(book, intent)
    refuse_duplicate(call, intent.client_id, separate_book=True)
    return bodies.algo_created(submit(call, book.market, intent))


def _intent(call: Call, book: Book, name: str) -> Intent:
    limit, closes = name in ("STOP", "TAKE_PROFIT"), flag(call, "closePosition")
    side, quantity = side_of(call), None
    if closes:
        quantity = abs(position_of(call.account, book.market, "BOTH").amount) or None
    elif "quantity" not in call.params:
        raise missing("quantity")
    trigger = Trigger(positive(call, "triggerPrice"), rising=(side == "BUY") == (_TYPES[name] == "stop"))
    if trigger.met_at(book.price):
        raise BinanceError(-2021, "Order would immediately trigger.")
    word = call.params.get("timeInForce", "GTC")
    return Intent(
        side=side,
        kind="LIMIT" if limit else "MARKET",
        client_id=client_id(call, "clientAlgoId"),
        quantity=quantity or (ZERO if closes else positive(call, "quantity")),
        price=positive(call, "price") if limit else None,
        time_in_force=time_in_force(word),
        post_only=word == "GTX",
        trigger=trigger,
        reduce_only=reduces(call) or closes,
        position_side=position_side(call),
        separate_book=True,
        wire={
            "type": name,
            "timeInForce": word,
            "closePosition": closes,
            "priceProtect": flag(call, "priceProtect"),
            "workingType": call.params.get("workingType", "CONTRACT_PRICE"),
        },
    )


def query(call: Call) -> dict[str, Any]:
    orders = readable(call.world, _addressed(call))
    if not orders or _forgotten(call, orders[-1]):
        raise BinanceError(*NO_ORDER)
    return bodies.algo_queried(orders[-1])


def _forgotten(call: Call, order: Order) -> bool:
    """As a plain order; a triggered one is remembered as long as the order that trades."""
    return forgotten(call, order.child or order)


def cancel(call: Call) -> dict[str, Any]:
    orders = cancelable(call.world, _addressed(call))
    if not orders:
        raise BinanceError(*UNKNOWN_ORDER)
    order = orders[-1]
    call.world.engine.cancel(order)
    return {"algoId": order.id, "clientAlgoId": order.intent.client_id, "code": "200", "msg": "success"}


def _addressed(call: Call) -> list[Order]:
    if "algoId" in call.params:
        found = named(call.account, VENUE, "id", str(count(call, "algoId", 0)))
    elif "clientAlgoId" in call.params:
        found = named(call.account, VENUE, "client", call.params["clientAlgoId"])
    else:
        raise either("algoId", "clientAlgoId")
    return [order for order in found if order.intent.separate_book]


def _live(call: Call) -> list[Order]:
    symbol = book_of(call).market.symbol if "symbol" in call.params else None
    live = live_of(call.world, call.account, VENUE, symbol)
    return [order for order in live if order.intent.separate_book]


def open_orders(call: Call) -> list[dict[str, Any]]:
    return [bodies.algo_listed(order) for order in _live(call)]


def all_orders(call: Call) -> list[dict[str, Any]]:
    orders = orders_of(call.world, call.account, VENUE, book_of(call).market.symbol)
    return [bodies.algo_listed(o) for o in orders if o.intent.separate_book and not _forgotten(call, o)]


def cancel_all(call: Call) -> dict[str, Any]:
    required(call, "symbol")
    for order in _live(call):
        call.world.engine.cancel(order)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}
