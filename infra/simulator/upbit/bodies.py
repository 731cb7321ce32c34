"""Upbit's order bodies, field by field as in the reference pages' examples."""

from decimal import Decimal
from typing import Any

from infra.simulator.model import LIVE, ZERO, Order, State, text
from infra.simulator.upbit.quotation import moment


def state_of(order: Order) -> str:
    """A market buy whose remainder is refunded ends in `cancel`, one that comes out even in `done`."""
    if order.state in LIVE:
        return "wait"
    refunded = order.intent.quote_quantity is not None and order.filled_quote != order.intent.quote_quantity
    return "done" if order.state is State.FILLED and not refunded else "cancel"


def accepted(order: Order) -> dict[str, Any]:
    """As it was taken: waiting, nothing traded."""
    body = _terms(order) | _progress(order, ZERO, ZERO, ZERO) | {"trades_count": 0}
    return body | {"state": "wait", "locked": text(_locked(order, ZERO, ZERO))}


def order_body(order: Order) -> dict[str, Any]:
    fee = sum(order.fees.values(), ZERO)
    body = _terms(order) | _progress(order, order.filled, order.filled_quote, fee)
    locked = order.held if order.live else ZERO
    return body | {"state": state_of(order), "locked": text(locked), "trades_count": len(order.fills)}


def with_trades(order: Order) -> dict[str, Any]:
    trades = [
        {
            "market": order.market.symbol,
            "uuid": fill.uuid,
            "price": text(fill.price),
            "volume": text(fill.quantity),
            "funds": text(fill.price * fill.quantity),
            "trend": "up" if order.intent.side == "BUY" else "down",
            "created_at": moment(fill.time_ms),
            "side": _side(order),
        }
        for fill in order.fills
    ]
    return order_body(order) | {"trades": trades}


def _side(order: Order) -> str:
    return "bid" if order.intent.side == "BUY" else "ask"


def _terms(order: Order) -> dict[str, Any]:
    intent = order.intent
    price = intent.price if intent.price is not None else intent.quote_quantity
    body: dict[str, Any] = {
        "uuid": order.uuid,
        "side": _side(order),
        "ord_type": intent.wire["ord_type"],
        "price": None if price is None else text(price),
        "market": order.market.symbol,
        "created_at": moment(order.created_ms),
        "volume": None if intent.quantity is None else text(intent.quantity),
        "prevented_volume": "0",
        "prevented_locked": "0",
    }
    if intent.client_id:
        body["identifier"] = intent.client_id
    if intent.wire["time_in_force"]:
        body["time_in_force"] = intent.wire["time_in_force"]
    return body


def _progress(order: Order, filled: Decimal, funds: Decimal, fee: Decimal) -> dict[str, Any]:
    intent = order.intent
    reserved = _reserved_fee(order)
    return {
        "remaining_volume": None if intent.quantity is None else text(intent.quantity - filled),
        "reserved_fee": text(reserved),
        "remaining_fee": text(max(ZERO, reserved - fee)),
        "paid_fee": text(fee),
        "executed_volume": text(filled),
        "executed_funds": text(funds),
    }


def _reserved_fee(order: Order) -> Decimal:
    """A bid reserves its fee, an ask pays out of the proceeds."""
    intent = order.intent
    if intent.side == "SELL":
        return ZERO
    total = intent.quote_quantity or (intent.quantity or ZERO) * (intent.price or ZERO)
    return total * order.market.taker_fee


def _locked(order: Order, filled: Decimal, funds: Decimal) -> Decimal:
    intent = order.intent
    if intent.side == "SELL":
        return (intent.quantity or ZERO) - filled
    total = intent.quote_quantity or (intent.quantity or ZERO) * (intent.price or ZERO)
    return (total - funds) * (1 + order.market.taker_fee)
