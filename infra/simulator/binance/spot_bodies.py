"""Binance spot's answers, field by field as in the examples of rest-api.md."""

from typing import Any

from infra.simulator.model import ZERO, Order, Reason, State, fixed

_STATUS = {
    State.ACCEPTED: "PENDING_NEW",
    State.WAITING: "NEW",
    State.FILLED: "FILLED",
    State.CANCELED: "CANCELED",
    State.REJECTED: "REJECTED",
    State.EXPIRED: "EXPIRED",
}
_EXPIRY = {
    Reason.IOC: "UNFILLED_IOC_QUANTITY_EXPIRED",
    Reason.FOK: "UNFILLED_FOK_ORDER_EXPIRED",
    Reason.LIQUIDITY: "INSUFFICIENT_LIQUIDITY",
}


def status(order: Order) -> str:
    if order.state is State.OPEN:
        return "PARTIALLY_FILLED" if order.filled else "NEW"
    if order.note == "EXPIRED_IN_MATCH":
        return order.note
    return _STATUS[order.state]


def created(order: Order, response_type: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "symbol": order.market.symbol,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.intent.client_id,
        "transactTime": order.updated_ms,
    }
    if response_type == "ACK":
        return body
    body |= _amounts(order) | _conditional(order)
    if order.working_ms:
        body["workingTime"] = order.working_ms
    body["selfTradePreventionMode"] = "NONE"
    body |= _expiry(order)
    if response_type == "FULL":
        body["fills"] = [
            {
                "price": fixed(fill.price),
                "qty": fixed(fill.quantity),
                "commission": fixed(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.id,
            }
            for fill in order.fills
        ]
    return body


def _amounts(order: Order) -> dict[str, Any]:
    intent = order.intent
    quantity = order.filled if intent.quantity is None else intent.quantity
    return {
        "price": fixed(intent.price or ZERO),
        "origQty": fixed(quantity),
        "executedQty": fixed(order.filled),
        "origQuoteOrderQty": fixed(intent.quote_quantity or ZERO),
        "cummulativeQuoteQty": fixed(order.filled_quote),
        "status": status(order),
        "timeInForce": intent.time_in_force,
        "type": intent.wire["type"],
        "side": intent.side,
    }


def _conditional(order: Order) -> dict[str, Any]:
    return {"stopPrice": fixed(order.intent.trigger.price)} if order.intent.trigger else {}


def _expiry(order: Order) -> dict[str, Any]:
    reason = _EXPIRY.get(order.reason)
    return {"expiryReason": reason} if reason and order.state is State.EXPIRED else {}


def queried(order: Order) -> dict[str, Any]:
    trigger = order.intent.trigger
    return (
        {
            "symbol": order.market.symbol,
            "orderId": order.id,
            "orderListId": -1,
            "clientOrderId": order.intent.client_id,
        }
        | _amounts(order)
        | {
            "stopPrice": fixed(trigger.price if trigger else ZERO),
            "icebergQty": fixed(ZERO),
            "time": order.created_ms,
            "updateTime": order.updated_ms,
            "isWorking": bool(order.working_ms),
            "workingTime": order.working_ms or -1,
            "selfTradePreventionMode": "NONE",
        }
        | _expiry(order)
    )


def canceled(order: Order, cancel_id: str, now_ms: int) -> dict[str, Any]:
    """`clientOrderId` is the id of the cancel; the order's is `origClientOrderId`."""
    return (
        {
            "symbol": order.market.symbol,
            "origClientOrderId": order.intent.client_id,
            "orderId": order.id,
            "orderListId": -1,
            "clientOrderId": cancel_id,
            "transactTime": now_ms,
        }
        | _amounts(order)
        | _conditional(order)
        | {"selfTradePreventionMode": "NONE"}
    )
