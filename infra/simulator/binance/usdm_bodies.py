"""USD-M's answers, field by field as in the unit tests of Binance's connector.

Since SDK 14.0.0 (2026-07-15) the answers to create and cancel carry neither `avgPrice` nor `cumQuote`.
"""

from typing import Any

from infra.simulator.binance.spot_bodies import status
from infra.simulator.model import ZERO, Order, State, fixed, text

_ALGO_STATUS = {
    State.ACCEPTED: "NEW",
    State.WAITING: "NEW",
    State.CANCELED: "CANCELED",
    State.REJECTED: "REJECTED",
    State.EXPIRED: "EXPIRED",
}


def created(order: Order, *, acknowledged_only: bool = False) -> dict[str, Any]:
    """An ACK shows the order before it traded."""
    filled = ZERO if acknowledged_only else order.filled
    return {
        "clientOrderId": order.intent.client_id,
        "cumQty": text(filled),
        "executedQty": text(filled),
        "orderId": order.id,
        "status": "NEW" if acknowledged_only else status(order),
    } | _terms(order)


def queried(order: Order) -> dict[str, Any]:
    return {
        "avgPrice": fixed(order.average_price, 5),
        "clientOrderId": order.intent.client_id,
        "cumQuote": text(order.filled_quote),
        "executedQty": text(order.filled),
        "orderId": order.id,
        "status": status(order),
        "time": order.created_ms,
    } | _terms(order)


def _terms(order: Order) -> dict[str, Any]:
    intent = order.intent
    return {
        "origQty": text(intent.quantity or ZERO),
        "price": text(intent.price or ZERO),
        "reduceOnly": intent.reduce_only,
        "side": intent.side,
        "positionSide": intent.position_side,
        "stopPrice": "0",
        "closePosition": False,
        "symbol": order.market.symbol,
        "timeInForce": intent.wire["timeInForce"],
        "type": intent.kind,
        "origType": intent.kind,
        "updateTime": order.updated_ms,
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": intent.wire.get("goodTillDate", 0),
    }


def algo_status(order: Order) -> str:
    if order.child is None:
        return _ALGO_STATUS[order.state]
    return "TRIGGERED" if order.child.live else "FINISHED"


def algo_created(order: Order) -> dict[str, Any]:
    return _algo_head(order) | _algo_terms(order) | {"activatePrice": "", "callbackRate": ""} | _algo_times(order)


def algo_queried(order: Order) -> dict[str, Any]:
    child = order.child
    actual = {
        "actualOrderId": str(child.id) if child else "",
        "actualPrice": fixed(child.average_price if child else ZERO, 5),
        "actualType": order.intent.kind,
        "actualQty": text(child.filled if child else order.intent.quantity or ZERO),
        "tpOrderType": "",
    }
    return _algo_head(order) | actual | _algo_terms(order) | _algo_times(order)


def algo_listed(order: Order) -> dict[str, Any]:
    legs = {"tpTriggerPrice": "0.000", "tpPrice": "0.000", "slTriggerPrice": "0.000", "slPrice": "0.000"}
    return algo_queried(order) | legs


def _algo_head(order: Order) -> dict[str, Any]:
    intent = order.intent
    return {
        "algoId": order.id,
        "clientAlgoId": intent.client_id,
        "algoType": "CONDITIONAL",
        "orderType": intent.wire["type"],
        "symbol": order.market.symbol,
        "side": intent.side,
        "positionSide": intent.position_side,
        "timeInForce": intent.wire["timeInForce"],
        "quantity": text(intent.quantity or ZERO),
        "algoStatus": algo_status(order),
    }


def _algo_terms(order: Order) -> dict[str, Any]:
    intent = order.intent
    return {
        "triggerPrice": text(intent.trigger.price if intent.trigger else ZERO),
        "price": text(intent.price or ZERO),
        "icebergQuantity": "None",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": intent.wire.get("workingType", "CONTRACT_PRICE"),
        "priceMatch": "NONE",
        "closePosition": intent.wire.get("closePosition", False),
        "priceProtect": intent.wire.get("priceProtect", False),
        "reduceOnly": intent.reduce_only,
    }


def _algo_times(order: Order) -> dict[str, Any]:
    return {
        "createTime": order.created_ms,
        "updateTime": order.updated_ms,
        "triggerTime": order.triggered_ms,
        "goodTillDate": 0,
    }
