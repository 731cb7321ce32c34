"""Binance's signatures over the bytes that a server receives, against Binance's own examples and others."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.secrets import Credentials
from chalicelib.exchanges.binance.auth import BinanceAuth
from chalicelib.exchanges.dialect import Call, Encoding
from tests.exchanges.binance.wire import (
    HOSTS,
    VECTORS,
    is_signed_by,
    parameters,
    received,
    signature_of,
    wire_text,
)

OFFICIAL = [vector for vector in VECTORS if "OFFICIAL" in vector["case"]]
OTHERS = [vector for vector in VECTORS if "OFFICIAL" not in vector["case"]]
STAMPS = ("timestamp", "recvWindow")
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def unstamped(vector: dict[str, Any]) -> dict[str, str]:
    fields = parameters(vector["string_to_sign"])
    return {name: value for name, value in fields.items() if name not in STAMPS}


@pytest.mark.parametrize("vector", OFFICIAL, ids=["ascii", "percent-encoded"])
@pytest.mark.parametrize("encoding", [Encoding.FORM, Encoding.QUERY])
def test_binances_own_examples_come_out_to_the_byte(vector: dict[str, Any], encoding: Encoding) -> None:
    """Percent-encoded first, then signed, in body and query alike."""
    call = Call("POST", "/api/v3/order", unstamped(vector), encoding)
    credentials = Credentials(vector["api_key"], vector["secret"])

    request = received(call, credentials=credentials, timestamp_ms=vector["timestamp_ms"])

    assert wire_text(request) == f"{vector['string_to_sign']}&signature={vector['signature']}"
    assert request.headers["X-MBX-APIKEY"] == vector["api_key"]


@pytest.mark.parametrize("vector", OTHERS, ids=lambda v: f"{v['market']} {v['case']}")
def test_the_same_parameters_as_in_the_vectors_are_signed_validly(vector: dict[str, Any]) -> None:
    """The order of parameters is free; the check that is used here is proven on the vector first."""
    assert signature_of(vector["string_to_sign"], vector["secret"]) == vector["signature"]
    encoding = Encoding.FORM if vector["http_method"] == "POST" else Encoding.QUERY
    call = Call(vector["http_method"], httpx.URL(vector["url"]).path, unstamped(vector), encoding)

    request = received(
        call,
        HOSTS[vector["market"]],
        Credentials(vector["api_key"], vector["secret"]),
        vector["timestamp_ms"],
        int(parameters(vector["string_to_sign"])["recvWindow"]),
    )

    sent = parameters(wire_text(request))
    assert is_signed_by(request, vector["secret"])
    assert {name: value for name, value in sent.items() if name != "signature"} == parameters(vector["string_to_sign"])


@given(
    params=st.dictionaries(TEXTS.filter(lambda name: name not in (*STAMPS, "signature")), TEXTS, max_size=4),
    encoding=st.sampled_from([Encoding.FORM, Encoding.QUERY]),
    timestamp_ms=st.integers(1, 2**53),
    window_ms=st.integers(1, 60000),
)
def test_any_parameters_are_signed_as_they_go_out(
    params: dict[str, str], encoding: Encoding, timestamp_ms: int, window_ms: int
) -> None:
    """Whatever has to be escaped; with the time and the window that were given."""
    call = Call("POST", "/api/v3/order", params, encoding)

    request = received(call, timestamp_ms=timestamp_ms, window_ms=window_ms, credentials=Credentials("k", "s"))

    sent = parameters(wire_text(request))
    assert is_signed_by(request, "s")
    assert (sent["timestamp"], sent["recvWindow"]) == (str(timestamp_ms), str(window_ms))
    assert params.items() <= sent.items()
    assert request.headers.get("Content-Length", "0") == str(len(request.content))


async def test_an_asynchronous_client_sends_the_same_bytes() -> None:
    """The transport is asynchronous."""
    requests: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200)

    async with httpx.AsyncClient(transport=httpx.MockTransport(take)) as client:
        auth = BinanceAuth(Credentials("k", "s"), 1, 5000)
        await client.post("https://api.binance.com/api/v3/order", data={"symbol": "BTCUSDT"}, auth=auth)

    assert requests[0].content.startswith(b"symbol=BTCUSDT&recvWindow=5000&timestamp=1&signature=")
    assert is_signed_by(requests[0], "s")


def test_a_body_keeps_the_type_and_the_timeouts_of_its_request() -> None:
    """It is built anew once it is signed."""
    request = httpx.Request(
        "POST", "https://api.binance.com/x?a=1", data={"b": "2"}, extensions={"timeout": {"read": 7.0}}
    )

    sent = next(BinanceAuth(Credentials("k", "s"), 1, 5000).auth_flow(request))

    assert sent.extensions == {"timeout": {"read": 7.0}}
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert is_signed_by(sent, "s")


def test_key_and_secret_are_in_no_repr() -> None:
    """Neither of the credentials nor of what signs with them."""
    credentials = Credentials("the-key", "the-secret")

    shown = repr(credentials) + repr(BinanceAuth(credentials, 1, 5000)) + str(BinanceAuth(credentials, 1, 5000))

    assert "the-key" not in shown
    assert "the-secret" not in shown
