"""Golden data, answers and what a server receives, for the tests of Bybit's dialect."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import httpx

from chalicelib.domain.secrets import Credentials
from chalicelib.exchanges.bybit.dialect import BybitDialect
from chalicelib.exchanges.bybit.parsing import Category
from chalicelib.exchanges.dialect import Answer, Call
from chalicelib.exchanges.transport import build_request, parse

_GOLDEN = Path(__file__).parent.parent / "golden"


def golden(name: str) -> Any:
    """What stands in golden/bybit-{name}.json."""
    return json.loads((_GOLDEN / f"bybit-{name}.json").read_text(encoding="utf-8"))


REQUESTS = golden("requests")
BODIES = {entry["id"]: entry["body"] for entry in golden("responses")["entries"]}
KEY = Credentials(REQUESTS["api_key"], REQUESTS["secret"])
CLOCK_MS = REQUESTS["clock_ms"]
WINDOW_MS = 5000

SPOT = BybitDialect(Category.SPOT)
LINEAR = BybitDialect(Category.LINEAR)
DIALECTS = {"spot": SPOT, "linear": LINEAR}


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """As the transport hands it over; text is sent as it is."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, headers or {}, text, parse(text))


def said(code: int, words: str = "words", result: Any = None) -> Answer:
    """Bybit's envelope on HTTP 200."""
    return answer({"retCode": code, "retMsg": words, "result": result or {}, "retExtInfo": {}, "time": CLOCK_MS})


def listed(*rows: Any, cursor: str = "") -> Answer:
    """A list with what is in it."""
    return said(0, "OK", {"list": list(rows), "nextPageCursor": cursor})


def a_row(**fields: Any) -> dict[str, Any]:
    """Bybit's own example of an open order, with other fields."""
    return {**BODIES["realtime.New"]["result"]["list"][0], **fields}


def received(call: Call, key: Credentials = KEY, at: int = CLOCK_MS, window: int = WINDOW_MS) -> httpx.Request:
    """What a server gets when the call is signed and sent."""
    requests: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200)

    auth = SPOT.auth(key, at, window) if call.signed else None
    with httpx.Client(transport=httpx.MockTransport(take)) as client:
        client.send(build_request("https://api.bybit.com", call, 5), auth=auth)
    return requests[0]


def signature_of(request: httpx.Request, key: Credentials = KEY) -> str:
    """As Bybit computes it, from the bytes and the headers that it received."""
    headers = request.headers
    sent = request.url.query if request.method == "GET" else request.content
    prefix = headers["X-BAPI-TIMESTAMP"] + headers["X-BAPI-API-KEY"] + headers["X-BAPI-RECV-WINDOW"]
    return hmac.new(key.api_secret.encode(), prefix.encode() + sent, hashlib.sha256).hexdigest()
