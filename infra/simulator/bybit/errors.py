"""Bybit's refusals: retCodes of error.mdx, always in an envelope with HTTP 200 unless the gateway itself answers."""

from dataclasses import replace
from typing import Any

from infra.simulator.wire import Reply, html_reply, json_reply


class BybitError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def envelope(code: int, message: str, result: Any, now_ms: int) -> Reply:
    body = {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now_ms}
    return json_reply(200, body)


_CODES = {
    "server_timeout": (10000, "Server Timeout"),
    "duplicate_request": (10014, "Invalid duplicate request."),
    "unknown": (10016, "Server error."),
    "throttled": (
        429,
        "The trading service is experiencing a high server load. Please retry if you encounter this issue.",
    ),
    "backend_timeout": (170007, "Timeout waiting for response from backend server."),
    "order_timeout": (170146, "Order creation timeout"),
    "cancel_timeout": (170147, "Order cancellation timeout"),
    "finished": (110008, "The order has been completed or cancelled."),
    "cancel_finished": (170190, "Cancel order has been finished"),
    "processing": (110079, "The order is processing and can not be operated, please try again later"),
}
_GATEWAY = {
    "internal": html_reply(500, "500 Internal Server Error"),
    "http_429": Reply(429, b""),
    "access_too_frequent": Reply(403, b"access too frequent", {}, "text/plain"),
    "bad_gateway": html_reply(502, "502 Bad Gateway"),
    "gateway_timeout": html_reply(504, "504 Gateway Time-out"),
    "maintenance": html_reply(503, "503 Service Temporarily Unavailable"),
}


VARIANTS = frozenset(_CODES | _GATEWAY)


def failure(variant: str, now_ms: int) -> Reply:
    gateway = _GATEWAY.get(variant)
    if gateway is not None:
        return replace(gateway, headers=dict(gateway.headers))
    code, message = _CODES.get(variant, _CODES["unknown"])
    return envelope(code, message, {}, now_ms)
