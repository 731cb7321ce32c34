"""The workers' process: the functions beside the API, fed as AWS feeds them: stream, schedules, invocations."""

import argparse
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from infra.deployment.settings import function_settings
from infra.event_sources import load_mappings
from infra.local.context import LocalContext
from infra.local.database import exit_at_end_of_input
from infra.local.stream_dead_letters import DeadLetters
from infra.local.streams import StreamRunner

logger = logging.getLogger("chalicelib.local")

Handler = Callable[[dict[str, Any], Any], Any]

_INVOKE = "/2015-03-31/functions/"


class Functions:
    """Invokes Lambda handlers asynchronously, each with its reserved concurrency and no retries."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers
        self._settings = function_settings()
        self._slots = {name: threading.Semaphore(self._settings[name]["reserved_concurrency"]) for name in handlers}

    def invoke(self, name: str, event: dict[str, Any]) -> bool:
        """Start it in a thread; False where all of its slots are taken, as a throttled event is dropped."""
        if not self._slots[name].acquire(blocking=False):
            return False
        threading.Thread(target=self._run, args=(name, event), name=name, daemon=True).start()
        return True

    def __contains__(self, name: str) -> bool:
        return name in self._handlers

    def _run(self, name: str, event: dict[str, Any]) -> None:
        try:
            self._handlers[name](event, LocalContext(name, self._settings[name]["lambda_timeout"]))
        except Exception:
            logger.exception("function %s failed", name)
        finally:
            self._slots[name].release()


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until the parent dies or ends this process."""
    parser = argparse.ArgumentParser("python -m infra.local.worker")
    parser.add_argument("--invoke-port", type=int, required=True)
    parser.add_argument("--every", type=float, required=True, help="seconds between two firings of the schedules")
    parser.add_argument("--no-stream", action="store_true")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=exit_at_end_of_input, daemon=True).start()

    import app
    from chalicelib import runtime

    runtime.services()
    functions = Functions({"sweep": app.sweep, "reconcile": app.reconcile})
    server = _InvokeServer(("127.0.0.1", options.invoke_port), _InvokeHandler)
    server.functions = functions
    threading.Thread(target=server.serve_forever, name="invocations", daemon=True).start()
    if not options.no_stream:
        _start_stream({"fire_cancels": app.fire_cancels, "place_ready": app.place_ready})
    print("workers ready", flush=True)
    while True:
        for name in ("reconcile", "sweep"):
            functions.invoke(name, scheduled_event(name))
        time.sleep(options.every)


def scheduled_event(name: str) -> dict[str, Any]:
    """What EventBridge sends for a rate rule."""
    return {
        "version": "0",
        "id": f"local-{name}",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": os.environ["AWS_REGION"],
        "resources": [f"arn:aws:events:{os.environ['AWS_REGION']}:123456789012:rule/{name}"],
        "detail": {},
    }


def _start_stream(handlers: Mapping[str, Handler]) -> None:
    import boto3
    from botocore.config import Config

    mappings = load_mappings()
    client = boto3.client("dynamodbstreams")
    by_mapping = {mappings[name]: handler for name, handler in handlers.items()}
    # Never AWS's own queues: without an endpoint of ours, the log line has to do.
    impatient = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2})
    sqs = boto3.client("sqs", config=impatient) if os.environ.get("AWS_ENDPOINT_URL_SQS") else None
    timeout = min(function_settings()[name]["lambda_timeout"] for name in handlers)
    runner = StreamRunner(
        os.environ["ORDERS_STREAM_ARN"], by_mapping, client, DeadLetters(sqs).report, timeout_seconds=timeout
    )
    runner.start()


class _InvokeServer(ThreadingHTTPServer):
    """Lambda's Invoke API, as far as an asynchronous call of our own functions needs it."""

    daemon_threads = True
    functions: Functions


class _InvokeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _InvokeServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = unquote(self.path.removeprefix(_INVOKE).partition("/")[0])
        if not self.path.startswith(_INVOKE) or name not in self.server.functions:
            self._answer(404, {"Message": f"Function not found: {name}"})
            return
        started = self.server.functions.invoke(name, json.loads(body or b"{}"))
        self._answer(202 if started else 429, {} if started else {"Message": "Rate Exceeded."})

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged per request."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode() if body else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    raise SystemExit(main())
