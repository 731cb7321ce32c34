"""What a server receives of Binance's calls, the golden samples, and answers made of their bodies."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx

from chalicelib.domain.secrets import Credentials
from chalicelib.exchanges.binance.futures import BinanceFuturesDialect
from chalicelib.exchanges.binance.spot import BinanceSpotDialect
from chalicelib.exchanges.dialect import Answer, Call
from chalicelib.exchanges.transport import build_request, parse

_GOLDEN = Path(__file__).parent.parent / "golden"


def _golden(name: str) -> Any:
    return json.loads((_GOLDEN / name).read_text(encoding="utf-8"))


REQUESTS = _golden("binance-requests.json")
RESPONSES = _golden("binance-responses.json")["entries"]
ERRORS = _golden("binance-errors.json")["errors"]
VECTORS = _golden("binance-sign-vectors.json")["vectors"]

SPOT = BinanceSpotDialect()
FUTURES = BinanceFuturesDialect()
BODIES = {entry["id"]: entry["body"] for entry in RESPONSES}
HOSTS = {"spot": "https://api.binance.com", "usdm": "https://fapi.binance.com"}
DIALECTS: dict[str, BinanceSpotDialect | BinanceFuturesDialect] = {"spot": SPOT, "usdm": FUTURES}


def of_markets(market: str) -> list[BinanceSpotDialect | BinanceFuturesDialect]:
    """The dialects that a golden sample speaks of."""
    return [SPOT, FUTURES] if market == "both" else [DIALECTS[market]]


def received(
    call: Call,
    host: str = "https://api.binance.com",
    credentials: Credentials | None = None,
    timestamp_ms: int = 1700000000000,
    window_ms: int = 5000,
) -> httpx.Request:
    """What a server gets: the request as the transport builds it, signed by the dialect's Auth."""
    requests: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200)

    credentials = credentials or Credentials(REQUESTS["api_key"], REQUESTS["secret"])
    auth = SPOT.auth(credentials, timestamp_ms, window_ms) if call.signed else None
    with httpx.Client(transport=httpx.MockTransport(take)) as client:
        client.send(build_request(host, call, 5), auth=auth)
    return requests[0]


def wire_text(request: httpx.Request) -> str:
    """The parameters as they were on the wire: query, then body."""
    return request.url.query.decode() + request.content.decode()


def parameters(text: str) -> dict[str, str]:
    """Names and values of a query or form body."""
    pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    assert len(dict(pairs)) == len(pairs), "a parameter was sent twice"
    return dict(pairs)


def is_signed_by(request: httpx.Request, secret: str) -> bool:
    """Binance's own check: the signature comes last and fits everything before it, byte by byte."""
    signed, separator, signature = wire_text(request).rpartition("&signature=")
    signed, separator, signature = (signed, separator, signature) if separator else ("", "&", "")
    return signature == signature_of(signed, secret)


def signature_of(text: str, secret: str) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Answer:
    """An answer with a JSON body, or with a text that is none."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, headers or {}, text, parse(text))


def error(code: int, message: str = "m", status: int = 400, headers: dict[str, str] | None = None) -> Answer:
    """An error as Binance words it."""
    return answer(status, {"code": code, "msg": message}, headers)
