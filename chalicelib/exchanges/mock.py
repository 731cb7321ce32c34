"""The mock exchange: a real book shared through a table, with refusals, delays and faults on command.

Market orders fill at a fixed reference price, limit and stop orders rest, IOC and FOK orders expire unfilled.
Client ids are unique for ever, as at Bybit. The order is on the book when the request arrives; the delay comes
before the answer, so that a lost answer leaves an order behind, as it does out there.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NoReturn, Protocol

from chalicelib.domain.amounts import LARGEST, divided, times
from chalicelib.domain.clock import Clock, seconds_between
from chalicelib.domain.markets import MarketRules
from chalicelib.domain.orders import Order, OrderRequest, OrderType, TimeInForce
from chalicelib.domain.outcomes import (
    Absent,
    Cancelled,
    CancelOutcome,
    Duplicate,
    ExchangeOrder,
    Found,
    Gone,
    Lookup,
    NotFound,
    NotPlaced,
    OrderStatus,
    Placed,
    PlaceOutcome,
    Refused,
    Unknown,
)
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.domain.strategies import Account
from chalicelib.exchanges.rounding import fit_order, round_down

FAULTS = ("timeout_before", "timeout_after", "unknown_order")

_STEP = Decimal("0.00000001")
_RULES = MarketRules(
    symbol="", quantity_step=_STEP, quote_step=_STEP, max_quantity=LARGEST, max_notional=times(LARGEST, LARGEST)
)
_PRICES = {"BTC": Decimal(60000), "ETH": Decimal(3000), "SOL": Decimal(150), "XRP": Decimal("0.5")}
_OTHER_PRICE = Decimal(100)
_WON = Decimal(1400)
_BALANCES = {"USDT": Decimal(100_000), "USDC": Decimal(100_000), "KRW": Decimal(100_000_000)}
_OTHER_BALANCE = Decimal(10)
_FOR_EVER = 3600.0


class MockBook(Protocol):
    """Where the mock keeps its orders."""

    async def add(self, account_id: str, order: ExchangeOrder) -> bool:
        """Put a new order on the book; False if its client id is taken."""

    async def get(self, account_id: str, client_order_id: str) -> ExchangeOrder | None:
        """The order of that client id."""

    async def close(self, account_id: str, order: ExchangeOrder) -> bool:
        """Write the order's end; False if it was not open any more."""

    async def open_orders(self, account_id: str) -> list[ExchangeOrder]:
        """Everything that rests."""

    async def count_call(self, account_id: str) -> int:
        """1 on the first call, 2 on the second, over all processes: what a seed's decisions depend on."""


@dataclass(frozen=True, slots=True)
class MockOptions:
    """How the mock treats one account."""

    success_rate: float = 0.95
    delay_ms: float = 50.0
    place_delay_ms: float | None = None
    seed: int | None = None
    fault: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "MockOptions":
        """From an account's options; what the mock does not know belongs to another exchange."""
        return cls(**{name: options[name] for name in cls.__slots__ if options.get(name) is not None})


