"""Absence is proof only late, twice, and never of an order that was seen (R12)."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import verdicts
from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import Absent, Found, Lookup, LookupFailed, OrderStatus
from tests.domain.rows import DEADLINE, POLICY, at, order, shown

PROOF_AFTER = 12
APART = 5

looks = st.lists(
    st.tuples(st.sampled_from([Absent(), Absent(), Absent(), LookupFailed("down")]), st.floats(0.1, 20)), max_size=15
)
sent_rows = st.builds(
    lambda place, kind, flagged: order(
        OrderStatus.PENDING, place, order_type=kind, cancel_requested_at=at(0) if flagged else None
    ),
    st.sampled_from([Placement.SENDING, Placement.UNKNOWN]),
    st.sampled_from(OrderType),
    st.booleans(),
)


def concluded(row: Order) -> bool:
    """Ended, or ready for a new attempt: both say that nothing is there."""
    return row.terminal or row.placement is Placement.READY


def looked(row: Order, lookups: list[tuple[Lookup, float]], lag: float = 0) -> tuple[Order, list[float]]:
    """The row after those look-ups or at its first conclusion, and when absence was seen in time to count.

    The exchange's clock is `lag` seconds behind ours.
    """
    now, sightings = 0.0, []
    for lookup, pause in lookups:
        now += pause
        exchange_now = at(now - lag)
        if isinstance(lookup, Absent) and exchange_now >= DEADLINE + timedelta(seconds=PROOF_AFTER):
            sightings.append(now)
        row = verdicts.after_lookup(row, lookup, at(now), "test", POLICY, exchange_now)
        if concluded(row):
            break
    return row, sightings


@given(sent_rows, looks, st.floats(-5, 5))
def test_absence_is_concluded_by_two_late_sightings_that_are_apart_and_by_nothing_else(
    row: Order, lookups: list[tuple[Lookup, float]], lag: float
) -> None:
    """R12: after the deadline and 12 seconds in the exchange's time, twice, at least 5 seconds apart."""
    after, sightings = looked(row, lookups, lag)

    proven = bool(sightings) and sightings[-1] - sightings[0] >= APART - 1e-4
    clearly = bool(sightings) and sightings[-1] - sightings[0] >= APART + 1e-4
    assert not concluded(after) or proven
    assert concluded(after) or not clearly


@given(st.sampled_from([Placement.SENDING, Placement.ACKED, Placement.UNKNOWN]), looks)
def test_an_order_that_was_ever_seen_is_never_concluded_absent(
    place: Placement, lookups: list[tuple[Lookup, float]]
) -> None:
    """R12: what the exchange had taken is not gone because it is not shown."""
    row = order(OrderStatus.PENDING, place, seen_on_exchange=True)

    after, _ = looked(row, lookups)

    assert (after.status, after.placement) == (OrderStatus.PENDING, place)


@given(looks)
def test_an_open_order_is_never_concluded_absent(lookups: list[tuple[Lookup, float]]) -> None:
    """R19: unknown order is not proof of an end."""
    after, _ = looked(order(OrderStatus.OPEN), lookups)

    assert after.status is OrderStatus.OPEN


@given(sent_rows, st.lists(st.tuples(st.just(Absent()), st.floats(0.1, 20)), max_size=10))
def test_an_order_that_turns_up_is_adopted_however_often_it_was_missed(
    row: Order, lookups: list[tuple[Lookup, float]]
) -> None:
    """R12: a row concluded absent is looked up again, and what is found then counts."""
    after, _ = looked(row, lookups)
    if after.placement is Placement.READY:
        return

    found = verdicts.after_lookup(after, Found(shown()), at(999), "test", POLICY)

    assert (found.status, found.absent_seen, found.ttl) == (OrderStatus.OPEN, (), None)


@pytest.mark.parametrize("rest", [{"deadline": None}, {"deadline": None, "absent_seen": (at(30),)}])
def test_without_a_deadline_absence_is_no_proof(rest: dict[str, Any]) -> None:
    """R12: a request without a deadline may arrive at any time."""
    after, _ = looked(order(OrderStatus.PENDING, Placement.UNKNOWN, **rest), [(Absent(), 100.0)] * 5)

    assert (after.status, after.placement) == (OrderStatus.PENDING, Placement.UNKNOWN)


def test_both_sightings_are_stored() -> None:
    """R12: another process counts on from where this one stopped."""
    row = order(OrderStatus.PENDING, Placement.UNKNOWN, order_type=OrderType.MARKET)

    once, _ = looked(row, [(Absent(), 23.0)])
    twice, _ = looked(once, [(Absent(), 28.0)])

    assert once.absent_seen == (at(23),)
    assert once.check_at == at(28)
    assert twice.absent_seen == (at(23), at(28))
    assert twice.status is OrderStatus.REJECTED
