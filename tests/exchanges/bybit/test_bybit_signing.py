"""Bybit's signatures: of the vectors, and over the very bytes that are sent."""

import json
import logging
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.secrets import Credentials
from chalicelib.exchanges.bybit.auth import BybitAuth
from chalicelib.exchanges.dialect import Call, Encoding
from tests.exchanges.bybit.wire import KEY, LINEAR, SPOT, golden, received, signature_of
from tests.exchanges.orders import a_request, an_order

VECTORS = golden("sign-vectors")["vectors"]
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)


def signed_by(vector: dict[str, Any], content: str | None) -> httpx.Request:
    key = Credentials(vector["api_key"], vector["secret"])
    request = httpx.Request(vector["http_method"], vector["url"], content=content)
    return next(BybitAuth(key, vector["timestamp_ms"], 5000).auth_flow(request))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['market']}: {v['case']}")
def test_the_signature_is_that_of_the_vectors(vector: dict[str, Any]) -> None:
    """For the same key, secret, clock and bytes."""
    request = signed_by(vector, vector["body"])

    assert request.headers["X-BAPI-SIGN"] == vector["signature"]
    assert request.headers["X-BAPI-TIMESTAMP"] == str(vector["timestamp_ms"])


def test_a_body_of_other_bytes_has_another_signature() -> None:
    """Equal in meaning is not enough."""
    vector = next(v for v in VECTORS if v["body"])

    request = signed_by(vector, vector["body"].replace(":", ": ", 1))

    assert request.headers["X-BAPI-SIGN"] != vector["signature"]


@pytest.mark.parametrize(
    "call",
    [
        SPOT.create(a_request()),
        SPOT.cancel(an_order()),
        LINEAR.find(an_order())[0],
        SPOT.balance("USDT"),
        LINEAR.open_orders()[0],
        Call("GET", "/v5/order/realtime", {"cursor": "a=b&c%3D+/ é", "limit": "50"}),
        Call("POST", "/v5/order/create", {"orderLinkId": 'é/+ \\"', "reduceOnly": True}, Encoding.JSON),
        Call("GET", "/v5/account/wallet-balance"),
    ],
    ids=lambda call: f"{call.method} {call.path}",
)
def test_what_is_signed_is_what_arrives(call: Call) -> None:
    """Escaped characters, JSON and an empty query alike."""
    request = received(call)

    assert request.headers["X-BAPI-SIGN"] == signature_of(request)


@given(params=st.dictionaries(TEXTS, TEXTS, max_size=4), encoding=st.sampled_from([Encoding.QUERY, Encoding.JSON]))
def test_any_parameters_arrive_signed(params: dict[str, str], encoding: Encoding) -> None:
    """Nothing in between re-encodes them."""
    method = "GET" if encoding is Encoding.QUERY else "POST"

    request = received(Call(method, "/v5/order/realtime", params, encoding))

    assert request.headers["X-BAPI-SIGN"] == signature_of(request)
    if encoding is Encoding.JSON:
        assert json.loads(request.content) == params


def test_it_is_signed_with_exactly_the_time_and_window_given() -> None:
    """No clock of its own (R2)."""
    request = received(SPOT.create(a_request()), at=1_234_567_890_123, window=2750)

    assert request.headers["X-BAPI-TIMESTAMP"] == "1234567890123"
    assert request.headers["X-BAPI-RECV-WINDOW"] == "2750"
    assert request.headers["X-BAPI-SIGN"] == signature_of(request)


async def test_it_signs_under_an_async_client_too() -> None:
    """The one that the transport uses."""
    requests: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200)

    async with httpx.AsyncClient(transport=httpx.MockTransport(take)) as client:
        await client.post("https://api.bybit.com/v5/order/create", content=b'{"a":"b"}', auth=SPOT.auth(KEY, 1, 2))

    assert requests[0].headers["X-BAPI-SIGN"] == signature_of(requests[0])


def test_market_data_goes_unsigned() -> None:
    """It needs no key."""
    request = received(SPOT.last_price("BTC/USDT"))

    assert not any(name.startswith("x-bapi") for name in request.headers)


def test_key_and_secret_show_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """In no repr, and in no log line at DEBUG."""
    auth = SPOT.auth(KEY, 1, 2)

    with caplog.at_level(logging.DEBUG):
        request = received(SPOT.create(a_request()))

    shown = f"{auth!r} {auth!s} {request!r} {caplog.text}"
    assert not any(text in shown for text in (KEY.api_key, KEY.api_secret, request.headers["X-BAPI-SIGN"]))
