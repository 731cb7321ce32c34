"""The order's state machine, pair by pair, against the protocol's "States" and R5."""

from datetime import timedelta
from itertools import product

import pytest

from chalicelib.domain.errors import IllegalTransitionError
from chalicelib.domain.orders import HISTORY_LIMIT, Placement, check_move
from chalicelib.domain.outcomes import OrderStatus
from tests.domain.rows import NOW, STATES, State, at, order, state

TARGETS: tuple[State, ...] = tuple(product(OrderStatus, (None, *Placement)))
"""Those that make no sense included."""

PENDING = {place: (OrderStatus.PENDING, place) for place in Placement}
READY, SENDING = PENDING[Placement.READY], PENDING[Placement.SENDING]
ACKED, UNKNOWN = PENDING[Placement.ACKED], PENDING[Placement.UNKNOWN]
OPEN, FILLED = (OrderStatus.OPEN, None), (OrderStatus.FILLED, None)
CANCELLED, EXPIRED = (OrderStatus.CANCELLED, None), (OrderStatus.EXPIRED, None)
REJECTED = (OrderStatus.REJECTED, None)

STAYING = {(there, there) for there in STATES}
"""Fills and bookkeeping change without a move."""

PLACING = {
    (READY, SENDING),
    (SENDING, ACKED),
    (SENDING, UNKNOWN),
    (SENDING, READY),  # proof that nothing was placed (R9)
    (UNKNOWN, READY),  # proven absence (R12), then a new attempt (R9)
    (UNKNOWN, ACKED),  # an acknowledgement that was late
}
LEAVING_PENDING = set(product(PENDING.values(), (OPEN, FILLED, CANCELLED, EXPIRED, REJECTED)))
ENDING = set(product([OPEN], (FILLED, CANCELLED, EXPIRED)))

CONCLUDED = STAYING | PLACING | LEAVING_PENDING | ENDING

OUTRANKING = {
    *product((CANCELLED, EXPIRED, REJECTED), (OPEN, FILLED)),  # R5
    *product([REJECTED], (CANCELLED, EXPIRED)),  # it was there, and ended otherwise than we had concluded
}
"""What the exchange's word may do besides. A filled order is never anything else: fills do not shrink."""


def name(pair: State) -> str:
    return f"{pair[0]}-{pair[1]}" if pair[1] else str(pair[0])


@pytest.mark.parametrize("evidence", [False, True], ids=["concluded", "evidence"])
@pytest.mark.parametrize("source", STATES, ids=name)
def test_an_order_moves_where_the_protocol_says_and_nowhere_else(source: State, evidence: bool) -> None:
    """Every pair of states: what we conclude never leaves an end, what the exchange says may (R5)."""
    legal = CONCLUDED | OUTRANKING if evidence else CONCLUDED
    reached = set()

    for target in TARGETS:
        try:
            check_move(*source, *target, evidence=evidence)
        except IllegalTransitionError:
            continue
        reached.add(target)

    assert reached == {target for start, target in legal if start == source}


@pytest.mark.parametrize(("source", "target"), sorted(CONCLUDED | OUTRANKING, key=str), ids=name)
def test_a_move_raises_the_version_and_enters_the_history(source: State, target: State) -> None:
    """R3: every change of state is a new version, and says when and by whom."""
    before = order(*source)

    moved = before.moved(at(5), "test", *target, evidence=True)

    assert state(moved) == target
    assert moved.version == before.version + 1
    assert moved.updated_at == at(5)
    assert (moved.history[-1].at, moved.history[-1].by) == (at(5), "test")


@pytest.mark.parametrize(("source", "target"), sorted(CONCLUDED | OUTRANKING, key=str), ids=name)
def test_ttl_stands_in_ended_rows_only(source: State, target: State) -> None:
    """R7: ninety days from the write that ends the order; an order that lives again loses it (R5)."""
    moved = order(*source).moved(NOW, "test", *target, evidence=True)

    ninety_days = int((NOW + timedelta(days=90)).timestamp())
    assert moved.ttl == (ninety_days if target[0].terminal else None)


@pytest.mark.parametrize("source", STATES, ids=name)
def test_bookkeeping_changes_neither_state_nor_history_nor_ttl(source: State) -> None:
    """R7: a write that ends nothing sets no TTL."""
    before = order(*source)

    after = before.changed(at(5), checks=3)

    assert state(after) == source
    assert (after.history, after.ttl) == (before.history, before.ttl)
    assert after.version == before.version + 1


def test_the_history_keeps_the_last_fifty_states() -> None:
    """A row that is moved again and again does not grow without end."""
    row = order(OrderStatus.OPEN)

    for second in range(HISTORY_LIMIT + 20):
        row = row.moved(at(second), "test", OrderStatus.OPEN)

    assert len(row.history) == 50
    assert row.history[-1].at == at(HISTORY_LIMIT + 19)


def test_an_ended_order_is_not_looked_at_any_more() -> None:
    """The sparse index of live rows follows `check_at`."""
    ended = order(OrderStatus.OPEN).moved(NOW, "test", OrderStatus.CANCELLED)

    assert ended.check_at is None
