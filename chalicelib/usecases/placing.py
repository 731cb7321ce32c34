"""Places orders: sends what stands in the row, once, and writes down what that proved (R1, R2, R8–R11)."""

import logging
import random
from datetime import datetime

from chalicelib.domain import verdicts
from chalicelib.domain.clock import Budget, after, seconds_between
from chalicelib.domain.correlation import correlate
from chalicelib.domain.errors import StaleRowError
from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import (
    Acknowledged,
    Duplicate,
    ExchangeOrder,
    Found,
    NotPlaced,
    OrderStatus,
    Placed,
    PlaceOutcome,
    Unknown,
)
from chalicelib.domain.policy import LOOKUP_RESERVE, MIN_WINDOW, RECV_WINDOW
from chalicelib.domain.ports import Exchange, OrderNotAcceptedError, Update
from chalicelib.domain.strategies import Strategy
from chalicelib.usecases.calls import bounded, look_up, read_back
from chalicelib.usecases.cancelling import process_cancel
from chalicelib.usecases.metering import tally_sending
from chalicelib.usecases.permission import why_halted
from chalicelib.usecases.recording import change_order, order_keys, refresh_event
from chalicelib.usecases.services import Services, session_of
from chalicelib.usecases.sizing import prepare_request

logger = logging.getLogger(__name__)

_SHORT_PAUSE = 3.0
"""Seconds that are waited on the spot until an order may be sent: by the next schedule it would be too late (R10)."""


async def place_ready(services: Services, order_id: str, by: str, budget: Budget) -> Order | None:
    """Send a READY order, or end it where it may not be sent any more; a no-op for any other (R10)."""
    order = await services.store.get(Order, order_id)
    if order is None or order.placement is not Placement.READY:
        return order
    correlate(order.event_id)
    now = services.clock.now()
    ended = await _end_unsendable(services, order, now, by)
    if ended is not None:
        return await _with_event(services, ended)
    if order.not_before is not None and now < order.not_before:
        pause = seconds_between(now, order.not_before)
        if pause > _SHORT_PAUSE or budget.remaining() < pause + LOOKUP_RESERVE + MIN_WINDOW:
            return order
        await services.clock.sleep(pause)
        return await place_ready(services, order_id, by, budget)
    if budget.remaining() < LOOKUP_RESERVE + MIN_WINDOW:
        return order  # too late for a send, a look-up and a write: reconcile takes it (R28)
    started = await _start_sending(services, order, by, budget)
    if isinstance(started, Order):
        return await _with_event(services, started)
    sending, session = started
    return await _with_event(services, await send(services, sending, session, by, budget))


async def send(services: Services, order: Order, session: Exchange, by: str, budget: Budget) -> Order:
    """Send a SENDING order that this task owns, and write the verdict. With a cancel flag seen in that very
    write, the same task goes on to cancel (R11). Returns the row as it is then."""
    attempt = order.attempt
    outcome = await _create(services, order, session, budget)
    outcome = await _look_again(services, session, order, outcome, budget)
    logger.info("create answered: %s", type(outcome).__name__, extra={**order_keys(order), "attempt": attempt})
    order = await change_order(
        services,
        order,
        lambda row: verdicts.after_place(row, attempt, outcome, services.clock.now(), by, services.policy),
    )
    if order.cancel_requested and not order.terminal:
        await process_cancel(services, order.order_id, by, budget)
        order = await services.store.get(Order, order.order_id) or order
    if order.status is OrderStatus.PENDING:
        await services.waker.wake([order.order_id])
    return order


async def _create(services: Services, order: Order, session: Exchange, budget: Budget) -> PlaceOutcome:
    """The create, and again under the same attempt and deadline while it is proven not to be placed (R9)."""
    outcome = await _create_once(services, order, session, budget, first=order.attempt == 1)
    for retry in range(services.policy.exchange_max_retries):
        if not isinstance(outcome, NotPlaced) or not outcome.retry or outcome.id_spent:
            break
        pause = max(outcome.retry_after, random.uniform(0.5, 1.0) * 0.2 * 2**retry)
        if budget.remaining() < pause + LOOKUP_RESERVE + MIN_WINDOW:
            break
        await services.clock.sleep(pause)
        row = await services.store.get(Order, order.order_id)
        if row is None or row.version != order.version:
            break
        outcome = await _create_once(services, order, session, budget)
    return outcome


