"""Bybit: acknowledged first, done later; ids for ever; filters that hide."""

from typing import Any

import httpx
import pytest

from infra.simulator.control import Control
from infra.simulator.instruments import TEST_KEY
from tests.simulator.signing import BybitClient

MARKET: dict[str, Any] = {"orderType": "Market", "price": None}
REALTIME, HISTORY, EXECUTIONS = "/v5/order/realtime", "/v5/order/history", "/v5/execution/list"
DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def held_clock(control: Control, bybit: BybitClient) -> None:
    """What happens later happens when the test says so."""
    control.hold_clock(bybit.now_ms())


def later(control: Control) -> None:
    control.advance_clock(50)


@pytest.mark.parametrize("category", ["spot", "linear"])
def test_create_is_acknowledged_before_the_order_exists(bybit: BybitClient, control: Control, category: str) -> None:
    """Until then no list shows it and no cancel finds it; an unknown id is an empty list."""
    answer = bybit.create(category, orderLinkId="x")
    before = bybit.rows(REALTIME, category, orderLinkId="x")
    early_cancel = bybit.post("/v5/order/cancel", category=category, symbol="BTCUSDT", orderLinkId="x").json()
    later(control)
    after = bybit.row(category, orderLinkId="x")

    assert answer["retCode"] == 0
    assert set(answer["result"]) == {"orderId", "orderLinkId"}
    assert before == []
    assert early_cancel["retCode"] == (170213 if category == "spot" else 110001)
    assert (after["orderStatus"], after["orderId"]) == ("New", answer["result"]["orderId"])


@pytest.mark.parametrize("category", ["spot", "linear"])
def test_cancel_is_acknowledged_before_it_takes_effect(bybit: BybitClient, control: Control, category: str) -> None:
    """The order can still fill meanwhile."""
    for name in ("canceled", "filled"):
        bybit.create(category, orderLinkId=name)
    later(control)

    for name in ("canceled", "filled"):
        ack = bybit.post("/v5/order/cancel", category=category, symbol="BTCUSDT", orderLinkId=name).json()
        assert ack["retCode"] == 0
    meanwhile = bybit.row(category, orderLinkId="canceled")["orderStatus"]
    control.fill("filled")
    later(control)

    assert meanwhile == "New"
    assert bybit.row(category, orderLinkId="canceled")["orderStatus"] == "Cancelled"
    assert bybit.row(category, orderLinkId="filled")["orderStatus"] == "Filled"


def test_post_only_that_takes_is_acknowledged_and_then_cancelled(bybit: BybitClient, control: Control) -> None:
    """With the reason in the row."""
    answer = bybit.create("linear", price="61000", timeInForce="PostOnly", orderLinkId="x")
    later(control)
    row = bybit.row("linear", orderLinkId="x")

    assert answer["retCode"] == 0
    assert (row["orderStatus"], row["rejectReason"]) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")


def test_an_order_can_be_rejected_after_its_acknowledgement(bybit: BybitClient, control: Control) -> None:
    """On command, with a reason of choice."""
    control.fault("reject", exchange="bybit", operation="create", reason="EC_NoEnoughQtyToFill")

    answer = bybit.create(orderLinkId="x")
    later(control)
    row = bybit.row(orderLinkId="x")

    assert answer["retCode"] == 0
    assert (row["orderStatus"], row["rejectReason"]) == ("Rejected", "EC_NoEnoughQtyToFill")


@pytest.mark.parametrize(("category", "code"), [("spot", 170141), ("linear", 110072)])
def test_a_link_id_serves_once_for_ever(bybit: BybitClient, control: Control, category: str, code: int) -> None:
    """Also when its order is over; not when it was refused at once."""
    refused = bybit.create(category, orderLinkId="x", qty="0.0000001")
    bybit.create(category, orderLinkId="x")
    later(control)
    bybit.post("/v5/order/cancel", category=category, symbol="BTCUSDT", orderLinkId="x")
    later(control)

    assert refused["retCode"] != 0
    assert bybit.create(category, orderLinkId="x")["retCode"] == code


