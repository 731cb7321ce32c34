"""A cold function: from the start of the interpreter to the alert's first request at the exchange, and to its end.

DynamoDB and Secrets Manager are the stub, which answers after 4 ms. The exchange is the simulator, without TLS: what a
process pays for that once is measured beside it. When a request came in is told by the simulator's own journal.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pynamodb.models import Model

from chalicelib.domain.strategies import Account, AccountShare, Strategy, token_hash
from chalicelib.store.rows import to_model
from chalicelib.store.tables import RulesRow
from infra.deployment.health import health_event
from tests.benchmarks.clients.market import SECRET, key_of
from tests.benchmarks.costs_units import load_tables
from tests.benchmarks.simulated import Simulator, simulator

STRATEGY, TOKEN, ACCOUNT, KEY_SECRET = "cold", "cold-token", "cold-1", "cold-1-key"
_FUNCTION = Path(__file__).with_name("packaged_function.py")
CLEAN = ("-I", "-S", "-B")
"""Nothing but the standard library on its path; no bytecode is written, for Lambda's file system takes none."""

_LAMBDA = {
    "AWS_ACCESS_KEY_ID": "cold",
    "AWS_SECRET_ACCESS_KEY": "cold",
    "AWS_SESSION_TOKEN": "cold",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
    "AWS_LAMBDA_FUNCTION_NAME": "trading-bot-dev",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/trading-bot-dev",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "_HANDLER": "app.app",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
}
"""What Lambda itself sets."""


@dataclass(frozen=True)
class Way:
    """An interpreter's options, and the folders that it looks into beside the standard library."""

    options: Sequence[str]
    path: Sequence[str]


@dataclass
class Took:
    """Seconds since the interpreter was started, and MB; one for each run."""

    import_done: list[float] = field(default_factory=list)
    first_request: list[float] = field(default_factory=list)
    order: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


class ColdStarts:
    """Starts functions in the environment that Lambda gives them."""

    def __init__(self, exchanges: Simulator, environment: Mapping[str, str]) -> None:
        self._exchanges = exchanges
        self._environment = environment
        self._sent = 0

    def measure(self, ways: Mapping[str, Way], runs: int) -> dict[str, Took]:
        """In turns, so that a slow moment hits all; the first round warms the machine, and does not count."""
        took = {name: Took() for name in ways}
        for number in range(runs + 1):
            for name, way in ways.items():
                self._run(way, took[name] if number else Took())
        return took

    def bare(self, runs: int) -> list[float]:
        """The interpreter alone."""
        seconds = []
        for _ in range(runs + 1):
            started = time.perf_counter()
            subprocess.run([sys.executable, *CLEAN, "-c", "pass"], env=self._environment, check=True)
            seconds.append(time.perf_counter() - started)
        return seconds[1:]

    def tls(self, way: Way) -> float:
        """What the SSL context takes, which is built for an exchange's https."""
        code = (
            f"import sys; sys.path[:0] = {list(way.path)!r}\n"
            "import time; from chalicelib.exchanges.transport import ssl_context\n"
            "started = time.perf_counter(); ssl_context(); print(time.perf_counter() - started)"
        )
        command = [sys.executable, *way.options, "-c", code]
        times = [float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(3)]
        return statistics.median(times)

    def _run(self, way: Way, took: Took) -> None:
        self._sent += 1
        event = json.dumps(alert_event(self._sent))
        command = [sys.executable, *way.options, str(_FUNCTION), *way.path]
        started = time.time()
        done = subprocess.run(
            command,
            env=self._environment,
            input=event,
            capture_output=True,
            text=True,
            check=False,
        )
        ended = time.time()
        if done.returncode:
            raise RuntimeError(f"the cold function ended with {done.returncode}: {done.stderr[-2000:]}")
        result = json.loads(done.stdout.splitlines()[-1])
        _check(result, way, done.stderr)
        requests = [row for row in self._exchanges.command("requests") if row["at_ms"] / 1000 >= started]
        took.import_done.append(result["imported"] - started)
        took.first_request.append(requests[0]["at_ms"] / 1000 - started)
        took.order.append(next(row["at_ms"] for row in requests if row["operation"] == "create") / 1000 - started)
        took.ended.append(ended - started)
        took.memory.append(result["peak_mb"])


