"""What stands between a browser and the stack: a stage's prefix as API Gateway has it, and a door that can be shut."""

import contextlib
import http.client
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.system.stack import free_port

_OF_ONE_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "host")
_FORBIDDEN = b'{"message":"Forbidden"}'


class FrontDoor:
    """Serves the stack of the port `behind` under a prefix (`/api`), always on the same port of its own."""

    def __init__(self, behind: int, prefix: str = "") -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}{prefix}"
        self._handler = _handler_of(behind, prefix)
        self._server: ThreadingHTTPServer | None = None

    def open(self) -> "FrontDoor":
        """Let requests through."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def close(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def _handler_of(behind: int, prefix: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        # HTTP/1.0, as it is here by default, ends the connection with the answer: none outlives the door's closing.

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65_537)
            if self.raw_requestline and self.parse_request():
                with contextlib.suppress(ConnectionError):  # a browser that goes elsewhere does not wait for answers
                    self._answer(*self._ask())

        def _ask(self) -> tuple[int, list[tuple[str, str]], bytes]:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not self.path.startswith(f"{prefix}/"):
                return 403, [("Content-Type", "application/json")], _FORBIDDEN
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", behind, timeout=30)) as stack:
                stack.request(self.command, self.path.removeprefix(prefix), body or None, _passed(self.headers.items()))
                answer = stack.getresponse()
                return answer.status, answer.getheaders(), answer.read()

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in (*_passed(headers).items(), ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _passed(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in _OF_ONE_HOP}