@pytest.mark.parametrize(
    ("body", "filled"),
    [
        ({"side": "Buy", "qty": "100"}, "0.001666"),
        ({"side": "Sell", "qty": "0.01"}, "0.01"),
        ({"side": "Buy", "qty": "0.01", "marketUnit": "baseCoin"}, "0.01"),
        ({"side": "Sell", "qty": "100", "marketUnit": "quoteCoin"}, "0.001666"),
    ],
)
def test_the_market_unit_defaults_by_side(
    bybit: BybitClient, control: Control, body: dict[str, str], filled: str
) -> None:
    """A spot market buy without it is by value, a sell by base."""
    bybit.create(**(MARKET | body), orderLinkId="x")
    later(control)

    assert bybit.row(orderLinkId="x")["cumExecQty"] == filled


def test_a_buy_by_value_with_a_refund_ends_partly_filled_and_canceled(bybit: BybitClient, control: Control) -> None:
    """Spot only; one that comes out even is Filled."""
    bybit.create(**MARKET, qty="100", orderLinkId="refund")
    bybit.create(**MARKET, qty="600", orderLinkId="even")
    later(control)

    assert bybit.row(orderLinkId="refund")["orderStatus"] == "PartiallyFilledCanceled"
    assert bybit.row(orderLinkId="even")["orderStatus"] == "Filled"


@pytest.mark.parametrize(("category", "status"), [("spot", "PartiallyFilledCanceled"), ("linear", "Cancelled")])
def test_a_thin_market_leaves_a_part(bybit: BybitClient, control: Control, category: str, status: str) -> None:
    """Linear says Cancelled with what was traded."""
    control.set_liquidity(f"bybit-{category}", "BTCUSDT", "0.004")

    bybit.create(category, **MARKET, marketUnit="baseCoin", orderLinkId="x")
    later(control)
    row = bybit.row(category, orderLinkId="x")

    assert (row["orderStatus"], row["cumExecQty"]) == (status, "0.004")


def test_spot_conditional_orders_hide_behind_their_filter(bybit: BybitClient, control: Control) -> None:
    """Cancel and cancel-all find them only when named; a StopOrder holds no money."""
    stop = {"orderFilter": "StopOrder", "triggerPrice": "55000", "side": "Sell", "price": "54000"}
    bybit.create(**stop, orderLinkId="x")
    later(control)
    locked = control.balances("bybit", TEST_KEY)["unified"]["BTC"]["locked"]

    unnamed = bybit.post("/v5/order/cancel", category="spot", symbol="BTCUSDT", orderLinkId="x").json()
    everything = bybit.post("/v5/order/cancel-all", category="spot", symbol="BTCUSDT").json()
    waiting = bybit.row(orderLinkId="x")
    named = bybit.post(
        "/v5/order/cancel", category="spot", symbol="BTCUSDT", orderLinkId="x", orderFilter="StopOrder"
    ).json()
    later(control)

    assert float(locked) == 0
    assert (unnamed["retCode"], everything["result"]["list"]) == (170213, [])
    assert (waiting["orderStatus"], waiting["stopOrderType"]) == ("Untriggered", "Stop")
    assert named["retCode"] == 0
    assert bybit.row(orderLinkId="x")["orderStatus"] == "Deactivated"


def test_conditional_orders_trigger(bybit: BybitClient, control: Control) -> None:
    """A triggered stop without the money to back it is rejected."""
    stop = {**MARKET, "side": "Sell", "triggerPrice": "55000"}
    bybit.create("linear", **stop, triggerDirection=2, orderLinkId="linear")
    bybit.create(**stop, orderFilter="StopOrder", orderLinkId="good")
    bybit.create(**stop, orderFilter="StopOrder", orderLinkId="poor", qty="15")
    later(control)

    for category in ("spot", "linear"):
        control.set_price(f"bybit-{category}", "BTCUSDT", "54000")

    assert bybit.row("linear", orderLinkId="linear")["orderStatus"] == "Filled"
    assert bybit.row(orderLinkId="good")["orderStatus"] == "Filled"
    poor = bybit.row(orderLinkId="poor")
    assert (poor["orderStatus"], poor["rejectReason"]) == ("Rejected", "EC_InvalidBalance")


