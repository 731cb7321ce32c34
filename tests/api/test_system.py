"""The public routes, and what is answered when the database is out of reach."""

from typing import Any

import pytest

from chalicelib import runtime
from chalicelib.domain.errors import DatabaseUnavailableError
from tests.api.desk import ApiDesk

NOBODY: dict[str, str] = {}


async def unreachable(*_: Any, **__: Any) -> None:
    raise DatabaseUnavailableError("the database cannot be reached; try again shortly")


def test_the_root_says_what_runs_here(api: ApiDesk) -> None:
    """Name, version, status and environment, to anybody."""
    answer = api.call("GET", "/", headers=NOBODY)

    assert answer.status == 200
    assert set(answer.body) == {"name", "version", "status", "environment"}
    assert answer.body["environment"] == "test"


def test_ping_answers_pong(api: ApiDesk) -> None:
    """Without touching anything."""
    answer = api.call("GET", "/ping", headers=NOBODY)

    assert (answer.status, answer.body) == (200, {"message": "pong"})


def test_health_says_that_the_database_is_connected(api: ApiDesk) -> None:
    """It is asked, not assumed."""
    answer = api.call("GET", "/health", headers=NOBODY)

    assert answer.status == 200
    assert answer.body == {"status": "healthy", "environment": "test", "database": "connected"}


def test_health_is_503_without_the_database(api: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load balancer reads the status, people the body."""
    monkeypatch.setattr(runtime.services().store, "ping", unreachable)

    answer = api.call("GET", "/health", headers=NOBODY)

    assert answer.status == 503
    assert set(answer.body) == {"status", "environment", "database"}
    assert answer.body["database"] != "connected"


@pytest.mark.parametrize("path", ["orders/o1", "strategies/s1", "accounts/m1", "cancel-queue/c1", "controls"])
def test_a_route_is_503_without_the_database(api: ApiDesk, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """The caller may try again; nothing of it is the caller's fault."""
    monkeypatch.setattr(runtime.services().store, "get", unreachable)

    answer = api.get(path)

    assert (answer.status, answer.code) == (503, "DATABASE_UNAVAILABLE")


def test_an_alert_that_cannot_be_stored_is_503(desk: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """TradingView resends on 5xx, and nothing was stored or sent."""
    before = desk.everything()
    monkeypatch.setattr(runtime.services().store, "commit", unreachable)

    answer = desk.alert()

    assert (answer.status, answer.code) == (503, "DATABASE_UNAVAILABLE")
    assert desk.everything() == before


def test_what_nobody_expected_is_a_500_that_tells_nothing(api: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of an unforeseen error stays in the log."""

    async def broken(*_: Any) -> None:
        raise RuntimeError("a detail for the log")

    monkeypatch.setattr(runtime.services().store, "get", broken)

    answer = api.get("orders/o1")

    assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
    assert b"a detail" not in answer.raw


def test_answers_are_json_that_nobody_keeps(api: ApiDesk) -> None:
    """The state of an order is not for caches."""
    answer = api.get("controls")

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
