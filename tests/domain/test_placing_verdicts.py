"""What a create proves: every outcome, on every placement, with and without a cancel flag (R8, R9, R11)."""

from typing import Any

import pytest

from chalicelib.domain import verdicts
from chalicelib.domain.clock import seconds_between
from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import (
    Acknowledged,
    Duplicate,
    NotPlaced,
    OrderStatus,
    Placed,
    PlaceOutcome,
    Unknown,
)
from tests.domain.rows import ENDS, NOW, POLICY, STATES, State, at, order, request, shown, state

ACK = Acknowledged("x-7")
REFUSED = NotPlaced("INSUFFICIENT_BALANCE", "not enough USDT")
LATER = NotPlaced("THROTTLED", "too many requests", retry=True)
TAKEN = Duplicate("client id taken")
LOST = Unknown("no answer within 8 s")
UNPROVEN: tuple[PlaceOutcome, ...] = (ACK, REFUSED, LATER, TAKEN, LOST)

PENDING = OrderStatus.PENDING


def after(row: Order, outcome: PlaceOutcome, attempt: int = 1) -> Order:
    return verdicts.after_place(row, attempt, outcome, NOW, "test", POLICY)


def sending(**changes: Any) -> Order:
    return order(PENDING, Placement.SENDING, **changes)


