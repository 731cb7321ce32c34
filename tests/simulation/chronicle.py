"""What happened in one simulation: counted always, told line by line where somebody wants to read it."""

from collections import Counter
from datetime import datetime

from chalicelib.domain.clock import utc_text
from tests.simulation.processes import PROCESS
from tests.simulation.scheduler import SimulatedLoop


class Chronicle:
    """`faults` counts what was done to the system, `occurrences` the situations that it came into."""

    def __init__(self, loop: SimulatedLoop, *, told: bool) -> None:
        self.told = told
        self.lines: list[str] = []
        self.faults: Counter[str] = Counter()
        self.occurrences: Counter[str] = Counter()
        self._loop = loop

    def fault(self, kind: str, words: str = "") -> None:
        """Something goes wrong now."""
        self.faults[kind] += 1
        if self.told:
            self.tell(f"⚡ {kind} {words}")

    def occurred(self, name: str) -> None:
        """A situation that a scenario is about."""
        self.occurrences[name] += 1

    def tell(self, words: str) -> None:
        """A line of the trace; ask `told` before composing costly words."""
        if self.told:
            process = PROCESS.get()
            self.lines.append(f"{_clock(self._loop.now())} {process.name if process else '-':<16} {words}")


def _clock(at: datetime) -> str:
    return utc_text(at)[11:23]
