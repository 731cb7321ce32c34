"""Starts the whole system on this machine, and ends with all of it."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.settings import SettingsError
from infra.local import demo
from infra.local.banner import banner, exchanges_line, slow_exchange
from infra.local.environment import (
    SWEEP_FUNCTION,
    LocalSettings,
    read_settings,
    stack_environment,
    stop_with,
)
from infra.local.exchanges import exchange_environment, uses_mock, wants_simulator
from infra.local.tables import create_queues, create_tables

SIMULATOR = "infra.simulator"

_START_PATIENCE = 30.0
_RESTART_PAUSE = 0.5


class Child:
    """One process of the stack. It dies with us, for its standard input ends then; a kill -9 included."""

    def __init__(self, module: str, arguments: Sequence[str], environment: dict[str, str], *, own_group: bool) -> None:
        self.module = module
        self._command = [sys.executable, "-m", module, *arguments]
        self._environment = environment
        self._own_group = own_group
        self._process: subprocess.Popen[str] | None = None

    def start(self, ready: str) -> str:
        """Start it and wait for its line that begins with `ready`. Raises RuntimeError."""
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
            start_new_session=self._own_group,
        )
        self._process = process
        lines: Iterable[str] = process.stdout or []
        line = next(iter(lines), "")
        if not line.startswith(ready):
            process.kill()
            raise RuntimeError(f"{self.module} did not start")
        threading.Thread(target=_copy, args=(lines,), daemon=True).start()
        return line.strip()

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else None

    def stop(self) -> None:
        """End it now: what it had in hand is settled at the next start, that is what the system is for."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C; a process that dies is started again, as Lambda would."""
    options = _parse(arguments)
    # SIGINT too: a shell starts its background jobs with it ignored, and Python would leave it so.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    children: list[Child] = []
    try:
        settings = read_settings()
        _check_port(settings.port)
        simulated = wants_simulator()
        environment = _start_database(settings, children)
        simulator = _start_simulator(children) if simulated else None
        environment |= exchange_environment(simulator)
        _start_processes(settings, options, environment, children)
        base = f"http://127.0.0.1:{settings.port}"
        demo.create_demo(base, environment["ADMIN_TOKEN"], on_mock=uses_mock())
        _print_banner(base, environment, settings, simulator)
        _watch(children)
    except SettingsError as error:
        return stop_with(str(error))
    except (RuntimeError, OSError) as error:
        return stop_with(f"{error}")
    except KeyboardInterrupt:
        print("\nstopping", flush=True)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for child in reversed(children):
            child.stop()
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("infra/run", description=__doc__)
    parser.add_argument("--no-stream", action="store_true", help="leave out the orders stream: schedules do it all")
    parser.add_argument("--no-wake", action="store_true", help="leave out the wake-up calls of the sweep")
    return parser.parse_args(arguments)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise RuntimeError(f"port {port} cannot be used ({error.strerror}): set PORT to a free one") from None


def _start_database(settings: LocalSettings, children: list[Child]) -> dict[str, str]:
    """The embedded AWS, also where DynamoDB is somebody else's: credentials and dead letters need a place."""
    database = Child("infra.local.database", ["--port", "0", "--exit-with-parent"], dict(os.environ), own_group=True)
    children.append(database)
    url = database.start("database listening on ").rpartition(" ")[2]
    environment = stack_environment(url, settings.foreign_database)
    environment["AWS_ENDPOINT_URL_SQS"] = url
    create_queues(_client("sqs", url, environment))
    environment["ORDERS_STREAM_ARN"] = _create_tables(settings, environment)
    return environment


def _start_simulator(children: list[Child]) -> str:
    """The exchanges, and their address. The port is chosen here, for it stays the same when they are started again:
    orders remember where they were placed."""
    simulator = Child(SIMULATOR, ["--port", str(_free_port()), "--exit-with-parent"], dict(os.environ), own_group=True)
    children.append(simulator)
    return simulator.start("simulator listening on ").rpartition(" ")[2]


def _create_tables(settings: LocalSettings, environment: dict[str, str]) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    url = environment["AWS_ENDPOINT_URL_DYNAMODB"]
    try:
        return create_tables(_client("dynamodb", url, environment), settings.table_prefix)
    except (BotoCoreError, ClientError, ValueError) as error:
        raise RuntimeError(f"AWS_ENDPOINT_URL_DYNAMODB={url} cannot be used: {error}") from None


def _client(service: str, url: str, environment: dict[str, str]) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=url,
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2}),
    )


def _start_processes(
    settings: LocalSettings, options: argparse.Namespace, environment: dict[str, str], children: list[Child]
) -> None:
    invoke_port = _free_port()
    environment["AWS_ENDPOINT_URL_LAMBDA"] = f"http://127.0.0.1:{invoke_port}"
    if not options.no_wake:
        environment["SWEEP_FUNCTION_NAME"] = SWEEP_FUNCTION
    flags = ["--no-stream"] if options.no_stream else []
    timing = ["--invoke-port", str(invoke_port), "--every", str(settings.schedule_seconds)]
    worker = Child("infra.local.worker", [*timing, *flags], environment, own_group=False)
    api = Child("infra.local.api", ["--port", str(settings.port)], environment, own_group=False)
    children += [worker, api]
    starting = threading.Thread(target=worker.start, args=("workers ready",))
    starting.start()
    api.start("api listening")
    starting.join(_START_PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _watch(children: list[Child]) -> None:
    while True:
        for child in children:
            code = child.exit_code()
            if code is None:
                continue
            if child.module == "infra.local.database":
                raise RuntimeError("the database ended; everything in it is gone")
            lost = "; its orders and balances are gone" if child.module == SIMULATOR else ""
            print(f"{child.module} ended ({code}){lost}; starting it again", flush=True)
            time.sleep(_RESTART_PAUSE)
            child.start("")
        time.sleep(0.2)


def _copy(lines: Any) -> None:
    for line in lines:
        print(line, end="", flush=True)


def _print_banner(base: str, environment: dict[str, str], settings: LocalSettings, simulator: str | None) -> None:
    lines = banner(
        base,
        environment["AWS_ENDPOINT_URL_DYNAMODB"],
        settings.table_prefix,
        environment["ADMIN_TOKEN"],
        settings.schedule_seconds,
        exchanges_line(simulator, on_mock=uses_mock()),
    )
    print(lines + (slow_exchange(base, simulator) if simulator else "") + "Ctrl-C stops everything.\n", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
