"""What Binance's two markets have in common: signing, public data, clock, limits, and how orders are written."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import httpx

from chalicelib.domain.markets import MarketRules
from chalicelib.domain.orders import Order, OrderRequest, OrderType, TimeInForce
from chalicelib.domain.secrets import Credentials
from chalicelib.exchanges.binance import codes
from chalicelib.exchanges.binance.auth import BinanceAuth
from chalicelib.exchanges.binance.filters import read_rules
from chalicelib.exchanges.binance.parsing import native_symbol, number, positive
from chalicelib.exchanges.dialect import Answer, Budget, Call, Left, LimitNews

WEIGHT = "weight"
ORDERS = "orders"
"""Groups of limits: requests weigh on the address, creates count on the account and weigh nothing."""


class BinanceMarket:
    """The part of Dialect that needs no order."""

    has_clock = True
    guesses_trigger_side = False
    budgets: Mapping[str, Budget]
    market_codes: codes.MarketCodes
    prefix: str
    info_weight: int
    price_weight: int
    order_count: tuple[str, int]
    """The header that counts creates, and what it may reach."""

    def auth(self, credentials: Credentials, timestamp_ms: int, window_ms: int) -> httpx.Auth:
        return BinanceAuth(credentials, timestamp_ms, window_ms)

    def rules(self, symbol: str) -> Sequence[Call]:
        return [self.public("exchangeInfo", {}, self.info_weight)]

    def read_rules(self, answers: Sequence[Answer], symbol: str) -> MarketRules:
        (answer,) = answers
        if answer.status != 200:
            raise ValueError(f"no rules for {symbol}: {codes.error_message(answer)}")
        return read_rules(answer.body, symbol)

    def last_price(self, symbol: str) -> Call:
        return self.public("ticker/price", {"symbol": native_symbol(symbol)}, self.price_weight)

    def read_last_price(self, answer: Answer) -> Decimal:
        price = positive(answer.body.get("price")) if isinstance(answer.body, Mapping) else None
        if answer.status != 200 or price is None:
            raise ValueError(f"no price: {codes.error_message(answer)}")
        return price

    def key_list(self) -> Call | None:
        return None

    def read_key_expiry(self, answer: Answer, api_key: str) -> datetime:
        raise ValueError("Binance's keys do not end by themselves")

    def server_time(self) -> Call | None:
        return self.public("time", {}, 1)

    def read_server_time(self, answer: Answer) -> int:
        told = answer.body.get("serverTime") if isinstance(answer.body, Mapping) else None
        if answer.status != 200 or not isinstance(told, int) or isinstance(told, bool) or told <= 0:
            raise ValueError(f"no time: {codes.error_message(answer)}")
        return told

    def is_passing(self, answer: Answer) -> bool:
        return False

    def is_clock_error(self, answer: Answer) -> bool:
        return codes.is_clock_error(answer)

    def is_key_error(self, answer: Answer) -> bool:
        return codes.is_key_error(answer)

    def is_address_error(self, answer: Answer) -> bool:
        """-2015 means the key, its rights or the address."""
        return False

    def limits(self, answer: Answer, call: Call) -> LimitNews:
        """Too many orders without a Retry-After is the account's order count alone: cancels may go on."""
        if codes.error_code(answer) == codes.TOO_MANY_ORDERS and codes.retry_after(answer) is None:
            return LimitNews(left=[Left(ORDERS, 0)], refused=True)
        name, most = self.order_count
        created, used = _count(answer, name), _count(answer, "X-MBX-USED-WEIGHT-1M")
        left = [] if created is None else [Left(ORDERS, max(0, most - created))]
        pause = codes.stay_away(answer)
        if used is not None:
            left.append(Left(WEIGHT, max(0, self.budgets[WEIGHT].calls - used), pause or None))
        return LimitNews(pause, left, refused=pause > 0, whole_address=True)

    def use_up_id(self, order: Order) -> Call | None:
        return None

    def public(self, name: str, params: Mapping[str, str], weight: int) -> Call:
        """A call that needs no key."""
        return Call("GET", f"{self.prefix}/{name}", params, signed=False, group=WEIGHT, weight=weight)


def is_stop(order: Order | OrderRequest) -> bool:
    """Whether it waits for a trigger."""
    return order.order_type in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)


def is_limit(order: Order | OrderRequest) -> bool:
    """Whether it has a price of its own."""
    return order.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT)


def is_named(answer: Answer, name: str, request: OrderRequest) -> bool:
    """Whether a body bears our client id under that name."""
    return isinstance(answer.body, Mapping) and answer.body.get(name) == request.client_order_id


def post_only_conflict(order: Order) -> str | None:
    """What is wrong with a post-only order that could not rest."""
    if not order.post_only:
        return None
    if not is_limit(order):
        return f"takes no post_only {order.order_type} orders: use LIMIT, or leave post_only out"
    if order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        return f"takes no post_only order with {order.time_in_force}: leave time_in_force out, or post_only"
    return None


def sent(params: Mapping[str, str | None]) -> dict[str, str]:
    """The parameters that have a value."""
    return {name: value for name, value in params.items() if value is not None}


def _count(answer: Answer, name: str) -> int | None:
    count = number(answer.header(name))
    return None if count is None else int(count)
