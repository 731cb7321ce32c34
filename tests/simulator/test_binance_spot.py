"""Binance spot: what it takes, what it refuses and how it says so."""

from typing import Any

import httpx
import pytest

from infra.simulator.control import Control
from infra.simulator.instruments import TEST_KEY
from tests.simulator.signing import BinanceClient, hex_signature

ORDER = "/api/v3/order"


def refusal(answer: httpx.Response) -> tuple[int, int, str]:
    return answer.status_code, answer.json()["code"], answer.json()["msg"]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.010001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.0000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"price": "59000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "1000"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "9"}, -2010, "Account has insufficient balance for requested action."),
        ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ({"side": "LONG"}, -1117, "Invalid side."),
        ({"type": "STOP"}, -1116, "Invalid orderType."),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"type": "LIMIT_MAKER"}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({"stopPrice": "55000"}, -1106, "Parameter 'stopPrice' sent when not required."),
        ({"reduceOnly": "true"}, -1104, "Not all sent parameters were read; read '8' parameter(s) but was sent '9'."),
        ({"recvWindow": "60001"}, -1131, "recvWindow must be less than 60000"),
    ],
)
def test_a_wrong_order_is_refused_with_the_documented_code(
    binance: BinanceClient, control: Control, change: dict[str, str], code: int, message: str
) -> None:
    """One mistake each; nothing is placed."""
    answer = binance.limit(**change)

    assert refusal(answer) == (400, code, message)
    assert control.orders() == []


def test_a_client_id_of_other_letters_is_refused(binance: BinanceClient) -> None:
    """The pattern of fix-api.md."""
    assert refusal(binance.limit(newClientOrderId="a b"))[1] == -1100


