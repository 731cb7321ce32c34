"""The watch over rows that were concluded absent, and evidence that contradicts an end (R5, R12)."""

import pytest

from chalicelib.domain import verdicts
from chalicelib.domain.ids import Ids
from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import Absent, Found, LookupFailed, OrderStatus
from tests.domain.rows import NOW, ORDER_ID, POLICY, at, order, shown


def concluded() -> Order:
    row = order(OrderStatus.PENDING, Placement.UNKNOWN, order_type=OrderType.MARKET, absent_seen=(at(30),))
    return verdicts.after_lookup(row, Absent(), at(40), "t", POLICY)


def test_failed_look_ups_use_up_no_look_of_the_watch() -> None:
    """However often the exchange is down, the three looks are still to come, and the reason stays."""
    row = concluded()
    why = row.error

    for _ in range(5):
        assert row.check_at is not None
        row = verdicts.after_lookup(row, LookupFailed("down"), row.check_at, "t", POLICY)
    looks = 0
    while row.check_at is not None:
        row = verdicts.after_lookup(row, Absent(), row.check_at, "t", POLICY)
        looks += 1

    assert (looks, row.error, row.status) == (3, why, OrderStatus.REJECTED)


@pytest.mark.parametrize("lookup", [Absent(), LookupFailed("down")])
def test_a_late_look_up_does_not_put_a_settled_row_under_watch(lookup: Absent | LookupFailed) -> None:
    """A row without check_at has left the work index for good."""
    row = order(OrderStatus.FILLED)

    assert verdicts.after_lookup(row, lookup, NOW, "t", POLICY) is row


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (OrderStatus.CANCELLED, OrderStatus.EXPIRED),
        (OrderStatus.CANCELLED, OrderStatus.REJECTED),
        (OrderStatus.EXPIRED, OrderStatus.CANCELLED),
        (OrderStatus.EXPIRED, OrderStatus.REJECTED),
    ],
)
def test_another_word_for_an_end_that_is_known_changes_id_and_fills_only(
    ours: OrderStatus, theirs: OrderStatus
) -> None:
    """Dead is dead, and nothing raises."""
    row = order(ours, seen_on_exchange=False, check_at=at(60), checks=1, reason="never_placed")

    after = verdicts.after_lookup(row, Found(shown(theirs)), at(60), "t", POLICY)

    assert after.status is ours
    assert after.exchange_order_id is not None


@pytest.mark.parametrize("suffix", ["\n", "-0", "-1", "-01", "-00", "-100"])
def test_only_attempts_that_we_count_are_ours(suffix: str) -> None:
    """R29: the full pattern; the first attempt has no suffix."""
    assert Ids("test-").own(ORDER_ID + suffix) is None


def test_a_call_that_passes_by_itself_hides_none_that_does_not() -> None:
    """An earlier attempt that turned up stays a matter for a person."""
    lasting = "attempt 1, thought never placed, is CANCELLED on the exchange, 0 filled"
    row = order(OrderStatus.OPEN, seen_on_exchange=True, attention=lasting)

    unseen = verdicts.after_lookup(row, Absent(), NOW, "t", POLICY)
    stuck = verdicts.stuck(row, NOW, "why", 60.0)

    assert (unseen.attention, stuck.attention) == (lasting, lasting)


def test_a_late_answer_from_before_the_end_uses_up_no_look_of_the_watch() -> None:
    """Two looked at once; the one that wrote last saw no more than the first."""
    row = concluded()

    assert verdicts.after_lookup(row, Absent(), at(41), "t", POLICY) is row
