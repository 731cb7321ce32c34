"""Wall time of a MARKET alert on 20 accounts against 1, with a slow exchange and a slow database."""

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field

from chalicelib.runtime import configure_logging
from chalicelib.settings import load_settings
from tests.benchmarks.desk import BenchDesk
from tests.benchmarks.table import Row, spread

WARM_UP, ROUNDS = 5, 40
BUDGET = 1.35


@dataclass(frozen=True)
class Case:
    """An alert on as many accounts as the exchange has latencies; none takes longer than 50 ms."""

    name: str
    latencies: Sequence[float]
    took: list[tuple[float, float]] = field(default_factory=list)
    """Wall and processor time of each alert that counts, in seconds."""

    @property
    def wall(self) -> float:
        return statistics.median(wall for wall, _ in self.took)

    def row(self) -> Row:
        cpu = statistics.median(cpu for _, cpu in self.took)
        measured = f"{spread([wall for wall, _ in self.took])} (CPU {cpu * 1000:.1f} ms)"
        return Row(f"MARKET alert on {self.name}", measured)


async def fan_out() -> list[Row]:
    """In turns, after a warm-up, so that a slow moment of the machine hits all."""
    one = Case("1 account", [0.05])
    twenty = Case("20 accounts", [0.05] * 20)
    apart = Case("20 accounts, answers 0.5 ms apart", [0.0405 + 0.0005 * number for number in range(20)])
    with _stub() as url, _production_logging():
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = url
        desk = BenchDesk()
        for number in range(WARM_UP + ROUNDS):
            for case in (one, twenty, apart):
                took = await _timed(desk, case)
                if number >= WARM_UP:
                    case.took.append(took)
    ratio, ratio_apart = twenty.wall / one.wall, apart.wall / one.wall
    return [
        *(case.row() for case in (one, twenty, apart)),
        Row("20 accounts against 1, exchange 50 ms, DynamoDB 4 ms", f"{ratio:.2f}x", f"{BUDGET}x", ratio <= BUDGET),
        Row("the same with answers 0.5 ms apart, the last after 50 ms", f"{ratio_apart:.2f}x"),
    ]


async def _timed(desk: BenchDesk, case: Case) -> tuple[float, float]:
    """Garbage of the alert before is not its own."""
    accounts = len(case.latencies)
    if case.name not in desk.services.cache:
        desk.remember(case.name, accounts)
    gc.collect()
    requests, cpu, wall = desk.count, time.process_time(), time.perf_counter()
    answer = await desk.alert(case.name, case.latencies)
    took = time.perf_counter() - wall, time.process_time() - cpu
    if answer.duplicate or answer.event.successful_accounts != accounts:
        raise RuntimeError(f"the alert under test went wrong: {answer}")
    # The transaction, at most one write for each order and at least one for all, the log row.
    if not 3 <= desk.count - requests <= accounts + 2:
        raise RuntimeError(f"the alert under test took {desk.count - requests} DynamoDB requests")
    return took


@contextmanager
def _production_logging() -> Iterator[None]:
    """The log lines are a part of what an account costs; only where they go is different."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
        configure_logging(load_settings({"LOG_LEVEL": "INFO"}))
        yield


@contextmanager
def _stub() -> Iterator[str]:
    """The stub in a process of its own; it ends with its standard input."""
    command = [sys.executable, "-m", "tests.benchmarks.dynamodb_stub"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
