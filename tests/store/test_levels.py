"""Contract of every Store: how full the queue is and what calls for a person, counted by index and no further than
asked."""

import pytest

from chalicelib.domain.cancels import CancelStatus
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Store
from tests.store import rows
from tests.store.test_indexes import change, insert


@pytest.mark.parametrize("status", CancelStatus)
async def test_requests_are_counted_by_their_status(store: Store, status: CancelStatus) -> None:
    """Each is in one count only."""
    for other, count in zip(CancelStatus, (1, 2, 3, 4), strict=True):
        await insert(store, *(rows.cancel_request(other) for _ in range(count)))

    counted = await store.count_cancels(status, 1000)

    assert counted == list(CancelStatus).index(status) + 1


async def test_a_count_goes_no_further_than_asked(store: Store) -> None:
    """What it costs is bounded."""
    await insert(store, *(rows.cancel_request() for _ in range(7)), *(rows.order(attention="look") for _ in range(7)))

    assert await store.count_cancels(CancelStatus.PENDING, 5) == 5
    assert await store.count_attention(5) == 5


async def test_the_oldest_request_is_the_one_that_was_made_first(store: Store) -> None:
    """Whenever it is due."""
    await insert(
        store,
        rows.cancel_request(created_at=rows.at(20), next_retry_at=rows.at(20)),
        rows.cancel_request(created_at=rows.at(10), next_retry_at=rows.at(900)),
        rows.cancel_request(CancelStatus.FAILED, created_at=rows.at(5)),
    )

    assert await store.oldest_cancel(CancelStatus.PENDING) == rows.at(10)
    assert await store.oldest_cancel(CancelStatus.FAILED) == rows.at(5)
    assert await store.oldest_cancel(CancelStatus.PROCESSING) is None


async def test_the_oldest_request_can_be_read_itself(store: Store) -> None:
    """All of it, by its status."""
    oldest = rows.cancel_request(created_at=rows.at(10), next_retry_at=rows.at(900), last_error="why")
    await insert(store, rows.cancel_request(created_at=rows.at(20)), oldest)

    assert await store.oldest_request(CancelStatus.PENDING) == oldest
    assert await store.oldest_request(CancelStatus.FAILED) is None


async def test_the_newest_orders_are_those_of_the_last_days_newest_first(store: Store) -> None:
    """Whatever became of them, and no more than asked for; an order of a clock that is ahead is one of them."""
    ahead, today, yesterday = (rows.order(created_at=rows.at(seconds)) for seconds in (86_400, 0, -86_400))
    ended = rows.order(OrderStatus.FILLED, created_at=rows.at(-60))
    await insert(store, yesterday, ended, today, ahead, rows.order(created_at=rows.at(-2 * 86_400)))

    assert await store.newest_orders(2, 100) == [ahead, today, ended, yesterday]
    assert await store.newest_orders(2, 3) == [ahead, today, ended]


async def test_a_request_is_counted_where_it_is_now(store: Store) -> None:
    """A FAILED one that is redriven leaves that count."""
    request = rows.cancel_request(CancelStatus.FAILED)
    await insert(store, request)

    await change(store, request, status=CancelStatus.PENDING)

    assert await store.count_cancels(CancelStatus.FAILED, 1000) == 0
    assert await store.count_cancels(CancelStatus.PENDING, 1000) == 1


@pytest.mark.parametrize("status", OrderStatus)
async def test_an_order_that_calls_for_a_person_is_counted_until_it_does_no_more(
    store: Store, status: OrderStatus
) -> None:
    """Ended or not."""
    order = rows.order(status)
    await insert(store, order, rows.order(status))
    quiet = await store.count_attention(1000)

    calling = await change(store, order, attention="the exchange shows another order under our client id")
    called = await store.count_attention(1000)
    await change(store, calling, attention=None)

    assert (quiet, called, await store.count_attention(1000)) == (0, 1, 0)


async def test_the_orders_that_call_for_a_person_are_found_newest_first(store: Store) -> None:
    """However old they are, and whatever else there is."""
    old, new, newest = (rows.order(created_at=rows.at(age), attention="look") for age in (-9e6, -10, 0))
    await insert(store, new, rows.order(), newest, old)

    assert await store.attention_orders(5) == [newest, new, old]
    assert await store.attention_orders(2) == [newest, new]
