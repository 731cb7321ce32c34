"""Contract of every Store: pages for people show every row exactly once, newest first."""

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import day_of
from chalicelib.domain.errors import InvalidError
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Delete, Insert, Page, Store, Update
from tests.desk import START, TurnableClock
from tests.store import rows

DAY = 86_400
STATUSES = [OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELLED]
CANCEL_STATUSES = [CancelStatus.PENDING, CancelStatus.FAILED, CancelStatus.SUCCESS]
# Seconds before now: within today, a long day, the ends of days, days without rows, two rows at the same moment.
AGES = [0, 1, 1, 2, *range(5, 65, 5), DAY, DAY, DAY + 1, 2 * DAY, 2 * DAY, 30 * DAY, 31 * DAY, 32 * DAY, 90 * DAY]

Ask = Callable[[str | None], Awaitable[Page[Any]]]


@pytest.fixture
async def orders(store: Store) -> list[Order]:
    """Orders of two strategies, two symbols and three states over three months."""
    some = [
        rows.order(
            STATUSES[number % 3],
            strategy_id=f"s{1 + number % 2}",
            symbol=("BTC/USDT", "ETH/USDT")[number // 2 % 2],
            created_at=rows.at(-age),
        )
        for number, age in enumerate(AGES)
    ]
    await store.commit(*(Insert(row) for row in some))
    return some


@pytest.fixture
async def cancels(store: Store) -> list[CancelRequest]:
    """Cancel requests of three states over three months."""
    some = [
        rows.cancel_request(CANCEL_STATUSES[number % 3], created_at=rows.at(-age)) for number, age in enumerate(AGES)
    ]
    await store.commit(*(Insert(row) for row in some))
    return some


async def walk(ask: Ask) -> list[list[Any]]:
    """All pages, following their cursors."""
    page = await ask(None)
    pages = [list(page.items)]
    while page.cursor is not None:
        page = await ask(page.cursor)
        pages.append(list(page.items))
    return pages


def assert_all_newest_first(pages: list[list[Any]], expected: list[Any], limit: int) -> None:
    """Every row once, in order of time, in full pages of which the last one holds something."""
    listed = [row for page in pages for row in page]
    times = [row.created_at for row in listed]
    assert sorted(rows.key_of(row) for row in listed) == sorted(rows.key_of(row) for row in expected)
    assert times == sorted(times, reverse=True)
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1] or not expected


@pytest.mark.parametrize("limit", [3, 10, 100])
@pytest.mark.parametrize("strategy", ["s1", None])
@pytest.mark.parametrize("status", [OrderStatus.FILLED, None])
@pytest.mark.parametrize("symbol", ["ETH/USDT", None])
async def test_pages_of_orders_show_each_that_is_wanted_exactly_once(
    store: Store, orders: list[Order], strategy: str | None, status: OrderStatus | None, symbol: str | None, limit: int
) -> None:
    """Over days, with any of the filters, in pages of any size."""
    pages = await walk(lambda cursor: store.list_orders(strategy, status, symbol, limit, cursor))

    wanted = [
        row
        for row in orders
        if row.strategy_id == (strategy or row.strategy_id)
        and row.status == (status or row.status)
        and row.symbol == (symbol or row.symbol)
    ]
    assert_all_newest_first(pages, wanted, limit)


@pytest.mark.parametrize("limit", [1, 7, 100])
@pytest.mark.parametrize("status", [*CancelStatus, None])
async def test_pages_of_cancel_requests_show_each_that_is_wanted_exactly_once(
    store: Store, cancels: list[CancelRequest], status: CancelStatus | None, limit: int
) -> None:
    """By status or all."""
    pages = await walk(lambda cursor: store.list_cancels(status, limit, 0, cursor))

    assert_all_newest_first(pages, [row for row in cancels if row.status == (status or row.status)], limit)


@pytest.mark.parametrize("limit", [1, 4, 100])
async def test_pages_of_log_rows_show_each_of_the_strategy_exactly_once(store: Store, limit: int) -> None:
    """Newest first, by the time in the event's id."""
    events = [rows.event(created=-age) for age in AGES]
    await store.commit(*(Insert(row) for row in [*events, rows.event(strategy_id="s2"), rows.event(strategy_id="s")]))

    pages = await walk(lambda cursor: store.list_events("s1", limit, cursor))

    assert_all_newest_first(pages, events, limit)


@pytest.mark.parametrize("status", [CancelStatus.FAILED, None])
@pytest.mark.parametrize("offset", [0, 1, 5, 8, 23, 24, 1000])
async def test_an_offset_skips_as_many_of_the_newest(
    store: Store, cancels: list[CancelRequest], status: CancelStatus | None, offset: int
) -> None:
    """The same list, from further on; nothing beyond its end."""
    everything = (await store.list_cancels(status, 100, 0, None)).items

    page = await store.list_cancels(status, 3, offset, None)

    assert list(page.items) == list(everything[offset : offset + 3])
    assert (page.cursor is not None) == (len(everything) > offset + 3)


async def test_a_cursor_wins_over_an_offset(store: Store, cancels: list[CancelRequest]) -> None:
    """The cursor is a place already; an offset sent with it again does not skip once more."""
    first = await store.list_cancels(None, 4, 3, None)

    second = await store.list_cancels(None, 4, 3, first.cursor)

    everything = (await store.list_cancels(None, 100, 0, None)).items
    assert [*first.items, *second.items] == list(everything[3:11])


