"""Connections: kept while they are fresh, left while they are idle for long, never taken from who waits on one."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from chalicelib.exchanges.dialect import Call
from chalicelib.exchanges.transport import IDLE_LIMIT, Transport
from infra.simulator import Simulator, serve

PING = Call("GET", "/api/v3/ping", signed=False)
TIME = Call("GET", "/api/v3/time", signed=False)


class WallClock:
    """Turned by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with serve() as running:
        yield running


async def test_a_call_under_way_keeps_its_connection_however_long_the_last_answer_is_ago(simulator: Simulator) -> None:
    """Else its answer would be lost, for nothing but another call of the same account."""
    clock = WallClock()
    transport = Transport(simulator.url, clock)
    await transport.send(PING, None, 5.0)
    simulator.control.fault("slow", exchange="binance", operation="time", delay_ms=400)

    slow = asyncio.create_task(transport.send(TIME, None, 5.0))
    await asyncio.sleep(0.1)
    clock.now += IDLE_LIMIT + 1
    other = await transport.send(PING, None, 5.0)

    assert (other.status, (await slow).status) == (200, 200)
    await transport.aclose()


async def test_a_connection_that_was_idle_for_long_is_not_used_again(simulator: Simulator) -> None:
    """The first request on one that died meanwhile would have an unknown outcome."""
    clock = WallClock()
    transport = Transport(simulator.url, clock)
    await transport.send(PING, None, 5.0)
    first = transport._client
    await transport.send(PING, None, 5.0)
    second = transport._client
    clock.now += IDLE_LIMIT + 1
    await transport.send(PING, None, 5.0)

    assert first is second
    assert transport._client is not first
    await transport.aclose()


async def test_nobody_listening_is_told_as_httpx_tells_it() -> None:
    """Nothing was sent."""
    transport = Transport("http://127.0.0.1:9")

    with pytest.raises(httpx.ConnectError):
        await transport.send(PING, None, 5.0)

    await transport.aclose()
