"""Binance's rules, balances, prices, time and limits; and the orders that it does not offer."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.orders import OrderType, TimeInForce
from chalicelib.domain.outcomes import Side
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.exchanges.binance.futures import BinanceFuturesDialect
from chalicelib.exchanges.binance.spot import BinanceSpotDialect
from chalicelib.exchanges.dialect import Answer, Call, Left, LimitNews
from tests.exchanges.binance.wire import BODIES, DIALECTS, FUTURES, SPOT, answer, error
from tests.exchanges.orders import an_order

BOTH = (SPOT, FUTURES)
PING = Call("GET", "/api/v3/ping", group="weight")
PRICE = {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01000000"}
LOT = {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"}
MARKET_LOT = {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "83.5", "stepSize": "0.00000000"}
NOTIONAL = {
    "filterType": "NOTIONAL",
    "minNotional": "5.00000000",
    "applyMinToMarket": True,
    "maxNotional": "9000000.00000000",
}
AMOUNT = {"order_type": OrderType.MARKET, "quantity": None, "price": None, "quote_amount": Decimal(100)}
PERCENT = {"order_type": OrderType.MARKET, "quantity": None, "price": None, "percent": Decimal(10)}
STOP = {"order_type": OrderType.STOP_MARKET, "price": None, "stop_price": Decimal(1)}


def info(*filters: dict[str, Any], **market: Any) -> Answer:
    listed = {"symbol": "BTCUSDT", "status": "TRADING", "quoteAssetPrecision": 8, "filters": list(filters), **market}
    return answer(200, {"symbols": [{"symbol": "ETHUSDT", "status": "BREAK"}, listed]})


def test_rules_are_read_from_the_filters() -> None:
    """0 is no bound: a market order falls back to LOT_SIZE."""
    rules = SPOT.read_rules([info(PRICE, LOT, MARKET_LOT, NOTIONAL)], "BTC/USDT")

    assert (rules.tick_size, rules.quantity_step) == (Decimal("0.01"), Decimal("0.00001"))
    assert (rules.min_quantity, rules.max_quantity) == (Decimal("0.00001"), Decimal(9000))
    assert (rules.market_quantity_step, rules.market_min_quantity) == (None, None)
    assert rules.market_max_quantity == Decimal("83.5")
    assert (rules.min_notional, rules.max_notional) == (Decimal(5), Decimal(9000000))
    assert (rules.quote_step, rules.trading) == (Decimal("0.00000001"), True)


@pytest.mark.parametrize(
    ("dialect", "notional", "applies"),
    [
        (SPOT, {"filterType": "MIN_NOTIONAL", "minNotional": "10", "applyToMarket": False}, False),
        (SPOT, {"filterType": "NOTIONAL", "minNotional": "10", "applyMinToMarket": False}, False),
        (FUTURES, {"filterType": "MIN_NOTIONAL", "notional": "10"}, True),
    ],
)
def test_the_least_value_has_three_spellings(dialect: Any, notional: dict[str, Any], applies: bool) -> None:
    """USD-M's key is `notional`."""
    rules = dialect.read_rules([info(notional)], "BTC/USDT")

    assert (rules.min_notional, rules.min_notional_applies_to_market) == (Decimal(10), applies)


@pytest.mark.parametrize("changes", [{"status": "CANCEL_ONLY"}, {"status": "BREAK"}, {"isSpotTradingAllowed": False}])
def test_a_market_that_takes_no_orders_is_not_trading(changes: dict[str, Any]) -> None:
    """Only TRADING is."""
    assert not SPOT.read_rules([info(**changes)], "BTC/USDT").trading


def test_the_golden_market_has_no_bounds() -> None:
    """Its list of filters is empty."""
    rules = SPOT.read_rules([answer(200, BODIES["spot.exchange_info"])], "ETH/BTC")

    assert (rules.tick_size, rules.min_notional, rules.trading) == (None, None, True)


@pytest.mark.parametrize("given", [error(-1121), answer(200, {}), answer(200, []), answer(200, {"symbols": [1, {}]})])
def test_a_market_that_is_not_listed_has_no_rules(given: Answer) -> None:
    """An error, or another's rules."""
    for dialect in BOTH:
        with pytest.raises(ValueError, match="BTC"):
            dialect.read_rules([given], "BTC/USDT")


