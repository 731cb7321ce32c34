"""An order: its row, its state machine as a table of data, and the one way in which it changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from chalicelib.domain.clock import after
from chalicelib.domain.errors import IllegalTransitionError
from chalicelib.domain.ids import client_order_id
from chalicelib.domain.outcomes import ExchangeOrder, OrderStatus, Side
from chalicelib.domain.policy import WATCH_AFTER
from chalicelib.domain.venues import VenueFacts, facts_of

HISTORY_LIMIT = 50
RETENTION = timedelta(days=90)


class Placement(StrEnum):
    """How far a PENDING order has got towards the exchange."""

    READY = "READY"
    SENDING = "SENDING"
    ACKED = "ACKED"
    UNKNOWN = "UNKNOWN"


class OrderType(StrEnum):
    """What kind of order it is."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    STOP_LIMIT = "STOP_LIMIT"


class TimeInForce(StrEnum):
    """How long a limit order stays."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


_ANY_END = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED})

STATUS_MOVES: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING: frozenset({OrderStatus.PENDING, OrderStatus.OPEN, OrderStatus.REJECTED}) | _ANY_END,
    OrderStatus.OPEN: frozenset({OrderStatus.OPEN}) | _ANY_END,
    OrderStatus.FILLED: frozenset({OrderStatus.FILLED}),
    OrderStatus.CANCELLED: frozenset({OrderStatus.CANCELLED}),
    OrderStatus.EXPIRED: frozenset({OrderStatus.EXPIRED}),
    OrderStatus.REJECTED: frozenset({OrderStatus.REJECTED}),
}
"""What we may conclude. Staying is always allowed: fills and bookkeeping change without a move."""

EVIDENCE_MOVES: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    **STATUS_MOVES,
    OrderStatus.CANCELLED: frozenset({OrderStatus.CANCELLED, OrderStatus.OPEN, OrderStatus.FILLED}),
    OrderStatus.EXPIRED: frozenset({OrderStatus.EXPIRED, OrderStatus.OPEN, OrderStatus.FILLED}),
    OrderStatus.REJECTED: frozenset({OrderStatus.REJECTED, OrderStatus.OPEN}) | _ANY_END,
}
"""What the exchange's own word may do besides: it outranks a terminal row (R5)."""

PLACEMENT_MOVES: Mapping[Placement, frozenset[Placement]] = {
    Placement.READY: frozenset({Placement.READY, Placement.SENDING}),
    Placement.SENDING: frozenset(Placement),
    Placement.ACKED: frozenset({Placement.ACKED}),
    Placement.UNKNOWN: frozenset({Placement.UNKNOWN, Placement.ACKED, Placement.READY}),
}
"""SENDING and UNKNOWN go back to READY only on proof that nothing was placed (R9, R12)."""


