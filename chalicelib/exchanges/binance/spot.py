"""Binance spot: one book, stops included (binance-spot-api-docs rest-api.md, 2026-07)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from chalicelib.domain.orders import Order, OrderRequest, OrderType, TimeInForce
from chalicelib.domain.outcomes import (
    Absent,
    Acknowledged,
    CancelAcknowledged,
    Cancelled,
    CancelOutcome,
    Found,
    Lookup,
    LookupFailed,
    Placed,
    PlaceOutcome,
    Unknown,
)
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.exchanges.binance import codes
from chalicelib.exchanges.binance.market import (
    ORDERS,
    WEIGHT,
    BinanceMarket,
    is_limit,
    is_named,
    is_stop,
    post_only_conflict,
    sent,
)
from chalicelib.exchanges.binance.parsing import id_of, native_symbol, read_all_free, read_free, read_order
from chalicelib.exchanges.dialect import Answer, Budget, Call, Encoding, OrderPage, Purpose, amount_text

_ORDER = "/api/v3/order"

_TYPES: Mapping[OrderType, str] = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP_MARKET: "STOP_LOSS",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
}


class BinanceSpotDialect(BinanceMarket):
    """Implements Dialect. 50 creates in 10 s a key's account, 6000 of weight a minute an address."""

    budgets: Mapping[str, Budget] = {
        ORDERS: Budget(50, 10.0),
        WEIGHT: Budget(6000, 60.0, for_cancels=600, per_address=True),
    }
    market_codes = codes.SPOT
    prefix = "/api/v3"
    info_weight = 20
    price_weight = 2
    order_count = ("X-MBX-ORDER-COUNT-10S", 50)

    def check(self, order: Order) -> None:
        problem = _not_offered(order) or post_only_conflict(order)
        if problem:
            raise OrderNotAcceptedError("NOT_OFFERED", f"Binance spot {problem}")

    def takes_quote_amount(self, order: Order) -> bool:
        return order.order_type is OrderType.MARKET

    def create(self, request: OrderRequest) -> Call:
        """The answer shows what became of the order: without RESULT, stops are answered with ids only."""
        params = {
            "symbol": native_symbol(request.symbol),
            "side": request.side.value,
            "type": "LIMIT_MAKER" if request.post_only else _TYPES[request.order_type],
            "timeInForce": _time_in_force(request),
            "quantity": amount_text(request.quantity),
            "quoteOrderQty": amount_text(request.quote_amount),
            "price": amount_text(request.price) if is_limit(request) else None,
            "stopPrice": amount_text(request.stop_price) if is_stop(request) else None,
            "newClientOrderId": request.client_order_id,
            "newOrderRespType": "RESULT",
        }
        return Call("POST", _ORDER, sent(params), Encoding.FORM, Purpose.CREATE, group=ORDERS)

    def read_create(self, answer: Answer, request: OrderRequest) -> PlaceOutcome:
        """Our ids without a state prove that it arrived, and no more."""
        if answer.status != 200:
            return codes.refused_create(answer, self.market_codes)
        try:
            return Placed(read_order(answer.body, request.symbol))
        except ValueError as error:
            arrived = id_of(answer.body, "orderId") if is_named(answer, "clientOrderId", request) else None
            return Acknowledged(arrived) if arrived else Unknown(f"HTTP 200 without an order: {error}")

    def cancel(self, order: Order) -> Call:
        return Call("DELETE", _ORDER, _reference(order), purpose=Purpose.CANCEL, group=WEIGHT)

    def read_cancel(self, answer: Answer, order: Order, call: Call) -> CancelOutcome | Call:
        """The answer is the order as it ended, fills included."""
        if answer.status != 200:
            return codes.refused_cancel(answer, self.market_codes)
        try:
            ended = read_order(answer.body, order.symbol)
        except ValueError as error:
            return Unknown(f"HTTP 200 without an order: {error}")
        return Cancelled(ended) if ended.status.terminal else CancelAcknowledged()

    def find(self, order: Order) -> Sequence[Call]:
        return [Call("GET", _ORDER, _reference(order), group=WEIGHT, weight=4)]

    def read_find(self, answer: Answer, order: Order, call: Call) -> Lookup | Call:
        """The query reads a copy that may lag behind the engine: an absence is one sighting (R12)."""
        if codes.is_absence(answer):
            return Absent()
        if answer.status != 200:
            return LookupFailed(codes.error_message(answer))
        try:
            return Found(read_order(answer.body, order.symbol))
        except ValueError as error:
            return LookupFailed(f"HTTP 200 without an order: {error}")

    def open_orders(self) -> Sequence[Call]:
        return [Call("GET", "/api/v3/openOrders", group=WEIGHT, weight=80)]

    def read_open_orders(self, answer: Answer, call: Call) -> OrderPage:
        """All at once: there are no pages."""
        if answer.status != 200 or not isinstance(answer.body, list):
            raise ValueError(f"no list of orders: {codes.error_message(answer)}")
        return OrderPage([read_order(item) for item in answer.body])

    def balance(self, asset: str) -> Call:
        return Call("GET", "/api/v3/account", {"omitZeroBalances": "true"}, group=WEIGHT, weight=20)

    def read_balance(self, answer: Answer, asset: str) -> Decimal:
        return read_free(_balances(answer), asset, "free")

    def read_balances(self, answer: Answer) -> dict[str, Decimal]:
        return read_all_free(_balances(answer), "free")

    def rules(self, symbol: str) -> Sequence[Call]:
        return [self.public("exchangeInfo", {"symbol": native_symbol(symbol)}, self.info_weight)]


def _balances(answer: Answer) -> Any:
    if answer.status != 200 or not isinstance(answer.body, Mapping):
        raise ValueError(f"no balances: {codes.error_message(answer)}")
    return answer.body.get("balances")


def _not_offered(order: Order) -> str | None:
    if order.reduce_only:
        return "has no reduce_only: leave it out, a spot sale cannot exceed the balance"
    if order.post_only and is_stop(order):
        return f"takes no post_only {order.order_type} orders: use LIMIT, or leave post_only out"
    return None


def _time_in_force(request: OrderRequest) -> str | None:
    """LIMIT_MAKER takes none."""
    if not is_limit(request) or request.post_only:
        return None
    return (request.time_in_force or TimeInForce.GTC).value


def _reference(order: Order) -> dict[str, str]:
    """By exchange id where it is known, else by the full client id."""
    symbol = native_symbol(order.symbol)
    if order.exchange_order_id:
        return {"symbol": symbol, "orderId": order.exchange_order_id}
    return {"symbol": symbol, "origClientOrderId": order.client_order_id}
