"""Runs the benchmarks and prints one table; `costs` prints what a month costs instead."""

import argparse
import asyncio
import os
import sys
import traceback
from collections.abc import Callable, Sequence

from tests.benchmarks.cold_start import cold_start
from tests.benchmarks.costs import costs
from tests.benchmarks.fan_out import fan_out
from tests.benchmarks.imports import imports
from tests.benchmarks.installed import installed
from tests.benchmarks.orders import orders
from tests.benchmarks.packaged import packaged
from tests.benchmarks.requests import requests_before_the_exchange, requests_of_an_idle_sweep
from tests.benchmarks.table import Row, print_table

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "requests": lambda: asyncio.run(requests_before_the_exchange()),
    "idle_sweep": lambda: asyncio.run(requests_of_an_idle_sweep()),
    "fan_out": lambda: asyncio.run(fan_out()),
    "imports": imports,
    "orders": orders,
    "cold_start": cold_start,
    "installed": installed,
    "packaged": packaged,
}
COSTS = "costs"


def main(arguments: Sequence[str] | None = None) -> int:
    """The one that is named, or all; a figure over its budget is shown, not an error. 1 if one could not run."""
    parser = argparse.ArgumentParser("infra/bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=[*BENCHMARKS, COSTS], metavar="NAME", help="%(choices)s")
    name = parser.parse_args(arguments).name
    _isolate()
    if name == COSTS:
        costs()
        return 0
    rows: list[Row] = []
    status = 0
    for benchmark in BENCHMARKS.values() if name is None else (BENCHMARKS[name],):
        try:
            rows += benchmark()
        except Exception:
            traceback.print_exc()
            status = 1
    print_table(rows)
    if status:
        print("the table is incomplete: a benchmark could not run", file=sys.stderr)
    return status


def _isolate() -> None:
    """No benchmark may reach anybody's AWS account, or depend on its settings."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


if __name__ == "__main__":
    raise SystemExit(main())
