"""Contract of every Store: conditional, all or nothing, and told exactly whose condition failed (R3)."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.errors import StaleRowError
from chalicelib.domain.events import AlertKey
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Change, Check, Delete, Insert, Row, Store, Update
from chalicelib.domain.strategies import Account
from tests.store import rows

SAMPLES = [
    rows.order,
    rows.cancel_request,
    rows.event,
    rows.alert_key,
    rows.strategy,
    rows.account,
    rows.switch,
    rows.heartbeat,
    rows.ban,
]
each_kind = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.__name__)


def next_version(row: Any, **changes: Any) -> Any:
    """The row after one more change."""
    return replace(row, version=row.version + 1, **changes)


async def stored(store: Store, row: Row) -> Row | None:
    """The row as it stands."""
    return await store.get(type(row), *rows.key_of(row))


async def refused(store: Store, *changes: Change) -> tuple[int, ...]:
    """The positions of the conditions that did not hold."""
    with pytest.raises(StaleRowError) as caught:
        await store.commit(*changes)
    return caught.value.failed


@each_kind
async def test_an_insert_needs_a_free_key(store: Store, sample: Any) -> None:
    """What is there is not overwritten."""
    row = sample()
    await store.commit(Insert(row))

    failed = await refused(store, Insert(next_version(row)))

    assert failed == (0,)
    assert await stored(store, row) == row


@each_kind
async def test_an_update_needs_the_version_that_was_read(store: Store, sample: Any) -> None:
    """R3: of two writers that read the same row, one is told."""
    row = sample()
    await store.commit(Insert(row))
    await store.commit(Update(row, first := next_version(row)))

    failed = await refused(store, Update(row, replace(row, version=7)))

    assert failed == (0,)
    assert await stored(store, row) == first


@each_kind
async def test_an_update_of_a_row_that_is_gone_does_not_bring_it_back(store: Store, sample: Any) -> None:
    """No version is not the version that was read."""
    row = sample()

    failed = await refused(store, Update(row, next_version(row)))

    assert failed == (0,)
    assert await stored(store, row) is None


@each_kind
async def test_a_delete_needs_the_version_that_was_read(store: Store, sample: Any) -> None:
    """The older version does not do, the current one does, and what is gone cannot go again."""
    row = sample()
    await store.commit(Insert(row))
    await store.commit(Update(row, newer := next_version(row)))

    failed = await refused(store, Delete(row))
    still = await stored(store, row)
    await store.commit(Delete(newer))
    again = await refused(store, Delete(newer))

    assert (failed, still) == ((0,), newer)
    assert (again, await stored(store, row)) == ((0,), None)


async def test_a_key_is_free_again_after_its_delete(store: Store) -> None:
    """R20: a removed request can be made anew."""
    row = rows.cancel_request()
    await store.commit(Insert(row))
    await store.commit(Delete(row))

    await store.commit(Insert(row))

    assert await stored(store, row) == row


async def test_a_check_writes_nothing(store: Store) -> None:
    """The row is as it was, and its version with it."""
    checked, written = rows.strategy(), rows.order()
    await store.commit(Insert(checked))

    await store.commit(Check(checked), Insert(written))

    assert await stored(store, checked) == checked
    assert await stored(store, written) == written


async def test_a_check_fails_on_another_version_and_on_no_row(store: Store) -> None:
    """R24: the alert's transaction depends on a strategy that it does not write."""
    changed, missing, written = rows.strategy(), rows.account(), rows.order()
    await store.commit(Insert(changed))
    await store.commit(Update(changed, next_version(changed, halted=True)))

    failed = await refused(store, Insert(written), Check(changed), Check(missing))

    assert failed == (1, 2)
    assert await stored(store, written) is None


async def test_a_failed_condition_leaves_no_part_of_the_commit_behind(store: Store) -> None:
    """All or nothing, of every kind of change."""
    updated, deleted, checked, inserted = rows.order(), rows.cancel_request(), rows.strategy(), rows.event()
    await store.commit(Insert(updated), Insert(deleted), Insert(checked))

    failed = await refused(
        store,
        Update(updated, next_version(updated)),
        Delete(deleted),
        Insert(inserted),
        Check(replace(checked, version=7)),
    )

    assert failed == (3,)
    assert await stored(store, updated) == updated
    assert await stored(store, deleted) == deleted
    assert await stored(store, inserted) is None


async def test_every_part_of_a_commit_takes_effect(store: Store) -> None:
    """R20 and R14 write several rows at once."""
    updated, deleted, checked, inserted = rows.order(), rows.cancel_request(), rows.strategy(), rows.event()
    await store.commit(Insert(updated), Insert(deleted), Insert(checked))

    await store.commit(
        Insert(inserted), Update(updated, after := next_version(updated)), Check(checked), Delete(deleted)
    )

    found = [await stored(store, row) for row in (updated, deleted, checked, inserted)]
    assert found == [after, None, checked, inserted]


