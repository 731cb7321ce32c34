"""Binance's refusals: codes and messages of errors.md (binance-spot-api-docs) and of the USD-M error page."""

from dataclasses import replace

from infra.simulator.model import Venue
from infra.simulator.wire import Reply, html_reply, json_reply


class BinanceError(Exception):
    def __init__(self, code: int, message: str, status: int = 400, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after

    def reply(self) -> Reply:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return json_reply(self.status, {"code": self.code, "msg": self.message}, headers)


def missing(name: str) -> BinanceError:
    return BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def not_required(name: str) -> BinanceError:
    return BinanceError(-1106, f"Parameter '{name}' sent when not required.")


def either(first: str, second: str) -> BinanceError:
    return BinanceError(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def filter_failure(name: str) -> BinanceError:
    return BinanceError(-1013, f"Filter failure: {name}")


def rejected(message: str) -> BinanceError:
    return BinanceError(-2010, message)


def outside_window() -> BinanceError:
    return BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")


NO_FUNDS = "Account has insufficient balance for requested action."
NO_ORDER = (-2013, "Order does not exist.")
UNKNOWN_ORDER = (-2011, "Unknown order sent.")

_INTERNAL = "Internal error; unable to process your request. Please try again."
_BUSY = "Server is currently overloaded with other requests. Please try again in a few minutes."
_PROTECTED = (
    "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try again."
)
_TIMEOUT = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
_UNEXPECTED = "An unexpected response was received from the message bus. Execution status unknown."

_SHARED = {
    "unexpected": BinanceError(-1006, _UNEXPECTED, 500).reply(),
    "waf": html_reply(403, "403 Forbidden (WAF)"),
    "bad_gateway": html_reply(502, "502 Bad Gateway"),
    "gateway_timeout": html_reply(504, "504 Gateway Time-out"),
    "maintenance": html_reply(503, "503 Service Temporarily Unavailable"),
}
_SPOT = _SHARED | {
    "unknown": BinanceError(-1000, "An unknown error occurred while processing the request.", 500).reply(),
    "internal": BinanceError(-1001, _INTERNAL, 500).reply(),
    "throttled": BinanceError(-1008, _BUSY, 503).reply(),
    "backend_timeout": BinanceError(-1007, _TIMEOUT, 504).reply(),
}
# USD-M, general information: 503 has four meanings, 408 is a timeout at the backend.
_USDM = _SHARED | {
    "unknown": json_reply(503, {"msg": "Unknown error, please check your request or try again later."}),
    "unavailable": json_reply(503, {"msg": "Service Unavailable."}),
    "internal": json_reply(503, {"msg": _INTERNAL}),
    "throttled": BinanceError(-1008, _PROTECTED, 503).reply(),
    "backend_timeout": BinanceError(-1007, _TIMEOUT, 408).reply(),
}


VARIANTS = frozenset(_SPOT | _USDM)


def failure(venue: Venue, variant: str) -> Reply:
    table = _USDM if venue == "binance-usdm" else _SPOT
    found = table.get(variant, table["unknown"])
    return replace(found, headers=dict(found.headers))