@pytest.mark.parametrize(
    ("category", "change", "code"),
    [
        ("spot", {"qty": "0.0000001"}, 170137),
        ("spot", {"qty": "0.00001"}, 170136),
        ("spot", {"qty": "0.00002"}, 170140),
        ("spot", {"price": "59000.001"}, 170134),
        ("spot", {"qty": "9"}, 170131),
        ("spot", {"symbol": "NOPE"}, 170121),
        ("spot", {"side": "Long"}, 170117),
        ("spot", {"orderType": "Stop"}, 170116),
        ("spot", {"timeInForce": "GTX"}, 170115),
        ("spot", {"orderFilter": "Nope"}, 170202),
        ("spot", {"orderLinkId": "a b"}, 10001),
        ("linear", {"qty": "0.0001"}, 10001),
        ("linear", {"price": "59000.05"}, 10001),
        ("linear", {"qty": "100"}, 110007),
        ("linear", {"reduceOnly": True}, 110017),
        ("linear", {"positionIdx": 1}, 10001),
        ("linear", {"triggerPrice": "55000"}, 10001),
        ("linear", {"triggerPrice": "55000", "triggerDirection": 1}, 110092),
        ("linear", {"triggerPrice": "65000", "triggerDirection": 2}, 110093),
        ("linear", {"symbol": "ETHUSDT", "price": "100", "qty": "0.01"}, 110094),
        ("linear", {"symbol": "NOPE"}, 10001),
        ("nope", {}, 10001),
    ],
)
def test_a_wrong_order_is_refused_at_once(
    bybit: BybitClient, control: Control, category: str, change: dict[str, Any], code: int
) -> None:
    """One mistake each; nothing is placed."""
    assert bybit.create(category, **change)["retCode"] == code
    assert control.orders() == []


def test_keys_signatures_and_times_are_checked(bybit: BybitClient, control: Control) -> None:
    """All with HTTP 200 and a retCode."""
    now = control.state()["now_ms"]

    def code(at: int = now) -> int:
        bybit.now_ms = lambda: at
        return int(bybit.create()["retCode"])

    assert code(now + 1000) == code(now - 5001) == 10002
    assert code(now - 5000) == code(now + 999) == 0
    for denial, expected in (("expired", 33004), ("permission", 10005), ("ip", 10010)):
        control.deny_key("bybit", TEST_KEY, denial)
        assert code() == expected
    control.deny_key("bybit", TEST_KEY, None)
    bybit.secret = "wrong"
    assert code() == 10004
    bybit.key = "unknown"
    assert code() == 10003


def test_what_is_over_tells_why_it_cannot_be_cancelled(bybit: BybitClient, control: Control) -> None:
    """Spot in three codes, linear in one."""

    def cancel(category: str, name: str) -> int:
        body = {"category": category, "symbol": "BTCUSDT", "orderLinkId": name}
        return int(bybit.post("/v5/order/cancel", **body).json()["retCode"])

    for category in ("spot", "linear"):
        bybit.create(category, orderLinkId="filled", price="61000")
        bybit.create(category, orderLinkId="canceled")
        later(control)
        cancel(category, "canceled")
        later(control)

    names = ("filled", "canceled", "unknown")
    assert [cancel("spot", name) for name in names] == [170139, 170142, 170213]
    assert [cancel("linear", name) for name in names] == [110001, 110001, 110001]