def test_rules_prices_and_time_are_asked_without_a_key() -> None:
    """USD-M lists all its markets at once."""
    calls = [call for d in BOTH for call in (*d.rules("BTC/USDT"), d.last_price("BTC/USDT"), d.server_time()) if call]

    assert [(call.path, dict(call.params)) for call in calls] == [
        ("/api/v3/exchangeInfo", {"symbol": "BTCUSDT"}),
        ("/api/v3/ticker/price", {"symbol": "BTCUSDT"}),
        ("/api/v3/time", {}),
        ("/fapi/v1/exchangeInfo", {}),
        ("/fapi/v1/ticker/price", {"symbol": "BTCUSDT"}),
        ("/fapi/v1/time", {}),
    ]
    assert not any(call.signed for call in calls)


@pytest.mark.parametrize(
    ("market", "body", "asset", "free"),
    [
        ("spot", "spot.account", "BTC", "4723846.89208129"),
        ("spot", "spot.account", "DOGE", "0"),
        ("usdm", "usdm.account_information_v3", "USDT", "23.72469206"),
        ("usdm", "usdm.futures_account_balance_v3", "USDT", "23.72469206"),
        ("usdm", "usdm.account_information_v3", "BNB", "0"),
    ],
)
def test_the_free_balance_is_read(market: str, body: str, asset: str, free: str) -> None:
    """Not what is locked; an asset that is not listed is zero."""
    assert DIALECTS[market].read_balance(answer(200, BODIES[body]), asset) == Decimal(free)


@pytest.mark.parametrize("body", [{}, [], {"balances": 1, "assets": 1}, "x", {"balances": [{"asset": "BTC"}]}])
def test_what_is_no_balance_is_not_taken_for_zero(body: Any) -> None:
    """Nor is an error."""
    with pytest.raises(ValueError, match="no balance"):
        SPOT.read_balance(answer(200, body), "BTC")
    for dialect in BOTH:
        with pytest.raises(ValueError, match="no balance"):
            dialect.read_balance(answer(500, BODIES["spot.account"]), "BTC")


def test_price_and_time_are_read_or_refused() -> None:
    """A zero price is none."""
    for dialect in BOTH:
        assert dialect.read_last_price(answer(200, {"symbol": "BTCUSDT", "price": "4.00000200"})) == Decimal("4.000002")
        assert dialect.read_server_time(answer(200, BODIES["usdm.check_server_time"])) == 1499827319559
        bodies: list[Any] = [{}, [], "x", {"price": "0", "serverTime": "now"}, {"price": None, "serverTime": True}]
        for body in bodies:
            with pytest.raises(ValueError, match="no price"):
                dialect.read_last_price(answer(200, body))
            with pytest.raises(ValueError, match="no time"):
                dialect.read_server_time(answer(200, body))


def test_the_spots_open_orders_are_read_in_one_page() -> None:
    """Weight 80: of all symbols."""
    (call,) = SPOT.open_orders()

    page = SPOT.read_open_orders(answer(200, BODIES["spot.open_orders"]), call)

    assert (call.path, call.weight, page.next_call) == ("/api/v3/openOrders", 80, None)
    assert [(order.client_order_id, order.symbol) for order in page.orders] == [("myOrder1", "LTC/BTC")]
    for given in (error(-1021), answer(200, {}), answer(200, [{}])):
        with pytest.raises(ValueError, match="no "):
            SPOT.read_open_orders(given, call)


def test_a_limit_that_was_reached_keeps_us_away_as_long_as_it_says() -> None:
    """Header names have no case."""
    for name in ("Retry-After", "retry-after"):
        assert SPOT.limits(answer(429, {"code": -1003}, {name: "7"}), PING).stay_away == 7.0
        assert FUTURES.limits(answer(418, "", {name: "7"}), PING).stay_away == 7.0
    assert SPOT.limits(answer(200, {}, {"Retry-After": "7"}), PING).stay_away == 0.0


def test_too_many_orders_alone_do_not_stop_cancels() -> None:
    """Only the account's order count is used up, unless a Retry-After says more."""
    news = SPOT.limits(error(-1015, status=429), PING)

    assert news == LimitNews(left=[Left("orders", 0)], refused=True)
    assert SPOT.limits(error(-1015, status=429, headers={"Retry-After": "3"}), PING).stay_away == 3.0


