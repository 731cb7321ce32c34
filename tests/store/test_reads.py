"""Contract of every Store: reads by key, consistent, however many keys."""

from dataclasses import replace

import pytest

from chalicelib.domain.cancels import CancelRequest
from chalicelib.domain.events import EventLog
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Insert, Store, Update
from chalicelib.domain.strategies import Heartbeat, Switch
from tests.store import rows


async def test_there_is_no_row_under_a_key_that_was_never_written(store: Store) -> None:
    """None, not an error."""
    assert await store.get(Order, "nothing") is None
    assert await store.get(EventLog, "s1", "nothing") is None
    assert await store.get(Switch, "switch") is None
    assert await store.get(Heartbeat, "sweep") is None
    assert await store.get_all(Order, ["nothing"]) == []


async def test_a_read_sees_the_last_commit(store: Store) -> None:
    """Reads by key are consistent."""
    row = rows.order()
    await store.commit(Insert(row))

    for version in range(2, 12):
        new = replace(row, version=version, tag=str(version))
        await store.commit(Update(row, new))
        row = new

        assert await store.get(Order, row.order_id) == row
        assert await store.get_all(Order, [row.order_id]) == [row]


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
async def test_any_number_of_rows_is_read_at_once(store: Store, count: int) -> None:
    """Each row once, whatever a request may hold."""
    orders = [rows.order() for _ in range(count)]
    for start in range(0, count, 100):
        await store.commit(*(Insert(order) for order in orders[start : start + 100]))

    found = await store.get_all(Order, [order.order_id for order in orders])

    assert sorted(found, key=rows.key_of) == orders


async def test_keys_asked_twice_and_keys_of_no_row_are_no_trouble(store: Store) -> None:
    """What exists, once."""
    row = rows.cancel_request()
    await store.commit(Insert(row))

    found = await store.get_all(CancelRequest, [row.cancel_id, "nothing", row.cancel_id])

    assert found == [row]


async def test_all_strategies_and_all_accounts_are_listed(store: Store) -> None:
    """There are few; the order is that of their names."""
    strategies = [rows.strategy(strategy_id=name) for name in ("b", "a", "c")]
    accounts = [rows.account(account_id=name) for name in ("y", "x")]
    await store.commit(*(Insert(row) for row in [*strategies, *accounts]))

    assert [row.strategy_id for row in await store.strategies()] == ["a", "b", "c"]
    assert [row.account_id for row in await store.accounts()] == ["x", "y"]
    assert strategies[0] in await store.strategies()
    assert accounts[0] in await store.accounts()


async def test_nothing_is_listed_where_nothing_is(store: Store) -> None:
    """An empty store."""
    assert await store.strategies() == []
    assert await store.accounts() == []
    assert list((await store.list_orders(None, None, None, 10, None)).items) == []
    assert await store.next_cancel_at() is None


async def test_a_database_that_answers_is_up(store: Store) -> None:
    """Nothing is returned; it does not raise."""
    await store.ping()
