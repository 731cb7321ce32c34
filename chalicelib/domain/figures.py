"""Figures of the newest orders, for whoever watches: how many of each state, how many alerts when, how fast."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from chalicelib.domain.clock import seconds_between
from chalicelib.domain.orders import Order, Placement
from chalicelib.domain.outcomes import OrderStatus

LONGEST = timedelta(hours=24)

_LENGTHS = (
    (timedelta(minutes=20), timedelta(minutes=1)),
    (timedelta(hours=2), timedelta(minutes=5)),
    (timedelta(hours=6), timedelta(minutes=15)),
    (LONGEST, timedelta(hours=1)),
)
"""Up to how long a time is cut into pieces of which length: about 20 of them fit into a small chart."""


@dataclass(frozen=True, slots=True)
class Bin:
    """What came in within one piece of time."""

    start: datetime
    events: int
    orders: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of `count` orders; None where nothing was measured."""

    count: int
    median: float | None
    p95: float | None


def count_states(orders: Iterable[Order]) -> dict[str, int]:
    """How many orders have each status, also where there is none."""
    found = Counter(order.status for order in orders)
    return {status.value: found[status] for status in OrderStatus}


def reach(orders: Sequence[Order], now: datetime, *, more: bool) -> datetime:
    """How far back these orders tell of everything, a day at most; `more`: there are older ones beside them."""
    earliest = now - LONGEST
    if not more or not orders:
        return earliest
    return min(now, max(earliest, min(order.created_at for order in orders)))


def bin_alerts(orders: Iterable[Order], since: datetime, now: datetime) -> list[Bin]:
    """Events, and the orders that came of them, from `since` to now: pieces of equal length, the oldest first.

    An order of a machine whose clock is ahead counts as one of now.
    """
    length = next(piece for longest, piece in _LENGTHS if now - since <= longest)
    first = _floor(since, length)
    parts: list[list[Order]] = [[] for _ in range((now - first) // length + 1)]
    for order in orders:
        if order.created_at >= since:
            parts[(min(order.created_at, now) - first) // length].append(order)
    return [
        Bin(first + number * length, len({order.event_id for order in part}), len(part))
        for number, part in enumerate(parts)
    ]


def latency(orders: Iterable[Order]) -> Latency:
    """From the alert to the exchange's first word about each order that was sent."""
    measured = sorted(taken for order in orders if (taken := answered_after(order)) is not None)
    if not measured:
        return Latency(0, None, None)
    return Latency(len(measured), round(median(measured), 1), measured[math.ceil(0.95 * len(measured)) - 1])


def answered_after(order: Order) -> float | None:
    """Milliseconds from the order's creation until it left PENDING, or was taken for processing, once it was sent;
    None before that, and where it never was sent."""
    sent = False
    for entry in order.history:
        answered = entry.status != OrderStatus.PENDING or entry.placement == Placement.ACKED
        if sent and answered:
            return max(0.0, round(seconds_between(order.created_at, entry.at) * 1000, 1))
        sent = sent or entry.placement == Placement.SENDING
    return None


def _floor(at: datetime, length: timedelta) -> datetime:
    """The start of the piece that `at` lies in, as a clock shows them."""
    epoch = datetime.fromtimestamp(0, UTC)
    return epoch + (at - epoch) // length * length