@pytest.mark.parametrize("stale", [(0,), (1,), (2,), (3,), (4,), (0, 4), (1, 3), (2, 3, 4), (0, 1, 2, 3, 4, 5)])
async def test_failed_positions_are_those_of_the_changes_as_they_were_passed(
    store: Store, stale: tuple[int, ...]
) -> None:
    """Whatever order of kinds the database wants."""
    orders, taken = [rows.order() for _ in range(4)], [rows.event(), rows.alert_key()]
    await store.commit(*(Insert(row) for row in [*orders, *taken]))
    seen = [replace(order, version=5 if at in stale else 1) for at, order in zip((0, 2, 3, 4), orders, strict=True)]
    changes = (
        Update(seen[0], replace(seen[0], version=6)),
        Insert(taken[0] if 1 in stale else rows.event()),
        Check(seen[1]),
        Delete(seen[2]),
        Update(seen[3], replace(seen[3], version=6)),
        Insert(taken[1] if 5 in stale else rows.alert_key()),
    )

    failed = await refused(store, *changes)

    assert failed == stale


@pytest.mark.parametrize(("now", "is_free"), [(29.999999, False), (30.000001, True)])
@pytest.mark.parametrize("alone", [True, False])
async def test_an_expired_row_counts_as_free_where_the_insert_says_so(
    store: Store, now: float, is_free: bool, alone: bool
) -> None:
    """R21: the dedupe key of an alert is taken for thirty seconds."""
    first = rows.alert_key()
    second = replace(first, event_id="event-2", expires_at=rows.at(90))
    await store.commit(Insert(first))
    changes = [Insert(second, or_expired_at=rows.at(now)), *([] if alone else [Insert(rows.order())])]

    failed = () if is_free else await refused(store, *changes)
    if is_free:
        await store.commit(*changes)

    assert failed == (() if is_free else (0,))
    assert await store.get(AlertKey, first.dedupe_key) == (second if is_free else first)


async def test_an_expired_row_is_taken_where_the_insert_does_not_say_so(store: Store) -> None:
    """The exception is asked for, not given."""
    row = rows.alert_key(expires_at=rows.at(-1000))
    await store.commit(Insert(row))

    assert await refused(store, Insert(row)) == (0,)


async def test_an_insert_that_may_replace_an_expired_row_also_takes_a_free_key(store: Store) -> None:
    """The first alert of all."""
    row = rows.alert_key()

    await store.commit(Insert(row, or_expired_at=rows.at(0)))

    assert await stored(store, row) == row


@pytest.mark.parametrize("beside", [0, 1], ids=["alone", "in a transaction"])
async def test_of_concurrent_updates_of_a_version_exactly_one_succeeds(store: Store, beside: int) -> None:
    """R3: a compare-and-set."""
    row = rows.order()
    await store.commit(Insert(row))

    results = await asyncio.gather(
        *(
            store.commit(
                Update(row, next_version(row, tag=str(number))), *(Insert(rows.event()) for _ in range(beside))
            )
            for number in range(10)
        ),
        return_exceptions=True,
    )

    winners = [number for number, result in enumerate(results) if result is None]
    assert len(winners) == 1
    assert all(isinstance(result, StaleRowError) for result in results if result is not None)
    assert await store.get(Order, row.order_id) == next_version(row, tag=str(winners[0]))


async def test_of_concurrent_inserts_of_a_key_exactly_one_succeeds(store: Store) -> None:
    """R21: a resent alert that overtakes the first one."""
    key = rows.alert_key()

    results = await asyncio.gather(
        *(store.commit(Insert(key), Insert(rows.event())) for _ in range(10)), return_exceptions=True
    )

    assert sum(result is None for result in results) == 1


async def test_an_update_writes_only_what_differs(store: Store) -> None:
    """What the writer did not change stays as it is stored."""
    row = rows.strategy(name="as it is stored")
    await store.commit(Insert(row))
    seen = replace(row, name="as it was seen")

    await store.commit(Update(seen, next_version(seen, halted=True)))

    assert await stored(store, row) == next_version(row, halted=True)


async def test_an_alert_for_as_many_accounts_as_a_strategy_may_have_is_one_commit(store: Store) -> None:
    """90 orders, their log row, the dedupe key and the check of the strategy."""
    strategy, orders = rows.strategy(), [rows.order() for _ in range(90)]
    await store.commit(Insert(strategy))

    await store.commit(
        Insert(rows.alert_key(), or_expired_at=rows.at(0)),
        Insert(rows.event()),
        *(Insert(order) for order in orders),
        Check(strategy),
    )

    found = await store.get_all(Order, [order.order_id for order in orders])
    assert {order.order_id for order in found} == {order.order_id for order in orders}


async def test_a_row_of_one_kind_says_nothing_of_another_kind_with_the_same_key(store: Store) -> None:
    """An order and its cancel request share their id."""
    account = rows.account()
    await store.commit(Insert(account))

    await store.commit(Insert(rows.strategy(strategy_id=account.account_id)), Insert(rows.order()))

    assert await store.get(Account, account.account_id) == account
