"""Contract of every Store: what is written is read back, to the last digit and microsecond."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.events import EventLog
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Insert, Row, Store, Update
from chalicelib.domain.strategies import Account, Heartbeat, Switch
from tests.store import rows
from tests.store.values import rows as any_row

some_examples = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def test_every_kind_of_row_is_tested() -> None:
    """A new kind has to be named among the keys."""
    assert set(rows.KEYS) == set(get_args(Row))


kinds = pytest.mark.parametrize("kind", rows.KEYS, ids=lambda kind: kind.__name__)


@kinds
@some_examples
@given(data=st.data())
async def test_a_row_is_read_back_as_it_was_inserted(store: Store, kind: type[Any], data: st.DataObject) -> None:
    """Every field of every kind, None or not."""
    row = data.draw(any_row(kind))

    await store.commit(Insert(row))

    assert await store.get(kind, *rows.key_of(row)) == row


@kinds
@some_examples
@given(data=st.data())
async def test_a_row_is_read_back_as_it_was_updated(store: Store, kind: type[Any], data: st.DataObject) -> None:
    """Every field changes, appears or goes."""
    old = data.draw(any_row(kind))
    key = dict(zip(rows.KEYS[kind], rows.key_of(old), strict=True))
    new = data.draw(any_row(kind, **key, version=old.version + 1))
    await store.commit(Insert(old))

    await store.commit(Update(old, new))

    assert await store.get(kind, *rows.key_of(old)) == new


@some_examples
@given(data=st.data())
async def test_rows_of_a_transaction_and_of_a_batch_are_the_same_rows(store: Store, data: st.DataObject) -> None:
    """Other requests than those of one row, the same values."""
    some = [data.draw(any_row(Order)), data.draw(any_row(Order))]

    await store.commit(*(Insert(row) for row in some))

    found = await store.get_all(Order, [row.order_id for row in some])
    assert sorted(found, key=rows.key_of) == sorted(some, key=rows.key_of)


@some_examples
@given(data=st.data())
async def test_rows_of_a_list_are_the_same_rows(store: Store, data: st.DataObject) -> None:
    """A list reads whole rows."""
    strategy = rows.new_id("strategy")
    event = data.draw(any_row(EventLog, strategy_id=strategy))
    order = data.draw(any_row(Order, strategy_id=strategy))

    await store.commit(Insert(event), Insert(order))

    assert list((await store.list_events(strategy, 10, None)).items) == [event]
    assert list((await store.list_orders(strategy, None, None, 10, None)).items) == [order]


@pytest.mark.parametrize(
    "amount",
    ["0", "1E-18", "0.1", "123456789.123456789012345678", "1E+15", "-0.00000001", "9" * 28],
)
async def test_an_amount_is_exact(store: Store, amount: str) -> None:
    """Money is never a float on the way."""
    row = rows.order(filled_quantity=Decimal(amount))

    await store.commit(Insert(row))

    found = await store.get(Order, row.order_id)
    assert found is not None
    assert found.filled_quantity == Decimal(amount)


@pytest.mark.parametrize("microsecond", [0, 1, 999_999])
async def test_a_time_is_exact_to_the_microsecond_and_aware(store: Store, microsecond: int) -> None:
    """Also where there is none to show."""
    moment = datetime(2026, 12, 31, 23, 59, 59, microsecond, tzinfo=UTC)
    row = rows.order(deadline=moment, absent_seen=(moment,))

    await store.commit(Insert(row))

    found = await store.get(Order, row.order_id)
    assert found is not None
    assert (found.deadline, found.absent_seen) == (moment, (moment,))
    assert found.deadline is not None
    assert found.deadline.tzinfo is UTC


async def test_options_of_an_account_keep_their_kinds(store: Store) -> None:
    """A number stays a number, true stays true, and a map may be deep."""
    options = {"seed": 7, "success_rate": 0.95, "isolated": True, "fault": None, "deep": {"list": [1, "2", [False]]}}
    row = rows.account(options=options)

    await store.commit(Insert(row))

    found = await store.get(Account, row.account_id)
    assert found is not None
    assert found.options == options
    assert found.options["isolated"] is True


async def test_the_switch_and_the_heartbeat_are_rows_of_their_own(store: Store) -> None:
    """They share a table, not a row."""
    switch, heartbeat = rows.switch(trading_enabled=False), rows.heartbeat()
    await store.commit(Insert(switch), Insert(heartbeat))

    await store.commit(Update(switch, replace(switch, trading_enabled=True, version=2)))

    assert await store.get(Switch, "switch") == replace(switch, trading_enabled=True, version=2)
    assert await store.get(Heartbeat, "sweep") == heartbeat