async def _create_once(
    services: Services, order: Order, session: Exchange, budget: Budget, *, first: bool = False
) -> PlaceOutcome:
    """One request with one time stamp (R2): a sender that woke late refuses itself."""
    if order.request is None or order.deadline is None:
        raise ValueError(f"order {order.order_id} is SENDING without a request")
    timestamp = await session.now()
    window = min(RECV_WINDOW, seconds_between(timestamp, order.deadline))
    seconds = budget.remaining() - LOOKUP_RESERVE
    if window < MIN_WINDOW or seconds < MIN_WINDOW:
        return NotPlaced(verdicts.NOT_PLACED, "there was no time left to send the order", retry=True)
    if first:
        tally_sending(services, order)
    return await bounded(session.place(order.request, timestamp, window), seconds, Unknown)


async def _look_again(
    services: Services, session: Exchange, order: Order, outcome: PlaceOutcome, budget: Budget
) -> PlaceOutcome:
    """What the answer left open is looked up at once; absence now proves nothing."""
    match outcome:
        case Duplicate() | Unknown():
            lookup = await look_up(session, order, budget)
        case Acknowledged():
            lookup = await read_back(services, session, order, budget, lambda found: _is_told(order, found))
        case Placed(shown) if not _is_told(order, shown):
            lookup = await read_back(services, session, order, budget, lambda found: _is_told(order, found))
        case _:
            return outcome
    return Placed(lookup.order) if isinstance(lookup, Found) else outcome


def _is_told(order: Order, shown: ExchangeOrder) -> bool:
    """Whether nothing more is to be learned at once: an end where the order may not rest, a price of what filled."""
    priced = shown.average_price is not None or not shown.filled_quantity
    return priced and (order.may_rest or shown.status.terminal)


async def _end_unsendable(services: Services, order: Order, now: datetime, by: str) -> Order | None:
    """The order as it ended, or None if it may be sent: switch, strategy and account are read now (R10)."""
    why_not = await why_halted(services, order)

    def decide(row: Order) -> Order:
        if row.placement is not Placement.READY:
            return row
        if row.cancel_requested:
            return verdicts.never_sent(row, now, by)
        if row.send_by is not None and now >= row.send_by:
            return verdicts.expired_before_send(row, now, by)
        return verdicts.halted(row, now, by, why_not) if why_not else row

    ended = await change_order(services, order, decide)
    return ended if ended.placement is not Placement.READY else None


async def _start_sending(services: Services, order: Order, by: str, budget: Budget) -> tuple[Order, Exchange] | Order:
    """The row as SENDING with its adapter, or as somebody else left it. Exactly one task gets the former."""
    strategy = await services.store.get(Strategy, order.strategy_id)
    try:
        session = await session_of(services, order)
        limit = strategy.max_order_notional if strategy else None
        prepared = await prepare_request(session, order, limit, budget.remaining() - LOOKUP_RESERVE - MIN_WINDOW)
    except (OrderNotAcceptedError, ArithmeticError, ValueError, TypeError) as error:
        return await _not_prepared(services, order, error, by)
    ended = await _end_unsendable(services, order, services.clock.now(), by)  # preparing may have taken seconds
    if ended is not None:
        return ended
    deadline = after(await session.now(), services.policy.market_order_timeout)
    sending = order.moved(
        services.clock.now(),
        by,
        OrderStatus.PENDING,
        Placement.SENDING,
        request=prepared,
        deadline=deadline,
        check_at=deadline,
    )
    try:
        await services.store.commit(Update(order, sending))
    except StaleRowError:
        # A cancel or another sender came first; a flagged row is ended by who flagged it, or on the next look.
        return await services.store.get(Order, order.order_id) or order
    logger.info("order SENDING", extra={**order_keys(sending), "attempt": sending.attempt})
    return sending, session


async def _not_prepared(services: Services, order: Order, error: Exception, by: str) -> Order:
    """Rejected; an order that may wait, for a reason that will pass, is tried again until its `send_by`."""
    code, message = "NOT_PREPARED", f"the order could not be prepared: {type(error).__name__}"
    passing = False
    if isinstance(error, OrderNotAcceptedError):
        code, message, passing = error.code, error.message, error.passing

    def decide(row: Order) -> Order:
        if row.placement is not Placement.READY:
            return row
        now = services.clock.now()
        if passing and row.order_type is not OrderType.MARKET and row.send_by is not None:
            return verdicts.postponed(row, now, message)
        return verdicts.refused_locally(row, now, by, code, message)

    order = await change_order(services, order, decide)
    if order.placement is Placement.READY:
        await services.waker.wake([order.order_id])
    return order


async def _with_event(services: Services, order: Order) -> Order:
    await refresh_event(services, order.strategy_id, order.event_id)
    return order
