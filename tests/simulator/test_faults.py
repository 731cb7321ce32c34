"""Every kind of failure on command, seen through httpx, and whether the exchange had acted."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.simulator.control import Control
from infra.simulator.faults import KINDS
from infra.simulator.instruments import TEST_KEY, TEST_SECRET
from tests.simulator.signing import BinanceClient, BybitClient, UpbitClient

GOLDEN = Path(__file__).parents[1] / "exchanges" / "golden"
CREATE = {"operation": "create"}


def place(binance: BinanceClient) -> httpx.Response:
    return binance.limit(newClientOrderId="f")


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize(
    ("kind", "error"),
    [("timeout", httpx.ReadTimeout), ("reset", httpx.ReadError), ("close", httpx.RemoteProtocolError)],
)
def test_no_answer_whether_the_order_was_taken_or_not(
    binance: BinanceClient, control: Control, kind: str, error: type[Exception], taken: bool
) -> None:
    """The caller cannot tell; the book can."""
    binance.http.timeout = httpx.Timeout(0.5)
    control.fault(kind, exchange="binance", taken=taken, **CREATE)

    with pytest.raises(error):
        place(binance)

    assert [order["client_id"] for order in control.orders()] == (["f"] if taken else [])
    assert place(binance).status_code == (400 if taken else 200)


@pytest.mark.parametrize("taken", [True, False])
def test_garbage_with_status_200(binance: BinanceClient, control: Control, taken: bool) -> None:
    """A proxy's page, or a body of choice."""
    control.fault("garbage", taken=taken, **CREATE)
    control.fault("garbage", body='{"orderId": 12', **CREATE)

    page, cut = place(binance), place(binance)

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html")
    with pytest.raises(json.JSONDecodeError):
        cut.json()
    assert len(control.orders()) == taken


def test_a_truncated_answer_breaks_the_protocol(binance: BinanceClient, control: Control) -> None:
    """The order is on the book all the same."""
    control.fault("truncated", **CREATE)

    with pytest.raises(httpx.RemoteProtocolError):
        place(binance)

    assert len(control.orders()) == 1


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_slow_answers(binance: BinanceClient, control: Control, kind: str) -> None:
    """Late as a whole, or byte by byte."""
    control.fault(kind, delay_ms=150, **CREATE)
    started = time.monotonic()

    answer = place(binance)

    assert answer.json()["status"] == "NEW"
    assert time.monotonic() - started >= 0.14


def test_a_slow_answer_can_come_after_the_order_was_taken(binance: BinanceClient, control: Control) -> None:
    """A client that gives up before leaves an order behind."""
    binance.http.timeout = httpx.Timeout(0.5)
    control.fault("slow", delay_ms=2000, taken=True, **CREATE)

    with pytest.raises(httpx.ReadTimeout):
        place(binance)

    assert len(control.orders()) == 1


def test_a_request_can_arrive_late(binance: BinanceClient, control: Control) -> None:
    """Nothing is found at first, then there it is; beyond its window it never comes to be."""
    control.hold_clock(binance.now_ms())
    binance.http.timeout = httpx.Timeout(0.5)
    query = {"symbol": "BTCUSDT", "origClientOrderId": "f"}
    for delay in (3000, 6000):
        control.fault("late", delay_ms=delay, **CREATE)
        with pytest.raises(httpx.ReadTimeout):
            place(binance)
    before = binance.send("GET", "/api/v3/order", **query)
    control.advance_clock(3000)
    after = binance.send("GET", "/api/v3/order", **query)
    control.advance_clock(3000)

    assert (before.status_code, after.status_code) == (400, 200)
    assert len(control.orders()) == 1


def test_an_order_can_be_invisible_for_a_while(binance: BinanceClient, control: Control) -> None:
    """To queries, lists and cancels, though it was acknowledged; or to reads only."""
    control.hold_clock(binance.now_ms())
    control.fault("invisible", delay_ms=2000, **CREATE)
    target = {"symbol": "BTCUSDT", "origClientOrderId": "f"}
    place(binance)

    hidden = [
        binance.send("GET", "/api/v3/order", **target).json()["code"],
        binance.send("DELETE", "/api/v3/order", **target).json()["code"],
        binance.send("GET", "/api/v3/openOrders").json(),
    ]
    duplicate = place(binance).json()["msg"]
    control.advance_clock(2000)
    shown = binance.send("GET", "/api/v3/order", **target).json()["status"]

    assert hidden == [-2013, -2011, []]
    assert duplicate == "Duplicate order sent."
    assert shown == "NEW"


