"""The documented limits, their headers, and what comes of ignoring them."""

import httpx

from infra.simulator.control import Control
from infra.simulator.instruments import TEST_KEY, TEST_SECRET
from tests.simulator.signing import BinanceClient, BybitClient, UpbitClient


def test_binance_counts_weight_and_refuses_beyond_it(http: httpx.Client, control: Control) -> None:
    """429 until the minute ends; who goes on is banned for two minutes."""
    control.hold_clock(1_700_000_010_000)
    control.set_rate_limit("binance-spot.weight", 41)

    weights = [http.get("/api/v3/exchangeInfo").headers["X-MBX-USED-WEIGHT-1M"] for _ in range(2)]
    refused = http.get("/api/v3/exchangeInfo")
    for _ in range(19):
        last = http.get("/api/v3/ping")
    control.advance_clock(60_000)
    still = http.get("/api/v3/ping")
    control.advance_clock(60_000)

    assert weights == ["20", "40"]
    assert (refused.status_code, refused.json()["code"]) == (429, -1003)
    assert refused.headers["Retry-After"] == str(60 - 1_700_000_010 % 60)
    assert (last.status_code, last.headers["Retry-After"]) == (418, "120")
    assert still.status_code == 418
    assert http.get("/api/v3/ping").status_code == 200


def test_binance_forgives_who_keeps_to_the_limit_again(http: httpx.Client, control: Control) -> None:
    """Nineteen refusals in one minute and nineteen in the next are no reason for a ban."""
    control.hold_clock(1_700_000_010_000)
    control.set_rate_limit("binance-spot.weight", 1)

    statuses = []
    for _ in range(2):
        statuses.append([http.get("/api/v3/ping").status_code for _ in range(20)])
        control.advance_clock(60_000)

    assert statuses == [[200] + [429] * 19] * 2


