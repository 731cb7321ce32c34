"""Adds up what many seeds gave, and writes it as a table."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from tests.simulation.trial import Result


class Tally:
    """Of any number of results."""

    def __init__(self) -> None:
        self.seeds = self.calm = self.alerts = self.orders = self.cancels = 0
        self.faults: Counter[str] = Counter()
        self.occurrences: Counter[str] = Counter()
        self.violations: Counter[str] = Counter()
        self.bad: list[Result] = []
        self.asked: set[tuple[str, str]] = set()
        self._settled_after: list[float] = []

    def add(self, result: Result) -> None:
        """One more."""
        self.seeds += 1
        self.calm += result.calm
        self.alerts += result.alerts
        self.orders += result.orders
        self.cancels += result.cancels
        self.faults += result.faults
        self.occurrences += result.occurrences
        self.asked |= result.asked
        self.violations += Counter(violation.rule for violation in result.violations)
        if result.faults:
            self._settled_after.append(result.settled_after)
        if result.violations:
            self.bad.append(result)

    def table(self) -> Iterator[str]:
        """Line by line."""
        yield f"seeds            {self.seeds:>9,}   (of them calm: {self.calm:,})"
        yield f"alerts           {self.alerts:>9,}"
        yield f"orders           {self.orders:>9,}"
        yield f"cancel requests  {self.cancels:>9,}"
        yield f"faults           {self.faults.total():>9,}"
        yield from _counted(self.faults)
        yield f"situations       {self.occurrences.total():>9,}"
        yield from _counted(self.occurrences)
        yield f"settled after the last fault, in simulated seconds: {self._times()}"
        yield f"violations       {self.violations.total():>9,}"
        yield from _counted(self.violations)

    def _times(self) -> str:
        times = sorted(self._settled_after)
        if not times:
            return "nothing had to be settled"
        late = [time for time in times if time > 0] or [0.0]
        return (
            f"median {median(times):.0f}, worst {times[-1]:.0f}; "
            f"of the {len(late):,} seeds in which anything was left: median {median(late):.0f}"
        )


def _counted(counter: Counter[str]) -> Iterator[str]:
    for name, count in sorted(counter.items(), key=lambda pair: (-pair[1], pair[0])):
        yield f"    {name:<34} {count:>9,}"


def explanation(result: Result) -> Iterator[str]:
    """What went wrong in one seed, and how to read all of it."""
    yield f"seed {result.seed}:"
    for violation in result.violations[:10]:
        yield f"    {violation.rule}: {violation.order_id}: {violation.words}"
    yield f"    infra/simulate --seed {result.seed}   # the whole trace"


def relevant(result: Result) -> Sequence[str]:
    """The lines of a trace that concern the orders that went wrong, and the faults."""
    names = {violation.order_id for violation in result.violations if len(violation.order_id) > 1}
    return [line for line in result.lines if "⚡" in line or any(name in line for name in names)]