@pytest.mark.parametrize(
    ("outcome", "limit", "market"),
    [
        (ACK, (PENDING, Placement.ACKED), (PENDING, Placement.ACKED)),
        (REFUSED, (OrderStatus.REJECTED, None), (OrderStatus.REJECTED, None)),
        (LATER, (PENDING, Placement.READY), (OrderStatus.REJECTED, None)),
        (TAKEN, (PENDING, Placement.UNKNOWN), (PENDING, Placement.UNKNOWN)),
        (LOST, (PENDING, Placement.UNKNOWN), (PENDING, Placement.UNKNOWN)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_create_proves_no_more_than_its_outcome(outcome: PlaceOutcome, limit: State, market: State) -> None:
    """R8, R9: what is ambiguous stays UNKNOWN; a MARKET order is never made ready again."""
    of_limit = after(sending(), outcome)
    of_market = after(sending(order_type=OrderType.MARKET), outcome)

    assert state(of_limit) == limit
    assert state(of_market) == market


@pytest.mark.parametrize("outcome", UNPROVEN, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("place", [place for place in Placement if place is not Placement.SENDING])
def test_a_late_answer_changes_nothing_once_the_order_left_sending(place: Placement, outcome: PlaceOutcome) -> None:
    """Somebody settled it meanwhile, and only the order itself outranks that (R5)."""
    row = order(PENDING, place)

    assert after(row, outcome) is row


@pytest.mark.parametrize("outcome", UNPROVEN, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("status", [OrderStatus.OPEN, *ENDS])
def test_a_late_answer_changes_nothing_after_pending(status: OrderStatus, outcome: PlaceOutcome) -> None:
    """An answer without the order in it is no evidence against a row that is OPEN or has ended."""
    row = order(status)

    assert after(row, outcome) is row


@pytest.mark.parametrize("outcome", UNPROVEN, ids=lambda value: type(value).__name__)
def test_an_answer_to_an_earlier_attempt_says_nothing_of_the_present_one(outcome: PlaceOutcome) -> None:
    """R9: the attempt is part of the verdict."""
    row = sending(attempt=2)

    assert after(row, outcome, attempt=1) is row


@pytest.mark.parametrize("status", [OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.EXPIRED, OrderStatus.CANCELLED])
@pytest.mark.parametrize("place", [Placement.SENDING, Placement.ACKED, Placement.UNKNOWN])
def test_an_order_that_the_answer_shows_is_adopted_from_any_placement(place: Placement, status: OrderStatus) -> None:
    """R8: Placed is the exchange's own word, with its id and its fills."""
    adopted = after(order(PENDING, place), Placed(shown(status)))

    assert state(adopted) == (status, None)
    assert (adopted.exchange_order_id, adopted.seen_on_exchange) == ("x-1", True)
    assert adopted.filled_quantity == shown(status).filled_quantity


@pytest.mark.parametrize("source", STATES, ids=str)
@pytest.mark.parametrize("outcome", [*UNPROVEN, Placed(shown())], ids=lambda value: type(value).__name__)
def test_a_verdict_leaves_ttl_in_ended_rows_only(source: State, outcome: PlaceOutcome) -> None:
    """R7: whatever is answered to whatever row."""
    judged = after(order(*source), outcome)

    assert (judged.ttl is not None) == judged.terminal


def test_an_acknowledged_order_is_polled_by_its_exchange_id() -> None:
    """R8: the id is stored at once, and absence will not conclude it."""
    acked = after(sending(), ACK)

    assert (acked.exchange_order_id, acked.seen_on_exchange) == ("x-7", True)
    assert acked.check_at == at(2)


def test_an_unknown_order_is_looked_up_soon() -> None:
    """R12: from two seconds on, and again at the first instant at which absence would be proof."""
    unknown = after(sending(), LOST)

    assert unknown.check_at == at(2)
    assert unknown.error == LOST.message


def test_a_refusal_says_why() -> None:
    """The code is the reason, the message the error."""
    rejected = after(sending(), REFUSED)

    assert (rejected.reason, rejected.error) == ("INSUFFICIENT_BALANCE", "not enough USDT")


def test_a_new_attempt_starts_from_scratch() -> None:
    """R9: READY with the next attempt, not before two seconds, its request and deadline still to be made."""
    again = after(sending(absent_seen=(NOW,), checks=4), LATER)

    assert (again.attempt, again.client_order_id) == (2, f"{again.order_id}-2")
    assert (again.request, again.deadline, again.absent_seen, again.checks) == (None, None, (), 0)
    assert again.not_before == at(2)
    assert again.send_by == at(60)


def test_a_new_attempt_waits_as_long_as_the_exchange_asks() -> None:
    """A limit of seven seconds is not tried after two, and nobody looks before."""
    again = after(sending(), NotPlaced("THROTTLED", "slow down", retry=True, retry_after=7))

    assert again.not_before == at(7)
    assert again.check_at == at(7)


@pytest.mark.parametrize(
    ("changes", "tried_again"),
    [
        ({"attempt": 3}, True),
        ({"attempt": 4}, False),
        ({"send_by": at(0.001)}, True),
        ({"send_by": NOW}, False),
        ({"send_by": None}, False),
    ],
    ids=str,
)
def test_attempts_end_with_exchange_max_retries_or_send_by(changes: dict[str, Any], tried_again: bool) -> None:
    """R9: then the order is REJECTED as NOT_PLACED; by default it is tried again three times."""
    attempt = changes.get("attempt", 1)

    row = after(sending(**changes), LATER, attempt)

    assert (state(row) == (PENDING, Placement.READY)) is tried_again
    assert (row.reason == "NOT_PLACED") is not tried_again


@pytest.mark.parametrize("outcome", [REFUSED, LATER], ids=["refused", "later"])
@pytest.mark.parametrize("kind", OrderType)
def test_an_order_that_was_not_placed_and_is_not_wanted_is_cancelled(kind: OrderType, outcome: NotPlaced) -> None:
    """R9: with a cancel flag it is never sent again."""
    row = after(sending(order_type=kind, cancel_requested_at=NOW), outcome)

    assert (row.status, row.reason) == (OrderStatus.CANCELLED, "never_placed")


@pytest.mark.parametrize("outcome", [ACK, TAKEN, LOST, Placed(shown())], ids=lambda value: type(value).__name__)
def test_the_verdict_keeps_the_cancel_flag(outcome: PlaceOutcome) -> None:
    """R11: whoever writes the verdict sees the flag in that very row."""
    row = after(sending(cancel_requested_at=at(-1)), outcome)

    assert row.cancel_requested


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("client id", {"client_order_id": "test-00000000000000000000000000"}),
        ("symbol", {"symbol": "ETH/USDT"}),
        ("side", {"side": "SELL"}),
        ("quantity", {"quantity": 2}),
    ],
)
def test_an_order_that_is_not_ours_is_not_adopted(what: str, changes: dict[str, Any]) -> None:
    """R13: client id, symbol, side and size must equal the request's; else somebody has to look."""
    before = sending()

    row = after(before, Placed(shown(**changes)))

    assert state(row) == state(before)
    assert row.attention is not None
    assert row.exchange_order_id is None


def test_an_order_by_amount_is_adopted_whatever_quantity_it_came_to() -> None:
    """R13: of a request by quote amount the exchange decides the quantity."""
    row = sending(request=request(OrderType.MARKET, quantity=None, quote_amount=100))

    adopted = after(row, Placed(shown(OrderStatus.FILLED, quantity=None, quote_amount=100)))

    assert adopted.status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("attempt", "ended"),
    [(1, ("never_sent", "EXPIRED_BEFORE_SEND")), (2, ("never_placed", "NOT_PLACED"))],
)
def test_the_end_of_an_unsent_order_says_whether_it_was_ever_tried(attempt: int, ended: tuple[str, str]) -> None:
    """R9, R10, R16: `never_sent` is said of a first attempt only."""
    row = order(PENDING, Placement.READY, attempt=attempt)

    cancelled = verdicts.never_sent(row, NOW, "test")
    expired = verdicts.expired_before_send(row, NOW, "test")

    assert (cancelled.status, expired.status) == (OrderStatus.CANCELLED, OrderStatus.REJECTED)
    assert (cancelled.reason, expired.reason) == ended


def test_a_halted_order_is_cancelled_and_one_that_cannot_be_sent_rejected() -> None:
    """R10: what was never sent ends by our own word."""
    row = order(PENDING, Placement.READY)

    halted = verdicts.halted(row, NOW, "test", "trading is switched off")
    refused = verdicts.refused_locally(row, NOW, "test", "BELOW_MINIMUM", "too small")

    assert (halted.status, halted.reason) == (OrderStatus.CANCELLED, "HALTED")
    assert (refused.status, refused.reason) == (OrderStatus.REJECTED, "BELOW_MINIMUM")
    assert seconds_between(NOW, halted.updated_at) == 0
