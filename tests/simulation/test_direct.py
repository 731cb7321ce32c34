"""The real adapters trade at the exchanges in memory: on virtual time, over answers that break as real ones do."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.exchanges.dialect import Call, Purpose
from infra.simulator.control import Control
from infra.simulator.world import World
from tests.exchanges.markets.terms import BINANCE_SPOT
from tests.simulation.desk import SimulatedDesk
from tests.simulation.direct import DirectSender, Passage, world_in
from tests.simulation.memory_database import MemoryDatabase
from tests.simulation.processes import ProcessDiedError
from tests.simulation.scheduler import ProcessClock, SimulatedLoop
from tests.trading.floor import MARKETS

PING = Call("GET", "/api/v3/time", signed=False)


class Stage:
    """A loop with a database and exchanges."""

    def __init__(self, seed: int = 1, on_step: Any = None) -> None:
        self.loop = SimulatedLoop(seed, on_step)
        self.world: World = world_in(self.loop)
        self.control = Control(self.world)
        self.database = MemoryDatabase(ProcessClock(self.loop))
        self.dice = random.Random(seed)

    def desk(self, **steps: Any) -> SimulatedDesk:
        """One process's."""
        return SimulatedDesk(self.loop, self.database, self.world, self.dice, **steps)


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Taken down after the test."""
    stage = Stage()
    yield stage
    stage.loop.close()


def ping(stage: Stage, seconds: float = 10.0) -> Any:
    """The exchange's answer to the simplest of questions."""
    return stage.loop.run(DirectSender(stage.loop, stage.world, "https://api.binance.com").send(PING, None, seconds))


def test_an_answer_tells_the_virtual_time(stage: Stage) -> None:
    """Latency passes on the virtual clock, too."""
    stage.control.set_latency(500)

    answer = ping(stage)

    assert answer.status == 200
    assert answer.body["serverTime"] == int(stage.loop.now().timestamp() * 1000) - 250
    assert stage.loop.time() == 0.5


@pytest.mark.parametrize(
    ("kind", "error", "seconds"),
    [
        ("timeout", httpx.ReadTimeout, 10),
        ("reset", httpx.ReadError, 0),
        ("close", httpx.RemoteProtocolError, 0),
        ("truncated", httpx.RemoteProtocolError, 0),
    ],
)
def test_a_broken_answer_is_what_a_client_sees_of_it(
    stage: Stage, kind: str, error: type[httpx.TransportError], seconds: float
) -> None:
    """The exceptions that the adapters know."""
    stage.control.fault(kind, exchange="binance")

    with pytest.raises(error):
        ping(stage)
    assert stage.loop.time() == seconds


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_a_slow_answer_comes_late(stage: Stage, kind: str) -> None:
    """By as much as was asked for, and whole."""
    stage.control.fault(kind, exchange="binance", delay_ms=3000)

    assert ping(stage).status == 200
    assert stage.loop.time() == 3


def test_an_answer_that_takes_too_long_is_not_waited_for(stage: Stage) -> None:
    """The limit is that of the call."""
    stage.control.fault("slow", exchange="binance", delay_ms=3000)

    with pytest.raises(httpx.ReadTimeout):
        ping(stage, seconds=2.0)
    assert stage.loop.time() == 2


def test_an_alert_trades_on_all_markets(stage: Stage) -> None:
    """The whole core, five dialects, five books."""
    desk = stage.desk()

    async def trade() -> list[Order]:
        await desk.trade_at(*MARKETS)
        answer = await desk.sell()
        return await desk.orders(answer)

    orders = stage.loop.run(trade())

    assert [order.status for order in orders] == [OrderStatus.FILLED] * 5
    assert [len(stage.control.orders(terms.name)) for terms in MARKETS] == [1] * 5
    assert stage.loop.unhandled == []


def test_orders_rest_and_are_cancelled_on_all_markets(stage: Stage) -> None:
    """Deferred orders, handed over and taken back."""
    desk = stage.desk()

    async def trade() -> list[Order]:
        await desk.trade_at(*MARKETS)
        answer, orders = await desk.send(OrderType.LIMIT)
        assert {order.status for order in orders} == {OrderStatus.OPEN}
        await asyncio.gather(*(desk.cancel(order.order_id) for order in orders))
        return await desk.orders(answer)

    orders = stage.loop.run(trade())

    assert [order.status for order in orders] == [OrderStatus.CANCELLED] * 5
    assert [stage.control.orders(terms.name, live=True) for terms in MARKETS] == [[]] * 5


def test_an_exchange_acts_on_the_request_of_a_process_that_is_dead(stage: Stage) -> None:
    """The case that everything here is made for: the row says SENDING, the exchange has the order."""
    process = stage.loop.process("api")

    async def die_after_the_create(passage: Passage) -> None:
        if passage.call.purpose is Purpose.CREATE and passage.answered:
            await process.die()

    desk = stage.desk(at_exchange=die_after_the_create)

    async def trade() -> None:
        await desk.trade_at(BINANCE_SPOT)
        await process.call(desk.sell())

    with pytest.raises(ProcessDiedError):
        stage.loop.run(trade())

    (live,) = stage.database.all(Order)
    assert (live.status, live.placement) == (OrderStatus.PENDING, Placement.SENDING)
    assert [order["client_id"] for order in stage.control.orders(BINANCE_SPOT.name)] == [live.client_order_id]


def test_a_step_may_lose_a_request_before_it_is_sent(stage: Stage) -> None:
    """The exchange has never heard of it, and the order is sent again (R9)."""
    lost: list[Call] = []

    async def lose_the_first_create(passage: Passage) -> None:
        if passage.call.purpose is Purpose.CREATE and not passage.answered and not lost:
            lost.append(passage.call)
            raise httpx.ConnectError("no route to host")

    desk = stage.desk(at_exchange=lose_the_first_create)

    async def trade() -> Order:
        await desk.trade_at(BINANCE_SPOT)
        return await desk.only(await desk.sell())

    order = stage.loop.run(trade())

    assert (len(lost), order.status) == (1, OrderStatus.FILLED)
    assert len(stage.control.orders(BINANCE_SPOT.name)) == 1


def traced(seed: int) -> list[str]:
    """Every step of an alert on five markets and its cancels, over an unreliable exchange."""
    lines: list[str] = []
    stage = Stage(seed, lines.append)
    stage.control.set_latency(40)
    stage.control.fault("timeout", exchange="bybit", operation="create", taken=True)
    stage.control.fault("error", exchange="binance", operation="create", variant="bad_gateway")
    desk = stage.desk()

    async def trade() -> list[Order]:
        await desk.trade_at(*MARKETS)
        answer, orders = await desk.send(OrderType.LIMIT)
        await asyncio.gather(*(desk.cancel(order.order_id) for order in orders))
        return await desk.orders(answer)

    lines += [str(order) for order in stage.loop.run(trade())]
    stage.loop.close()
    return lines


def test_the_same_seed_gives_the_same_trades() -> None:
    """Ids, pauses, answers and all."""
    assert traced(3) == traced(3)
    assert traced(3) != traced(4)
