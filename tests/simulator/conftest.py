"""A simulator for all tests of this package, fresh for each."""

import ssl
from collections.abc import Iterator

import httpx
import pytest

from infra.simulator import Simulator, serve
from infra.simulator.control import Control
from tests.simulator.signing import BinanceClient, BybitClient, UpbitClient

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading certificates takes 20 ms per client


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[Simulator]:
    with serve() as simulator:
        yield simulator


@pytest.fixture
def simulator(shared_simulator: Simulator) -> Iterator[Simulator]:
    shared_simulator.control.reset()
    yield shared_simulator
    shared_simulator.control.reset()


@pytest.fixture
def control(simulator: Simulator) -> Control:
    return simulator.control


@pytest.fixture
def http(simulator: Simulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.url, timeout=5, trust_env=False, verify=NO_TLS) as client:
        yield client


@pytest.fixture
def binance(http: httpx.Client, simulator: Simulator) -> BinanceClient:
    return BinanceClient(http, simulator.world.clock.now_ms)


@pytest.fixture
def bybit(http: httpx.Client, simulator: Simulator) -> BybitClient:
    return BybitClient(http, simulator.world.clock.now_ms)


@pytest.fixture
def upbit(http: httpx.Client) -> UpbitClient:
    return UpbitClient(http)
