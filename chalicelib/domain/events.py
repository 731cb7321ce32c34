"""Accepted alerts: the dedupe row, and the log row whose counts add up (R21, R26)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from chalicelib.domain.clock import after
from chalicelib.domain.orders import RETENTION, Order
from chalicelib.domain.outcomes import OrderStatus

_FIRST_LOOK = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertKey:
    """Remembers that an alert was accepted, so that its resend finds the first one's event."""

    dedupe_key: str
    strategy_id: str
    event_id: str
    body_hash: str
    expires_at: datetime
    created_at: datetime
    version: int = 1

    @property
    def ttl(self) -> int:
        return int((self.expires_at + timedelta(days=1)).timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountResult:
    """How one account's order stands, as the alert's answer and the log row show it."""

    account_id: str
    exchange: str
    order_id: str
    status: str
    placement: str | None
    exchange_order_id: str | None
    filled_quantity: Decimal
    average_price: Decimal | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLog:
    """One accepted alert with what became of it on every account."""

    strategy_id: str
    event_id: str
    order_type: str
    symbol: str | None
    order_ids: tuple[str, ...]
    results: tuple[AccountResult, ...]
    successful_accounts: int
    failed_accounts: int
    created_at: datetime
    updated_at: datetime
    check_at: datetime | None
    looks: int = 0
    asked: bool = False
    version: int = 1
    ttl: int | None = None

    @property
    def total_accounts(self) -> int:
        return len(self.order_ids)

    @property
    def is_cancel(self) -> bool:
        """Whether `order_ids` are orders of other events that this one asked to cancel."""
        return self.order_type in ("CANCEL", "CANCEL_ALL")

    def with_orders(self, orders: Sequence[Order], now: datetime, looked_every: float) -> "EventLog":
        """Recomputed from its orders (in any order); settled, with a TTL, once all of them are terminal."""
        by_id = {order.order_id: order for order in orders}
        known = [by_id[order_id] for order_id in self.order_ids if order_id in by_id]
        settled = len(known) == self.total_accounts and all(order.terminal for order in known)
        unasked = self.is_cancel and not self.asked
        pause = _FIRST_LOOK if unasked else min(_FIRST_LOOK * 2**self.looks, looked_every)
        return replace(
            self,
            results=tuple(result_of(order) for order in known),
            successful_accounts=sum(self._succeeded(order) for order in known),
            failed_accounts=sum(self._failed(order) for order in known),
            updated_at=now,
            check_at=None if settled else after(now, pause),
            looks=min(self.looks + 1, 10),
            version=self.version + 1,
            ttl=int((now + RETENTION).timestamp()) if settled else None,
        )

    def same_results(self, other: "EventLog") -> bool:
        """Whether nothing that a reader sees differs."""
        return (self.results, self.check_at is None) == (other.results, other.check_at is None)

    def _succeeded(self, order: Order) -> bool:
        """R26. For a cancelling event the aim is that the order is cancelled, not that it trades."""
        if self.is_cancel:
            return order.status is OrderStatus.CANCELLED
        alive = order.status in (OrderStatus.OPEN, OrderStatus.FILLED)
        traded = alive or (order.terminal and order.filled_quantity > 0)
        return traded or (order.status is OrderStatus.CANCELLED and order.cancel_requested)

    def _failed(self, order: Order) -> bool:
        return order.terminal and not self._succeeded(order)


def result_of(order: Order) -> AccountResult:
    """The line of an event's results that speaks of this order."""
    return AccountResult(
        account_id=order.account_id,
        exchange=order.exchange,
        order_id=order.order_id,
        status=order.status.value,
        placement=order.placement.value if order.placement else None,
        exchange_order_id=order.exchange_order_id,
        filled_quantity=order.filled_quantity,
        average_price=order.average_price,
        error=order.error,
    )


def new_event(
    strategy_id: str, event_id: str, order_type: str, symbol: str | None, order_ids: Sequence[str], now: datetime
) -> EventLog:
    """A log row before anything is known of its orders."""
    return EventLog(
        strategy_id=strategy_id,
        event_id=event_id,
        order_type=order_type,
        symbol=symbol,
        order_ids=tuple(order_ids),
        results=(),
        successful_accounts=0,
        failed_accounts=0,
        created_at=now,
        updated_at=now,
        check_at=after(now, _FIRST_LOOK),
        version=0,
    )
