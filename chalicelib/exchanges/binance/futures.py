"""Binance USD-M futures: plain orders, and stops in the algo service's book (USD-M connector, 2026-08)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from chalicelib.domain.orders import Order, OrderRequest, OrderType, TimeInForce
from chalicelib.domain.outcomes import (
    Absent,
    Acknowledged,
    CancelAcknowledged,
    Cancelled,
    CancelOutcome,
    ExchangeOrder,
    Found,
    Lookup,
    LookupFailed,
    Placed,
    PlaceOutcome,
    Side,
    Unknown,
)
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.exchanges.binance import codes
from chalicelib.exchanges.binance.books import Book, Place, home, marked, place_of
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
from chalicelib.exchanges.binance.parsing import (
    id_of,
    native_symbol,
    read_algo_order,
    read_all_free,
    read_free,
    read_order,
    triggered_order_id,
)
from chalicelib.exchanges.dialect import Answer, Budget, Call, Encoding, OrderPage, Purpose, amount_text

_OPEN = {Book.PLAIN: "/fapi/v1/openOrders", Book.ALGO: "/fapi/v1/openAlgoOrders"}

_TYPES: Mapping[OrderType, str] = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP_MARKET: "STOP_MARKET",
    OrderType.STOP_LIMIT: "STOP",
}


class BinanceFuturesDialect(BinanceMarket):
    """Implements Dialect. 1200 creates a minute an account, spread over its 10-second windows; 2400 of weight."""

    budgets: Mapping[str, Budget] = {
        ORDERS: Budget(200, 10.0),
        WEIGHT: Budget(2400, 60.0, for_cancels=240, per_address=True),
    }
    market_codes = codes.FUTURES
    prefix = "/fapi/v1"
    info_weight = 1
    price_weight = 1
    order_count = ("X-MBX-ORDER-COUNT-1M", 1200)

    def check(self, order: Order) -> None:
        problem = _not_offered(order) or post_only_conflict(order)
        if problem:
            raise OrderNotAcceptedError("NOT_OFFERED", f"Binance USD-M {problem}")

    def takes_quote_amount(self, order: Order) -> bool:
        return False

    def create(self, request: OrderRequest) -> Call:
        """A stop sent to the plain book is refused (-4120)."""
        own = _algo_params(request) if is_stop(request) else {"newClientOrderId": request.client_order_id}
        params = {
            "symbol": native_symbol(request.symbol),
            "side": request.side.value,
            "type": _TYPES[request.order_type],
            "timeInForce": _time_in_force(request),
            "quantity": amount_text(request.quantity),
            "price": amount_text(request.price) if is_limit(request) else None,
            "reduceOnly": "true" if request.reduce_only else None,
            **own,
            "newOrderRespType": "RESULT",
        }
        return Call("POST", home(request).path, sent(params), Encoding.FORM, Purpose.CREATE, group=ORDERS)

    def read_create(self, answer: Answer, request: OrderRequest) -> PlaceOutcome:
        """Our ids without a state prove that it arrived, and no more."""
        if answer.status != 200:
            return codes.refused_create(answer, self.market_codes)
        book = home(request)
        try:
            return Placed(_read(answer.body, book, request.symbol))
        except ValueError as error:
            arrived = id_of(answer.body, book.id_name) if is_named(answer, book.answered_name, request) else None
            return Acknowledged(arrived) if arrived else Unknown(f"HTTP 200 without an order: {error}")

    def cancel(self, order: Order) -> Call:
        """In the book where the order is; one that was triggered since is not found there, looked up, and has
        its new id then."""
        place = place_of(order)
        return Call("DELETE", place.book.path, place.reference(order), purpose=Purpose.CANCEL, group=WEIGHT)

    def read_cancel(self, answer: Answer, order: Order, call: Call) -> CancelOutcome | Call:
        """The plain book answers with the order as it ended, the algo service with its ids only."""
        if answer.status != 200:
            return codes.refused_cancel(answer, self.market_codes)
        if place_of(order).book is Book.ALGO:
            taken = id_of(answer.body, "algoId") and str(answer.body.get("code", "200")) == "200"
            return CancelAcknowledged() if taken else Unknown("HTTP 200 without an algo order")
        try:
            ended = _kept(read_order(answer.body, order.symbol), order)
        except ValueError as error:
            return Unknown(f"HTTP 200 without an order: {error}")
        return Cancelled(ended) if ended.status.terminal else CancelAcknowledged()

    def find(self, order: Order) -> Sequence[Call]:
        """Where it should be; a stop whose algo order is not found may stand in the plain book by its client id."""
        place = place_of(order)
        places = [place, Place(Book.PLAIN)] if place.book is Book.ALGO else [place]
        return [_query(order, each) for each in places]

    def read_find(self, answer: Answer, order: Order, call: Call) -> Lookup | Call:
        """A triggered algo order is followed to the order that it became."""
        if codes.is_absence(answer):
            followed = place_of(order).book is Book.ALGO and "orderId" in call.params
            return LookupFailed("the triggered order is not shown yet") if followed else Absent()
        if answer.status != 200:
            return LookupFailed(codes.error_message(answer))
        try:
            if call.path == Book.PLAIN.path:
                return Found(_kept(read_order(answer.body, order.symbol), order, call))
            found = read_algo_order(answer.body, order.symbol)
        except ValueError as error:
            return LookupFailed(f"HTTP 200 without an order: {error}")
        actual = triggered_order_id(answer.body)
        if actual is not None:
            return _query(order, Place(Book.PLAIN, actual))
        return Found(replace(found, exchange_order_id=marked(found.exchange_order_id, Book.ALGO, home(order))))

    def open_orders(self) -> Sequence[Call]:
        return [Call("GET", path, group=WEIGHT, weight=40) for path in _OPEN.values()]

    def read_open_orders(self, answer: Answer, call: Call) -> OrderPage:
        """All at once: there are no pages. An order here has no type, so that ids of the algo book are marked."""
        if answer.status != 200 or not isinstance(answer.body, list):
            raise ValueError(f"no list of orders: {codes.error_message(answer)}")
        if call.path == _OPEN[Book.PLAIN]:
            return OrderPage([read_order(item) for item in answer.body])
        listed = [read_algo_order(item) for item in answer.body]
        ids = [marked(order.exchange_order_id, Book.ALGO, Book.PLAIN) for order in listed]
        return OrderPage([replace(order, exchange_order_id=id_) for order, id_ in zip(listed, ids, strict=True)])

    def balance(self, asset: str) -> Call:
        return Call("GET", "/fapi/v3/account", group=WEIGHT, weight=5)

    def read_balance(self, answer: Answer, asset: str) -> Decimal:
        """What is free of the margin, in the account's answer or in that of /fapi/v3/balance."""
        return read_free(_assets(answer), asset, "availableBalance")

    def read_balances(self, answer: Answer) -> dict[str, Decimal]:
        return read_all_free(_assets(answer), "availableBalance")


