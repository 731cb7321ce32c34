"""The exchanges' simulator in a process of its own, with accounts that can afford any number of orders."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from infra.simulator.instruments import START_BALANCES
from tests.benchmarks.clients.market import MARKETS, SECRET, key_of

_PLENTY = "1000000000"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Simulator:
    url: str
    pid: int

    def command(self, name: str, **arguments: Any) -> Any:
        """One of its control API."""
        request = Request(f"{self.url}/_simulator/{name}", json.dumps(arguments).encode(), method="POST")
        with build_opener(ProxyHandler({})).open(request, timeout=10) as response:
            return json.load(response)["result"]

    def cpu(self) -> float:
        """Processor time that it has used, in seconds, to a hundredth."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS  # utime and stime, proc(5)


@contextmanager
def simulator(accounts: int) -> Iterator[Simulator]:
    """Without rate limits and without latency; it ends with its standard input."""
    command = [sys.executable, "-m", "infra.simulator", "--port", "0", "--no-rate-limits", "--exit-with-parent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        running = Simulator(process.stdout.readline().split()[-1], process.pid)
        for exchange in {market.exchange for market in MARKETS.values()}:
            wallets = START_BALANCES[exchange]  # type: ignore[index]
            rich = {wallet: dict.fromkeys(assets, _PLENTY) for wallet, assets in wallets.items()}
            for number in range(accounts):
                running.command("add_account", exchange=exchange, key=key_of(number), secret=SECRET, balances=rich)
        yield running
