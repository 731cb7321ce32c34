"""Works off due cancel requests and PENDING orders, and stays awake while anything is live (R17, R27, R28)."""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import Budget, after, seconds_between
from chalicelib.domain.errors import DatabaseUnavailableError, StaleRowError
from chalicelib.domain.ports import Insert, Update
from chalicelib.domain.strategies import Heartbeat
from chalicelib.usecases.cancelling import process_cancel
from chalicelib.usecases.order_watch import OrderWatch
from chalicelib.usecases.services import UNREADABLE, Services

logger = logging.getLogger(__name__)

BATCH = 50
LOOK_EVERY = 1.0
_BREATH = 0.05
_REST = 5.0
_PATIENCE = 0.25
_AWAKE = 15.0
_RENEW_BELOW = 6.0


class Sweep:
    """One run of the scheduled function."""

    def __init__(self, services: Services, budget: Budget, order_ids: Iterable[str] = ()) -> None:
        self._services = services
        self._budget = budget
        self._named = set(order_ids)
        self._orders = OrderWatch(services, budget, self._named)
        self._iterations: set[asyncio.Task[None]] = set()
        self._in_hand: set[str] = set()
        self._resting: dict[str, datetime] = {}
        self._count = 0
        self._awake_until: datetime | None = None

    async def run(self) -> int:
        """Drain, sleep to the next due time, drain again; returns the iterations when nothing is live, or the
        time is over. What the wake-up names is looked at although an index may not show it yet."""
        try:
            while True:
                try:
                    next_at = await self._start_due()
                    busy = self._iterations or self._orders.busy
                    if next_at is None and not busy and not await self._stay():
                        break
                except DatabaseUnavailableError:
                    logger.exception("the sweep waits for the database")
                    next_at = after(self._services.clock.now(), LOOK_EVERY)
                pause = self._pause(next_at)
                if self._budget.remaining() <= pause + _BREATH:
                    break
                await self._services.clock.sleep(pause)
        finally:
            await asyncio.gather(*self._iterations, self._orders.wait(), return_exceptions=True)
        return self._count

    async def _start_due(self) -> datetime | None:
        """Start an iteration over what is due and not in hand; returns when the next request is due."""
        now = self._services.clock.now()
        due = set(await self._services.store.due_cancels(now, BATCH + len(self._resting)))
        following = await self._services.store.next_cancel_at()
        next_order = await self._orders.start_due()
        times = [at for at in (following, next_order) if at is not None]
        for name in sorted(self._named):
            row = await self._readable(name)
            if row is None or not row.live:
                self._named.discard(name)
                continue
            times.append(row.next_retry_at)
            if row.next_retry_at <= now:
                due.add(row.cancel_id)
        self._iterations = {task for task in self._iterations if not task.done()}
        self._resting = {name: until for name, until in self._resting.items() if until > now}
        fresh = due.difference(self._resting, self._in_hand)
        if fresh:
            self._count += 1
            self._in_hand |= fresh
            self._iterations.add(asyncio.create_task(self._iteration(self._count, sorted(fresh))))
        if times:
            await self._beat(now)
        if due and due.issubset(self._resting):  # they stay due, and must not keep us busy
            return after(now, LOOK_EVERY)
        return min(times, default=None)

    async def _readable(self, cancel_id: str) -> CancelRequest | None:
        """One that cannot be read, such as one that newer code wrote, is nobody's hindrance."""
        try:
            return await self._services.store.get(CancelRequest, cancel_id)
        except UNREADABLE:
            logger.exception("a cancel request's row cannot be read", extra={"order_id": cancel_id})
            return None

    async def _iteration(self, number: int, cancel_ids: list[str]) -> None:
        logger.info("[Iteration %d] Processing %d cancel requests", number, len(cancel_ids))
        results = await asyncio.gather(*(self._process(cancel_id) for cancel_id in cancel_ids))
        done = sum(result is CancelStatus.SUCCESS for result in results)
        failed = sum(result is CancelStatus.FAILED for result in results)
        logger.info(
            "[Iteration %d] ✅ %d succeeded, 🔄 %d will retry, ❌ %d failed",
            number,
            done,
            len(results) - done - failed,
            failed,
        )

    async def _process(self, cancel_id: str) -> CancelStatus | None:
        """One request; its failure touches no other."""
        budget = self._budget.within(self._services.policy.exchange_timeout)
        rest = 0.0
        try:
            request = await process_cancel(self._services, cancel_id, "sweep", budget)
            if request is not None:
                return request.status
            rest = LOOK_EVERY  # somebody else has it, and may give it back soon
        except Exception as error:
            logger.exception("cancel request left for a later look", extra={"order_id": cancel_id, "error": str(error)})
            rest = _REST
        finally:
            self._in_hand.discard(cancel_id)
            if rest:
                self._resting[cancel_id] = after(self._services.clock.now(), rest)
        return None

    def _pause(self, next_at: datetime | None) -> float:
        longest = min(LOOK_EVERY, self._services.policy.cancel_queue_interval)
        if next_at is None:
            return _BREATH
        pause = seconds_between(self._services.clock.now(), next_at)
        return min(longest, pause if pause > _BREATH else _PATIENCE)

    async def _beat(self, now: datetime) -> None:
        """Say until when this sweep is awake; whoever schedules a retry then need not wake another one."""
        if self._awake_until is not None and seconds_between(now, self._awake_until) > _RENEW_BELOW:
            return
        until = min(after(now, _AWAKE), self._budget.ends_at)
        if until != self._awake_until:
            await self._write_heartbeat(until)

    async def _stay(self) -> bool:
        """Take the heartbeat back, then look once more: a request stored before that saw us awake."""
        if self._awake_until is None:
            return False
        await self._write_heartbeat(self._services.clock.now())
        self._awake_until = None
        return await self._services.store.next_cancel_at() is not None or await self._orders.start_due() is not None

    async def _write_heartbeat(self, until: datetime) -> None:
        now = self._services.clock.now()
        self._awake_until = until
        old = await self._services.store.get(Heartbeat, "sweep")
        new = Heartbeat(awake_until=until, updated_at=now, version=old.version + 1 if old else 1)
        try:
            await self._services.store.commit(Update(old, new) if old else Insert(new))
        except StaleRowError:
            logger.debug("another sweep wrote the heartbeat")
