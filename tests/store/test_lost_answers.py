"""A write whose answer was lost is recognised as our own, and only as our own (R4)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.errors import DatabaseUnavailableError, StaleRowError
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Change, Check, Delete, Insert, Row, Update
from chalicelib.store.dynamo import DynamoStore
from tests.store import rows
from tests.store.conftest import Items
from tests.store.wire import Fault, Wire, error, time_out

SINGLE = {Insert: "PutItem", Update: "UpdateItem", Delete: "DeleteItem"}
forgetful = pytest.mark.parametrize("forgets_tokens", [False, True], ids=["tokens", "no tokens"])


def version_two(row: Any, **changes: Any) -> Any:
    """The row after a change."""
    return replace(row, version=2, **changes)


def insert(row: Row) -> Change:
    return Insert(row)


def update(row: Any) -> Change:
    return Update(row, version_two(row, tag="ours"))


def delete(row: Row) -> Change:
    return Delete(row)


each_change = pytest.mark.parametrize("make", [insert, update, delete])


async def prepared(store: DynamoStore, make: Callable[[Any], Change]) -> tuple[Order, Change]:
    """An order, stored where the change needs one, and the change."""
    row = rows.order()
    if make is not insert:
        await store.commit(Insert(row))
    return row, make(row)


def outcome(change: Change) -> Row | None:
    """The row as the change leaves it."""
    return None if isinstance(change, Delete) else change.new if isinstance(change, Update) else change.row


@each_change
async def test_a_single_write_that_took_effect_unheard_is_ours(
    dynamo_store: DynamoStore, wire: Wire, make: Callable[[Any], Change]
) -> None:
    """Its repeat fails on its own effect; the row tells whose it is."""
    row, change = await prepared(dynamo_store, make)
    operation = SINGLE[type(change)]
    wire.faults[operation] = [wire.lose_answer()]
    wire.requests.clear()

    await dynamo_store.commit(change)

    assert wire.operations == [operation, operation, "GetItem"]
    assert await dynamo_store.get(Order, row.order_id) == outcome(change)


@each_change
async def test_a_single_write_that_never_arrived_is_made_by_its_repeat(
    dynamo_store: DynamoStore, wire: Wire, make: Callable[[Any], Change]
) -> None:
    """The same silence, nothing done."""
    row, change = await prepared(dynamo_store, make)
    operation = SINGLE[type(change)]
    wire.faults[operation] = [time_out]
    wire.requests.clear()

    await dynamo_store.commit(change)

    assert wire.operations == [operation, operation]
    assert await dynamo_store.get(Order, row.order_id) == outcome(change)


@forgetful
async def test_a_transaction_that_took_effect_unheard_is_ours(
    dynamo_store: DynamoStore, wire: Wire, forgets_tokens: bool
) -> None:
    """With its token the repeat succeeds; where tokens are ignored, the rows tell."""
    inserted, updated, deleted, checked = rows.event(), rows.order(), rows.cancel_request(), rows.strategy()
    await dynamo_store.commit(Insert(updated), Insert(deleted), Insert(checked))
    wire.forgets_tokens = forgets_tokens
    wire.faults["TransactWriteItems"] = [wire.lose_answer()]
    wire.requests.clear()

    await dynamo_store.commit(Update(updated, version_two(updated)), Insert(inserted), Check(checked), Delete(deleted))

    assert wire.operations[:2] == ["TransactWriteItems"] * 2
    assert len(set(wire.tokens())) == 1
    assert await dynamo_store.get(Order, updated.order_id) == version_two(updated)


@forgetful
async def test_a_transaction_that_never_arrived_is_made_by_its_repeat(
    dynamo_store: DynamoStore, wire: Wire, forgets_tokens: bool
) -> None:
    """The same silence, nothing done."""
    order, event = rows.order(), rows.event()
    wire.forgets_tokens = forgets_tokens
    wire.faults["TransactWriteItems"] = [time_out]

    await dynamo_store.commit(Insert(order), Insert(event))

    assert wire.operations == ["TransactWriteItems"] * 2
    assert await dynamo_store.get(Order, order.order_id) == order


@pytest.mark.parametrize("faults", [2, 4])
@forgetful
async def test_a_write_is_ours_however_often_its_answer_is_lost(
    dynamo_store: DynamoStore, wire: Wire, forgets_tokens: bool, faults: int
) -> None:
    """Lost, then throttled, then lost: the first try decides."""
    key = rows.alert_key()
    wire.forgets_tokens = forgets_tokens
    wire.faults["TransactWriteItems"] = [wire.lose_answer(), *[error("ThrottlingException")] * (faults - 1)]

    await dynamo_store.commit(Insert(key, or_expired_at=rows.at(0)), Insert(rows.event()))

    assert len(set(wire.tokens())) == 1


@pytest.mark.parametrize("fault", [time_out, error("ThrottlingException")], ids=["timeout", "throttled"])
@pytest.mark.parametrize("make", [insert, update])
async def test_a_single_write_of_somebody_else_is_not_taken_for_ours(
    dynamo_store: DynamoStore, wire: Wire, make: Callable[[Any], Change], fault: Fault
) -> None:
    """Our first try did not arrive, then another writer was quicker."""
    row, change = await prepared(dynamo_store, make)
    theirs = replace(row, version=2, tag="theirs")

    async def they_write() -> None:
        await dynamo_store.commit(Update(row, theirs) if make is update else Insert(theirs))

    await overtaken(dynamo_store, wire, change, fault, they_write)

    assert await dynamo_store.get(Order, row.order_id) == theirs


async def test_an_update_of_a_row_that_somebody_removed_is_not_taken_for_ours(
    dynamo_store: DynamoStore, wire: Wire
) -> None:
    """A row that is gone shows nothing of ours."""
    row, change = await prepared(dynamo_store, update)

    await overtaken(dynamo_store, wire, change, time_out, lambda: dynamo_store.commit(Delete(row)))

    assert await dynamo_store.get(Order, row.order_id) is None


async def test_a_delete_of_a_row_that_somebody_changed_is_not_taken_for_done(
    dynamo_store: DynamoStore, wire: Wire
) -> None:
    """The row is there: it was not deleted."""
    row, change = await prepared(dynamo_store, delete)
    theirs = version_two(row, tag="theirs")

    await overtaken(dynamo_store, wire, change, time_out, lambda: dynamo_store.commit(Update(row, theirs)))

    assert await dynamo_store.get(Order, row.order_id) == theirs


@pytest.mark.parametrize("fault", [time_out, error("ThrottlingException")], ids=["timeout", "throttled"])
async def test_a_transaction_is_not_ours_where_somebody_elses_write_failed_its_condition(
    dynamo_store: DynamoStore, wire: Wire, fault: Fault
) -> None:
    """Nothing of ours is in the rows, and none of it counts as written."""
    row, deleted, event = rows.order(), rows.cancel_request(), rows.event()
    await dynamo_store.commit(Insert(row), Insert(deleted))
    theirs = version_two(row, tag="theirs")

    async def they_write() -> None:
        await dynamo_store.commit(Update(row, theirs), Insert(rows.event()))

    failed = await overtaken(
        dynamo_store, wire, (Insert(event), Delete(deleted), Update(row, version_two(row))), fault, they_write
    )

    assert failed == (2,)
    assert await dynamo_store.get(Order, row.order_id) == theirs


async def overtaken(
    store: DynamoStore, wire: Wire, changes: Change | tuple[Change, ...], fault: Fault, they_write: Any
) -> tuple[int, ...]:
    """Commits; between the first try, which meets the fault, and the second one, others write."""
    ours = changes if isinstance(changes, tuple) else (changes,)
    operation = "TransactWriteItems" if len(ours) > 1 else SINGLE[type(ours[0])]
    clock, sleep = store._database.clock, store._database.clock.sleep

    async def write_once(seconds: float) -> None:
        clock.sleep = sleep  # type: ignore[method-assign]
        await they_write()

    clock.sleep = write_once  # type: ignore[method-assign]
    wire.faults[operation] = [fault]
    with pytest.raises(StaleRowError) as caught:
        await store.commit(*ours)
    return caught.value.failed


async def test_a_row_that_an_older_version_of_the_code_wrote_is_not_taken_for_ours(
    dynamo_store: DynamoStore, wire: Wire, items: Items
) -> None:
    """No write id is not our write id."""
    row = rows.order()
    await dynamo_store.commit(Insert(row))
    item = items.get("orders", order_id=row.order_id)
    assert item is not None
    del item["write_id"]
    item["version"] = {"N": "2"}
    items.put("orders", item)
    wire.faults["UpdateItem"] = [time_out]

    with pytest.raises(StaleRowError):
        await dynamo_store.commit(Update(row, version_two(row)))


@forgetful
async def test_a_database_that_is_gone_after_the_first_try_is_out_of_reach(
    dynamo_store: DynamoStore, wire: Wire, forgets_tokens: bool
) -> None:
    """Whether it was written is not known, so neither success nor staleness is claimed."""
    order, event = rows.order(), rows.event()
    wire.forgets_tokens = forgets_tokens
    wire.faults["TransactWriteItems"] = [wire.lose_answer()]
    wire.always = dict.fromkeys(("GetItem", *([] if forgets_tokens else ["TransactWriteItems"])), time_out)

    with pytest.raises(DatabaseUnavailableError):
        await dynamo_store.commit(Insert(order), Insert(event))


async def test_a_read_whose_answer_was_lost_is_read_again(dynamo_store: DynamoStore, wire: Wire) -> None:
    """Reading twice harms nobody."""
    row = rows.order()
    await dynamo_store.commit(Insert(row))
    wire.faults["GetItem"] = [wire.lose_answer(), wire.lose_answer()]

    assert await dynamo_store.get(Order, row.order_id) == row
