"""Who signed a Binance request, over which bytes, and when.

rest-api.md, "SIGNED Endpoint Examples": HMAC-SHA256 over the query string and the form body as sent, percent-encoded
(since 2026-01-15), concatenated without a separator; the timing check is made on arrival and again before the engine.
"""

import hashlib
import hmac
from decimal import Decimal, InvalidOperation

from infra.simulator.binance.errors import BinanceError, missing, outside_window
from infra.simulator.wire import Request, form_pairs
from infra.simulator.world import Call

_MICROSECONDS_FROM = 10**15


def parameters(request: Request) -> dict[str, str]:
    """Of query and form body; the query wins."""
    body = request.body.decode("latin-1") if "json" not in request.header("Content-Type") else ""
    return _pairs(body) | _pairs(request.query)


def _pairs(encoded: str) -> dict[str, str]:
    pairs = form_pairs(encoded)
    values = dict(pairs)
    if len(values) < len(pairs):
        raise BinanceError(-1101, "Duplicate values for a parameter detected.")
    return values


def authenticate(call: Call) -> None:
    """Find the account, or raise."""
    if not call.key:
        raise BinanceError(-2014, "API-key format invalid.", 401)
    check_window(call, call.arrived_ms)
    if "signature" not in call.params:
        raise missing("signature")
    credential = call.world.credentials.get(("binance", call.key))
    if credential is None or credential.denial is not None:
        raise BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    expected = hmac.new(credential.secret.encode(), _signed_bytes(call.request), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, call.params["signature"].lower()):
        raise BinanceError(-1022, "Signature for this request is not valid.")
    call.credential = credential


def _signed_bytes(request: Request) -> bytes:
    parts = (request.query, request.body.decode("latin-1"))
    kept = ("&".join(p for p in part.split("&") if not p.startswith("signature=")) for part in parts)
    return "".join(kept).encode("latin-1")


def check_window(call: Call, server_ms: int) -> None:
    """`timestamp < serverTime + 1000` and `serverTime - timestamp <= recvWindow`."""
    timestamp, window = _timestamp(call.params), _window(call.params)
    if timestamp >= server_ms + 1000:
        raise BinanceError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if server_ms - timestamp > window:
        raise outside_window()


def _timestamp(params: dict[str, str]) -> Decimal:
    sent = params.get("timestamp", "")
    if not sent.isdigit():
        raise missing("timestamp")
    return Decimal(sent) / 1000 if int(sent) >= _MICROSECONDS_FROM else Decimal(sent)


def _window(params: dict[str, str]) -> Decimal:
    try:
        window = Decimal(params.get("recvWindow", "5000"))
    except InvalidOperation:
        raise missing("recvWindow") from None
    if not 0 <= window <= 60_000 or window != window.quantize(Decimal("0.001")):
        raise BinanceError(-1131, "recvWindow must be less than 60000")
    return window
