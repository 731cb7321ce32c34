"""A small Chalice app to be served, and the few moves of its HTTP clients."""

import base64
import http.client
import json
import socket
import time
from typing import Any

from chalice.app import Chalice, Response

from infra.local.http import LocalServer

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