def test_realtime_and_history_forget_differently(bybit: BybitClient, control: Control) -> None:
    """A restart empties realtime of what is closed; history keeps the unfilled for a day, the filled for a week."""
    bybit.create(orderLinkId="filled", price="61000")
    bybit.create(orderLinkId="canceled")
    later(control)
    bybit.post("/v5/order/cancel-all", category="spot", symbol="BTCUSDT")
    later(control)
    control.restart_bybit()

    def names(path: str, **params: str) -> list[str]:
        return [row["orderLinkId"] for row in bybit.rows(path, **params)]

    assert names(REALTIME, orderLinkId="filled") == []
    assert names(HISTORY) == ["canceled", "filled"]
    control.advance_clock(DAY_MS + 1)
    assert names(HISTORY) == ["filled"]
    assert names(HISTORY, orderLinkId="canceled") == []
    control.advance_clock(7 * DAY_MS)
    assert names(HISTORY) == []
    assert names(HISTORY, orderLinkId="filled") == ["filled"]


def test_realtime_keeps_the_last_500_closed(bybit: BybitClient, control: Control) -> None:
    """Older ones are in the history only, whether listed or asked for by id."""
    control.set_rate_limits("bybit", on=False)
    for number in range(501):
        bybit.create(**MARKET, qty="6", orderLinkId=f"n-{number}")
    later(control)

    assert bybit.rows(REALTIME, orderLinkId="n-0") == []
    assert [row["orderLinkId"] for row in bybit.rows(HISTORY, orderLinkId="n-0")] == ["n-0"]
    assert bybit.row(orderLinkId="n-1")["orderLinkId"] == "n-1"
    assert bybit.rows(REALTIME) == []
    assert len(bybit.rows(REALTIME, openOnly="1", limit=50)) == 50


def test_linear_lists_want_a_scope(bybit: BybitClient) -> None:
    """symbol, baseCoin or settleCoin."""
    without = bybit.get(REALTIME, category="linear").json()
    with_one = bybit.get(REALTIME, category="linear", settleCoin="USDT").json()

    assert (without["retCode"], with_one["retCode"]) == (10001, 0)


def test_lists_come_in_pages(bybit: BybitClient, control: Control, http: httpx.Client) -> None:
    """The cursor of each leads to the next, the last one's is empty."""
    control.set_rate_limits("bybit", on=False)
    for number in range(25):
        bybit.create(qty="0.001", orderLinkId=f"n-{number}")
    later(control)

    first = bybit.get(REALTIME, category="spot", limit=20).json()["result"]
    second = bybit.get(REALTIME, category="spot", limit=20, cursor=first["nextPageCursor"]).json()["result"]

    names = [row["orderLinkId"] for row in first["list"] + second["list"]]
    assert names == [f"n-{number}" for number in reversed(range(25))]
    assert second["nextPageCursor"] == ""


def test_executions_are_found_by_link_id(bybit: BybitClient, control: Control) -> None:
    """With fee and its currency."""
    bybit.create("linear", **MARKET, orderLinkId="x")
    bybit.create("linear", **MARKET, orderLinkId="y")
    later(control)

    (row,) = bybit.rows(EXECUTIONS, "linear", orderLinkId="x")

    assert (row["execQty"], row["execPrice"], row["execFee"], row["feeCurrency"]) == ("0.01", "60000", "0.33", "USDT")


def test_executions_of_an_order_come_newest_first(bybit: BybitClient, control: Control) -> None:
    """Each tells what was left after it."""
    order = bybit.create("linear", orderLinkId="x")["result"]
    later(control)
    for quantity in ("0.004", "0.006"):
        control.fill("x", quantity)

    rows = bybit.rows(EXECUTIONS, "linear", orderId=order["orderId"])

    assert [(row["execQty"], row["leavesQty"], row["isMaker"]) for row in rows] == [
        ("0.006", "0", True),
        ("0.004", "0.006", True),
    ]
    assert {(row["orderId"], row["orderLinkId"], row["symbol"]) for row in rows} == {(order["orderId"], "x", "BTCUSDT")}


