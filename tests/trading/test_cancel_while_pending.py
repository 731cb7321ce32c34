"""A cancel that comes while the order is PENDING, by placement, on each market (R11, R14, R16, R19)."""

import asyncio
from collections.abc import Callable

import pytest

from chalicelib.domain.cancels import CancelStatus
from chalicelib.domain.orders import Order, Placement
from chalicelib.domain.outcomes import OrderStatus
from tests.exchanges.markets.terms import Terms
from tests.trading.floor import BYBIT, MARKETS, ONE_OF_EACH, Floor
from tests.trading.wire import Wire

at_each = pytest.mark.parametrize("terms", MARKETS, ids=str)


@at_each
async def test_an_order_that_was_not_sent_is_never_sent(floor: Floor, terms: Terms) -> None:
    """READY: it ends in the same call, and the stream finds nothing to send."""
    await floor.trade_at(terms)
    answer = await floor.limit()
    (order_id,) = answer.event.order_ids

    await floor.cancel(order_id)
    (order,) = await floor.hand_over(answer)

    await assert_cancelled(floor, order, "never_sent")
    assert floor.creates(terms) == []


@at_each
async def test_a_cancel_while_the_answer_is_under_way_fires_when_it_comes(
    floor: Floor, wire: Wire, terms: Terms
) -> None:
    """SENDING: the exchange has the order, we do not know it yet; the sender sees the flag in its own write."""
    await floor.trade_at(terms)
    answer = await floor.limit()
    (order_id,) = answer.event.order_ids
    hold = wire.hold_next_answer()
    sending = asyncio.create_task(floor.hand_over(answer))
    await hold.reached.wait()

    proven = await floor.cancel(order_id)

    assert not proven
    assert (await floor.order(order_id)).placement is Placement.SENDING
    assert (await floor.request(order_id)).status is CancelStatus.PENDING
    assert len(floor.creates(terms)) == 1
    assert floor.control.requests(venue=terms.name, operation="cancel") == []
    hold.released.set()
    (order,) = await sending
    await assert_cancelled(floor, order, "cancelled")
    await assert_ended_there(floor, terms, order)


@at_each
async def test_a_cancel_of_an_order_whose_answer_was_lost_waits_until_it_is_found(floor: Floor, terms: Terms) -> None:
    """UNKNOWN, and live: while nobody can look it up nothing is concluded; then it is adopted and cancelled."""
    order_id, allow_look_ups = await unknown_order(floor, terms, taken=True)

    await floor.cancel(order_id)

    request = await floor.request(order_id)
    assert (request.status, request.retry_count) == (CancelStatus.PENDING, 0)
    allow_look_ups()
    (order,) = await floor.settle(order_id)
    await assert_cancelled(floor, order, "cancelled")
    await assert_ended_there(floor, terms, order)


@pytest.mark.parametrize("terms", ONE_OF_EACH, ids=str)
async def test_a_cancel_of_an_order_that_never_arrived_ends_with_its_absence(floor: Floor, terms: Terms) -> None:
    """UNKNOWN, and not there: proven twice after its deadline, or at Upbit by the use of its identifier (R12)."""
    order_id, allow_look_ups = await unknown_order(floor, terms, taken=False)
    deadline = (await floor.order(order_id)).deadline

    await floor.cancel(order_id)
    allow_look_ups()

    (order,) = await floor.settle(order_id)
    await assert_cancelled(floor, order, "never_placed")
    assert deadline is not None
    assert floor.clock.now() > deadline
    assert floor.on_book(terms) == []
    assert [row["client_id"] for row in floor.creates(terms)] == [order_id] * (1 if terms.requests_expire else 2)


@pytest.mark.parametrize("terms", BYBIT, ids=str)
async def test_a_cancel_of_an_acknowledged_order_reaches_it_once_it_is_on_the_book(floor: Floor, terms: Terms) -> None:
    """ACKED: Bybit does not find what its engine has not taken in yet, and that proves nothing (R19)."""
    floor.control.set_delays(bybit_create=20_000)
    await floor.trade_at(terms)
    answer = await floor.limit()
    (order,) = await floor.hand_over(answer)
    acknowledged = order

    await floor.cancel(order.order_id)

    assert (acknowledged.status, acknowledged.placement) == (OrderStatus.PENDING, Placement.ACKED)
    request = await floor.request(order.order_id)
    assert (request.status, request.retry_count) == (CancelStatus.PENDING, 0)
    (order,) = await floor.settle(order.order_id)
    await assert_cancelled(floor, order, "cancelled")
    await assert_ended_there(floor, terms, order)


async def unknown_order(floor: Floor, terms: Terms, *, taken: bool) -> tuple[str, Callable[[], None]]:
    """One whose answer was lost, at a market where nothing can be looked up until that is called."""
    await floor.trade_at(terms)
    answer = await floor.limit()
    floor.control.fault("close", exchange=terms.name, operation="create", taken=taken)
    allow_look_ups = floor.refuse_look_ups(terms)
    (order,) = await floor.hand_over(answer)
    assert (order.status, order.placement) == (OrderStatus.PENDING, Placement.UNKNOWN)
    return order.order_id, allow_look_ups


async def assert_cancelled(floor: Floor, order: Order, result: str) -> None:
    """Order and request ended together."""
    request = await floor.request(order.order_id)
    assert order.status is OrderStatus.CANCELLED
    assert (request.status, request.result, request.retry_count) == (CancelStatus.SUCCESS, result, 0)


async def assert_ended_there(floor: Floor, terms: Terms, order: Order) -> None:
    """The exchange has the order, as cancelled; nothing is live there, and nothing was sent twice."""
    assert [(one["client_id"], one["state"]) for one in floor.on_book(terms)] == [(order.order_id, "canceled")]
    assert len(floor.creates(terms)) == 1
    if terms.tells_updates:
        assert order.exchange_updated_at is not None, "the end is not the exchange's own word"