def test_a_client_id_is_blocked_while_its_order_is_open_and_free_afterwards(
    binance: BinanceClient, control: Control
) -> None:
    """A blind retry of a filled MARKET order buys again."""
    first = binance.limit(newClientOrderId="twice")
    second = binance.limit(newClientOrderId="twice")
    binance.send("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="twice")
    for _ in range(2):
        assert binance.order(type="MARKET", quantity="0.01", newClientOrderId="twice").status_code == 200
    found = binance.send("GET", ORDER, symbol="BTCUSDT", origClientOrderId="twice").json()

    assert first.status_code == 200
    assert refusal(second) == (400, -2010, "Duplicate order sent.")
    assert [order["state"] for order in control.orders()] == ["canceled", "filled", "filled"]
    assert found["orderId"] == control.orders()[-1]["id"]


@pytest.mark.parametrize(
    ("params", "status", "filled"),
    [
        ({"type": "MARKET", "quantity": "0.01"}, "FILLED", "0.01000000"),
        ({"type": "MARKET", "quoteOrderQty": "100"}, "FILLED", "0.00166000"),
        ({"type": "MARKET", "side": "SELL", "quoteOrderQty": "100"}, "FILLED", "0.00166000"),
        ({"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "61000"}, "FILLED", "0.01000000"),
        ({"type": "LIMIT", "timeInForce": "IOC", "quantity": "0.01", "price": "59000"}, "EXPIRED", "0.00000000"),
        ({"type": "LIMIT", "timeInForce": "FOK", "quantity": "0.01", "price": "59000"}, "EXPIRED", "0.00000000"),
    ],
)
def test_orders_meet_the_market(binance: BinanceClient, params: dict[str, str], status: str, filled: str) -> None:
    """At the market's price of 60000."""
    body = binance.order(**params).json()

    assert (body["status"], body["executedQty"]) == (status, filled)


@pytest.mark.parametrize(
    ("params", "filled", "reason"),
    [
        ({"type": "MARKET"}, "0.00400000", "INSUFFICIENT_LIQUIDITY"),
        ({"type": "LIMIT", "price": "60000", "timeInForce": "IOC"}, "0.00400000", "UNFILLED_IOC_QUANTITY_EXPIRED"),
        ({"type": "LIMIT", "price": "60000", "timeInForce": "FOK"}, "0.00000000", "UNFILLED_FOK_ORDER_EXPIRED"),
    ],
)
def test_a_thin_market_fills_in_part(
    binance: BinanceClient, control: Control, params: dict[str, str], filled: str, reason: str
) -> None:
    """What is left expires with a reason."""
    control.set_liquidity("binance-spot", "BTCUSDT", "0.004")

    body = binance.order(quantity="0.01", **params).json()

    assert (body["status"], body["executedQty"], body["expiryReason"]) == ("EXPIRED", filled, reason)


def test_money_is_locked_spent_and_given_back(binance: BinanceClient, control: Control) -> None:
    """A resting buy locks quote; fills take from the lock; the cancel frees the rest."""
    order = binance.limit(newClientOrderId="m").json()
    locked = control.balances("binance", TEST_KEY)["spot"]["USDT"]
    control.fill("m", "0.004")
    canceled = binance.send("DELETE", ORDER, symbol="BTCUSDT", orderId=order["orderId"]).json()
    wallet = control.balances("binance", TEST_KEY)["spot"]

    assert {name: float(amount) for name, amount in locked.items()} == {"free": 99410, "locked": 590}
    assert (canceled["status"], canceled["executedQty"], canceled["origClientOrderId"]) == (
        "CANCELED",
        "0.00400000",
        "m",
    )
    assert {name: float(amount) for name, amount in wallet["USDT"].items()} == {"free": 99764, "locked": 0}
    assert float(wallet["BTC"]["free"]) == 10.003996  # the fee is taken from what is bought


@pytest.mark.parametrize(
    ("params", "price"),
    [
        ({"type": "STOP_LOSS", "side": "SELL", "stopPrice": "55000"}, "54000"),
        (
            {"type": "STOP_LOSS_LIMIT", "side": "BUY", "stopPrice": "61000", "price": "62000", "timeInForce": "GTC"},
            "61500",
        ),
        ({"type": "TAKE_PROFIT", "side": "SELL", "stopPrice": "65000"}, "66000"),
        (
            {"type": "TAKE_PROFIT_LIMIT", "side": "BUY", "stopPrice": "55000", "price": "56000", "timeInForce": "GTC"},
            "54000",
        ),
    ],
)
def test_conditional_orders_wait_and_trigger(
    binance: BinanceClient, control: Control, params: dict[str, str], price: str
) -> None:
    """They are acknowledged without a status, and listed as NEW and not working."""
    acknowledged = binance.order(quantity="0.01", newClientOrderId="c", **params).json()
    waiting = binance.send("GET", ORDER, symbol="BTCUSDT", origClientOrderId="c").json()
    control.set_price("binance-spot", "BTCUSDT", price)
    done = binance.send("GET", ORDER, symbol="BTCUSDT", origClientOrderId="c").json()

    assert set(acknowledged) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    assert (waiting["status"], waiting["isWorking"]) == ("NEW", False)
    assert (done["status"], done["isWorking"]) == ("FILLED", True)


def test_orders_that_would_do_the_opposite_at_once_are_refused(binance: BinanceClient) -> None:
    """A stop on the wrong side, a post-only that takes."""
    stop = binance.order(type="STOP_LOSS", side="SELL", quantity="0.01", stopPrice="65000")
    maker = binance.order(type="LIMIT_MAKER", quantity="0.01", price="61000")

    assert refusal(stop) == (400, -2010, "Order would trigger immediately.")
    assert refusal(maker) == (400, -2010, "Order would immediately match and take.")


def test_resting_orders_fill_when_the_price_crosses_them(binance: BinanceClient, control: Control) -> None:
    """At their own price."""
    binance.limit(newClientOrderId="r")

    control.set_price("binance-spot", "BTCUSDT", "58000")

    found = binance.send("GET", ORDER, symbol="BTCUSDT", origClientOrderId="r").json()
    assert (found["status"], found["cummulativeQuoteQty"]) == ("FILLED", "590.00000000")


def test_timestamps_are_checked_on_arrival_and_again_before_the_engine(
    binance: BinanceClient, control: Control
) -> None:
    """A delay between the two makes a fresh request stale."""
    now = binance.now_ms()
    control.hold_clock(now)

    early = binance.limit(timestamp=now + 1000)
    late = binance.limit(timestamp=now - 5001)
    in_time = binance.limit(timestamp=now - 4000, newClientOrderId="in-time")
    control.fault("engine_delay", operation="create", delay_ms=1001)
    second_check = binance.limit(timestamp=now - 4000)

    assert refusal(early)[1:] == (-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    assert refusal(late)[1:] == (-1021, "Timestamp for this request is outside of the recvWindow.")
    assert in_time.status_code == 200
    assert refusal(second_check)[1:] == (-1021, "Timestamp for this request is outside of the recvWindow.")
    assert len(control.orders()) == 1


@pytest.mark.parametrize("path", [ORDER, "/api/v3/openOrders"])
def test_a_cancel_is_checked_again_before_the_engine_too(binance: BinanceClient, control: Control, path: str) -> None:
    """A stale one leaves the order alone."""
    now = binance.now_ms()
    control.hold_clock(now)
    order = binance.limit().json()
    target = {"symbol": "BTCUSDT"} | ({"orderId": order["orderId"]} if path == ORDER else {})
    control.fault("engine_delay", exchange="binance", delay_ms=1001, times=1)

    stale = binance.send("DELETE", path, **target, timestamp=now - 4000)

    assert refusal(stale)[1:] == (-1021, "Timestamp for this request is outside of the recvWindow.")
    assert control.orders()[0]["live"]
    assert binance.send("DELETE", path, **target, timestamp=now - 4000).status_code == 200


def test_keys_and_signatures_are_checked(binance: BinanceClient, control: Control, http: httpx.Client) -> None:
    """Missing, unknown, denied, wrong secret, un-encoded before signing."""
    missing = http.get("/api/v3/account")
    binance.secret = "wrong"
    forged = binance.limit()
    binance.key = "unknown"
    unknown = binance.limit()

    assert refusal(missing) == (401, -2014, "API-key format invalid.")
    assert refusal(forged) == (400, -1022, "Signature for this request is not valid.")
    assert refusal(unknown) == (401, -2015, "Invalid API-key, IP, or permissions for action.")


def test_the_signature_is_over_the_percent_encoded_parameters(binance: BinanceClient, http: httpx.Client) -> None:
    """Since 2026-01-15: signing the raw text is refused."""
    raw = f"symbol=１２３&timestamp={binance.now_ms()}"
    signed = f"{raw}&signature={hex_signature(binance.secret, raw)}"

    answer = http.get(f"/api/v3/openOrders?{signed}", headers={"X-MBX-APIKEY": binance.key})
    encoded = binance.send("GET", "/api/v3/openOrders", symbol="１２３")

    assert refusal(answer)[1] == -1022
    assert refusal(encoded)[1] == -1121


def test_query_and_body_are_signed_as_one_and_the_query_wins(
    binance: BinanceClient, http: httpx.Client, control: Control
) -> None:
    """Concatenated without a separator; the signature may stand in either."""
    query, body = f"symbol=BTCUSDT&timestamp={binance.now_ms()}", "symbol=ETHUSDT&side=BUY&type=MARKET&quantity=0.01"
    signature = hex_signature(binance.secret, query + body)
    headers = {"X-MBX-APIKEY": binance.key, "Content-Type": "application/x-www-form-urlencoded"}

    in_query = http.post(f"{ORDER}?{query}&signature={signature}", content=body, headers=headers)
    in_body = http.post(f"{ORDER}?{query}", content=f"{body}&signature={signature}", headers=headers)
    with_separator = hex_signature(binance.secret, f"{query}&{body}")
    refused = http.post(f"{ORDER}?{query}&signature={with_separator}", content=body, headers=headers)

    assert (in_query.status_code, in_body.status_code) == (200, 200)
    assert [order["symbol"] for order in control.orders()] == ["BTCUSDT", "BTCUSDT"]
    assert refusal(refused)[1] == -1022


def test_hex_is_read_in_any_case_and_time_in_microseconds_too(binance: BinanceClient, http: httpx.Client) -> None:
    """Both as documented; a DELETE may carry its parameters as a form."""
    order = binance.limit().json()
    form = f"symbol=BTCUSDT&orderId={order['orderId']}&timestamp={binance.now_ms() * 1000}"
    signature = hex_signature(binance.secret, form).upper()
    headers = {"X-MBX-APIKEY": binance.key, "Content-Type": "application/x-www-form-urlencoded"}

    answer = http.request("DELETE", ORDER, content=f"{form}&signature={signature}", headers=headers)

    assert answer.json()["status"] == "CANCELED"


def test_a_parameter_that_is_sent_twice_is_refused(binance: BinanceClient, http: httpx.Client) -> None:
    """Which of them was meant cannot be known."""
    query = f"symbol=BTCUSDT&symbol=ETHUSDT&timestamp={binance.now_ms()}"
    signed = f"{query}&signature={hex_signature(binance.secret, query)}"

    answer = http.get(f"/api/v3/openOrders?{signed}", headers={"X-MBX-APIKEY": binance.key})

    assert refusal(answer)[1] == -1101


def test_a_denied_key_is_refused_until_it_is_allowed_again(binance: BinanceClient, control: Control) -> None:
    """As after a rotation."""
    control.deny_key("binance", TEST_KEY, "rotated")
    denied = binance.limit()
    control.deny_key("binance", TEST_KEY, None)

    assert denied.status_code == 401
    assert binance.limit().status_code == 200


def test_unknown_orders(binance: BinanceClient) -> None:
    """A query says -2013, a cancel -2011, also of an order that is over."""
    order = binance.order(type="MARKET", quantity="0.01").json()

    query = binance.send("GET", ORDER, symbol="BTCUSDT", orderId=1)
    cancel = binance.send("DELETE", ORDER, symbol="BTCUSDT", orderId=order["orderId"])
    all_of_none = binance.send("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    nameless = binance.send("GET", ORDER, symbol="BTCUSDT")

    assert refusal(query) == (400, -2013, "Order does not exist.")
    assert refusal(cancel) == (400, -2011, "Unknown order sent.")
    assert refusal(all_of_none) == (400, -2011, "Unknown order sent.")
    assert refusal(nameless)[1] == -1102


def test_cancel_restrictions_leave_the_order_alive(binance: BinanceClient, control: Control) -> None:
    """The same code as for an unknown order, another message."""
    binance.limit(newClientOrderId="r")
    control.fill("r", "0.001")
    target = {"symbol": "BTCUSDT", "origClientOrderId": "r"}

    refused = binance.send("DELETE", ORDER, cancelRestrictions="ONLY_NEW", **target)
    done = binance.send("DELETE", ORDER, cancelRestrictions="ONLY_PARTIALLY_FILLED", **target)

    assert refusal(refused) == (400, -2011, "Order was not canceled due to cancel restrictions.")
    assert done.json()["status"] == "CANCELED"


def test_a_mismatch_of_the_two_ids_is_refused(binance: BinanceClient) -> None:
    """orderId is searched first, then compared."""
    order = binance.limit(newClientOrderId="one").json()

    answer = binance.send("DELETE", ORDER, symbol="BTCUSDT", orderId=order["orderId"], origClientOrderId="two")

    assert refusal(answer)[1] == -2039


def test_lists_show_what_they_should(binance: BinanceClient) -> None:
    """Open orders with and without symbol, all orders, cancel all."""
    binance.limit(newClientOrderId="btc")
    binance.limit(newClientOrderId="eth", symbol="ETHUSDT", price="2900", quantity="0.1")
    binance.order(type="MARKET", quantity="0.01", newClientOrderId="done")

    def ids(path: str, **params: Any) -> list[str]:
        return [row["clientOrderId"] for row in binance.send("GET", path, **params).json()]

    assert ids("/api/v3/openOrders") == ["btc", "eth"]
    assert ids("/api/v3/openOrders", symbol="BTCUSDT") == ["btc"]
    assert ids("/api/v3/allOrders", symbol="BTCUSDT") == ["btc", "done"]
    canceled = binance.send("DELETE", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert [row["origClientOrderId"] for row in canceled] == ["btc"]
    assert ids("/api/v3/openOrders") == ["eth"]


def test_a_dry_run_places_nothing(binance: BinanceClient, control: Control) -> None:
    """It checks the filters all the same."""
    good = binance.limit("/api/v3/order/test")
    bad = binance.limit("/api/v3/order/test", quantity="0.000001")

    assert good.json() == {}
    assert refusal(bad)[1] == -1013
    assert control.orders() == []


def test_a_closed_market_takes_no_orders(binance: BinanceClient, control: Control) -> None:
    """CANCEL_ONLY lets cancels through, a halt does not."""
    binance.limit(newClientOrderId="r")
    control.set_market_status("binance-spot", "BTCUSDT", "halted")
    create = binance.limit()
    cancel = binance.send("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="r")
    control.set_market_status("binance-spot", "BTCUSDT", "cancel_only")
    later = binance.send("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="r")

    assert refusal(create)[1:] == (-1013, "Market is closed.")
    assert refusal(cancel)[1:] == (-2011, "Market is closed.")
    assert later.json()["status"] == "CANCELED"


def test_old_orders_without_a_fill_are_archived(binance: BinanceClient, control: Control) -> None:
    """After 90 days the code tells so."""
    control.hold_clock(binance.now_ms())
    order = binance.limit().json()
    binance.send("DELETE", ORDER, symbol="BTCUSDT", orderId=order["orderId"])

    control.advance_clock(91 * 86_400_000)

    assert refusal(binance.send("GET", ORDER, symbol="BTCUSDT", orderId=order["orderId"]))[1] == -2026
