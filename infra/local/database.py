"""The embedded database of the local stack: DynamoDB, its streams, Secrets Manager and SQS on 127.0.0.1.

`python -m infra.local.database --port 8001` serves until SIGINT or SIGTERM; `serve` does it inside a process.
Everything is kept in memory and is gone when it ends.
"""

import argparse
import contextlib
import io
import json
import os
import signal
import socket
import socketserver
import sys
import threading
import traceback
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Literal, Self
from wsgiref.types import WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"
DEFAULT_PORT = 8001

# By the first half of X-Amz-Target, which every request to these four carries.
SERVICE_BY_TARGET: dict[str, Literal["dynamodb", "dynamodbstreams", "secretsmanager", "sqs"]] = {
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "secretsmanager": "secretsmanager",
    "AmazonSQS": "sqs",
}


class PortUnavailableError(Exception):
    """The port cannot be listened on, as a rule because something else does."""


class Database:
    """A database that answers at `url` from background threads, until `stop`."""

    def __init__(self, server: "_Server") -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def reset(self) -> None:
        """Forget all tables, streams, secrets and queues of every account and region of this process."""
        from moto.core.base_backend import BackendDict

        from infra.local import moto_safety

        with moto_safety.LOCK:
            BackendDict.reset()

    def stop(self) -> None:
        """Stop listening and drop every open connection. The data stays until `reset`."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.drop_connections()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(port: int = 0) -> Database:
    """Start a database in this process; port 0 takes any free one. It answers when this returns.

    Raises PortUnavailableError. All databases of a process share one state, as moto keeps it per process.
    """
    server = _Server(port)
    server.applications = _applications()
    return Database(server)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    if options.exit_with_parent:
        threading.Thread(target=exit_at_end_of_input, daemon=True).start()
    try:
        database = serve(options.port)
    except PortUnavailableError as error:
        print(f"database: {error}", file=sys.stderr)
        return 1
    print(f"database listening on {database.url}", flush=True)
    threading.Event().wait()
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m infra.local.database", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0: any free one (default: 8001)")
    parser.add_argument(
        "--exit-with-parent",
        action="store_true",
        help="end when standard input ends, as it does when the process at its other end dies",
    )
    return parser.parse_args(arguments)


def exit_at_end_of_input() -> None:
    """End this process when the one that holds the other end of its standard input is gone."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def _applications() -> dict[str, WSGIApplication]:
    # Imported late: moto takes half a second, and a busy port or Ctrl-C should not have to wait for it.
    from moto.moto_server.werkzeug_app import create_backend_app

    from infra.local import moto_safety

    moto_safety.install()
    return {target: create_backend_app(service).wsgi_app for target, service in SERVICE_BY_TARGET.items()}


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int) -> None:
        self.applications: dict[str, WSGIApplication] = {}
        self._connections: set[socket.socket] = set()
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            reason = f"cannot listen on {HOST}:{port}: {error.strerror}"
            raise PortUnavailableError(f"{reason}; choose another --port") from error
        self.port: int = self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle of a request is no event."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Keeps connections open; werkzeug's own server waits 10 ms after each answer and closes."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer on an open connection waits 40 ms for an ACK
    wbufsize = -1  # one packet per answer

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # its sender was killed: nobody waits for an answer
            self.close_connection = True
            return
        target = self.headers.get("X-Amz-Target", "").split(".")[0]
        application = self.server.applications.get(target)
        if "Origin" in self.headers:
            # No SDK sends it, every browser does: a web page must not reach the secrets kept here.
            self._refuse(403, "AccessDeniedException", "not for browsers")
        elif application is None:
            self._refuse(400, "UnknownOperationException", f"unknown X-Amz-Target {target!r}")
        else:
            self._forward(application, body)

    def _forward(self, application: WSGIApplication, body: bytes) -> None:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Any:
            started.append((status, headers))

        try:
            content = b"".join(application(self._environ(body), start_response))
        except Exception as error:
            traceback.print_exc()
            self._refuse(500, "InternalServerError", repr(error))
            return
        status, headers = started[-1]
        self._send(int(status.split()[0]), headers, content)

    def _refuse(self, status: int, code: str, message: str) -> None:
        content = json.dumps({"__type": code, "message": message}).encode()
        self._send(status, [("Content-Type", "application/x-amz-json-1.0")], content)

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "connection", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _environ(self, body: bytes) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": HOST,
            "SERVER_PORT": str(self.server.port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        return environ

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged per request."""


if __name__ == "__main__":
    sys.exit(main())
