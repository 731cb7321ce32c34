"""Time as the domain sees it: aware UTC, fixed-width text, and a clock that tests can turn."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from; the simulation replaces it."""

    def now(self) -> datetime:
        """The current time, aware, UTC."""

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class Budget:
    """How long an entry point may go on working; measured by the injected clock."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self.ends_at = clock.now() + timedelta(seconds=seconds)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, seconds_between(self._clock.now(), self.ends_at))

    def within(self, seconds: float) -> "Budget":
        """A budget that ends after `seconds`, or with this one if that is sooner."""
        return Budget(self._clock, min(seconds, self.remaining()))


def utc_text(at: datetime) -> str:
    """`2026-11-21T03:20:15.123456Z`: fixed width, so that texts sort as times do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_utc(text: str) -> datetime:
    """The inverse of `utc_text`. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def day_of(at: datetime) -> str:
    """The UTC day, `2026-11-21`."""
    return at.astimezone(UTC).strftime("%Y-%m-%d")


def after(at: datetime, seconds: float) -> datetime:
    """`at` plus `seconds`."""
    return at + timedelta(seconds=seconds)


def first_version(now: datetime) -> int:
    """Where the versions of a row start whose key may be used again after a DELETE: never twice at the same number,
    so that whoever remembers the row before it is told by its condition."""
    return int(now.timestamp() * 1_000_000)


def seconds_between(earlier: datetime, later: datetime) -> float:
    """`later` less `earlier`, in seconds."""
    return (later - earlier).total_seconds()
