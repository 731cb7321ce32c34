"""The local HTTP server, over real sockets: connections, bodies, limits and shutdown, with a small Chalice app."""

import base64
import http.client
import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from chalice.app import Chalice

from infra.local.http import MAX_BODY, LocalServer, make_server
from tests.infra.small_app import ask, assert_error, exchange, small_app


def test_a_connection_serves_many_requests(client: http.client.HTTPConnection) -> None:
    """Keep-alive holds over errors, too."""
    statuses = []
    sockets = set()
    for path in ("/ping", "/nowhere", "/ping"):
        statuses.append(ask(client, "GET", path)[0])
        sockets.add(client.sock)

    assert statuses == [200, 404, 200]
    assert len(sockets) == 1


def test_an_answer_does_not_wait_for_a_delayed_ack(client: http.client.HTTPConnection) -> None:
    """Nagle's algorithm would make each request take 40 ms."""
    ask(client, "GET", "/ping")

    started = time.perf_counter()
    for _ in range(20):
        ask(client, "GET", "/ping")

    assert (time.perf_counter() - started) / 20 < 0.02


def test_head_answers_like_get_without_body(client: http.client.HTTPConnection) -> None:
    """The length is the one GET would have, and the connection stays in step."""
    status, headers, body = ask(client, "HEAD", "/ping")
    after = ask(client, "GET", "/ping")

    assert (status, body) == (200, b"")
    assert headers["content-length"] == str(len(after[2]))
    assert json.loads(after[2]) == {"message": "pong"}


@pytest.mark.parametrize("line", [b"", b"\xff\xfe\r\n", b"GET /ping SPDY/9\r\n", b"GET /ping HTTP/3.0\r\n"])
def test_a_request_that_cannot_be_parsed_gets_the_error_form(server: LocalServer, line: bytes) -> None:
    """Even then with a status line and a length."""
    answer = exchange(server, (line or b"GET /" + b"x" * 70000) + b"\r\n\r\n")

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] in {b"400", b"414", b"505"}
    assert json.loads(body)["error"]["details"] == []


def test_no_content_has_neither_body_nor_length(client: http.client.HTTPConnection) -> None:
    """Else the next answer would be read as its body."""
    status, headers, body = ask(client, "DELETE", "/empty")

    assert (status, body) == (204, b"")
    assert "content-length" not in headers
    assert ask(client, "GET", "/ping")[0] == 200


def test_a_body_over_the_limit_is_413_and_not_a_reset(client: http.client.HTTPConnection) -> None:
    """The client sends all of it before it reads."""
    status, _, body = ask(client, "POST", "/echo", b"x" * (MAX_BODY + 1))

    assert status == 413
    assert_error(body, "PAYLOAD_TOO_LARGE")


def test_a_body_at_the_limit_reaches_the_app(client: http.client.HTTPConnection) -> None:
    """10 MB are allowed."""
    status, _, _ = ask(client, "POST", "/echo", b"x" * MAX_BODY, Content_Type="text/plain")

    assert status == 200


@pytest.mark.parametrize("length", [b"abc", b"-1", b"1, 2", b"", b"+2", b"1" * 5000, "²".encode()])
def test_a_bad_content_length_is_400(server: LocalServer, length: bytes) -> None:
    """Python's own int() would take some of these."""
    answer = exchange(server, b"POST /echo HTTP/1.1\r\nContent-Length: " + length + b"\r\n\r\n{}")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert_error(answer.partition(b"\r\n\r\n")[2], "BAD_REQUEST")


def test_a_chunked_body_is_put_together(client: http.client.HTTPConnection) -> None:
    """As API Gateway does, and the connection stays in step."""
    status, _, answer = ask(client, "POST", "/echo", iter([b"ab", b"cde"]), Content_Type="text/plain")

    assert status == 200
    assert base64.b64decode(json.loads(answer)["body"]) == b"abcde"
    assert ask(client, "GET", "/ping")[0] == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"Transfer-Encoding: gzip\r\n\r\n", b"501"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n", b"413"),
    ],
)
def test_a_bad_transfer_coding_is_refused(server: LocalServer, request_: bytes, status: bytes) -> None:
    """Cleanly, in the error form."""
    answer = exchange(server, b"POST /echo HTTP/1.1\r\n" + request_)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == status
    assert json.loads(body)["error"]["details"] == []


def test_a_body_that_was_announced_is_asked_for(server: LocalServer) -> None:
    """Else a client with `Expect: 100-continue` waits a second."""
    head = b"POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        raw.sendall(head)
        asked = raw.recv(65536)
        raw.sendall(b"{}")
        answer = b"".join(iter(lambda: raw.recv(65536), b""))

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_body_that_is_too_large_is_not_asked_for(server: LocalServer) -> None:
    """The refusal comes instead of the 100."""
    head = f"POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n"

    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        raw.sendall(head.encode())
        answer = raw.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_hundred_clients_at_once_each_get_their_own_answer(server: LocalServer) -> None:
    """None is reset, and no thread sees another's request."""

    def one(n: int) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        status, _, body = ask(connection, "PUT", f"/items/i{n}?n={n}")
        connection.close()
        return status, json.loads(body)

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(one, range(100)))

    assert answers == [(201, {"id": f"i{n}", "n": str(n)}) for n in range(100)]


def test_a_busy_port_is_a_plain_os_error(server: LocalServer) -> None:
    """Whoever starts the server says so in its own words."""
    with pytest.raises(OSError, match="in use"):
        make_server(small_app(), server.port)


def test_shutdown_finishes_the_request_in_hand_and_frees_the_port() -> None:
    """An idle connection does not hold it up."""
    app = Chalice("slow", configure_logs=False)
    entered = threading.Event()

    @app.route("/slow")
    def slow() -> str:
        entered.set()
        time.sleep(0.03)
        return "done"

    server = make_server(app, 0)
    port = server.port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    idle = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    busy = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    ask(idle, "GET", "/nowhere")
    busy.request("GET", "/slow")
    entered.wait(5)

    server.shutdown()

    thread.join(1)
    assert not thread.is_alive()
    assert busy.getresponse().read() == b"done"
    make_server(small_app(), port).shutdown()
    idle.close()
    busy.close()


def test_the_log_has_no_query_string(
    client: http.client.HTTPConnection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A query may carry what does not belong into a log."""
    with caplog.at_level(logging.INFO, "infra.local.http"):
        ask(client, "GET", "/items/1?n=s3cret")
        ask(client, "GET", "/ping")

    assert "GET /items/1 201" in caplog.text
    assert "s3cret" not in caplog.text
