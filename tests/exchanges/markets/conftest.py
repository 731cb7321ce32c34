"""Fixtures of the real markets' tests: each adapter over HTTP against the simulator."""

import socket
from collections.abc import Iterator

import pytest

from chalicelib.domain.orders import Order
from chalicelib.exchanges import http_exchange
from infra.simulator.control import Control
from tests.desk import TurnableClock
from tests.exchanges.conftest import OpenMarket
from tests.exchanges.markets.floor import Floor
from tests.exchanges.markets.terms import REAL
from tests.exchanges.moves import Trader

SHORT = 0.5
"""Seconds that these tests wait for an answer that does not come; one that does comes within it on a busy machine."""


@pytest.fixture(params=REAL, ids=str)
def trader(request: pytest.FixtureRequest, open_market: OpenMarket, clock: TurnableClock) -> Trader:
    """Somebody who trades at each real market in turn; its book is empty."""
    return Trader(request.param, open_market(request.param), clock)


@pytest.fixture
def floor(trader: Trader, control: Control) -> Floor:
    """The other side of that market."""
    return Floor(control, trader.terms)


@pytest.fixture
async def order(trader: Trader) -> Order:
    """One that rests."""
    resting = trader.limit()
    await trader.placed(resting)
    return resting


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are waited for a moment only, by the real clock."""
    monkeypatch.setattr(http_exchange, "READ_TIMEOUT", SHORT)


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port where nobody listens, and which nobody else is given meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
