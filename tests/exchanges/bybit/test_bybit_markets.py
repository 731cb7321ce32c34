"""Bybit's rules, prices, balances and time; and what it does not offer."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.markets import MarketRules
from chalicelib.domain.orders import OrderType
from chalicelib.domain.outcomes import Side
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.exchanges.bybit.dialect import BybitDialect
from chalicelib.exchanges.dialect import Answer
from tests.exchanges.bybit.wire import BODIES, LINEAR, SPOT, answer, said
from tests.exchanges.orders import an_order

MARKET = {"order_type": OrderType.MARKET, "price": None}
STOP = {"order_type": OrderType.STOP_MARKET, "price": None, "stop_price": Decimal(60000)}
BY_VALUE = {"quantity": None, "quote_amount": Decimal(100)}
BY_SHARE = {"quantity": None, "percent": Decimal(10)}
SELL = {"side": Side.SELL}


def instruments(market: str, **fields: Any) -> Answer:
    body = BODIES[f"instruments.{market}"]
    row = {**body["result"]["list"][0], **fields}
    return said(0, "OK", {**body["result"], "list": [row]})


def wallet(*coins: Any) -> Answer:
    return said(0, "OK", {"list": [{"accountType": "UNIFIED", "coin": list(coins)}]})


def test_spot_rules_leave_the_deprecated_filters_alone() -> None:
    """Steps are basePrecision and quotePrecision; there is no minimum quantity."""
    rules = SPOT.read_rules([instruments("spot")], "BTC/USDT")

    assert rules == MarketRules(
        symbol="BTC/USDT",
        tick_size=Decimal("0.1"),
        quantity_step=Decimal("0.000001"),
        max_quantity=Decimal(83),
        market_max_quantity=Decimal("41.5"),
        quote_step=Decimal("0.0000001"),
        min_notional=Decimal(5),
    )


def test_linear_rules_have_a_minimum_quantity_and_notional() -> None:
    """And a smaller maximum for market orders."""
    rules = LINEAR.read_rules([instruments("linear")], "BTC/USDT")

    assert rules == MarketRules(
        symbol="BTC/USDT",
        tick_size=Decimal("0.1"),
        quantity_step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(1190),
        market_max_quantity=Decimal(500),
        min_notional=Decimal(5),
    )


@pytest.mark.parametrize("status", ["PreLaunch", "Delivering", "Closed", None])
def test_an_instrument_that_does_not_trade_is_known_as_such(status: str | None) -> None:
    """Only `Trading` does."""
    assert not LINEAR.read_rules([instruments("linear", status=status)], "BTC/USDT").trading


def test_a_bound_of_zero_is_none() -> None:
    """Nor is one that is empty or missing."""
    lot = {"basePrecision": "0", "maxLimitOrderQty": "", "minOrderAmt": None}

    rules = SPOT.read_rules([instruments("spot", lotSizeFilter=lot, priceFilter=None)], "BTC/USDT")

    assert rules == MarketRules(symbol="BTC/USDT")


@pytest.mark.parametrize(
    "missing",
    [said(10001, "params error: symbol invalid"), said(0, "OK", {"list": []}), answer("<html>", 502), answer([])],
)
def test_a_market_that_is_not_listed_is_an_error(missing: Answer) -> None:
    """So is one that another instrument is shown for."""
    with pytest.raises(ValueError, match="not listed"):
        SPOT.read_rules([missing], "BTC/USDT")
    with pytest.raises(ValueError, match="not listed"):
        SPOT.read_rules([instruments("spot")], "ETH/USDT")


def test_rules_and_prices_are_asked_for_by_market() -> None:
    """The name alone says not which."""
    calls = [SPOT.rules("BTC/USDT")[0], LINEAR.last_price("BTC/USDT")]

    assert [(call.path, call.params["category"], call.signed) for call in calls] == [
        ("/v5/market/instruments-info", "spot", False),
        ("/v5/market/tickers", "linear", False),
    ]


def test_the_last_price_is_read() -> None:
    """Of the one ticker."""
    assert SPOT.read_last_price(said(0, "OK", {"list": [{"lastPrice": "65000.10"}]})) == Decimal("65000.1")


@pytest.mark.parametrize("ticker", [{}, {"lastPrice": ""}, {"lastPrice": "0"}, {"lastPrice": "-1"}, "x", None])
def test_a_price_that_is_none_is_an_error(ticker: Any) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="no price"):
        SPOT.read_last_price(said(0, "OK", {"list": [ticker]}))


@pytest.mark.parametrize(("dialect", "free"), [(SPOT, "90.5"), (LINEAR, "60.5")], ids=["spot", "linear"])
def test_what_is_free_is_what_is_neither_locked_nor_margin(dialect: BybitDialect, free: str) -> None:
    """Margins count where they are in use; "" is none (portfolio margin)."""
    coin = {"coin": "USDT", "walletBalance": "100.5", "locked": "10", "totalOrderIM": "30", "totalPositionIM": ""}

    assert dialect.read_balance(wallet(coin), "USDT") == Decimal(free)


def test_a_coin_that_is_not_held_is_zero_and_nothing_is_below_it() -> None:
    """By default, only assets that are not 0 are listed."""
    coin = {"coin": "USDT", "walletBalance": "5", "locked": "10"}

    assert SPOT.read_balance(wallet(), "BTC") == 0
    assert SPOT.read_balance(wallet(coin), "USDT") == 0


@pytest.mark.parametrize(
    "broken",
    [
        said(10005),
        said(0, "OK", {"list": []}),
        said(0, "OK", {"list": [{"coin": None}]}),
        wallet({"coin": "USDT", "walletBalance": ""}),
        answer("<html>", 502),
        answer(""),
    ],
)
def test_an_answer_that_is_no_balance_is_an_error(broken: Answer) -> None:
    """It is not an empty wallet."""
    with pytest.raises(ValueError, match="no balance"):
        SPOT.read_balance(broken, "USDT")


def test_the_server_s_time_is_read_in_milliseconds() -> None:
    """Of its nanoseconds, exactly."""
    call = SPOT.server_time()

    assert call is not None
    assert (call.path, call.signed, SPOT.has_clock) == ("/v5/market/time", False, True)
    assert SPOT.read_server_time(answer(BODIES["server_time"])) == 1688639403423


@given(status=st.integers(100, 599), body=st.recursive(st.none() | st.text() | st.integers(), st.lists) | st.text())
def test_garbage_is_a_value_error_everywhere(status: int, body: Any) -> None:
    """And nothing else."""
    garbage = answer(body, status)

    for read in (SPOT.read_server_time, SPOT.read_last_price):
        with pytest.raises(ValueError, match="no "):
            read(garbage)
    with pytest.raises(ValueError, match="not listed"):
        SPOT.read_rules([garbage], "BTC/USDT")


@pytest.mark.parametrize(
    ("dialect", "fields", "advice"),
    [
        (SPOT, {"reduce_only": True}, "leave it out"),
        (SPOT, {**MARKET, **SELL, "reduce_only": True}, "leave it out"),
        (LINEAR, {**MARKET, **BY_VALUE}, "use quantity, or a LIMIT order"),
        (LINEAR, {**MARKET, **BY_SHARE}, "use quantity, or a LIMIT order"),
        (LINEAR, {**SELL, **BY_SHARE}, "use quantity instead of percent"),
        (LINEAR, {"symbol": "BTC/USDC"}, "use a symbol such as BTC/USDT"),
    ],
)
def test_what_bybit_does_not_offer_is_refused_with_advice(
    dialect: BybitDialect, fields: dict[str, Any], advice: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(OrderNotAcceptedError, match=advice) as refused:
        dialect.check(an_order(**fields))

    assert refused.value.code == "NOT_OFFERED"
    assert refused.value.message.startswith("Bybit ")


@pytest.mark.parametrize("sizes", [{}, BY_VALUE, BY_SHARE])
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("kind", [MARKET, {}, {"post_only": True}, STOP, {**STOP, "order_type": OrderType.STOP_LIMIT}])
def test_spot_takes_every_other_order(kind: dict[str, Any], side: Side, sizes: dict[str, Any]) -> None:
    """By quantity, by value and by share."""
    order = an_order(**{**kind, **sizes, "side": side})

    SPOT.check(order)

    assert SPOT.takes_quote_amount(order) == (order.order_type is OrderType.MARKET)


@pytest.mark.parametrize(
    "fields",
    [{}, BY_VALUE, BY_SHARE, MARKET, {**MARKET, **SELL, "reduce_only": True}, STOP, {**STOP, **BY_VALUE}],
)
def test_linear_takes_orders_that_it_can_size(fields: dict[str, Any]) -> None:
    """A value needs a price, which a limit or a stop has; the value itself is never sent."""
    LINEAR.check(an_order(**fields))

    assert not LINEAR.takes_quote_amount(an_order(**fields))
