"""Upbit's requests and signatures against golden ones (replayed with ccxt 4.5.90, MIT)."""

import base64
import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from chalicelib.domain.orders import OrderType, TimeInForce
from chalicelib.domain.outcomes import Side
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.domain.secrets import Credentials
from chalicelib.exchanges.dialect import Call
from chalicelib.exchanges.transport import build_request
from chalicelib.exchanges.upbit.auth import UpbitAuth
from chalicelib.exchanges.upbit.dialect import UpbitDialect
from tests.exchanges.orders import CLIENT_ID, a_request, an_order

GOLDEN = Path(__file__).parent.parent / "golden"
REQUESTS = json.loads((GOLDEN / "upbit-requests.json").read_text(encoding="utf-8"))
VECTORS = json.loads((GOLDEN / "upbit-sign-vectors.json").read_text(encoding="utf-8"))["vectors"]
KRW = {"symbol": "BTC/KRW"}
MARKET_BUY = {**KRW, "order_type": OrderType.MARKET, "quantity": None, "price": None}
MARKET_SELL = {**KRW, "order_type": OrderType.MARKET, "side": Side.SELL, "price": None}
LIMIT = {**KRW, "price": Decimal(50_000_000)}
UUID = "cdd92199-2897-4e14-9448-f923320408ad"

CALLS = {
    "market buy by quote amount (cost): ord_type price": ("create", {**MARKET_BUY, "quote_amount": Decimal(10000)}),
    "market buy by base qty x price": ("create", {**MARKET_BUY, "quote_amount": Decimal(50000)}),
    "market sell by base qty: ord_type market": ("create", MARKET_SELL),
    "limit sell": ("create", {**LIMIT, "side": Side.SELL, "price": Decimal(60_000_000)}),
    "limit buy ioc": ("create", {**LIMIT, "time_in_force": TimeInForce.IOC}),
    "limit buy fok": ("create", {**LIMIT, "time_in_force": TimeInForce.FOK}),
    "cancel by exchange id": ("cancel", {**KRW, "exchange_order_id": UUID}),
    "cancel by client id (identifier), raw endpoint": ("cancel", KRW),
    "query by exchange id": ("find", {**KRW, "exchange_order_id": UUID}),
}


def call_for(kind: str, fields: dict[str, Any]) -> Call:
    dialect = UpbitDialect()
    if kind == "create":
        return dialect.create(a_request(**fields))
    order = an_order(**fields)
    return dialect.cancel(order) if kind == "cancel" else dialect.find(order)[0]


def signed(call: Call, key: str = "k", secret: str = "s", nonce: str = "n") -> httpx.Request:
    """What a server receives."""
    received: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        received.append(request)
        return httpx.Response(200)

    auth = UpbitAuth(Credentials(key, secret), lambda: nonce)
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        client.send(build_request("https://api.upbit.com", call, 5), auth=auth)
    return received[0]


def golden(case: str) -> dict[str, Any]:
    return next(c["requests"][0] for c in REQUESTS["cases"] if c["case"] == case)


@pytest.mark.parametrize("case", CALLS)
def test_a_request_is_the_golden_one(case: str) -> None:
    """Method, path, query and body, whose key order counts for the signature."""
    expected = golden(case)

    request = signed(call_for(*CALLS[case]), REQUESTS["api_key"], REQUESTS["secret"], REQUESTS["upbit_nonce"])

    assert (request.method, request.url.path) == (expected["http_method"], expected["path"])
    assert request.url.query.decode() == (expected["query"] or "")
    assert request.content.decode() == (expected["body"] or "")
    assert request.headers["Authorization"] == expected["headers"]["Authorization"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["case"])
def test_the_signature_is_that_of_the_vectors(vector: dict[str, Any]) -> None:
    """The very token, for the same key, secret and nonce."""
    body, url = vector.get("body"), vector["url"]
    request = httpx.Request(vector["http_method"], url, content=body or None)
    auth = UpbitAuth(Credentials(vector["api_key"], vector["secret"]), lambda: vector["nonce"])

    sent = next(auth.auth_flow(request))

    claims = _claims(sent)
    if vector.get("query_string_hashed"):
        assert claims["query_hash"] == hashlib.sha512(vector["query_string_hashed"].encode()).hexdigest()
    assert claims["access_key"] == vector["api_key"]
    assert _verifies(sent, vector["secret"])


def test_what_is_hashed_is_what_was_sent_unencoded() -> None:
    """A value with characters that a URL escapes."""
    request = signed(Call("GET", "/v1/order", {"identifier": "a b/ü&c"}))

    hashed = unquote(request.url.query.decode().replace("+", " "))

    assert hashed == "identifier=a b/ü&c"
    assert _claims(request)["query_hash"] == hashlib.sha512(hashed.encode()).hexdigest()


def test_each_request_has_a_nonce_of_its_own() -> None:
    """`nonce_used` otherwise."""
    auth = UpbitDialect().auth(Credentials("k", "s"), 0, 0)
    request = httpx.Request("GET", "https://api.upbit.com/v1/accounts")

    first, second = (_claims(next(auth.auth_flow(request)))["nonce"] for _ in range(2))  # type: ignore[arg-type]

    assert first != second


def test_a_post_only_order_goes_without_self_match_prevention() -> None:
    """smp_type defaults to cancel_maker, with which post_only is not taken."""
    params = UpbitDialect().create(a_request(**LIMIT, post_only=True)).params

    assert (params["time_in_force"], params["smp_type"]) == ("post_only", "none")


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"order_type": OrderType.STOP_MARKET}, "MARKET or LIMIT"),
        ({"order_type": OrderType.STOP_LIMIT}, "MARKET or LIMIT"),
        ({"order_type": OrderType.MARKET}, "use quote_amount"),
        ({"order_type": OrderType.MARKET, "side": Side.SELL, "quantity": None, "quote_amount": Decimal(1)}, "quantity"),
        ({"reduce_only": True}, "leave it out"),
        ({"market": "futures"}, "use spot"),
    ],
)
def test_what_upbit_does_not_offer_is_refused_with_advice(fields: dict[str, Any], advice: str) -> None:
    """Before anything is sent."""
    with pytest.raises(OrderNotAcceptedError, match=advice):
        UpbitDialect().check(an_order(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"order_type": OrderType.MARKET, "quantity": None, "quote_amount": Decimal(10000)},
        {"order_type": OrderType.MARKET, "quantity": None, "percent": Decimal(10)},
        {"order_type": OrderType.MARKET, "side": Side.SELL},
        {"order_type": OrderType.MARKET, "side": Side.SELL, "quantity": None, "percent": Decimal(10)},
    ],
)
def test_what_upbit_offers_passes(fields: dict[str, Any]) -> None:
    """No false refusals."""
    UpbitDialect().check(an_order(**fields))


def test_without_an_exchange_id_the_identifier_is_asked_for() -> None:
    """The full client id."""
    (call,) = UpbitDialect().find(an_order())

    assert call.params == {"identifier": CLIENT_ID}


def _claims(request: httpx.Request) -> dict[str, str]:
    part = request.headers["Authorization"].split(".")[1]
    claims: dict[str, str] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def _verifies(request: httpx.Request, secret: str) -> bool:
    signed_part, _, signature = request.headers["Authorization"].removeprefix("Bearer ").rpartition(".")
    digest = hmac.new(secret.encode(), signed_part.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == signature