async def test_what_is_new_meanwhile_does_not_disturb_the_pages_that_follow(store: Store, orders: list[Order]) -> None:
    """A page goes on where the last one ended, not at a number of rows."""
    first = await store.list_orders(None, None, None, 5, None)
    everything = (await store.list_orders(None, None, None, 100, None)).items
    await store.commit(Insert(rows.order(created_at=rows.at(0.5))), Insert(rows.order(created_at=rows.at(0.6))))

    second = await store.list_orders(None, None, None, 5, first.cursor)

    assert list(second.items) == list(everything[5:10])


@pytest.mark.parametrize("status", [CancelStatus.FAILED, None])
async def test_a_cursor_leads_on_though_its_row_has_moved_or_is_gone(
    store: Store, cancels: list[CancelRequest], status: CancelStatus | None
) -> None:
    """A redriven request leaves the list of the failed ones, a removed one every list."""
    first = await store.list_cancels(status, 2, 0, None)
    everything = (await store.list_cancels(status, 100, 0, None)).items
    moved, gone = first.items
    await store.commit(Update(moved, replace(moved, version=2, status=CancelStatus.PROCESSING)), Delete(gone))

    second = await store.list_cancels(status, 2, 0, first.cursor)

    assert list(second.items) == list(everything[2:4])


async def test_a_page_that_holds_all_there_is_has_no_cursor(store: Store) -> None:
    """No empty page at the end."""
    await store.commit(Insert(rows.order()), Insert(rows.order(created_at=rows.at(-DAY))))

    for strategy in ("s1", None):
        page = await store.list_orders(strategy, None, None, 2, None)

        assert (len(page.items), page.cursor) == (2, None)


async def test_a_filter_finds_the_few_among_the_many(store: Store) -> None:
    """However many rows in between are not wanted."""
    rare = [rows.order(symbol="XRP/USDT", created_at=rows.at(-age)) for age in (0, 500)]
    common = [rows.order(created_at=rows.at(-age)) for age in range(1, 250)]
    for part in (common[:100], common[100:200], [*common[200:], *rare]):
        await store.commit(*(Insert(row) for row in part))

    for strategy in ("s1", None):
        page = await store.list_orders(strategy, None, "XRP/USDT", 2, None)

        assert (list(page.items), page.cursor) == (rare, None)


async def test_rows_of_a_machine_whose_clock_is_ahead_are_listed(store: Store) -> None:
    """Just after midnight somewhere."""
    ahead = rows.order(created_at=rows.at(DAY - 4 * 3600 + 60 * 60))
    await store.commit(Insert(ahead))

    page = await store.list_orders(None, None, None, 5, None)

    assert day_of(ahead.created_at) > day_of(START)
    assert list(page.items) == [ahead]


async def test_a_cursor_is_good_after_midnight(store: Store, orders: list[Order], clock: TurnableClock) -> None:
    """The newest day is another one then."""
    first = await store.list_orders(None, None, None, 5, None)
    everything = (await store.list_orders(None, None, None, 100, None)).items

    clock.turn(DAY)

    second = await store.list_orders(None, None, None, 5, first.cursor)
    assert list(second.items) == list(everything[5:10])


FORGED = [
    ["s1"],
    ["s1", 1, "x"],
    ["s1", "", "x"],
    ["2020-01-01", "x", "y"],
    [],
    {"a": "b"},
    {"a": 1, "b": 2, "c": 3},
    "s1",
    7,
    None,
]


@pytest.mark.parametrize(
    "cursor",
    ["x", "not base64!", "é", "AAAA", *(base64.urlsafe_b64encode(json.dumps(it).encode()).decode() for it in FORGED)],
)
async def test_a_cursor_that_no_list_gave_out_is_refused(store: Store, cursor: str) -> None:
    """The caller is told, not the alarm."""
    for ask in (
        lambda: store.list_orders(None, None, None, 5, cursor),
        lambda: store.list_cancels(None, 5, 0, cursor),
        lambda: store.list_cancels(CancelStatus.FAILED, 5, 0, cursor),
        lambda: store.list_events("s1", 5, cursor),
    ):
        with pytest.raises(InvalidError) as caught:
            await ask()

        assert caught.value.details[0]["field"] == "cursor"


async def test_a_cursor_of_another_list_is_refused(
    store: Store, orders: list[Order], cancels: list[CancelRequest]
) -> None:
    """A place in one list is none in another."""
    of_strategy = (await store.list_orders("s1", None, None, 2, None)).cursor
    of_failed = (await store.list_cancels(CancelStatus.FAILED, 2, 0, None)).cursor

    for ask in (
        lambda: store.list_orders("s2", None, None, 2, of_strategy),
        lambda: store.list_orders(None, None, None, 2, of_strategy),
        lambda: store.list_events("s1", 2, of_strategy),
        lambda: store.list_cancels(CancelStatus.PENDING, 2, 0, of_failed),
        lambda: store.list_cancels(None, 2, 0, of_failed),
    ):
        with pytest.raises(InvalidError):
            await ask()
