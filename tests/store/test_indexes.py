"""Contract of every Store: work is found by what its rows say now, and no longer than that (R26, R30)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.cancels import CancelStatus
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Delete, Insert, Store, Update
from tests.store import rows

LIVE = (OrderStatus.PENDING, OrderStatus.OPEN)
ENDS = [status for status in OrderStatus if status not in LIVE]
PLACEMENTS = {OrderStatus.PENDING: rows.order().placement}


async def insert(store: Store, *some: Any) -> None:
    await store.commit(*(Insert(row) for row in some))


async def change(store: Store, row: Any, **changes: Any) -> Any:
    new = replace(row, version=row.version + 1, **changes)
    await store.commit(Update(row, new))
    return new


async def seen(store: Store, order_id: str) -> tuple[bool, bool, bool]:
    """Whether the lists of due orders, of the strategy's and of the account's live orders show the order."""
    lists: list[Sequence[str]] = [
        await store.due_orders(rows.at(999), 10),
        await store.live_orders("s1"),
        await store.live_orders_of_account("m1"),
    ]
    due, of_strategy, of_account = (order_id in ids for ids in lists)
    return due, of_strategy, of_account


@pytest.mark.parametrize("status", LIVE)
async def test_an_order_that_is_live_is_found(store: Store, status: OrderStatus) -> None:
    """By its time, by its strategy, by its account."""
    order = rows.order(status)

    await insert(store, order)

    assert await seen(store, order.order_id) == (True, True, True)


@pytest.mark.parametrize("status", ENDS)
async def test_an_order_that_ends_is_found_no_more_until_it_lives_again(store: Store, status: OrderStatus) -> None:
    """R5: evidence moves a terminal row, too."""
    order = rows.order(OrderStatus.OPEN)
    await insert(store, order)

    ended = await change(store, order, status=status, check_at=None, ttl=1)
    after_its_end = await seen(store, order.order_id)
    await change(store, ended, status=OrderStatus.OPEN, check_at=rows.at(0), ttl=None)

    assert after_its_end == (False, False, False)
    assert await seen(store, order.order_id) == (True, True, True)


@pytest.mark.parametrize("status", ENDS)
async def test_an_order_that_ended_but_is_watched_is_found(store: Store, status: OrderStatus) -> None:
    """R12: a row concluded absent is looked up again."""
    order = rows.order(status, check_at=rows.at(60))
    await insert(store, order)

    watched = await seen(store, order.order_id)
    await change(store, order, check_at=None)

    assert watched == (True, True, True)
    assert await seen(store, order.order_id) == (False, False, False)


async def test_orders_come_when_they_are_due_longest_due_first(store: Store) -> None:
    """Not before their time, and no more than were asked for."""
    orders = {seconds: rows.order(check_at=rows.at(seconds)) for seconds in (30, 10, 20, 40)}
    await insert(store, *orders.values())

    def ids(*seconds: int) -> list[str]:
        return [orders[second].order_id for second in seconds]

    assert await store.due_orders(rows.at(9.999999), 10) == []
    assert await store.due_orders(rows.at(10), 10) == ids(10)
    assert await store.due_orders(rows.at(30.5), 10) == ids(10, 20, 30)
    assert await store.due_orders(rows.at(99), 2) == ids(10, 20)


async def test_an_order_that_was_looked_at_waits_for_its_next_time(store: Store) -> None:
    """Its place in the list is that of its present check_at."""
    first, second = rows.order(check_at=rows.at(1)), rows.order(check_at=rows.at(2))
    await insert(store, first, second)

    await change(store, first, check_at=rows.at(60))

    assert await store.due_orders(rows.at(10), 10) == [second.order_id]
    assert await store.due_orders(rows.at(60), 10) == [second.order_id, first.order_id]


async def test_live_orders_are_those_of_their_strategy_and_of_their_account(store: Store) -> None:
    """A strategy's cancel must not see another's orders."""
    orders = {
        (strategy, account): rows.order(strategy_id=strategy, account_id=account)
        for strategy in ("s1", "s2", "s12")
        for account in ("m1", "m2", "m12")
    }
    await insert(store, *orders.values())

    def ids(position: int, name: str) -> set[str]:
        return {order.order_id for key, order in orders.items() if key[position] == name}

    assert set(await store.live_orders("s1")) == ids(0, "s1")
    assert set(await store.live_orders_of_account("m1")) == ids(1, "m1")
    assert await store.live_orders("s") == []


@pytest.mark.parametrize("status", [CancelStatus.SUCCESS, CancelStatus.FAILED])
async def test_a_cancel_request_is_due_while_it_is_pending_or_processing(store: Store, status: CancelStatus) -> None:
    """FAILED waits for a redrive, SUCCESS for nothing."""
    request = rows.cancel_request()
    await insert(store, request)

    found = []
    for next_status in (CancelStatus.PROCESSING, status, CancelStatus.PENDING):
        found.append((await store.due_cancels(rows.at(0), 10), await store.next_cancel_at()))
        request = await change(store, request, status=next_status)
    found.append((await store.due_cancels(rows.at(0), 10), await store.next_cancel_at()))

    due = ([request.cancel_id], rows.at(0))
    assert found == [due, due, ([], None), due]


async def test_a_cancel_request_that_is_removed_is_due_no_more(store: Store) -> None:
    """R20."""
    request = rows.cancel_request()
    await insert(store, request)

    await store.commit(Delete(request))

    assert await store.due_cancels(rows.at(99), 10) == []


async def test_cancel_requests_come_when_they_are_due_longest_due_first(store: Store) -> None:
    """And the smallest next_retry_at says until when a sweep may sleep."""
    requests = {seconds: rows.cancel_request(next_retry_at=rows.at(seconds)) for seconds in (3, 1, 2)}
    await insert(store, *requests.values())

    def ids(*seconds: int) -> list[str]:
        return [requests[second].cancel_id for second in seconds]

    assert await store.due_cancels(rows.at(0.5), 10) == []
    assert await store.due_cancels(rows.at(2), 10) == ids(1, 2)
    assert await store.due_cancels(rows.at(9), 2) == ids(1, 2)
    assert await store.next_cancel_at() == rows.at(1)


async def test_a_log_row_is_unsettled_until_its_orders_are_terminal(store: Store) -> None:
    """R26: it is looked at when its time has come, and then no more."""
    event = rows.event(check_at=rows.at(15))
    key = (event.strategy_id, event.event_id)
    await insert(store, event)

    early, due = await store.unsettled_events(rows.at(14), 10), await store.unsettled_events(rows.at(15), 10)
    await change(store, event, check_at=None, ttl=1)

    assert (early, due) == ([], [key])
    assert await store.unsettled_events(rows.at(999), 10) == []


async def test_unsettled_log_rows_of_all_strategies_come_longest_due_first(store: Store) -> None:
    """No more than were asked for."""
    events = [rows.event(strategy_id=f"s{n}", check_at=rows.at(n)) for n in (3, 1, 2)]
    await insert(store, *events)

    assert [strategy for strategy, _ in await store.unsettled_events(rows.at(9), 10)] == ["s1", "s2", "s3"]
    assert [strategy for strategy, _ in await store.unsettled_events(rows.at(9), 1)] == ["s1"]


async def test_recent_log_rows_are_those_of_the_strategy_since_that_time(store: Store) -> None:
    """R22: a cancel looks ten minutes back."""
    events = [rows.event(created=seconds) for seconds in (-601, -600, -1, 0)]
    await insert(store, *events, rows.event(strategy_id="s2"), rows.event(strategy_id="s"))

    recent = await store.recent_events("s1", rows.at(-600))

    assert sorted(row.created_at for row in recent) == [rows.at(-600), rows.at(-1), rows.at(0)]
    assert events[3] in recent


async def test_more_live_orders_than_an_answer_of_the_database_holds_are_all_found(store: Store) -> None:
    """Answers end at 1 MB; the list does not."""
    long = "x" * 100_000
    orders = [rows.order(error=long) for _ in range(25)]
    for start in range(0, 25, 5):
        await insert(store, *orders[start : start + 5])

    ids = {order.order_id for order in orders}
    assert set(await store.live_orders("s1")) == ids
    assert set(await store.live_orders_of_account("m1")) == ids