def _assets(answer: Answer) -> Any:
    if answer.status != 200:
        raise ValueError(f"no balances: {codes.error_message(answer)}")
    return answer.body.get("assets") if isinstance(answer.body, Mapping) else answer.body


def _not_offered(order: Order) -> str | None:
    if order.order_type is OrderType.MARKET and order.quote_amount is not None:
        return "takes no MARKET order by quote amount: use quantity, or a LIMIT order with quote_amount"
    if order.percent is None:
        return None
    if order.side is Side.SELL:
        return "takes no sale by percent, for a short sale has no balance of its own: use quantity"
    if order.order_type is OrderType.MARKET:
        return "takes no MARKET order by percent of the margin: use quantity, or a LIMIT order with percent"
    return None


def _algo_params(request: OrderRequest) -> dict[str, str | None]:
    return {
        "algoType": "CONDITIONAL",
        "triggerPrice": amount_text(request.stop_price),
        "clientAlgoId": request.client_order_id,
    }


def _time_in_force(request: OrderRequest) -> str | None:
    """GTX is post-only; GTC is what the algo service takes by itself."""
    if not is_limit(request):
        return None
    if request.post_only:
        return "GTX"
    default = None if is_stop(request) else TimeInForce.GTC
    chosen = request.time_in_force or default
    return chosen.value if chosen else None


def _read(body: Any, book: Book, symbol: str) -> ExchangeOrder:
    return read_algo_order(body, symbol) if book is Book.ALGO else read_order(body, symbol)


def _query(order: Order, place: Place) -> Call:
    return Call("GET", place.book.path, place.reference(order), group=WEIGHT)


def _kept(found: ExchangeOrder, order: Order, call: Call | None = None) -> ExchangeOrder:
    """An order of the plain book under the ids that its row keeps: what a stop became is the same order, and what
    was asked for by the id that the algo service told is ours whatever its client id says."""
    own = order.client_order_id if is_stop(order) and (call is None or "orderId" in call.params) else None
    return replace(
        found,
        exchange_order_id=marked(found.exchange_order_id, Book.PLAIN, home(order)),
        client_order_id=own or found.client_order_id,
    )
