"""Items as DynamoDB keeps them: what newer code added stays, and nothing that lives has a TTL (R7)."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.cancels import CancelStatus
from chalicelib.domain.events import AccountResult
from chalicelib.domain.orders import Order, Placement, Transition
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Insert, Update
from chalicelib.store.dynamo import DynamoStore
from tests.store import rows
from tests.store.conftest import Items
from tests.store.test_commit import SAMPLES

TABLES = {
    "order": "orders",
    "cancel_request": "cancel_queue",
    "event": "strategy_order_logs",
    "alert_key": "alerts",
    "strategy": "strategies",
    "account": "accounts",
    "switch": "system",
    "heartbeat": "system",
    "ban": "system",
}
FROM_NEWER_CODE = {"colour": {"S": "green"}, "shape": {"M": {"corners": {"N": "3"}}}}
RESULT = AccountResult(
    account_id="m1",
    exchange="mock",
    order_id="order-1",
    status="OPEN",
    placement=None,
    exchange_order_id="x-1",
    filled_quantity=Decimal("0.5"),
    average_price=None,
    error=None,
)


def key_of(row: Any) -> dict[str, str]:
    return dict(zip(rows.KEYS[type(row)], rows.key_of(row), strict=True))


def present(item: dict[str, Any] | None) -> dict[str, Any]:
    assert item is not None
    return item


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.__name__)
async def test_attributes_that_newer_code_added_survive_an_update(
    dynamo_store: DynamoStore, items: Items, sample: Any
) -> None:
    """During a deployment, and after it is rolled back, both versions write the same rows."""
    row, table = sample(), TABLES[sample.__name__]
    await dynamo_store.commit(Insert(row))
    items.put(table, present(items.get(table, **key_of(row))) | FROM_NEWER_CODE)

    read = await dynamo_store.get(type(row), *rows.key_of(row))
    await dynamo_store.commit(Update(row, second := replace(row, version=2)))
    await dynamo_store.commit(Update(second, replace(row, version=3)), Insert(rows.order()))

    item = present(items.get(table, **key_of(row)))
    assert read == row
    assert item["version"] == {"N": "3"}
    assert {name: item.get(name) for name in FROM_NEWER_CODE} == FROM_NEWER_CODE


async def test_attributes_that_newer_code_added_do_not_disturb_lists_and_maps(
    dynamo_store: DynamoStore, items: Items
) -> None:
    """Inside of a map they are left out when it is read."""
    event = rows.event(results=(RESULT,))
    await dynamo_store.commit(Insert(event))
    item = present(items.get("strategy_order_logs", **key_of(event)))
    item["execution_results"]["L"][0]["M"] |= FROM_NEWER_CODE
    items.put("strategy_order_logs", item | FROM_NEWER_CODE)

    page = await dynamo_store.list_events("s1", 5, None)

    assert list(page.items) == [event]
    assert await dynamo_store.recent_events("s1", rows.at(-9)) == [event]


LIVE = {
    "pending order": rows.order(),
    "open order": rows.order(OrderStatus.OPEN),
    "pending request": rows.cancel_request(),
    "request in process": rows.cancel_request(CancelStatus.PROCESSING),
    "failed request": rows.cancel_request(CancelStatus.FAILED),
    "unsettled event": rows.event(),
    "strategy": rows.strategy(),
    "account": rows.account(),
    "switch": rows.switch(),
    "heartbeat": rows.heartbeat(),
}


@pytest.mark.parametrize("row", LIVE.values(), ids=LIVE)
@pytest.mark.parametrize("beside", [0, 1], ids=["single", "transaction"])
async def test_a_live_row_has_no_ttl(dynamo_store: DynamoStore, items: Items, row: Any, beside: int) -> None:
    """R7: not even an empty one; what has it is deleted."""
    await dynamo_store.commit(Insert(row), *(Insert(rows.order()) for _ in range(beside)))

    assert "ttl" not in present(items.get(table_of(row), **key_of(row)))


def table_of(row: Any) -> str:
    name = next(sample.__name__ for sample in SAMPLES if type(sample()) is type(row))
    return TABLES[name]


async def test_a_ttl_comes_with_the_end_of_a_row_and_goes_when_it_lives_again(
    dynamo_store: DynamoStore, items: Items
) -> None:
    """R5 and R7, in the very write that moves the row; a number of seconds, as DynamoDB wants it."""
    row = rows.order(OrderStatus.OPEN)
    await dynamo_store.commit(Insert(row))
    ended = row.moved(rows.at(1), "test", OrderStatus.CANCELLED)
    revived = ended.moved(rows.at(2), "test", OrderStatus.OPEN, evidence=True)

    ttls = []
    for old, new in ((row, ended), (ended, revived)):
        await dynamo_store.commit(Update(old, new))
        ttls.append(present(items.get("orders", order_id=row.order_id)).get("ttl"))

    assert ttls == [{"N": str(ended.ttl)}, None]
    assert ended.ttl == int(rows.at(1).timestamp()) + 90 * 86_400


async def test_a_dedupe_row_always_has_a_ttl_after_its_expiry(dynamo_store: DynamoStore, items: Items) -> None:
    """A day later: what has expired is no duplicate, whether it was deleted or not."""
    row = rows.alert_key()

    await dynamo_store.commit(Insert(row))

    item = present(items.get("alerts", dedupe_key=row.dedupe_key))
    assert int(item["ttl"]["N"]) == int(row.expires_at.timestamp()) + 86_400


async def test_an_order_reads_well_in_the_console(dynamo_store: DynamoStore, items: Items) -> None:
    """Amounts without an exponent, times of fixed width, states by their names, nothing for what is None."""
    row = rows.order(
        quantity=Decimal("1E-8"),
        price=Decimal("5E+4"),
        history=(Transition(rows.at(0.5), "PENDING", "READY", "alert"),),
    )

    await dynamo_store.commit(Insert(row))

    item = present(items.get("orders", order_id=row.order_id))
    assert item["quantity"] == {"S": "0.00000001"}
    assert item["price"] == {"S": "50000"}
    assert item["placement"] == {"S": Placement.READY.value}
    assert item["created_at"] == {"S": "2026-11-21T03:20:15.000000Z"}
    assert item["history"]["L"][0]["M"]["at"] == {"S": "2026-11-21T03:20:15.500000Z"}
    assert {"exchange_order_id", "average_price", "ttl", "stop_price"}.isdisjoint(item)


async def test_counts_of_a_log_row_stand_in_its_item(dynamo_store: DynamoStore, items: Items) -> None:
    """Under the names that the console's readers know."""
    row = rows.event(order_ids=("a", "b", "c"), results=(RESULT,), successful_accounts=2, failed_accounts=1)

    await dynamo_store.commit(Insert(row))

    item = present(items.get("strategy_order_logs", **key_of(row)))
    counts = [item[f"{which}_accounts"]["N"] for which in ("total", "successful", "failed")]
    assert counts == ["3", "2", "1"]
    assert item["execution_results"]["L"][0]["M"]["filled_quantity"] == {"S": "0.5"}


async def test_an_order_keeps_none_of_its_index_keys_beyond_its_end(dynamo_store: DynamoStore, items: Items) -> None:
    """A sparse index costs what is live, not what ever was."""
    row = rows.order(OrderStatus.OPEN)
    await dynamo_store.commit(Insert(row))

    await dynamo_store.commit(Update(row, replace(row, version=2, status=OrderStatus.FILLED, check_at=None, ttl=1)))

    item = present(items.get("orders", order_id=row.order_id))
    assert {"live_shard", "live_strategy", "check_at"}.isdisjoint(item)
    assert await dynamo_store.get(Order, row.order_id) is not None
