"""API Gateway in front of a Chalice app: its routing, the events it makes of requests, its answers and errors."""

import base64
import json
import logging
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LambdaContext, LocalGateway, LocalGatewayException, RouteMatcher

from infra.local.context import LocalContext

_GATEWAY_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_HOP_BY_HOP = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding"})
_CODES = {413: "PAYLOAD_TOO_LARGE", 500: "INTERNAL_ERROR"}
# What Chalice itself answers for an exception that no one caught.
_CRASH_BODY = '{"Code":"InternalServerError","Message":"An internal server error occurred."}'

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)


class Gateway(LocalGateway):
    """API Gateway as one client sees it: routes, then hands the app its event."""

    def __init__(self, app: Chalice, timeout_seconds: float, source_ip: str) -> None:
        super().__init__(app, Config.create())
        self._app = app
        self._routes = RouteMatcher(list(app.routes))
        self._timeout_seconds = timeout_seconds
        self._source_ip = source_ip

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        try:
            route = self._routes.match_route(target).route
        except ValueError:
            if method not in _GATEWAY_METHODS:
                return error_reply(HTTPStatus.NOT_IMPLEMENTED, "This method is not supported")
            return error_reply(HTTPStatus.NOT_FOUND, "There is nothing at this path")
        allowed = self._allowed(route)
        if method not in allowed:
            message = "This path does not take this method"
            return error_reply(HTTPStatus.METHOD_NOT_ALLOWED, message, [("Allow", ", ".join(sorted(allowed)))])
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

    def _invoke(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        try:
            return _reply_of(self.handle_request(method, target, headers, body or None))
        except LocalGatewayException as e:
            return error_reply(HTTPStatus(e.CODE), "The authorizer refused the request")
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


def error_reply(status: HTTPStatus, message: str, headers: Iterable[tuple[str, str]] = ()) -> Reply:
    error = {"code": _CODES.get(status, status.name), "message": message, "details": []}
    body = json.dumps({"error": error}).encode()
    return Reply(status, body, [("Content-Type", "application/json"), *headers])


def _event_body(body: bytes | None, *, binary: bool) -> tuple[str | None, bool]:
    if body is None:
        return None, False
    if not binary:
        with suppress(UnicodeDecodeError):
            return body.decode("utf-8"), False
    return base64.b64encode(body).decode("ascii"), True


def _reply_of(response: dict[str, Any]) -> Reply:
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
    return Reply(status, data, headers)


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


def _internal_error() -> Reply:
    return error_reply(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error")
