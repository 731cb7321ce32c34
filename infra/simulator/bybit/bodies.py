"""Bybit's order and execution rows, field by field as in order/open-order.mdx and order/execution.mdx."""

from decimal import Decimal
from typing import Any

from infra.simulator.bybit.orders import order_id
from infra.simulator.model import ZERO, Fill, Order, Reason, State, text

_STATUS = {
    State.WAITING: "Untriggered",
    State.FILLED: "Filled",
    State.CANCELED: "Cancelled",
    State.REJECTED: "Rejected",
    State.EXPIRED: "Cancelled",
}
_REJECT_REASONS = {
    Reason.POST_ONLY: "EC_PostOnlyWillTakeLiquidity",
    Reason.LIQUIDITY: "EC_NoImmediateQtyToFill",
    Reason.IOC: "EC_NoImmediateQtyToFill",
    Reason.FOK: "EC_NoEnoughQtyToFill",
    Reason.BY_USER: "EC_PerCancelRequest",
    Reason.FUNDS: "EC_InvalidBalance",
    Reason.REDUCE_ONLY: "EC_ReduceOnly",
}


def status(order: Order) -> str:
    """Spot ends a partly filled order with a word of its own; linear says Cancelled."""
    spot = order.market.venue == "bybit-spot"
    if order.state is State.OPEN:
        return "PartiallyFilled" if order.filled else "New"
    if order.state is State.CANCELED and order.intent.trigger and not order.triggered_ms:
        return "Deactivated"
    if spot and order.state in (State.CANCELED, State.EXPIRED) and order.filled:
        return "PartiallyFilledCanceled"
    if spot and order.intent.quote_quantity is not None and order.state is State.FILLED and _refund(order):
        return "PartiallyFilledCanceled"
    return _STATUS[order.state]


def _refund(order: Order) -> bool:
    return order.filled_quote != order.intent.quote_quantity


def _reject_reason(order: Order) -> str:
    if order.state is State.REJECTED and order.note:
        return order.note
    return _REJECT_REASONS.get(order.reason, "EC_NoError")


def _leaves(order: Order) -> tuple[str, str]:
    """Quantity and value that are still to trade; a refunded remainder stays in the value."""
    intent = order.intent
    if intent.quote_quantity is not None:
        return "0", text(intent.quote_quantity - order.filled_quote)
    left = order.remaining if order.live else ZERO
    return text(left), text(left * (intent.price or order.average_price))


def order_row(order: Order) -> dict[str, Any]:
    intent, wire = order.intent, order.intent.wire
    asked = intent.quote_quantity if intent.quantity is None else intent.quantity
    leaves_quantity, leaves_value = _leaves(order)
    row = {
        "orderId": order_id(order),
        "orderLinkId": intent.client_id,
        "blockTradeId": "",
        "symbol": order.market.symbol,
        "price": text(intent.price or ZERO),
        "qty": text(asked or ZERO),
        "side": "Buy" if intent.side == "BUY" else "Sell",
        "isLeverage": "" if order.market.derivative else "0",
        "positionIdx": wire["positionIdx"],
        "orderStatus": status(order),
        "createType": "CreateByUser",
        "cancelType": "CancelByUser" if order.reason is Reason.BY_USER else "UNKNOWN",
        "rejectReason": _reject_reason(order),
        "avgPrice": text(order.average_price) if order.filled else ("0" if order.market.derivative else ""),
        "leavesQty": leaves_quantity,
        "leavesValue": leaves_value,
        "cumExecQty": text(order.filled),
        "cumExecValue": text(order.filled_quote),
        "cumExecFee": text(sum(order.fees.values(), ZERO)),
        "timeInForce": wire["timeInForce"],
        "orderType": "Limit" if intent.kind == "LIMIT" else "Market",
        "marketUnit": wire["marketUnit"],
        "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
        "cumFeeDetail": {asset: text(fee) for asset, fee in order.fees.items()},
    }
    return row | _conditional(order) | _constants(order)


def _conditional(order: Order) -> dict[str, Any]:
    intent, wire = order.intent, order.intent.wire
    kinds = {"StopOrder": "Stop", "tpslOrder": "tpslOrder"}
    return {
        "stopOrderType": kinds.get(wire["orderFilter"], "UNKNOWN" if order.market.derivative else ""),
        "triggerPrice": text(intent.trigger.price) if intent.trigger else "0.00",
        "triggerDirection": 0 if intent.trigger is None else 1 if intent.trigger.rising else 2,
        "triggerBy": wire["triggerBy"] if intent.trigger else "UNKNOWN",
        "takeProfit": wire["takeProfit"],
        "stopLoss": wire["stopLoss"],
        "tpTriggerBy": "LastPrice" if wire["takeProfit"] else "",
        "slTriggerBy": "LastPrice" if wire["stopLoss"] else "",
        "lastPriceOnCreated": "",
        "reduceOnly": intent.reduce_only,
    }


def _constants(order: Order) -> dict[str, Any]:
    return {
        "orderIv": "",
        "closeOnTrigger": False,
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "tpslMode": "Full" if order.intent.wire["takeProfit"] or order.intent.wire["stopLoss"] else "",
        "tpLimitPrice": "",
        "slLimitPrice": "",
        "placeType": "",
        "ocoTriggerBy": "",
        "slippageToleranceType": "UNKNOWN",
        "slippageTolerance": "",
        "extraFees": "",
    }


def execution(order: Order, fill: Fill) -> dict[str, Any]:
    intent = order.intent
    return {
        "symbol": order.market.symbol,
        "orderType": "Limit" if intent.kind == "LIMIT" else "Market",
        "underlyingPrice": "",
        "orderLinkId": intent.client_id,
        "side": "Buy" if intent.side == "BUY" else "Sell",
        "indexPrice": "",
        "orderId": order_id(order),
        "stopOrderType": _conditional(order)["stopOrderType"] or "UNKNOWN",
        "leavesQty": text(_leaves_after(order, fill)),
        "execTime": str(fill.time_ms),
        "feeCurrency": fill.fee_asset,
        "isMaker": fill.maker,
        "execFee": text(fill.fee),
        "feeRate": text(order.market.maker_fee if fill.maker else order.market.taker_fee),
        "execId": fill.uuid,
        "tradeIv": "",
        "blockTradeId": "",
        "markPrice": text(fill.price),
        "execPrice": text(fill.price),
        "markIv": "",
        "orderQty": text(intent.quantity or intent.quote_quantity or ZERO),
        "orderPrice": text(intent.price or ZERO),
        "execValue": text(fill.price * fill.quantity),
        "execType": "Trade",
        "execQty": text(fill.quantity),
        "closedSize": "",
        "extraFees": "",
        "seq": fill.id,
    } | ({"createType": "CreateByUser"} if order.market.derivative else {})


def _leaves_after(order: Order, fill: Fill) -> Decimal:
    """What the order had left to trade after this fill; an order by value tells none."""
    if order.intent.quantity is None:
        return ZERO
    return order.intent.quantity - sum((each.quantity for each in order.fills if each.id <= fill.id), ZERO)
