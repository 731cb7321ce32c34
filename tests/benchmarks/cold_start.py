"""From the start of a process to its first order on the wire, and the memory that it took, against ccxt.

What counts is when the request reaches the exchange, by the simulator's own journal (the same machine's clock).
ccxt loads the spot markets, of which the simulator has two: the real Binance lists thousands, which costs it far more
than shows here. Ours asks for the exchange's time, and for one symbol's rules where no table has them.
"""

import os
import statistics
import subprocess
import sys
import time
from tempfile import TemporaryDirectory

import boto3

from infra.local.database import serve
from infra.local.tables import create_tables
from tests.benchmarks.clients.market import SECRET, key_of
from tests.benchmarks.clients.sides import APP, CCXT, OURS, OURS_WITH_RULES
from tests.benchmarks.imports import environment
from tests.benchmarks.simulated import Simulator, simulator
from tests.benchmarks.table import Row, spread

RUNS = 10
BUDGET = 2.0
PREFIX = "bench"
NAMES = {
    OURS: "our adapter, rules asked for",
    OURS_WITH_RULES: "our adapter, rules in the table",
    APP: "the whole app, rules in the table",
    CCXT: "ccxt",
}


def cold_start() -> list[Row]:
    """In turns; the first round writes the bytecode and the table of rules, and does not count."""
    took: dict[str, list[float]] = {side: [] for side in NAMES}
    memory: dict[str, list[float]] = {side: [] for side in NAMES}
    with TemporaryDirectory() as bytecode, simulator(1) as exchanges, serve() as database:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = database.url
        create_tables(boto3.client("dynamodb"), PREFIX)
        chosen = environment(bytecode) | _app_settings(exchanges)
        for number in range(RUNS + 1):
            for side in NAMES:
                seconds, megabytes = _first_order(side, exchanges, chosen)
                if number:
                    took[side].append(seconds)
                    memory[side].append(megabytes)
        database.reset()
    return [row for side in NAMES for row in _rows(side, took, memory)]


def _first_order(side: str, exchanges: Simulator, chosen: dict[str, str]) -> tuple[float, float]:
    command = [sys.executable, "-m", "tests.benchmarks.clients.first_order", side, "binance", exchanges.url]
    started = time.time()
    ended = subprocess.run(command, env=chosen, check=True, stdout=subprocess.PIPE, text=True)
    *_, order = exchanges.command("requests", operation="create")
    arrived = order["at_ms"] / 1000
    if not started < arrived < time.time():
        raise RuntimeError(f"{side} placed no order: the last one came at {arrived}, {side} started at {started}")
    return arrived - started, float(ended.stdout)


def _rows(side: str, took: dict[str, list[float]], memory: dict[str, list[float]]) -> list[Row]:
    held = statistics.median(memory[side])
    measured = f"{spread(took[side])}, {held:.0f} MB"
    row = Row(f"process start to the first order on the wire: {NAMES[side]}", measured)
    if side == CCXT:
        return [row]
    faster = statistics.median(took[CCXT]) / statistics.median(took[side])
    smaller = statistics.median(memory[CCXT]) / held
    measured = f"{faster:.2f}x faster, {smaller:.2f}x less memory"
    if side == APP:  # ccxt has no API and no database with it
        return [row, Row("  against ccxt alone", measured)]
    return [row, Row("  against ccxt", measured, f"{BUDGET:g}x faster", faster >= BUDGET)]


def _app_settings(exchanges: Simulator) -> dict[str, str]:
    return {
        "USE_MOCK_EXCHANGE": "false",
        "TABLE_PREFIX": PREFIX,
        "BINANCE_SPOT_URL": exchanges.url,
        "BINANCE_API_KEY": key_of(0),
        "BINANCE_API_SECRET": SECRET,
    }
