"""Binance USD-M: plain and algo orders, positions, and what differs from spot."""

import httpx
import pytest

from infra.simulator.control import Control
from infra.simulator.instruments import TEST_KEY
from tests.simulator.signing import BinanceClient

ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
DAY_MS = 86_400_000
STOP = {"algoType": "CONDITIONAL", "type": "STOP_MARKET", "quantity": "0.01", "side": "SELL", "triggerPrice": "55000"}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.status_code == 400
    return answer.json()["code"], answer.json()["msg"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": "0.0101"}, -1111),
        ({"price": "59000.05"}, -1111),
        ({"quantity": "0.001", "price": "59000"}, -4164),
        ({"quantity": "2000"}, -4005),
        ({"price": "80000"}, -4016),
        ({"timeInForce": "GTX", "price": "61000"}, -5022),
        ({"timeInForce": "FOK"}, -5021),
        ({"quantity": "40"}, -2019),
        ({"reduceOnly": "true", "side": "SELL", "price": "61000"}, -2022),
        ({"positionSide": "LONG"}, -4061),
        ({"newClientOrderId": "a b"}, -1100),
        ({"type": "STOP_MARKET", "stopPrice": "55000"}, -4120),
        ({"type": "STOP", "stopPrice": "55000"}, -4120),
        ({"quoteOrderQty": "100"}, -1106),
        ({"timeInForce": "GTD"}, -1102),
    ],
)
def test_a_wrong_order_is_refused_with_the_documented_code(
    binance: BinanceClient, control: Control, change: dict[str, str], code: int
) -> None:
    """One mistake each; nothing is placed."""
    assert refusal(binance.limit(ORDER, **change))[0] == code
    assert control.orders() == []


def test_the_message_of_the_minimum_names_it(binance: BinanceClient) -> None:
    """Word for word as documented."""
    message = "Order's notional must be no smaller than 100 (unless you choose reduce only)."

    assert refusal(binance.limit(ORDER, quantity="0.001")) == (-4164, message)


def test_answers_to_create_and_cancel_carry_no_average_price(binance: BinanceClient) -> None:
    """The query does."""
    created = binance.order(ORDER, type="MARKET", quantity="0.01", newOrderRespType="RESULT").json()
    resting = binance.limit(ORDER).json()
    canceled = binance.send("DELETE", ORDER, symbol="BTCUSDT", orderId=resting["orderId"]).json()
    queried = binance.send("GET", ORDER, symbol="BTCUSDT", orderId=created["orderId"]).json()

    assert (created["status"], canceled["status"]) == ("FILLED", "CANCELED")
    assert {"avgPrice", "cumQuote"}.isdisjoint(created.keys() | canceled.keys())
    assert (queried["avgPrice"], queried["cumQuote"]) == ("60000.00000", "600")


def test_the_default_answer_is_only_an_acknowledgement(binance: BinanceClient) -> None:
    """NEW, whatever happened to the order already."""
    created = binance.order(ORDER, type="MARKET", quantity="0.01").json()

    assert (created["status"], created["executedQty"]) == ("NEW", "0")


