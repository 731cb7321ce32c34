"""One request for each call of the store, and none sent twice where nothing failed."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import day_of, utc_text
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Check, Delete, Insert, Update
from chalicelib.domain.strategies import Switch
from chalicelib.store.dynamo import DynamoStore
from tests.store import rows
from tests.store.wire import Wire, answer

Call = Callable[[DynamoStore], Awaitable[object]]

ONE_REQUEST: dict[str, tuple[Call, str]] = {
    "get": (lambda store: store.get(Order, "x"), "GetItem"),
    "get_all": (lambda store: store.get_all(Order, [str(n) for n in range(100)]), "BatchGetItem"),
    "insert": (lambda store: store.commit(Insert(rows.order())), "PutItem"),
    "due_orders": (lambda store: store.due_orders(rows.at(9), 5), "Query"),
    "live_orders": (lambda store: store.live_orders("s1"), "Query"),
    "live_orders_of_account": (lambda store: store.live_orders_of_account("m1"), "Query"),
    "due_cancels": (lambda store: store.due_cancels(rows.at(9), 5), "Query"),
    "next_cancel_at": (lambda store: store.next_cancel_at(), "Query"),
    "unsettled_events": (lambda store: store.unsettled_events(rows.at(9), 5), "Query"),
    "recent_events": (lambda store: store.recent_events("s1", rows.at(-600)), "Query"),
    "list_orders": (lambda store: store.list_orders("s1", None, None, 5, None), "Query"),
    "filtered": (lambda store: store.list_orders("s1", OrderStatus.OPEN, "BTC/USDT", 5, None), "Query"),
    "list_cancels": (lambda store: store.list_cancels(CancelStatus.PENDING, 5, 5, None), "Query"),
    "list_events": (lambda store: store.list_events("s1", 5, None), "Query"),
    "strategies": (lambda store: store.strategies(), "Scan"),
    "accounts": (lambda store: store.accounts(), "Scan"),
    "count_cancels": (lambda store: store.count_cancels(CancelStatus.PENDING, 5), "Query"),
    "oldest_cancel": (lambda store: store.oldest_cancel(CancelStatus.PENDING), "Query"),
    "oldest_request": (lambda store: store.oldest_request(CancelStatus.PENDING), "Query"),
    "count_attention": (lambda store: store.count_attention(5), "Query"),
    "attention_orders": (lambda store: store.attention_orders(5), "Query"),
    "ping": (lambda store: store.ping(), "Query"),
}


async def fill(store: DynamoStore, count: int) -> None:
    """Rows of every kind."""
    for _ in range(count):
        await store.commit(
            Insert(rows.order()), Insert(rows.cancel_request()), Insert(rows.event()), Insert(rows.strategy())
        )


@pytest.mark.parametrize("count", [0, 7])
@pytest.mark.parametrize(("call", "operation"), ONE_REQUEST.values(), ids=ONE_REQUEST)
async def test_a_call_is_one_request(
    dynamo_store: DynamoStore, wire: Wire, call: Call, operation: str, count: int
) -> None:
    """Whether there is something to be found or not."""
    await fill(dynamo_store, count)
    wire.requests.clear()

    await call(dynamo_store)

    assert wire.operations == [operation]


async def test_each_single_change_is_one_request(dynamo_store: DynamoStore, wire: Wire) -> None:
    """Cheaper than a transaction of one."""
    row = rows.order()

    await dynamo_store.commit(Insert(row))
    await dynamo_store.commit(Update(row, newer := replace(row, version=2)))
    await dynamo_store.commit(Delete(newer))

    assert wire.operations == ["PutItem", "UpdateItem", "DeleteItem"]


async def test_the_transaction_of_an_alert_for_twenty_accounts_is_one_request(
    dynamo_store: DynamoStore, wire: Wire
) -> None:
    """Dedupe key, log row, twenty orders and the check of the strategy: 23 items."""
    strategy = rows.strategy()
    await dynamo_store.commit(Insert(strategy))
    wire.requests.clear()

    await dynamo_store.commit(
        Insert(rows.alert_key(), or_expired_at=rows.at(0)),
        Insert(rows.event()),
        *(Insert(rows.order()) for _ in range(20)),
        Check(strategy),
    )

    assert wire.operations == ["TransactWriteItems"]
    assert len(wire.requests[0].body["TransactItems"]) == 23


async def test_a_long_list_of_keys_is_read_by_the_hundred(dynamo_store: DynamoStore, wire: Wire) -> None:
    """And no key is asked twice."""
    keys = [str(number) for number in range(250)]

    await dynamo_store.get_all(Order, [*keys, *keys])

    asked = [table["Keys"] for request in wire.requests for table in request.body["RequestItems"].values()]
    assert wire.operations == ["BatchGetItem"] * 3
    assert sorted(key["order_id"]["S"] for keys in asked for key in keys) == sorted(keys)


async def test_keys_that_an_answer_left_out_are_asked_again(dynamo_store: DynamoStore, wire: Wire) -> None:
    """DynamoDB may answer a part of a batch; the caller gets all of it."""
    first, second = rows.order(), rows.order()
    await dynamo_store.commit(Insert(first), Insert(second))

    def half(request: Any) -> Any:
        ((table, asked),) = json.loads(request.body)["RequestItems"].items()
        left = {table: {**asked, "Keys": asked["Keys"][:1]}}
        rest = json.dumps({"RequestItems": {table: {**asked, "Keys": asked["Keys"][1:]}}})
        items = wire.send_instead(request, rest)["Responses"]
        return answer(200, json.dumps({"Responses": items, "UnprocessedKeys": left}))(request)

    wire.faults["BatchGetItem"] = [half]

    found = await dynamo_store.get_all(Order, [first.order_id, second.order_id])

    assert sorted(found, key=rows.key_of) == [first, second]
    assert len(wire.requests) == 3


async def test_no_keys_are_no_request(dynamo_store: DynamoStore, wire: Wire) -> None:
    """There is nothing to ask."""
    await dynamo_store.get_all(CancelRequest, [])

    assert wire.operations == []


async def test_the_first_page_of_a_busy_day_is_one_request(dynamo_store: DynamoStore, wire: Wire) -> None:
    """Tomorrow is asked for machines whose clock is ahead, today has the rest; the days before are left alone."""
    await fill(dynamo_store, 7)
    await dynamo_store.commit(Insert(rows.order(created_at=rows.at(86_400))))
    wire.requests.clear()

    page = await dynamo_store.list_orders(None, None, None, 1, None)

    days = [values(request)[0] for request in wire.requests]
    assert page.cursor is not None
    assert days[0] == day_of(rows.at(86_400))


async def test_a_list_without_a_filter_asks_each_day_once(dynamo_store: DynamoStore, wire: Wire) -> None:
    """A quarter of a year of an empty system."""
    await dynamo_store.list_cancels(None, 10, 0, None)

    days = [values(request)[0] for request in wire.requests]
    assert set(wire.operations) == {"Query"}
    assert len(days) == len(set(days)) <= 93


async def test_the_newest_orders_are_read_day_after_day_until_there_are_enough(
    dynamo_store: DynamoStore, wire: Wire
) -> None:
    """R30: a look at the days of a week, tomorrow included, and no row more than asked for."""
    await fill(dynamo_store, 3)
    await dynamo_store.commit(Insert(rows.order(created_at=rows.at(-86_400))))
    wire.requests.clear()

    enough = await dynamo_store.newest_orders(7, 3)
    asked_for_enough = [values(request)[0] for request in wire.requests]
    wire.requests.clear()
    await dynamo_store.newest_orders(7, 100)

    assert len(enough) == 3
    assert asked_for_enough == [day_of(rows.at(86_400)), day_of(rows.at(0))]
    assert [request.body["Limit"] for request in wire.requests] == [100, 100, 97, 96, 96, 96, 96, 96]


async def test_a_filter_that_fits_nothing_does_not_read_everything(dynamo_store: DynamoStore, wire: Wire) -> None:
    """After ten requests the caller gets what there is, and a cursor for the rest."""
    order = rows.order()
    for status in (OrderStatus.OPEN, OrderStatus.FILLED):
        await dynamo_store.commit(Insert(replace(rows.order(), symbol="ETH/USDT", status=status)))
    await dynamo_store.commit(Insert(replace(order, created_at=rows.at(-60))))
    key = {"order_id": {"S": order.order_id}, "strategy_id": {"S": "s1"}, "created_at": {"S": utc_text(rows.at(-30))}}
    wire.requests.clear()
    wire.faults["Query"] = [answer(200, json.dumps({"Items": [], "Count": 0, "LastEvaluatedKey": key}))] * 10

    first = await dynamo_store.list_orders("s1", None, "BTC/USDT", 5, None)
    asked = len(wire.requests)
    rest = await dynamo_store.list_orders("s1", None, "BTC/USDT", 5, first.cursor)

    assert (asked, first.items) == (10, [])
    assert first.cursor is not None
    assert [row.order_id for row in rest.items] == [order.order_id]
    assert rest.cursor is None


async def test_reads_by_key_are_consistent_and_lists_of_small_tables_too(dynamo_store: DynamoStore, wire: Wire) -> None:
    """R23: what is refused, or decided, rests on the row as it is."""
    await dynamo_store.get(Switch, "switch")
    await dynamo_store.recent_events("s1", rows.at(0))
    await dynamo_store.strategies()
    await dynamo_store.accounts()
    await dynamo_store.get_all(Order, ["x"])

    *plain, batch = [request.body for request in wire.requests]
    (table,) = batch["RequestItems"].values()
    assert [body.get("ConsistentRead") for body in [*plain, table]] == [True] * 5


def values(request: Any) -> list[str]:
    """The texts that a query looks for."""
    return [next(iter(value.values())) for value in request.body["ExpressionAttributeValues"].values()]
