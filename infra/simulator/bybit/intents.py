"""Reading Bybit's order parameters (order/create-order.mdx), with the complaint that each mistake gets."""

import re
from decimal import Decimal, InvalidOperation
from typing import Literal

from infra.simulator.bybit.errors import BybitError
from infra.simulator.model import ZERO, Book, Intent, PositionSide, Side, TimeInForce, Trigger, text
from infra.simulator.world import Call

Filter = Literal["Order", "StopOrder", "tpslOrder"]

_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")


def intent_of(call: Call, book: Book) -> Intent:
    spot = book.market.venue == "bybit-spot"
    side, is_limit = _side(call, spot), _is_limit(call, spot)
    quantity, by_quote = _number(call, "qty"), spot and not is_limit and _by_quote(call, side)
    price = _number(call, "price") if is_limit else None
    order_filter = _order_filter(call, spot)
    word = str(call.params.get("timeInForce") or "GTC") if is_limit else "IOC"
    intent = Intent(
        side=side,
        kind="LIMIT" if is_limit else "MARKET",
        client_id=_link_id(call, spot),
        quantity=None if by_quote else quantity,
        quote_quantity=quantity if by_quote else None,
        price=price,
        time_in_force=_time_in_force(word, spot),
        post_only=word == "PostOnly",
        trigger=_trigger(call, book, order_filter),
        reduce_only=not spot and _flag(call, "reduceOnly"),
        position_side=_position_side(call, spot),
        holds_funds=order_filter != "StopOrder",
        wire={
            "timeInForce": word,
            "orderFilter": order_filter,
            "marketUnit": ("quoteCoin" if by_quote else "baseCoin") if spot and not is_limit else "",
            "takeProfit": str(call.params.get("takeProfit") or ""),
            "stopLoss": str(call.params.get("stopLoss") or ""),
            "triggerBy": str(call.params.get("triggerBy") or "LastPrice"),
            "positionIdx": int(call.params.get("positionIdx") or 0),
        },
    )
    (_check_spot if spot else _check_linear)(book, intent)
    return intent


def _bad(name: str) -> BybitError:
    return BybitError(10001, f"params error: {name} invalid")


def _side(call: Call, spot: bool) -> Side:
    match call.params.get("side"):
        case "Buy":
            return "BUY"
        case "Sell":
            return "SELL"
        case _:
            raise BybitError(170117, "Invalid side.") if spot else BybitError(10001, "Side invalid")


def _is_limit(call: Call, spot: bool) -> bool:
    name = call.params.get("orderType")
    if name not in ("Limit", "Market"):
        raise BybitError(170116, "Invalid orderType.") if spot else BybitError(10001, "OrderType invalid")
    return bool(name == "Limit")


def _by_quote(call: Call, side: Side) -> bool:
    """Without `marketUnit` a spot market buy is by value and a sell by base."""
    unit = call.params.get("marketUnit") or ("quoteCoin" if side == "BUY" else "baseCoin")
    if unit not in ("baseCoin", "quoteCoin"):
        raise _bad("marketUnit")
    return bool(unit == "quoteCoin")


def _number(call: Call, name: str) -> Decimal:
    try:
        value = Decimal(str(call.params.get(name) or ""))
    except InvalidOperation:
        raise _bad(name) from None
    if not value.is_finite() or value <= ZERO:
        raise _bad(name)
    return value


def _flag(call: Call, name: str) -> bool:
    return str(call.params.get(name, "")).lower() == "true"


def _order_filter(call: Call, spot: bool) -> Filter:
    """Only spot has it; there, without it, an order is a plain one and `triggerPrice` means nothing."""
    if not spot:
        return "StopOrder" if call.params.get("triggerPrice") else "Order"
    match call.params.get("orderFilter") or "Order":
        case "Order":
            return "Order"
        case "StopOrder":
            return "StopOrder"
        case "tpslOrder":
            return "tpslOrder"
        case _:
            raise BybitError(170202, "Invalid orderFilter parameter.")


def _time_in_force(word: str, spot: bool) -> TimeInForce:
    match word:
        case "GTC" | "PostOnly":
            return "GTC"
        case "IOC":
            return "IOC"
        case "FOK":
            return "FOK"
        case _:
            raise BybitError(170115, "Invalid timeInForce.") if spot else BybitError(10001, "TimeInForce invalid")


def _link_id(call: Call, spot: bool) -> str:
    """Never to be used twice; one that was refused at once is free again [reasoning, not a documented rule]."""
    link = str(call.params.get("orderLinkId") or "")
    if link and not _ID.fullmatch(link):
        raise BybitError(10001, "OrderLinkedID invalid")
    if link and (call.route.venue, link) in call.account.spent_client_ids:
        raise (
            BybitError(170141, "Duplicate clientOrderId") if spot else BybitError(110072, "OrderLinkedID is duplicate")
        )
    return link


def _position_side(call: Call, spot: bool) -> PositionSide:
    index = int(call.params.get("positionIdx") or 0)
    if spot:
        return "BOTH"
    if (index == 0) == call.account.hedge_mode:
        raise BybitError(10001, "position idx not match position mode")
    return "BOTH" if index == 0 else "LONG" if index == 1 else "SHORT"


def _trigger(call: Call, book: Book, order_filter: Filter) -> Trigger | None:
    if order_filter == "Order":
        return None
    price = _number(call, "triggerPrice")
    if book.market.venue == "bybit-spot":
        return Trigger(price, rising=price > book.price)
    direction = str(call.params.get("triggerDirection") or "")
    if direction not in ("1", "2"):
        raise BybitError(10001, "TriggerDirection invalid")
    trigger = Trigger(price, rising=direction == "1")
    if trigger.met_at(book.price):
        code, word, sign = (110092, "Rising", "<=") if trigger.rising else (110093, "Falling", ">=")
        raise BybitError(code, f"expect {word}, but trigger_price[{text(price)}] {sign} current[{text(book.price)}]")
    return trigger


def _check_spot(book: Book, intent: Intent) -> None:
    market, quantity = book.market, intent.quantity
    if intent.price is not None and intent.price % market.tick != ZERO:
        raise BybitError(170134, "Order price has too many decimals.")
    if quantity is not None:
        if quantity % market.step != ZERO:
            raise BybitError(170137, "Order volume has too many decimals.")
        if quantity < market.min_quantity:
            raise BybitError(170136, "Order quantity exceeded lower limit.")
        if quantity > (market.max_quantity if intent.price else market.max_quantity / 2):
            raise BybitError(170135, "Order quantity exceeded upper limit.")
    elif intent.quote_quantity is not None and intent.quote_quantity % Decimal("0.0000001") != ZERO:
        raise BybitError(170148, "Market order amount decimal too long")
    value = intent.quote_quantity if quantity is None else quantity * (intent.price or book.price)
    if value is not None and value < market.min_notional:
        raise BybitError(170140, "Order value exceeded lower limit.")


def _check_linear(book: Book, intent: Intent) -> None:
    market, quantity = book.market, intent.quantity or ZERO
    if intent.price is not None and intent.price % market.tick != ZERO:
        raise BybitError(10001, "params error: price invalid")
    if quantity < market.min_quantity or quantity % market.step != ZERO:
        raise BybitError(10001, "Qty invalid")
    if quantity > (market.max_quantity if intent.price else market.max_quantity / 2):
        raise BybitError(10001, "The number of contracts exceeds maximum limit allowed: too large")
    if not intent.reduce_only and quantity * (intent.price or book.price) < market.min_notional:
        raise BybitError(110094, f"Order does not meet minimum order value {text(market.min_notional)}USDT")
