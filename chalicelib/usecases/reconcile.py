"""Settles what nobody else did: orders that are due, unsettled log rows, flags without a row; hunts orphans."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

from chalicelib.domain import verdicts
from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import Budget, after, seconds_between
from chalicelib.domain.correlation import correlate
from chalicelib.domain.errors import DatabaseUnavailableError
from chalicelib.domain.events import EventLog
from chalicelib.domain.orders import Order, Placement
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.policy import LOOKUP_RESERVE, SIGHTINGS_APART
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.usecases.cancel_alerts import carry_out_targets
from chalicelib.usecases.cancel_requests import restore_request
from chalicelib.usecases.cancelling import press_on, process_cancel
from chalicelib.usecases.metering import take_levels
from chalicelib.usecases.orphans import hunt_orphans
from chalicelib.usecases.placing import place_ready
from chalicelib.usecases.recording import change_order, order_keys, refresh_event, refresh_logs_of
from chalicelib.usecases.services import Services, readable_orders, session_of
from chalicelib.usecases.settling import settle_by_lookup, settle_earlier_attempts

logger = logging.getLogger(__name__)

T = TypeVar("T")

BATCH = 100
_BY = "reconcile"
_LINGER = 15.0
_FOR_THE_HUNT = 0.2
"""Of a run: an exchange that hangs must not keep orphans at others from being found."""
_AFTER_FAILURE = 60.0


async def reconcile(services: Services, budget: Budget) -> int:
    """One run; returns how many orders were looked at.

    It stays for orders that are about to be settled, such as one that waits for its second sighting of
    absence, so that nothing takes three runs that could take one.
    """
    await take_levels(services)
    seen: set[str] = set()
    whole, budget = budget, budget.within(budget.remaining() * (1 - _FOR_THE_HUNT))
    pending = await _due(services, seen)
    if not pending:
        pending = await _wait_for_due(services, await _upcoming(services, seen), budget)
    while pending:
        seen.update(pending)
        settled = await asyncio.gather(*(settle_isolated(services, order_id, budget) for order_id in pending))
        known = [row for row in settled if row is not None]
        waiting = await _wait_for_due(services, known + await _upcoming(services, seen), budget)
        seen.update(waiting)
        pending = [*waiting, *(await _due(services, seen) if len(pending) >= BATCH else [])]
    await _refresh_events(services, budget)
    await hunt_orphans(services, whole)
    if seen:
        logger.info("reconcile looked at %d orders", len(seen))
    return len(seen)


async def settle(services: Services, order_id: str, budget: Budget) -> Order | None:
    """Move one due order on, by its row as it is now. Returns the row, None where nothing was due."""
    order = await services.store.get(Order, order_id)
    if order is None or order.check_at is None or order.check_at > services.clock.now():
        return None
    correlate(order.event_id)
    if order.cancel_requested and not order.terminal:
        await _restore_missing(services, order)
    if order.placement is Placement.READY:
        return await place_ready(services, order_id, _BY, budget.within(services.policy.exchange_timeout))
    budget = budget.within(services.policy.exchange_timeout)
    order = await _look(services, order, budget)
    if order.cancel_requested and (order.status is OrderStatus.OPEN or order.placement is Placement.ACKED):
        order = await _cancel(services, order, budget)
    if order.contradicted:
        await refresh_logs_of(services, order)  # settled long ago, they are nobody else's to correct
    else:
        await refresh_event(services, order.strategy_id, order.event_id)
    return order


async def _cancel(services: Services, order: Order, budget: Budget) -> Order:
    """A FAILED request is tried again too, at the slow pace at which OPEN orders are looked at."""
    request = await services.store.get(CancelRequest, order.order_id)
    if request is not None and request.status is CancelStatus.FAILED:
        return await press_on(services, order, _BY, budget)
    await process_cancel(services, order.order_id, _BY, budget)
    return await services.store.get(Order, order.order_id) or order


async def settle_isolated(services: Services, order_id: str, budget: Budget) -> Order | None:
    """A row that always raises is set aside for a while, with a call for a person."""
    try:
        return await settle(services, order_id, budget)
    except DatabaseUnavailableError:
        logger.exception("reconcile leaves an order for its next run", extra={"order_id": order_id})
        return None
    except Exception as error:
        logger.exception("reconcile leaves an order for later", extra={"order_id": order_id, "error": str(error)})
        why = f"{type(error).__name__}: {error}"[:200]
    order = await _isolated(services.store.get(Order, order_id), order_id)
    if order is None:
        return None
    return await _isolated(
        change_order(services, order, lambda row: verdicts.stuck(row, services.clock.now(), why, _AFTER_FAILURE)),
        order_id,
    )


async def _look(services: Services, order: Order, budget: Budget) -> Order:
    """Ask the exchange for the order and write down what that proves (R12)."""
    try:
        session = await session_of(services, order)
    except OrderNotAcceptedError as error:
        return await _not_reachable(services, order, error)
    order = await settle_by_lookup(services, order, session, _BY, budget)
    return await settle_earlier_attempts(services, order, session, _BY, budget)


async def _not_reachable(services: Services, order: Order, error: OrderNotAcceptedError) -> Order:
    """No adapter now: looked at again later, so that the row stands in nobody's way. The watch over a concluded
    order ends with its account."""
    logger.error("order cannot be looked up", extra={**order_keys(order), "error": error.message})
    given_up = order.terminal and error.code == "ACCOUNT_GONE"

    def decide(row: Order) -> Order:
        if given_up and row.terminal:
            return row.changed(services.clock.now(), check_at=None) if row.check_at else row
        return verdicts.stuck(row, services.clock.now(), error.message, _AFTER_FAILURE)

    return await change_order(services, order, decide)


async def _restore_missing(services: Services, order: Order) -> None:
    if await services.store.get(CancelRequest, order.order_id) is None:
        await restore_request(services, order, _BY)
        await services.waker.wake([order.order_id])


async def _due(services: Services, seen: set[str]) -> list[str]:
    """The next ones; rows that nobody can read stay due, and must not hide those behind them."""
    due = await services.store.due_orders(services.clock.now(), BATCH + len(seen))
    return [order_id for order_id in due if order_id not in seen][:BATCH]


async def _upcoming(services: Services, seen: set[str]) -> list[Order]:
    """PENDING orders that fall due before this run would end: the next run may be too late for a READY one."""
    soon = await services.store.due_orders(after(services.clock.now(), _LINGER), BATCH)
    rows = await readable_orders(services, [order_id for order_id in soon if order_id not in seen])
    return [row for row in rows if row.status is OrderStatus.PENDING]


async def _wait_for_due(services: Services, settled: list[Order], budget: Budget) -> list[str]:
    """Of the orders just seen, those that are due again soon, once they are."""
    now = services.clock.now()
    soon = [
        row
        for row in settled
        if row.status is OrderStatus.PENDING
        and row.check_at is not None
        and seconds_between(now, row.check_at) <= _LINGER
    ]
    if not soon:
        return []
    pause = max(0.2, max(seconds_between(now, row.check_at) for row in soon if row.check_at))
    if budget.remaining() < pause + SIGHTINGS_APART + LOOKUP_RESERVE:
        return []
    await services.clock.sleep(pause)
    return [row.order_id for row in soon]


async def _refresh_events(services: Services, budget: Budget) -> None:
    now = services.clock.now()
    events = await services.store.unsettled_events(now, BATCH)
    await asyncio.gather(*(_isolated(_settle_event(services, *key, budget), key[1]) for key in events))


async def _settle_event(services: Services, strategy_id: str, event_id: str, budget: Budget) -> None:
    """Recount the log row; targets of a CANCEL that were not asked for yet are asked for now (R22)."""
    correlate(event_id)
    event = await services.store.get(EventLog, strategy_id, event_id)
    if event is not None and event.is_cancel:
        await carry_out_targets(services, event, budget.within(services.policy.inline_work))
    else:
        await refresh_event(services, strategy_id, event_id)


async def _isolated(work: Awaitable[T], subject: str) -> T | None:
    """One row's failure touches no other row."""
    try:
        return await work
    except Exception:
        logger.exception("reconcile leaves a row for its next run", extra={"row": subject})
        return None
