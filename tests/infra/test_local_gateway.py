"""What stands in for API Gateway, over real sockets: routes, events, answers and errors of a small Chalice app."""

import base64
import http.client
import json
import logging

import pytest

from infra.local.http import LocalServer
from tests.infra.small_app import ANY_TYPE, ask, assert_error, exchange


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