@contextmanager
def cold_starts(deployed: Mapping[str, str]) -> Iterator[ColdStarts]:
    """`deployed`: what the deployment sets on every function."""
    with ExitStack() as stack:
        exchanges = stack.enter_context(simulator(1))
        stub = stack.enter_context(_stub(_known(deployed["TABLE_PREFIX"], exchanges.url)))
        environment = {
            **_LAMBDA,
            **deployed,
            "USE_MOCK_EXCHANGE": "false",
            "BINANCE_SPOT_URL": exchanges.url,
            "AWS_ENDPOINT_URL_DYNAMODB": stub,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": stub,
            "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
        }
        yield ColdStarts(exchanges, environment)


def alert_event(number: int) -> dict[str, Any]:
    """A MARKET alert as API Gateway hands it over; none is like another, or it would be a duplicate."""
    body = {
        "strategy": STRATEGY,
        "token": TOKEN,
        "order_type": "MARKET",
        "symbol": "BTCUSDT",
        "side": "sell",
        "quantity": "0.001",
        "alert_id": f"cold-{number}",
    }
    path, plain = "/api/v1/webhook", health_event()
    headers = {"Content-Type": "application/json", "Host": "abc.execute-api.us-east-1.amazonaws.com"}
    context = {"resourcePath": path, "path": f"/api{path}", "httpMethod": "POST", "requestId": f"cold-{number}"}
    return {
        **plain,
        "resource": path,
        "path": path,
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": {**plain["requestContext"], **context},
        "body": json.dumps(body),
    }


@contextmanager
def _stub(known: Mapping[str, Any]) -> Iterator[str]:
    """In a process of its own; it ends with its standard input."""
    command = [sys.executable, "-m", "tests.benchmarks.packaged_stub"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        print(json.dumps(known), file=process.stdin, flush=True)
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


def _known(prefix: str, host: str) -> dict[str, Any]:
    """A strategy over one account at Binance whose key is a secret of its own, and the rules of one market."""
    now = datetime.now(UTC)
    account = Account(
        account_id=ACCOUNT,
        exchange="binance",
        market="spot",
        testnet=False,
        enabled=True,
        secret_name=KEY_SECRET,
        created_at=now,
        updated_at=now,
    )
    strategy = Strategy(
        strategy_id=STRATEGY,
        name=STRATEGY,
        enabled=True,
        symbols=("BTC/USDT",),
        accounts=(AccountShare(ACCOUNT, Decimal(1)),),
        max_order_notional=None,
        token_hash=token_hash(TOKEN),
        halted=False,
        created_at=now,
        updated_at=now,
    )
    step = Decimal("0.00001")
    rules = RulesRow(
        f"binance-spot {host}",
        "BTC/USDT",
        tick_size=Decimal("0.01"),
        quantity_step=step,
        min_quantity=step,
        min_notional_applies_to_market=True,
        trading=True,
        fetched_at=now,
        ttl=int(now.timestamp()) + 86_400,
    )
    rows: dict[str, Model] = {"strategies": to_model(strategy), "accounts": to_model(account), "market_rules": rules}
    items = {f"{prefix}-{name}": [model.serialize()] for name, model in rows.items()}
    tables = load_tables(prefix)
    return {
        "items": {name: items.get(name, []) for name in tables},
        "keys": {name: table.keys for name, table in tables.items()},
        "secrets": {KEY_SECRET: json.dumps({"api_key": key_of(0), "api_secret": SECRET})},
    }


def _check(result: Mapping[str, Any], way: Way, logged: str) -> None:
    """The order was filled, by the app that was to be measured."""
    answer = result["answer"]
    if answer["statusCode"] != 200 or json.loads(answer["body"])["successful_accounts"] != 1:
        raise RuntimeError(f"the alert under test went wrong: {answer}; {logged[-2000:]}")
    if not any(result["app"].startswith(folder) for folder in way.path):
        raise RuntimeError(f"another app was measured: {result['app']}")
