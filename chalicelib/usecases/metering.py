"""What the use cases tell the meter: before a write where somebody must hear of it, else once it is written."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import seconds_between
from chalicelib.domain.metrics import Metric
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.usecases.services import Services
from chalicelib.usecases.together import together

logger = logging.getLogger(__name__)

COUNTED_UP_TO = 1000
"""Of the levels: beyond that, the number makes no difference to whoever has to come."""


def announce_orphan(services: Services) -> None:
    """An order is live of which our rows say otherwise, or nothing."""
    services.meter.emit(Metric.ORPHANS_FOUND)


def announce_move(services: Services, old: Order, new: Order) -> None:
    """Before the write: an order that had ended here lives."""
    if old.terminal and not new.terminal:
        announce_orphan(services)


def announce_refusal(services: Services, refused: CancelRequest) -> None:
    """Before the write: the exchange refused a cancel, for good or until the next try."""
    if refused.status is CancelStatus.FAILED:
        services.meter.emit(Metric.CANCELS_FAILED)
    else:
        services.meter.tally(Metric.CANCEL_RETRIES)


def tally_orders(services: Services, orders: Iterable[Order]) -> None:
    """These orders have just got the status that they have."""
    for status, count in Counter(order.status for order in orders).items():
        if status is not OrderStatus.PENDING:
            services.meter.tally(Metric.ORDERS, count, status=status.value)


def tally_sending(services: Services, order: Order) -> None:
    """The order's first create leaves now."""
    waited = seconds_between(order.created_at, services.clock.now())
    services.meter.tally(Metric.ALERT_TO_EXCHANGE, _milliseconds(waited))


def tally_success(services: Services, order: Order) -> None:
    """The order's cancel request has just ended in SUCCESS."""
    if order.cancel_requested_at is not None:
        waited = seconds_between(order.cancel_requested_at, services.clock.now())
        services.meter.tally(Metric.CANCEL_LATENCY, _milliseconds(waited))


async def take_levels(services: Services) -> None:
    """How full the queue is and what calls for a person, as it stands now: an alarm on a level stays on for as long
    as something is wrong, and a crash cannot lose it. What cannot be read is left out."""
    await asyncio.gather(*(_take(services, metric, reading) for metric, reading in _READINGS.items()))


async def _take(services: Services, metric: Metric, reading: "Reading") -> None:
    try:
        services.meter.emit(metric, await reading(services))
    except Exception:
        logger.exception("a level could not be read", extra={"metric": metric.value})


async def _queued(services: Services) -> float:
    waiting, held = await together(
        services.store.count_cancels(CancelStatus.PENDING, COUNTED_UP_TO),
        services.store.count_cancels(CancelStatus.PROCESSING, COUNTED_UP_TO),
    )
    return waiting + held


async def _oldest_age(services: Services) -> float:
    """Seconds; 0 with nothing queued."""
    oldest = await together(
        services.store.oldest_cancel(CancelStatus.PENDING), services.store.oldest_cancel(CancelStatus.PROCESSING)
    )
    now = services.clock.now()
    return max([0.0, *(seconds_between(made_at, now) for made_at in oldest if made_at is not None)])


async def _failed(services: Services) -> float:
    return await services.store.count_cancels(CancelStatus.FAILED, COUNTED_UP_TO)


async def _attention(services: Services) -> float:
    return await services.store.count_attention(COUNTED_UP_TO)


Reading = Callable[[Services], Awaitable[float]]

_READINGS: Mapping[Metric, Reading] = {
    Metric.QUEUED_CANCELS: _queued,
    Metric.OLDEST_QUEUED_CANCEL: _oldest_age,
    Metric.FAILED_CANCELS: _failed,
    Metric.ATTENTION_ORDERS: _attention,
}


def _milliseconds(seconds: float) -> float:
    """Clocks of different machines may disagree by more than the time between."""
    return max(0.0, round(seconds * 1000, 1))
