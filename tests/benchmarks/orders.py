"""What a MARKET order costs: our adapters against ccxt's async client, and against bare HTTP as the floor.

Each side is a process of its own, all trade at one simulator, and they take turns: what slows the machine down hits
all of them.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.benchmarks.clients.market import MARKETS, Market
from tests.benchmarks.clients.sides import CCXT, HTTP_CLIENT, HTTPX, OURS
from tests.benchmarks.simulated import Simulator, simulator
from tests.benchmarks.table import Row

MANY = 20
CPU_BUDGET, WALL_BUDGET = 2.0, 1.0
"""Of ccxt's; the latter for many accounts at an exchange that takes its time."""


@dataclass(frozen=True)
class Case:
    """So many accounts at once, at an exchange of this latency; `orders` in turn of each in a round."""

    latency_ms: int
    accounts: int
    orders: int
    rounds: int


FAST_ONE, FAST_MANY = Case(0, 1, 6, 40), Case(0, MANY, 1, 40)
SLOW_ONE, SLOW_MANY = Case(50, 1, 2, 10), Case(50, MANY, 1, 20)

PLAN: Mapping[str, Sequence[Case]] = {
    "binance": (FAST_ONE, FAST_MANY, SLOW_ONE, SLOW_MANY),
    "bybit": (FAST_ONE, SLOW_MANY),
    "upbit": (FAST_ONE, SLOW_MANY),
}


@dataclass
class Figures:
    """One side's wall times and processor times, round by round, and what the simulator needed meanwhile."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    simulator: float = 0.0


class Side:
    """A process that places orders when it is told."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def wait_until_open(self) -> None:
        self._answer()

    def round(self, case: Case) -> tuple[float, float]:
        assert self._process.stdin is not None
        print(case.accounts, case.orders, file=self._process.stdin, flush=True)
        wall, cpu = map(float, self._answer().split())
        return wall, cpu

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a side of the comparison ended early; its own words stand above")
        return line


def orders() -> list[Row]:
    """All markets; the load says how far the figures can be trusted."""
    rows: list[Row] = []
    with simulator(MANY) as exchanges:
        for name, cases in PLAN.items():
            with _sides(name, exchanges) as sides:
                for case in cases:
                    rows += _rows(MARKETS[name], case, _measured(sides, case, exchanges))
    return [*rows, Row("load of the machine at the end of that", f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")]


@contextmanager
def _sides(market: str, exchanges: Simulator) -> Iterator[dict[str, Side]]:
    """Open and idle; they end with their standard input."""
    names = [OURS, CCXT, HTTPX, HTTP_CLIENT] if market == "binance" else [OURS, CCXT]
    command = [sys.executable, "-m", "tests.benchmarks.clients"]
    with ExitStack() as stack:
        sides = {}
        for name in names:
            process = subprocess.Popen(
                [*command, name, market, exchanges.url, str(MANY)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            sides[name] = Side(stack.enter_context(process))
            sides[name].wait_until_open()
        yield sides


def _measured(sides: Mapping[str, Side], case: Case, exchanges: Simulator) -> dict[str, Figures]:
    """In turns; the first round does not count."""
    exchanges.command("set_latency", ms=case.latency_ms)
    found = {name: Figures() for name in sides if name != HTTP_CLIENT or case.accounts == 1}
    for number in range(case.rounds + 1):
        for name, figures in found.items():
            before = exchanges.cpu()
            wall, cpu = sides[name].round(case)
            if number:
                figures.wall.append(wall)
                figures.cpu.append(cpu)
                figures.simulator += exchanges.cpu() - before
    exchanges.command("set_latency", ms=0)
    return found


def _rows(market: Market, case: Case, found: Mapping[str, Figures]) -> list[Row]:
    accounts = "1 account" if case.accounts == 1 else f"{case.accounts} accounts at once"
    what = f"{market.name}, {accounts}, exchange {case.latency_ms} ms"
    cpu, wall = ({name: getattr(figures, kind) for name, figures in found.items()} for kind in ("cpu", "wall"))
    rows = [_compared(f"CPU of a MARKET order, {what}", cpu, CPU_BUDGET)]
    budget = WALL_BUDGET if case is SLOW_MANY else None
    rows.append(_compared(f"wall time of {'it' if case.accounts == 1 else 'all'}, {what}", wall, budget))
    if HTTPX in found:
        over = _ratio(cpu[OURS], cpu[HTTPX])
        rows.append(Row("  our CPU against plain httpx", f"{over:.2f}x"))
    if case is FAST_MANY:
        rows.append(Row("  the simulator's own CPU for an order", _simulator_share(case, found)))
    return rows


def _compared(what: str, times: Mapping[str, Sequence[float]], budget: float | None) -> Row:
    figures = ", ".join(f"{name} {statistics.median(values) * 1000:.2f}" for name, values in times.items())
    ratio = _ratio(times[OURS], times[CCXT])
    allowed = f"{budget:g}x ccxt" if budget else ""
    return Row(what, f"medians {figures} ms: {ratio:.2f}x ccxt", allowed, ratio <= budget if budget else None)


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Of the two in the same round, the one in the middle."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def _simulator_share(case: Case, found: Mapping[str, Figures]) -> str:
    """It serves warm-up and orders alike: far below what the clients need, it holds nobody up."""
    served = case.rounds * case.accounts * 2
    each = {name: figures.simulator / served * 1000 for name, figures in found.items()}
    return ", ".join(f"{name} {milliseconds:.2f}" for name, milliseconds in each.items()) + " ms"
