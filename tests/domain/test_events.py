"""Log rows: their counts add up, and they are settled exactly when every order has ended (R7, R26)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.clock import seconds_between
from chalicelib.domain.events import EventLog, new_event
from chalicelib.domain.orders import Order, Placement
from chalicelib.domain.outcomes import OrderStatus
from tests.domain.rows import NOW, STATES, at, order

EVERY = 300.0
NOTHING, SOME = Decimal(0), Decimal("0.4")
PENDING, OPEN, FILLED = OrderStatus.PENDING, OrderStatus.OPEN, OrderStatus.FILLED
CANCELLED, EXPIRED, REJECTED = OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED


def event(orders: list[Order], kind: str = "LIMIT") -> EventLog:
    """A log row with those orders, before anything is known of them."""
    return new_event("s1", "01JD6Z4N3Q8V5W2X7Y9ABCDEFG", kind, "BTC/USDT", [row.order_id for row in orders], NOW)


def recounted(orders: list[Order], kind: str = "LIMIT") -> EventLog:
    return event(orders, kind).with_orders(orders, at(1), EVERY)


@pytest.mark.parametrize(
    ("status", "filled", "flagged", "counts"),
    [
        (PENDING, NOTHING, False, (0, 0)),
        (PENDING, NOTHING, True, (0, 0)),
        (PENDING, SOME, False, (0, 0)),
        (OPEN, NOTHING, False, (1, 0)),
        (OPEN, SOME, True, (1, 0)),
        (FILLED, Decimal(1), False, (1, 0)),
        (CANCELLED, NOTHING, True, (1, 0)),
        (CANCELLED, SOME, True, (1, 0)),
        (CANCELLED, SOME, False, (1, 0)),
        (CANCELLED, NOTHING, False, (0, 1)),
        (EXPIRED, SOME, False, (1, 0)),
        (EXPIRED, NOTHING, False, (0, 1)),
        (EXPIRED, NOTHING, True, (0, 1)),
        (REJECTED, NOTHING, False, (0, 1)),
        (REJECTED, NOTHING, True, (0, 1)),
    ],
)
def test_an_order_counts_as_the_protocol_says(
    status: OrderStatus, filled: Decimal, flagged: bool, counts: tuple[int, int]
) -> None:
    """R26: OPEN, traded or cancelled on request is a success; PENDING is neither; every other end a failure."""
    row = order(status, filled_quantity=filled, cancel_requested_at=NOW if flagged else None)

    log = recounted([row])

    assert (log.successful_accounts, log.failed_accounts) == counts


@pytest.mark.parametrize(
    ("status", "counts"),
    [(PENDING, (0, 0)), (OPEN, (0, 0)), (CANCELLED, (1, 0)), (FILLED, (0, 1)), (EXPIRED, (0, 1)), (REJECTED, (0, 1))],
)
def test_of_a_cancelling_alert_the_cancelled_orders_are_the_success(
    status: OrderStatus, counts: tuple[int, int]
) -> None:
    """What the alert aimed at is that the order is cancelled, not that it trades."""
    log = recounted([order(status, cancel_requested_at=NOW)], "CANCEL_ALL")

    assert (log.successful_accounts, log.failed_accounts) == counts


many_orders = st.lists(
    st.builds(
        lambda place, filled, flagged: order(
            *place, filled_quantity=Decimal(filled) / 10, cancel_requested_at=NOW if flagged else None
        ),
        st.sampled_from(STATES),
        st.integers(0, 10),
        st.booleans(),
    ),
    max_size=20,
).map(lambda rows: [replace(row, order_id=f"test-{number}") for number, row in enumerate(rows)])


@given(many_orders, st.sampled_from(["MARKET", "LIMIT", "CANCEL", "CANCEL_ALL"]), st.randoms())
def test_counts_add_up_and_settled_means_that_all_have_ended(orders: list[Order], kind: str, random: object) -> None:
    """R26, invariant 8: in whatever order the rows are read."""
    shuffled = list(orders)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    log = event(orders, kind).with_orders(shuffled, at(1), EVERY)

    open_ones = sum(not row.terminal for row in orders)
    assert log.total_accounts == len(orders)
    assert log.failed_accounts + log.successful_accounts >= len(orders) - open_ones
    assert log.failed_accounts + log.successful_accounts <= len(orders)
    assert log.failed_accounts <= len(orders) - open_ones
    assert (log.check_at is None) == (log.ttl is not None) == (open_ones == 0)
    assert [result.order_id for result in log.results] == [row.order_id for row in orders]


@given(many_orders)
def test_a_pending_order_is_neither_success_nor_failure(orders: list[Order]) -> None:
    """R26: the two counts leave out exactly the PENDING ones."""
    log = recounted(orders)

    pending = sum(row.status is PENDING for row in orders)
    assert log.successful_accounts + log.failed_accounts + pending == log.total_accounts


def test_a_row_with_an_order_that_cannot_be_read_is_not_settled() -> None:
    """A missing order has not ended."""
    orders = [order(FILLED, order_id=name, filled_quantity=Decimal(1)) for name in ("test-1", "test-2")]

    log = event(orders).with_orders(orders[:1], at(1), EVERY)

    assert log.check_at is not None
    assert log.ttl is None
    assert (log.total_accounts, log.successful_accounts) == (2, 1)


def test_a_settled_row_that_lives_again_is_looked_at_again() -> None:
    """R5: the exchange shows an order of it alive."""
    settled = recounted([order(CANCELLED)])

    again = settled.with_orders([order(OPEN)], at(2), EVERY)

    assert (again.ttl, again.successful_accounts, again.failed_accounts) == (None, 1, 0)
    assert again.check_at is not None


def test_ttl_is_ninety_days_from_the_settling() -> None:
    """R7."""
    log = recounted([order(FILLED)])

    assert log.ttl == int((at(1) + timedelta(days=90)).timestamp())


def test_an_unsettled_row_is_looked_at_ever_more_rarely() -> None:
    """Fifteen seconds growing to RECONCILE_INTERVAL, as long as an order rests."""
    log, pauses = event([order(OPEN)]), []

    for _ in range(7):
        log = log.with_orders([order(OPEN)], NOW, EVERY)
        pauses.append(seconds_between(NOW, log.check_at or NOW))

    assert pauses == [15, 30, 60, 120, 240, 300, 300]


def test_a_result_shows_how_the_order_stands() -> None:
    """One line for each account, as the alert's answer shows it."""
    row = order(PENDING, Placement.UNKNOWN, error="no answer", filled_quantity=SOME, average_price=Decimal(49_999))

    result = recounted([row]).results[0]

    assert (result.account_id, result.exchange, result.order_id) == ("m1", "binance", row.order_id)
    assert (result.status, result.placement, result.error) == ("PENDING", "UNKNOWN", "no answer")
    assert (result.filled_quantity, result.average_price) == (SOME, Decimal(49_999))
