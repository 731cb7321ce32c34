"""How many DynamoDB requests things take, counted from the SDK's own events."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import Budget
from chalicelib.domain.orders import Order, OrderType
from chalicelib.domain.outcomes import OrderStatus, Side
from chalicelib.domain.ports import Insert
from chalicelib.store.rows import to_model
from chalicelib.store.tables import CancelRow, OrderRow
from chalicelib.usecases.sweep import Sweep
from infra.local.database import serve
from infra.local.tables import create_tables
from tests.benchmarks.desk import PREFIX, BenchDesk
from tests.benchmarks.table import Row

_START = datetime(2026, 11, 1, tzinfo=UTC)
_FEW, _MANY = 100, 20_000
_LONGER_THAN_A_WRITE = 0.2
"""Seconds that the exchange takes: no account's result is written before the last account's request has left."""


async def requests_before_the_exchange() -> list[Row]:
    """A warm MARKET alert on 3 accounts: one transaction, then the exchange."""
    with _tables():
        desk = BenchDesk()
        setup = desk.remember("warm", 3)
        await desk.services.store.commit(Insert(setup.strategy))
        await desk.alert("warm")
        desk.count_at_place.clear()
        before = desk.count

        answer = await desk.alert("warm", [_LONGER_THAN_A_WRITE])

        total = desk.count - before
    if answer.duplicate or answer.event.successful_accounts != 3:
        raise RuntimeError(f"the alert under test went wrong: {answer}")
    at_place = max(desk.count_at_place) - before
    return [
        Row("DynamoDB requests before the exchange, warm MARKET alert", str(at_place), "1", at_place == 1),
        Row("DynamoDB requests of that alert on 3 accounts, in all", str(total)),
    ]


async def requests_of_an_idle_sweep() -> list[Row]:
    """Nothing due, over a few and over many terminal rows."""
    counts = []
    with _tables() as client:
        desk = BenchDesk()
        for start, end in ((0, _FEW), (_FEW, _MANY)):
            _fill(client, start, end)
            before = desk.count
            if await Sweep(desk.services, Budget(desk.services.clock, 10)).run():
                raise RuntimeError("the sweep under test found work")
            counts.append(desk.count - before)
    few, many = counts
    measured = f"{few} and {many}"
    return [Row(f"requests of an idle sweep, {_FEW:,} and {_MANY:,} terminal rows", measured, "equal", few == many)]


@contextmanager
def _tables() -> Iterator[Any]:
    """Empty tables on an embedded database of its own, and a plain client for them."""
    with serve() as database:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = database.url
        client = boto3.client("dynamodb")
        create_tables(client, PREFIX)
        yield client
        database.reset()


def _fill(client: Any, start: int, end: int) -> None:
    with OrderRow.batch_write() as orders, CancelRow.batch_write() as cancels:
        for number in range(start, end):
            order = _order(number)
            orders.save(to_model(order, f"{number:032x}"))
            cancels.save(to_model(_request(order), f"{number:032x}"))
    for table in ("orders", "cancel_queue"):
        held = client.describe_table(TableName=f"{PREFIX}-{table}")["Table"]["ItemCount"]
        if held != end:
            raise RuntimeError(f"{table} holds {held} rows, not {end}")


def _order(number: int) -> Order:
    at = _START + timedelta(seconds=number)
    new = Order(
        order_id=f"bench-{number:026d}",
        strategy_id="s1",
        event_id="e1",
        account_id="a1",
        exchange="slow",
        market="spot",
        testnet=False,
        host="nowhere",
        symbol="BTC/USDT",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        created_at=at,
        updated_at=at,
    )
    return new.moved(at, "bench", OrderStatus.CANCELLED)


def _request(order: Order) -> CancelRequest:
    request = CancelRequest(
        cancel_id=order.order_id,
        strategy_id=order.strategy_id,
        account_id=order.account_id,
        exchange=order.exchange,
        symbol=order.symbol,
        status=CancelStatus.PROCESSING,
        waiting_for_order=False,
        next_retry_at=order.created_at,
        requested_by="api",
        created_at=order.created_at,
        updated_at=order.created_at,
    )
    return request.succeeded(order.created_at, "cancelled")
