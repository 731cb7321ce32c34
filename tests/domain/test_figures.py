"""Figures of the newest orders: counted, cut into pieces of time, and measured."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.figures import Bin, Latency, answered_after, bin_alerts, count_states, latency, reach
from chalicelib.domain.orders import Order, Transition
from chalicelib.domain.outcomes import OrderStatus
from tests.store import rows

NOW = rows.at(0)  # 03:20:15


def order(ago: float = 0, event: str = "event-1", **changes: Any) -> Order:
    """An order that was made so many seconds ago."""
    return rows.order(created_at=rows.at(-ago), event_id=event, **changes)


def history(*steps: tuple[float, str, str | None]) -> tuple[Transition, ...]:
    """Seconds after the order was made, status and placement."""
    return tuple(Transition(rows.at(at), status, placement, "test") for at, status, placement in steps)


SENT = (0.1, "PENDING", "SENDING")


def answered(seconds: float) -> Order:
    """An order that the exchange answered after so many seconds."""
    return order(history=history(SENT, (seconds, "OPEN", None)))


# States


def test_every_state_is_counted() -> None:
    """Also where there is none."""
    counts = count_states([order(), order(), order(status=OrderStatus.FILLED)])

    assert counts == {"PENDING": 2, "OPEN": 0, "FILLED": 1, "CANCELLED": 0, "EXPIRED": 0, "REJECTED": 0}


# How far back


@pytest.mark.parametrize("orders", [[], [order(60)], [order(60), order(3 * 86_400)]], ids=["none", "one", "an old one"])
def test_all_orders_that_there_are_tell_of_a_day(orders: list[Order]) -> None:
    """There is nothing beside them."""
    assert reach(orders, NOW, more=False) == NOW - timedelta(hours=24)


def test_part_of_the_orders_tells_of_the_time_since_the_oldest() -> None:
    """At most of a day."""
    assert reach([order(60), order(600)], NOW, more=True) == rows.at(-600)
    assert reach([order(60), order(90_000)], NOW, more=True) == NOW - timedelta(hours=24)


def test_orders_of_a_clock_that_is_ahead_reach_back_to_now() -> None:
    """Not into the future."""
    assert reach([order(-60)], NOW, more=True) == NOW


# Alerts by time


@pytest.mark.parametrize(
    ("ago", "minutes", "count"), [(0, 1, 1), (1200, 1, 21), (1201, 5, 5), (7201, 15, 9), (6 * 3600 + 1, 60, 7)]
)
def test_the_longer_the_time_the_longer_its_pieces(ago: float, minutes: int, count: int) -> None:
    """Without a gap, from the piece of the start to the piece of now, as a clock shows them."""
    bins = bin_alerts([], rows.at(-ago), NOW)

    starts = [piece.start for piece in bins]
    assert len(bins) == count
    assert {later - earlier for earlier, later in itertools.pairwise(starts)} <= {timedelta(minutes=minutes)}
    assert starts[0] <= rows.at(-ago) < starts[0] + timedelta(minutes=minutes)
    assert starts[-1] <= NOW < starts[-1] + timedelta(minutes=minutes)
    assert all(start.minute % min(minutes, 60) == 0 and start.second == 0 for start in starts)


def test_a_day_has_25_pieces() -> None:
    """Of an hour, the first and the last not whole."""
    assert len(bin_alerts([], NOW - timedelta(hours=24), NOW)) == 25


def test_orders_of_one_event_are_one_alert() -> None:
    """In the piece in which they came."""
    orders = [order(10, "a"), order(10, "a"), order(12, "b"), order(70, "c")]

    assert bin_alerts(orders, rows.at(-100), NOW) == [
        Bin(rows.at(-15 - 120), 0, 0),
        Bin(rows.at(-15 - 60), 1, 1),
        Bin(rows.at(-15), 2, 3),
    ]


def test_what_is_older_is_left_out_and_what_is_ahead_is_now() -> None:
    """Clocks of machines differ."""
    (piece,) = bin_alerts([order(61), order(-30, "b")], NOW, NOW)

    assert (piece.events, piece.orders) == (1, 1)


# From alert to answer


@pytest.mark.parametrize(
    ("steps", "milliseconds"),
    [
        ([SENT], None),
        ([(0, "PENDING", "READY")], None),
        ([(0, "PENDING", "READY"), (5, "CANCELLED", None)], None),
        ([(0, "OPEN", None)], None),
        ([SENT, (0.25, "FILLED", None)], 250),
        ([SENT, (0.25, "REJECTED", None)], 250),
        ([SENT, (0.25, "PENDING", "ACKED"), (2, "OPEN", None)], 250),
        ([SENT, (0.25, "PENDING", "UNKNOWN"), (12, "OPEN", None)], 12_000),
        (
            [(0, "PENDING", "READY"), SENT, (0.2, "PENDING", "READY"), (1, "PENDING", "SENDING"), (2, "OPEN", None)],
            2000,
        ),
        ([SENT, (-1, "OPEN", None)], 0),
    ],
    ids=[
        "not answered yet",
        "not sent yet",
        "never sent",
        "never sent by us",
        "filled",
        "refused",
        "acknowledged",
        "answer lost",
        "sent again",
        "clocks that differ",
    ],
)
def test_an_order_is_answered_by_the_exchanges_first_word(steps: Any, milliseconds: float | None) -> None:
    """Once it was sent."""
    assert answered_after(order(history=history(*steps))) == milliseconds


def test_nothing_measured_is_no_figure() -> None:
    """Rather than 0."""
    assert latency([order()]) == Latency(0, None, None)


def test_the_median_is_the_middle_and_p95_is_passed_by_one_in_twenty() -> None:
    """By nearest rank; of an even count the median lies between two."""
    assert latency([answered(0.3)]) == Latency(1, 300, 300)
    assert latency([answered(seconds / 10) for seconds in range(2, 42)]) == Latency(40, 2150, 3900)
