"""The simulator's answers have the fields of the golden samples, with values of the same type."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.simulator.control import Control
from tests.simulator.signing import BinanceClient, BybitClient, UpbitClient

GOLDEN = Path(__file__).parents[1] / "exchanges" / "golden"

# Given only for some kinds of orders, or left out on purpose.
OPTIONAL = {"activatePrice", "priceRate", "cumBase", "expiryReason", "pair", "baseQty", "sors", "MNT"}


def golden(exchange: str, name: str) -> Any:
    entries = json.loads((GOLDEN / f"{exchange}-responses.json").read_text("utf-8"))["entries"]
    return next(entry["body"] for entry in entries if entry["id"] == name)


def differences(sample: Any, answer: Any, path: str = "") -> list[str]:
    """Where fields are missing, or of another type."""
    if isinstance(sample, dict) and isinstance(answer, dict):
        missing = [f"{path}.{name}" for name in sample.keys() - answer.keys() - OPTIONAL]
        shared = sample.keys() & answer.keys()
        return missing + [text for name in shared for text in differences(sample[name], answer[name], f"{path}.{name}")]
    if isinstance(sample, list) and isinstance(answer, list):
        return differences(sample[0], answer[0], f"{path}[0]") if sample and answer else []
    same = type(sample) is type(answer) or None in (sample, answer)
    return [] if same else [f"{path}: {sample!r} against {answer!r}"]


def spot_sample(binance: BinanceClient, name: str) -> Any:
    order = binance.limit(newOrderRespType="RESULT").json()
    target = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    binance.order(type="MARKET", quantity="0.01")
    return {
        "spot.new_order.FULL": lambda: binance.order(type="MARKET", quantity="0.01").json(),
        "spot.cancel_order": lambda: binance.send("DELETE", "/api/v3/order", **target).json(),
        "spot.open_orders": lambda: binance.send("GET", "/api/v3/openOrders").json(),
        "spot.all_orders": lambda: binance.send("GET", "/api/v3/allOrders", symbol="BTCUSDT").json(),
        "spot.query_order.FILLED": lambda: binance.send("GET", "/api/v3/order", **target).json(),
        "spot.account": lambda: binance.send("GET", "/api/v3/account").json(),
        "spot.exchange_info": lambda: binance.http.get("/api/v3/exchangeInfo").json(),
    }[name]()


@pytest.mark.parametrize(
    "name",
    [
        "spot.new_order.FULL",
        "spot.cancel_order",
        "spot.open_orders",
        "spot.all_orders",
        "spot.query_order.FILLED",
        "spot.account",
        "spot.exchange_info",
    ],
)
def test_binance_spot(binance: BinanceClient, name: str) -> None:
    """Field by field."""
    assert differences(golden("binance", name), spot_sample(binance, name)) == []


def usdm_sample(binance: BinanceClient, name: str) -> Any:
    binance.order("/fapi/v1/order", type="MARKET", quantity="0.01")
    order = binance.limit("/fapi/v1/order").json()
    target = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    algo = {"algoType": "CONDITIONAL", "type": "STOP_MARKET", "side": "SELL", "quantity": "0.01"}
    placed = binance.order("/fapi/v1/algoOrder", triggerPrice="55000", **algo).json()
    addressed = {"algoId": placed["algoId"]}
    return {
        "usdm.new_order": lambda: order,
        "usdm.new_algo_order": lambda: placed,
        "usdm.query_order.FILLED": lambda: binance.send("GET", "/fapi/v1/order", **target).json(),
        "usdm.current_all_open_orders": lambda: binance.send("GET", "/fapi/v1/openOrders").json(),
        "usdm.query_current_open_order": lambda: binance.send("GET", "/fapi/v1/openOrder", **target).json(),
        "usdm.all_orders": lambda: binance.send("GET", "/fapi/v1/allOrders", symbol="BTCUSDT").json(),
        "usdm.account_trade_list": lambda: binance.send("GET", "/fapi/v1/userTrades", symbol="BTCUSDT").json(),
        "usdm.query_algo_order": lambda: binance.send("GET", "/fapi/v1/algoOrder", **addressed).json(),
        "usdm.current_all_algo_open_orders": lambda: binance.send("GET", "/fapi/v1/openAlgoOrders").json(),
        "usdm.cancel_algo_order": lambda: binance.send("DELETE", "/fapi/v1/algoOrder", **addressed).json(),
        "usdm.cancel_all_open_orders": lambda: binance.send(
            "DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT"
        ).json(),
        "usdm.account_information_v3": lambda: binance.send("GET", "/fapi/v3/account").json(),
        "usdm.futures_account_balance_v3": lambda: binance.send("GET", "/fapi/v3/balance").json(),
        "usdm.check_server_time": lambda: binance.http.get("/fapi/v1/time").json(),
    }[name]()


@pytest.mark.parametrize(
    "name",
    [
        "usdm.new_order",
        "usdm.new_algo_order",
        "usdm.query_order.FILLED",
        "usdm.current_all_open_orders",
        "usdm.query_current_open_order",
        "usdm.all_orders",
        "usdm.account_trade_list",
        "usdm.query_algo_order",
        "usdm.current_all_algo_open_orders",
        "usdm.cancel_algo_order",
        "usdm.cancel_all_open_orders",
        "usdm.account_information_v3",
        "usdm.futures_account_balance_v3",
        "usdm.check_server_time",
    ],
)
def test_binance_usdm(binance: BinanceClient, name: str) -> None:
    """Field by field."""
    assert differences(golden("binance", name), usdm_sample(binance, name)) == []


@pytest.mark.parametrize(
    ("name", "path", "params"),
    [
        ("instruments.spot", "/v5/market/instruments-info", {"category": "spot", "symbol": "BTCUSDT"}),
        ("instruments.linear", "/v5/market/instruments-info", {"category": "linear", "symbol": "BTCUSDT"}),
        ("server_time", "/v5/market/time", {}),
        ("realtime.New", "/v5/order/realtime", {"category": "linear", "symbol": "BTCUSDT"}),
        ("history.Cancelled_postonly", "/v5/order/history", {"category": "linear", "symbol": "BTCUSDT"}),
    ],
)
def test_bybit(bybit: BybitClient, control: Control, name: str, path: str, params: dict[str, str]) -> None:
    """Field by field, envelope included."""
    control.hold_clock(bybit.now_ms())
    bybit.create("linear")
    bybit.create("linear", price="61000", timeInForce="PostOnly")
    control.advance_clock(50)

    answer = bybit.get(path, **params).json()

    left_out = {".result.list[0].rpiTakerAccess", ".result.list[0].rpiMatchedQty"}
    assert set(differences(golden("bybit", name), answer)) <= left_out


@pytest.mark.parametrize(
    ("name", "path", "params"),
    [
        ("get_order.done_market_sell", "/v1/order", {"identifier": "sell"}),
        ("get_order.market_buy_ends_in_cancel", "/v1/order", {"identifier": "buy"}),
        ("get_order.cancel_partial", "/v1/order", {"identifier": "limit"}),
        ("accounts", "/v1/accounts", {}),
        ("orders_chance", "/v1/orders/chance", {"market": "KRW-BTC"}),
    ],
)
def test_upbit(upbit: UpbitClient, name: str, path: str, params: dict[str, str]) -> None:
    """Field by field."""
    upbit.post(market="KRW-BTC", side="ask", ord_type="market", volume="0.01", identifier="sell")
    upbit.post(market="KRW-BTC", side="bid", ord_type="price", price="10000", identifier="buy")
    upbit.limit(identifier="limit")

    assert differences(golden("upbit", name), upbit.send("GET", path, **params).json()) == []
