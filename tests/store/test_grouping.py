"""Group commit: orders' updates that come together share a request and stay independent of each other."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.errors import DatabaseUnavailableError, StaleRowError
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Insert, Update
from chalicelib.store.dynamo import DynamoStore
from tests.store.rows import order
from tests.store.wire import Wire, cancelled, error, refuse_connection, time_out

SIZE = 5


async def stored(store: DynamoStore) -> list[Order]:
    rows = [order() for _ in range(SIZE)]
    await store.commit(*(Insert(row) for row in rows))
    return rows


def next_version(row: Order, **changes: Any) -> Order:
    return replace(row, version=row.version + 1, error="changed", **changes)


async def commit_all(store: DynamoStore, rows: list[Order]) -> list[BaseException | None]:
    commits = (store.commit(Update(row, next_version(row))) for row in rows)
    return await asyncio.gather(*commits, return_exceptions=True)


async def errors_of(store: DynamoStore, rows: list[Order]) -> list[str | None]:
    return [row.error if (row := await store.get(Order, known.order_id)) else None for known in rows]


async def test_updates_that_come_together_are_one_request(dynamo_store: DynamoStore, wire: Wire) -> None:
    """The answers of one alert's exchanges."""
    rows = await stored(dynamo_store)
    wire.requests.clear()

    results = await commit_all(dynamo_store, rows)

    assert results == [None] * SIZE
    assert wire.operations == ["TransactWriteItems"]
    assert await errors_of(dynamo_store, rows) == ["changed"] * SIZE


async def test_an_update_without_company_is_a_plain_one(dynamo_store: DynamoStore, wire: Wire) -> None:
    """No transaction for one row."""
    rows = await stored(dynamo_store)
    wire.requests.clear()

    await dynamo_store.commit(Update(rows[0], next_version(rows[0])))

    assert wire.operations == ["UpdateItem"]


async def test_one_that_is_stale_fails_alone(dynamo_store: DynamoStore) -> None:
    """Invariant 8: the others are written."""
    rows = await stored(dynamo_store)
    await dynamo_store.commit(Update(rows[2], next_version(rows[2], tag="newer")))

    results = await commit_all(dynamo_store, rows)

    assert [type(result) for result in results] == [type(None)] * 2 + [StaleRowError] + [type(None)] * 2
    assert await errors_of(dynamo_store, rows) == ["changed"] * SIZE


async def test_of_two_updates_of_one_row_one_wins(dynamo_store: DynamoStore) -> None:
    """They never share a transaction, which may name a row only once."""
    rows = await stored(dynamo_store)

    results = await commit_all(dynamo_store, [rows[0], rows[1], rows[0]])

    assert sorted(type(result).__name__ for result in results) == ["NoneType", "NoneType", "StaleRowError"]
    assert results[1] is None


@pytest.mark.parametrize(
    "fault",
    [
        cancelled("None", "TransactionConflict", "None", "None", "None"),
        error("ProvisionedThroughputExceededException"),
        error("InternalServerError", 500),
        refuse_connection,
        time_out,
    ],
)
async def test_a_group_that_does_not_go_through_is_written_one_by_one(
    dynamo_store: DynamoStore, wire: Wire, fault: Any
) -> None:
    """At once: nobody waits for another's conflict."""
    rows = await stored(dynamo_store)
    wire.requests.clear()
    wire.faults["TransactWriteItems"] = [fault]

    results = await commit_all(dynamo_store, rows)

    assert results == [None] * SIZE
    assert wire.operations == ["TransactWriteItems"] + ["UpdateItem"] * SIZE


async def test_a_group_that_took_effect_unheard_is_ours(dynamo_store: DynamoStore, wire: Wire) -> None:
    """R4: every member finds its own write id in its row."""
    rows = await stored(dynamo_store)
    wire.faults["TransactWriteItems"] = [wire.lose_answer()]

    results = await commit_all(dynamo_store, rows)

    assert results == [None] * SIZE
    assert [row.version if (row := await dynamo_store.get(Order, known.order_id)) else 0 for known in rows] == [
        known.version + 1 for known in rows
    ]


async def test_a_database_that_is_gone_is_told_to_every_member(dynamo_store: DynamoStore, wire: Wire) -> None:
    """503 for each, after the patience."""
    rows = await stored(dynamo_store)
    wire.always |= {"TransactWriteItems": refuse_connection, "UpdateItem": refuse_connection}

    results = await commit_all(dynamo_store, rows)

    assert [type(result) for result in results] == [DatabaseUnavailableError] * SIZE


async def test_a_cancelled_member_ends_after_the_write_and_harms_no_other(dynamo_store: DynamoStore) -> None:
    """R28."""
    rows = await stored(dynamo_store)
    tasks = [asyncio.create_task(dynamo_store.commit(Update(row, next_version(row)))) for row in rows]
    await asyncio.sleep(0.002)

    tasks[0].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [None] * (SIZE - 1)
    assert await errors_of(dynamo_store, rows) == ["changed"] * SIZE
