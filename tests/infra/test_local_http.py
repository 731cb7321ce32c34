"""The local HTTP server, over real sockets, with a small Chalice app."""

import base64
import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from chalice.app import Chalice, Response

from infra.local.http import MAX_BODY, LocalServer, make_server

ANY_TYPE = ["application/json", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"]


def small_app() -> Chalice:
    app = Chalice("small", configure_logs=False)
    now: Any = app  # Chalice's types say that there may be no current request

    @app.route("/ping")
    def ping() -> dict[str, str]:
        return {"message": "pong"}

    @app.route("/echo", methods=["POST"], content_types=ANY_TYPE)
    def echo() -> dict[str, Any]:
        request = now.current_request
        return {
            "body": base64.b64encode(request.raw_body).decode(),
            "ip": request.context["identity"]["sourceIp"],
            "remaining": request.lambda_context.get_remaining_time_in_millis(),
        }

    @app.route("/items/{item_id}", methods=["PUT", "GET"], content_types=ANY_TYPE)
    def item(item_id: str) -> Response:
        query = now.current_request.query_params
        time.sleep(0.01)
        assert now.lambda_context is now.current_request.lambda_context
        return Response({"id": item_id, "n": query["n"]}, headers={"X-Two": ["a", "b"]}, status_code=201)

    @app.route("/empty", methods=["DELETE"])
    def empty() -> Response:
        return Response("", status_code=204)

    @app.route("/broken/{how}")
    def broken(how: str) -> Response:
        if how == "exit":
            raise SystemExit(3)
        if how == "header":
            return Response("", headers={"X-Name": ["a\r\nInjected: yes"]})
        if how == "status":
            return Response("", status_code=42)
        raise RuntimeError("s3cret")

    return app


@pytest.fixture
def server() -> Iterator[LocalServer]:
    server = make_server(small_app(), 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)


@pytest.fixture
def client(server: LocalServer) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    yield connection
    connection.close()


def ask(
    client: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any = None,
    **headers: str,
) -> tuple[int, dict[str, str], bytes]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    client.request(method, path, body, names)
    answer = client.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def exchange(server: LocalServer, *parts: bytes) -> bytes:
    """Sends raw bytes and reads until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        for part in parts:
            raw.sendall(part)
        return b"".join(iter(lambda: raw.recv(65536), b""))


def assert_error(body: bytes, code: str) -> None:
    error = json.loads(body)["error"]
    assert error["code"] == code
    assert isinstance(error["message"], str)
    assert error["details"] == []


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


def test_an_unknown_path_is_404_and_echoes_no_header(client: http.client.HTTPConnection) -> None:
    """A real gateway's 403 would quote the Authorization header."""
    status, _, body = ask(client, "GET", "/nowhere", Authorization="Bearer s3cret")

    assert status == 404
    assert_error(body, "NOT_FOUND")
    assert b"s3cret" not in body


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "TRACE", "FOO"])
def test_a_wrong_method_is_405_and_names_the_right_ones(
    client: http.client.HTTPConnection,
    method: str,
) -> None:
    """Verbs that no one knows are wrong methods as well."""
    status, headers, body = ask(client, method, "/ping")

    assert status == 405
    assert headers["allow"] == "GET, HEAD"
    assert_error(body, "METHOD_NOT_ALLOWED")


def test_head_is_a_wrong_method_where_get_is(client: http.client.HTTPConnection) -> None:
    """HEAD exists only beside GET."""
    status, headers, body = ask(client, "HEAD", "/echo")

    assert (status, headers["allow"], body) == (405, "POST", b"")


def test_an_unknown_verb_on_an_unknown_path_is_501(client: http.client.HTTPConnection) -> None:
    """In JSON, not in HTML."""
    status, _, body = ask(client, "FOO", "/nowhere")

    assert status == 501
    assert_error(body, "NOT_IMPLEMENTED")


@pytest.mark.parametrize("line", [b"", b"\xff\xfe\r\n", b"GET /ping SPDY/9\r\n", b"GET /ping HTTP/3.0\r\n"])
def test_a_request_that_cannot_be_parsed_gets_the_error_form(server: LocalServer, line: bytes) -> None:
    """Even then with a status line and a length."""
    answer = exchange(server, (line or b"GET /" + b"x" * 70000) + b"\r\n\r\n")

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] in {b"400", b"414", b"505"}
    assert json.loads(body)["error"]["details"] == []


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", "한국".encode(), b"\r\n plain \x00", b"{\xa0}"])
@pytest.mark.parametrize("content_type", [*ANY_TYPE, "application/json; charset=utf-8"])
def test_the_app_gets_the_exact_bytes(
    client: http.client.HTTPConnection,
    body: bytes,
    content_type: str,
) -> None:
    """UTF-8 or not, whatever the type says."""
    status, _, answer = ask(client, "POST", "/echo", body, Content_Type=content_type)

    assert status == 200
    assert base64.b64decode(json.loads(answer)["body"]) == body


def test_a_missing_content_type_is_fine(server: LocalServer) -> None:
    """Raw, as client libraries like to add one."""
    answer = exchange(server, b"POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_the_app_sees_the_client_and_the_time_that_is_left(client: http.client.HTTPConnection) -> None:
    """The address is the socket's, and the countdown starts at the timeout."""
    answer = json.loads(ask(client, "POST", "/echo", b"{}", X_Forwarded_For="1.2.3.4")[2])

    assert answer["ip"] == "127.0.0.1"
    assert 28_000 < answer["remaining"] <= 29_000


def test_path_query_status_and_repeated_headers_pass_through(client: http.client.HTTPConnection) -> None:
    """A query may hold UTF-8, encoded or raw."""
    client.request("GET", "/items/a-1?n=%ED%95%9C")
    answer = client.getresponse()

    assert answer.status == 201
    assert answer.headers.get_all("X-Two") == ["a", "b"]
    assert json.loads(answer.read()) == {"id": "a-1", "n": "한"}


def test_raw_utf_8_in_the_target_is_read_as_such(server: LocalServer) -> None:
    """Some clients do not percent-encode."""
    answer = exchange(server, "GET /items/x?n=한 HTTP/1.0\r\n\r\n".encode())

    assert json.loads(answer.partition(b"\r\n\r\n")[2])["n"] == "한"


def test_no_content_has_neither_body_nor_length(client: http.client.HTTPConnection) -> None:
    """Else the next answer would be read as its body."""
    status, headers, body = ask(client, "DELETE", "/empty")

    assert (status, body) == (204, b"")
    assert "content-length" not in headers
    assert ask(client, "GET", "/ping")[0] == 200


@pytest.mark.parametrize("how", ["raise", "exit", "header", "status"])
@pytest.mark.parametrize("debug", [False, True])
def test_an_unhandled_exception_is_a_500_that_tells_nothing(
    server: LocalServer,
    client: http.client.HTTPConnection,
    caplog: pytest.LogCaptureFixture,
    how: str,
    debug: bool,
) -> None:
    """The traceback goes to the log, in Chalice's debug mode as well, and the connection lives on."""
    server.app.debug = debug

    with caplog.at_level(logging.ERROR):
        status, _, body = ask(client, "GET", f"/broken/{how}")

    assert status == 500
    assert_error(body, "INTERNAL_ERROR")
    assert b"s3cret" not in body
    assert any(record.exc_info for record in caplog.records)
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
