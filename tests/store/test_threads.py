"""Threads under the store: one client for all of them, and no write left behind by a cancelled task (R28)."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import botocore.session
import pytest

from chalicelib.domain.errors import DatabaseUnavailableError
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Insert, Update
from chalicelib.store.database import Database
from chalicelib.store.dynamo import DynamoStore
from tests.store import rows
from tests.store.wire import Fault, Wire, error


class Gate:
    """A fault that holds requests back until it is opened, and then does as `then` says."""

    def __init__(self, then: Fault | None = None) -> None:
        self._then = then
        self._arrived = threading.Event()
        self._open = threading.Event()

    def __call__(self, request: Any) -> Any:
        self._arrived.set()
        assert self._open.wait(10)
        return self._then(request) if self._then else None

    async def arrived(self) -> None:
        """Return once a request is held back."""
        assert await asyncio.to_thread(self._arrived.wait, 10)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gated(wire: Wire) -> Iterator[Callable[..., Gate]]:
    """Makes gates, which are open at the end of the test whatever happened in it."""
    gates: list[Gate] = []

    def gate(operation: str, then: Fault | None = None) -> Gate:
        gates.append(Gate(then))
        wire.faults[operation].append(gates[-1])
        return gates[-1]

    yield gate
    for each in gates:
        each.open()


@pytest.mark.parametrize("beside", [0, 1], ids=["single", "transaction"])
async def test_a_cancelled_task_ends_after_its_write_has_ended(
    dynamo_store: DynamoStore, wire: Wire, gated: Callable[..., Gate], beside: int
) -> None:
    """R28: a thread cannot be stopped, so who is cancelled waits for it; then the write is there."""
    row = rows.order()
    changes = [Insert(row), Insert(rows.event())][: 1 + beside]
    gate = gated("TransactWriteItems" if beside else "PutItem")
    task = asyncio.create_task(dynamo_store.commit(*changes))
    await gate.arrived()

    task.cancel()
    await asyncio.sleep(0.05)
    ended_early = task.done()
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not ended_early
    assert await dynamo_store.get(Order, row.order_id) == row


async def test_a_write_past_its_timeout_is_awaited_too(
    dynamo_store: DynamoStore, wire: Wire, gated: Callable[..., Gate]
) -> None:
    """A timeout is a cancellation; the caller learns of it after the write."""
    row = rows.order()
    gate = gated("PutItem")

    async def bounded() -> None:
        async with asyncio.timeout(0.02):
            await dynamo_store.commit(Insert(row))

    task = asyncio.create_task(bounded())
    await gate.arrived()
    await asyncio.sleep(0.06)
    ended_early = task.done()
    gate.open()
    with pytest.raises(TimeoutError):
        await task

    assert not ended_early
    assert await dynamo_store.get(Order, row.order_id) == row


async def test_a_cancelled_task_does_not_try_again(
    dynamo_store: DynamoStore, wire: Wire, gated: Callable[..., Gate]
) -> None:
    """What was refused while the task was being cancelled stays refused."""
    gate = gated("PutItem", error("ThrottlingException"))
    task = asyncio.create_task(dynamo_store.commit(Insert(rows.order())))
    await gate.arrived()

    task.cancel()
    await asyncio.sleep(0)
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert wire.operations == ["PutItem"]


async def test_a_task_cancelled_between_two_tries_ends_at_once(dynamo_store: DynamoStore, wire: Wire) -> None:
    """No write is under way then."""
    sleeping = asyncio.Event()

    class Waiting:
        now = dynamo_store._database.clock.now

        async def sleep(self, seconds: float) -> None:
            sleeping.set()
            await asyncio.Event().wait()

    dynamo_store._database.clock = Waiting()
    wire.faults["PutItem"] = [error("ThrottlingException")]
    task = asyncio.create_task(dynamo_store.commit(Insert(rows.order())))
    await sleeping.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)

    assert wire.operations == ["PutItem"]


async def test_twenty_commits_at_once_go_over_one_client(
    dynamo_store: DynamoStore, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All tables share a connection: whose threads would each build a client would take a second for it."""
    built: list[str] = []
    create_client = botocore.session.Session.create_client

    def counted(session: Any, service: str, *args: Any, **kwargs: Any) -> Any:
        built.append(service)
        return create_client(session, service, *args, **kwargs)

    monkeypatch.setattr(botocore.session.Session, "create_client", counted)

    await asyncio.gather(
        *(dynamo_store.commit(Insert(rows.order()), Insert(rows.event())) for _ in range(10)),
        *(dynamo_store.commit(Insert(make())) for make in (rows.order, rows.strategy, rows.account) for _ in range(3)),
        dynamo_store.commit(Insert(rows.cancel_request())),
    )

    assert built == []
    assert sorted(wire.operations) == ["PutItem"] * 10 + ["TransactWriteItems"] * 10


async def test_as_many_requests_are_under_way_as_an_alert_has_accounts(dynamo_store: DynamoStore, wire: Wire) -> None:
    """No account waits for another one's write."""
    count = 90
    all_there = threading.Barrier(count)

    def meet(request: Any) -> None:
        all_there.wait(10)

    wire.always["PutItem"] = meet

    await asyncio.gather(*(dynamo_store.commit(Insert(rows.order())) for _ in range(count)))

    assert len(await dynamo_store.live_orders("s1")) == count


async def test_a_slow_write_does_not_hold_up_the_event_loop(
    dynamo_store: DynamoStore, gated: Callable[..., Gate]
) -> None:
    """Other requests come and go meanwhile."""
    slow, quick = rows.order(), rows.strategy()
    await dynamo_store.commit(Insert(quick))
    gate = gated("PutItem")
    task = asyncio.create_task(dynamo_store.commit(Insert(slow)))
    await gate.arrived()

    await dynamo_store.commit(Update(quick, replace(quick, version=2, halted=True)))
    still_under_way = not task.done()
    gate.open()
    await task

    assert still_under_way


async def test_an_unreachable_database_is_told_to_every_one_of_many_callers(
    dynamo_store: DynamoStore, database: Database, wire: Wire
) -> None:
    """Each in its own time; none hangs, none is forgotten."""
    wire.always = dict.fromkeys(("PutItem", "GetItem"), error("InternalServerError", 500))

    results = await asyncio.gather(
        *(dynamo_store.commit(Insert(rows.order())) for _ in range(10)),
        *(dynamo_store.get(Order, "x") for _ in range(10)),
        return_exceptions=True,
    )

    assert all(isinstance(result, DatabaseUnavailableError) for result in results)
