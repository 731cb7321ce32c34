"""Calls to an exchange, bounded in time and turned into outcomes whatever happens on the way."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from chalicelib.domain.clock import Budget
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import (
    CancelOutcome,
    ExchangeOrder,
    Found,
    Lookup,
    LookupFailed,
    Throttled,
    Unknown,
)
from chalicelib.domain.policy import LOOKUP_RESERVE, MIN_WINDOW
from chalicelib.domain.ports import Exchange, OrderNotAcceptedError
from chalicelib.usecases.services import Services, session_of

logger = logging.getLogger(__name__)

T = TypeVar("T")
F = TypeVar("F")

_READ_BACKS = (0.1, 0.2, 0.4, 0.8, 1.0, 1.0)


async def bounded(call: Awaitable[T], seconds: float, otherwise: Callable[[str], F]) -> T | F:
    """The call's outcome, or `otherwise(why)` if it took too long or broke in a way nobody foresaw."""
    try:
        async with asyncio.timeout(seconds):
            return await call
    except TimeoutError:
        return otherwise(f"no answer within {seconds:.1f} s")
    except Exception as error:
        logger.exception("an exchange adapter raised")
        return otherwise(f"the adapter failed: {type(error).__name__}")


async def look_up(session: Exchange, order: Order, budget: Budget) -> Lookup:
    """One look-up of the order; a failed one is not a sighting of absence."""
    return await bounded(session.find(order), budget.remaining(), LookupFailed)


def is_ended(found: ExchangeOrder) -> bool:
    """Nothing more will happen to the order."""
    return found.status.terminal


async def read_back(
    services: Services,
    session: Exchange,
    order: Order,
    budget: Budget,
    until: Callable[[ExchangeOrder], bool] = is_ended,
) -> Lookup:
    """Look the order up until the exchange shows it so, for a few seconds at most; the last look-up."""
    lookup = await look_up(session, order, budget)
    for pause in _READ_BACKS:
        if isinstance(lookup, Found) and until(lookup.order):
            break
        if budget.remaining() < pause + 1.0:
            break
        await services.clock.sleep(pause)
        lookup = await look_up(session, order, budget)
    return lookup


async def ask_cancel(session: Exchange, order: Order, budget: Budget) -> CancelOutcome:
    """One cancel at the exchange."""
    seconds = budget.remaining() - LOOKUP_RESERVE  # what the cancel did has to be read back
    if seconds < MIN_WINDOW:
        return Unknown("there was no time left for the cancel")
    return await bounded(session.cancel(order), seconds, Unknown)


async def open_session(services: Services, order: Order) -> Exchange | Throttled:
    """The adapter, or why there is none now: that is a reason to wait, never one to conclude anything."""
    try:
        return await session_of(services, order)
    except OrderNotAcceptedError as error:
        return Throttled(error.message)
