"""Where chaos plays: a database and exchanges that survive, and the stack between them, which is killed."""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import boto3
import httpx

from chalicelib.domain.cancels import CancelRequest
from chalicelib.domain.events import EventLog
from chalicelib.domain.ids import Ids
from chalicelib.domain.orders import Order
from chalicelib.settings import EXCHANGE_URLS
from chalicelib.store.rows import from_model
from chalicelib.store.tables import MODELS
from infra.simulator.instruments import TEST_KEY, TEST_SECRET
from tests.system.chaos_books import BookOrder, Tables
from tests.system.stack import ROOT, START_PATIENCE, Stack, answers, plain_environment, wait_for

T = TypeVar("T")

PREFIX = "chaos-"
TABLES = "trading-bot-chaos"
TOKEN = "token-of-chaos"
ACCOUNTS: Mapping[str, Mapping[str, str]] = {
    "binance-spot": {"exchange": "binance", "market": "spot"},
    "binance-usdm": {"exchange": "binance", "market": "futures"},
    "bybit-spot": {"exchange": "bybit", "market": "spot"},
    "bybit-linear": {"exchange": "bybit", "market": "futures"},
    "upbit": {"exchange": "upbit", "market": "spot"},
}
"""By the simulator's name of the market: one account on each of the five."""
STRATEGIES: Mapping[str, tuple[str, ...]] = {
    "everywhere": tuple(ACCOUNTS),
    "bybit": ("bybit-spot", "bybit-linear"),
    "binance": ("binance-spot", "binance-usdm"),
    "upbit": ("upbit",),
}
SYMBOLS = ("BTC/USDT", "ETH/USDT")
KILLED = ("infra.local.api", "infra.local.worker")

_SETTINGS = {
    "ENVIRONMENT": "chaos",
    "TABLE_PREFIX": TABLES,
    "ORDER_ID_PREFIX": PREFIX,
    "MARKET_ORDER_TIMEOUT": "5",
    "EXCHANGE_TIMEOUT": "10",
    "LOG_LEVEL": "INFO",
}
_PURSES = (("binance", "spot"), ("binance", "futures"), ("bybit", "unified"), ("upbit", "spot"))
_RICH = "10000000"


class Survivor:
    """A process that no kill reaches, at `url`; it ends with us, for its standard input does."""

    def __init__(self, module: str, folder: Path) -> None:
        with (folder / f"{module}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, "--port", "0", "--exit-with-parent"],
                cwd=ROOT,
                env=plain_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert " listening on " in line, f"{module} did not start"
        self.url = line.split()[-1]

    def stop(self) -> None:
        """End it and let go of its pipes."""
        with self._process:
            self._process.kill()


class Stage:
    """Starts everything; `kills` counts what was killed, by process. The stack's output is kept in `folder`."""

    def __init__(self, folder: Path, reconcile_interval: float = 30) -> None:
        self.ids = Ids(PREFIX)
        self.kills: Counter[str] = Counter()
        self._folder = folder
        self._settings = {**_SETTINGS, "RECONCILE_INTERVAL": str(reconcile_interval)}
        self._changing = threading.Lock()

    def __enter__(self) -> Self:
        self._database = Survivor("infra.local.database", self._folder)
        self._exchanges = Survivor("infra.simulator", self._folder)
        self._client = boto3.client(
            "dynamodb",
            endpoint_url=self._database.url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        keys = {f"{name}_API_KEY": TEST_KEY for name in ("BINANCE", "BYBIT", "UPBIT")}
        secrets = {f"{name}_API_SECRET": TEST_SECRET for name in ("BINANCE", "BYBIT", "UPBIT")}
        urls = dict.fromkeys(EXCHANGE_URLS, self._exchanges.url)
        self.stack = Stack(
            self._folder / "stack.log",
            environment={**self._settings, **keys, **secrets, **urls, "AWS_ENDPOINT_URL_DYNAMODB": self._database.url},
            schedule_seconds=2,
        )
        self._starts_before = self._starts()
        try:
            self.stack.start()
            self._prepare()
        except BaseException:  # Ctrl-C too: the stack has a session of its own
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def kill_process(self, module: str) -> None:
        """SIGKILL to that process of the stack, which starts it again; nothing where it is not there just now.

        Returns when the API answers: a machine too slow to start it between two kills would see nothing but starts.
        """
        with self._changing:
            process = self.stack.child(module)
            if process is None:
                return
            os.kill(process, signal.SIGKILL)
            self.kills[module] += 1
            wait_for(lambda: answers(f"{self.stack.client.base_url}/ping"), START_PATIENCE, "the API to be back")

    def kill_everything(self, pause: float) -> None:
        """SIGKILL to the whole stack, and a new start after a pause."""
        with self._changing:
            self.stack.kill()
            self.kills["the whole stack"] += 1
            time.sleep(pause)
            self.stack.start()

    def restarts(self) -> int:
        """How often anything of the stack was started again."""
        return self._starts() - self._starts_before + self.kills["the whole stack"]

    def _starts(self) -> int:
        return self.stack.output().count("starting it again")

    def simulate(self, command: str, **arguments: Any) -> Any:
        """A command to the exchanges."""
        answer = httpx.post(f"{self._exchanges.url}/_simulator/{command}", json=arguments, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def books(self) -> list[BookOrder]:
        """Every order that the exchanges ever had."""
        found: list[BookOrder] = self.simulate("orders")
        return found

    def tables(self) -> Tables:
        """Every order, cancel request and log row, read past the system."""
        orders, cancels = self._rows(Order, "orders"), self._rows(CancelRequest, "cancel_queue")
        return Tables(
            orders={row.order_id: row for row in orders},
            cancels={row.cancel_id: row for row in cancels},
            events=self._rows(EventLog, "strategy_order_logs"),
        )

    def _rows(self, kind: type[T], table: str) -> list[T]:
        pages = self._client.get_paginator("scan").paginate(TableName=f"{TABLES}-{table}", ConsistentRead=True)
        items = itertools.chain.from_iterable(page["Items"] for page in pages)
        return [from_model(kind, MODELS[kind].from_raw_data(item)) for item in items]

    def _prepare(self) -> None:
        """Accounts, strategies, and money enough for everything."""
        for account_id, account in ACCOUNTS.items():
            self._put(f"accounts/{account_id}", dict(account))
        for strategy_id, accounts in STRATEGIES.items():
            shares = [{"account_id": name, "weight": "1"} for name in accounts]
            body = {"name": strategy_id, "symbols": list(SYMBOLS), "accounts": shares, "token": TOKEN}
            self._put(f"strategies/{strategy_id}", body)
        for exchange, wallet in _PURSES:
            self.simulate("deposit", exchange=exchange, key=TEST_KEY, asset="USDT", amount=_RICH, wallet=wallet)

    def _put(self, path: str, body: Mapping[str, Any]) -> None:
        answer = self.stack.call("PUT", f"/api/v1/{path}", body)
        assert answer.status_code in (200, 201), answer.text

    def _end(self) -> None:
        try:
            self.stack.stop()
        except (subprocess.TimeoutExpired, ProcessLookupError):
            self.stack.kill()
        self._client.close()
        self._exchanges.stop()
        self._database.stop()


def spread(dice: random.Random, mean: float) -> float:
    """Seconds until something random happens again."""
    return min(dice.expovariate(1 / mean), 3 * mean)