def test_with_an_id_other_filters_of_executions_are_ignored(bybit: BybitClient, control: Control) -> None:
    """orderId before orderLinkId before symbol; an unknown id finds nothing."""
    first, second = (bybit.create(**MARKET, qty="600", orderLinkId=name)["result"] for name in ("x", "y"))
    bybit.create(**(MARKET | {"symbol": "ETHUSDT"}), qty="600", orderLinkId="eth")
    later(control)

    def links(**params: str) -> list[str]:
        body = bybit.get(EXECUTIONS, category="spot", **params).json()
        return [row["orderLinkId"] for row in body["result"]["list"]]

    assert links(orderId=first["orderId"], orderLinkId="y", symbol="ETHUSDT") == ["x"]
    assert links(orderLinkId=second["orderLinkId"], symbol="ETHUSDT", startTime="1") == ["y"]
    assert links(symbol="ETHUSDT") == ["eth"]
    assert links(baseCoin="BTC") == ["y", "x"]
    assert links(orderLinkId="unknown") == []


def test_executions_are_listed_for_a_week(bybit: BybitClient, control: Control) -> None:
    """An earlier week is asked for; by id there is no end, and an invisible order has none yet."""
    start = bybit.now_ms()
    bybit.create(**MARKET, qty="600", orderLinkId="old")
    control.advance_clock(8 * DAY_MS)
    control.fault("invisible", operation="create", delay_ms=1000)
    bybit.create(**MARKET, qty="600", orderLinkId="hidden")
    later(control)

    def links(**params: str) -> list[str]:
        return [row["orderLinkId"] for row in bybit.rows(EXECUTIONS, **params)]

    assert links() == links(orderLinkId="hidden") == []
    assert links(orderLinkId="old") == links(startTime=str(start)) == ["old"]
    too_long = bybit.get(EXECUTIONS, category="spot", startTime=str(start), endTime=str(start + 8 * DAY_MS)).json()
    assert too_long["retCode"] == 10001
    control.advance_clock(1000)
    assert links() == ["hidden"]


def test_an_execution_has_the_documented_fields(bybit: BybitClient, control: Control) -> None:
    """Those of order/execution.mdx and its example; `createType` of contracts only."""
    documented = (
        "symbol orderType underlyingPrice orderLinkId side indexPrice orderId stopOrderType leavesQty execTime "
        "feeCurrency isMaker execFee feeRate execId tradeIv blockTradeId markPrice execPrice markIv orderQty "
        "orderPrice execValue execType execQty closedSize extraFees seq"
    )
    for category in ("spot", "linear"):
        bybit.create(category, **MARKET, marketUnit="baseCoin")
    later(control)

    (spot,), (linear,) = bybit.rows(EXECUTIONS), bybit.rows(EXECUTIONS, "linear")

    assert set(spot) == set(documented.split())
    assert set(linear) == set(documented.split()) | {"createType"}
    assert type(linear["isMaker"]) is bool
    assert type(linear["seq"]) is int
    assert {type(value) for name, value in linear.items() if name not in ("isMaker", "seq")} == {str}


def test_executions_come_in_pages(bybit: BybitClient, control: Control) -> None:
    """Fifty by default, a hundred at most."""
    bybit.create("linear", qty="0.2", orderLinkId="x")
    later(control)
    for _ in range(120):
        control.fill("x", "0.001")

    def page(**params: Any) -> dict[str, Any]:
        return dict(bybit.get(EXECUTIONS, category="linear", **params).json()["result"])

    first = page(limit=200)
    second = page(limit=200, cursor=first["nextPageCursor"])

    assert len(page()["list"]) == 50
    assert [len(first["list"]), len(second["list"]), second["nextPageCursor"]] == [100, 20, ""]
    assert len({row["execId"] for row in first["list"] + second["list"]}) == 120


def test_the_wallet_counts_what_is_locked(bybit: BybitClient, control: Control) -> None:
    """walletBalance is all of it, locked a part."""
    bybit.create()
    later(control)

    body = bybit.get("/v5/account/wallet-balance", accountType="UNIFIED", coin="USDT").json()

    (coin,) = body["result"]["list"][0]["coin"]
    assert (coin["walletBalance"], coin["locked"], coin["availableToWithdraw"]) == ("100000", "590", "")
