"""The sweep's second task: PENDING orders whose next look has come, so that none waits for the minute (R27)."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from chalicelib.domain.clock import Budget, after
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.usecases.reconcile import settle_isolated
from chalicelib.usecases.services import Services, readable_orders

_HORIZON = 35.0
"""Orders that are due within this time keep the sweep awake; longer than the longest pause between two looks."""

_BATCH = 50


class OrderWatch:
    """The orders that one run of the sweep has in hand."""

    def __init__(self, services: Services, budget: Budget, order_ids: Iterable[str]) -> None:
        self._services = services
        self._budget = budget
        self._named = sorted(set(order_ids))
        self._tasks: dict[str, asyncio.Task[Order | None]] = {}
        self._unreadable: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether any order is being looked at."""
        return any(not task.done() for task in self._tasks.values())

    async def start_due(self) -> datetime | None:
        """Look at what is due and not in hand; returns when the next order is due, None where none is soon."""
        self._tasks = {order_id: task for order_id, task in self._tasks.items() if not task.done()}
        now = self._services.clock.now()
        soon = [row for row in await self._pending() if row.order_id not in self._tasks]
        for row in soon:
            if row.check_at is not None and row.check_at <= now:
                work = settle_isolated(self._services, row.order_id, self._budget)
                self._tasks[row.order_id] = asyncio.create_task(work)
        return min((row.check_at for row in soon if row.check_at is not None and row.check_at > now), default=None)

    async def wait(self) -> None:
        """Until everything that was started is done (R28)."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _pending(self) -> list[Order]:
        until = after(self._services.clock.now(), _HORIZON)
        due = await self._services.store.due_orders(until, _BATCH + len(self._unreadable))
        names = dict.fromkeys(name for name in [*due, *self._named] if name not in self._unreadable)
        rows = await readable_orders(self._services, list(names))
        self._unreadable.update(names.keys() - {row.order_id for row in rows})
        pending = [row for row in rows if row.status is OrderStatus.PENDING]
        live = {row.order_id for row in pending}
        self._named = [order_id for order_id in self._named if order_id in live]
        return [row for row in pending if row.check_at is not None and row.check_at <= until]
