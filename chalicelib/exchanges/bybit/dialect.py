"""Bybit v5, spot and linear: creates and cancels are taken first, carried out later (bybit-exchange/docs 072c197)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from urllib.parse import unquote

import httpx

from chalicelib.domain.markets import MarketRules
from chalicelib.domain.orders import Order, OrderRequest, OrderType
from chalicelib.domain.outcomes import (
    Absent,
    Acknowledged,
    CancelAcknowledged,
    CancelOutcome,
    Found,
    Gone,
    Lookup,
    LookupFailed,
    NotFound,
    PlaceOutcome,
    Unknown,
)
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.domain.secrets import Credentials
from chalicelib.exchanges.bybit import codes, markets, params
from chalicelib.exchanges.bybit.auth import BybitAuth
from chalicelib.exchanges.bybit.parsing import Category, is_of, native_symbol, read_order
from chalicelib.exchanges.dialect import Answer, Budget, Call, Encoding, Left, LimitNews, OrderPage, Purpose

_REALTIME = "/v5/order/realtime"
_HISTORY = "/v5/order/history"
_EXECUTIONS = "/v5/execution/list"
_PAGE = "50"

_ORDERS_A_SECOND = {Category.SPOT: 20, Category.LINEAR: 10}


class BybitDialect:
    """Implements Dialect. Limits are per endpoint, user and second; 600 requests in 5 s per IP come on top."""

    has_clock = True

    def __init__(self, category: Category) -> None:
        self._category = category
        self.guesses_trigger_side = category is Category.SPOT
        orders = Budget(_ORDERS_A_SECOND[category], 1.0)
        reads = Budget(50, 1.0)
        self.budgets: Mapping[str, Budget] = {
            "create": orders,
            "cancel": orders,
            "realtime": reads,
            "history": reads,
            "executions": reads,
            "wallet": reads,
            "public": Budget(600, 5.0, per_address=True),
        }

    def check(self, order: Order) -> None:
        problem = params.not_offered(self._category, order)
        if problem:
            raise OrderNotAcceptedError("NOT_OFFERED", f"Bybit {problem}")

    def takes_quote_amount(self, order: Order) -> bool:
        """Spot market orders, both sides. `marketUnit` is documented for plain market orders, not for stops."""
        return self._category is Category.SPOT and order.order_type is OrderType.MARKET

    def auth(self, credentials: Credentials, timestamp_ms: int, window_ms: int) -> httpx.Auth:
        return BybitAuth(credentials, timestamp_ms, window_ms)

    def create(self, request: OrderRequest) -> Call:
        body = params.create_params(self._category, request)
        return Call("POST", "/v5/order/create", body, Encoding.JSON, Purpose.CREATE, group="create")

    def read_create(self, answer: Answer, request: OrderRequest) -> PlaceOutcome:
        """0 means that the request was taken; the order can still be rejected."""
        if codes.ret_code(answer) != 0:
            return codes.refused_create(answer)
        order_id = _order_id(answer)
        return Acknowledged(order_id) if order_id else Unknown("taken, but without an orderId")

    def use_up_id(self, order: Order) -> Call | None:
        return None

    def cancel(self, order: Order) -> Call:
        body = params.cancel_params(self._category, order)
        return Call("POST", "/v5/order/cancel", body, Encoding.JSON, Purpose.CANCEL, group="cancel")

    def read_cancel(self, answer: Answer, order: Order, call: Call) -> CancelOutcome | Call:
        """A spot stop that was triggered has left the book of stops: it is asked for among the plain orders."""
        if codes.ret_code(answer) != 0:
            outcome = codes.refused_cancel(answer)
            moved_on = params.in_plain_book(call.params) if isinstance(outcome, NotFound | Gone) else None
            return replace(call, params=moved_on) if moved_on else outcome
        return CancelAcknowledged() if _order_id(answer) else Unknown("taken, but without an orderId")

    def find(self, order: Order) -> Sequence[Call]:
        """Open and recently closed, then older, then fills. Absence is to be empty everywhere."""
        books = params.find_params(self._category, order)
        realtime = [Call("GET", _REALTIME, book, group="realtime") for book in books]
        history = [Call("GET", _HISTORY, book, group="history") for book in books]
        return [*realtime, *history, Call("GET", _EXECUTIONS, books[0], group="executions")]

    def read_find(self, answer: Answer, order: Order, call: Call) -> Lookup | Call:
        """An unknown id is an empty list. Fills without their order only prove that the lists lag behind."""
        rows = codes.rows(answer)
        if rows is None:
            return LookupFailed(codes.message(answer))
        if not rows:
            return Absent()
        if call.path == _EXECUTIONS:
            return LookupFailed("the order's fills are shown, the order is not yet")
        row = next((row for row in rows if is_of(row, order)), None)
        if row is None:
            return LookupFailed("other orders were shown than the one asked for")
        try:
            return Found(read_order(row, self._category, order))
        except ValueError as error:
            return LookupFailed(f"the order could not be read: {error}")

    def open_orders(self) -> Sequence[Call]:
        """One list of all kinds, stops included; linear wants to be told the coin."""
        scope = {} if self._category is Category.SPOT else {"settleCoin": params.SETTLE_COIN}
        return [Call("GET", _REALTIME, {"category": self._category.value, **scope, "limit": _PAGE}, group="realtime")]

    def read_open_orders(self, answer: Answer, call: Call) -> OrderPage:
        rows = codes.rows(answer)
        if rows is None:
            raise ValueError(f"no list of orders: {codes.message(answer)}")
        orders = [read_order(row, self._category) for row in rows]
        return OrderPage(orders, _next_page(answer, call) if rows else None)

    def balance(self, asset: str) -> Call:
        return Call("GET", "/v5/account/wallet-balance", {"accountType": "UNIFIED"}, group="wallet")

    def read_balance(self, answer: Answer, asset: str) -> Decimal:
        return markets.read_balance(answer, self._category, asset)

    def read_balances(self, answer: Answer) -> dict[str, Decimal]:
        return markets.read_balances(answer, self._category)

    def rules(self, symbol: str) -> Sequence[Call]:
        return [self._public("/v5/market/instruments-info", symbol)]

    def read_rules(self, answers: Sequence[Answer], symbol: str) -> MarketRules:
        return markets.read_rules(answers[0], self._category, symbol)

    def last_price(self, symbol: str) -> Call:
        return self._public("/v5/market/tickers", symbol)

    def read_last_price(self, answer: Answer) -> Decimal:
        return markets.read_last_price(answer)

    def key_list(self) -> Call | None:
        return None

    def read_key_expiry(self, answer: Answer, api_key: str) -> datetime:
        raise ValueError("Bybit is not asked for its keys")

    def server_time(self) -> Call | None:
        return Call("GET", "/v5/market/time", signed=False, group="public")

    def read_server_time(self, answer: Answer) -> int:
        return markets.read_server_time(answer)

    def is_passing(self, answer: Answer) -> bool:
        return codes.is_passing(answer)

    def is_clock_error(self, answer: Answer) -> bool:
        return codes.is_clock_error(answer)

    def is_key_error(self, answer: Answer) -> bool:
        return codes.is_key_error(answer)

    def is_address_error(self, answer: Answer) -> bool:
        return codes.is_address_error(answer)

    def limits(self, answer: Answer, call: Call) -> LimitNews:
        """X-Bapi-Limit-Status is what is left of the call's own endpoint; 403 is the address's own limit."""
        pause = codes.stay_away(answer)
        if answer.status != 200:
            return LimitNews(pause, refused=pause > 0, whole_address=True)
        if pause > 0:
            return LimitNews(left=[Left(call.group, 0, pause)], refused=True)
        left = codes.left(answer)
        return LimitNews() if left is None else LimitNews(left=[Left(call.group, left, codes.until_reset(answer))])

    def _public(self, path: str, symbol: str) -> Call:
        asked = {"category": self._category.value, "symbol": native_symbol(symbol)}
        return Call("GET", path, asked, signed=False, group="public")


def _order_id(answer: Answer) -> str | None:
    order_id = codes.result(answer).get("orderId")
    return order_id if isinstance(order_id, str) and order_id else None


def _next_page(answer: Answer, call: Call) -> Call | None:
    """`nextPageCursor` comes percent-encoded and goes back as it came: decoded here, encoded with the query."""
    told = codes.result(answer).get("nextPageCursor")
    cursor = unquote(told) if isinstance(told, str) else ""
    if not cursor or cursor == call.params.get("cursor"):
        return None
    return Call(call.method, call.path, {**call.params, "cursor": cursor}, group=call.group)
