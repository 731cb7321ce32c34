"""Runs the app as AWS would, one invocation after the other, and measures what each asks, takes and prints."""

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import boto3

from chalicelib.settings import EXCHANGE_URLS
from infra.deployment.settings import function_settings
from infra.event_sources import load_mappings
from infra.local.context import LocalContext
from infra.local.gateway import Gateway, Reply
from infra.local.streams import StreamRunner
from infra.local.tables import create_tables
from infra.local.worker import scheduled_event
from tests.benchmarks.clients.market import SECRET, key_of
from tests.benchmarks.costs_counting import AwsCounter
from tests.benchmarks.costs_units import Units
from tests.benchmarks.simulated import Simulator, simulator
from tests.meters import figures_in

PREFIX = "costs"
STRATEGY, TOKEN, ADMIN_TOKEN = "costs", "costs-token", "costs-admin-token"
EXCHANGES = ("binance", "bybit", "upbit")
HUNT_EVERY = 1.0
"""Seconds between two orphan hunts here, so that there is one whenever a second is waited for."""

EXCHANGE_LATENCY_MS = 50
_ROUNDS = 3
_ALERT = {"strategy": STRATEGY, "token": TOKEN, "symbol": "BTCUSDT", "side": "buy"}
_PLATFORM_LINES = (
    "INIT_START Runtime Version: python:3.11.v109\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:" + "0" * 64,
    f"START RequestId: {'0' * 36} Version: $LATEST",
    f"END RequestId: {'0' * 36}",
    f"REPORT RequestId: {'0' * 36}\tDuration: 100.00 ms\tBilled Duration: 100 ms\tMemory Size: 1769 MB"
    "\tMax Memory Used: 100 MB\tInit Duration: 400.00 ms",
)
"""What Lambda itself writes at an invocation."""

_PER_LOG_EVENT = 26
"""Bytes that CloudWatch adds to each line."""


@dataclass
class Used:
    """What some invocations used, in all."""

    units: Units = field(default_factory=Units)
    calls: Counter[str] = field(default_factory=Counter)
    """Of AWS's services, as `dynamodb.GetItem`."""
    invocations: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    """Of each function: the median over some rounds."""
    http_requests: int = 0
    answer_bytes: int = 0
    exchange_requests: int = 0
    stored: tuple[int, ...] = (0, 0)
    """Bytes that came to the tables, and to their indexes."""
    log_bytes: int = 0
    metrics: set[tuple[str, ...]] = field(default_factory=set)


@dataclass
class Runs:
    """What is measured, by the thing that is done; the bill is made of these."""

    sweep: Used
    reconcile: Used
    hunt: Used
    """A reconcile with an orphan hunt; nothing is open."""
    market: Used
    limit: Used
    resting: Used
    """The same with the orders of one LIMIT alert open."""
    cancel: Used


