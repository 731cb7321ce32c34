"""CANCEL and CANCEL_ALL: finds the live orders that match, stores every request, then calls exchanges (R22)."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.domain.alerts import CancelAlert
from chalicelib.domain.clock import Budget, after
from chalicelib.domain.errors import ConflictError, DatabaseUnavailableError, NotFoundError, StaleRowError
from chalicelib.domain.events import EventLog
from chalicelib.domain.orders import Order
from chalicelib.domain.policy import RECENT_EVENTS
from chalicelib.domain.ports import Update
from chalicelib.usecases.cancel_requests import StoredCancel, store_cancel
from chalicelib.usecases.cancelling import BY_EVENT, carry_out
from chalicelib.usecases.recording import refresh_event
from chalicelib.usecases.services import Services, read_orders
from chalicelib.usecases.together import together

logger = logging.getLogger(__name__)

_CONFLICTS = 20


@dataclass(frozen=True, slots=True)
class LiveOrders:
    """A strategy's. Of the unreadable ones, such as newer code may write, nobody can say more than that."""

    rows: Sequence[Order]
    unreadable: Sequence[str]

    @property
    def ids(self) -> list[str]:
        """Of all, in order."""
        return sorted([*(row.order_id for row in self.rows), *self.unreadable])


async def live_orders(services: Services, strategy_id: str) -> LiveOrders:
    """An index may lag, so orders of the strategy's recent log rows are looked at too, and every row is read
    consistently."""
    since = after(services.clock.now(), -RECENT_EVENTS)
    indexed, events = await together(
        services.store.live_orders(strategy_id), services.store.recent_events(strategy_id, since)
    )
    names = set(indexed)
    names.update(order_id for event in events if not event.is_cancel for order_id in event.order_ids)
    rows, unreadable = await read_orders(services, sorted(names))
    return LiveOrders([row for row in rows if not row.terminal], unreadable)


async def find_targets(services: Services, strategy_id: str, alert: CancelAlert) -> list[str]:
    """Ids of the live orders that the alert means; an order of another strategy matches nothing.

    One that cannot be read is meant by its id, or where all are; its cancel is stored once it can be read again.
    """
    live = await live_orders(services, strategy_id)
    meant = [row.order_id for row in live.rows if alert.tag in (None, row.tag) and alert.symbol in (None, row.symbol)]
    if alert.tag is None and alert.symbol is None:
        meant += live.unreadable
    return sorted(order_id for order_id in meant if alert.order_id in (None, order_id))


async def carry_out_targets(services: Services, event: EventLog, budget: Budget) -> EventLog:
    """Ask for the cancel of every target, once: first all requests are stored, then exchanges are called
    until the budget ends. A duplicate and reconcile resume where a crash left the asking unfinished."""
    try:
        if not event.asked:
            await _ask_all(services, event, budget)
        return await refresh_event(services, event.strategy_id, event.event_id) or event
    except DatabaseUnavailableError:
        logger.exception("an accepted cancel is left to reconcile", extra={"event_id": event.event_id})
        return event


async def _ask_all(services: Services, event: EventLog, budget: Budget) -> None:
    """Each target on its own; what could not be stored is asked for again by reconcile."""
    by = BY_EVENT + event.event_id
    targets = (_stored(services, order_id, by) for order_id in event.order_ids)
    stored = await asyncio.gather(*targets, return_exceptions=True)
    failed = [failure for failure in stored if isinstance(failure, BaseException)]
    for failure in failed:
        if not isinstance(failure, Exception):
            raise failure
        logger.error("a cancel could not be stored yet", extra={"event_id": event.event_id}, exc_info=failure)
    if not failed:
        await _mark_asked(services, event)
    mine = [request for request in stored if isinstance(request, StoredCancel)]
    await asyncio.gather(*(carry_out(services, request, by, budget) for request in mine))


async def _mark_asked(services: Services, event: EventLog) -> None:
    """From here on a request that somebody deletes stays deleted."""
    row: EventLog | None = event
    for _ in range(_CONFLICTS):
        if row is None or row.asked:
            return
        try:
            await services.store.commit(Update(row, replace(row, asked=True, version=row.version + 1)))
            return
        except StaleRowError:
            row = await services.store.get(EventLog, event.strategy_id, event.event_id)
    logger.warning("its targets may be asked once more", extra={"event_id": event.event_id})


async def _stored(services: Services, order_id: str, by: str) -> StoredCancel | None:
    try:
        return await store_cancel(services, order_id, by)
    except (ConflictError, NotFoundError) as known:
        logger.debug("nothing to ask for: %s", known, extra={"order_id": order_id})
        return None
