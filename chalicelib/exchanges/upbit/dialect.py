"""Upbit spot: limit orders, market buys by amount, market sells by volume (docs.upbit.com, 2026-11)."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from chalicelib.domain.markets import MarketRules
from chalicelib.domain.orders import Order, OrderRequest, OrderType, TimeInForce
from chalicelib.domain.outcomes import (
    Absent,
    CancelAcknowledged,
    CancelOutcome,
    Found,
    Lookup,
    LookupFailed,
    Placed,
    PlaceOutcome,
    Side,
    Unknown,
)
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.domain.secrets import Credentials
from chalicelib.exchanges.dialect import (
    Answer,
    Budget,
    Call,
    Encoding,
    Left,
    LimitNews,
    OrderPage,
    Purpose,
    amount_text,
)
from chalicelib.exchanges.upbit import codes
from chalicelib.exchanges.upbit.auth import Nonce, UpbitAuth, fresh_nonce
from chalicelib.exchanges.upbit.parsing import native_symbol, number, read_order, read_time

_PAGE = 100
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_VOLUME_STEP = Decimal("0.00000001")
_REMAINING = re.compile(r"group=([\w-]+);\s*min=\d+;\s*sec=(\d+)")


class UpbitDialect:
    """Implements Dialect. The order group takes 12 creates a second since 2026-08-21."""

    budgets: Mapping[str, Budget] = {
        "order": Budget(12, 1.0),
        "default": Budget(30, 1.0, for_cancels=6),
        "quotation": Budget(10, 1.0, per_address=True),
    }
    has_clock = False
    guesses_trigger_side = False

    def __init__(self, nonce: Nonce = fresh_nonce) -> None:
        self._nonce = nonce

    def check(self, order: Order) -> None:
        problem = _not_offered(order)
        if problem:
            raise OrderNotAcceptedError("NOT_OFFERED", f"Upbit {problem}")

    def takes_quote_amount(self, order: Order) -> bool:
        return order.order_type is OrderType.MARKET and order.side is Side.BUY

    def auth(self, credentials: Credentials, timestamp_ms: int, window_ms: int) -> httpx.Auth:
        return UpbitAuth(credentials, self._nonce)

    def create(self, request: OrderRequest) -> Call:
        by_amount = request.quote_amount is not None
        params: dict[str, str | None] = {
            "market": native_symbol(request.symbol),
            "side": "bid" if request.side is Side.BUY else "ask",
            "ord_type": _ord_type(request),
            "price": amount_text(request.quote_amount if by_amount else request.price),
            "volume": amount_text(request.quantity),
            "identifier": request.client_order_id,
            **_conditions(request),
        }
        sent = {name: value for name, value in params.items() if value is not None}
        return Call("POST", "/v1/orders", sent, Encoding.JSON, Purpose.CREATE, group="order")

    def read_create(self, answer: Answer, request: OrderRequest) -> PlaceOutcome:
        if answer.status not in (200, 201):
            return codes.refused_create(answer)
        try:
            return Placed(read_order(answer.body, request.symbol, request.client_order_id))
        except ValueError as error:
            return Unknown(f"HTTP {answer.status} without an order: {error}")

    def use_up_id(self, order: Order) -> Call | None:
        """Far below every market's minimum, and an identifier counts as used even when its request failed."""
        params = {
            "market": native_symbol(order.symbol),
            "side": "bid" if order.side is Side.BUY else "ask",
            "ord_type": "limit",
            "price": "1",
            "volume": format(_VOLUME_STEP, "f"),
            "identifier": order.client_order_id,
        }
        return Call("POST", "/v1/orders", params, Encoding.JSON, Purpose.CREATE, group="order")

    def cancel(self, order: Order) -> Call:
        return Call("DELETE", "/v1/order", _reference(order), purpose=Purpose.CANCEL)

    def read_cancel(self, answer: Answer, order: Order, call: Call) -> CancelOutcome | Call:
        """The answer shows the order before the cancel took effect: an acknowledgement."""
        if answer.status != 200:
            return codes.refused_cancel(answer)
        try:
            read_order(answer.body, order.symbol, order.client_order_id)
        except ValueError as error:
            return Unknown(f"HTTP 200 without an order: {error}")
        return CancelAcknowledged()

    def find(self, order: Order) -> Sequence[Call]:
        return [Call("GET", "/v1/order", _reference(order))]

    def read_find(self, answer: Answer, order: Order, call: Call) -> Lookup | Call:
        if answer.status == 404 and codes.error_name(answer) == "order_not_found":
            return Absent()
        if answer.status != 200:
            return LookupFailed(codes.error_message(answer))
        try:
            return Found(read_order(answer.body, order.symbol, order.client_order_id))
        except ValueError as error:
            return LookupFailed(f"HTTP 200 without an order: {error}")

    def open_orders(self) -> Sequence[Call]:
        """One book: reserved (`watch`) orders are made in Upbit's app only."""
        return [_open_page(1)]

    def read_open_orders(self, answer: Answer, call: Call) -> OrderPage:
        if answer.status != 200 or not isinstance(answer.body, list):
            raise ValueError(f"no list of orders: {codes.error_message(answer)}")
        orders = [read_order(item) for item in answer.body]
        full = len(orders) == _PAGE
        return OrderPage(orders, _open_page(int(call.params["page"]) + 1) if full else None)

    def balance(self, asset: str) -> Call:
        return Call("GET", "/v1/accounts")

    def read_balance(self, answer: Answer, asset: str) -> Decimal:
        return self.read_balances(answer).get(asset, Decimal(0))

    def read_balances(self, answer: Answer) -> dict[str, Decimal]:
        if answer.status != 200 or not isinstance(answer.body, list):
            raise ValueError(f"no balances: {codes.error_message(answer)}")
        rows = [row for row in answer.body if isinstance(row, Mapping)]
        return {str(row.get("currency")): free for row in rows if (free := number(row.get("balance")))}

    def rules(self, symbol: str) -> Sequence[Call]:
        market = native_symbol(symbol)
        chance = Call("GET", "/v1/orders/chance", {"market": market})
        return [chance, Call("GET", "/v1/orderbook/instruments", {"markets": market}, signed=False, group="quotation")]

    def read_rules(self, answers: Sequence[Answer], symbol: str) -> MarketRules:
        chance, instruments = answers
        market = _part(chance.body, "market")
        rows = instruments.body if isinstance(instruments.body, list) else []
        row = next((r for r in rows if isinstance(r, Mapping) and r.get("market") == native_symbol(symbol)), {})
        if chance.status != 200 or not market or not row:
            raise ValueError(f"no rules for {symbol}: {codes.error_message(chance)}")
        return MarketRules(
            symbol=symbol,
            tick_size=number(row.get("tick_size")),
            quantity_step=_VOLUME_STEP,
            quote_step=Decimal(1) if symbol.endswith("/KRW") else _VOLUME_STEP,
            min_notional=number(_part(market, "bid").get("min_total")),
            max_notional=number(market.get("max_total")),
            buy_fee=number(chance.body.get("bid_fee")),
            trading=market.get("state") == "active",
        )

    def last_price(self, symbol: str) -> Call:
        return Call("GET", "/v1/ticker", {"markets": native_symbol(symbol)}, signed=False, group="quotation")

    def read_last_price(self, answer: Answer) -> Decimal:
        rows = answer.body if isinstance(answer.body, list) else []
        price = number(rows[0].get("trade_price")) if rows and isinstance(rows[0], Mapping) else None
        if answer.status != 200 or price is None:
            raise ValueError(f"no price: {codes.error_message(answer)}")
        return price

    def key_list(self) -> Call | None:
        return Call("GET", "/v1/api_keys")

    def read_key_expiry(self, answer: Answer, api_key: str) -> datetime:
        if codes.error_name(answer) == "expired_access_key":
            return _LONG_AGO  # it lists nothing any more
        rows = answer.body if answer.status == 200 and isinstance(answer.body, list) else None
        if rows is None:
            raise ValueError(f"no list of keys: {codes.error_message(answer)}")
        ours = (row for row in rows if isinstance(row, Mapping) and row.get("access_key") == api_key)
        return read_time(next(ours, {}).get("expire_at"))

    def server_time(self) -> Call | None:
        return None

    def read_server_time(self, answer: Answer) -> int:
        raise ValueError("Upbit's requests carry no time")

    def is_passing(self, answer: Answer) -> bool:
        return False

    def is_clock_error(self, answer: Answer) -> bool:
        return False

    def is_key_error(self, answer: Answer) -> bool:
        return codes.is_key_error(answer)

    def is_address_error(self, answer: Answer) -> bool:
        return codes.is_address_error(answer)

    def limits(self, answer: Answer, call: Call) -> LimitNews:
        """429 is the limit of one group and second, 418 a block of the account; `Remaining-Req` names its group."""
        told = _REMAINING.match(answer.headers.get("remaining-req", ""))
        left = [Left(told[1], int(told[2]), 1.0)] if told else []
        pause = codes.stay_away(answer)
        if answer.status == 429:
            return LimitNews(left=[Left(call.group, 0, pause)], refused=True)
        return LimitNews(pause, left, refused=pause > 0)


