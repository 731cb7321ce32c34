"""Fixtures of the scenarios: a trading floor at the simulated exchanges, desks with scripts, and the whole app."""

import logging
from collections.abc import Iterator

import pytest

from chalicelib.store.database import Database
from tests.api.conftest import api
from tests.store.wire import Wire as DatabaseWire
from tests.trading.conftest import (
    clock,
    control,
    database,
    floor,
    open_floor,
    secrets,
    shared_simulator,
    simulator,
    wire,
)
from tests.usecases.conftest import desk, scripted

__all__ = [
    "api",
    "clock",
    "control",
    "database",
    "desk",
    "floor",
    "open_floor",
    "scripted",
    "secrets",
    "shared_simulator",
    "simulator",
    "wire",
]


@pytest.fixture
def database_wire(database: Database) -> Iterator[DatabaseWire]:
    """What the floor's processes send to the database, and the faults that they meet."""
    with DatabaseWire(database.connection.client) as wire:
        yield wire


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """Everything that our own loggers say; the app, once it was started, keeps that from others."""
    ours = logging.getLogger("chalicelib")
    monkeypatch.setattr(ours, "propagate", True)
    monkeypatch.setattr(ours, "level", logging.INFO)
    caplog.set_level(logging.INFO, logger="chalicelib")
    return caplog
