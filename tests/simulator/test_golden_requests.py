"""Requests that ccxt made under a fixed key and clock are taken by the simulator at that clock."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.simulator.control import Control

GOLDEN = Path(__file__).parents[1] / "exchanges" / "golden"
CLOCK_MS = 1_700_000_000_000
CLIENT_ID = "c-01HF3ZJ6Q7R8S9T0V1W2X3Y4Z5"
PRICES = {"binance-spot": "36500", "binance-usdm": "36500", "bybit-spot": "36500", "bybit-linear": "36500"}

# What the request asks for cannot be had in a fresh account: the refusal proves that everything else was right.
NO_SUCH_ORDER = {-2011, -2013, 110001, 170213, "order_not_found"}
NOTHING_TO_REDUCE = {-2022, 110017}
NOT_FILLED_AT_ONCE = {-5021}


def read(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text("utf-8"))


def request_cases() -> list[Any]:
    return [
        pytest.param(exchange, case["case"], request, id=f"{exchange} {case['market']} {case['case']}")
        for exchange in ("binance", "bybit", "upbit")
        for case in read(f"{exchange}-requests.json")["cases"]
        for request in case["requests"]
    ]


def vector_cases() -> list[Any]:
    return [
        pytest.param(exchange, vector, id=f"{exchange} {vector['market']} {vector['case']}")
        for exchange in ("binance", "bybit", "upbit")
        for vector in read(f"{exchange}-sign-vectors.json")["vectors"]
        if "http_method" in vector
    ]


@pytest.fixture(autouse=True)
def golden_market(control: Control) -> None:
    control.hold_clock(CLOCK_MS)
    for venue, price in PRICES.items():
        control.set_price(venue, "BTCUSDT", price)
    control.set_price("upbit", "KRW-BTC", "55000000")


@pytest.mark.parametrize(("exchange", "case", "request_"), request_cases())
def test_a_golden_request_is_taken(
    http: httpx.Client, control: Control, exchange: str, case: str, request_: dict[str, Any]
) -> None:
    """Signature, window, parameters and filters all pass."""
    key = request_["headers"].get("X-MBX-APIKEY") or request_["headers"].get("X-BAPI-API-KEY")
    if "hedge mode" in case:
        control.set_hedge_mode(exchange, key, on=True)

    query = f"?{request_['query']}" if request_["query"] else ""
    answer = http.request(
        request_["http_method"], request_["path"] + query, headers=request_["headers"], content=request_["body"]
    )

    assert_taken(answer)


@pytest.mark.parametrize(("exchange", "vector"), vector_cases())
def test_a_golden_signature_is_valid(
    http: httpx.Client, control: Control, exchange: str, vector: dict[str, Any]
) -> None:
    """The same for the signing vectors, Upbit's with both algorithms."""
    if "hedge mode" in vector["case"]:
        control.set_hedge_mode(exchange, vector["api_key"], on=True)
    url = httpx.URL(vector["url"])

    for headers in vector_headers(exchange, vector):
        answer = http.request(vector["http_method"], url.raw_path.decode(), headers=headers, content=vector.get("body"))

        assert_taken(answer)
        control.reset()


def vector_headers(exchange: str, vector: dict[str, Any]) -> list[dict[str, str]]:
    if exchange == "binance":
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return [{"X-MBX-APIKEY": vector["api_key"], **form}]
    if exchange == "bybit":
        return [
            {
                "X-BAPI-API-KEY": vector["api_key"],
                "X-BAPI-TIMESTAMP": str(vector["timestamp_ms"]),
                "X-BAPI-RECV-WINDOW": "5000",
                "X-BAPI-SIGN": vector["signature"],
                "Content-Type": "application/json",
            }
        ]
    tokens = (vector["jwt_hs256"], vector["jwt_hs512_same_payload"])
    return [{"Authorization": f"Bearer {token}", "Content-Type": "application/json"} for token in tokens]


def assert_taken(answer: httpx.Response) -> None:
    body = answer.json()
    refusal: Any = None
    if isinstance(body, dict):
        refusal = body.get("retCode") or body.get("error", {}).get("name") or (answer.is_error and body.get("code"))
    assert not refusal or refusal in NO_SUCH_ORDER | NOTHING_TO_REDUCE | NOT_FILLED_AT_ONCE, answer.text


def test_the_same_request_is_refused_when_its_window_has_passed(http: httpx.Client, control: Control) -> None:
    """A check on the check: the clock is what made the golden requests pass."""
    control.advance_clock(10_001)
    (request,) = read("binance-requests.json")["cases"][0]["requests"]

    answer = http.post(request["path"], headers=request["headers"], content=request["body"])

    assert answer.json()["code"] == -1021


def test_the_same_request_is_refused_when_a_byte_of_it_differs(http: httpx.Client) -> None:
    """The signature is over the bytes as sent."""
    (request,) = read("binance-requests.json")["cases"][0]["requests"]

    answer = http.post(request["path"], headers=request["headers"], content=request["body"].replace("0.01", "0.02"))

    assert answer.json() == {"code": -1022, "msg": "Signature for this request is not valid."}