INTERNAL = "Internal error; unable to process your request. Please try again."
PROCESSING = "An unknown error occurred while processing the request."
MESSAGE_BUS = "An unexpected response was received from the message bus. Execution status unknown."
OVERLOADED = "Server is currently overloaded with other requests. Please try again in a few minutes."
UNKNOWN = "Unknown error, please check your request or try again later."
THROTTLED = (
    "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try again."
)
BACKEND = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize(
    ("venue", "variant", "status", "body"),
    [
        ("binance-spot", "unknown", 500, {"code": -1000, "msg": PROCESSING}),
        ("binance-spot", "internal", 500, {"code": -1001, "msg": INTERNAL}),
        ("binance-spot", "unexpected", 500, {"code": -1006, "msg": MESSAGE_BUS}),
        ("binance-spot", "backend_timeout", 504, {"code": -1007, "msg": BACKEND}),
        ("binance-spot", "throttled", 503, {"code": -1008, "msg": OVERLOADED}),
        ("binance-spot", "bad_gateway", 502, None),
        ("binance-spot", "gateway_timeout", 504, None),
        ("binance-spot", "waf", 403, None),
        ("binance-usdm", "unknown", 503, {"msg": UNKNOWN}),
        ("binance-usdm", "unavailable", 503, {"msg": "Service Unavailable."}),
        ("binance-usdm", "internal", 503, {"msg": INTERNAL}),
        ("binance-usdm", "throttled", 503, {"code": -1008, "msg": THROTTLED}),
        ("binance-usdm", "backend_timeout", 408, {"code": -1007, "msg": BACKEND}),
    ],
)
def test_binance_errors_of_each_kind(
    binance: BinanceClient, control: Control, venue: str, variant: str, status: int, body: Any, taken: bool
) -> None:
    """USD-M's 503 has four meanings."""
    control.fault("error", exchange=venue, variant=variant, taken=taken, **CREATE)

    answer = binance.limit("/api/v3/order" if venue == "binance-spot" else "/fapi/v1/order")

    assert answer.status_code == status
    assert body is None or answer.json() == body
    assert len(control.orders()) == taken


@pytest.mark.parametrize(
    ("variant", "status", "code"),
    [
        ("server_timeout", 200, 10000),
        ("unknown", 200, 10016),
        ("duplicate_request", 200, 10014),
        ("throttled", 200, 429),
        ("backend_timeout", 200, 170007),
        ("order_timeout", 200, 170146),
        ("http_429", 429, None),
        ("access_too_frequent", 403, None),
        ("internal", 500, None),
        ("bad_gateway", 502, None),
        ("gateway_timeout", 504, None),
    ],
)
def test_bybit_errors_of_each_kind(
    bybit: BybitClient, control: Control, variant: str, status: int, code: int | None
) -> None:
    """Most of them with HTTP 200."""
    control.fault("error", exchange="bybit", variant=variant, **CREATE)

    answer = bybit.post("/v5/order/create", category="spot")

    assert answer.status_code == status
    assert code is None or answer.json()["retCode"] == code


@pytest.mark.parametrize(
    ("variant", "status"), [("unknown", 500), ("internal", 500), ("bad_gateway", 502), ("gateway_timeout", 504)]
)
def test_upbit_errors_of_each_kind(upbit: UpbitClient, control: Control, variant: str, status: int) -> None:
    """With and without JSON."""
    control.fault("error", exchange="upbit", variant=variant, taken=True, **CREATE)

    assert upbit.limit().status_code == status
    assert len(control.orders()) == 1


def golden_errors() -> list[Any]:
    return [
        pytest.param(exchange, error, id=f"{exchange} {error['http_status']} {str(error['body'])[:40]}")
        for exchange in ("binance", "bybit", "upbit")
        for error in json.loads((GOLDEN / f"{exchange}-errors.json").read_text("utf-8"))["errors"]
    ]


@pytest.mark.parametrize(("exchange", "error"), golden_errors())
def test_any_error_can_be_given_word_for_word(
    http: httpx.Client, control: Control, exchange: str, error: dict[str, Any]
) -> None:
    """Status, headers and body as the test says."""
    control.fault("error", exchange=exchange, status=error["http_status"], body=error["body"], headers=error["headers"])
    path = {"binance": "/api/v3/time", "bybit": "/v5/market/time", "upbit": "/v1/market/all"}[exchange]

    answer = http.get(path)

    assert answer.status_code == error["http_status"]
    assert (answer.text if isinstance(error["body"], str) else answer.json()) == error["body"]
    assert all(answer.headers[name] == value for name, value in error["headers"].items())


def test_rate_limits_in_each_exchanges_form(
    binance: BinanceClient, bybit: BybitClient, upbit: UpbitClient, control: Control
) -> None:
    """Without having to run into them."""
    for exchange in ("binance", "bybit", "upbit"):
        control.fault("rate_limit", exchange=exchange, retry_after=7)

    spot, linear, won = binance.limit(), bybit.create("linear"), upbit.limit()

    assert (spot.status_code, spot.json()["code"], spot.headers["Retry-After"]) == (429, -1003, "7")
    assert spot.headers["X-MBX-USED-WEIGHT-1M"] == "6001"
    assert linear["retCode"] == 10006
    assert (won.status_code, won.json()["error"]["name"]) == (429, "too_many_requests")
    assert won.headers["Remaining-Req"] == "group=order; min=1800; sec=0"
    assert control.orders() == []


