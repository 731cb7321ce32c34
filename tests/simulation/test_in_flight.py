"""What has left a process is taken back by nobody: not by its death, its impatience, or a lost answer."""

import asyncio
import random

import httpx
import pytest

from chalicelib.domain.events import EventLog
from chalicelib.domain.orders import Order, Placement
from chalicelib.domain.ports import Insert, Update
from chalicelib.exchanges.dialect import Call
from infra.simulator.control import Control
from tests.simulation.desk import SimulatedDesk
from tests.simulation.direct import DirectSender, world_in
from tests.simulation.memory_database import MemoryDatabase
from tests.simulation.memory_store import MemoryStore, Moment, PassingFaultError
from tests.simulation.scheduler import ProcessClock, SimulatedLoop
from tests.store import rows
from tests.trading.floor import BINANCE_SPOT

LATENCY = 0.5
"""Seconds; the exchange acts when half of them have passed."""

TIME = Call("GET", "/api/v3/time", signed=False)


@pytest.mark.parametrize("late", [0.001, 0.2], ids=["just sent", "about to arrive"])
def test_an_exchange_acts_on_a_create_whose_sender_died_before_it_arrived(late: float) -> None:
    """The order is on the book, and its row says no more than SENDING: what settling has to find."""
    loop = SimulatedLoop(seed=1)
    world = world_in(loop)
    control = Control(world)
    database = MemoryDatabase(ProcessClock(loop))
    process = loop.process("api")
    stored = asyncio.Event()

    async def notice(moment: Moment) -> None:
        if database.all(Order):
            stored.set()

    desk = SimulatedDesk(loop, database, world, random.Random(1), at_database=notice)

    async def trade() -> None:
        await desk.trade_at(BINANCE_SPOT)
        control.set_latency(int(LATENCY * 1000))
        process.start(desk.sell())
        async with asyncio.timeout(10):
            await stored.wait()
        await asyncio.sleep(late)
        process.kill()
        assert control.orders(BINANCE_SPOT.name) == []
        await asyncio.sleep(LATENCY)

    loop.run(trade())

    (row,) = database.all(Order)
    assert row.placement is Placement.SENDING
    assert [order["client_id"] for order in control.orders(BINANCE_SPOT.name)] == [row.client_order_id]
    assert loop.unhandled == []
    loop.close()


def test_an_exchange_acts_on_a_request_that_was_not_waited_for() -> None:
    """R8: the time that a client gives an answer says nothing of what became of the request."""
    loop = SimulatedLoop(seed=1)
    world = world_in(loop)
    control = Control(world)
    control.set_latency(int(LATENCY * 1000))

    async def ask() -> None:
        with pytest.raises(httpx.ReadTimeout):
            await DirectSender(loop, world, "https://api.binance.com").send(TIME, None, 0.1)
        assert control.requests() == []
        await asyncio.sleep(LATENCY)

    loop.run(ask())

    assert [request["path"] for request in control.requests()] == [TIME.path]
    loop.close()


def test_a_group_whose_answer_was_lost_is_recognised_by_each_of_its_members() -> None:
    """R4: written together, then repeated one by one; nobody is told that somebody else was faster."""
    loop = SimulatedLoop(seed=1)
    clock = ProcessClock(loop)
    database = MemoryDatabase(clock)
    orders = [rows.order() for _ in range(3)]
    lost: list[str] = []

    async def lose_the_first_answer(moment: Moment) -> None:
        if moment.operation == "commit" and moment.done and not lost:
            lost.append(moment.operation)
            raise PassingFaultError("no answer")

    async def write() -> list[BaseException | None]:
        await MemoryStore(database, clock).commit(*(Insert(order) for order in orders))
        store = MemoryStore(database, clock, lose_the_first_answer)
        commits = (store.commit(Update(order, order.changed(clock.now(), tag="ours"))) for order in orders)
        return await asyncio.gather(*commits, return_exceptions=True)

    assert loop.run(write()) == [None] * 3
    assert lost == ["commit"]
    assert [order.tag for order in database.all(Order)] == ["ours"] * 3
    loop.close()


async def write_as_two_processes(database: MemoryDatabase, clock: ProcessClock) -> list[BaseException | None]:
    """Both have read the same row; each writes it together with another one."""
    order = rows.order()
    await MemoryStore(database, clock).commit(Insert(order))
    changes = (order.changed(clock.now(), tag=tag) for tag in ("first", "second"))
    commits = (MemoryStore(database, clock).commit(Update(order, new), Insert(rows.event())) for new in changes)
    return await asyncio.gather(*commits, return_exceptions=True)


@pytest.mark.parametrize("seed", range(5))
def test_the_writes_of_two_processes_do_not_pass_for_each_other(seed: int) -> None:
    """R3, R4: neither knows the other's write ids, so that one of them is told."""
    loop = SimulatedLoop(seed)
    clock = ProcessClock(loop)
    database = MemoryDatabase(clock)

    results = loop.run(write_as_two_processes(database, clock))

    assert sorted(type(result).__name__ for result in results) == ["NoneType", "StaleRowError"]
    assert len(database.all(EventLog)) == 1
    loop.close()
