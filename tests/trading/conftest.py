"""Fixtures of the trading tests: empty tables, an empty exchange, and one clock for everybody."""

from collections.abc import AsyncIterator, Callable

import pytest

from chalicelib.domain.policy import Policy
from chalicelib.store.database import Database
from infra.simulator import Simulator
from tests.api.conftest import secrets
from tests.exchanges.conftest import SharedClock
from tests.simulator.conftest import control, shared_simulator, simulator
from tests.store.conftest import database
from tests.trading.floor import ENVIRONMENT, Floor
from tests.trading.wire import Wire

__all__ = ["control", "database", "secrets", "shared_simulator", "simulator"]

OpenFloor = Callable[..., Floor]


@pytest.fixture
def clock(simulator: Simulator) -> SharedClock:
    """The time of the processes, of the database and of the exchanges."""
    clock = SharedClock()
    clock.lead(simulator.control)
    return clock


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """What goes to the exchanges."""
    wire = Wire()
    yield wire
    await wire.aclose()


@pytest.fixture
def open_floor(simulator: Simulator, database: Database, clock: SharedClock, wire: Wire) -> OpenFloor:
    """Opens a floor with this environment and policy."""

    def open_(environ: dict[str, str] = ENVIRONMENT, policy: Policy | None = None) -> Floor:
        return Floor(simulator, database, clock, wire, environ, policy)

    return open_


@pytest.fixture
def floor(open_floor: OpenFloor) -> Floor:
    """The keys of its accounts come from the environment."""
    return open_floor()