def _not_offered(order: Order) -> str | None:
    market = order.order_type is OrderType.MARKET
    by_amount = order.quote_amount is not None or (order.percent is not None and order.side is Side.BUY)
    if order.market != "spot":
        return "has no futures market: use spot"
    if order.order_type in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT):
        return f"takes no {order.order_type} orders: let the alert fire at that price and send MARKET or LIMIT"
    if order.reduce_only:
        return "has no reduce_only: leave it out, a spot sale cannot exceed the balance"
    if market and order.side is Side.BUY and not by_amount:
        return "takes no market buy by quantity: use quote_amount (or percent)"
    if market and order.side is Side.SELL and order.quote_amount is not None:
        return "takes no market sale by quote amount: use quantity (or percent)"
    return None


def _ord_type(request: OrderRequest) -> str:
    if request.order_type is OrderType.LIMIT:
        return "limit"
    return "price" if request.side is Side.BUY else "market"


def _conditions(request: OrderRequest) -> dict[str, str]:
    """`smp_type` defaults to cancel_maker, with which post_only is not taken: it goes with `none`."""
    if request.post_only:
        return {"time_in_force": "post_only", "smp_type": "none"}
    if request.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        return {"time_in_force": request.time_in_force.value.lower()}
    return {}


def _reference(order: Order) -> dict[str, str]:
    """By uuid where it is known; by identifier, which the query takes too, else."""
    if order.exchange_order_id:
        return {"uuid": order.exchange_order_id}
    return {"identifier": order.client_order_id}


def _open_page(page: int) -> Call:
    return Call("GET", "/v1/orders/open", {"page": str(page), "limit": str(_PAGE)})


def _part(body: Any, name: str) -> Mapping[str, Any]:
    part = body.get(name) if isinstance(body, Mapping) else None
    return part if isinstance(part, Mapping) else {}
