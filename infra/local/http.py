"""Serves a Chalice app over HTTP on loopback: the connections, and how requests are read and answers written."""

import gzip
import json
import logging
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from http.client import responses as phrases
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, cast
from urllib.parse import quote

from chalice.app import Chalice

from infra.local.gateway import Gateway, Reply, error_reply

HOST = "127.0.0.1"
MAX_BODY = 10 * 1024 * 1024  # API Gateway's own limit

_CONFIG = Path(__file__).parent.parent.parent / ".chalice" / "config.json"
_LINE_LIMIT = 65536
_BODYLESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))

logger = logging.getLogger(__name__)


def make_server(app: Chalice, port: int, timeout_seconds: float = 29) -> "LocalServer":
    """Binds the port (0 picks a free one, see `.port`); raises OSError if it is taken."""
    _give_each_thread_its_own_request(app)
    compress_from = int(json.loads(_CONFIG.read_text(encoding="utf-8"))["minimum_compression_size"])
    return LocalServer(app, port, timeout_seconds, compress_from)


class LocalServer(ThreadingMixIn, TCPServer):
    """One thread per connection; `shutdown()` waits for the requests in hand, bounded, and frees the port."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256  # the default of 5 resets clients that come all at once

    def __init__(self, app: Chalice, port: int, timeout_seconds: float, compress_from: int) -> None:
        """`compress_from`: bytes from which an answer is compressed, as API Gateway's minimum compression size."""
        self.app = app
        self.timeout_seconds = timeout_seconds
        self.compress_from = compress_from
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


class _RefusedError(Exception):
    """The request is answered without the app, and what is left of it is dropped with its connection."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.reply = error_reply(status, message)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers, each in one send, on one kept-alive connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for the client's delayed ACK
    wbufsize = _LINE_LIMIT
    timeout = 75  # idle seconds

    def setup(self) -> None:
        super().setup()
        self._server = cast(LocalServer, self.server)
        self._gateway = Gateway(self._server.app, self._server.timeout_seconds, self.client_address[0])

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
        self._refuse(error_reply(HTTPStatus(code), HTTPStatus(code).phrase))

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
        self._send(self._compressed(reply))
        elapsed = (time.perf_counter() - started) * 1000
        # No query string: it may carry what does not belong into a log.
        logger.info("%s %s %d %.1f ms", quote(self.command), target.partition("?")[0], reply.status, elapsed)

    def _compressed(self, reply: Reply) -> Reply:
        """As API Gateway does it for clients that take gzip, whatever the type of the answer."""
        encoded = any(name.lower() == "content-encoding" for name, _ in reply.headers)
        if encoded or len(reply.body) < self._server.compress_from or not self._takes_gzip():
            return reply
        headers = [*reply.headers, ("Content-Encoding", "gzip")]
        return replace(reply, body=gzip.compress(reply.body, mtime=0), headers=headers)

    def _takes_gzip(self) -> bool:
        told = ",".join(self.headers.get_all("Accept-Encoding", [])).lower()
        codings = dict(part.replace(" ", "").partition(";q=")[::2] for part in told.split(","))
        quality = codings.get("gzip", codings.get("*"))
        return quality is not None and not re.fullmatch(r"0(\.0*)?", quality)

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

    def _send(self, reply: Reply) -> None:
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

    def _refuse(self, reply: Reply) -> None:
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
