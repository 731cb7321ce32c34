"""The embedded database of the local stack: DynamoDB, its streams, Secrets Manager and SQS on 127.0.0.1.

`python -m infra.local.database --port 8001` serves until SIGINT or SIGTERM; `serve` does it inside a process.
Everything is kept in memory and is gone when it ends. The server itself serves `infra.local.cloud` too.
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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import unquote
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


@dataclass(frozen=True)
class Request:
    """One request as it came in: the path with its query, undecoded."""

    method: str
    path: str
    headers: Message
    body: bytes


Route = Callable[[Request], WSGIApplication | None]
"""Names the application that answers a request; None refuses it as one of an unknown service."""


class Database:
    """A database that answers at `url` from background threads, until `stop`."""

    def __init__(self, server: "Server") -> None:
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
    server = Server(port)
    applications = _applications()
    server.route = lambda request: applications.get(target_of(request))
    return Database(server)


def main(arguments: Sequence[str] | None = None) -> int:
    return serve_forever("database", serve, DEFAULT_PORT, __doc__.splitlines()[0], arguments)


def serve_forever(
    name: str,
    start: Callable[[int], Database],
    default_port: int,
    description: str,
    arguments: Sequence[str] | None = None,
) -> int:
    """The command of a server: says where it listens, and ends with a signal or, if asked to, with its parent."""
    options = _parse(name, default_port, description, arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    if options.exit_with_parent:
        threading.Thread(target=exit_at_end_of_input, daemon=True).start()
    try:
        server = start(options.port)
    except PortUnavailableError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    print(f"{name} listening on {server.url}", flush=True)
    threading.Event().wait()
    return 0


def _parse(name: str, default_port: int, description: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(f"python -m infra.local.{name}", description=description)
    parser.add_argument("--port", type=int, default=default_port, help=f"0: any free one (default: {default_port})")
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


def target_of(request: Request) -> str:
    """The first half of X-Amz-Target, which names the service of requests in JSON."""
    return request.headers.get("X-Amz-Target", "").partition(".")[0]


class Server(socketserver.ThreadingTCPServer):
    """Hands each request to the application that `route` names; whoever makes one sets `route` before it serves."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int) -> None:
        self.route: Route = lambda _: None
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

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer on an open connection waits 40 ms for an ACK
    wbufsize = -1  # one packet per answer

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # its sender was killed: nobody waits for an answer
            self.close_connection = True
            return
        if "Origin" in self.headers:
            # No SDK sends it, every browser does: a web page must not reach the secrets kept here.
            self._refuse(403, "AccessDeniedException", "not for browsers")
            return
        request = Request(self.command, self.path, self.headers, body)
        application = self.server.route(request)
        if application is None:
            message = f"unknown service: X-Amz-Target {target_of(request)!r}, path {self.path!r}"
            self._refuse(400, "UnknownOperationException", message)
        else:
            self._forward(application, body)

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - the names that the base class calls

    def _forward(self, application: WSGIApplication, body: bytes) -> None:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Any:
            started.append((status, headers))

        try:
            content = b"".join(application(self._environ(body), start_response))
        except NotImplementedError as error:
            self._refuse(501, "NotImplemented", str(error))  # no server error: the SDK would try it again
            return
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
            "PATH_INFO": unquote(path, "latin-1"),
            "RAW_URI": self.path,
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