def test_binance_gives_creates_and_cancels_free_only_when_they_succeed(binance: BinanceClient) -> None:
    """Since 2026-04-02; a refused one weighs 1."""
    order = binance.limit()
    refused = binance.limit(quantity="0.000001")
    canceled = binance.send("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order.json()["orderId"])
    unknown = binance.send("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=1)

    used = [answer.headers["X-MBX-USED-WEIGHT-1M"] for answer in (order, refused, canceled, unknown)]
    assert used == ["0", "1", "1", "2"]


def test_binance_usdm_counts_by_ten_seconds_and_minute(binance: BinanceClient) -> None:
    """Spot counts by the day instead."""
    spot, usdm = binance.limit(), binance.limit("/fapi/v1/order")

    def counts(answer: httpx.Response) -> dict[str, str]:
        prefix = "x-mbx-order-count-"
        return {name.removeprefix(prefix): value for name, value in answer.headers.items() if name.startswith(prefix)}

    assert counts(spot) == {"10s": "1", "1d": "1"}
    assert counts(usdm) == {"10s": "1", "1m": "1"}


def test_binance_weighs_futures_apart(http: httpx.Client, control: Control) -> None:
    """Another host in reality."""
    control.set_rate_limit("binance-spot.weight", 0)

    assert http.get("/api/v3/ping").status_code == 429
    assert http.get("/fapi/v1/ping").status_code == 200


def test_binance_counts_successful_orders_per_account(binance: BinanceClient, control: Control) -> None:
    """-1015 beyond 50 in ten seconds; another account is not concerned, nor are cancels."""
    control.hold_clock(1_700_000_000_000)
    control.set_rate_limit("binance-spot.10S", 2)
    control.add_account("binance", "other", TEST_SECRET)

    refused = binance.limit(quantity="0.000001")
    counts = [binance.limit().headers["X-MBX-ORDER-COUNT-10S"] for _ in range(2)]
    third = binance.limit()
    cancel = binance.send("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    binance.key = "other"
    other = binance.limit()
    control.advance_clock(10_000)
    binance.key = TEST_KEY

    assert refused.headers["X-MBX-ORDER-COUNT-10S"] == "0"
    assert counts == ["1", "2"]
    assert (third.status_code, third.json()["code"]) == (429, -1015)
    assert third.json()["msg"] == "Too many new orders; current limit is 2 orders per 10 SECOND."
    assert (cancel.status_code, other.status_code) == (200, 200)
    assert binance.limit().status_code == 200


def test_bybit_counts_per_account_endpoint_and_second(bybit: BybitClient, control: Control) -> None:
    """Ten creates of linear in a second, rolling; cancels have their own ten."""
    control.hold_clock(bybit.now_ms())

    answers = [bybit.post("/v5/order/create", category="linear") for _ in range(11)]
    cancel = bybit.post("/v5/order/cancel", category="linear")
    control.advance_clock(1000)

    assert [answer.headers["X-Bapi-Limit-Status"] for answer in answers] == [*map(str, range(9, -1, -1)), "0"]
    assert [answer.json()["retCode"] == 10006 for answer in answers] == [False] * 10 + [True]
    assert answers[0].headers["X-Bapi-Limit"] == "10"
    assert int(answers[0].headers["X-Bapi-Limit-Reset-Timestamp"]) == bybit.now_ms() - 1000  # just the time, then
    assert int(answers[-1].headers["X-Bapi-Limit-Reset-Timestamp"]) == bybit.now_ms()
    assert cancel.headers["X-Bapi-Limit-Status"] == "9"
    assert bybit.post("/v5/order/create", category="linear").json()["retCode"] != 10006


def test_bybit_shuts_out_an_address_for_ten_minutes(http: httpx.Client, control: Control) -> None:
    """HTTP 403, no JSON."""
    control.hold_clock(1_700_000_000_000)
    control.set_rate_limit("bybit.ip", 3)

    statuses = [http.get("/v5/market/time").status_code for _ in range(4)]
    control.advance_clock(599_999)
    late = http.get("/v5/market/time")
    control.advance_clock(1)

    assert statuses == [200, 200, 200, 403]
    assert (late.status_code, late.text) == (403, "access too frequent")
    assert http.get("/v5/market/time").status_code == 200


def test_upbit_counts_per_group_and_blocks_the_stubborn(upbit: UpbitClient, control: Control) -> None:
    """The header tells what is left; 429, then 418 for a time that grows."""
    control.hold_clock(1_700_000_000_000)
    control.set_rate_limit("upbit.order", 2)

    left = [upbit.limit().headers["Remaining-Req"] for _ in range(2)]
    refused = [upbit.limit() for _ in range(10)]
    read = upbit.send("GET", "/v1/orders/open")
    control.advance_clock(10_000)

    again = [upbit.limit().status_code for _ in range(12)]
    control.advance_clock(19_999)
    late = upbit.limit()
    control.advance_clock(1)

    assert left == ["group=order; min=1800; sec=1", "group=order; min=1800; sec=0"]
    assert [answer.status_code for answer in refused] == [429] * 10
    assert read.status_code == 418
    assert again == [201, 201] + [429] * 10
    assert late.status_code == 418
    assert upbit.limit().status_code == 201


def test_upbit_blocks_nobody_who_waits_after_a_refusal(upbit: UpbitClient, control: Control) -> None:
    """However often it happens: only refusals in a row count."""
    control.hold_clock(1_700_000_000_000)
    control.set_rate_limit("upbit.order", 1)

    statuses = []
    for _ in range(12):
        statuses.append([upbit.limit(volume="0.001").status_code for _ in range(2)])
        control.advance_clock(1000)

    assert statuses == [[201, 429]] * 12


def test_upbit_counts_all_keys_of_an_account_together(upbit: UpbitClient, control: Control) -> None:
    """Another account has its own count."""
    control.set_rate_limit("upbit.order", 1)
    control.add_key("upbit", "second", TEST_SECRET, of_key=TEST_KEY)
    control.add_account("upbit", "other", TEST_SECRET)
    control.hold_clock(1_700_000_000_000)

    statuses = []
    for upbit.key in (TEST_KEY, "second", "other"):
        statuses.append(upbit.limit().status_code)

    assert statuses == [201, 429, 201]


def test_limits_can_be_turned_off(
    binance: BinanceClient, bybit: BybitClient, upbit: UpbitClient, control: Control
) -> None:
    """For benchmarks: none is refused, and no header makes a careful client wait."""
    for exchange in ("binance", "bybit", "upbit"):
        control.set_rate_limits(exchange, on=False)

    spot = [binance.limit(quantity="0.001") for _ in range(60)]
    linear = [bybit.post("/v5/order/create", category="linear") for _ in range(60)]
    won = [upbit.limit(volume="0.001") for _ in range(60)]

    assert {answer.status_code for answer in spot} == {200}
    assert {answer.json()["retCode"] for answer in linear} == {10001}
    assert {answer.status_code for answer in won} == {201}
    told = " ".join(name for answer in (spot[-1], linear[-1], won[-1]) for name in answer.headers)
    assert not any(word in told for word in ("mbx", "bapi", "remaining"))
