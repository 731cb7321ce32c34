"""Who signed a Bybit request: HMAC-SHA256 over timestamp, key, window and the query or body as sent (guide.mdx)."""

import hashlib
import hmac

from infra.simulator.bybit.errors import BybitError
from infra.simulator.world import Call

_DENIALS = {
    "expired": (33004, "Your api key has expired."),
    "permission": (10005, "Permission denied, please check your API key permissions."),
    "ip": (10010, "Unmatched IP, please check your API key's bound IP addresses."),
}


def authenticate(call: Call) -> None:
    """Find the account, or raise."""
    request = call.request
    credential = call.world.credentials.get(("bybit", call.key))
    if credential is None:
        raise BybitError(10003, "API key is invalid.")
    if credential.denial is not None:
        raise BybitError(*_DENIALS.get(credential.denial, (10003, "API key is invalid.")))
    timestamp, window = request.header("X-BAPI-TIMESTAMP"), request.header("X-BAPI-RECV-WINDOW") or "5000"
    _check_window(call, timestamp, window)
    payload = request.query if request.method == "GET" else request.body.decode("latin-1")
    signed = timestamp + call.key + request.header("X-BAPI-RECV-WINDOW") + payload
    expected = hmac.new(credential.secret.encode(), signed.encode("latin-1"), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.header("X-BAPI-SIGN").lower()):
        raise BybitError(10004, f"error sign! origin_string[{signed}]")
    call.credential = credential


def _check_window(call: Call, timestamp: str, window: str) -> None:
    """`server_time - recv_window <= timestamp < server_time + 1000`."""
    server = call.arrived_ms
    if not (timestamp.isdigit() and window.isdigit() and server - int(window) <= int(timestamp) < server + 1000):
        message = (
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{timestamp}],server_timestamp[{server}],recv_window[{window}]"
        )
        raise BybitError(10002, message)
