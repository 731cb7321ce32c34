"""How an order is written for Bybit, and which ones it does not take (bybit-exchange/docs 072c197, v5/order)."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.domain.orders import Order, OrderRequest, OrderType
from chalicelib.domain.outcomes import Side
from chalicelib.exchanges.bybit.parsing import Category, native_symbol
from chalicelib.exchanges.dialect import amount_text

SETTLE_COIN = "USDT"
"""Linear contracts are settled in USDT here: those in USDC are named otherwise (`BTCPERP`)."""

_STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
_LIMITS = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_SIDES = {Side.BUY: "Buy", Side.SELL: "Sell"}
_RISES, _FALLS = 1, 2


def not_offered(category: Category, order: Order) -> str | None:
    """What to use instead, where Bybit has no such order."""
    return _not_at_spot(order) if category is Category.SPOT else _not_at_linear(order)


def create_params(category: Category, request: OrderRequest) -> dict[str, Any]:
    """The body of a create. `orderFilter` and `marketUnit` are always named at spot: the defaults differ by side."""
    amount = request.quantity if request.quantity is not None else request.quote_amount
    by_amount = request.quantity is None
    if amount is None or (by_amount and not _has_market_unit(category, request.order_type)):
        raise ValueError("the request has no size that Bybit takes")
    params: dict[str, Any] = {
        "category": category.value,
        "symbol": native_symbol(request.symbol),
        "side": _SIDES[request.side],
        "orderType": "Limit" if request.order_type in _LIMITS else "Market",
        "qty": amount_text(amount),
        "price": amount_text(request.price) if request.order_type in _LIMITS else None,
        "timeInForce": _time_in_force(request),
        "orderLinkId": request.client_order_id,
        "orderFilter": _order_filter(category, request.order_type),
        **_trigger(category, request),
    }
    if _has_market_unit(category, request.order_type):
        params["marketUnit"] = "quoteCoin" if by_amount else "baseCoin"
    if request.reduce_only:
        params["reduceOnly"] = True
    return {name: value for name, value in params.items() if value is not None}


def cancel_params(category: Category, order: Order) -> dict[str, str]:
    """The body of a cancel. Without `orderFilter` a spot stop is not found; one that fills has been triggered."""
    triggered = order.order_type in _STOPS and order.filled_quantity > 0
    book = _order_filter(category, OrderType.LIMIT if triggered else order.order_type)
    return reference(category, order) | ({"orderFilter": book} if book else {})


def in_plain_book(cancel: Mapping[str, str]) -> Mapping[str, str] | None:
    """The same cancel for what a spot stop becomes when it is triggered; None where it was no stop's."""
    return {**cancel, "orderFilter": "Order"} if cancel.get("orderFilter") == "StopOrder" else None


def reference(category: Category, order: Order) -> dict[str, str]:
    """By Bybit's id where it is known, else by the full client id: never by both."""
    named = {"category": category.value, "symbol": native_symbol(order.symbol)}
    if order.exchange_order_id:
        return named | {"orderId": order.exchange_order_id}
    return named | {"orderLinkId": order.client_order_id}


def find_params(category: Category, order: Order) -> Sequence[Mapping[str, str]]:
    """The same look-up in every book: a unified account shows all kinds without a filter, a classic one no stops."""
    plain = reference(category, order)
    book = _order_filter(category, order.order_type) if order.order_type in _STOPS else None
    return [plain, {**plain, "orderFilter": book}] if book else [plain]


def _not_at_spot(order: Order) -> str | None:
    if order.reduce_only:
        return "spot has no reduce_only: leave it out, a spot sale cannot exceed the balance"
    return None


def _not_at_linear(order: Order) -> str | None:
    if not order.symbol.endswith(f"/{SETTLE_COIN}"):
        return f"linear contracts are traded against {SETTLE_COIN} here: use a symbol such as BTC/{SETTLE_COIN}"
    if order.percent is not None and order.side is Side.SELL:
        return "linear contracts are not sold out of a balance: use quantity instead of percent"
    by_amount = order.quote_amount is not None or order.percent is not None
    if by_amount and order.order_type is OrderType.MARKET:
        return "linear sizes market orders by quantity only: use quantity, or a LIMIT order with quote_amount"
    return None


def _order_filter(category: Category, order_type: OrderType) -> str | None:
    if category is not Category.SPOT:
        return None
    return "StopOrder" if order_type in _STOPS else "Order"


def _has_market_unit(category: Category, order_type: OrderType) -> bool:
    return category is Category.SPOT and order_type not in _LIMITS


def _time_in_force(request: OrderRequest) -> str | None:
    """Market orders are always IOC; a limit order that says nothing is GTC."""
    if request.order_type not in _LIMITS:
        return None
    if request.post_only:
        return "PostOnly"
    return request.time_in_force.value if request.time_in_force else "GTC"


def _trigger(category: Category, request: OrderRequest) -> dict[str, Any]:
    """Linear wants to know from which side the price comes: a stop buys on a rise and sells on a fall."""
    if request.order_type not in _STOPS:
        return {}
    price = {"triggerPrice": amount_text(request.stop_price)}
    if category is Category.SPOT:
        return price
    return {**price, "triggerDirection": _RISES if request.side is Side.BUY else _FALLS, "triggerBy": "LastPrice"}