class App:
    """The app of this process, called as API Gateway, the stream and the schedules call it."""

    def __init__(self, exchanges: Simulator, stream_arn: str, streams: Any, counter: AwsCounter) -> None:
        import app

        self._functions = app
        self._exchanges = exchanges
        self._counter = counter
        self._settings = function_settings()
        self._gateway = Gateway(app.app, self._settings["api_handler"]["lambda_timeout"], "127.0.0.1")
        self._seconds: dict[str, float] = {}
        self._used = Used()
        self._numbers = itertools.count()
        self._tag = ""
        self._placed: list[str] = []
        # One record an invocation: the most that it can be, for batches of other orders run beside each other.
        mappings = {name: replace(mapping, batch_size=1) for name, mapping in load_mappings().items()}
        handlers = {mapping: self._streamed(name) for name, mapping in mappings.items()}
        self._stream = StreamRunner(stream_arn, handlers, streams, self._gave_up)

    def set_up(self) -> None:
        """Three accounts with keys of their own, and a strategy over them."""
        for exchange in EXCHANGES:
            credentials = {"api_key": key_of(0), "api_secret": SECRET}
            self._admin("PUT", f"accounts/{exchange}", {"exchange": exchange, "credentials": credentials})
        accounts = [{"account_id": exchange} for exchange in EXCHANGES]
        body = {"name": STRATEGY, "symbols": ["BTC/USDT"], "accounts": accounts, "token": TOKEN}
        self._admin("PUT", f"strategies/{STRATEGY}", body)

    def market(self) -> None:
        """100 USDT on each account, filled at once."""
        answer = self._alert(order_type="MARKET", quote_amount="100")
        if answer["successful_accounts"] != len(EXCHANGES):
            raise RuntimeError(f"the MARKET alert under test went wrong: {answer}")

    def limit(self) -> None:
        """Far below the market, so that it rests; the stream has it placed."""
        self._tag = f"tag-{next(self._numbers)}"
        answer = self._alert(order_type="LIMIT", quantity="0.01", price="50000", tag=self._tag)
        self._placed += [result["order_id"] for result in answer["execution_results"]]
        self.stream()

    def cancel(self) -> None:
        """The orders of the last LIMIT alert."""
        answer = self._alert(order_type="CANCEL", tag=self._tag)
        self.stream()
        if answer["successful_accounts"] != len(EXCHANGES):
            raise RuntimeError(f"the CANCEL alert under test went wrong: {answer}")

    def cancel_all(self) -> None:
        """Whatever is open."""
        self._alert(order_type="CANCEL_ALL")
        self.stream()

    def rest(self) -> None:
        """A LIMIT alert to be cancelled, by a function that does not know of it."""
        self.limit()
        self.forget()

    def check_placed(self) -> None:
        """Every LIMIT order so far was placed, and rests unless it was cancelled."""
        for order_id in self._placed:
            order = self._admin("GET", f"orders/{order_id}")
            if order["status"] not in ("OPEN", "CANCELLED"):
                raise RuntimeError(f"a LIMIT order under test is {order['status']}: {order}")

    def forget(self) -> None:
        """What a warm function remembers of strategies and accounts; most alerts meet a cold one."""
        from chalicelib import runtime

        self.stream()
        runtime.services().cache.clear()

    def sweep(self) -> None:
        """With nothing due."""
        self._scheduled("sweep")

    def reconcile(self) -> None:
        """Without a hunt, if one was less than HUNT_EVERY ago."""
        self._scheduled("reconcile")

    def hunt(self) -> None:
        """A reconcile with an orphan hunt."""
        time.sleep(HUNT_EVERY * 1.2)
        self._scheduled("reconcile")

    def stream(self) -> None:
        """Hand the stream's records over until no function has found any more."""
        while sum(poller.step() == 0.0 for poller in self._stream.pollers):
            pass

    def measured(self, work: Callable[[], object], before: Callable[[], object], rounds: int = _ROUNDS) -> Used:
        """One run counted, then some timed. `before` comes before each, and does not count."""
        before()
        requests, stored = len(self._exchanges.command("requests")), self._counter.stored()
        self._used = used = Used()
        with printed() as text, self._counter.counting() as asked:
            work()
        self._used = Used()
        used.units, used.calls = asked.units, asked.calls
        used.stored = tuple(new - old for new, old in zip(self._counter.stored(), stored, strict=True))
        used.exchange_requests = len(self._exchanges.command("requests")) - requests
        lines = [*text(), *_PLATFORM_LINES * sum(used.invocations.values())]
        used.log_bytes = sum(len(line.encode()) + _PER_LOG_EVENT for line in lines)
        used.metrics = set(figures_in("\n".join(lines)))
        used.seconds = self._timed(work, before, rounds)
        return used

    def _timed(self, work: Callable[[], object], before: Callable[[], object], rounds: int) -> dict[str, float]:
        took: dict[str, list[float]] = {}
        self._exchanges.command("set_latency", ms=EXCHANGE_LATENCY_MS)
        for _ in range(rounds):
            before()
            self._used = Used()
            work()
            for name, seconds in self._used.seconds.items():
                took.setdefault(name, []).append(seconds)
        self._exchanges.command("set_latency", ms=0)
        return {name: statistics.median(seconds) for name, seconds in took.items()}

    def _alert(self, **fields: Any) -> dict[str, Any]:
        body = json.dumps({**_ALERT, "alert_id": f"alert-{next(self._numbers)}", **fields}).encode()
        headers = {"content-type": "application/json"}
        reply = self._invoke("api_handler", lambda: self._gateway.answer("POST", "/api/v1/webhook", headers, body))
        self._used.http_requests += 1
        self._used.answer_bytes += _answer_size(reply)
        return _content(reply)

    def _admin(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Not measured."""
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}", "content-type": "application/json"}
        data = json.dumps(body).encode() if body is not None else b""
        return _content(self._gateway.answer(method, f"/api/v1/{path}", headers, data))

    def _scheduled(self, name: str) -> None:
        context = LocalContext(name, self._settings[name]["lambda_timeout"])
        self._invoke(name, lambda: getattr(self._functions, name)(scheduled_event(name), context))

    def _streamed(self, name: str) -> Callable[[Any, Any], Any]:
        return lambda event, context: self._invoke(name, lambda: getattr(self._functions, name)(event, context))

    def _invoke(self, name: str, call: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        answer = call()
        self._used.invocations[name] += 1
        self._used.seconds[name] = self._used.seconds.get(name, 0.0) + time.perf_counter() - started
        return answer

    def _gave_up(self, discarded: Any) -> None:
        raise RuntimeError(f"a stream record under test was given up: {discarded}")


@contextmanager
def running_app() -> Iterator[App]:
    """The app on a database and exchanges of its own, each in its own process."""
    with ExitStack() as stack:
        database = stack.enter_context(_database())
        exchanges = stack.enter_context(simulator(1))
        os.environ |= _environment(database, exchanges.url)
        client, streams = boto3.client("dynamodb"), boto3.client("dynamodbstreams")
        stream_arn = create_tables(client, PREFIX)
        os.environ["ORDERS_STREAM_ARN"] = stream_arn
        counter = stack.enter_context(AwsCounter(client, PREFIX).in_place())
        app = App(exchanges, stream_arn, streams, counter)
        app.set_up()
        yield app


def run_everything(app: App) -> Runs:
    """Each is done once before, so that only what is done each time is measured; a cold start is measured apart."""
    with printed():
        for work in (app.market, app.limit, app.cancel, app.sweep, app.hunt):
            work()
        sweep, reconcile = app.measured(app.sweep, _nothing), app.measured(app.reconcile, app.hunt)
        hunt = app.measured(app.hunt, _nothing)
        market = app.measured(app.market, app.forget)
        limit = app.measured(app.limit, app.forget)
        app.cancel_all()
        app.limit()
        app.hunt()
        resting = app.measured(app.hunt, _nothing)
        app.cancel_all()
        cancel = app.measured(app.cancel, app.rest)
        app.check_placed()
    return Runs(sweep, reconcile, hunt, market, limit, resting, cancel)


@contextmanager
def printed() -> Iterator[Callable[[], list[str]]]:
    """What goes to standard output and standard error meanwhile, whoever writes it: the lines that Lambda would log."""
    found: list[str] = []
    kept = [(stream, os.dup(stream.fileno())) for stream in (sys.__stdout__, sys.__stderr__) if stream]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        for stream, _ in kept:
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
        try:
            yield lambda: found
        finally:
            for stream, number in kept:
                stream.flush()
                os.dup2(number, stream.fileno())
                os.close(number)
            file.seek(0)
            found += file.read().splitlines()


@contextmanager
def _database() -> Iterator[str]:
    """In a process of its own, so that its work is not taken for the app's; it ends with its standard input."""
    command = [sys.executable, "-m", "infra.local.database", "--port", "0", "--exit-with-parent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]


def _environment(database: str, exchanges: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_DYNAMODB": database,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": database,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": database,
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "ENVIRONMENT": "costs",
        "TABLE_PREFIX": PREFIX,
        "USE_MOCK_EXCHANGE": "false",
        "RECONCILE_INTERVAL": f"{HUNT_EVERY:g}",
        **dict.fromkeys(EXCHANGE_URLS, exchanges),
    }


def _nothing() -> None:
    """Nothing comes before."""


def _content(reply: Reply) -> dict[str, Any]:
    if reply.status >= 300:
        raise RuntimeError(f"a request under test was answered {reply.status}: {reply.body[:500]!r}")
    document: dict[str, Any] = json.loads(reply.body)
    return document


def _answer_size(reply: Reply) -> int:
    return len(reply.body) + sum(len(name) + len(value) + 4 for name, value in reply.headers)
