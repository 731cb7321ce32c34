"""Carries cancel requests out: whatever the order's placement allows, until proof (R15–R19)."""

import logging
from dataclasses import replace
from datetime import datetime

from chalicelib.domain import verdicts
from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import Budget
from chalicelib.domain.correlation import correlate
from chalicelib.domain.errors import (
    StaleRowError,
)
from chalicelib.domain.orders import Order, Placement
from chalicelib.domain.outcomes import (
    Cancelled,
    CancelOutcome,
    Found,
    Lookup,
    NotFound,
    OrderStatus,
    Refused,
    Throttled,
)
from chalicelib.domain.policy import LOOKUP_RESERVE, MIN_WINDOW
from chalicelib.domain.ports import Exchange, Update
from chalicelib.usecases.calls import ask_cancel, open_session, read_back
from chalicelib.usecases.cancel_requests import StoredCancel, drop_unflagged, not_cancellable, store_cancel
from chalicelib.usecases.metering import announce_refusal, tally_success
from chalicelib.usecases.recording import change_order, end_of, order_keys, refresh_event
from chalicelib.usecases.services import Services
from chalicelib.usecases.settling import settle_by_lookup

logger = logging.getLogger(__name__)

BY_EVENT = "event:"
"""How a request says that a CANCEL alert asked for it, with that alert's event id behind."""


async def carry_out(services: Services, stored: StoredCancel, by: str, budget: Budget) -> Order:
    """Do what can be done at once with a stored request; returns the order as it is then.

    The request is durable: nothing that fails here is the caller's failure (R14).
    """
    order, request = stored.order, stored.request
    correlate(order.event_id)
    try:
        if request.status is CancelStatus.PROCESSING:
            await _attempt(services, order, request, by, budget)
        elif not _must_wait(order, services):
            await process_cancel(services, order.order_id, by, budget)
        order = await services.store.get(Order, order.order_id) or order
        await refresh_event(services, order.strategy_id, order.event_id)
    except Exception as error:  # whatever it is, the sweep goes on with what is stored
        logger.exception("a stored cancel is left to the sweep", extra={**order_keys(order), "error": str(error)})
    if not order.terminal:
        await services.waker.wake([order.order_id])
    return order


async def request_cancel(services: Services, order_id: str, by: str, budget: Budget) -> tuple[bool, str]:
    """A person asks for one order's cancel. Returns whether it is proven already, and the queue row's id.

    Raises what `store_cancel` does, and ConflictError where an OPEN order proves to have ended otherwise.
    """
    stored = await store_cancel(services, order_id, by)
    was_open = stored.order.status is OrderStatus.OPEN
    redriven = stored.request.status is CancelStatus.PENDING and was_open
    order = await carry_out(services, stored, by, budget)
    if not was_open or redriven or not order.terminal:
        return False, stored.request.cancel_id
    if order.status is not OrderStatus.CANCELLED:
        raise not_cancellable(order)
    return True, stored.request.cancel_id


async def process_cancel(services: Services, cancel_id: str, by: str, budget: Budget) -> CancelRequest | None:
    """Claim the request and try once (R15, R16). None where there was nothing to claim.

    Whoever releases a request as waiting looks at the order once more: if it has left PENDING meanwhile,
    nobody else may know, so the request is claimed again (R18).
    """
    result = None
    for _ in range(3):
        request = await services.store.get(CancelRequest, cancel_id)
        order = await services.store.get(Order, cancel_id)
        if request is None or order is None or not request.claimable(services.clock.now()):
            break
        correlate(order.event_id)
        if not order.cancel_requested and not order.terminal:
            await drop_unflagged(services, request)
            break
        if budget.remaining() < LOOKUP_RESERVE + MIN_WINDOW and _needs_exchange(order):
            await _hand_on(services, request, by)
            break
        claimed = request.claimed(
            services.clock.now(), services.policy.lease, order_pending=order.status is OrderStatus.PENDING
        )
        try:
            await services.store.commit(Update(request, claimed))
        except StaleRowError:
            break
        logger.debug("cancel request claimed", extra={**order_keys(order), "by": by})
        result = await _attempt(services, order, claimed, by, budget)
        waits = result is not None and result.status is CancelStatus.PENDING and result.waiting_for_order
        if not waits or budget.remaining() <= 0 or not await _has_left(services, order):
            break
    if order is not None and result is not None:
        await _follow_up(services, order, result)
    return result


async def _hand_on(services: Services, request: CancelRequest, by: str) -> None:
    """There is no time left for a cancel and its look-up (R28): the sweep has it, and need not wait for its turn."""
    now = services.clock.now()
    if request.status is CancelStatus.PENDING and request.next_retry_at > now:
        try:
            await services.store.commit(Update(request, request.hurried(now)))
        except StaleRowError:
            return  # somebody else has it
    logger.info("cancel handed on to the sweep", extra={"order_id": request.cancel_id, "by": by})
    await services.waker.wake([request.cancel_id])


async def press_on(services: Services, order: Order, by: str, budget: Budget) -> Order:
    """The exchange refused this order's cancel for good, it seemed; ask again, at the pace of whoever calls.

    The request stays FAILED, for people to see, until the write that ends the order closes it (R6).
    """
    session = await open_session(services, order)
    if isinstance(session, Throttled):
        return order
    sent_at = services.clock.now()
    outcome = await ask_cancel(session, order, budget)
    logger.info("FAILED cancel asked again: %s", type(outcome).__name__, extra={**order_keys(order), "by": by})
    return await _write_seen(services, order, sent_at, outcome, session, by, budget)


