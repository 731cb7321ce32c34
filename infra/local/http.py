"""Serves a Chalice app over HTTP on loopback with the events, limits and errors of API Gateway."""

import base64
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from http.client import responses as phrases
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, cast
from urllib.parse import quote

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LambdaContext, LocalGateway, LocalGatewayException, RouteMatcher

from infra.local.context import LocalContext

HOST = "127.0.0.1"
MAX_BODY = 10 * 1024 * 1024  # API Gateway's own limit

_LINE_LIMIT = 65536
_GATEWAY_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_HOP_BY_HOP = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding"})
_BODYLESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_CODES = {413: "PAYLOAD_TOO_LARGE", 500: "INTERNAL_ERROR"}
# What Chalice itself answers for an exception that no one caught.
_CRASH_BODY = '{"Code":"InternalServerError","Message":"An internal server error occurred."}'

logger = logging.getLogger(__name__)


def make_server(app: Chalice, port: int, timeout_seconds: float = 29) -> "LocalServer":
    """Binds the port (0 picks a free one, see `.port`); raises OSError if it is taken."""
    _give_each_thread_its_own_request(app)
    return LocalServer(app, port, timeout_seconds)


class LocalServer(ThreadingMixIn, TCPServer):
    """One thread per connection; `shutdown()` waits for the requests in hand, bounded, and frees the port."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256  # the default of 5 resets clients that come all at once

    def __init__(self, app: Chalice, port: int, timeout_seconds: float) -> None:
        self.app = app
        self.timeout_seconds = timeout_seconds
        self.stopping = False
        self._serving = False
        self._connections: set[Any] = set()
        self._changed = threading.Condition()
        super().__init__((HOST, port), _Handler)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def serve_forever(self, poll_interval: float = 0.1) -> None:
        with self._changed:
            if self.stopping:
                return
            self._serving = True
        try:
            super().serve_forever(poll_interval)
        finally:
            self.server_close()

    def shutdown(self, wait_seconds: float = 5.0) -> None:
        with self._changed:
            self.stopping = True
            serving = self._serving
        if not serving:  # the base class would wait for a loop that never ran
            self.server_close()
            return
        super().shutdown()
        with self._changed:
            for connection in self._connections:
                # An idle connection ends now, a busy one after its answer.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
            self._changed.wait_for(lambda: not self._connections, wait_seconds)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.exception("connection of %s failed", client_address)


@dataclass(frozen=True)
class _Reply:
    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)


class _RefusedError(Exception):
    """The request is answered without the app, and what is left of it is dropped with its connection."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.reply = _error(status, message)


