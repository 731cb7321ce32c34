"""The cancel request's state machine, its claim, its backoff and its TTL (R7, R14-R17)."""

from datetime import timedelta
from itertools import product

import pytest

from chalicelib.domain.cancels import CANCEL_MOVES, CancelRequest, CancelStatus, cancel_request_for
from chalicelib.domain.clock import seconds_between
from chalicelib.domain.errors import IllegalTransitionError
from chalicelib.domain.orders import Placement
from chalicelib.domain.outcomes import OrderStatus
from tests.domain.rows import NOW, at, cancel_request, order

PENDING, PROCESSING = CancelStatus.PENDING, CancelStatus.PROCESSING
SUCCESS, FAILED = CancelStatus.SUCCESS, CancelStatus.FAILED

LEGAL = {
    (PENDING, PROCESSING),
    (PROCESSING, PENDING),
    (PROCESSING, PROCESSING),  # a lease that ran out is taken over (R15)
    (PROCESSING, SUCCESS),
    (PROCESSING, FAILED),
    (FAILED, PENDING),  # redrive
    (FAILED, SUCCESS),
    (PENDING, SUCCESS),  # the order's end and the request's are written together, whoever writes (R6)
    (SUCCESS, PENDING),  # the exchange shows the order alive (R5)
}


@pytest.mark.parametrize(("source", "target"), list(product(CancelStatus, CancelStatus)))
def test_a_request_moves_where_the_protocol_says_and_nowhere_else(source: CancelStatus, target: CancelStatus) -> None:
    """Every pair of statuses; nobody leaves SUCCESS but by evidence, and FAILED is no end."""
    assert (target in CANCEL_MOVES[source]) == ((source, target) in LEGAL)


