"""The whole system as a user starts it, for tests: processes, HTTP, kill -9."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parent.parent.parent
ADMIN = "system-test-admin"
START_PATIENCE = 40.0


class Stack:
    """One `infra/run`, on a free port, with its output kept."""

    def __init__(
        self, log: Path, *flags: str, environment: Mapping[str, str] | None = None, schedule_seconds: float = 2
    ) -> None:
        self.port = free_port()
        self.log = log
        self._flags = flags
        self._environment = {
            **plain_environment(),
            "ADMIN_TOKEN": ADMIN,
            "PORT": str(self.port),
            "LOCAL_SCHEDULE_SECONDS": str(schedule_seconds),
            "MAX_ALERT_AGE": "60",
            **(environment or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def start(self) -> "Stack":
        """Start it and wait until it says that it runs."""
        already = self.output().count("Ctrl-C stops everything")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "infra.local.main", *self._flags],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(
            lambda: self.output().count("Ctrl-C stops everything") > already or self._process.poll() is not None,
            START_PATIENCE,
            "the stack to start",
        )
        assert self._process.poll() is None, self.output()[-2000:]
        return self

    def stop(self, number: int = signal.SIGINT) -> int | None:
        """Signal the whole process group and wait for the end."""
        self.client.close()
        if self._process is None or self._process.poll() is not None:
            return None
        os.killpg(self._process.pid, number)
        return self._process.wait(10)

    def kill(self) -> None:
        """kill -9 of everything but the database, which is in a group of its own."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def output(self) -> str:
        """Everything that was printed and logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """An admin's request."""
        return self.client.request(method, path, json=body, headers={"Authorization": f"Bearer {ADMIN}"})

    def alert(self, **fields: Any) -> httpx.Response:
        """TradingView's request."""
        return self.client.post("/api/v1/webhook", json=fields)

    def order(self, order_id: str) -> dict[str, Any]:
        """One order as it is now."""
        return self.call("GET", f"/api/v1/orders/{order_id}").json()

    def wait_order(self, order_id: str, status: str, seconds: float) -> dict[str, Any]:
        """The order once it has that status."""
        wait_for(lambda: self.order(order_id)["status"] == status, seconds, f"{order_id} to be {status}")
        return self.order(order_id)

    def trade_on(self, strategy: str, *accounts: Mapping[str, Any]) -> dict[str, str]:
        """A strategy of that name with mock accounts of these options; returns what an alert needs."""
        names = [f"{strategy}-{number}" for number, _ in enumerate(accounts, 1)]
        for name, options in zip(names, accounts, strict=True):
            self.set_options(name, **{"success_rate": 1, "delay_ms": 20, **options})
        body = {
            "name": strategy,
            "symbols": ["BTC/USDT", "ETH/USDT"],
            "accounts": [{"account_id": name, "weight": "1"} for name in names],
            "token": f"token-of-{strategy}",
        }
        assert self.call("PUT", f"/api/v1/strategies/{strategy}", body).status_code in (200, 201)
        return {"strategy": strategy, "token": body["token"]}

    def set_options(self, account_id: str, **options: Any) -> None:
        """Change how the mock treats an account."""
        answer = self.call("PUT", f"/api/v1/accounts/{account_id}", {"exchange": "mock", "options": options})
        assert answer.status_code in (200, 201), answer.text

    def api_process(self) -> int:
        """The process that serves the API."""
        return process_of(f"infra.local.api --port {self.port}")

    def child(self, module: str) -> int | None:
        """The process of this very stack that runs that module; None while there is none."""
        assert self._process is not None
        command = ["pgrep", "-P", str(self._process.pid), "-f", "--", f"-m {module} "]
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
        return int(found[0]) if found else None

    def simulator(self) -> str:
        """The address of its simulator of the exchanges."""
        found = re.search(r"simulated at (\S+)", self.output())
        assert found is not None, "this stack has no simulator"
        return found[1]

    def simulate(self, command: str, **arguments: Any) -> Any:
        """A command to the simulator."""
        answer = httpx.post(f"{self.simulator()}/_simulator/{command}", json=arguments)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]


def order_ids(answer: httpx.Response) -> list[str]:
    """Ids of an alert's orders."""
    return [result["order_id"] for result in answer.json()["execution_results"]]


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Poll until it holds; fails with `what` after `seconds`."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def plain_environment() -> dict[str, str]:
    """This process's environment less what points the other tests at their database, and anybody at an exchange."""
    others = ("AWS_", "TABLE_PREFIX", "USE_MOCK_EXCHANGE", "BINANCE_", "BYBIT_", "UPBIT_")
    return {name: value for name, value in os.environ.items() if not name.startswith(others)}


def process_of(command: str) -> int:
    """The process with these words in its command line."""
    found = subprocess.run(["pgrep", "-f", command], capture_output=True, text=True, check=True)
    return int(found.stdout.split()[0])


def answers(url: str) -> bool:
    """Whether anybody listens there."""
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_command(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Start the stack where it cannot start; it must end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "infra.local.main", *arguments],
        cwd=ROOT,
        env={**plain_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