async def _follow_up(services: Services, order: Order, request: CancelRequest) -> None:
    """Log rows follow a success; whoever schedules a retry wakes the sweep (R27)."""
    if request.status is CancelStatus.PENDING:
        await services.waker.wake([request.cancel_id])
    if request.status is CancelStatus.SUCCESS:
        await refresh_event(services, order.strategy_id, order.event_id)
        if request.requested_by.startswith(BY_EVENT):
            await refresh_event(services, order.strategy_id, request.requested_by.removeprefix(BY_EVENT))


async def _attempt(
    services: Services, order: Order, request: CancelRequest, by: str, budget: Budget
) -> CancelRequest | None:
    """One try by the order's placement (R16); `request` is ours. None where somebody else has it by now."""
    if order.placement is Placement.READY:
        order = await change_order(
            services,
            order,
            lambda row: verdicts.never_sent(row, services.clock.now(), by) if row.placement is Placement.READY else row,
        )
    if order.terminal:
        return await _finish(services, order, request)
    session = await open_session(services, order)
    if isinstance(session, Throttled):
        return await _release(services, request, request.waits_on(services.clock.now(), session.message))
    if order.placement in (Placement.SENDING, Placement.UNKNOWN):
        order = await settle_by_lookup(services, order, session, by, budget)
    if order.terminal:
        return await _finish(services, order, request)
    if order.placement in (Placement.READY, Placement.SENDING, Placement.UNKNOWN):
        why = "waiting for the exchange to acknowledge the order"
        return await _release(services, request, request.waits_on(services.clock.now(), why))
    return await _cancel_at_exchange(services, order, request, session, by, budget)


async def _cancel_at_exchange(
    services: Services, order: Order, request: CancelRequest, session: Exchange, by: str, budget: Budget
) -> CancelRequest | None:
    """Ask the exchange, then believe only the terminal state that it shows (R19)."""
    sent_at = services.clock.now()
    outcome = await ask_cancel(session, order, budget)
    logger.info("cancel answered: %s", type(outcome).__name__, extra={**order_keys(order), "by": by})
    now = services.clock.now()
    match outcome:
        case Refused(message):
            released = request.refused(now, message, services.policy.max_cancel_retries)
            announce_refusal(services, released)
            if released.status is CancelStatus.FAILED:
                logger.error("cancel FAILED", extra={**order_keys(order), "last_error": message})
            return await _release(services, request, released)
        case Throttled(message, retry_after):
            return await _release(services, request, request.waits_on(now, message, not_before=retry_after))
    seen = await _write_seen(services, order, sent_at, outcome, session, by, budget)
    if seen.terminal:
        return await _finish(services, seen, request)
    return await _release(services, request, request.waits_on(services.clock.now(), _why_not_yet(outcome)))


async def _write_seen(
    services: Services,
    order: Order,
    sent_at: datetime,
    outcome: CancelOutcome,
    session: Exchange,
    by: str,
    budget: Budget,
) -> Order:
    """What the exchange shows after a cancel, read back until terminal where its answer did not say."""
    lookup: Lookup
    match outcome:
        case Cancelled(found) if found.average_price is not None or not found.filled_quantity:
            lookup = Found(found)  # without a price of what filled there is more to be read
        case Refused() | Throttled():
            return order
        case _:
            lookup = await read_back(services, session, order, budget)

    def decide(row: Order) -> Order:
        seen = verdicts.after_lookup(row, lookup, services.clock.now(), by, services.policy)
        return replace(seen, cancel_sent_at=sent_at) if seen.terminal and not row.terminal else seen

    return await change_order(services, order, decide)


def _why_not_yet(outcome: CancelOutcome) -> str:
    if isinstance(outcome, NotFound):
        return f"the exchange does not find the order: {outcome.message}"
    message = getattr(outcome, "message", None)
    return message or "the exchange has taken the cancel; the order is not shown as ended yet"


async def _finish(services: Services, order: Order, request: CancelRequest) -> CancelRequest | None:
    """The order has ended: so has its request, if the write that ended the order did not close it already."""
    current = await services.store.get(CancelRequest, request.cancel_id)
    if current is None or current.status is CancelStatus.SUCCESS:
        return current
    released = await _release(services, current, current.succeeded(services.clock.now(), end_of(order)))
    if released is not None:
        tally_success(services, order)
    return released


async def _release(services: Services, held: CancelRequest, new: CancelRequest) -> CancelRequest | None:
    """Give the request back in its new state. None if our lease had run out and somebody else has it (R15)."""
    try:
        await services.store.commit(Update(held, new))
    except StaleRowError:
        logger.warning("a cancel request was taken over", extra={"order_id": held.cancel_id})
        return None
    extra = {"order_id": new.cancel_id, "account_id": new.account_id, "retry_count": new.retry_count}
    logger.info("cancel request %s", new.status.value, extra={**extra, "last_error": new.last_error})
    return new


def _needs_exchange(order: Order) -> bool:
    return not order.terminal and order.placement in (None, Placement.ACKED)


def _must_wait(order: Order, services: Services) -> bool:
    """A request whose sender is still at work: that sender sees the flag (R11)."""
    return order.placement is Placement.SENDING and not order.past_deadline(services.clock.now())


async def _has_left(services: Services, before: Order) -> bool:
    order = await services.store.get(Order, before.order_id)
    return order is not None and (order.status is not OrderStatus.PENDING or order.placement is Placement.ACKED)
