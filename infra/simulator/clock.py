"""The simulator's time in milliseconds: the machine's, moved or held still on command."""

import time


class Clock:
    """Runs with the machine until `hold`; `advance` moves it either way."""

    def __init__(self) -> None:
        self._held: int | None = None
        self._offset = 0

    @property
    def held(self) -> bool:
        return self._held is not None

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self._offset if self._held is None else self._held

    def hold(self, ms: int) -> None:
        """Stand still at this time."""
        self._held = ms

    def run(self) -> None:
        """Go with the machine's time again."""
        self._held, self._offset = None, 0

    def advance(self, ms: int) -> None:
        if self._held is None:
            self._offset += ms
        else:
            self._held += ms
