"""Whatever is answered in whatever order: fills grow, old answers change nothing, conclusions undo nothing (R5)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.domain import verdicts
from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import (
    Absent,
    Acknowledged,
    Duplicate,
    ExchangeOrder,
    Found,
    Lookup,
    LookupFailed,
    NotPlaced,
    OrderStatus,
    Placed,
    PlaceOutcome,
    Unknown,
)
from tests.domain.rows import POLICY, STATES, at, order, shown

SHOWN = tuple(OrderStatus)
STARTS = STATES

seconds = st.integers(0, 600)
fills = st.integers(0, 10).map(lambda tenths: Decimal(tenths) / 10)

shown_orders = st.builds(
    lambda status, fill, second: shown(status, filled_quantity=fill, updated_at=None if second is None else at(second)),
    st.sampled_from(SHOWN),
    fills,
    st.none() | seconds,
)
conclusions = st.sampled_from(
    [
        Acknowledged("x-1"),
        NotPlaced("REFUSED", "no"),
        NotPlaced("LATER", "not now", retry=True),
        Duplicate("taken"),
        Unknown("lost"),
        Absent(),
        LookupFailed("down"),
    ]
)
answers = conclusions | shown_orders.map(Placed) | shown_orders.map(Found)
rows = st.builds(
    lambda place, kind, flagged: order(*place, order_type=kind, cancel_requested_at=at(0) if flagged else None),
    st.sampled_from(STARTS),
    st.sampled_from(OrderType),
    st.booleans(),
)
histories = st.lists(st.tuples(answers, st.floats(0, 60)), max_size=12)

Answer = PlaceOutcome | Lookup


def told(row: Order, answer: Answer, now: float) -> Order:
    """The row after the answer, whichever call it answers. A READY order was not sent: nobody answers for it."""
    if row.placement is Placement.READY:
        return row
    if isinstance(answer, Found | Absent | LookupFailed):
        return verdicts.after_lookup(row, answer, at(now), "test", POLICY)
    return verdicts.after_place(row, row.attempt, answer, at(now), "test", POLICY)


def lived(row: Order, history: list[tuple[Answer, float]]) -> list[Order]:
    """The row after each answer."""
    versions, now = [row], 0.0
    for answer, pause in history:
        now += pause
        versions.append(told(versions[-1], answer, now))
    return versions


@given(rows, histories)
def test_fills_never_shrink(row: Order, history: list[tuple[Answer, float]]) -> None:
    """R5: fills are cumulative maxima, never sums."""
    versions = lived(row, history)
    reported = [answer.order.filled_quantity for answer, _ in history if isinstance(answer, Found | Placed)]

    amounts = [version.filled_quantity for version in versions]
    assert amounts == sorted(amounts)
    assert amounts[-1] <= max([row.filled_quantity, *reported])


@given(rows, histories)
def test_ttl_stands_exactly_where_the_order_has_ended(row: Order, history: list[tuple[Answer, float]]) -> None:
    """R7: at every moment of every life."""
    versions = lived(row, history)

    assert all((version.ttl is not None) == version.terminal for version in versions)


@given(rows, histories)
def test_every_order_that_lives_is_looked_at_some_day(row: Order, history: list[tuple[Answer, float]]) -> None:
    """R30: the schedule alone reaches the end, so no live row may drop out of its index."""
    versions = lived(row, history)

    assert all(version.check_at is not None for version in versions if not version.terminal)


@given(rows, histories)
def test_every_change_is_the_next_version(row: Order, history: list[tuple[Answer, float]]) -> None:
    """R3: a row that differs has another version, and a row that does not is the same."""
    versions = lived(row, history)

    for before, after in pairwise(versions):
        assert after is before or after.version == before.version + 1


@given(rows, histories)
def test_the_history_says_when_a_fill_was_seen(row: Order, history: list[tuple[Answer, float]]) -> None:
    """Each time that more of it was, and at no other time."""
    versions = lived(row, history)

    for before, after in pairwise(versions):
        news = after.filled_quantity if after.filled_quantity > before.filled_quantity else None
        if after.history != before.history:
            assert after.history[-1].filled == news
        elif after.status is not OrderStatus.PENDING:
            assert news is None


@given(rows, histories, shown_orders, st.integers(1, 600), seconds)
def test_an_older_answer_changes_nothing(
    row: Order, history: list[tuple[Answer, float]], stale: ExchangeOrder, older_by: int, now: int
) -> None:
    """R5: by the exchange's own update time; only the next look may be put off."""
    known = lived(row, history)[-1]
    if known.exchange_updated_at is None:
        known = told(order(OrderStatus.OPEN), Found(shown(OrderStatus.OPEN, filled_quantity=Decimal("0.5"))), 1)
    assert known.exchange_updated_at is not None
    old = replace(stale, updated_at=known.exchange_updated_at - timedelta(seconds=older_by))

    after = verdicts.adopt(known, old, at(now), "test", POLICY)

    assert same_but_for_the_next_look(after, known)


@given(fills, fills, st.sampled_from(SHOWN))
def test_of_two_answers_of_one_instant_the_smaller_fill_changes_nothing(
    one: Decimal, other: Decimal, status: OrderStatus
) -> None:
    """R5: by update time, then by fill."""
    assume(one != other)
    known = told(order(OrderStatus.OPEN), Found(shown(filled_quantity=max(one, other))), 1)

    after = verdicts.adopt(known, shown(status, filled_quantity=min(one, other)), at(5), "test", POLICY)

    assert same_but_for_the_next_look(after, known)


@given(st.sampled_from([place for place in STARTS if place[0].terminal]), histories, conclusions, seconds)
def test_a_conclusion_of_ours_never_leaves_an_end(
    ended: tuple[OrderStatus, Placement | None], history: list[tuple[Answer, float]], conclusion: Answer, now: int
) -> None:
    """Invariant 9: silence, absence and refusals undo nothing that is written."""
    row = lived(order(*ended), history)[-1]

    after = told(row, conclusion, now)

    if row.terminal:
        assert (after.status, after.ttl, after.filled_quantity) == (row.status, row.ttl, row.filled_quantity)


@given(rows, histories)
def test_the_same_answer_twice_is_as_good_as_once(row: Order, history: list[tuple[Answer, float]]) -> None:
    """Answers may be delivered again: the second one finds nothing new."""
    known = lived(row, history)[-1]
    seen = Found(shown(OrderStatus.OPEN, filled_quantity=Decimal("0.5"), updated_at=at(700)))

    once = told(known, seen, 701)
    twice = told(once, seen, 702)

    assert same_but_for_the_next_look(twice, once)


def same_but_for_the_next_look(after: Order, before: Order) -> bool:
    return before == replace(
        after,
        check_at=before.check_at,
        checks=before.checks,
        version=before.version,
        updated_at=before.updated_at,
    )
