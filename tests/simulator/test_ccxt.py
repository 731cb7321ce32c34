"""ccxt, which nobody here wrote, trades against the simulator on all three exchanges, spot and futures.

Only its URLs are changed. What it asks at its start (markets, currencies, account kind) is answered too.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import ccxt
import pytest

from infra.simulator import Simulator
from infra.simulator.control import Control
from infra.simulator.instruments import TEST_KEY, TEST_SECRET

# ccxt looks orders up among the last 500 of Bybit only after being told that this is understood.
ACKNOWLEDGED = {"acknowledged": True}


def binance_urls(url: str) -> dict[str, str]:
    return {
        "public": f"{url}/api/v3",
        "private": f"{url}/api/v3",
        "sapi": f"{url}/sapi/v1",
        "dapiPublic": f"{url}/dapi/v1",
        "fapiPublic": f"{url}/fapi/v1",
        "fapiPrivate": f"{url}/fapi/v1",
        "fapiPrivateV2": f"{url}/fapi/v2",
        "fapiPrivateV3": f"{url}/fapi/v3",
    }


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Callable[..., Any]]:
    """Makes a ccxt client by name; they are closed after the test."""
    made = []

    def make(name: str, **options: Any) -> Any:
        exchange = getattr(ccxt, name)({"apiKey": TEST_KEY, "secret": TEST_SECRET, "enableRateLimit": False})
        exchange.options |= options
        urls = dict.fromkeys(exchange.urls["api"], simulator.url)
        exchange.urls["api"] = urls | (binance_urls(simulator.url) if name == "binance" else {})
        exchange.session.trust_env = False
        made.append(exchange)
        return exchange

    yield make
    for exchange in made:
        exchange.session.close()


def until(read: Callable[[], Any], fits: Callable[[Any], bool]) -> Any:
    """The first answer that fits, asked for until it comes: Bybit and Upbit act after they have answered."""
    deadline = time.monotonic() + 5
    while True:
        try:
            found = read()
            if fits(found):
                return found
        except ccxt.OrderNotFound:
            found = None
        assert time.monotonic() < deadline, found
        time.sleep(0.01)


@pytest.mark.parametrize(("kind", "symbol"), [("spot", "BTC/USDT"), ("swap", "BTC/USDT:USDT")])
def test_binance_places_looks_up_lists_and_cancels(
    client: Callable[..., Any], control: Control, kind: str, symbol: str
) -> None:
    """Spot and USD-M alike."""
    exchange = client("binance", defaultType=kind, fetchMarkets={"types": ["spot", "linear"]})

    order = exchange.create_order(symbol, "limit", "buy", 0.01, 59000, {"clientOrderId": "mine-1"})
    looked_up = exchange.fetch_order(order["id"], symbol)
    by_client_id = exchange.fetch_order(None, symbol, {"origClientOrderId": "mine-1"})
    listed = exchange.fetch_open_orders(symbol)
    canceled = exchange.cancel_order(order["id"], symbol)
    afterwards = exchange.fetch_order(order["id"], symbol)

    assert looked_up["status"] == "open"
    assert looked_up["clientOrderId"] == "mine-1"
    assert (looked_up["price"], looked_up["amount"]) == (59000, 0.01)
    assert by_client_id["id"] == order["id"]
    assert [found["id"] for found in listed] == [order["id"]]
    assert (canceled["status"], afterwards["status"]) == ("canceled", "canceled")
    assert [row["state"] for row in control.orders()] == ["canceled"]


@pytest.mark.parametrize(("kind", "symbol"), [("spot", "BTC/USDT"), ("swap", "BTC/USDT:USDT")])
def test_binance_market_orders_fill(client: Callable[..., Any], kind: str, symbol: str) -> None:
    """With trades and a balance that agrees."""
    exchange = client("binance", defaultType=kind, fetchMarkets={"types": ["spot", "linear"]})

    order = exchange.create_order(symbol, "market", "buy", 0.01)
    filled = exchange.fetch_order(order["id"], symbol)
    (trade,) = exchange.fetch_my_trades(symbol)
    balance = exchange.fetch_balance()

    assert (filled["status"], filled["filled"], filled["average"]) == ("closed", 0.01, 60000)
    assert (trade["order"], trade["cost"]) == (order["id"], 600)
    assert balance["USDT"]["total"] == pytest.approx(99400 if kind == "spot" else 99999.7)


def test_binance_usdm_conditional_orders_live_apart(client: Callable[..., Any], control: Control) -> None:
    """The algo book: seen only when asked for, and the triggered order is another one."""
    exchange = client("binance", defaultType="swap", fetchMarkets={"types": ["linear"]})
    symbol = "BTC/USDT:USDT"
    exchange.create_order(symbol, "market", "buy", 0.01)

    stop = exchange.create_order(symbol, "market", "sell", 0.01, None, {"stopLossPrice": 55000, "clientOrderId": "s"})
    plain = exchange.fetch_open_orders(symbol)
    apart = exchange.fetch_open_orders(symbol, None, None, {"trigger": True})
    control.set_price("binance-usdm", "BTCUSDT", "54000")
    triggered = exchange.fetch_order(None, symbol, {"trigger": True, "clientAlgoId": "s"})
    actual = exchange.fetch_order(triggered["info"]["actualOrderId"], symbol)

    assert plain == []
    assert [found["id"] for found in apart] == [stop["id"]]
    assert (actual["status"], actual["average"]) == ("closed", 54000)
    assert control.positions("binance", TEST_KEY) == []


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT"])
def test_bybit_places_looks_up_lists_and_cancels(client: Callable[..., Any], control: Control, symbol: str) -> None:
    """Spot and linear alike, by polling: both acknowledgements come before the deed."""
    exchange = client("bybit", fetchMarkets={"types": ["spot", "linear"]})

    order = exchange.create_order(symbol, "limit", "buy", 0.01, 59000, {"clientOrderId": "mine-1"})
    looked_up = until(lambda: exchange.fetch_order(order["id"], symbol, ACKNOWLEDGED), bool)
    listed = exchange.fetch_open_orders(symbol)
    exchange.cancel_order(order["id"], symbol)
    afterwards = until(
        lambda: exchange.fetch_order(order["id"], symbol, ACKNOWLEDGED), lambda found: found["status"] != "open"
    )

    assert (looked_up["status"], looked_up["clientOrderId"], looked_up["price"]) == ("open", "mine-1", 59000)
    assert [found["id"] for found in listed] == [order["id"]]
    assert afterwards["status"] == "canceled"
    assert [row["state"] for row in control.orders()] == ["canceled"]


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT"])
def test_bybit_market_orders_fill(client: Callable[..., Any], symbol: str) -> None:
    """With executions, and a position where there is one."""
    exchange = client("bybit", fetchMarkets={"types": ["spot", "linear"]})

    order = exchange.create_order(symbol, "market", "buy", 0.01)
    filled = until(
        lambda: exchange.fetch_order(order["id"], symbol, ACKNOWLEDGED), lambda found: found["status"] == "closed"
    )
    (trade,) = exchange.fetch_my_trades(symbol)
    closed = exchange.fetch_closed_orders(symbol)

    assert (filled["filled"], filled["average"]) == (0.01, 60000)
    assert (trade["order"], trade["cost"]) == (order["id"], 600)
    assert [found["id"] for found in closed] == [order["id"]]
    if ":" in symbol:
        (position,) = exchange.fetch_positions([symbol])
        assert (position["side"], position["contracts"]) == ("long", 0.01)


def test_bybit_spot_conditional_orders_need_their_filter(client: Callable[..., Any], control: Control) -> None:
    """ccxt names it with `trigger`; without it the order is not found."""
    exchange = client("bybit", fetchMarkets={"types": ["spot", "linear"]})
    stop = exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 66000, {"triggerPrice": 65000})
    until(lambda: exchange.fetch_open_orders("BTC/USDT", None, None, {"trigger": True}), bool)

    with pytest.raises(ccxt.ExchangeError, match="170213"):
        exchange.cancel_order(stop["id"], "BTC/USDT")
    exchange.cancel_order(stop["id"], "BTC/USDT", {"trigger": True})

    until(lambda: control.orders(live=True), lambda rows: rows == [])


@pytest.mark.parametrize(("symbol", "price"), [("BTC/KRW", 80_000_000), ("BTC/USDT", 59_000)])
def test_upbit_places_looks_up_lists_and_cancels(
    client: Callable[..., Any], control: Control, symbol: str, price: int
) -> None:
    """The cancel is answered with the order still open."""
    exchange = client("upbit")

    order = exchange.create_order(symbol, "limit", "buy", 0.01, price, {"clientOrderId": "mine-1"})
    looked_up = exchange.fetch_order(order["id"], symbol)
    listed = exchange.fetch_open_orders(symbol)
    answered = exchange.cancel_order(order["id"], symbol)
    afterwards = until(lambda: exchange.fetch_order(order["id"], symbol), lambda found: found["status"] != "open")

    assert (looked_up["status"], looked_up["clientOrderId"], looked_up["price"]) == ("open", "mine-1", price)
    assert [found["id"] for found in listed] == [order["id"]]
    assert (answered["status"], afterwards["status"]) == ("open", "canceled")
    assert [row["state"] for row in control.orders()] == ["canceled"]


def test_upbit_market_orders_fill(client: Callable[..., Any]) -> None:
    """A buy by cost ends in `cancel` with its remainder refunded, a sell in `done`."""
    exchange = client("upbit")

    bought = exchange.create_order("BTC/KRW", "market", "buy", 0, None, {"cost": 10_000})
    sold = exchange.create_order("BTC/KRW", "market", "sell", 0.01)
    buy = exchange.fetch_order(bought["id"], "BTC/KRW")
    sell = exchange.fetch_order(sold["id"], "BTC/KRW")

    assert (buy["info"]["state"], buy["filled"], buy["average"]) == ("cancel", 0.00011904, 84_000_000)
    assert (sell["info"]["state"], sell["filled"], sell["cost"]) == ("done", 0.01, 840_000)
    assert exchange.fetch_balance()["BTC"]["total"] == pytest.approx(9.99011904)


def test_refusals_reach_ccxt_as_what_they_are(client: Callable[..., Any]) -> None:
    """Codes and names are those that ccxt's own tables know."""
    binance, bybit, upbit = client("binance", fetchMarkets={"types": ["spot"]}), client("bybit"), client("upbit")
    bybit.options["fetchMarkets"] = {"types": ["spot"]}

    with pytest.raises(ccxt.InsufficientFunds):
        binance.create_order("BTC/USDT", "limit", "buy", 10, 59000)
    with pytest.raises(ccxt.OrderNotFound):
        binance.fetch_order("4711", "BTC/USDT")
    with pytest.raises(ccxt.InsufficientFunds):
        bybit.create_order("BTC/USDT", "limit", "buy", 10, 59000)
    with pytest.raises(ccxt.InsufficientFunds):
        upbit.create_order("BTC/KRW", "limit", "buy", 10, 80_000_000)
    with pytest.raises(ccxt.OrderNotFound):
        upbit.fetch_order("cdd92199-2897-4e14-9448-f923320408ad", "BTC/KRW")