def test_a_ban_lasts_and_ends(binance: BinanceClient, bybit: BybitClient, upbit: UpbitClient, control: Control) -> None:
    """418, 403, 418; all requests of the exchange."""
    control.hold_clock(binance.now_ms())
    calls: dict[str, Callable[[], httpx.Response]] = {
        "binance": binance.limit,
        "bybit": lambda: bybit.get("/v5/market/time"),
        "upbit": upbit.limit,
    }
    for exchange in calls:
        control.fault("ban", exchange=exchange, retry_after=60)

    banned = [[call().status_code for call in calls.values()] for _ in range(2)]
    retry_after = binance.limit().headers["Retry-After"]
    control.advance_clock(60_000)
    afterwards = [call().status_code for call in calls.values()]

    assert banned == [[418, 403, 418]] * 2
    assert retry_after == "60"
    assert afterwards == [200, 200, 201]


def test_maintenance_lasts_until_it_is_cleared(binance: BinanceClient, bybit: BybitClient, control: Control) -> None:
    """One exchange, or all."""
    number = control.fault("maintenance", exchange="binance")

    during = [binance.limit().status_code, binance.send("GET", "/api/v3/time").status_code]
    control.clear_faults(number)

    assert during == [503, 503]
    assert bybit.get("/v5/market/time").status_code == 200
    assert binance.limit().status_code == 200


def test_clock_skew(binance: BinanceClient, bybit: BybitClient, control: Control) -> None:
    """The exchange's own time says by how much; another exchange is not concerned."""
    control.hold_clock(binance.now_ms())
    control.set_clock_skew("binance", 9000)

    refused = binance.limit().json()
    told = binance.http.get("/api/v3/time").json()["serverTime"]

    assert refused["code"] == -1021
    assert told - binance.now_ms() == 9000
    assert binance.limit(timestamp=told).status_code == 200
    assert bybit.create()["retCode"] == 0


def test_latency_is_felt_by_every_request(http: httpx.Client, control: Control) -> None:
    """Of one exchange or all."""
    control.set_latency(100, "upbit")

    def elapsed(path: str) -> float:
        started = time.monotonic()
        http.get(path)
        return time.monotonic() - started

    assert elapsed("/v1/market/all") >= 0.09
    assert elapsed("/api/v3/ping") < 0.09


def test_faults_hit_what_they_are_aimed_at(binance: BinanceClient, control: Control) -> None:
    """By exchange or venue, operation and key, so many times."""
    control.fault("error", exchange="binance-usdm")
    control.fault("error", exchange="bybit")
    control.fault("error", operation="cancel")
    control.fault("error", key="someone else")
    control.fault("error", exchange="binance-spot", operation="create", key=TEST_KEY, times=2)

    statuses = [binance.limit(newClientOrderId=str(number)).status_code for number in range(3)]

    assert statuses == [500, 500, 200]
    assert len(control.faults()) == 4


def test_a_fault_can_be_for_one_of_two_accounts(binance: BinanceClient, control: Control) -> None:
    """The other's orders go through meanwhile."""
    control.add_account("binance", "other", TEST_SECRET)
    control.fault("error", key="other", operation="create", times=2)

    statuses = []
    for binance.key in ("other", TEST_KEY, "other", "other"):
        statuses.append(binance.limit().status_code)

    assert statuses == [500, 200, 500, 200]


def test_answers_can_be_held_while_the_order_is_on_the_book(
    binance: BinanceClient, control: Control, http: httpx.Client
) -> None:
    """Another connection sees the order before its owner hears of it; the next answer comes at once."""
    http.post("/_simulator/hold_answers", json={"ms": 500, "exchange": "binance", "key": TEST_KEY})

    with ThreadPoolExecutor(1) as pool:
        started = time.monotonic()
        held = pool.submit(place, binance)
        while not control.orders(client_id="f"):
            assert time.monotonic() - started < 0.4, "the order is not on the book before its answer"
        seen = not held.done()
        answer = held.result()

    assert seen
    assert answer.json()["status"] == "NEW"
    assert time.monotonic() - started >= 0.49
    assert control.faults() == []


@pytest.mark.parametrize("aim", [{"exchange": "nyse"}, {"operation": "plaec"}, {"variant": "explosion"}])
def test_a_fault_that_can_never_hit_is_refused(control: Control, aim: dict[str, str]) -> None:
    """A misspelt aim would make a test pass for nothing."""
    with pytest.raises(LookupError, match=next(iter(aim.values()))):
        control.fault("error", **aim)

    assert control.faults() == []


def test_a_fault_on_create_hits_algo_orders_too(binance: BinanceClient, control: Control) -> None:
    """And one on algo-create only those."""
    control.fault("error", operation="algo-create", variant="unavailable")
    algo = {"algoType": "CONDITIONAL", "type": "STOP_MARKET", "side": "SELL", "quantity": "0.01", "triggerPrice": "1"}

    assert binance.limit("/fapi/v1/order").status_code == 200
    assert binance.order("/fapi/v1/algoOrder", **algo).status_code == 503


def test_an_unknown_kind_is_refused(control: Control) -> None:
    """With the kinds that there are."""
    with pytest.raises(ValueError, match=", ".join(KINDS)):
        control.fault("explosion")
