"""A cancel request: its row in the queue, its state machine, its backoff."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.domain.clock import after, first_version
from chalicelib.domain.errors import IllegalTransitionError
from chalicelib.domain.orders import RETENTION, Order

WAIT_FLOOR = 2.0
WAIT_CEILING = 30.0


class CancelStatus(StrEnum):
    """Where a cancel request stands. FAILED is not the end: it raises an alarm and can be redriven."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


CANCEL_MOVES: Mapping[CancelStatus, frozenset[CancelStatus]] = {
    CancelStatus.PENDING: frozenset({CancelStatus.PROCESSING, CancelStatus.SUCCESS}),
    CancelStatus.PROCESSING: frozenset(CancelStatus),
    CancelStatus.FAILED: frozenset({CancelStatus.PENDING, CancelStatus.SUCCESS}),
    CancelStatus.SUCCESS: frozenset({CancelStatus.PENDING}),
}
"""PENDING → SUCCESS: whoever proves the order's end closes the request in the same transaction (R6).
SUCCESS → PENDING: only when the exchange shows the order alive again (R5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """One row of the cancel queue, keyed by the order's id."""

    cancel_id: str
    strategy_id: str
    account_id: str
    exchange: str
    symbol: str
    status: CancelStatus
    waiting_for_order: bool
    next_retry_at: datetime
    requested_by: str
    retry_count: int = 0
    waits: int = 0
    last_error: str | None = None
    result: str | None = None
    completed_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1
    ttl: int | None = None

    @property
    def order_id(self) -> str:
        return self.cancel_id

    @property
    def live(self) -> bool:
        """Whether the sweep has work with it."""
        return self.status in (CancelStatus.PENDING, CancelStatus.PROCESSING)

    def claimable(self, now: datetime) -> bool:
        """R15: due, or waiting for the order, or left by a holder whose lease ran out."""
        if self.status is CancelStatus.PENDING:
            return self.waiting_for_order or self.next_retry_at <= now
        return self.status is CancelStatus.PROCESSING and self.next_retry_at <= now

    def claimed(self, now: datetime, lease: float, *, order_pending: bool) -> "CancelRequest":
        """Held until `lease` seconds from now; the first claim after the order left PENDING ends the waiting."""
        waiting = self.waiting_for_order and order_pending
        waits = self.waits if waiting is self.waiting_for_order else 0
        lease_end = after(now, lease)
        return self._moved(
            now, CancelStatus.PROCESSING, next_retry_at=lease_end, waiting_for_order=waiting, waits=waits
        )

    def hurried(self, now: datetime) -> "CancelRequest":
        """Due at once, for whoever has the time."""
        return replace(self, next_retry_at=now, waits=0, version=self.version + 1, updated_at=now)

    def waits_on(self, now: datetime, why: str, *, not_before: float = 0.0) -> "CancelRequest":
        """Back to the queue without using up a retry: 2 s growing to 30, or `not_before` if later (R17)."""
        pause = max(min(WAIT_FLOOR * 2**self.waits, WAIT_CEILING), not_before)
        return self._moved(
            now, CancelStatus.PENDING, next_retry_at=after(now, pause), waits=min(self.waits + 1, 10), last_error=why
        )

    def refused(self, now: datetime, why: str, max_retries: int) -> "CancelRequest":
        """The exchange said no: the only thing that counts (R17); FAILED at `max_retries`."""
        count = self.retry_count + 1
        status = CancelStatus.FAILED if count >= max_retries else CancelStatus.PENDING
        next_at = now if status is CancelStatus.FAILED else after(now, 2.0**count)
        return self._moved(now, status, retry_count=count, waits=0, next_retry_at=next_at, last_error=why)

    def succeeded(self, now: datetime, result: str) -> "CancelRequest":
        """The exchange's terminal word, or proof that nothing was ever there (R19); TTL starts here (R7)."""
        return self._moved(
            now,
            CancelStatus.SUCCESS,
            result=result,
            completed_at=now,
            waiting_for_order=False,
            ttl=int((now + RETENTION).timestamp()),
        )

    def corrected(self, now: datetime, result: str) -> "CancelRequest":
        """The order ended otherwise than we had concluded; the request stays ended."""
        return replace(self, result=result, version=self.version + 1, updated_at=now)

    def redriven(self, now: datetime, *, order_pending: bool) -> "CancelRequest":
        """Due at once with all its retries again: by hand from FAILED, by evidence from SUCCESS."""
        return self._moved(
            now,
            CancelStatus.PENDING,
            retry_count=0,
            waits=0,
            next_retry_at=now,
            waiting_for_order=order_pending,
            result=None,
            completed_at=None,
            ttl=None,
        )

    def _moved(self, now: datetime, status: CancelStatus, **changes: Any) -> "CancelRequest":
        if status not in CANCEL_MOVES[self.status]:
            raise IllegalTransitionError(f"cancel request {self.status} → {status}")
        return replace(self, status=status, version=self.version + 1, updated_at=now, **changes)


def cancel_request_for(order: Order, now: datetime, requested_by: str, lease: float) -> CancelRequest:
    """A new request: waiting while the order is PENDING, else held at once by who stores it (R14)."""
    pending = order.placement is not None
    return CancelRequest(
        cancel_id=order.order_id,
        strategy_id=order.strategy_id,
        account_id=order.account_id,
        exchange=order.exchange,
        symbol=order.symbol,
        status=CancelStatus.PENDING if pending else CancelStatus.PROCESSING,
        waiting_for_order=pending,
        next_retry_at=after(now, WAIT_FLOOR if pending else lease),
        requested_by=requested_by,
        version=first_version(now),
        created_at=now,
        updated_at=now,
    )