class _Gateway(LocalGateway):
    """API Gateway as one client sees it: routes, then hands the app its event."""

    def __init__(self, app: Chalice, timeout_seconds: float, source_ip: str) -> None:
        super().__init__(app, Config.create())
        self._app = app
        self._routes = RouteMatcher(list(app.routes))
        self._timeout_seconds = timeout_seconds
        self._source_ip = source_ip

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> _Reply:
        try:
            route = self._routes.match_route(target).route
        except ValueError:
            if method not in _GATEWAY_METHODS:
                return _error(HTTPStatus.NOT_IMPLEMENTED, "This method is not supported")
            return _error(HTTPStatus.NOT_FOUND, "There is nothing at this path")
        allowed = self._allowed(route)
        if method not in allowed:
            message = "This path does not take this method"
            return _error(HTTPStatus.METHOD_NOT_ALLOWED, message, [("Allow", ", ".join(sorted(allowed)))])
        if method == "HEAD" and "HEAD" not in self._app.routes[route]:
            method = "GET"  # the sender leaves out the body
        return self._invoke(method, target, headers, body)

    def _allowed(self, route: str) -> set[str]:
        views = self._app.routes[route]
        allowed = set(views)
        if "GET" in allowed:
            allowed.add("HEAD")
        if any(view.cors for view in views.values()):
            allowed.add("OPTIONS")  # API Gateway has this method only where CORS is on
        return allowed

    def _invoke(self, method: str, target: str, headers: dict[str, str], body: bytes) -> _Reply:
        try:
            return _reply_of(self.handle_request(method, target, headers, body or None))
        except LocalGatewayException as e:
            return _error(HTTPStatus(e.CODE), "The authorizer refused the request")
        except BaseException:  # sys.exit() in a handler ends a Lambda call, not the server
            logger.exception("unhandled exception of %s %s", method, target.partition("?")[0])
            return _internal_error()

    def _generate_lambda_context(self) -> LambdaContext:
        return LocalContext("api_handler", self._timeout_seconds)

    def _generate_lambda_event(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> dict[str, Any]:
        event: dict[str, Any] = super()._generate_lambda_event(method, path, headers, None)
        request = event["requestContext"]
        request["identity"] = {"sourceIp": self._source_ip, "userAgent": event["headers"].get("user-agent")}
        query = event["multiValueQueryStringParameters"]
        event |= {
            "resource": request["resourcePath"],
            "path": request["path"],
            "httpMethod": method,
            "queryStringParameters": query and {name: values[-1] for name, values in query.items()},
        }
        content_type = event["headers"].get("content-type", "").partition(";")[0].strip().lower()
        binary = content_type in self._app.api.binary_types
        event["body"], event["isBase64Encoded"] = _event_body(body, binary=binary)
        return event


class _Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers, each in one send, on one kept-alive connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for the client's delayed ACK
    wbufsize = _LINE_LIMIT
    timeout = 75  # idle seconds

    def setup(self) -> None:
        super().setup()
        self._server = cast(LocalServer, self.server)
        self._gateway = _Gateway(self._server.app, self._server.timeout_seconds, self.client_address[0])

    def handle_one_request(self) -> None:
        self.command = self.requestline = self.request_version = ""
        try:
            self.raw_requestline = self.rfile.readline(_LINE_LIMIT + 1)
            if not self.raw_requestline:
                self.close_connection = True
            elif len(self.raw_requestline) > _LINE_LIMIT:
                self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            elif self.parse_request():
                self._answer()
        except _RefusedError as e:
            self._refuse(e.reply)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        # The base class calls this for what it cannot parse; its message quotes the request.
        self._refuse(_error(HTTPStatus(code), HTTPStatus(code).phrase))

    def handle_expect_100(self) -> bool:
        self._body_length()  # a body that will be refused is not asked for
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.wfile.flush()
        return True

    def _answer(self) -> None:
        started = time.perf_counter()
        target = quote(self.path, safe=_PRINTABLE, encoding="latin-1")
        body = self._read_body()
        reply = self._gateway.answer(self.command, target, dict(self.headers), body)
        self._send(reply)
        elapsed = (time.perf_counter() - started) * 1000
        # No query string: it may carry what does not belong into a log.
        logger.info("%s %s %d %.1f ms", quote(self.command), target.partition("?")[0], reply.status, elapsed)

    def _body_length(self) -> int:
        """The length in bytes; -1 for a chunked body."""
        values = self.headers.get_all("Content-Length", [])
        coding = self.headers.get("Transfer-Encoding")
        if coding is not None:
            if coding.strip().lower() != "chunked":
                raise _RefusedError(HTTPStatus.NOT_IMPLEMENTED, "Only chunked transfer coding is supported")
            if values:
                raise _RefusedError(HTTPStatus.BAD_REQUEST, "A chunked body has no Content-Length")
            return -1
        if not values:
            return 0
        length, *others = {part.strip() for part in ",".join(values).split(",")}
        if others or not re.fullmatch(r"[0-9]{1,18}", length):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "Content-Length is not one whole number")
        return _within_limit(int(length))

    def _read_body(self) -> bytes:
        length = self._body_length()
        return self._read_chunked() if length < 0 else self._read_exactly(length)

    def _read_exactly(self, length: int) -> bytes:
        data = self.rfile.read(length)
        if len(data) < length:
            raise ConnectionError("the client went away within the body")
        return data

    def _read_chunked(self) -> bytes:
        body = bytearray()
        while True:
            size = self.rfile.readline(_LINE_LIMIT).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
                raise _RefusedError(HTTPStatus.BAD_REQUEST, "The size of a chunk is not a hexadecimal number")
            if int(size, 16) == 0:
                break
            _within_limit(len(body) + int(size, 16))
            body += self._read_exactly(int(size, 16))
            if self._read_exactly(2) != b"\r\n":
                raise _RefusedError(HTTPStatus.BAD_REQUEST, "A chunk does not end where it says")
        while self.rfile.readline(_LINE_LIMIT).strip():
            pass  # trailers
        return bytes(body)

    def _send(self, reply: _Reply) -> None:
        self.close_connection = self.close_connection or self._server.stopping
        headers = [("Date", formatdate(usegmt=True)), *reply.headers]
        if reply.status not in _BODYLESS:
            headers.append(("Content-Length", str(len(reply.body))))
        if self.close_connection or self.request_version == "HTTP/1.0":
            headers.append(("Connection", "close" if self.close_connection else "keep-alive"))
        lines = [f"HTTP/1.1 {reply.status} {phrases.get(reply.status, '')}", *map(": ".join, headers), "", ""]
        bodyless = self.command == "HEAD" or reply.status in _BODYLESS
        self.wfile.write("\r\n".join(lines).encode("latin-1") + (b"" if bodyless else reply.body))
        self.wfile.flush()

    def _refuse(self, reply: _Reply) -> None:
        """Answers and reads on for a while: closing on unread bytes would reset the client."""
        self.close_connection = True
        logger.info("refused a request with %d", reply.status)
        with suppress(OSError):
            self._send(reply)
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(2)
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and self.connection.recv(_LINE_LIMIT):
                pass