@dataclass(frozen=True, slots=True)
class Venue:
    """Where an order lives; stored in its row, so that today's settings cannot redirect it."""

    exchange: str
    market: str
    testnet: bool
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """The exact order that is sent, rounded and sized; exactly one of quantity and quote_amount."""

    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal | None
    quote_amount: Decimal | None
    price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce | None
    post_only: bool
    reduce_only: bool


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state in an order's history; `by` says who or what caused it, `filled` how much was filled by
    then, where that was news."""

    at: datetime
    status: str
    placement: str | None
    by: str
    note: str | None = None
    filled: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One account's order that came of an event. Flat, as its row is, so that the console can be read."""

    order_id: str
    strategy_id: str
    event_id: str
    account_id: str
    exchange: str
    market: str
    testnet: bool
    host: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal | None = None
    quote_amount: Decimal | None = None
    percent: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    post_only: bool = False
    reduce_only: bool = False
    tag: str | None = None
    status: OrderStatus = OrderStatus.PENDING
    placement: Placement | None = None
    attempt: int = 1
    request: OrderRequest | None = None
    deadline: datetime | None = None
    send_by: datetime | None = None
    not_before: datetime | None = None
    check_at: datetime | None = None
    checks: int = 0
    absent_seen: tuple[datetime, ...] = ()
    absent_attempts: tuple[int, ...] = ()
    id_used_up_at: datetime | None = None
    seen_on_exchange: bool = False
    exchange_order_id: str | None = None
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    exchange_updated_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    cancel_sent_at: datetime | None = None
    reason: str | None = None
    error: str | None = None
    attention: str | None = None
    created_at: datetime
    updated_at: datetime
    history: tuple[Transition, ...] = ()
    version: int = 1
    ttl: int | None = None

    @property
    def venue(self) -> Venue:
        return Venue(self.exchange, self.market, self.testnet, self.host)

    @property
    def facts(self) -> VenueFacts:
        return facts_of(self.exchange, self.market)

    @property
    def client_order_id(self) -> str:
        return client_order_id(self.order_id, self.attempt)

    @property
    def terminal(self) -> bool:
        return self.status.terminal

    @property
    def cancel_requested(self) -> bool:
        return self.cancel_requested_at is not None

    @property
    def may_rest(self) -> bool:
        """Whether it may stand on a book; what may not ends by itself, at once."""
        at_once = (TimeInForce.IOC, TimeInForce.FOK)
        return self.order_type is not OrderType.MARKET and self.time_in_force not in at_once

    @property
    def contradicted(self) -> bool:
        """Whether the exchange has overturned a final state of it (R5)."""
        return any(OrderStatus(entry.status).terminal for entry in self.history[:-1])

    def past_deadline(self, now: datetime) -> bool:
        """Whether the request, if it was sent at all, can no longer be accepted on arrival."""
        return self.deadline is not None and now >= self.deadline

    def changed(self, now: datetime, **changes: Any) -> "Order":
        """The next version with bookkeeping changed and its state as it was."""
        return replace(self, version=self.version + 1, updated_at=now, **changes)

    def moved(
        self,
        now: datetime,
        by: str,
        status: OrderStatus,
        placement: Placement | None = None,
        *,
        note: str | None = None,
        evidence: bool = False,
        **changes: Any,
    ) -> "Order":
        """The next version in another state. Raises IllegalTransitionError where the tables have no edge.

        TTL is set only here, in the write that makes the row terminal, and taken off if it lives again (R7). A row
        of which an attempt was concluded absent stays watched for a while after its end (R12).
        """
        check_move(self.status, self.placement, status, placement, evidence=evidence)
        filled = changes.get("filled_quantity", self.filled_quantity)
        news = filled if filled > self.filled_quantity else None
        entry = Transition(now, status.value, placement.value if placement else None, by, note, news)
        ends: dict[str, Any] = {"ttl": None}
        if status.terminal:
            watched = changes.get("absent_attempts", self.absent_attempts)
            ends = {"check_at": after(now, WATCH_AFTER[0]) if watched else None, "checks": 1 if watched else 0}
            ends["ttl"] = int((now + RETENTION).timestamp())
        return replace(
            self,
            **{
                **ends,
                "version": self.version + 1,
                "updated_at": now,
                "status": status,
                "placement": placement,
                "history": (*self.history, entry)[-HISTORY_LIMIT:],
                **changes,
            },
        )

    def is_same_as(self, found: ExchangeOrder) -> bool:
        """Whether what the exchange shows under our client id is the order that we sent (R13)."""
        request = self.request
        if request is None:
            return False
        amounts_equal = (found.quantity is None or request.quantity in (None, found.quantity)) and (
            found.quote_amount is None or request.quote_amount in (None, found.quote_amount)
        )
        names_equal = (found.client_order_id, found.symbol, found.side) == (
            request.client_order_id,
            request.symbol,
            request.side,
        )
        return names_equal and amounts_equal


def check_move(
    status: OrderStatus,
    placement: Placement | None,
    to_status: OrderStatus,
    to_placement: Placement | None,
    *,
    evidence: bool = False,
) -> None:
    """Raise IllegalTransitionError unless the tables allow the move."""
    moves = EVIDENCE_MOVES if evidence else STATUS_MOVES
    legal = to_status in moves[status] and (to_placement is not None) == (to_status is OrderStatus.PENDING)
    if legal and placement is not None and to_placement is not None:
        legal = to_placement in PLACEMENT_MOVES[placement]
    if not legal:
        raise IllegalTransitionError(f"{status}/{placement} → {to_status}/{to_placement} (evidence={evidence})")
