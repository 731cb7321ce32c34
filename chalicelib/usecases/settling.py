"""Settles an order by asking the exchange for it (R5, R12, R13)."""

import logging
from dataclasses import replace
from decimal import Decimal

from chalicelib.domain import verdicts
from chalicelib.domain.clock import Budget
from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import Absent, Duplicate, Found, Lookup, NotPlaced, Placed, PlaceOutcome, Unknown
from chalicelib.domain.policy import RECV_WINDOW
from chalicelib.domain.ports import Exchange
from chalicelib.usecases.calls import ask_cancel, bounded, look_up
from chalicelib.usecases.metering import announce_orphan
from chalicelib.usecases.permission import why_halted
from chalicelib.usecases.recording import change_order, order_keys
from chalicelib.usecases.services import Services

logger = logging.getLogger(__name__)


async def settle_by_lookup(services: Services, order: Order, session: Exchange, by: str, budget: Budget) -> Order:
    """Look the order up and write down what that proves. A SENDING order before its deadline is its sender's.

    The look-up speaks of one attempt: a row that has moved on to another by then is left as it is.
    """
    exchange_now = await session.now()
    if order.placement is Placement.SENDING and not order.past_deadline(exchange_now):
        return order
    looked_at = services.clock.now()
    lookup = await look_up(session, order, budget)
    if isinstance(lookup, Absent) and verdicts.may_still_act(order, exchange_now):
        order, lookup = await _end_by_id(services, order, session, by, budget)

    def decide(row: Order) -> Order:
        if row.attempt != order.attempt or row.placement is Placement.READY:
            return row
        if not isinstance(lookup, Absent):
            return verdicts.after_lookup(row, lookup, services.clock.now(), by, services.policy, exchange_now)
        if row.seen_on_exchange and not order.seen_on_exchange:
            return row  # it was seen since
        # A sighting of absence is as old as the look: who stood still meanwhile has not seen it twice (R12).
        return verdicts.after_lookup(row, lookup, looked_at, by, services.policy, exchange_now)

    return await change_order(services, order, decide)


async def settle_earlier_attempts(
    services: Services, order: Order, session: Exchange, by: str, budget: Budget
) -> Order:
    """Look again for attempts that were concluded absent; one that is live after all is cancelled (R12, R13)."""
    for attempt in order.absent_attempts:
        if attempt == order.attempt:
            continue  # the row itself speaks of it
        earlier = replace(order, attempt=attempt, exchange_order_id=None, filled_quantity=Decimal(0))
        lookup = await look_up(session, earlier, budget)
        if isinstance(lookup, Found):
            order = await cancel_earlier_attempt(services, order, earlier, lookup, session, budget)
    return order


async def cancel_earlier_attempt(
    services: Services, order: Order, earlier: Order, found: Found, session: Exchange, budget: Budget
) -> Order:
    """Alarm, and a cancel where it is live. Returns the row, with what was found written down."""
    shown = found.order
    keys = {**order_keys(order), "attempt": earlier.attempt, "exchange_order_id": shown.exchange_order_id}
    logger.error("an earlier attempt is on the exchange", extra={**keys, "status": shown.status.value})
    if not shown.status.terminal:
        announce_orphan(services)  # at every look while it lives: an alarm must not end before it
        known = replace(earlier, exchange_order_id=shown.exchange_order_id, filled_quantity=shown.filled_quantity)
        outcome = await ask_cancel(session, known, budget)
        logger.info("cancel answered: %s", type(outcome).__name__, extra=keys)
        again = await look_up(session, known, budget)
        shown = again.order if isinstance(again, Found) else shown
    return await change_order(
        services,
        order,
        lambda row: verdicts.earlier_attempt_found(row, earlier.attempt, shown, services.clock.now()),
    )


async def _end_by_id(
    services: Services, order: Order, session: Exchange, by: str, budget: Budget
) -> tuple[Order, Lookup]:
    """Where requests do not expire, only its client id ends what one can do: the same request is sent again if the
    order is still wanted, or one that is sure to be refused (R12). Then the order is looked up once more."""
    row = await services.store.get(Order, order.order_id)
    if row is None or row.version != order.version or row.request is None:
        return order, Absent()
    doubted = await change_order(
        services, row, lambda row: verdicts.doubted(row, order.attempt, services.clock.now(), by)
    )
    if doubted.placement is not Placement.UNKNOWN or doubted.attempt != order.attempt:
        return order, Absent()
    order = doubted
    seconds = budget.remaining()
    if await _is_wanted(services, order):
        sending = session.place(row.request, await session.now(), RECV_WINDOW)
    else:
        sending = session.use_up_id(order)
    outcome: PlaceOutcome = await bounded(sending, seconds, Unknown)
    logger.info("create repeated to settle it: %s", type(outcome).__name__, extra=order_keys(order))
    if isinstance(outcome, Placed):
        return order, Found(outcome.order)
    # A refusal of our own, for want of a key, has used nothing up; nor has one for a limit.
    refused = isinstance(outcome, NotPlaced) and outcome.id_spent and not outcome.retry
    if isinstance(outcome, Duplicate) or refused:
        order = await change_order(
            services,
            order,
            lambda row: verdicts.id_used_up(row, services.clock.now()) if row.attempt == order.attempt else row,
        )
    return order, await look_up(session, order, budget)


async def _is_wanted(services: Services, order: Order) -> bool:
    """A market order is not, past its deadline (R9)."""
    in_time = order.send_by is not None and services.clock.now() < order.send_by
    may_be = order.order_type is not OrderType.MARKET and in_time and not order.cancel_requested
    return may_be and await why_halted(services, order) is None