ACTIONS = {
    "claimed": (lambda row: row.claimed(NOW, 45, order_pending=False), PROCESSING),
    "waits": (lambda row: row.waits_on(NOW, "busy"), PENDING),
    "refused": (lambda row: row.refused(NOW, "no", 5), PENDING),
    "refused for the last time": (lambda row: row.refused(NOW, "no", 1), FAILED),
    "succeeded": (lambda row: row.succeeded(NOW, "cancelled"), SUCCESS),
    "redriven": (lambda row: row.redriven(NOW, order_pending=False), PENDING),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("source", CancelStatus)
def test_no_action_goes_round_the_table(source: CancelStatus, action: str) -> None:
    """Every method of the row obeys the one table, and each move is a new version (R3)."""
    act, target = ACTIONS[action]
    row = cancel_request(source)

    if (source, target) not in LEGAL:
        with pytest.raises(IllegalTransitionError):
            act(row)
        return
    moved = act(row)

    assert (moved.status, moved.version, moved.updated_at) == (target, row.version + 1, NOW)


def test_refusals_back_off_exponentially_and_fail_at_the_fifth() -> None:
    """R17: 2, 4, 8 and 16 seconds; the count stays in the row."""
    row = cancel_request()
    pauses = []

    for _ in range(5):
        claimed = row.claimed(NOW, 45, order_pending=False)
        row = claimed.refused(NOW, "the exchange says no", 5)
        pauses.append(seconds_between(NOW, row.next_retry_at))

    assert pauses == [2, 4, 8, 16, 0]
    assert (row.status, row.retry_count, row.last_error) == (FAILED, 5, "the exchange says no")


def test_waiting_backs_off_to_thirty_seconds_and_never_counts() -> None:
    """R17: only a refusal uses up a retry; waiting may last for ever."""
    row = cancel_request()
    pauses = []

    for _ in range(30):
        row = row.claimed(NOW, 45, order_pending=True).waits_on(NOW, "not acknowledged yet")
        pauses.append(seconds_between(NOW, row.next_retry_at))

    assert pauses[:6] == [2, 4, 8, 16, 30, 30]
    assert set(pauses[6:]) == {30}
    assert (row.status, row.retry_count) == (PENDING, 0)


def test_a_throttled_request_comes_back_when_the_exchange_says() -> None:
    """R17: a ban of two minutes is not asked about every thirty seconds."""
    claimed = cancel_request(PROCESSING)

    waiting = claimed.waits_on(NOW, "banned", not_before=120)

    assert waiting.next_retry_at == at(120)
    assert waiting.retry_count == 0


def test_waiting_between_refusals_does_not_forget_them() -> None:
    """R17: the count goes on where it was, the waits start again at two seconds."""
    row = cancel_request(PROCESSING).refused(NOW, "no", 5).claimed(NOW, 45, order_pending=False)
    row = row.waits_on(NOW, "busy").claimed(NOW, 45, order_pending=False)

    row = row.refused(NOW, "no", 5)

    assert (row.retry_count, seconds_between(NOW, row.next_retry_at)) == (2, 4)
    assert row.waits == 0


@pytest.mark.parametrize(
    ("row", "claimable"),
    [
        (cancel_request(PENDING, next_retry_at=at(-1)), True),
        (cancel_request(PENDING, next_retry_at=NOW), True),
        (cancel_request(PENDING, next_retry_at=at(1)), False),
        (cancel_request(PENDING, next_retry_at=at(1), waiting_for_order=True), True),
        (cancel_request(PROCESSING, next_retry_at=at(1)), False),
        (cancel_request(PROCESSING, next_retry_at=at(1), waiting_for_order=True), False),
        (cancel_request(PROCESSING, next_retry_at=NOW), True),
        (cancel_request(SUCCESS, next_retry_at=at(-1)), False),
        (cancel_request(FAILED, next_retry_at=at(-1)), False),
    ],
)
def test_a_request_is_claimed_when_due_or_waiting_or_abandoned(row: CancelRequest, claimable: bool) -> None:
    """R15: nobody takes what another holds, and nobody holds it longer than the lease."""
    assert row.claimable(NOW) is claimable


@pytest.mark.parametrize("order_pending", [True, False])
@pytest.mark.parametrize("waiting", [True, False])
def test_the_first_claim_after_the_order_left_pending_ends_the_waiting(waiting: bool, order_pending: bool) -> None:
    """R15: from then on the request is tried by its own times."""
    row = cancel_request(waiting_for_order=waiting)

    claimed = row.claimed(NOW, 45, order_pending=order_pending)

    assert claimed.waiting_for_order is (waiting and order_pending)
    assert claimed.next_retry_at == at(45)


def test_ttl_stands_in_a_successful_request_only() -> None:
    """R7: FAILED is no end, and a request that is driven again loses its TTL and its result."""
    failed = cancel_request(PROCESSING).refused(NOW, "no", 1)
    done = failed.succeeded(NOW, "cancelled")
    again = done.redriven(at(9), order_pending=False)

    assert failed.ttl is None
    assert done.ttl == int((NOW + timedelta(days=90)).timestamp())
    assert (done.result, done.completed_at) == ("cancelled", NOW)
    assert (again.ttl, again.result, again.completed_at) == (None, None, None)


def test_a_redriven_request_is_due_at_once_with_all_its_retries() -> None:
    """Invariant 4: FAILED can be redriven."""
    failed = cancel_request(PROCESSING, retry_count=4, waits=3).refused(NOW, "no", 5)

    again = failed.redriven(at(9), order_pending=True)

    assert (again.status, again.retry_count, again.waits, again.next_retry_at) == (PENDING, 0, 0, at(9))
    assert again.waiting_for_order


@pytest.mark.parametrize("place", Placement)
def test_a_request_for_a_pending_order_waits_for_it(place: Placement) -> None:
    """R14: it is queued, whatever the placement, and looked at after two seconds at the latest."""
    row = cancel_request_for(order(OrderStatus.PENDING, place), NOW, "api", 45)

    assert (row.status, row.waiting_for_order, row.next_retry_at) == (PENDING, True, at(2))


def test_a_request_for_an_open_order_is_held_by_who_stores_it() -> None:
    """R14: that task calls the exchange; if it dies, the lease ends and the sweep takes over."""
    row = cancel_request_for(order(OrderStatus.OPEN), NOW, "api", 45)

    assert (row.status, row.waiting_for_order, row.next_retry_at) == (PROCESSING, False, at(45))
    assert (row.cancel_id, row.retry_count) == (row.order_id, 0)
