"""A running stack for the tests that only use it; tests that break theirs start their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack as `infra/run` starts it; its schedules fire every minute, so nothing below waits for them."""
    running = Stack(tmp_path_factory.mktemp("stack") / "log", schedule_seconds=60).start()
    yield running
    running.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Start a stack of one's own; it is stopped afterwards."""
    started: list[Stack] = []

    def start_one(*flags: str, **options: object) -> Stack:
        one = Stack(tmp_path / f"log-{len(started)}", *flags, **options)  # type: ignore[arg-type]
        started.append(one)
        return one.start()

    yield start_one
    for one in started:
        one.stop()