@pytest.mark.parametrize(
    ("dialect", "headers", "left"),
    [
        (SPOT, {"X-MBX-USED-WEIGHT-1M": "5990"}, {"weight": 10}),
        (SPOT, {"X-MBX-USED-WEIGHT-1M": "6001"}, {"weight": 0}),
        (SPOT, {"X-MBX-ORDER-COUNT-10S": "50", "X-MBX-USED-WEIGHT-1M": "1"}, {"orders": 0, "weight": 5999}),
        (SPOT, {"X-MBX-ORDER-COUNT-10S": "3", "X-MBX-USED-WEIGHT-1M": "6000"}, {"orders": 47, "weight": 0}),
        (FUTURES, {"x-mbx-order-count-1m": "1199"}, {"orders": 1}),
        (FUTURES, {"x-mbx-used-weight-1m": "2400"}, {"weight": 0}),
        (SPOT, {"X-MBX-USED-WEIGHT-1M": "many"}, {}),
        (SPOT, {}, {}),
    ],
)
def test_what_is_left_is_read_from_the_headers(dialect: Any, headers: dict[str, str], left: dict[str, int]) -> None:
    """Of both budgets, where it is told."""
    news = dialect.limits(answer(200, {}, headers), PING)

    assert {each.group: each.calls for each in news.left} == left
    assert not news.refused


def test_every_call_counts_against_a_documented_budget() -> None:
    """Creates on the account's count, the rest by weight."""
    for dialect in BOTH:
        order = an_order(**STOP)
        calls = [dialect.cancel(order), *dialect.find(order), *dialect.open_orders(), dialect.balance("USDT")]

        assert {call.group for call in calls} == {"weight"}
        assert {"weight", "orders"} == dialect.budgets.keys()


@pytest.mark.parametrize(
    ("dialect", "fields", "advice"),
    [
        (SPOT, {"reduce_only": True}, "leave it out"),
        (SPOT, {**STOP, "post_only": True}, "use LIMIT"),
        (SPOT, {"order_type": OrderType.STOP_LIMIT, "post_only": True}, "use LIMIT"),
        (SPOT, {"post_only": True, "time_in_force": TimeInForce.IOC}, "leave time_in_force out"),
        (FUTURES, AMOUNT, "use quantity, or a LIMIT order with quote_amount"),
        (FUTURES, PERCENT, "use quantity, or a LIMIT order with percent"),
        (FUTURES, {**PERCENT, "order_type": OrderType.LIMIT, "side": Side.SELL}, "use quantity"),
        (FUTURES, {"order_type": OrderType.MARKET, "post_only": True}, "use LIMIT"),
        (FUTURES, {"post_only": True, "time_in_force": TimeInForce.FOK}, "leave time_in_force out"),
    ],
)
def test_what_a_market_does_not_offer_is_refused_with_advice(
    dialect: BinanceSpotDialect | BinanceFuturesDialect, fields: dict[str, Any], advice: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(OrderNotAcceptedError, match=advice):
        dialect.check(an_order(**fields))


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        *((dialect, fields) for dialect in BOTH for fields in ({}, STOP, {"post_only": True})),
        (SPOT, AMOUNT),
        (SPOT, {**AMOUNT, "side": Side.SELL}),
        (SPOT, {**PERCENT, "side": Side.SELL}),
        (FUTURES, {"quantity": None, "quote_amount": Decimal(100)}),
        (FUTURES, {**STOP, "quantity": None, "quote_amount": Decimal(100)}),
        (FUTURES, {"quantity": None, "percent": Decimal(10)}),
        (FUTURES, {"reduce_only": True, "order_type": OrderType.MARKET, "price": None, "side": Side.SELL}),
    ],
)
def test_what_a_market_offers_passes(
    dialect: BinanceSpotDialect | BinanceFuturesDialect, fields: dict[str, Any]
) -> None:
    """No false refusals; only a spot MARKET order is sized by quote amount at the exchange."""
    order = an_order(**fields)

    dialect.check(order)

    assert dialect.takes_quote_amount(order) == (dialect is SPOT and order.order_type is OrderType.MARKET)