def test_a_client_id_is_blocked_while_its_order_is_open(binance: BinanceClient) -> None:
    """-4116; free afterwards."""
    binance.limit(ORDER, newClientOrderId="twice")
    second = binance.limit(ORDER, newClientOrderId="twice")
    binance.send("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="twice")
    third = binance.limit(ORDER, newClientOrderId="twice")

    assert refusal(second)[0] == -4116
    assert third.status_code == 200


def test_the_position_nets_one_way(binance: BinanceClient, control: Control) -> None:
    """Buy, reduce, turn round; profit and fees reach the wallet."""

    def market(side: str, quantity: str, **params: str) -> httpx.Response:
        return binance.order(ORDER, type="MARKET", side=side, quantity=quantity, **params)

    def amount() -> str:
        rows = binance.send("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT").json()
        return str(rows[0]["positionAmt"]) if rows else "0"

    market("BUY", "0.02")
    control.set_price("binance-usdm", "BTCUSDT", "61000")
    market("SELL", "0.01", reduceOnly="true")
    reduced = amount()
    wrong_side = market("BUY", "0.01", reduceOnly="true")
    market("SELL", "0.03")

    assert reduced == "0.010"
    assert refusal(wrong_side) == (-2022, "ReduceOnly Order is rejected.")
    assert amount() == "-0.020"
    balance = float(control.balances("binance", TEST_KEY)["futures"]["USDT"]["free"])
    assert balance == pytest.approx(100_000 + 20 - (1200 + 610 + 1830) * 0.0005)


def test_reduce_only_never_turns_the_position_round(binance: BinanceClient, control: Control) -> None:
    """What is beyond the position expires."""
    binance.order(ORDER, type="MARKET", quantity="0.01")

    order = binance.order(
        ORDER, type="MARKET", side="SELL", quantity="0.02", reduceOnly="true", newOrderRespType="RESULT"
    ).json()

    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.01")
    assert control.positions("binance", TEST_KEY) == []


def test_hedge_mode_keeps_two_positions(binance: BinanceClient, control: Control) -> None:
    """And refuses reduceOnly and BOTH."""
    control.set_hedge_mode("binance", TEST_KEY, on=True)

    binance.order(ORDER, type="MARKET", quantity="0.01", positionSide="LONG")
    binance.order(ORDER, type="MARKET", side="SELL", quantity="0.02", positionSide="SHORT")
    both = binance.order(ORDER, type="MARKET", quantity="0.01")
    reduce_only = binance.order(ORDER, type="MARKET", quantity="0.01", positionSide="SHORT", reduceOnly="true")

    amounts = {row["side"]: row["amount"] for row in control.positions("binance", TEST_KEY)}
    assert amounts == {"LONG": "0.01", "SHORT": "-0.02"}
    assert (refusal(both)[0], refusal(reduce_only)[0]) == (-4061, -1106)


def test_algo_orders_are_in_a_book_of_their_own(binance: BinanceClient) -> None:
    """No plain read or cancel sees them, and the other way round."""
    algo = binance.order(ALGO, clientAlgoId="a", **STOP).json()
    binance.limit(ORDER, newClientOrderId="p")

    plain = binance.send("GET", "/fapi/v1/openOrders").json()
    apart = binance.send("GET", "/fapi/v1/openAlgoOrders").json()
    misaddressed = binance.send("GET", ORDER, symbol="BTCUSDT", orderId=algo["algoId"])
    binance.send("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    left = binance.send("GET", "/fapi/v1/openAlgoOrders").json()
    canceled = binance.send("DELETE", ALGO, clientAlgoId="a").json()

    assert [row["clientOrderId"] for row in plain] == ["p"]
    assert [row["clientAlgoId"] for row in apart] == ["a"]
    assert refusal(misaddressed) == (-2013, "Order does not exist.")
    assert [row["algoStatus"] for row in left] == ["NEW"]
    assert canceled == {"algoId": algo["algoId"], "clientAlgoId": "a", "code": "200", "msg": "success"}
    assert binance.send("GET", ALGO, clientAlgoId="a").json()["algoStatus"] == "CANCELED"
    assert refusal(binance.send("DELETE", ALGO, clientAlgoId="a"))[0] == -2011


def test_a_triggered_algo_order_names_the_order_that_trades(binance: BinanceClient, control: Control) -> None:
    """TRIGGERED while that one lives, FINISHED afterwards."""
    stop = STOP | {"type": "STOP", "price": "54500"}
    binance.order(ALGO, clientAlgoId="a", **stop)

    control.set_price("binance-usdm", "BTCUSDT", "54000")
    triggered = binance.send("GET", ALGO, clientAlgoId="a").json()
    actual = binance.send("GET", ORDER, symbol="BTCUSDT", orderId=triggered["actualOrderId"]).json()
    control.set_price("binance-usdm", "BTCUSDT", "54600")
    finished = binance.send("GET", ALGO, clientAlgoId="a").json()

    assert (triggered["algoStatus"], actual["status"]) == ("TRIGGERED", "NEW")
    assert (finished["algoStatus"], finished["actualPrice"]) == ("FINISHED", "54500.00000")


@pytest.mark.parametrize(
    ("change", "code"),
    [({"triggerPrice": "65000"}, -2021), ({"clientAlgoId": "taken"}, -4116), ({"type": "LIMIT"}, -1116)],
)
def test_wrong_algo_orders_are_refused(binance: BinanceClient, change: dict[str, str], code: int) -> None:
    """Triggering at once, a taken id, a plain type."""
    binance.order(ALGO, clientAlgoId="taken", **STOP)

    assert refusal(binance.order(ALGO, **(STOP | change)))[0] == code


def test_a_canceled_order_without_a_fill_is_forgotten_after_three_days(
    binance: BinanceClient, control: Control
) -> None:
    """One with a fill is not."""
    control.hold_clock(binance.now_ms())
    for name in ("unfilled", "filled"):
        binance.limit(ORDER, newClientOrderId=name)
    control.fill("filled", "0.004")
    binance.send("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")

    control.advance_clock(3 * DAY_MS + 1)

    assert refusal(binance.send("GET", ORDER, symbol="BTCUSDT", origClientOrderId="unfilled"))[0] == -2013
    assert binance.send("GET", ORDER, symbol="BTCUSDT", origClientOrderId="filled").json()["status"] == "CANCELED"


def test_the_three_days_count_from_the_creation(binance: BinanceClient, control: Control) -> None:
    """An old order that is cancelled is gone at once; what has a fill stays ninety days."""
    control.hold_clock(binance.now_ms())
    for name in ("unfilled", "filled"):
        binance.limit(ORDER, newClientOrderId=name)
    binance.order(ALGO, clientAlgoId="a", **STOP)
    control.fill("filled", "0.004")
    control.advance_clock(3 * DAY_MS + 1)

    def codes() -> list[int]:
        """0: it is found."""
        plain = [
            binance.send("GET", ORDER, symbol="BTCUSDT", origClientOrderId=name) for name in ("unfilled", "filled")
        ]
        apart = binance.send("GET", ALGO, clientAlgoId="a")
        return [answer.json().get("code", 0) for answer in (*plain, apart)]

    live = codes()
    binance.send("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    binance.send("DELETE", ALGO, clientAlgoId="a")
    ended = codes()
    control.advance_clock(87 * DAY_MS)

    assert live == [0, 0, 0]
    assert ended == [-2013, 0, -2013]
    assert codes() == [-2013, -2013, -2013]


def test_a_triggered_algo_order_is_kept_as_long_as_the_order_that_trades(
    binance: BinanceClient, control: Control
) -> None:
    """Ninety days with a fill."""
    control.hold_clock(binance.now_ms())
    binance.order(ALGO, clientAlgoId="a", **STOP)
    control.set_price("binance-usdm", "BTCUSDT", "54000")
    control.advance_clock(4 * DAY_MS)

    assert binance.send("GET", ALGO, clientAlgoId="a").json()["algoStatus"] == "FINISHED"


def test_timestamps_are_checked_on_arrival_only(binance: BinanceClient, control: Control) -> None:
    """No second check is documented: what is late in the engine trades all the same."""
    now = binance.now_ms()
    control.hold_clock(now)
    control.fault("engine_delay", operation="create", delay_ms=1001)

    late = binance.limit(ORDER, timestamp=now - 5001)
    delayed = binance.limit(ORDER, timestamp=now - 4000)

    assert refusal(late)[0] == -1021
    assert delayed.status_code == 200


def test_the_open_order_query_denies_a_filled_order(binance: BinanceClient) -> None:
    """The trap that makes it useless to decide by."""
    order = binance.order(ORDER, type="MARKET", quantity="0.01").json()

    answer = binance.send("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=order["orderId"])

    assert refusal(answer) == (-2013, "Order does not exist.")


def test_the_dead_man_switch_cancels_unless_it_is_wound_again(binance: BinanceClient, control: Control) -> None:
    """Each call replaces the last."""
    control.hold_clock(binance.now_ms())
    binance.limit(ORDER)
    for _ in range(2):
        binance.send("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=1000)
        control.advance_clock(900)
    before = control.orders()[0]["state"]

    control.advance_clock(200)

    assert (before, control.orders()[0]["state"]) == ("open", "canceled")


def test_the_account_shows_margin_in_use(binance: BinanceClient) -> None:
    """A twentieth of what is open and of what is ordered."""
    binance.order(ORDER, type="MARKET", quantity="0.1")
    binance.limit(ORDER, quantity="0.1")

    account = binance.send("GET", "/fapi/v3/account").json()

    assert float(account["totalPositionInitialMargin"]) == 300
    assert float(account["totalOpenOrderInitialMargin"]) == 295
    assert float(account["availableBalance"]) == pytest.approx(100_000 - 3 - 595)