def _give_each_thread_its_own_request(app: Chalice) -> None:
    """Chalice keeps the current request on the app, as Lambda serves one at a time; here threads share it."""
    cls = type(app)
    if getattr(cls, "_per_thread", False):
        return
    store = threading.local()

    def per_thread(name: str) -> property:
        return property(lambda _: getattr(store, name, None), lambda _, value: setattr(store, name, value))

    members = {name: per_thread(name) for name in ("current_request", "lambda_context")}
    app.__class__ = type(cls.__name__, (cls,), {**members, "_per_thread": True, "__module__": cls.__module__})


def _within_limit(length: int) -> int:
    if length > MAX_BODY:
        raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {MAX_BODY} bytes")
    return length


def _event_body(body: bytes | None, *, binary: bool) -> tuple[str | None, bool]:
    if body is None:
        return None, False
    if not binary:
        with suppress(UnicodeDecodeError):
            return body.decode("utf-8"), False
    return base64.b64encode(body).decode("ascii"), True


def _reply_of(response: dict[str, Any]) -> _Reply:
    """Raises ValueError (UnicodeError is one) for what cannot go into an HTTP answer."""
    status, body = int(response["statusCode"]), response["body"] or ""
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and (body == _CRASH_BODY or body.startswith("Traceback ")):
        return _internal_error()
    if not 200 <= status <= 599:
        raise ValueError(f"no final HTTP status: {status}")
    headers = _header_lines({**response["headers"], **response["multiValueHeaders"]}.items())
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    data = base64.b64decode(body) if response.get("isBase64Encoded") else body.encode("utf-8")
    return _Reply(status, data, headers)


def _header_lines(headers: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    lines = []
    for name, value in headers:
        if name.lower() in _HOP_BY_HOP:
            continue
        for one in value if isinstance(value, list) else [value]:
            if re.search(r"[\r\n\0]", f"{name}{one}"):
                raise ValueError(f"the header {name!r} has a line break")
            f"{name}{one}".encode("latin-1")  # fails here, before anything is sent
            lines.append((name, str(one)))
    return lines


def _internal_error() -> _Reply:
    return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error")


def _error(status: HTTPStatus, message: str, headers: Iterable[tuple[str, str]] = ()) -> _Reply:
    error = {"code": _CODES.get(status, status.name), "message": message, "details": []}
    body = json.dumps({"error": error}).encode()
    return _Reply(status, body, [("Content-Type", "application/json"), *headers])
