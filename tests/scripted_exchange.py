"""An exchange that answers by script: for outcomes that the mock does not give, and to act in mid-call."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from chalicelib.domain.clock import Clock
from chalicelib.domain.orders import Order, OrderRequest, Venue
from chalicelib.domain.outcomes import (
    Absent,
    CancelOutcome,
    ExchangeOrder,
    Found,
    Lookup,
    NotPlaced,
    OrderStatus,
    Placed,
    PlaceOutcome,
)
from chalicelib.domain.ports import Exchange
from chalicelib.domain.strategies import Account
from chalicelib.exchanges.mock import MockExchange

T = TypeVar("T")
Script = Callable[[], Awaitable[None]]


class ScriptedExchange:
    """Every account and venue at once. What it was asked stands in `placed`, `cancelled` and `looked_up`."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.venue = Venue("scripted", "spot", False, "nowhere")
        self.place_outcomes: list[PlaceOutcome] = []
        self.use_up_outcomes: list[PlaceOutcome] = []
        self.used_up: list[str] = []
        self.cancel_outcomes: list[CancelOutcome] = []
        self.lookups: list[Lookup] = []
        self.shown: dict[str, ExchangeOrder] = {}
        self.strangers: list[ExchangeOrder] = []
        self.placed: list[OrderRequest] = []
        self.cancelled: list[str] = []
        self.looked_up: list[str] = []
        self.unprepared: Exception | None = None
        self.in_prepare: Callable[[Order], Awaitable[None]] | None = None
        self.in_place: Script | None = None
        self.in_cancel: Script | None = None
        self.in_find: Script | None = None
        self.in_balances: Script | None = None
        self.balance: Mapping[str, Decimal] | Exception = {}
        self.key_end: datetime | Exception | None = None
        self.keys_asked = 0

    def venue_for(self, account: Account) -> Venue:
        return self.venue

    async def session(self, account: Account, venue: Venue, blocked_until: datetime | None = None) -> Exchange:
        return self

    async def prepare(self, order: Order) -> OrderRequest:
        if self.in_prepare:
            await self.in_prepare(order)
        if self.unprepared is not None:
            raise self.unprepared
        sized = replace(order, percent=None)
        return await MockExchange(_NOBODY, None, self.clock).prepare(sized)  # type: ignore[arg-type]

    async def now(self) -> datetime:
        return self.clock.now()

    async def place(self, request: OrderRequest, timestamp: datetime, window: float) -> PlaceOutcome:
        """The next scripted outcome; the last one repeats; without a script the order rests."""
        self.placed.append(request)
        if self.in_place:
            await self.in_place()
        outcome = _next(self.place_outcomes)
        return outcome if outcome is not None else Placed(seen(request, OrderStatus.OPEN, self.clock.now()))

    async def use_up_id(self, order: Order) -> PlaceOutcome:
        """The next scripted outcome; without a script, a refusal."""
        self.used_up.append(order.client_order_id)
        return _next(self.use_up_outcomes) or NotPlaced("under_min_total_bid", "too small", id_spent=True)

    async def cancel(self, order: Order) -> CancelOutcome:
        self.cancelled.append(order.exchange_order_id or order.client_order_id)
        if self.in_cancel:
            await self.in_cancel()
        outcome = _next(self.cancel_outcomes)
        assert outcome is not None, "no cancel was expected"
        return outcome

    async def find(self, order: Order) -> Lookup:
        """What `shown` has under the client id, else the next scripted look-up."""
        self.looked_up.append(order.client_order_id)
        if order.client_order_id in self.shown:
            return Found(self.shown[order.client_order_id])
        if self.in_find:
            await self.in_find()
        return _next(self.lookups) or Absent()

    async def open_orders(self) -> Sequence[ExchangeOrder]:
        """What `shown` and `strangers` have that is open."""
        return [order for order in [*self.shown.values(), *self.strangers] if order.status is OrderStatus.OPEN]

    async def free_balance(self, asset: str) -> Decimal:
        return Decimal(1)

    async def balances(self) -> Mapping[str, Decimal]:
        """What `balance` is, raised where it is an exception; a call of it comes first."""
        if self.in_balances:
            await self.in_balances()
        if isinstance(self.balance, Exception):
            raise self.balance
        return self.balance

    async def key_expires_at(self) -> datetime | None:
        self.keys_asked += 1
        if isinstance(self.key_end, Exception):
            raise self.key_end
        return self.key_end

    async def last_price(self, symbol: str) -> Decimal:
        return Decimal(60000)


def seen(request: OrderRequest | None, status: OrderStatus, at: datetime, **changes: object) -> ExchangeOrder:
    """The order as the exchange shows it."""
    assert request is not None
    shown = ExchangeOrder(
        exchange_order_id=f"x-{request.client_order_id}",
        client_order_id=request.client_order_id,
        symbol=request.symbol,
        side=request.side,
        status=status,
        quantity=request.quantity,
        quote_amount=request.quote_amount,
        updated_at=at,
    )
    return replace(shown, **changes)  # type: ignore[arg-type]


def found(request: OrderRequest | None, status: OrderStatus, at: datetime, **changes: object) -> Found:
    """A look-up that saw it."""
    return Found(seen(request, status, at, **changes))


def _next(script: list[T]) -> T | None:
    return script.pop(0) if len(script) > 1 else (script[0] if script else None)


_EPOCH = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
_NOBODY = Account(
    account_id="nobody",
    exchange="mock",
    market="spot",
    testnet=False,
    enabled=True,
    created_at=_EPOCH,
    updated_at=_EPOCH,
)
