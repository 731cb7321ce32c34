"""Wall time of a MARKET alert on 20 accounts against 1, with a slow exchange and a slow database."""

import gc
import statistics
import time

from tests.benchmarks.desk import BenchDesk
from tests.benchmarks.table import Row, spread

EXCHANGE_LATENCY = 0.05
ROUNDS = 40
BUDGET = 1.35


async def fan_out() -> list[Row]:
    """In turns, after a warm-up, so that a slow moment of the machine hits both."""
    desk = BenchDesk(EXCHANGE_LATENCY)
    desk.remember("one", 1)
    desk.remember("twenty", 20)
    took: dict[str, list[float]] = {"one": [], "twenty": []}
    for number in range(ROUNDS + 5):
        for name, times in took.items():
            gc.collect()
            started = time.perf_counter()
            answer = await desk.alert(name)
            elapsed = time.perf_counter() - started
            if answer.event.failed_accounts or answer.duplicate:
                raise RuntimeError("the alert under test went wrong")
            if number >= 5:
                times.append(elapsed)
    ratio = statistics.median(took["twenty"]) / statistics.median(took["one"])
    return [
        Row("MARKET alert, 1 account (min / median / max)", spread(took["one"])),
        Row("MARKET alert, 20 accounts", spread(took["twenty"])),
        Row("20 accounts against 1, exchange 50 ms, DynamoDB 4 ms", f"{ratio:.2f}x", f"{BUDGET}x", ratio <= BUDGET),
    ]