class MockExchange:
    """One account at the mock."""

    def __init__(self, account: Account, book: MockBook, clock: Clock) -> None:
        self._account_id = account.account_id
        self._options = MockOptions.of(account.options)
        self._book = book
        self._clock = clock

    async def prepare(self, order: Order) -> OrderRequest:
        """Sized in steps of 1e-8; a market order may be by quantity or by quote amount."""
        by_amount = order.order_type is OrderType.MARKET
        rules = replace(_RULES, symbol=order.symbol)
        request = await fit_order(order, rules, takes_quote_amount=by_amount, free_balance=self.free_balance)
        if request.order_type is OrderType.MARKET and not _market_fill(request):
            raise OrderNotAcceptedError("BELOW_MINIMUM", f"the amount buys less than the smallest step {_STEP:f}")
        return request

    async def now(self) -> datetime:
        return self._clock.now()

    async def place(self, request: OrderRequest, timestamp: datetime, window: float) -> PlaceOutcome:
        """As an exchange with a receive window: a request that arrives after timestamp + window is refused."""
        if seconds_between(timestamp, self._clock.now()) > window:
            return NotPlaced("TIMESTAMP", "the request arrived outside of its receive window")
        if self._options.fault == "timeout_before":
            await self._never_answer()
        delay_ms = self._options.place_delay_ms
        delay = (self._options.delay_ms if delay_ms is None else delay_ms) / 1000
        if await self._refuses():
            await self._clock.sleep(delay)
            return NotPlaced("REFUSED", "the mock refused the order (success_rate)")
        order = _taken(request, self._clock.now())
        added = await self._book.add(self._account_id, order)
        if self._options.fault == "timeout_after":
            await self._never_answer()
        await self._clock.sleep(delay)
        return Placed(order) if added else Duplicate(f"client order id {request.client_order_id} is taken")

    async def use_up_id(self, order: Order) -> PlaceOutcome:
        return Unknown("requests expire by themselves here")

    async def cancel(self, order: Order) -> CancelOutcome:
        """By client id, which the mock's own id contains."""
        if self._options.fault == "timeout_before":
            await self._never_answer()
        outcome = await self._cancel(order)
        if self._options.fault == "timeout_after":
            await self._never_answer()
        await self._clock.sleep(self._options.delay_ms / 1000)
        return outcome

    async def find(self, order: Order) -> Lookup:
        """Reads are honest and quick: the faults are for calls that change something."""
        found = await self._book.get(self._account_id, _client_id(order))
        return Found(found) if found else Absent()

    async def open_orders(self) -> Sequence[ExchangeOrder]:
        return await self._book.open_orders(self._account_id)

    async def free_balance(self, asset: str) -> Decimal:
        """A fixed balance: the mock has a book, not a wallet."""
        return _BALANCES.get(asset, _OTHER_BALANCE)

    async def balances(self) -> Mapping[str, Decimal]:
        """Of the assets that it has a price for; any other has the same as these."""
        return {**_BALANCES, **dict.fromkeys(_PRICES, _OTHER_BALANCE)}

    async def key_expires_at(self) -> datetime | None:
        """It asks nobody for a key."""
        return None

    async def last_price(self, symbol: str) -> Decimal:
        return reference_price(symbol)

    async def _cancel(self, order: Order) -> CancelOutcome:
        if self._options.fault == "unknown_order":
            return NotFound("Unknown order sent.")
        if await self._refuses():
            return Refused("the mock refused the cancel (success_rate)")
        found = await self._book.get(self._account_id, _client_id(order))
        if found is None:
            return NotFound("Unknown order sent.")
        if found.status.terminal:
            return Gone(f"the order is {found.status} already")
        closed = replace(found, status=OrderStatus.CANCELLED, updated_at=self._clock.now())
        if not await self._book.close(self._account_id, closed):
            return Gone("the order ended at this very moment")
        return Cancelled(closed)

    async def _refuses(self) -> bool:
        rate = self._options.success_rate
        if rate >= 1 or rate <= 0:
            return rate <= 0
        if self._options.seed is None:
            return random.random() >= rate
        call = await self._book.count_call(self._account_id)
        return random.Random(f"{self._options.seed}:{call}").random() >= rate

    async def _never_answer(self) -> NoReturn:
        """Until the caller's own timeout, as a lost answer is."""
        await self._clock.sleep(_FOR_EVER)
        raise TimeoutError("the mock never answers")


def reference_price(symbol: str) -> Decimal:
    """What the mock's market orders fill at."""
    base, _, quote = symbol.partition("/")
    price = _PRICES.get(base, _OTHER_PRICE)
    return price * _WON if quote == "KRW" else price


def _taken(request: OrderRequest, now: datetime) -> ExchangeOrder:
    """The order as the book shows it once it is taken."""
    resting = ExchangeOrder(
        exchange_order_id=f"mock-{request.client_order_id}",
        client_order_id=request.client_order_id,
        symbol=request.symbol,
        side=request.side,
        status=OrderStatus.OPEN,
        quantity=request.quantity,
        quote_amount=request.quote_amount,
        updated_at=now,
    )
    if request.order_type is OrderType.MARKET:
        price = reference_price(request.symbol)
        filled = _market_fill(request)
        return replace(resting, status=OrderStatus.FILLED, filled_quantity=filled, average_price=price)
    if request.stop_price is None and request.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        return replace(resting, status=OrderStatus.EXPIRED, reason="nothing to trade with at once")
    return resting


def _market_fill(request: OrderRequest) -> Decimal:
    """What a market order gets at the reference price."""
    if request.quantity is not None:
        return request.quantity
    bought = divided(request.quote_amount or Decimal(0), reference_price(request.symbol))
    return round_down(bought, _STEP) or Decimal(0)


def _client_id(order: Order) -> str:
    """Of the attempt that was sent: by the exchange's id where it is known."""
    if order.exchange_order_id:
        return order.exchange_order_id.removeprefix("mock-")
    return order.client_order_id
