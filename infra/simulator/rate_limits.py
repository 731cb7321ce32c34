"""Counters behind the exchanges' rate limits; the exchange modules know the limits, headers and answers."""

from collections import deque
from dataclasses import dataclass


class FixedWindow:
    """Counts per key within windows that start at multiples of the interval."""

    def __init__(self, limit: int, interval_ms: int) -> None:
        self.limit = limit
        self.interval_ms = interval_ms
        self._counts: dict[str, tuple[int, int]] = {}

    def used(self, key: str, now_ms: int) -> int:
        window, count = self._counts.get(key, (0, 0))
        return count if window == now_ms // self.interval_ms else 0

    def add(self, key: str, now_ms: int, amount: int = 1) -> int:
        """The count after adding."""
        total = self.used(key, now_ms) + amount
        self._counts[key] = (now_ms // self.interval_ms, total)
        return total

    def ends_in_s(self, now_ms: int) -> int:
        """Whole seconds until the window ends, at least one."""
        return max(1, -(-(self.interval_ms - now_ms % self.interval_ms) // 1000))


@dataclass(frozen=True)
class Usage:
    """`reset_ms`: when there is room again; now, if there is."""

    allowed: bool
    left: int
    reset_ms: int


class RollingWindow:
    """Counts per key over the last interval; what is refused does not count."""

    def __init__(self, interval_ms: int) -> None:
        self.interval_ms = interval_ms
        self._times: dict[str, deque[int]] = {}

    def take(self, key: str, limit: int, now_ms: int) -> Usage:
        times = self._times.setdefault(key, deque())
        while times and times[0] <= now_ms - self.interval_ms:
            times.popleft()
        if len(times) >= limit:
            return Usage(False, 0, times[0] + self.interval_ms)
        times.append(now_ms)
        return Usage(True, limit - len(times), now_ms)


class Bans:
    """Who is shut out until when, and how often in a row somebody ran into a limit."""

    def __init__(self) -> None:
        self._until: dict[str, int] = {}
        self._strikes: dict[str, int] = {}

    def until_ms(self, key: str, now_ms: int) -> int | None:
        until = self._until.get(key, 0)
        return until if until > now_ms else None

    def ban(self, key: str, until_ms: int) -> None:
        self._until[key] = until_ms
        self._strikes[key] = 0

    def strike(self, key: str) -> int:
        self._strikes[key] = self._strikes.get(key, 0) + 1
        return self._strikes[key]

    def forgive(self, key: str) -> None:
        self._strikes[key] = 0
