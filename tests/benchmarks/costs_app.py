"""The app of this process, called as AWS would call it, and what each call asks, takes and prints."""

import itertools
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from infra.deployment.settings import function_settings
from infra.event_sources import load_mappings
from infra.local.context import LocalContext
from infra.local.gateway import Gateway, Reply
from infra.local.stream_delivery import Discarded
from infra.local.streams import StreamRunner
from infra.local.worker import scheduled_event
from tests.benchmarks.clients.market import SECRET, key_of
from tests.benchmarks.costs_counting import AwsCounter, printed
from tests.benchmarks.costs_units import Units
from tests.benchmarks.simulated import Simulator
from tests.meters import figures_in

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

_TROUBLES = tuple(f'"level":"{level}"' for level in ("WARNING", "ERROR", "CRITICAL"))
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


class App:
    """The app of this process, called as API Gateway, the stream and the schedules call it."""

    def __init__(self, exchanges: Simulator, stream_arn: str, streams: Any, counter: AwsCounter) -> None:
        import app

        self._functions = app
        self._exchanges = exchanges
        self._counter = counter
        self._settings = function_settings()
        self._gateway = Gateway(app.app, self._settings["api_handler"]["lambda_timeout"], "127.0.0.1")
        self._used = Used()
        self._numbers = itertools.count()
        self._tag = ""
        self._placed: list[str] = []
        # One record an invocation: the most that it can be, for batches of other orders run beside each other.
        mappings = {name: replace(mapping, batch_size=1) for name, mapping in load_mappings().items()}
        handlers = {mapping: self._streamed(name) for name, mapping in mappings.items()}
        self._given_up: list[Discarded] = []
        self._stream = StreamRunner(stream_arn, handlers, streams, self._given_up.append)

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
        if self._given_up:
            raise RuntimeError(f"stream records under test were given up: {self._given_up}")
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
        if asked.calls["lambda.Invoke"]:  # nobody stands for Lambda here, and a sweep that is woken costs too
            raise RuntimeError(f"the work under test woke the sweep: {asked.calls}")
        used.stored = tuple(new - old for new, old in zip(self._counter.stored(), stored, strict=True))
        used.exchange_requests = len(self._exchanges.command("requests")) - requests
        if troubles := [line for line in text() if any(level in line for level in _TROUBLES)]:
            raise RuntimeError(f"the work under test met with troubles: {troubles}")
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


def _content(reply: Reply) -> dict[str, Any]:
    if reply.status >= 300:
        raise RuntimeError(f"a request under test was answered {reply.status}: {reply.body[:500]!r}")
    document: dict[str, Any] = json.loads(reply.body)
    return document


def _answer_size(reply: Reply) -> int:
    return len(reply.body) + sum(len(name) + len(value) + 4 for name, value in reply.headers)
