"""What a look-up proves: found, absent or failed, on every state of a row (R5, R12)."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain import verdicts
from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import Absent, Found, Lookup, LookupFailed, OrderStatus
from tests.domain.rows import DEADLINE, NOW, POLICY, STATES, State, at, order, shown, state

PENDING, OPEN, FILLED = OrderStatus.PENDING, OrderStatus.OPEN, OrderStatus.FILLED
CANCELLED, EXPIRED, REJECTED = OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED

FAILED = LookupFailed("the exchange does not answer")
SENT = (Placement.SENDING, Placement.ACKED, Placement.UNKNOWN)


def after(row: Order, lookup: Lookup, seconds: float = 0) -> Order:
    return verdicts.after_lookup(row, lookup, at(seconds), "test", POLICY)


@pytest.mark.parametrize("status", [OPEN, FILLED, CANCELLED, EXPIRED, REJECTED])
@pytest.mark.parametrize("place", SENT)
def test_a_pending_order_becomes_what_the_exchange_shows(place: Placement, status: OrderStatus) -> None:
    """R5: from every placement after READY."""
    row = after(order(PENDING, place), Found(shown(status)))

    assert state(row) == (status, None)
    assert row.seen_on_exchange
    assert row.exchange_order_id == "x-1"


@pytest.mark.parametrize("place", SENT)
def test_an_order_that_the_exchange_still_works_on_stays_pending_but_was_seen(place: Placement) -> None:
    """R12: whoever was seen once is never called absent."""
    row = after(order(PENDING, place), Found(shown(PENDING)))

    assert state(row) == (PENDING, place)
    assert row.seen_on_exchange
    assert row.check_at == at(2)


@pytest.mark.parametrize(
    ("ours", "theirs", "becomes"),
    [
        (OPEN, OPEN, OPEN),
        (OPEN, FILLED, FILLED),
        (OPEN, CANCELLED, CANCELLED),
        (OPEN, EXPIRED, EXPIRED),
        (OPEN, REJECTED, CANCELLED),  # it was on the book, so it was not rejected
        (CANCELLED, OPEN, OPEN),
        (CANCELLED, FILLED, FILLED),
        (CANCELLED, CANCELLED, CANCELLED),
        (EXPIRED, OPEN, OPEN),
        (EXPIRED, FILLED, FILLED),
        (EXPIRED, EXPIRED, EXPIRED),
        (REJECTED, OPEN, OPEN),
        (REJECTED, FILLED, FILLED),
        (REJECTED, CANCELLED, CANCELLED),
        (REJECTED, EXPIRED, EXPIRED),
        (REJECTED, REJECTED, REJECTED),
        *((FILLED, theirs, FILLED) for theirs in OrderStatus),
    ],
)
def test_what_the_exchange_says_outranks_what_we_concluded(
    ours: OrderStatus, theirs: OrderStatus, becomes: OrderStatus
) -> None:
    """R5, invariant 9: an ended row lives again, or ends otherwise; a filled one stays filled."""
    row = after(order(ours, ttl=1, seen_on_exchange=False), Found(shown(theirs)))

    assert row.status is becomes
    assert (row.ttl is None) == (becomes is OPEN)


def test_an_order_that_lives_again_is_watched_like_any_open_one() -> None:
    """R5: no TTL may eat it, and reconcile looks at it."""
    row = after(order(CANCELLED, reason="never_placed", cancel_requested_at=at(-60)), Found(shown(OPEN)))

    assert (row.status, row.ttl, row.reason) == (OPEN, None, None)
    assert row.check_at is not None
    assert row.cancel_requested


@pytest.mark.parametrize("source", [state for state in STATES if state[1] is not Placement.READY], ids=str)
@pytest.mark.parametrize("lookup", [FAILED, Absent()], ids=["failed", "absent"])
def test_one_look_up_that_shows_nothing_concludes_nothing(source: State, lookup: Lookup) -> None:
    """R12: neither a failed look-up nor a first sighting of absence moves a row."""
    before = order(*source)

    row = after(before, lookup, 1000)

    assert state(row) == source
    assert (row.filled_quantity, row.ttl, row.history) == (before.filled_quantity, before.ttl, before.history)


def test_a_failed_look_up_is_not_a_sighting() -> None:
    """R12: two sightings are two answers."""
    once = after(order(PENDING, Placement.UNKNOWN), Absent(), 30)

    failed = after(once, FAILED, 60)

    assert failed.absent_seen == once.absent_seen == (at(30),)


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        ({}, (PENDING, Placement.READY)),
        ({"order_type": OrderType.MARKET}, (REJECTED, None)),
        ({"cancel_requested_at": NOW}, (CANCELLED, None)),
        ({"send_by": at(40)}, (REJECTED, None)),
        ({"attempt": 4}, (REJECTED, None)),
    ],
    ids=str,
)
def test_proven_absence_sends_again_or_ends_the_order(changes: dict[str, Any], ends: State) -> None:
    """R9, R12: LIMIT orders in time get a new attempt; MARKET ones, and what is not wanted, end."""
    once = after(order(PENDING, Placement.UNKNOWN, **changes), Absent(), 40)

    twice = after(once, Absent(), 45)

    assert state(twice) == ends
    assert (twice.attempt == 2) == (ends[1] is Placement.READY)


def test_an_order_concluded_absent_is_looked_up_again_three_times() -> None:
    """R12: after a minute, ten and sixty, and then no more; its TTL stays what it was."""
    row = order(PENDING, Placement.UNKNOWN, order_type=OrderType.MARKET, absent_seen=(at(30),))
    row = after(row, Absent(), 40)
    ttl, looks, now = row.ttl, [], 40.0

    while row.check_at is not None:
        pause = (row.check_at - at(now)).total_seconds()
        looks.append(pause)
        now += pause
        row = after(row, Absent(), now)

    assert looks == [60, 600, 3600]
    assert (row.status, row.ttl) == (REJECTED, ttl)


def test_an_order_that_was_seen_and_is_gone_needs_somebody_to_look() -> None:
    """R12: no conclusion, but a word to the operator."""
    row = order(PENDING, Placement.ACKED)

    for seconds in (30, 60, 90):
        row = after(row, Absent(), seconds)

    assert state(row) == (PENDING, Placement.ACKED)
    assert row.attention is not None


def test_the_exchange_s_own_time_decides_about_the_deadline() -> None:
    """An exchange whose clock is behind ours may still execute the request."""
    row = order(PENDING, Placement.UNKNOWN)

    behind = verdicts.after_lookup(row, Absent(), at(30), "test", POLICY, exchange_now=at(21))
    level = verdicts.after_lookup(row, Absent(), at(30), "test", POLICY, exchange_now=at(22))

    assert behind.absent_seen == ()
    assert level.absent_seen == (at(30),)


@pytest.mark.parametrize("seconds", [0, 3, 9.9, 15, 21])
def test_a_look_before_absence_can_be_proof_is_followed_by_one_when_it_can(seconds: float) -> None:
    """R12: the next look is never later than the first instant that counts."""
    row = after(order(PENDING, Placement.UNKNOWN, checks=5), Absent(), seconds)

    assert row.check_at is not None
    assert at(seconds) < row.check_at <= verdicts.after(DEADLINE, 12)


def test_fills_that_an_ended_order_turns_out_to_have_are_taken_in() -> None:
    """R5: the end does not change, what was traded does."""
    row = order(CANCELLED, exchange_updated_at=at(1), seen_on_exchange=True)

    later = after(row, Found(shown(CANCELLED, filled_quantity=Decimal("0.4"), updated_at=at(2))))

    assert (later.status, later.filled_quantity) == (CANCELLED, Decimal("0.4"))


@pytest.mark.parametrize(
    ("flag", "said", "reason"),
    [(NOW, None, "requested"), (None, "SELF_TRADE", "SELF_TRADE"), (None, None, "external")],
)
def test_a_cancelled_order_says_who_wanted_it(flag: Any, said: str | None, reason: str) -> None:
    """Ours, the exchange's reason, or somebody else's doing."""
    row = after(order(OPEN, cancel_requested_at=flag), Found(shown(CANCELLED, reason=said)))

    assert row.reason == reason
